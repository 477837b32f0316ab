"""Rules of events and of their way to the app, each broken by one mutant."""

from __future__ import annotations

from tests.mutants.mutant import Edit, Rewrite, SidecarMutant, SqlMutant

OUTBOX = "sql_tests/39_outbox.test.sql"
ENDPOINTS = "sql_tests/40_endpoints.test.sql"
SUBSCRIPTION_EVENTS = "sql_tests/42_subscription_events.test.sql"
PARALLEL = "tests/database/test_parallel_subscriptions.py"
DELIVERIES = "tests/database/test_parallel_deliveries.py"
MAIL = "sql_tests/41_mail.test.sql"
ADDRESSES = "tests/outbox/test_addresses.py"
SEALED = "tests/test_sealed.py"


def _mutant(
    name: str, breaks: str, function: str, change: tuple[str, str], proof: str
) -> SqlMutant:
    return SqlMutant(name, breaks, (Rewrite(f"coinslot.{function}", *change),), (proof,))


MUTANTS = (
    _mutant(
        "next-looked-at-during-a-verdict",
        "an event is put off only where a verdict will call it",
        "claim_for",
        ("limit 1 for no key update skip locked", "limit 1"),
        DELIVERIES,
    ),
    _mutant(
        "event-told-twice",
        "a read that brings nothing new is no event",
        "payment_moves",
        (
            "after.confirmed_at is not null and before.confirmed_at is null",
            "after.confirmed_at is not null",
        ),
        OUTBOX,
    ),
    SqlMutant(
        "small-refund-not-told",
        "each refund is told, though it moves no status",
        tuple(
            Rewrite(
                "coinslot.tell_of_payments", f"{row}.status, {row}.refunded", f"{row}.status, 0"
            )
            for row in ("a", "b")
        ),
        (OUTBOX,),
    ),
    _mutant(
        "low-told-again",
        "below the mark a wallet is told of once",
        "judge_level",
        ("set low_mark = null, low_rearm", "set low_mark = v_wallet.low_mark, low_rearm"),
        OUTBOX,
    ),
    _mutant(
        "low-armed-without-margin",
        "a wallet is armed again above the mark and a margin",
        "judge_level",
        ("v_settings.low_mark + v_settings.low_margin", "v_settings.low_mark"),
        OUTBOX,
    ),
    _mutant(
        "spend-does-not-look",
        "a spend that crosses the mark is noticed",
        "debit",
        ("if v_tokens - v_held < v_low_mark then", "if false then"),
        OUTBOX,
    ),
    _mutant(
        "hold-does-not-look",
        "a hold that crosses the mark is noticed",
        "hold",
        ("returning w.tokens - w.held < w.low_mark into v_level", "returning false into v_level"),
        OUTBOX,
    ),
    _mutant(
        "events-overtake",
        "events of a wallet go out one after the other",
        "claim_for",
        ("coalesce(d.seq > (", "coalesce(false and d.seq > ("),
        ENDPOINTS,
    ),
    SqlMutant(
        "parked-for-ever",
        "after one that is parked the next goes out",
        (
            Rewrite(
                "coinslot.claim_for",
                "b.user_id = d.user_id\n        and b.state = 'pending'",
                "b.user_id = d.user_id",
            ),
            Rewrite("coinslot.claim_for", "union select b.id from behind b where b.ready", ""),
        ),
        (ENDPOINTS,),
    ),
    _mutant(
        "lost-claim-speaks",
        "a claim that was lost says nothing of a failure",
        "finish_delivery",
        ("or v_delivery.attempts <> finish_delivery.attempt", "or false"),
        ENDPOINTS,
    ),
    _mutant(
        "first-behind-many",
        "the first of a wallet goes out, however many that wait for it are due before it",
        "claim_for",
        ("union select b.id from behind b where b.ready", ""),
        ENDPOINTS,
    ),
    _mutant(
        "arrived-and-parked",
        "what arrived after its endpoint was switched off is delivered",
        "finish_delivery",
        ("v_delivery.state = 'delivered' or", "v_delivery.state <> 'pending' or"),
        ENDPOINTS,
    ),
    _mutant(
        "replayed-to-another",
        "a replay by id sends what the endpoint is told of, or was",
        "events_to_replay",
        ("t.endpoint_id = endpoint.id and t.event_id = o.id", "true"),
        ENDPOINTS,
    ),
    _mutant(
        "told-of-the-past",
        "an endpoint that is switched on begins with what happens then",
        "set_endpoint",
        ("perform coinslot.park_all(v_old.id);", "null;"),
        ENDPOINTS,
    ),
    _mutant(
        "secret-shown",
        "support reads endpoints and changes none",
        "set_token_endpoint",
        ("perform coinslot.require_owner(set_token_endpoint.reason);", ""),
        ENDPOINTS,
    ),
    _mutant(
        "mailed-a-third-time",
        "one whose fate is unknown twice is not sent again",
        "finish_mail",
        (
            "finish_mail.outcome = 'unknown' and v_mail.unknowns = 0",
            "finish_mail.outcome = 'unknown'",
        ),
        MAIL,
    ),
    _mutant(
        "mailed-though-refused",
        "who does without a kind of mail gets none",
        "claim_mails",
        ("r.user_id = v_mail.user_id and r.kind = v_mail.kind", "false"),
        MAIL,
    ),
    _mutant(
        "mailed-of-free-tokens",
        "that tokens expire which nobody paid for is not mailed",
        "write_mails",
        ("and (k.only_if is null or new.data @@ k.only_if)\n      and not", "and not"),
        MAIL,
    ),
    _mutant(
        "past-due-told-each-time",
        "that a period is unpaid is told once",
        "subscription_moves",
        ("and change.from_status <> 'past_due'", ""),
        SUBSCRIPTION_EVENTS,
    ),
    _mutant(
        "renewal-told-of-what-ends",
        "what ends is told of no renewal",
        "remind_of_renewals",
        ("and not s.cancel_at_end and not s.pause_at_end", ""),
        SUBSCRIPTION_EVENTS,
    ),
    _mutant(
        "renewal-told-again",
        "a renewal is told once",
        "remind_of_renewals",
        ("(s.next_charge_at, s.id::text) > (v_walk.at, v_walk.after_id)", "true"),
        SUBSCRIPTION_EVENTS,
    ),
    _mutant(
        "server-waits-for-a-wallet",
        "whoever charges waits for nobody's wallet with a subscription locked",
        "claim_charges",
        ("inner join public.token_wallets w on w.user_id = s.user_id", ""),
        PARALLEL,
    ),
    _mutant(
        "decline-before-its-wallet",
        "a decline locks the wallet before what it changes",
        "finish_top_up",
        ("perform coinslot.lock_wallet(v_user_id);", ""),
        PARALLEL,
    ),
    SidecarMutant(
        "lost-answer-taken-for-a-no",
        "a connection that ends after the dot tells nothing",
        Edit(
            "sidecar/coinslot/outbox/mail_server.py",
            'Sent("unknown" if out else "temporary"',
            'Sent("temporary"',
        ),
        ("tests/outbox/test_mail_server.py",),
    ),
    SidecarMutant(
        "private-address-called",
        "an address is judged where it is dialled",
        Edit(
            "sidecar/coinslot/outbox/addresses.py",
            "and not any(address in network for network in _REFUSED)",
            "",
        ),
        (ADDRESSES,),
    ),
    SidecarMutant(
        "secret-opens-elsewhere",
        "a secret opens for what it was sealed for",
        Edit(
            "sidecar/coinslot/sealed.py",
            "json.dumps([_VERSION, key_id, purpose, owner]).encode()",
            "json.dumps([_VERSION, key_id]).encode()",
        ),
        (SEALED,),
    ),
)
