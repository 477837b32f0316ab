"""Routes that one caller may not call without end. What gateways call is none of them."""

from __future__ import annotations

import ipaddress
import re
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar, cast

import structlog

from coinslot.errors import Unauthorized
from coinslot.routes.requests import optional_token

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from sanic import Request

    from coinslot.rate_limiter import RateLimiter
    from coinslot.settings.limits import Group

log = structlog.get_logger(__name__)
P = ParamSpec("P")
T = TypeVar("T")

# An IPv4 address with a port, or an IPv6 address in brackets with or without one.
_WITH_PORT = re.compile(r"(\d+(?:\.\d+){3}):\d+|\[([0-9A-Fa-f:.]+)\](?::\d+)?")


def limited(
    group: Group, *, signed_in: bool
) -> Callable[
    [Callable[Concatenate[Request, P], Coroutine[Any, Any, T]]],
    Callable[Concatenate[Request, P], Coroutine[Any, Any, T]],
]:
    """Limits a handler's calls for each caller.

    Set `signed_in` only if the handler cannot succeed with a token that Postgres refused.
    """

    def decorate(
        handler: Callable[Concatenate[Request, P], Coroutine[Any, Any, T]],
    ) -> Callable[Concatenate[Request, P], Coroutine[Any, Any, T]]:
        @wraps(handler)
        async def counted(request: Request, /, *args: P.args, **kwargs: P.kwargs) -> T:
            limiter = cast("RateLimiter", request.app.ctx.rate_limiter)
            token = optional_token(request)
            await limiter.admit(group, address(request), token)
            try:
                answer = await handler(request, *args, **kwargs)
            except Unauthorized:
                if token is not None:
                    limiter.refused(token)
                raise
            if signed_in and token is not None:
                limiter.accepted(token)
            return answer

        counted.limited = group  # type: ignore[attr-defined]
        return counted

    return decorate


def address(request: Request) -> str:
    """Whom to count the call for: what a trusted proxy says, else the peer. Of IPv6 the first 64
    bits, since whoever has one address has them all."""
    _tell_of_proxy(request)
    for text in (request.remote_addr, request.ip):
        if (found := _counted_as(text)) is not None:
            return found
    return "local"


def _tell_of_proxy(request: Request) -> None:
    """Once: whoever runs this behind a proxy and does not say so has all buyers share its limit."""
    context = request.app.ctx
    if "x-forwarded-for" not in request.headers or hasattr(context, "told_of_proxy"):
        return
    context.told_of_proxy = True
    if not context.settings.believes_a_proxy:
        log.warning("forwarded_address_not_believed", counted_as=request.ip, see="COINSLOT_PROXIES")


def _counted_as(text: str) -> str | None:
    bare = _WITH_PORT.fullmatch(text)
    try:
        found = ipaddress.ip_address((bare[1] or bare[2]) if bare else text)
    except ValueError:
        return None
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(ipaddress.IPv6Network((int(found), 64), strict=False))
    return str(found)
