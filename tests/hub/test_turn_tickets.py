"""Tickets the bot opens: their clock, what they are about, and what is said when nobody is there."""

from pathlib import Path

import pytest

from handoff import acts, reopening
from handoff.acts import Actor
from handoff.casework import Casework
from handoff.duty import NOBODY, SEEN_MS
from handoff.reopening import TITLE
from handoff.rules import product
from handoff.tickets import closed_text
from hub.model import Draft, Presence, Staff, Ticket
from hub.ports import BotAnswer, Question, TicketWish
from hub.store.sqlite import SqliteStore
from tests.conftest import FakeClock
from tests.contract.builders import queue
from tests.hub.rooms import Rooms

LAN = Actor(id="s-lan", kind="staff")


@pytest.fixture
def rooms(store: SqliteStore, clock: FakeClock, tmp_path: Path) -> Rooms:
    return Rooms(store, clock, tmp_path)


def report(question: Question) -> BotAnswer:
    wish = TicketWish(
        reason="report", category="dien-su-co-nguy-hiem", summary=question.text, details={"location": "ấp 3"}
    )
    return BotAnswer(kind="report", says=(Draft(text="Dạ"),), dialogue=question.dialogue, ticket=wish)


async def open_tickets(rooms: Rooms) -> list[Ticket]:
    return [ticket for ticket, _ in await queue(rooms.store, limit=10)]


async def test_the_citizens_clock_runs_from_the_first_message_it_is_about(rooms: Rooms) -> None:
    rooms.bot.reply = report
    received = rooms.clock.now()
    await rooms.hear("dây điện đứt")
    rooms.clock.forward(500)
    conversation = await rooms.hear("ở ấp 3", start=2)
    await rooms.answer_due()
    (ticket,) = await open_tickets(rooms)
    assert (ticket.received_at, ticket.hours, ticket.priority) == (received, 8, "urgent")
    assert ticket.created_at > received
    assert ticket.due_at is not None
    assert ticket.place is not None
    assert ticket.place.text == "ấp 3"
    messages = await rooms.store.messages(conversation)
    assert ticket.messages == tuple(m.id for m in messages if m.author == "citizen")


async def test_nobody_on_duty_is_told_with_the_code(rooms: Rooms) -> None:
    await rooms.store.put_staff(Staff(id="s-1", login="l", name="N", role="operator", password_hash="x"))
    await rooms.store.put_presence(Presence(staff="s-1", status="available", seen_at=rooms.clock.now()))
    conversation = await rooms.hear("gặp người")
    await rooms.answer_due()
    assert NOBODY not in str((await rooms.last(conversation)).text)
    rooms.clock.forward(SEEN_MS + 1)
    other = await rooms.hear("gặp người", sender="Bến Tre")
    await rooms.answer_due()
    told = str((await rooms.last(other)).text)
    (ticket,) = [one for one in await open_tickets(rooms) if one.conversation == other]
    assert NOBODY in told
    assert ticket.code in told
    assert "chậm nhất" in told


async def test_who_comes_back_after_a_merge_is_not_sent_to_a_ticket_nobody_sees(rooms: Rooms) -> None:
    rooms.bot.reply = report
    await rooms.hear("mất điện", sender="An Giang")
    await rooms.answer_due()
    other = await rooms.hear("cúp điện", sender="Bến Tre")
    await rooms.answer_due()
    main, merged = sorted(await open_tickets(rooms), key=lambda ticket: ticket.created_at)
    casework = Casework(rooms.store, rooms.clock, product, lambda turn, _: rooms.store.commit_turn(turn))
    await casework.merge(merged.id, main.id, LAN, "m")
    rooms.bot.reply = lambda question: BotAnswer(
        kind="human", says=(Draft(text="Dạ"),), dialogue=question.dialogue,
        ticket=TicketWish(reason="asked_for_person", summary=question.text),
    )  # fmt: skip
    await rooms.hear("cho gặp người", sender="Bến Tre", start=2)
    await rooms.answer_due()
    mine = [ticket for ticket in await open_tickets(rooms) if ticket.conversation == other]
    assert [ticket.reason for ticket in mine] == ["asked_for_person"]


async def test_the_bots_line_on_a_ticket_never_undoes_what_an_operator_did(rooms: Rooms) -> None:
    conversation = await rooms.hear("gặp người")
    await rooms.answer_due()
    (ticket,) = await open_tickets(rooms)
    wish = TicketWish(reason="unanswerable", summary="hỏi thêm")
    standing = await rooms.store.conversation(conversation)
    assert standing is not None
    _, change, _ = await rooms.turns.ticket_for(standing, wish, "t-later", rooms.clock.now())
    assert change is not None
    casework = Casework(rooms.store, rooms.clock, product, lambda turn, _: rooms.store.commit_turn(turn))
    await casework.do(ticket.id, acts.Close(), LAN, "c")
    after = (await casework.do(ticket.id, acts.Note(text="ghi"), LAN, "n")).after(
        change, at=rooms.clock.now(), actor="bot"
    )
    assert (after.state, after.history[-1].note) == ("closed", change.note)


@pytest.mark.parametrize("said", [TITLE, "chua on, mo lai phieu", "6"])
async def test_one_tap_under_the_closing_message_opens_the_ticket_again(rooms: Rooms, said: str) -> None:
    rooms.bot.reply = report
    conversation = await rooms.hear("dây điện đứt")
    await rooms.answer_due()
    (ticket,) = await open_tickets(rooms)
    casework = Casework(rooms.store, rooms.clock, product, lambda turn, _: rooms.store.commit_turn(turn))
    await casework.do(ticket.id, acts.Close(), LAN, "c", text=closed_text(ticket, "Đã sửa"))
    rooms.clock.forward(60_000)
    await rooms.hear(said, start=5)
    await rooms.answer_due()
    again = await rooms.store.ticket(ticket.id)
    assert again
    assert (again.state, again.history[-1].actor, again.due_at) == ("reopened", "citizen", ticket.due_at)
    known = await rooms.store.conversation(conversation)
    assert known
    assert (known.owner, known.ticket) == ("human", ticket.id)
    assert "mở lại phiếu" in str((await rooms.last(conversation)).text)
    assert len(rooms.bot.asked) == 1, "the bot was not asked"


async def test_a_ticket_of_somebody_else_is_not_opened_again(rooms: Rooms) -> None:
    rooms.bot.reply = report
    await rooms.hear("dây điện đứt")
    await rooms.answer_due()
    (ticket,) = await open_tickets(rooms)
    casework = Casework(rooms.store, rooms.clock, product, lambda turn, _: rooms.store.commit_turn(turn))
    await casework.do(ticket.id, acts.Close(), LAN, "c")
    other = await rooms.hear("x", sender="Bến Tre")
    known = await rooms.store.conversation(other)
    assert known
    (pressed,) = await rooms.store.messages(other)
    turn = reopening.turn(known, await rooms.store.ticket(ticket.id), pressed, rooms.clock.now(), product())
    assert (turn.change, turn.says[0].text) == (None, reopening.NOT_AGAIN)
