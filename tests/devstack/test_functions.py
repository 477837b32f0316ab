"""The demo app's server, where it refuses; that it works, `tests/browser` shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

if TYPE_CHECKING:
    from tests.support.stacks import LocalStack


def call(stack: LocalStack, what: str, body: object, **headers: str) -> httpx.Response:
    url = f"{stack.api_url}/functions/v1/{what}"
    return httpx.post(url, json=body, headers=headers, timeout=20)


@pytest.mark.parametrize("what", ["ask", "answer"])
@pytest.mark.parametrize(
    "body", [{}, [], None, {"question": ""}, {"question": 5}, {"question": "a" * 501}]
)
def test_what_is_no_question(stack: LocalStack, what: str, body: object) -> None:
    answer = call(stack, what, body, **stack.headers(stack.sign_up()))
    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid_question"


@pytest.mark.parametrize("what", ["ask", "answer"])
def test_half_a_character(stack: LocalStack, what: str) -> None:
    headers = {**stack.headers(stack.sign_up()), "content-type": "application/json"}
    url = f"{stack.api_url}/functions/v1/{what}"
    answer = httpx.post(url, content=b'{"question": "\\ud800"}', headers=headers)
    assert answer.status_code == 400


@pytest.mark.parametrize("what", ["ask", "answer"])
def test_nobody_asks_without_being_somebody(stack: LocalStack, what: str) -> None:
    nobody = {"apikey": stack.keys.anon, "authorization": f"Bearer {stack.keys.anon}"}
    assert call(stack, what, {"question": "why?"}, **nobody).status_code == 401
    service = stack.headers()
    assert call(stack, what, {"question": "why?"}, **service).status_code == 401


def test_a_question_needs_a_key_and_is_paid_for_once_under_it(stack: LocalStack) -> None:
    headers = stack.headers(stack.sign_up())
    assert call(stack, "ask", {"question": "why?"}, **headers).status_code == 400
    again = [call(stack, "ask", {"question": "why?"}, **headers, **KEY) for _ in range(2)]
    assert [each.status_code for each in again] == [200, 200]
    assert [each.json()["balance"] for each in again] == [4, 4]


def test_an_answer_is_given_again_for_nothing(stack: LocalStack) -> None:
    headers = stack.headers(stack.sign_up())
    first = call(stack, "answer", {"question": "why?"}, **headers).json()
    again = call(stack, "answer", {"question": "why?"}, **headers).json()
    assert (first["paid"], again["paid"]) == (2, 0)
    assert first["reply"] == again["reply"]


KEY = {"idempotency-key": "click-1"}
