"""The server of Auth and Edge Functions, behind the API gateway, and of its questions about keys.

`python -m devstack.auth_server` serves it, configured by the environment.
"""

from __future__ import annotations

import os
import re
from types import SimpleNamespace

import aiohttp
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool
from sanic import HTTPResponse, Request, Sanic
from sanic.config import Config
from sanic.response import empty, json

from devstack import auth, functions
from devstack.keys import ApiKeys

App = Sanic[Config, SimpleNamespace]

_NO_KEY = {
    "message": "No API key found in request",
    "hint": "No `apikey` request header or url param was found.",
}
_BAD_KEY = {
    "message": "Invalid API key",
    "hint": "Double check your Supabase `anon` or `service_role` API key.",
}


def create_app(postgrest_url: str, auth_database_url: str, keys: ApiKeys) -> App:
    app = Sanic("coinslot-auth", configure_logging=False)
    app.config.AUTO_EXTEND = False
    app.config.REQUEST_MAX_HEADER_SIZE = 16_384  # a JWT may hold a long name
    app.ctx.keys = keys
    app.ctx.postgrest_url = postgrest_url

    @app.before_server_start
    async def open_clients(app: App) -> None:
        app.ctx.postgrest = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(sock_read=65, sock_connect=2),  # hosted ones end at 60 s
        )
        app.ctx.pool = AsyncConnectionPool(
            auth_database_url, min_size=1, max_size=8, open=False, kwargs={"row_factory": dict_row}
        )
        await app.ctx.pool.open()

    @app.after_server_stop
    async def close_clients(app: App) -> None:
        await app.ctx.postgrest.close()
        await app.ctx.pool.close()

    app.on_request(_require_key)
    app.add_route(_tell_authorization, "/_authorization", name="authorization")
    app.add_route(_health, "/_health", name="health")
    app.blueprint(auth.blueprint)
    app.blueprint(functions.blueprint)
    return app


async def _require_key(request: Request) -> HTTPResponse | None:
    if request.path in {"/_health", "/auth/v1/.well-known/jwks.json"}:
        return None
    # The key as the query spells it: the gateway takes it out again, and finds it by its spelling.
    in_query = re.findall("(?:^|&)apikey=([^&]*)", request.query_string)
    apikey = request.headers.get("apikey") or "".join(in_query[:1])
    if not apikey:
        return json(_NO_KEY, status=401)
    sent = request.headers.get("authorization", "")
    request.ctx.authorization = request.app.ctx.keys.authorization(apikey, sent)
    if request.ctx.authorization is None or len(in_query) > 1:
        return json(_BAD_KEY, status=401)
    return None


async def _tell_authorization(request: Request) -> HTTPResponse:
    """Answer the gateway: the Authorization with which PostgREST gets this request."""
    return empty(headers={"authorization": request.ctx.authorization})


async def _health(request: Request) -> HTTPResponse:
    async with request.app.ctx.pool.connection(timeout=2) as connection:
        await connection.execute("select")
    return json({"status": "ok"})


def main() -> None:
    app = create_app(
        os.environ["POSTGREST_URL"],
        os.environ["AUTH_DATABASE_URL"],
        ApiKeys(os.environ["SUPABASE_JWT_SECRET"], bool(os.environ["SUPABASE_SIGNING_KEYS"])),
    )
    app.run(
        host="127.0.0.1",
        port=int(os.environ["COINSLOT_AUTH_PORT"]),
        single_process=True,
        access_log=False,
        motd=False,
    )


if __name__ == "__main__":
    main()
