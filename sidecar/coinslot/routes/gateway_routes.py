"""The routes that a gateway has of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import BaseModel
    from sanic import Blueprint

    from coinslot.routes.openapi.operation import Json, Operation


@dataclass(frozen=True, slots=True, eq=False)
class GatewayRoutes:
    """One gateway's blueprint, and what the OpenAPI document says of it.

    `offer` is what `/store/config` tells of the gateway while it is on, with an example of it;
    `webhook` is an example of what the gateway sends.
    """

    gateway: str
    blueprint: Blueprint
    operations: tuple[Operation, ...]
    offer: tuple[type[BaseModel], Json]
    webhook: Json
