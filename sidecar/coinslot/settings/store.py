"""Settings of what the sidecar serves to browsers: the store page, and the gateways' scripts."""

from __future__ import annotations

from pathlib import Path

from pydantic_settings import BaseSettings

from coinslot.assets import SUPABASE_JS


class StoreSettings(BaseSettings):
    # On in test mode, off in live mode, unless set.
    coinslot_store_page: bool | None = None
    # The page serves it itself: no script comes from anybody but the gateways.
    coinslot_supabase_js: Path = SUPABASE_JS
    # Whether the store offers them: that depends on the contract with the gateway.
    coinslot_virtual_accounts: bool = False
    # Of the local stack: where its simulated bank is. The store page then shows the demo app.
    coinslot_demo_bank_url: str | None = None

    iamport_sdk_url: str = "https://cdn.iamport.kr/v1/iamport.js"
    portone_sdk_url: str = "https://cdn.portone.io/v2/browser-sdk.js"
    toss_sdk_url: str = "https://js.tosspayments.com/v2/standard"
    stripe_sdk_url: str = "https://js.stripe.com/v3"

    def serves_store(self, *, live: bool) -> bool:
        asked = self.coinslot_store_page
        return (not live if asked is None else asked) and self.coinslot_supabase_js.is_file()

    def store_problems(self, *, live: bool) -> list[str]:
        problems = []
        if self.coinslot_store_page and not self.coinslot_supabase_js.is_file():
            problems.append("COINSLOT_SUPABASE_JS is no file: the store page is served with it")
        if live and self.coinslot_demo_bank_url is not None:
            problems.append("COINSLOT_DEMO_BANK_URL is for the local stack: unset it in live mode")
        return problems
