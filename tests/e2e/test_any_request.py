"""Schemathesis, from the APIs' own OpenAPI documents, as somebody signed in: whatever is sent, no
answer is a failure of the server or of a form that the document does not tell of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from coinslot.routes.openapi.document import document
from tests.support.servers import PATIENCE
from tests.support.sizes import sized

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.stacks import LocalStack, Person

EXAMPLES = sized(5, proofs=40)

SIDECAR = schemathesis.openapi.from_dict(document())


def operations(schema: Any) -> dict[str, Any]:  # noqa: ANN401 - Schemathesis' own
    """By label; one that the document gets wrong raises."""
    found = [each.ok() for each in schema.get_all_operations()]
    return {operation.label: operation for operation in found}


OPERATIONS = operations(SIDECAR)

# PostgREST's document tells of no errors, and of no answers of functions.
SIDECARS = (
    *(not_a_server_error, status_code_conformance),
    *(content_type_conformance, response_schema_conformance),
)
POSTGRESTS = (not_a_server_error,)


@pytest.fixture(scope="module")
def person(stack: LocalStack) -> Person:
    return stack.sign_up()


@pytest.fixture(autouse=True)
def sound(stack: LocalStack) -> Iterator[None]:
    yield
    with stack.connect() as connection:
        assert connection.execute("select * from coinslot_verify_ledger()").fetchall() == []


def try_out(
    operation: Any,  # noqa: ANN401 - Schemathesis' own
    base_url: str,
    headers: dict[str, str],
    checks: tuple[Any, ...],
) -> int:
    """The number of requests that were sent."""
    sent = 0

    @given(case=operation.as_strategy())
    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    def check(case: Any) -> None:  # noqa: ANN401
        nonlocal sent
        case.headers = {**(case.headers or {}), **headers}
        response = case.call(base_url=base_url, timeout=PATIENCE)
        case.validate_response(response, checks=checks)
        sent += 1

    check()
    return sent


@pytest.mark.parametrize("label", OPERATIONS)
def test_sidecar(label: str, stack: LocalStack, person: Person) -> None:
    headers = {"Authorization": f"Bearer {person.token}"}
    assert try_out(OPERATIONS[label], stack.sidecar_url, headers, SIDECARS)


def test_postgrest(
    stack: LocalStack, person: Person, record_property: Callable[[str, object], None]
) -> None:
    """Every table and function that a signed-in person is shown."""
    base_url, headers = f"{stack.api_url}/rest/v1", stack.headers(person)
    shown = httpx.get(f"{base_url}/", headers=headers).raise_for_status().json()
    schema = schemathesis.openapi.from_dict(shown)
    sent = {
        label: try_out(operation, base_url, headers, POSTGRESTS)
        for label, operation in operations(schema).items()
    }
    assert any("/rpc/spend_tokens" in label for label in sent)
    record_property("requests", sum(sent.values()))
