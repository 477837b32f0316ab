"""AWS Lambda by its real client: a purchase in each form of event, and the scheduled work."""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.support.lambda_runtime import Function, function

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.shop import Shop
    from tests.support.stacks import LocalStack

Event = dict[str, Any]
Form = Callable[[str, str, Mapping[str, str], str], Event]

# A server's, by its own figures: a function has to do them all by its schedule.
LOOPS = {"audit", "cash_receipts", "charge", "check_ledger", "forget", "maintain", "reconcile"}


@pytest.fixture(scope="module")
def lambda_function(
    stack: LocalStack, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Function]:
    folder: Path = tmp_path_factory.mktemp("function")
    with function({**stack.env, "COINSLOT_MODE": "test"}, folder) as there:
        yield there


def payload_2(method: str, path: str, headers: Mapping[str, str], body: str) -> Event:
    """Of a Function URL and of an HTTP API."""
    path, _, query = path.partition("?")
    return {
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {"host": "x.lambda-url.aws", "x-forwarded-for": "203.0.113.9", **headers},
        "requestContext": {
            "stage": "$default",
            "http": {"method": method, "path": path, "sourceIp": "203.0.113.9"},
        },
        "body": body,
        "isBase64Encoded": False,
    }


def payload_2_of_a_stage(method: str, path: str, headers: Mapping[str, str], body: str) -> Event:
    """With the stage in the path, and a body in Base64."""
    event = payload_2(method, f"/prod{path}", headers, base64.b64encode(body.encode()).decode())
    event["requestContext"]["stage"] = "prod"
    return {**event, "isBase64Encoded": True}


def payload_1(method: str, path: str, headers: Mapping[str, str], body: str) -> Event:
    """Of a REST API."""
    path, _, query = path.partition("?")
    parameters = dict(each.split("=") for each in query.split("&")) if query else None
    named = {"Host": "x.execute-api.aws", **headers}
    return {
        "httpMethod": method,
        "path": path,
        "headers": named,
        "multiValueHeaders": {name: [value] for name, value in named.items()},
        "queryStringParameters": parameters,
        "multiValueQueryStringParameters": None,
        "requestContext": {"stage": "prod", "identity": {"sourceIp": "203.0.113.9"}},
        "body": body or None,
        "isBase64Encoded": False,
    }


def balancer(method: str, path: str, headers: Mapping[str, str], body: str) -> Event:
    """Of a load balancer."""
    event = payload_1(method, path, headers, body)
    del event["multiValueHeaders"]
    del event["multiValueQueryStringParameters"]
    event["headers"] = {**event["headers"], "x-forwarded-for": "198.51.100.1, 203.0.113.9"}
    return {**event, "requestContext": {"elb": {"targetGroupArn": "arn:aws:…"}}}


def balancer_of_many(method: str, path: str, headers: Mapping[str, str], body: str) -> Event:
    """Of a load balancer that sends each header with all of its values."""
    event = balancer(method, path, headers, body)
    event["multiValueHeaders"] = {name: [value] for name, value in event.pop("headers").items()}
    return event


FORMS = (payload_2, payload_2_of_a_stage, payload_1, balancer, balancer_of_many)


def said(answer: Event) -> Any:  # noqa: ANN401
    return json.loads(answer["body"])


async def invoked(there: Function, event: Event, seconds: float = 30.0) -> Event:
    return dict(await asyncio.to_thread(there.invoke, event, seconds))


async def ordered(there: Function, shop: Shop, form: Form) -> str:
    headers = {**shop.jwt, "Content-Type": "application/json"}
    body = json.dumps({"packageId": "starter"})
    answer = await invoked(there, form("POST", "/api/payments/checkout", headers, body))
    assert answer["statusCode"] == 200, answer
    return str(said(answer)["orderId"])


