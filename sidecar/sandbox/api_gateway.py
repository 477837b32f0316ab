"""What stands before PostgREST, Auth and Edge Functions on Supabase, behind API keys: `/rest/v1`,
`/auth/v1`, `/functions/v1`.

`python -m sidecar.sandbox.api_gateway` serves it, configured by the environment.
"""

from __future__ import annotations

import os
from types import SimpleNamespace

import aiohttp
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool
from sanic import HTTPResponse, Request, Sanic
from sanic.config import Config
from sanic.response import json, text
from yarl import URL

from sidecar.sandbox import auth, functions
from sidecar.sandbox.keys import ApiKeys

App = Sanic[Config, SimpleNamespace]

_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
_EXPOSED = (
    "Content-Encoding, Content-Location, Content-Range, Content-Type, Date, Location, Server, "
    "Transfer-Encoding, Range-Unit, X-Supabase-Api-Version"
)
# Headers about one connection, not about the message; and those that the gateway answers itself.
_HOP_BY_HOP = {
    *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer"),
    *("transfer-encoding", "upgrade", "host", "expect"),
}
_NOT_FORWARDED = {*_HOP_BY_HOP, "authorization", "apikey", "content-length"}
_NO_KEY = {
    "message": "No API key found in request",
    "hint": "No `apikey` request header or url param was found.",
}
_BAD_KEY = {
    "message": "Invalid API key",
    "hint": "Double check your Supabase `anon` or `service_role` API key.",
}


def create_app(postgrest_url: str, auth_database_url: str, keys: ApiKeys) -> App:
    app = Sanic("coinslot-api-gateway", configure_logging=False)
    app.config.AUTO_EXTEND = False
    app.config.REQUEST_MAX_HEADER_SIZE = 16_384  # a JWT may hold a long name
    app.ctx.keys = keys
    app.ctx.postgrest_url = postgrest_url

    @app.before_server_start
    async def open_clients(app: App) -> None:
        app.ctx.postgrest = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            skip_auto_headers=["Accept", "Accept-Encoding", "Content-Type", "User-Agent"],
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

    app.on_request(_answer_preflight)
    app.on_request(_require_key)
    app.register_middleware(_allow_any_origin, "response")  # type: ignore[arg-type]
    for index, path in enumerate(("/rest/v1", "/rest/v1/<path:path>")):
        app.add_route(_forward, path, methods=_METHODS, name=f"rest{index}")
    app.add_route(_health, "/_health", name="health")
    app.blueprint(auth.blueprint)
    app.blueprint(functions.blueprint)
    return app


async def _answer_preflight(request: Request) -> HTTPResponse | None:
    if request.method != "OPTIONS":
        return None
    headers = {
        "access-control-allow-methods": "GET,HEAD,PUT,PATCH,POST,DELETE,OPTIONS,TRACE,CONNECT",
        "access-control-allow-headers": request.headers.get("access-control-request-headers", "*"),
        "access-control-max-age": "3600",
    }
    return text("", headers=headers)


async def _require_key(request: Request) -> HTTPResponse | None:
    """As hosted: the apikey header says which project and role, Authorization who."""
    if request.path == "/_health":
        return None
    apikey = request.headers.get("apikey") or request.args.get("apikey")
    if not apikey:
        return json(_NO_KEY, status=401)
    role = request.app.ctx.keys.role_of(apikey)
    if role is None:
        return json(_BAD_KEY, status=401)
    bearer = _bearer(request)
    if bearer.startswith("sb_") and bearer != apikey:
        return json(_BAD_KEY, status=401)
    request.ctx.role = role
    request.ctx.is_key = not bearer or bearer == apikey
    request.ctx.authorization = request.headers.get("authorization")
    if request.ctx.is_key:
        keys = request.app.ctx.keys
        jwt = keys.service_role if role == "service_role" else keys.anon
        request.ctx.authorization = f"Bearer {apikey if '.' in apikey else jwt}"
    return None


def _bearer(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


async def _allow_any_origin(_request: Request, response: HTTPResponse) -> None:
    response.headers["access-control-allow-origin"] = "*"
    response.headers["access-control-expose-headers"] = _EXPOSED


async def _forward(request: Request, path: str = "") -> HTTPResponse:
    """Pass a request to PostgREST and its answer back, both whole."""
    session: aiohttp.ClientSession = request.app.ctx.postgrest
    try:
        async with session.request(
            request.method,
            _url(request, path),
            headers=_request_headers(request),
            data=request.body or None,
            allow_redirects=False,
        ) as answer:
            body = await answer.read()
    except (aiohttp.ClientError, TimeoutError):
        return json({"message": "PostgREST is not reachable", "code": "PGRST000"}, status=503)
    return HTTPResponse(
        body,
        status=answer.status,
        headers=_response_headers(answer),
        content_type=answer.headers.get("content-type"),
    )


def _url(request: Request, path: str) -> URL:
    query = request.query_string
    if "apikey=" in query:
        query = "&".join(part for part in query.split("&") if not part.startswith("apikey="))
    url = f"{request.app.ctx.postgrest_url}/{path}"
    return URL(f"{url}?{query}" if query else url, encoded=True)


def _request_headers(request: Request) -> list[tuple[str, str]]:
    kept = [(name, value) for name, value in request.headers.items() if name not in _NOT_FORWARDED]
    return [*kept, ("authorization", request.ctx.authorization)]


def _response_headers(answer: aiohttp.ClientResponse) -> dict[str, str]:
    return {
        name: value
        for name, value in answer.headers.items()
        if name.lower() not in _HOP_BY_HOP and not name.lower().startswith("access-control-")
    }


async def _health(request: Request) -> HTTPResponse:
    async with request.app.ctx.pool.connection(timeout=2) as connection:
        await connection.execute("select")
    return json({"status": "ok"})


def main() -> None:
    app = create_app(
        os.environ["POSTGREST_URL"],
        os.environ["AUTH_DATABASE_URL"],
        ApiKeys(os.environ["SUPABASE_JWT_SECRET"]),
    )
    app.run(
        host="127.0.0.1",
        port=int(os.environ["COINSLOT_API_PORT"]),
        single_process=True,
        access_log=False,
        motd=False,
    )


if __name__ == "__main__":
    main()
