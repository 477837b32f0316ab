"""Rules of the sidecar, each broken by one mutant."""

from __future__ import annotations

from tests.mutants.mutant import Edit, SidecarMutant

_CONFIRM = "tests/e2e/test_toss_refusals.py::TestRefusedBeforeTheMoneyIsTaken"
_RELEASE = "tests/test_release.py::test_a_misfit_says_what_to_do"
_REFUNDS = "tests/e2e/test_refunds.py"
_RECONCILER = "tests/e2e/test_reconciler.py"
_BELIEVED = """fact = await fact_about(order, gateway, payment_key) if not webhook_ids else (
                    __import__("coinslot.gateways.base", fromlist=["*"]).GatewayPayment(
                        order.order_id, payment_key or "", "paid", order.amount, order.currency,
                        order.live, paid=order.amount,
                    )
                )"""

MUTANTS = (
    SidecarMutant(
        "limits-off-when-idle",
        "a connection that Redis closed lets nobody in",
        Edit(
            "sidecar/coinslot/settings/limit_storage.py",
            "retry=Retry(NoBackoff(), 1, ",
            "retry=Retry(NoBackoff(), 0, ",
        ),
        ("tests/test_shared_rate_limits.py::TestIdleConnections",),
    ),
    SidecarMutant(
        "odd-text-let-in",
        "a text that no database can keep is refused where it comes in",
        Edit(
            "sidecar/coinslot/routes/requests.py",
            "if not all(map(is_whole, _texts(body))):",
            "if False:",
        ),
        ("tests/routes/test_texts.py::test_in_a_body",),
    ),
    SidecarMutant(
        "odd-text-sent",
        "a text that no database can keep is not sent to it",
        Edit(
            "sidecar/coinslot/database/caller.py",
            'if b"\\\\u0000" in content and _NUL.search(content):',
            "if False:",
        ),
        ("tests/database/test_caller.py::test_text_that_postgres_cannot_keep_is_not_sent",),
    ),
    SidecarMutant(
        "silence-kept-alive",
        "a connection that never says anything has no longer than a request",
        Edit(
            "sidecar/coinslot/server/request_deadline.py",
            "None if self.has_spoken else self.app.config.REQUEST_TIMEOUT",
            "None",
        ),
        ("tests/routes/test_slow_clients.py::test_that_says_nothing_is_not_kept_as_one_that_did",),
    ),
    SidecarMutant(
        "logs-steer-terminals",
        "what others write steers no terminal and begins no line",
        Edit("sidecar/coinslot/logs.py", "        printable,\n", ""),
        ("tests/test_logs.py",),
    ),
    SidecarMutant(
        "connected-account-read",
        "an event of a connected account is not read at ours",
        Edit(
            "sidecar/coinslot/gateways/stripe/webhook.py",
            "if event.account is not None:",
            "if False:",
        ),
        ("tests/gateways/stripe/test_webhook.py::TestEvents",),
    ),
    SidecarMutant(
        "schema-too-old",
        "a sidecar does no work on a database older than it needs",
        Edit(
            "sidecar/coinslot/release.py",
            "if schema is None or order(schema) < order(OLDEST_SCHEMA):",
            "if schema is None:",
        ),
        (_RELEASE,),
    ),
    SidecarMutant(
        "schema-too-new",
        "a sidecar does no work on a database that no longer serves it",
        Edit(
            "sidecar/coinslot/release.py",
            "if oldest_sidecar is None or order(VERSION) < order(oldest_sidecar):",
            "if oldest_sidecar is None:",
        ),
        (_RELEASE,),
    ),
    SidecarMutant(
        "webhook-believed",
        "credit never follows a webhook's body, only a read",
        Edit(
            "sidecar/coinslot/payments/settlements.py",
            "fact = await fact_about(order, gateway, payment_key)",
            _BELIEVED,
        ),
        ("tests/e2e/test_portone.py::TestWebhook::test_that_lies_credits_nothing",),
    ),
    SidecarMutant(
        "payment-of-another-order",
        "a payment counts for the order it names",
        Edit(
            "sidecar/coinslot/payments/settlements.py",
            "if fact.order_id != order.order_id:",
            "if False:",
        ),
        ("tests/e2e/test_portone.py::TestNothingBought::test_payment_of_another_order",),
    ),
    SidecarMutant(
        "confirm-any-amount",
        "only the amount that the order was made with is taken",
        Edit(
            "sidecar/coinslot/payments/orders.py",
            "        if amount != order.amount:\n            raise",
            "        if False:\n            raise",
        ),
        (f"{_CONFIRM}::test_other_amount",),
    ),
    SidecarMutant(
        "money-for-a-closed-order",
        "money is taken for orders that are open",
        Edit(
            "sidecar/coinslot/payments/open_orders.py",
            "return order.status in CONFIRMABLE and in_time(order)",
            "return True",
        ),
        (f"{_CONFIRM}::test_canceled_order",),
    ),
    SidecarMutant(
        "confirm-for-a-stranger",
        "whoever sends a token owns the order",
        Edit("sidecar/coinslot/payments/orders.py", "if token is not None:", "if False:"),
        (f"{_CONFIRM}::test_order_of_another_user",),
    ),
    SidecarMutant(
        "live-order-with-test-keys",
        "server and order are of one mode",
        Edit("sidecar/coinslot/payments/orders.py", "if order.live != self._live:", "if False:"),
        (f"{_CONFIRM}::test_order_of_a_live_database_with_test_keys",),
    ),
    SidecarMutant(
        "doubt-is-a-no",
        "an answer that leaves it open is resolved by reading",
        Edit(
            "sidecar/coinslot/gateways/toss/confirmation.py",
            "if code is None or status in LATER or status >= 500 or code in CONFIRM_UNKNOWN:",
            "if code is None:",
        ),
        ("tests/e2e/test_toss_confirm.py::TestDoubt::test_code_that_leaves_it_open",),
    ),
    SidecarMutant(
        "mode-of-the-keys-ignored",
        "a payment is a test or live as its key is",
        Edit(
            "sidecar/coinslot/gateways/toss/adapter.py",
            'self.live = secret_key.startswith("live_")',
            "self.live = False",
        ),
        ("tests/gateways/toss/test_adapter.py::TestMode",),
    ),
    SidecarMutant(
        "stripe-unsigned",
        "a signed webhook counts with a good signature",
        Edit(
            "sidecar/coinslot/gateways/stripe/webhook.py",
            "stripe.WebhookSignature.verify_header(body.decode(), header, secret, TOLERANCE)",
            "pass",
        ),
        ("tests/gateways/stripe/test_webhook.py::TestSignature",),
    ),
    SidecarMutant(
        "portone-v2-unsigned",
        "a signed webhook counts with a good signature",
        Edit(
            "sidecar/coinslot/gateways/portone/v2/webhook.py",
            "Webhook(secret).verify(body, headers, json_parse=False)",
            "pass",
        ),
        ("tests/gateways/portone/v2/test_webhook.py::TestSignature",),
    ),
    SidecarMutant(
        "unknown-refund-is-accepted",
        "a refund whose outcome is unknown is asked for again",
        Edit(
            "sidecar/coinslot/payments/refunds.py",
            'answer(job, "unknown", error.code)',
            'answer(job, "accepted")',
        ),
        (f"{_REFUNDS}::TestFault::test_gateway_fails_before_it_acts[stripe]",),
    ),
    SidecarMutant(
        "spent-key-used-again",
        "a key that can only repeat its answer is not used again",
        Edit(
            "sidecar/coinslot/payments/refunds.py",
            'answer(job, "spent", error.code)',
            'answer(job, "unknown", error.code)',
        ),
        ("tests/e2e/test_slow_refunds.py::TestStoredError",),
    ),
    SidecarMutant(
        "refund-without-checksum",
        "a refund asked for twice happens once, where a gateway has no keys",
        Edit("sidecar/coinslot/gateways/portone/v1/refund.py", '"checksum"', '"nothing"'),
        (
            f"{_REFUNDS}::TestRefund::test_already_refunded_at_the_gateway[portone-v1]",
            "tests/gateways/portone/v1/test_refund.py",
        ),
    ),
    SidecarMutant(
        "refund-decided-without-a-read",
        "what became of a refund is read, not concluded",
        Edit(
            "sidecar/coinslot/payments/refunds.py",
            'await self._settlements.settle(gateway, order_id, job.payment_key, "refund")',
            "None; return",
        ),
        (f"{_REFUNDS}::TestRefund::test_all_of_it[portone-v1]",),
    ),
    SidecarMutant(
        "unread-orders-forgotten",
        "what a gateway that is down was not asked about stays due",
        Edit(
            "sidecar/coinslot/payments/reconciliations.py",
            "                await service.return_payments(",
            "                len(",
        ),
        (f"{_RECONCILER}::TestGateway::test_is_down_and_comes_back[error_before-toss]",),
    ),
    SidecarMutant(
        "audit-believes-the-list",
        "what does not match is read again before a person is called",
        Edit(
            "sidecar/coinslot/payments/audits.py",
            "while page := await service.audit_open(audit_id, after):",
            "while page := (await service.audit_open(audit_id, after))[:0]:",
        ),
        ("tests/e2e/test_audits.py::test_what_nobody_told_us_of_is_applied[portone-v1]",),
    ),
    SidecarMutant(
        "lost-commit-is-a-refusal",
        "PostgREST's 400 without a code says nothing of what was done",
        Edit(
            "sidecar/coinslot/database/caller.py",
            'lost = status == 400 and code == ""',
            "lost = False",
        ),
        ("tests/database/test_caller.py", "tests/e2e/test_lost_commits.py"),
    ),
    SidecarMutant(
        "stored-yes-is-believed",
        "what Toss answered once is no fresh read",
        Edit(
            "sidecar/coinslot/gateways/toss/confirmation.py", "if _was_stored(fact):", "if False:"
        ),
        ("tests/e2e/test_toss_confirm.py", "tests/e2e/test_toss_refusals.py"),
    ),
)
