"""Requests and answers on both sides of the API gateway."""

from __future__ import annotations

import asyncio
import gzip
import socket
from collections.abc import AsyncIterator
from uuid import uuid4

import httpx
import psutil
import pytest
import pytest_asyncio

from devstack.stack import Stack
from tests.devstack.lone_gateway import BODY, KEYS, Gateway, Upstream
from tests.support.clusters import devstack_settings, discard
from tests.support.logbook import leaks

PERSON = KEYS.sign({"sub": str(uuid4()), "role": "authenticated"})
OWN = KEYS.sign({"role": "service_role", "iss": "somebody with the secret"})
_GENERATIONS = ("anon", "publishable", "service_role", "secret")  # of the published keys


@pytest_asyncio.fixture(scope="module")
async def gateway() -> AsyncIterator[Gateway]:
    gateway = Gateway(devstack_settings("gateway"))
    try:
        for name in ("auth", "api"):
            await gateway.start(name)
        yield gateway
    finally:
        discard(Stack(gateway.settings, dotenv=None))


@pytest_asyncio.fixture
async def http(gateway: Gateway) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=gateway.settings.api_url, trust_env=False) as client:
        yield client


@pytest_asyncio.fixture
async def upstream(gateway: Gateway) -> AsyncIterator[Upstream]:
    upstream = Upstream()
    async with gateway.postgrest(upstream):
        yield upstream


@pytest.mark.parametrize("key", [*KEYS.published, OWN], ids=[*_GENERATIONS, "own"])
@pytest.mark.parametrize(
    "token",
    ["", *KEYS.published, PERSON, OWN, "not.a.jwt", "nonsense"],
    ids=["none", *_GENERATIONS, "person", "own", "no-jwt", "nonsense"],
)
async def test_postgrest_is_told_whom_key_and_token_stand_for(
    http: httpx.AsyncClient, upstream: Upstream, key: str, token: str
) -> None:
    """The keys that the gateway knows, and those it has to ask about, stand for the same."""
    sent = {"authorization": f"Bearer {token}"} if token else {}
    answer = await http.post("/rest/v1/rpc/x", json={}, headers={"apikey": key, **sent})
    expected = KEYS.authorization(key, sent.get("authorization", ""))
    assert answer.status_code == (200 if expected else 401)
    for request in upstream.arrived:
        assert request.headers.getall("authorization") == [expected]
        assert "apikey" not in request.headers
        assert (request.method, request.json) == ("POST", {})
    assert len(upstream.arrived) == (1 if expected else 0)


@pytest.mark.parametrize("sent", ["Basic eDp5", "bearer {key}", "Bearer  {key}"])
async def test_what_is_no_token_says_nobody(
    http: httpx.AsyncClient, upstream: Upstream, sent: str
) -> None:
    headers = {"apikey": KEYS.secret, "authorization": sent.format(key=KEYS.secret)}
    assert (await http.get("/rest/v1/x", headers=headers)).status_code == 200
    assert upstream.arrived[0].headers["authorization"] == f"Bearer {KEYS.service_role}"


@pytest.mark.parametrize(
    ("path", "arrives"),
    [
        ("", "/"),
        ("/", "/"),
        ("?select=id", "/?select=id"),
        ("/rpc/x", "/rpc/x"),
        ("/a%2Fb//c/./%EC%9B%90", "/a%2Fb//c/./%EC%9B%90"),
        ("/x?b=2&a=%2B+%20&b=1&c=&d&e=a=b&", "/x?b=2&a=%2B+%20&b=1&c=&d&e=a=b&"),
        ("/x?or=(a.eq.1,b.in.(%222%22,3))", "/x?or=(a.eq.1,b.in.(%222%22,3))"),
        ("/x?xapikey=1&apikeys=2&a=apikey=3", "/x?xapikey=1&apikeys=2&a=apikey=3"),
        ("/x?a=1;b=%zz&c={env.HOME}", "/x?a=1;b=%zz&c={env.HOME}"),
    ],
)
async def test_an_address_arrives_as_it_was_written(
    gateway: Gateway, upstream: Upstream, path: str, arrives: str
) -> None:
    assert await _status(gateway, f"/rest/v1{path}", f"apikey: {KEYS.anon}") == 200
    assert upstream.arrived[0].raw_url.decode() == arrives


