"""The OpenAPI document is valid, complete, and its examples have the form it gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from openapi_spec_validator import validate

from coinslot.routes.console import console
from coinslot.routes.mail import mail_pages
from coinslot.routes.openapi.document import document
from coinslot.routes.page_document import document_pages
from coinslot.routes.pages import pages
from coinslot.routes.web_files import web_files
from coinslot.server.app import create_app
from tests.support.contract import problems
from tests.support.sidecars import settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx


def contents() -> Iterator[Any]:
    for path, methods in document()["paths"].items():
        for method, operation in methods.items():
            named = f"{method} {path}"
            yield from _json_of(operation.get("requestBody"), f"{named} request")
            for status, response in operation["responses"].items():
                yield from _json_of(response, f"{named} {status}")


def _json_of(described: dict[str, Any] | None, name: str) -> Iterator[Any]:
    if described is not None and "content" in described:
        yield pytest.param(described["content"]["application/json"], id=name)


async def test_document_is_served_and_valid(alone: httpx.AsyncClient) -> None:
    answer = await alone.get("/openapi.json")
    assert answer.status_code == 200
    assert answer.json() == document()
    validate(answer.json())


def test_every_route_is_in_it_and_nothing_else() -> None:
    """But the pages and their files, which are for people."""
    app = create_app(settings())
    served = {
        (method.lower(), "/" + route.path.replace(":str", "").translate(_BRACKETS))
        for route in app.router.routes
        if not any(
            f".{each.name}." in route.name
            for each in (pages, document_pages, mail_pages, console, web_files)
        )
        for method in route.methods - {"OPTIONS", "HEAD"}
    }
    documented = {(m, path) for path, methods in document()["paths"].items() for m in methods}
    assert documented == served


_BRACKETS = str.maketrans("<>", "{}")


@pytest.mark.parametrize("content", list(contents()))
def test_example_has_the_form_that_is_given(content: dict[str, Any]) -> None:
    assert problems(content["schema"], content["example"]) == []


def test_form_is_told_from_another_one() -> None:
    schema = {"$ref": "#/components/schemas/Received"}
    assert problems(schema, {"received": True}) == []
    assert problems(schema, {"received": False})
    assert problems(schema, {"received": True, "secret": "s"})
