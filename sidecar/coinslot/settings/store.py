"""Settings of the store page."""

from __future__ import annotations

from pydantic_settings import BaseSettings

from coinslot.assets import WEB
from coinslot.settings.fields import Address


class StoreSettings(BaseSettings):
    # On in test mode, off in live mode, unless set.
    coinslot_store_page: bool | None = None
    # The operators' console: likewise.
    coinslot_console_page: bool | None = None
    # Of the local stack: where its simulated bank is. The store page then shows the demo app.
    coinslot_demo_bank_url: Address | None = None

    def serves_store(self, *, live: bool) -> bool:
        asked = self.coinslot_store_page
        return (not live if asked is None else asked) and WEB.is_dir()

    def serves_console(self, *, live: bool) -> bool:
        asked = self.coinslot_console_page
        return (not live if asked is None else asked) and WEB.is_dir()

    def store_problems(self, *, live: bool) -> list[str]:
        problems = []
        if self.coinslot_store_page and not WEB.is_dir():
            problems.append("COINSLOT_STORE_PAGE: the pages are not built: run `make web`")
        if self.coinslot_console_page and not WEB.is_dir():
            problems.append("COINSLOT_CONSOLE_PAGE: the pages are not built: run `make web`")
        if live and self.coinslot_demo_bank_url is not None:
            problems.append("COINSLOT_DEMO_BANK_URL is for the local stack: unset it in live mode")
        return problems
