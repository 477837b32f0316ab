"""The demo app's server, where an app on Supabase would have Edge Functions.

A question costs one token, paid at once. An answer costs two, held while it is generated and taken
only once there is one: where the generation fails, nobody has paid.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from contextlib import suppress
from typing import Any

import aiohttp
from sanic import Blueprint, HTTPResponse, Request
from sanic import json as answer_json
from sanic.exceptions import BadRequest, SanicException

Json = dict[str, Any]

blueprint = Blueprint("functions", url_prefix="/functions/v1")

LONGEST_QUESTION = 500
SECONDS_TO_GENERATE = 0.4
_HOLD_SECONDS = 60
_KEY_LENGTHS = range(1, 256)
_UNAVAILABLE: Json = {"error": "Try again in a moment", "code": "unavailable"}


class Refused(SanicException):
    """A refusal of PostgREST's, or of this app's."""

    def __init__(self, status: int, body: Json) -> None:
        super().__init__(status_code=status)
        self.body = body


class GenerationError(Exception):
    """A generation that failed: the model was overloaded, cut off, or refused."""


@blueprint.exception(Refused)  # type: ignore[untyped-decorator]
async def refuse(_request: Request, refused: Refused) -> HTTPResponse:
    return answer_json(refused.body, status=refused.status_code)


@blueprint.post("/ask")
async def ask(request: Request) -> HTTPResponse:
    """Answer `{question}` for one token. The header Idempotency-Key stands for the click."""
    _user_id(request)
    question = _question(request)
    key = request.headers.get("idempotency-key", "")
    if len(key) not in _KEY_LENGTHS:
        raise Refused(400, {"error": "Send an Idempotency-Key, one for each question asked"})
    arguments = {"feature": "question", "idempotency_key": key}
    receipt = await _rpc(request, "use_feature", arguments, request.ctx.authorization)
    return answer_json(
        {"reply": f"“{question}” is a good question.", "balance": receipt["balance"]}
    )


@blueprint.post("/answer")
async def answer(request: Request) -> HTTPResponse:
    """Answer `{question, fail?}` for two tokens, on hold until then: one hold for one question."""
    user_id, question = _user_id(request), _question(request)
    hold = await _as_service(
        request,
        "hold_feature_for",
        user_id=user_id,
        feature="answer",
        idempotency_key=f"answer:{hashlib.sha256(question.encode()).hexdigest()}",
        ttl_seconds=_HOLD_SECONDS,
    )
    if hold["status"] == "captured":  # paid for earlier: the same answer again, for nothing
        return answer_json({"reply": _text(question), "paid": 0})
    if hold["replayed"]:
        raise Refused(409, {"error": "This answer is being generated already", "code": "busy"})
    try:
        reply = await _generate(question, fails=request.json.get("fail") is True)
        await _as_service(request, "capture_token_hold", hold_id=hold["id"])
    except BaseException as error:
        with suppress(Refused):  # it was captured, and only the reply was lost
            await _as_service(request, "release_token_hold", hold_id=hold["id"])
        if not isinstance(error, GenerationError):
            raise
        message = {"error": "The answer could not be generated", "code": "generation_failed"}
        raise Refused(502, message) from error
    return answer_json({"reply": reply, "paid": hold["amount"]})


async def _generate(question: str, *, fails: bool) -> str:
    await asyncio.sleep(SECONDS_TO_GENERATE)
    if fails:
        raise GenerationError
    return _text(question)


def _text(question: str) -> str:
    """The answer. It follows from the question, so that it can be given again."""
    return f"About “{question}”: it depends, and you are closer to it than you think."


def _question(request: Request) -> str:
    try:
        body = request.json
    except BadRequest:
        body = None
    question = body.get("question") if isinstance(body, dict) else None
    if not isinstance(question, str) or not question.strip() or not _is_text(question):
        raise Refused(400, {"error": "Ask something", "code": "invalid_question"})
    if len(question) > LONGEST_QUESTION:
        message = f"A question has at most {LONGEST_QUESTION} characters"
        raise Refused(400, {"error": message, "code": "invalid_question"})
    return question.strip()


def _is_text(value: str) -> bool:
    """False for half a character, which JSON can spell and nothing can store."""
    return value.encode("utf-8", "ignore").decode() == value


def _user_id(request: Request) -> str:
    claims = request.app.ctx.keys.verify(request.ctx.authorization.partition(" ")[2]) or {}
    if "sub" not in claims:
        raise Refused(401, {"error": "Unauthorized", "code": "unauthenticated"})
    return str(claims["sub"])


async def _as_service(request: Request, name: str, **arguments: object) -> Json:
    return await _rpc(request, name, arguments, f"Bearer {request.app.ctx.keys.service_role}")


async def _rpc(request: Request, name: str, arguments: Json, authorization: str) -> Json:
    """Call the RPC. Raises `Refused` with the status of its refusal."""
    session: aiohttp.ClientSession = request.app.ctx.postgrest
    url = f"{request.app.ctx.postgrest_url}/rpc/{name}"
    headers = {"authorization": authorization, "content-type": "application/json"}
    try:
        async with session.post(url, json=arguments, headers=headers) as response:
            answer: Json = await response.json()
    except (aiohttp.ClientError, TimeoutError, json.JSONDecodeError) as error:
        raise Refused(503, _UNAVAILABLE) from error
    if response.status == 400 and not answer.get("code"):  # PostgREST lost Postgres: no refusal
        raise Refused(503, _UNAVAILABLE)
    if not response.ok:
        raise Refused(response.status, answer)
    return answer
