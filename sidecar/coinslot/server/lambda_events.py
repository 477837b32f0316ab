"""AWS Lambda's events as ASGI scopes, and answers as Lambda hands them back.

The forms are those of Function URLs and HTTP APIs (payload 2.0), REST APIs (payload 1.0) and
load balancers, with values for one header each or several.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlencode

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, MutableMapping

    Event = Mapping[str, Any]
    Message = MutableMapping[str, Any]
    Headers = list[tuple[bytes, bytes]]


class UnknownEventError(Exception):
    """The event is no request, and nothing that is done by schedule."""


def scope_of(event: Event) -> dict[str, Any]:
    """The request as an ASGI server would tell it. Raises `UnknownEventError`."""
    if event.get("version") == "2.0":
        method, path, query, address = _of_payload_2(event)
    elif "httpMethod" in event:
        method, path, query, address = _of_payload_1(event)
    else:
        raise UnknownEventError("neither a request nor {'coinslot': 'sweep'}")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "https",
        "path": unquote(path),
        "raw_path": quote(path, safe="/%:@!$&'()*+,;=-._~").encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": _headers(event),
        "client": (address, 0) if address else None,
        "server": None,
    }


def body_of(event: Event) -> bytes:
    body = event.get("body") or ""
    return base64.b64decode(body) if event.get("isBase64Encoded") else body.encode()


@dataclass
class Answer:
    """The answer of an application, put together from its messages."""

    status: int = 500
    headers: Headers = field(default_factory=list)
    body: bytearray = field(default_factory=bytearray)

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], list(message["headers"])
        else:
            self.body += message.get("body", b"")

    def for_event(self, event: Event) -> dict[str, Any]:
        """As the sender of the event reads it. Text stays text: a REST API would not decode it."""
        named = {
            name.decode("latin-1").lower(): value.decode("latin-1") for name, value in self.headers
        }
        answer: dict[str, Any] = {"statusCode": self.status, **self._content()}
        if "multiValueHeaders" in event:
            answer["multiValueHeaders"] = {name: [value] for name, value in named.items()}
        if "multiValueHeaders" not in event or "headers" in event:
            answer["headers"] = named
        return answer

    def _content(self) -> dict[str, Any]:
        try:
            return {"body": self.body.decode(), "isBase64Encoded": False}
        except UnicodeDecodeError:
            return {"body": base64.b64encode(self.body).decode(), "isBase64Encoded": True}


def _of_payload_2(event: Event) -> tuple[str, str, str, str]:
    """Method, path, query and the caller's address."""
    context = event["requestContext"]
    path, stage = event["rawPath"], f"/{context.get('stage', '$default')}"
    if path == stage or path.startswith(f"{stage}/"):
        # An HTTP API with a named stage has it in the path.
        path = path.removeprefix(stage) or "/"
    about = context["http"]
    return about["method"], path, event.get("rawQueryString", ""), about.get("sourceIp", "")


def _of_payload_1(event: Event) -> tuple[str, str, str, str]:
    context = event.get("requestContext", {})
    pairs = list(_pairs(event, "queryStringParameters", "multiValueQueryStringParameters"))
    if "elb" in context:
        # A load balancer hands the query on as it came, and appends the caller to a header.
        query = "&".join(f"{name}={value}" for name, value in pairs)
        forwarded = dict(_pairs(event, "headers", "multiValueHeaders"))
        lowered = {name.lower(): value for name, value in forwarded.items()}
        address = lowered.get("x-forwarded-for", "").rpartition(",")[2].strip()
    else:
        query = urlencode(pairs)
        address = context.get("identity", {}).get("sourceIp") or ""
    return event["httpMethod"], event.get("path") or "/", query, address


def _headers(event: Event) -> Headers:
    return [
        (name.lower().encode("latin-1", "replace"), value.encode("latin-1", "replace"))
        for name, value in _pairs(event, "headers", "multiValueHeaders")
    ]


def _pairs(event: Event, single: str, several: str) -> Iterator[tuple[str, str]]:
    """Names with their values. Where an event has both forms, the one with several says it all."""
    if found := event.get(several):
        for name, values in found.items():
            yield from ((name, str(value)) for value in values)
    else:
        for name, value in (event.get(single) or {}).items():
            yield name, str(value)
