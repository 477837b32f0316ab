"""The base of Stripe's objects, and pages of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StrictBool, ValidationError

from coinslot.gateways.http import nonsense

if TYPE_CHECKING:
    from collections.abc import Mapping

Minor = Annotated[int, Field(strict=True, ge=0)]
"""A whole amount in the unit that Stripe has for its currency."""


class Object(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Page(Object):
    data: list[Any]
    has_more: StrictBool


P = TypeVar("P", bound=Page)


def page_of(kind: type[P], answer: Mapping[str, Any], named: str) -> P:
    """Raises `GatewayUnavailable` for one that makes no sense.

    So does one that is empty and not the last: it would hide those that follow.
    """
    try:
        page = kind.model_validate(answer)
    except ValidationError as error:
        message = f"{named} do not parse"
        raise nonsense(message) from error
    if page.has_more and not page.data:
        message = f"an empty page of {named} is not the last"
        raise nonsense(message)
    return page
