"""An answer for two tokens, taken only once there is one. Call it from any framework."""

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from supabase import AsyncClient, PostgrestAPIError

SECONDS = 60  # for the model; a hold lives twice as long, then its tokens come back


async def answer(
    service: AsyncClient, user_id: str, question: str, generate: Callable[[str], Awaitable[str]]
) -> tuple[int, Any]:
    """Status and body, or what `generate` raises. `user_id` comes from the JWT you have checked."""
    # The key is all that decides the answer: a retry and a second tab find this hold, no new one.
    key = f"answer:{hashlib.sha256(question.encode()).hexdigest()}"
    terms = {"user_id": user_id, "feature": "answer", "ttl_seconds": 2 * SECONDS}
    try:
        call = service.rpc("hold_feature_for", {**terms, "idempotency_key": key})
        hold: Any = (await call.execute()).data
    except PostgrestAPIError as error:
        if error.code != "PT402":
            raise
        return 402, {"error": "Insufficient tokens", **json.loads(error.details or "{}")}
    by_hold = {"hold_id": hold["id"]}
    if hold["status"] == "captured":  # paid for earlier: the same answer again, for nothing
        kept = service.table("answers").select("answer").match(by_hold).single()
        return 200, (await kept.execute()).data
    if hold["replayed"]:  # elsewhere, or by a process that died
        return 409, {"error": "In progress"}
    try:
        async with asyncio.timeout(SECONDS):
            text = await generate(question)
        # Kept before it is paid for, so that whatever was paid for can be given again.
        await service.table("answers").insert({**by_hold, "answer": text}).execute()
        await service.rpc("capture_token_hold", by_hold).execute()
    except BaseException:  # a cancelled request, too
        with suppress(PostgrestAPIError):  # refused: it was captured, and only the reply was lost
            await service.rpc("release_token_hold", by_hold).execute()
        raise
    return 200, {"answer": text}
