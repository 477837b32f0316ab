"""Answers of a mail server to a mail, and what is made of them; over SMTP, with its faults."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from coinslot.outbox import mail_server
from coinslot.outbox.mail_server import MailServer
from coinslot.outbox.mail_writer import MailWriter
from tests.outbox.mail_jobs import job
from tests.outbox.test_mail_writer import mail_settings
from tests.support.clusters import free_ports
from tests.support.mailboxes import Mailbox, mailbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coinslot.outbox.mail_server import Sent


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with mailbox() as box:
        yield box


async def sent(
    port: int, kind: str = "receipt", recipient: str = "buyer@example.com", **changes: object
) -> Sent:
    settings = mail_settings(coinslot_smtp_port=port, **changes)
    message = MailWriter(settings).write(job(kind).model_copy(update={"address": recipient}))
    return await MailServer(settings).send(message, recipient)


async def test_a_mail_that_is_taken(box: Mailbox) -> None:
    found = await sent(box.port)
    assert (found.outcome, found.code, found.answer) == ("accepted", 250, "2.0.0 queued as 123")
    (message,) = box.kept
    assert message["Subject"] == "토큰 30개 결제가 완료되었습니다"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]


@pytest.mark.parametrize(
    ("at_rcpt", "at_data", "outcome", "dead"),
    [
        ("451 4.7.1 greylisted, come again", "", "temporary", False),
        ("550 5.1.1 no such user", "", "permanent", True),
        ("550 5.7.1 not welcome", "", "permanent", False),
        ("", "451 4.3.0 not now", "temporary", False),
        ("", "554 5.7.1 looks like spam", "permanent", False),
        ("421 4.3.2 shutting down", "", "temporary", False),
    ],
)
async def test_a_no_is_a_no_and_later_is_later(
    box: Mailbox, at_rcpt: str, at_data: str, outcome: str, dead: bool
) -> None:
    box.at_rcpt, box.at_data = [at_rcpt] if at_rcpt else [], [at_data] if at_data else []
    found = await sent(box.port)
    assert (found.outcome, found.dead) == (outcome, dead)
    assert box.kept == []
    assert (await sent(box.port)).outcome == "accepted"


async def test_an_answer_is_kept_without_the_address(box: Mailbox) -> None:
    box.at_rcpt = ["550 5.1.1 <buyer@example.com>: nobody, see buyer@example.com; ask Post@b.kr"]
    found = await sent(box.port)
    assert found.dead
    assert found.answer == "5.1.1 <…>: nobody, see …; ask …"


@pytest.mark.parametrize(
    ("address", "extended", "outcome", "to"),
    [
        ("kim@회사.kr", False, "accepted", "kim@xn--vf4b131b.kr"),
        ("홍길동@example.com", True, "accepted", "홍길동@example.com"),
        ("홍길동@example.com", False, "permanent", None),
        ("ann\u202e@example.com", False, "permanent", None),
        ("kim@-회사..kr", False, "permanent", None),
    ],
)
async def test_an_address_in_other_letters(
    address: str, extended: bool, outcome: str, to: str | None
) -> None:
    """Retried for days, it would be refused for days."""
    with mailbox(letters=extended) as box:
        found = await sent(box.port, recipient=address)
    assert (found.outcome, found.dead) == (outcome, False)
    assert address not in found.answer
    assert [each["To"] for each in box.kept] == ([to] if to else [])


async def test_a_connection_that_ends_after_the_dot_tells_nothing(box: Mailbox) -> None:
    box.lose = 1
    assert (await sent(box.port)).outcome == "unknown"
    assert len(box.kept) == 1


async def test_one_that_takes_the_call_and_says_nothing_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mail_server, "_SECONDS", 0.3)
    over = asyncio.Event()

    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await over.wait()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        found = await sent(server.sockets[0].getsockname()[1])
        over.set()
    assert (found.outcome, found.code) == ("temporary", None)


async def test_one_that_vanishes_while_it_looks_through_a_mail_tells_nothing(
    box: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole mail is out, and no answer comes: it may have been taken."""
    monkeypatch.setattr(mail_server, "_SECONDS_TO_TAKE", 0.3)
    box.hold_s = 2
    assert (await sent(box.port)).outcome == "unknown"
    assert len(box.kept) == 1


async def test_nobody_listens() -> None:
    (port,) = free_ports(1)
    assert (await sent(port)).outcome == "temporary"


async def test_a_server_without_starttls_gets_nothing(box: Mailbox) -> None:
    assert (await sent(box.port, coinslot_smtp_tls="starttls")).outcome == "temporary"
    assert box.kept == []


async def test_a_server_that_wants_no_password_of_ours_is_our_affair(box: Mailbox) -> None:
    found = await sent(box.port, coinslot_smtp_user="me", coinslot_smtp_pass="12345678")
    assert found.outcome == "temporary"
    assert box.kept == []
