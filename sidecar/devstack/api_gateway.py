"""The gateway before PostgREST, Auth and Edge Functions: `/rest/v1`, `/auth/v1`, `/functions/v1`.

It asks for API keys as Supabase's does. It is Caddy, so that it costs no more than the hosted one.
`ApiKeys.authorization` alone decides what an API key stands for. Its answers for the published keys
are written into the configuration. About any other key Caddy asks the auth server, which also words
every refusal.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from devstack.keys import ApiKeys
from devstack.settings import DevstackSettings

Json = dict[str, Any]

_EXPOSED = (
    "Content-Encoding, Content-Location, Content-Range, Content-Type, Date, Location, Server, "
    "Transfer-Encoding, Range-Unit, X-Supabase-Api-Version"
)
_METHODS = "GET,HEAD,PUT,PATCH,POST,DELETE,OPTIONS,TRACE,CONNECT"
_POSTGREST_AWAY = {"message": "PostgREST is not reachable", "code": "PGRST000"}
_AUTH_AWAY = {"message": "Auth is not reachable", "code": "unexpected_failure"}
_NO_ROUTE = {"message": "no Route matched with those values"}

_HEADER_BYTES = 16_384  # a JWT may hold a long name
_HEADER_SLACK = 4_096  # what Go adds to the limit that it is given
_KEPT_IDLE = "15s"  # PostgREST hangs up after 30 s: what was being sent then would be lost

_JWT = r"^Bearer [\w-]+\.[\w-]+\.[\w-]+$"
# Matches the parameter together with its delimiter.
_KEY_IN_QUERY = {
    "vars_regexp": {
        "{http.request.uri.query}": {"name": "key", "pattern": "^apikey=[^&]*&?|&apikey=[^&]*"}
    }
}


def config(settings: DevstackSettings, keys: ApiKeys) -> str:
    """Caddy's own JSON. It holds the service's key: for Caddy's standard input, not for a file."""
    server = {
        "listen": [f"127.0.0.1:{settings.api_port}"],
        "protocols": ["h1"],
        "automatic_https": {"disable": True},
        "max_header_bytes": _HEADER_BYTES - _HEADER_SLACK,
        "routes": [
            {"handle": [_any_origin()]},
            _route(_preflight(), method=["OPTIONS"]),
            _route(_answer({"status": "ok"}, 200), path=["/_health"]),
            _route(_rest(settings, keys), path=["/rest/v1", "/rest/v1/*"]),
            _route(_auth(settings), path=["/auth/v1/*", "/functions/v1/*"]),
            {"handle": [_answer(_NO_ROUTE, 404)]},
        ],
    }
    return json.dumps(
        {
            "admin": {"disabled": True, "config": {"persist": False}},
            "logging": {"logs": {"default": _log()}},
            "apps": {"http": {"servers": {"api": server}, "grace_period": "3s"}},
        }
    )


def _log() -> Json:
    """Log only failures, and nothing of the request: its headers and address hold keys."""
    without = {"format": "filter", "fields": {"request": {"filter": "delete"}}}
    return {"level": "WARN", "encoder": {**without, "wrap": {"format": "console"}}}


def _any_origin() -> Json:
    allowed = {
        "Access-Control-Allow-Origin": ["*"],
        "Access-Control-Expose-Headers": [_EXPOSED],
    }
    return {"handler": "headers", "response": {"set": allowed}}


def _preflight() -> list[Json]:
    """Answer a preflight without a key, since browsers send none."""
    asked = {
        "handler": "map",
        "source": "{http.request.header.Access-Control-Request-Headers}",
        "destinations": ["{asked}"],
        "mappings": [{"input": "", "outputs": ["*"]}],
        "defaults": ["{http.request.header.Access-Control-Request-Headers}"],
    }
    headers = {
        "Access-Control-Allow-Methods": [_METHODS],
        "Access-Control-Allow-Headers": ["{asked}"],
        "Access-Control-Max-Age": ["3600"],
        "Content-Type": ["text/plain; charset=utf-8"],
    }
    return [asked, {"handler": "static_response", "status_code": 200, "headers": headers}]


