"""What stands before PostgREST and Auth on Supabase: `/rest/v1` and `/auth/v1`, behind API keys.

`python -m sidecar.sandbox.api_gateway` serves it, configured by the environment.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from types import SimpleNamespace

import httpx
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool
from sanic import HTTPResponse, Request, Sanic
from sanic.config import Config
from sanic.response import json, text

from sidecar.sandbox import auth
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
    app.ctx.keys = keys

    @app.before_server_start
    async def open_clients(app: App) -> None:
        app.ctx.postgrest = httpx.AsyncClient(
            base_url=postgrest_url,
            timeout=httpx.Timeout(65, connect=2),  # hosted requests end at 60 s
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=64),
        )
        app.ctx.pool = AsyncConnectionPool(
            auth_database_url, min_size=1, max_size=8, open=False, kwargs={"row_factory": dict_row}
        )
        await app.ctx.pool.open()

    @app.after_server_stop
    async def close_clients(app: App) -> None:
        await app.ctx.postgrest.aclose()
        await app.ctx.pool.close()

    app.on_request(_answer_preflight)
    app.on_request(_require_key)
    app.register_middleware(_allow_any_origin, "response")  # type: ignore[arg-type]
    for index, path in enumerate(("/rest/v1", "/rest/v1/<path:path>")):
        app.add_route(_forward, path, methods=_METHODS, stream=True, name=f"rest{index}")
    app.add_route(_health, "/_health", name="health")
    app.blueprint(auth.blueprint)
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


async def _forward(request: Request, path: str = "") -> HTTPResponse | None:
    """Pass a request to PostgREST and its answer back, both as streams."""
    client: httpx.AsyncClient = request.app.ctx.postgrest
    outgoing = client.build_request(
        request.method,
        httpx.URL(path=f"/{path}", query=_query(request)),
        headers=_request_headers(request),
        content=_body(request),
    )
    try:
        answer = await client.send(outgoing, stream=True)
    except httpx.TransportError:
        return json({"message": "PostgREST is not reachable", "code": "PGRST000"}, status=503)
    try:
        return await _stream_back(request, answer)
    finally:
        await answer.aclose()


async def _stream_back(request: Request, answer: httpx.Response) -> HTTPResponse | None:
    headers = _response_headers(answer)
    kind = answer.headers.get("content-type")
    if request.method == "HEAD" or answer.status_code in {204, 304}:
        return HTTPResponse(status=answer.status_code, headers=headers, content_type=kind)
    response = await request.respond(status=answer.status_code, headers=headers, content_type=kind)
    if response is not None:
        async for chunk in answer.aiter_raw():
            await response.send(chunk)
        await response.eof()
    return None


def _query(request: Request) -> bytes:
    parts = request.query_string.split("&")
    return "&".join(part for part in parts if not part.startswith("apikey=")).encode()


def _request_headers(request: Request) -> list[tuple[str, str]]:
    dropped = {*_HOP_BY_HOP, "authorization", "apikey"}
    headers = [(k, v) for k, v in request.headers.items() if k.lower() not in dropped]
    if "accept-encoding" not in request.headers:
        headers.append(("accept-encoding", "identity"))  # or httpx would ask for gzip
    return [*headers, ("authorization", request.ctx.authorization)]


def _response_headers(answer: httpx.Response) -> dict[str, str]:
    return {
        name: value
        for name, value in answer.headers.items()
        if name not in _HOP_BY_HOP and not name.startswith("access-control-")
    }


def _body(request: Request) -> AsyncIterator[bytes] | None:
    has_body = "content-length" in request.headers or "transfer-encoding" in request.headers
    return _chunks(request) if has_body else None


async def _chunks(request: Request) -> AsyncIterator[bytes]:
    while (chunk := await request.stream.read()) is not None:  # type: ignore[union-attr]
        yield chunk


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
