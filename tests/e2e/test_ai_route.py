"""The pattern for AI routes, as an app would run it: hold, generate, capture; release on failure.

Each test runs against the Next.js route and against the Python one.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

import httpx
import pytest
import pytest_asyncio

from tests.e2e.ai import (
    COMMANDS,
    ROOT,
    Answer,
    Model,
    Network,
    Route,
    Surroundings,
    route_process,
    surroundings,
)
from tests.support.servers import until, wait_until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.shop import Shop
    from tests.support.stacks import LocalStack

PRICE = 2
ANSWERS = (ROOT / "tests/examples/ai_route/answers.sql").read_text()


class Scene(NamedTuple):
    kind: str
    env: dict[str, str]
    model: Model
    network: Network
    route: Route


@pytest_asyncio.fixture(scope="module")
async def answers_table(stack: LocalStack) -> AsyncIterator[None]:
    """The table of the app, as long as these tests run."""
    with stack.connect() as connection:
        connection.execute(ANSWERS)
        connection.execute("notify pgrst, 'reload schema'")
        async with httpx.AsyncClient(headers=stack.headers(), trust_env=False) as http:

            async def seen() -> bool:
                return (await http.get(f"{stack.api_url}/rest/v1/answers")).status_code == 200

            await until(seen)
        yield
        connection.execute("drop table public.answers")
        connection.execute("notify pgrst, 'reload schema'")


@pytest_asyncio.fixture(scope="module")
async def around(stack: LocalStack, answers_table: None) -> AsyncIterator[Surroundings]:
    async with surroundings(stack) as around:
        yield around


@pytest_asyncio.fixture(scope="module", params=COMMANDS)
async def running_scene(
    request: pytest.FixtureRequest, around: Surroundings
) -> AsyncIterator[Scene]:
    async with route_process(request.param, around.env) as route:
        yield Scene(request.param, around.env, around.model, around.network, route)


@pytest.fixture
def scene(running_scene: Scene) -> Scene:
    running_scene.model.reset()
    return running_scene


def books(shop: Shop) -> tuple[int, int, int]:
    """The buyer's tokens, tokens held, and number of spends."""
    found = shop.select(
        "select tokens, held, (select count(*) from token_ledger l "
        "where l.user_id = w.user_id and l.kind = 'spend') from token_wallets w where user_id = %s",
        shop.buyer.id,
    )
    tokens, held, spends = found[0]
    return tokens, held, spends


async def started(scene: Scene, shop: Shop, question: str = "why?") -> asyncio.Task[Answer]:
    """A request whose answer is being generated, and stays so until the model may answer."""
    scene.model.may_answer.clear()
    seen = len(scene.model.asked)
    task: asyncio.Task[Answer] = asyncio.create_task(scene.route.ask(shop.buyer, question))
    await wait_until(lambda: len(scene.model.asked) > seen)
    return task


async def test_answer_is_paid_once_it_exists(scene: Scene, shop: Shop) -> None:
    request = await started(scene, shop)
    assert (books(shop), await shop.tokens()) == ((5, PRICE, 0), 3)
    scene.model.may_answer.set()
    assert await request == (200, {"answer": "why? (1)"})
    assert books(shop) == (3, 0, 1)


async def test_failed_generation_costs_nothing_and_may_be_asked_again(
    scene: Scene, shop: Shop
) -> None:
    scene.model.fails = True
    for _ in range(3):
        assert (await scene.route.ask(shop.buyer))[0] == 502
    assert books(shop) == (5, 0, 0)
    scene.model.fails = False
    assert await scene.route.ask(shop.buyer) == (200, {"answer": "why? (4)"})
    assert books(shop) == (3, 0, 1)


async def test_too_few_tokens_answer_402_with_the_balance_and_ask_no_model(
    scene: Scene, shop: Shop
) -> None:
    await shop.rpc("spend_tokens", shop.buyer, amount=4, idempotency_key="elsewhere")
    expected = {"error": "Insufficient tokens", "tokens": 1, "required": PRICE}
    assert await scene.route.ask(shop.buyer) == (402, expected)
    assert scene.model.asked == []


