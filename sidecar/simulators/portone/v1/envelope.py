"""The envelope of PortOne V1's answers: `{code, message, response}`. Code 0 is success."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sanic.response import json

if TYPE_CHECKING:
    from sanic import HTTPResponse


def ok(response: object) -> HTTPResponse:
    return json({"code": 0, "message": None, "response": response})


def failed(message: str, *, code: int = -1, status: int = 200) -> HTTPResponse:
    return json({"code": code, "message": message, "response": None}, status=status)
