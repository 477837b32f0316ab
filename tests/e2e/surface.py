"""The API's surface, read from Postgres' own catalogue, so that whatever is new is tested too.

What is open is named here, not read from the grants: a new object, or one that was opened by
mistake, counts as closed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psycopg

CASH_RECEIPTS = "update coinslot.settings set cash_receipts = %s"
CATALOGUE = {
    *("token_features", "token_prices", "token_offers", "token_products", "token_tiers"),
    *("token_plans", "token_plan_offers"),
}
"""Relations that everybody reads. Every other relation is rows of people."""

FOR_USERS = {
    *("get_user_tokens", "spend_tokens", "use_feature", "tokens", "update_profile"),
    *("create_token_order", "cancel_token_order", "list_token_holds", "list_token_refills"),
    *("check_token_code", "redeem_token_code", "get_token_invitation", "accept_token_invitation"),
    *("list_token_mails", "set_token_mail"),
    *("begin_token_method", "get_token_method", "list_token_methods", "remove_token_method"),
    *("subscribe_token_plan", "list_token_subscriptions", "cancel_token_subscription"),
    *("resume_token_subscription", "pause_token_subscription", "pay_token_subscription"),
    *("get_token_top_up", "set_token_top_up", "stop_token_top_up"),
    *("quote_token_plan", "upgrade_token_plan", "answer_token_price"),
    *("change_token_plan", "set_token_subscription_method", "get_unpaid_token_order"),
    *("list_token_lots", "get_token_document", "request_token_cash_receipt"),
    "withdraw_token_cash_receipt",
}
"""RPCs of a signed-in person."""

FOR_OPERATORS = {
    "accept_token_refund",
    "add_token_endpoint",
    "list_token_cash_receipts",
    "list_token_deliveries",
    "list_token_endpoints",
    "list_token_refunds",
    "replay_token_endpoint",
    "request_token_refund",
    "rotate_token_endpoint",
    "set_token_code",
    "set_token_endpoint",
    "set_token_promotion",
    "set_token_refill",
    "set_token_seller",
    "set_token_tiers",
    "test_token_endpoint",
    "token_console_act",
    "token_console_export",
    "token_console_get",
    "token_console_list",
    "token_console_report",
    "token_console_search",
    "void_token_orders",
}
"""RPCs that refuse everybody else by themselves. Every other one is the service's."""

_RELATIONS = """
select c.relname, c.relkind = 'v', array(
  select a.attname::text from pg_attribute a
  where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attidentity = ''
  order by a.attnum
)
from pg_class c
where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'f')
order by c.relname
"""

_RPCS = """
select p.proname, p.proargnames[:p.pronargs]
from pg_proc p
where p.pronamespace = 'public'::regnamespace and p.prokind = 'f'
order by p.proname
"""


@dataclass(frozen=True)
class Relation:
    name: str
    is_view: bool
    columns: list[str]
    """Those that a write may name: not what Postgres numbers itself."""

    @property
    def is_catalogue(self) -> bool:
        return self.name in CATALOGUE

    @property
    def owner(self) -> str:
        """The column that says whose row it is."""
        return "id" if self.name == "profiles" else "user_id"

    @property
    def row(self) -> dict[str, None]:
        """For a write that fails on privileges before it would fail on values."""
        return dict.fromkeys(self.columns)


@dataclass(frozen=True)
class Rpc:
    name: str
    parameters: list[str]

    @property
    def is_for_users(self) -> bool:
        return self.name in FOR_USERS

    @property
    def arguments(self) -> dict[str, None]:
        return dict.fromkeys(self.parameters)


@dataclass(frozen=True)
class Surface:
    relations: list[Relation]
    rpcs: list[Rpc]

    @property
    def private(self) -> list[Relation]:
        return [relation for relation in self.relations if not relation.is_catalogue]

    @property
    def service_rpcs(self) -> list[Rpc]:
        return [rpc for rpc in self.rpcs if rpc.name not in FOR_USERS | FOR_OPERATORS]


def surface(connection: psycopg.Connection) -> Surface:
    relations = [Relation(*row) for row in connection.execute(_RELATIONS)]
    rpcs = [Rpc(name, names or []) for name, names in connection.execute(_RPCS)]
    assert {relation.name for relation in relations} > CATALOGUE
    assert {rpc.name for rpc in rpcs} > FOR_USERS
    return Surface(relations, rpcs)
