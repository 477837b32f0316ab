"""The Redis that several servers count in: does it answer, and let this one in?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from coinslot.diagnosis.findings import Finding, fault, sound, unknown
from coinslot.settings.limit_storage import open_pool

if TYPE_CHECKING:
    from pydantic import SecretStr


async def answers(storage: SecretStr) -> list[Finding]:
    """Reads a key that nobody has. Nothing of the address is repeated, which holds a password."""
    # Only who shares limits has the package.
    from redis.asyncio import Redis  # noqa: PLC0415
    from redis.exceptions import AuthenticationError, RedisError, ResponseError  # noqa: PLC0415

    client = Redis(connection_pool=open_pool(storage.get_secret_value()))
    try:
        await client.get("coinslot:doctor")
    except (AuthenticationError, ResponseError):
        return [
            fault(
                "limits",
                "limit_storage_refused",
                "the Redis of COINSLOT_LIMIT_STORAGE refuses this server: nobody is limited",
                "Correct the user and the password in COINSLOT_LIMIT_STORAGE, and what they may do",
            )
        ]
    except (RedisError, OSError, TimeoutError):
        return [
            unknown(
                "limits",
                "limit_storage_away",
                "the Redis of COINSLOT_LIMIT_STORAGE does not answer: nobody is limited",
                "Start it, correct COINSLOT_LIMIT_STORAGE, or let this machine through to it",
            )
        ]
    finally:
        await client.aclose()
        await client.connection_pool.aclose()
    return [sound("limits", "COINSLOT_LIMIT_STORAGE answers")]
