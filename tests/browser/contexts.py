"""The end of a browser's context."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.async_api import BrowserContext


async def end(context: BrowserContext) -> None:
    """Closes it. What a route is still doing then fails in no later test."""
    await context.unroute_all(behavior="ignoreErrors")
    for page in context.pages:
        await page.unroute_all(behavior="ignoreErrors")
    await context.close()
