"""The comparison: what the database has against what endpoints and the mailbox got."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, LiteralString

import psycopg
from psycopg.rows import dict_row

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.events.ways import Ear
    from tests.events.writers import Writers
    from tests.support.mailboxes import Mailbox

_WRITTEN: LiteralString = "select id from coinslot.outbox where type = 'wallet.low'"
_MAILS: LiteralString = """
select m.id, m.state, m.event_id, u.email from coinslot.mails m
join auth.users u on u.id = m.user_id where m.kind = 'tokens_low'
"""
_MOST = 2


def offences(
    url: str, writers: Writers, ears: Sequence[Ear], box: Mailbox, forged: int
) -> list[str]:
    """Empty where all is as it has to be."""
    with psycopg.connect(url, row_factory=dict_row) as connection:
        written = {each["id"] for each in connection.execute(_WRITTEN)}
        mails = connection.execute(_MAILS).fetchall()
    found = [f"lost before it was sent: {each}" for each in writers.committed - written]
    found += [f"rolled back, and there: {each}" for each in writers.undone & written]
    for number, ear in enumerate(ears, 1):
        found += [f"endpoint {number}: out of order: {each}" for each in ear.early]
        found += [f"endpoint {number}: lost: {each}" for each in written - ear.taken.keys()]
        found += [f"endpoint {number}: of nothing: {each}" for each in ear.told.keys() - written]
    found += [f"{forged} calls were not signed"] if forged else []
    return [*found, *_of_mails(written, mails, box)]


def _of_mails(written: set[str], mails: Sequence[dict[str, object]], box: Mailbox) -> Iterator[str]:
    came = Counter((str(each["Message-ID"]), str(each["To"])) for each in box.kept)
    known = {f"<mail.{each['id']}@example.com>": each for each in mails}
    for event in written - {each["event_id"] for each in mails}:
        yield f"no mail: {event}"
    for (message, address), number in came.items():
        if message not in known or known[message]["email"] != address:
            yield f"mail of nothing, or to another: {message} to {address}"
        if number > _MOST:
            yield f"mailed {number} times: {message}"
    arrived = {message for message, _ in came}
    for message, mail in known.items():
        if mail["state"] not in {"sent", "unknown"}:
            yield f"mail without an end: {message} is {mail['state']}"
        elif mail["state"] == "sent" and message not in arrived:
            yield f"mail is sent, and did not come: {message}"
