"""Files that browsers load: packed when they were built, and kept for ever where a name tells what
is inside."""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from typing import TYPE_CHECKING

from sanic import Blueprint
from sanic.exceptions import NotFound
from sanic.response import raw

from coinslot import assets

if TYPE_CHECKING:
    from pathlib import Path

    from sanic import HTTPResponse, Request

web_files = Blueprint("web_files")

TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".ts": "text/plain; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
}
# A hash of the content, as the bundler writes it.
_HASHED = re.compile(r".*-[0-9A-Z]{8}\.(?:css|js)")
_FOR_EVER = "public, max-age=31536000, immutable"
_PACKED = {"br": ".br", "gzip": ".gz"}
"""By what browsers call it, the smaller first."""


@web_files.get("/web/<path:path>")
async def web_file(request: Request, path: str) -> HTTPResponse:
    try:
        file = (assets.WEB / path).resolve(strict=True)
    except (OSError, ValueError):  # not there, or no path at all
        raise NotFound from None
    if not file.is_relative_to(assets.WEB) or file.suffix not in TYPES or not file.is_file():
        raise NotFound
    encoding, body, tag = _chosen(file, request.headers.get("accept-encoding", ""))
    headers = {
        "Cache-Control": _FOR_EVER if _HASHED.fullmatch(file.name) else "no-cache",
        "ETag": tag,
        "Vary": "Accept-Encoding",
    }
    if encoding:
        headers["Content-Encoding"] = encoding
    return answered(request, body, headers, TYPES[file.suffix])


def answered(
    request: Request, body: bytes, headers: dict[str, str], content_type: str
) -> HTTPResponse:
    """The body, or 304 where the browser has what the `ETag` names."""
    if headers["ETag"] in request.headers.get("if-none-match", ""):
        headers.pop("Content-Encoding", None)
        return raw(b"", status=304, headers=headers, content_type=content_type)
    return raw(body, headers=headers, content_type=content_type)


def taken(accept_encoding: str) -> set[str]:
    """The encodings that a browser takes, by the names that it gives."""
    offers = (each.strip().partition(";") for each in accept_encoding.lower().split(","))
    return {name.strip() for name, _, rest in offers if not re.fullmatch(r"\s*q=0(\.0*)?\s*", rest)}


def tagged(body: bytes) -> str:
    return f'"{hashlib.sha256(body).hexdigest()[:20]}"'


def _chosen(file: Path, accept_encoding: str) -> tuple[str | None, bytes, str]:
    accepted = taken(accept_encoding)
    for encoding, suffix in _PACKED.items():
        packed = file.with_name(file.name + suffix)
        if encoding in accepted and packed.is_file():
            return encoding, *_read(packed, packed.stat().st_mtime_ns)
    return None, *_read(file, file.stat().st_mtime_ns)


@lru_cache(maxsize=64)
def _read(file: Path, _changed_at: int) -> tuple[bytes, str]:
    body = file.read_bytes()
    return body, tagged(body)
