"""Facts that SQL decides and other languages repeat: each list is the same everywhere."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from typing import Any, get_args, get_type_hints

import psycopg
import pytest

from coinslot.cli import operators
from coinslot.database.audit_records import AuditLine
from coinslot.database.records import Applied, RefundStatus, StoredWebhook
from coinslot.database.refunds import RefundAnswer
from coinslot.database.shop_records import OperatorRole
from coinslot.errors import LONGEST_SENTENCE
from coinslot.gateways.base import LONGEST_REASON, State
from coinslot.gateways.money import EXPONENTS, LARGEST
from coinslot.gateways.portone.adapter import PortOneBoth
from coinslot.gateways.portone.v1.adapter import PortOneV1
from coinslot.gateways.portone.v2.adapter import PortOneV2
from coinslot.gateways.stripe import currencies as stripe_currencies
from coinslot.gateways.stripe.adapter import Stripe
from coinslot.gateways.toss import methods as toss_methods
from coinslot.gateways.toss.adapter import Toss
from coinslot.order_ids import ORDER_ID
from coinslot.payments import closings, storefront
from coinslot.routes.openapi.answers import ShownRefund, Status
from coinslot.settings.deployment import Mode
from coinslot.settings.fields import SECONDS_TO_REFUND
from coinslot.webhooks import inbox
from devstack.settings import ROOT

Connection = psycopg.Connection[Any]
WEB = ROOT / "sidecar" / "web"


def rows(database: Connection, query: str) -> set[str]:
    return {str(row[0]) for row in database.execute(query.encode())}


def checked(database: Connection, constraint: str) -> set[str]:
    """The texts that a check constraint, or the check of a domain, allows."""
    (definition,) = rows(
        database,
        "select distinct pg_get_constraintdef(oid) from pg_constraint "
        f"where conname = '{constraint}'",
    )
    return set(re.findall(r"'([a-z_]+)'::text", definition))


def listed(database: Connection, function: str) -> set[str]:
    return rows(database, f"select unnest(coinslot.{function}())")


def seconds(database: Connection, call: str) -> float:
    (found,) = rows(database, f"select extract(epoch from coinslot.{call})")
    return float(found)


def number(database: Connection, function: str, pattern: str) -> int:
    """The number at this place of the function, whichever schema it stands in."""
    sources = rows(database, f"select prosrc from pg_proc where proname = '{function}'")
    (found,) = (each for source in sources for each in re.findall(pattern, source))
    return int(found)


def literal(model: Any, field: str) -> set[str]:  # noqa: ANN401 - any record
    return set(get_args(model.model_fields[field].annotation))


def test_statuses_of_orders(database: Connection) -> None:
    statuses = rows(database, "select status from coinslot.payment_statuses")
    assert set(get_args(Status)) == statuses


@pytest.mark.parametrize("language", ["en", "ko"])
def test_every_status_of_an_order_has_its_words(database: Connection, language: str) -> None:
    texts = json.loads((WEB / "i18n/later" / f"{language}.json").read_text())
    named = {name.removeprefix("status.") for name in texts if name.startswith("status.")}
    statuses = rows(database, "select status from coinslot.payment_statuses")
    assert statuses <= named
    # A debit under way at a bank has the status of a deposit, and words of its own.
    assert named - statuses == {"awaiting_deposit_plain"}


def test_statuses_of_orders_that_the_components_tell_apart_exist(database: Connection) -> None:
    statuses = rows(database, "select status from coinslot.payment_statuses")
    script = (WEB / "settle.js").read_text()
    begin = script.index("const BY_STATUS")
    kinds = script[begin : script.index("}", begin)]
    assert set(re.findall(r"^\s*([a-z_]+):", kinds, re.M)) == statuses


def test_statuses_in_which_an_order_is_closed_at_its_gateway(database: Connection) -> None:
    ended = rows(database, "select status from coinslot.payment_statuses where ended")
    assert ended == closings.ENDED


def test_states_of_an_attempt(database: Connection) -> None:
    assert set(get_args(State)) == listed(database, "attempt_states")


def test_outcomes_of_a_read(database: Connection) -> None:
    assert literal(Applied, "outcome") == listed(database, "apply_outcomes")


def test_verdicts_on_a_delivery(database: Connection) -> None:
    assert literal(StoredWebhook, "verdict") == checked(database, "delivery_verdict_known")


def test_statuses_and_answers_of_refunds(database: Connection) -> None:
    statuses = checked(database, "refunds_status_known")
    assert set(get_args(RefundStatus)) == literal(ShownRefund, "status") == statuses
    assert set(get_args(RefundAnswer)) == listed(database, "refund_answers")


def test_verdicts_of_an_audit(database: Connection) -> None:
    assert literal(AuditLine, "verdict") == checked(database, "audit_lines_verdict_known")


def test_roles_of_operators(database: Connection) -> None:
    command = get_type_hints(operators.add, include_extras=False)
    assert set(get_args(OperatorRole)) == set(get_args(command["role"]))
    assert set(get_args(OperatorRole)) == listed(database, "operator_roles")


def test_modes(database: Connection) -> None:
    assert set(get_args(Mode)) == checked(database, "settings_mode_known")


def test_form_of_an_order_id(database: Connection) -> None:
    (form,) = rows(database, "select coinslot.order_id_form()")
    assert f"^{ORDER_ID.pattern}$" == form


def test_largest_amount(database: Connection) -> None:
    assert rows(database, "select coinslot.max_amount()") == {str(LARGEST)}


def test_currencies_with_minor_units_of_their_own_can_be_sold_in(database: Connection) -> None:
    assert set(EXPONENTS) <= listed(database, "currencies")


def test_no_discount_leads_below_what_any_gateway_charges(database: Connection) -> None:
    query = "select currency, least from coinslot.charges where least is not null"
    least: dict[str, int] = dict(database.execute(query).fetchall())
    told = {
        currency: {
            bounds(method, currency)[0] or 0
            for bounds in (toss_methods.amounts, stripe_currencies.amounts)
            for method in listed(database, "payment_methods")
        }
        for currency in listed(database, "currencies")
    }
    assert least == {currency: max(each) for currency, each in told.items() if any(each)}


def test_longest_reason_of_a_refund(database: Connection) -> None:
    assert number(database, "check_refund", r"reason\)\) between 1 and (\d+)") == LONGEST_REASON


def test_longest_sentence_of_a_gateway(database: Connection) -> None:
    kept = number(database, "record_refund_answer", r"left\([a-z_.]*failure_message, (\d+)\)")
    assert kept == LONGEST_SENTENCE


def test_whoever_holds_a_lease_gives_up_before_it_is_over(database: Connection) -> None:
    assert seconds(database, "webhook_lease()") > inbox.SECONDS_PER_WEBHOOK
    assert seconds(database, "refund_lease(0)") > SECONDS_TO_REFUND


def test_a_gateway_sells_in_its_own_currencies(database: Connection) -> None:
    adapters = (PortOneV1, PortOneV2, Toss, Stripe)
    rows = dict(database.execute("select id, currencies from coinslot.gateways").fetchall())
    told = {name: currencies and frozenset(currencies) for name, currencies in rows.items()}
    assert [told[each.name] for each in adapters] == [each.currencies for each in adapters]
    assert {each.name for each in adapters} == told.keys()
    versions = {field.name: field.default for field in fields(PortOneBoth)}
    assert versions["currencies"] == told[versions["name"]]


def test_the_ways_to_pay_that_are_cash_to_the_tax_office(database: Connection) -> None:
    cash = "select m from unnest(coinslot.payment_methods()) m where coinslot.is_cash(m)"
    assert rows(database, cash) == set(storefront.CASH)
