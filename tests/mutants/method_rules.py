"""Rules of ways to pay and of order ids, each broken by one mutant."""

from __future__ import annotations

from tests.mutants.mutant import Edit, Rewrite, SidecarMutant, SqlMutant

METHODS = "sql_tests/29_methods.test.sql"
ADAPTERS = "tests/gateways/test_methods.py"

MUTANTS = (
    SqlMutant(
        "method-unchecked",
        "an order asks for a way to pay that is known",
        (Rewrite("coinslot.check_method", "<> all (", "<> all ('{gold}'::text[] || "),),
        (METHODS,),
    ),
    SqlMutant(
        "method-asked-over",
        "what a gateway says of an order's way to pay stands",
        (Rewrite("coinslot.ask_again", "and t.status = 'pending'", ""),),
        (METHODS,),
    ),
    SqlMutant(
        "plain-ids-at-once",
        "a server of an older release meets no order id that it does not take",
        (
            Rewrite(
                "coinslot.write_order",
                "coinslot.new_order_id(v_settings.plain_order_ids)",
                "coinslot.new_order_id(true)",
            ),
        ),
        (METHODS,),
    ),
    SqlMutant(
        "link-runs-a-script",
        "a link of the shop begins no script",
        (Rewrite("coinslot.are_links", "'^https?://[^\\s<>\"]+$'", "'.'"),),
        (METHODS,),
    ),
    SidecarMutant(
        "dear-phone-bill",
        "an order that a way to pay cannot take opens no window",
        Edit(
            "sidecar/coinslot/gateways/toss/adapter.py",
            "or (most is not None and order.amount > most)",
            "",
        ),
        (f"{ADAPTERS}::test_what_a_way_cannot_take_opens_no_window",),
    ),
    SidecarMutant(
        "stolen-card-told",
        "nobody is told that a card is reported stolen",
        Edit(
            "sidecar/coinslot/gateways/stripe/declines.py",
            '"stolen_card": "declined"',
            '"stolen_card": "card_not_usable"',
        ),
        (f"{ADAPTERS}::test_a_stolen_card_is_not_told_to_whoever_holds_it",),
    ),
    SidecarMutant(
        "receipt-of-another",
        "a receipt is shown of the payment that counts alone",
        Edit(
            "sidecar/coinslot/payments/receipts.py",
            "fact.payment_key != order.payment_key or ",
            "",
        ),
        ("tests/payments/test_receipts.py",),
    ),
)