def webhook_of(form: Form, order_id: str, imp_uid: str) -> Event:
    body = json.dumps({"imp_uid": imp_uid, "merchant_uid": order_id, "status": "paid"})
    return form("POST", "/payment/portone/webhook", {"Content-Type": "application/json"}, body)


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
async def test_webhook_is_followed_before_it_is_answered(
    lambda_function: Function, shop: Shop, form: Form
) -> None:
    order_id = await ordered(lambda_function, shop, form)
    imp_uid = await shop.pay(order_id)
    answer = await invoked(lambda_function, webhook_of(form, order_id, imp_uid))
    assert (answer["statusCode"], said(answer)) == (200, {"received": True})
    assert (shop.row(order_id)["status"], await shop.tokens()) == ("completed", 15)
    named = answer.get("headers") or {
        name: values[0] for name, values in answer["multiValueHeaders"].items()
    }
    assert named["x-content-type-options"] == "nosniff"
    asked = form("GET", f"/payments/complete?merchant_uid={order_id}&imp_uid={imp_uid}", {}, "")
    assert (await invoked(lambda_function, asked))["statusCode"] == 303


async def test_webhook_without_time_is_given_back_and_done_by_the_schedule(
    lambda_function: Function, shop: Shop
) -> None:
    order_id = await ordered(lambda_function, shop, payload_2)
    imp_uid = await shop.pay(order_id)
    await shop.play("faults", "PUT", kind="delay", delay_s=4, next=9)
    answer = await invoked(lambda_function, webhook_of(payload_2, order_id, imp_uid), 3.0)
    assert answer["statusCode"] == 200
    await shop.play("faults", "PUT")
    assert shop.row(order_id)["status"] == "pending"
    swept = await invoked(lambda_function, {"coinslot": "sweep"})
    assert set(swept.values()) == {"done"}
    assert {"webhooks", "deliver", *LOOPS} == set(swept)
    await shop.followed(order_id)
    assert (shop.row(order_id)["status"], await shop.tokens()) == ("completed", 15)


async def test_body_beyond_the_limit_is_refused(lambda_function: Function) -> None:
    event = payload_2("POST", "/payment/portone/webhook", {}, "x" * 70_000)
    answer = await invoked(lambda_function, event)
    assert (answer["statusCode"], said(answer)["code"]) == (413, "body_too_large")


async def test_pages_come_as_text(lambda_function: Function) -> None:
    answer = await invoked(lambda_function, payload_2("GET", "/web/coinslot.js", {}, ""))
    assert answer["isBase64Encoded"] is False
    assert "defineCoinslot" in answer["body"]


async def test_event_that_is_nothing_is_an_error(lambda_function: Function) -> None:
    with pytest.raises(RuntimeError, match="UnknownEventError"):
        await invoked(lambda_function, {"Records": []})


async def test_the_schedule_does_all_that_servers_do_in_loops(stack: LocalStack) -> None:
    """Each loop of a server has a figure, which begins at 0 when it starts."""
    async with httpx.AsyncClient() as http:
        page = (await http.get(stack.settings.metrics_url)).raise_for_status().text
    found = set(re.findall(r'coinslot_background_runs_total\{[^}]*work="(\w+)"', page))
    assert found - {"backlog"} >= LOOPS
    # Those of the inbox and of the deliveries have names of their own.
    assert found - {"backlog", "deliver", "sweep", "webhooks"} == LOOPS


async def test_schedule_without_an_input_is_the_same(lambda_function: Function) -> None:
    event = {"source": "aws.events", "detail-type": "Scheduled Event"}
    assert set((await invoked(lambda_function, event)).values()) == {"done"}


async def test_wrong_setting_is_said_in_a_sentence(tmp_path: Path) -> None:
    wrong = {"SUPABASE_URL": "https://x.supabase.co"}
    with (
        function(wrong, tmp_path) as there,
        pytest.raises(RuntimeError, match="SUPABASE_ANON_KEY is not set"),
    ):
        await invoked(there, {"coinslot": "sweep"})