class TestRetry:
    async def test_of_an_answered_request_gives_the_same_answer_for_nothing(
        self, scene: Scene, shop: Shop
    ) -> None:
        answers = [await scene.route.ask(shop.buyer) for _ in range(3)]
        assert answers == [(200, {"answer": "why? (1)"})] * 3
        assert books(shop) == (3, 0, 1)

    async def test_after_the_reply_to_the_capture_was_lost_pays_no_second_time(
        self, scene: Scene, shop: Shop
    ) -> None:
        scene.network.loses_reply_of = "rpc/capture_token_hold"
        assert (await scene.route.ask(shop.buyer))[0] == 502
        assert books(shop) == (3, 0, 1)
        assert await scene.route.ask(shop.buyer) == (200, {"answer": "why? (1)"})
        assert (books(shop), scene.model.asked) == ((3, 0, 1), ["why?"])

    async def test_after_the_reply_to_the_release_was_lost_is_served(
        self, scene: Scene, shop: Shop
    ) -> None:
        scene.model.fails = True
        scene.network.loses_reply_of = "rpc/release_token_hold"
        assert (await scene.route.ask(shop.buyer))[0] == 502
        scene.model.fails = False
        assert await scene.route.ask(shop.buyer) == (200, {"answer": "why? (2)"})
        assert books(shop) == (3, 0, 1)

    async def test_by_a_browser_that_gave_up_waiting_pays_once(
        self, scene: Scene, shop: Shop
    ) -> None:
        request = await started(scene, shop)
        request.cancel()
        scene.model.may_answer.set()

        async def answered() -> bool:
            status, _ = await scene.route.ask(shop.buyer)
            assert status in {200, 409}
            return status == 200

        await until(answered)
        assert books(shop) == (3, 0, 1)


class TestTwoTabs:
    async def test_with_one_question_ask_the_model_once(self, scene: Scene, shop: Shop) -> None:
        request = await started(scene, shop)
        assert await scene.route.ask(shop.buyer) == (409, {"error": "In progress"})
        scene.model.may_answer.set()
        assert await request == (200, {"answer": "why? (1)"})
        assert (books(shop), scene.model.asked) == ((3, 0, 1), ["why?"])

    async def test_cannot_spend_the_same_tokens(self, scene: Scene, shop: Shop) -> None:
        """8 questions of 2 on a balance of 5: 2 answered, 6 refused, none generated for nothing."""
        questions = [f"question {n}" for n in range(8)]
        answers = await asyncio.gather(*(scene.route.ask(shop.buyer, q) for q in questions))
        assert sorted(status for status, _ in answers) == [200] * 2 + [402] * 6
        assert (len(scene.model.asked), books(shop)) == (2, (1, 0, 2))

    async def test_cannot_take_the_tokens_back_while_the_answer_is_on_its_way(
        self, scene: Scene, shop: Shop
    ) -> None:
        request = await started(scene, shop)
        query = "select id::text from coinslot.token_holds where user_id = %s"
        ((hold_id,),) = shop.select(query, shop.buyer.id)
        for rpc in ("release_token_hold", "capture_token_hold"):
            refused = await shop.http.post(
                f"{shop.stack.api_url}/rest/v1/rpc/{rpc}",
                json={"hold_id": hold_id},
                headers=shop.stack.headers(shop.buyer),
            )
            assert (refused.status_code, refused.json()["code"]) == (403, "42501")
        scene.model.may_answer.set()
        assert (await request, books(shop)) == ((200, {"answer": "why? (1)"}), (3, 0, 1))


async def test_tokens_of_a_killed_process_come_back_by_the_clock(scene: Scene, shop: Shop) -> None:
    async with route_process(scene.kind, {**scene.env, "ANSWER_SECONDS": "1"}) as route:
        request = await started(scene._replace(route=route), shop)
        route.process.kill()
        with pytest.raises(httpx.TransportError):
            await request
    assert books(shop) == (5, PRICE, 0)

    async def are_back() -> bool:
        return await shop.tokens() == 5

    await until(are_back)
    scene.model.may_answer.set()
    assert (await scene.route.ask(shop.buyer))[0] == 200
    assert books(shop) == (3, 0, 1)


async def test_generation_that_takes_too_long_is_given_up_and_costs_nothing(
    scene: Scene, shop: Shop
) -> None:
    async with route_process(scene.kind, {**scene.env, "ANSWER_SECONDS": "1"}) as route:
        status, _ = await (await started(scene._replace(route=route), shop))
        assert status == 502
    assert books(shop) == (5, 0, 0)


async def test_stranger_is_not_served(scene: Scene, shop: Shop) -> None:
    _, person, signature = shop.buyer.token.split(".")
    tokens = (shop.stack.keys.anon, f"e30.{person}.{signature}", "nonsense")
    for headers in ({}, *({"Authorization": f"Bearer {token}"} for token in tokens)):
        answer = await scene.route.http.post(
            scene.route.url, json={"question": "why?"}, headers=headers
        )
        assert answer.status_code == 401
    assert (scene.model.asked, books(shop)) == ([], (5, 0, 0))