@pytest.mark.parametrize(
    ("query", "arrives"),
    [
        ("apikey={key}", ""),
        ("apikey={key}&b=%2B+%20&a=1&b=", "b=%2B+%20&a=1&b="),
        ("b=2&apikey={key}&a=%41&b=%zz", "b=2&a=%41&b=%zz"),
        ("b=2&xapikey=1&apikey={key}", "b=2&xapikey=1"),
    ],
)
@pytest.mark.parametrize("header", ["accept: */*", "apikey: {secret}"])
async def test_a_key_in_the_query_goes_no_further(
    gateway: Gateway, upstream: Upstream, query: str, arrives: str, header: str
) -> None:
    """The rest of the query does, byte for byte. A key in the header counts first."""
    target = f"/rest/v1/x?{query.format(key=KEYS.publishable)}"
    assert await _status(gateway, target, header.format(secret=KEYS.secret)) == 200
    [request] = upstream.arrived
    assert request.raw_url.decode() == (f"/x?{arrives}" if arrives else "/x")
    key = KEYS.secret if "apikey" in header else KEYS.publishable
    assert request.headers["authorization"] == KEYS.authorization(key, "")


@pytest.mark.parametrize(
    "query", ["apikey=nonsense", "apikey={key}&apikey={key}", "%61pikey={key}"]
)
async def test_one_key_has_to_be_in_the_query(
    http: httpx.AsyncClient, upstream: Upstream, query: str
) -> None:
    assert (await http.get(f"/rest/v1/x?{query.format(key=KEYS.anon)}")).status_code == 401
    assert upstream.arrived == []


async def test_headers_pass_but_those_about_the_connection(
    http: httpx.AsyncClient, upstream: Upstream
) -> None:
    passing = {
        "prefer": "return=representation, count=exact",
        "range": "0-9",
        "range-unit": "items",
        "accept-profile": "public",
        "user-agent": "own",
        "cookie": "a=1",
        "x-own": "1",
    }
    stopped = {"connection": "x-hop", "x-hop": "1", "keep-alive": "timeout=5"}
    await http.get("/rest/v1/x", headers={"apikey": KEYS.anon, **passing, **stopped})
    arrived = upstream.arrived[0].headers
    assert {name: arrived[name] for name in passing} == passing
    assert not arrived.keys() & (stopped.keys() - {"connection"})


async def test_a_body_is_taken_when_it_is_waited_for(gateway: Gateway, upstream: Upstream) -> None:
    """Send the body once it is asked for, as curl does with all but the smallest."""
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.settings.api_port)
    head = f"POST /rest/v1/x HTTP/1.1\r\nHost: x\r\nApikey: {KEYS.anon}\r\nContent-Length: 2\r\n"
    writer.write(f"{head}Expect: 100-continue\r\nConnection: close\r\n\r\n".encode())
    assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    writer.write(b"{}")
    assert (await reader.read()).startswith(b"HTTP/1.1 200 ")
    writer.close()
    assert upstream.arrived[0].body == b"{}"
    assert "expect" not in upstream.arrived[0].headers


async def test_bodies_pass_unchanged_in_both_directions(
    http: httpx.AsyncClient, upstream: Upstream
) -> None:
    headers = {"apikey": KEYS.secret, "accept-encoding": "identity"}
    answer = await http.post("/rest/v1/large", content=BODY, headers=headers)
    assert upstream.arrived[0].body == answer.content == BODY


async def test_an_answer_is_passed_on_while_it_is_written(
    http: httpx.AsyncClient, upstream: Upstream
) -> None:
    headers = {"apikey": KEYS.anon}
    async with http.stream("GET", "/rest/v1/slowly", headers=headers) as answer:
        parts = answer.aiter_raw()
        assert await anext(parts) == b"first"
        upstream.read_on.set()
        assert [part async for part in parts] == [b"second"]


async def test_what_is_compressed_stays_so(http: httpx.AsyncClient, upstream: Upstream) -> None:
    """The upstream is not asked to compress for a client that did not ask."""
    del http.headers["accept-encoding"]
    async with http.stream("GET", "/rest/v1/zipped", headers={"apikey": KEYS.anon}) as answer:
        body = b"".join([part async for part in answer.aiter_raw()])
    assert (answer.headers["content-encoding"], gzip.decompress(body)) == ("gzip", b"[]")
    assert "accept-encoding" not in upstream.arrived[0].headers


async def test_an_answer_without_a_body_has_none(
    http: httpx.AsyncClient, upstream: Upstream
) -> None:
    headers = {"apikey": KEYS.anon}
    answer = await http.delete("/rest/v1/nothing", headers=headers)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["content-range"] == "*/0"
    answer = await http.head("/rest/v1/large", headers=headers)
    assert (answer.status_code, answer.content) == (200, b"")
    assert int(answer.headers["content-length"]) == len(BODY)


