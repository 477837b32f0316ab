"""Serves the example's `answer` over HTTP, as any framework would; says on which port."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING, Any

import httpx
from sanic import Request, Sanic
from sanic.response import json
from supabase import AuthError, acreate_client

from tests.examples.ai_route import route
from tests.support.servers import running

if TYPE_CHECKING:
    from sanic import HTTPResponse
    from supabase import AsyncClient


async def generate(question: str) -> str:
    async with httpx.AsyncClient(timeout=None, trust_env=False) as http:  # noqa: S113 - route's own
        answer = await http.post(os.environ["MODEL_URL"], content=question)
    return answer.raise_for_status().text


async def user_id(service: AsyncClient, request: Request) -> str | None:
    try:
        found = await service.auth.get_user(request.token)
    except AuthError:
        return None
    return found.user.id if found else None


async def serve() -> None:
    service = await acreate_client(
        os.environ["SUPABASE_URL"], os.environ["SUPABASE_SERVICE_ROLE_KEY"]
    )
    route.SECONDS = int(os.environ["ANSWER_SECONDS"])
    app: Sanic[Any, Any] = Sanic("coinslot-ai-route", configure_logging=False)
    app.config.AUTO_EXTEND = False

    @app.post("/")
    async def post(request: Request) -> HTTPResponse:
        user = await user_id(service, request)
        if user is None:
            return json({"error": "Unauthorized"}, 401)
        try:
            status, body = await route.answer(service, user, request.json["question"], generate)
        except Exception as error:  # noqa: BLE001 - what a framework does with any
            return json({"error": repr(error)}, 502)
        return json(body, status)

    async with running(app) as url:
        sys.stdout.write(f"{httpx.URL(url).port}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve())