def _rest(settings: DevstackSettings, keys: ApiKeys) -> Json:
    """Forward to PostgREST, with the Authorization that key and token stand for and no key."""
    proxy = {
        **_proxy(settings.postgrest_port, without=["Apikey"]),
        "rewrite": {"path_regexp": [{"find": "^/rest/v1/?", "replace": "/"}]},
    }
    return _subroute(
        *_authorized(settings, keys),
        {"match": [_KEY_IN_QUERY], "handle": [_without_key_in_query()]},
        {"handle": [_subroute({"handle": [proxy]}, otherwise=_POSTGREST_AWAY)]},
    )


def _auth(settings: DevstackSettings) -> Json:
    """Forward to the auth server, which looks at the key itself."""
    return _subroute({"handle": [_proxy(settings.auth_port)]}, otherwise=_AUTH_AWAY)


def _authorized(settings: DevstackSettings, keys: ApiKeys) -> list[Json]:
    """Routes of which the first that matches sets Authorization, or answers with a refusal."""
    ask = _subroute({"handle": [_ask(settings)]}, otherwise=_AUTH_AWAY)
    published = {"header": {"Apikey": list(keys.published)}}
    routes = [
        {"match": [_KEY_IN_QUERY], "handle": [ask]},
        *({"match": _alone(key), "handle": [_become(keys, key)]} for key in keys.published),
        # A person's token beside a key: PostgREST checks it.
        {"match": [{**published, "header_regexp": {"Authorization": {"pattern": _JWT}}}]},
        {"handle": [ask]},
    ]
    return [{"group": "authorized", **route} for route in routes]


def _alone(key: str) -> list[Json]:
    """Match a key that comes alone: there is no token, or the key is the token too."""
    tokens: tuple[list[str] | None, ...] = (None, [f"Bearer {key}"])
    return [{"header": {"Apikey": [key], "Authorization": token}} for token in tokens]


def _become(keys: ApiKeys, key: str) -> Json:
    authorization = keys.authorization(key, "")
    return {"handler": "headers", "request": {"set": {"Authorization": [authorization]}}}


def _ask(settings: DevstackSettings) -> Json:
    """Ask the auth server for the Authorization to set; its refusal is the gateway's answer."""
    answered = {"set": {"Authorization": ["{http.reverse_proxy.header.Authorization}"]}}
    granted = {
        "match": {"status_code": [2]},
        "routes": [{"handle": [{"handler": "headers", "request": answered}]}],
    }
    return {
        **_proxy(settings.auth_port),
        "rewrite": {"method": "GET", "uri": "/_authorization?{http.request.uri.query}"},
        "handle_response": [granted],
    }


def _without_key_in_query() -> Json:
    """Take the key out of the query. The rest stays as it was written, byte for byte."""
    found = "{http.regexp.key.0}"
    return {"handler": "rewrite", "uri_substring": [{"find": found, "replace": "", "limit": 1}]}


def _proxy(port: int, without: Sequence[str] = ()) -> Json:
    return {
        "handler": "reverse_proxy",
        "upstreams": [{"dial": f"127.0.0.1:{port}"}],
        "transport": {
            "protocol": "http",
            "compression": False,  # not of its own accord: bodies pass as they are
            "dial_timeout": "2s",
            "response_header_timeout": "65s",  # hosted ones end at 60 s
            "keep_alive": {"max_idle_conns_per_host": 512, "idle_timeout": _KEPT_IDLE},
        },
        "headers": {
            "request": {"delete": ["Expect", *without]},  # what was expected was given here
            "response": {"delete": ["Access-Control-*"]},
        },
    }


def _subroute(*routes: Json, otherwise: Json | None = None) -> Json:
    """Routes one after the other; `otherwise` is the answer if one of them fails."""
    subroute: Json = {"handler": "subroute", "routes": list(routes)}
    if otherwise:
        subroute["errors"] = {"routes": [{"handle": [_answer(otherwise, 503)]}]}
    return subroute


def _route(handler: Json | list[Json], **match: list[str]) -> Json:
    handlers = handler if isinstance(handler, list) else [handler]
    return {"match": [match], "handle": handlers, "terminal": True}


def _answer(body: Json, status: int) -> Json:
    return {
        "handler": "static_response",
        "status_code": status,
        "headers": {"Content-Type": ["application/json"]},
        "body": json.dumps(body, separators=(",", ":")),
    }
