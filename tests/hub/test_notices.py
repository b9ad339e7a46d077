"""The mails that agencies are owed: sent through the mail server, tried again, given up with a word to the operators."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from connectors.email import EmailConnector, EmailSettings
from handoff import acts
from handoff.acts import Actor
from handoff.casework import Casework
from handoff.links import Links
from handoff.rules import Contact, Rules, product
from hub.model import Staff, Ticket
from hub.notices import GIVE_UP_MS, LEASE_MS, NoticeSender
from hub.store.sqlite import SqliteStore
from tests.conftest import FakeClock
from tests.contract.builders import T0, arrive, event, ticket, turn
from tests.fakes.smtp_server import MailExchange, mail_exchange
from tests.fakes.tools import memory_tools
from tests.handoff.cases import HEALTH, POWER

LAN = Actor(id="s-lan", kind="staff")
LINKS = Links("a-key-for-tests")
ADDRESS = "dienluc@example.vn"


def rules() -> Rules:
    return replace(product(), contacts={POWER: Contact(email=ADDRESS)})


@pytest.fixture
async def exchange() -> AsyncIterator[MailExchange]:
    async with mail_exchange() as exchange:
        yield exchange


@pytest.fixture
async def sender(store: SqliteStore, exchange: MailExchange) -> AsyncIterator[NoticeSender]:
    clock = FakeClock(T0 + 1_000)
    settings = EmailSettings.model_validate(
        {"address": "1022@1022.example.vn", "imap_url": "imap://127.0.0.1:1/INBOX", "smtp_url": exchange.url}
    )
    async with memory_tools(clock) as tools:
        casework = Casework(store, clock, rules, lambda turn, _: store.commit_turn(turn))
        mail = EmailConnector(settings, tools)
        yield NoticeSender(store, clock, rules, casework, LINKS, mail, "https://1022.example.vn")


async def forwarded(sender: NoticeSender, agency: str = POWER) -> Ticket:
    (message,) = await arrive(sender.store, event("x-1"))
    new = ticket(message.conversation, category="dien-mat-dien", hours=8)
    await sender.store.commit_turn(turn(message.conversation, "t-open", ticket=new))
    return await sender.casework.do(new.id, acts.Forward(agency=agency), LAN, "1")


async def fate(sender: NoticeSender, ticket: Ticket) -> list[tuple[str, str | None]]:
    return [(one.delivery, one.error) for one in await sender.store.notices(ticket.id)]


async def last_note(sender: NoticeSender, ticket: Ticket) -> str:
    now = await sender.store.ticket(ticket.id)
    assert now
    return now.history[-1].note or ""


async def test_a_forwarded_case_is_mailed_with_its_link(sender: NoticeSender, exchange: MailExchange) -> None:
    ticket = await forwarded(sender)
    assert await sender.send_one()
    assert not await sender.send_one()
    (mail,) = exchange.taken
    assert exchange.recipients == [[ADDRESS]]
    assert mail["Subject"] == f"[{ticket.code}] Phiếu cần cơ quan xử lý"
    assert mail["Auto-Submitted"] == "auto-generated"
    body = mail.get_body(("plain",))
    assert body
    (link,) = [line for line in body.get_content().splitlines() if line.startswith("https://")]
    assert LINKS.holder(link.rpartition("/")[2], ticket, sender.clock.now()) is not None
    assert await fate(sender, ticket) == [("sent", None)]


async def test_a_server_that_is_busy_gets_the_same_mail_again(
    sender: NoticeSender, exchange: MailExchange
) -> None:
    ticket = await forwarded(sender)
    exchange.hangs_up = True
    assert await sender.send_one()
    assert await fate(sender, ticket) == [("queued", "OutcomeUnknown")]
    assert not await sender.send_one(), "after a rest only"
    exchange.hangs_up = False
    sender.clock.forward(LEASE_MS)  # type: ignore[attr-defined]
    assert await sender.send_one()
    assert len({mail["Message-ID"] for mail in exchange.taken}) == 1
    assert await fate(sender, ticket) == [("sent", None)]


async def test_a_case_that_has_gone_on_is_not_mailed(sender: NoticeSender, exchange: MailExchange) -> None:
    ticket = await forwarded(sender)
    await sender.casework.do(ticket.id, acts.Close(), LAN, "2")
    assert await sender.send_one()
    assert (exchange.taken, await fate(sender, ticket)) == ([], [("void", None)])


async def test_a_mail_that_comes_back_is_told(sender: NoticeSender, exchange: MailExchange) -> None:
    ticket = await forwarded(sender)
    assert await sender.send_one()
    for _ in range(2):
        assert await sender.came_back(exchange.taken[0]["Message-ID"])
    assert await fate(sender, ticket) == [("failed", "bounced")]
    assert "thư bị trả lại" in await last_note(sender, ticket)
    now = await sender.store.ticket(ticket.id)
    assert now
    assert sum("thư bị trả lại" in (event.note or "") for event in now.history) == 1
    assert not await sender.came_back("m-1@example.vn")


async def test_an_agency_with_an_officer_needs_no_mail(sender: NoticeSender, exchange: MailExchange) -> None:
    await sender.store.put_staff(
        Staff(id="s-9", login="o", name="Thơ", role="officer", password_hash="x", agencies=(HEALTH,))
    )
    ticket = await forwarded(sender, HEALTH)
    assert await sender.send_one()
    assert (exchange.taken, await fate(sender, ticket)) == ([], [("void", "account")])


async def test_operators_are_told_of_what_cannot_be_sent(
    sender: NoticeSender, exchange: MailExchange
) -> None:
    ticket = await forwarded(sender, HEALTH)
    assert await sender.send_one()
    assert await fate(sender, ticket) == [("failed", "no_address")]
    assert "chưa có địa chỉ email của cơ quan" in await last_note(sender, ticket)
    await sender.casework.do(ticket.id, acts.Forward(agency=POWER), LAN, "2")
    exchange.refuses_recipient = "550 5.1.1 no such user"
    assert await sender.send_one()
    assert "không nhận thư" in await last_note(sender, ticket)
    await sender.casework.do(ticket.id, acts.Remind(), LAN, "3")
    exchange.refuses_recipient = "451 later"
    assert await sender.send_one()
    sender.clock.forward(GIVE_UP_MS + 1)  # type: ignore[attr-defined]
    assert await sender.send_one()
    assert "48 giờ" in await last_note(sender, ticket)
    without = replace(sender, mail=None)
    await sender.casework.do(ticket.id, acts.Remind(), LAN, "4")
    assert await without.send_one()
    assert "chưa cài đặt email" in await last_note(sender, ticket)
    nowhere = replace(sender, base_url=None)
    await sender.casework.do(ticket.id, acts.Remind(), LAN, "5")
    assert await nowhere.send_one()
    assert "HUB_PUBLIC_URL" in await last_note(sender, ticket)
