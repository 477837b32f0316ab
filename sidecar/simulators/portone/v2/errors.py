"""The typed refusals of PortOne V2."""

from __future__ import annotations

from sanic import HTTPResponse
from sanic.response import json


def failed(kind: str, status: int, message: str | None = None, **more: str) -> HTTPResponse:
    said = {"message": message} if message else {}
    return json({"type": kind, **said, **more}, status=status)