async def test_which_pages_may_read_is_for_the_gateway_to_say(
    http: httpx.AsyncClient, upstream: Upstream
) -> None:
    answer = await http.get("/rest/v1/open", headers={"apikey": KEYS.anon})
    assert answer.headers.get_list("access-control-allow-origin") == ["*"]


async def test_a_long_token_passes_and_a_longer_header_does_not(
    gateway: Gateway, http: httpx.AsyncClient, upstream: Upstream
) -> None:
    headers = {"apikey": KEYS.anon, "x-long": "x" * 15_500}
    assert (await http.get("/rest/v1/x", headers=headers)).status_code == 200
    assert (await http.get("/auth/v1/x", headers=headers)).status_code == 404
    longer = f"apikey: {KEYS.anon}\r\nx-long: {'x' * 16_400}"
    assert await _status(gateway, "/rest/v1/x", longer) == 431
    assert len(upstream.arrived) == 1


async def test_neighbours_may_go_and_come_back(gateway: Gateway, http: httpx.AsyncClient) -> None:
    async def said(path: str, key: str = KEYS.anon) -> tuple[int, str | None]:
        answer = await http.post(path, json={}, headers={"apikey": key})
        assert answer.headers.get_list("access-control-allow-origin") == ["*"]
        body = answer.json()
        return answer.status_code, body.get("message") if isinstance(body, dict) else None

    postgrest_away = (503, "PostgREST is not reachable")
    auth_away = (503, "Auth is not reachable")
    await gateway.stop("auth")
    assert await said("/rest/v1/x") == postgrest_away
    assert await said("/rest/v1/x", OWN) == auth_away
    assert await said("/functions/v1/ask") == auth_away
    await gateway.start("auth")
    assert await said("/rest/v1/x", OWN) == postgrest_away
    assert await said("/rest/v1/x", "nonsense") == (401, "Invalid API key")
    assert await said("/functions/v1/ask") == (401, None)
    for _ in range(2):
        async with gateway.postgrest(Upstream()):
            assert await said("/rest/v1/x") == (200, None)
            assert await said("/rest/v1/gone") == postgrest_away
        assert await said("/rest/v1/x") == postgrest_away


async def test_postgrest_being_away_has_a_code(http: httpx.AsyncClient) -> None:
    answer = await http.get("/rest/v1/token_products", headers={"apikey": KEYS.anon})
    assert (answer.status_code, answer.json()["code"]) == (503, "PGRST000")
    assert answer.headers["content-type"] == "application/json"


async def test_it_listens_to_this_machine_alone_and_on_one_port(gateway: Gateway) -> None:
    listening = [
        tuple(each.laddr)
        for each in gateway.process.net_connections("inet")
        if each.status == psutil.CONN_LISTEN or each.type == socket.SOCK_DGRAM
    ]
    assert listening == [("127.0.0.1", gateway.settings.api_port)]


async def test_it_writes_no_secret_down(gateway: Gateway, http: httpx.AsyncClient) -> None:
    """No file holds its configuration, or a request that it could not pass on."""
    for key in (KEYS.secret, OWN):
        headers = {"apikey": key, "authorization": f"Bearer {PERSON}"}
        for path in ("/rest/v1/x", f"/rest/v1/x?apikey={key}"):
            assert (await http.get(path, headers=headers)).status_code == 503
        assert (await http.get(f"/auth/v1/x?apikey={key}", headers=headers)).status_code == 404
    files = [path for path in gateway.settings.devstack_dir.rglob("*") if path.is_file()]
    assert gateway.processes.log("api") in files
    texts = {str(path): path.read_text(errors="replace") for path in files}
    texts["how it was started"] = "\n".join(
        [*gateway.process.cmdline(), *gateway.process.environ().values()]
    )
    assert leaks(texts, [*KEYS.published, OWN, PERSON, KEYS.jwt_secret]) == []


async def _status(gateway: Gateway, target: str, headers: str) -> int:
    """The status for a request that a client library would not send, or not as it is written."""
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.settings.api_port)
    head = f"GET {target} HTTP/1.1\r\nHost: x\r\n{headers}\r\nConnection: close\r\n\r\n"
    writer.write(head.encode())
    _, status, *_ = (await reader.readline()).split()
    writer.close()
    return int(status)
