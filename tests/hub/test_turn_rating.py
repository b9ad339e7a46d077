"""How content a citizen is, asked after closing: a tap or a number is enough, and the bot is not bothered."""

import pytest

from handoff.acts import Actor, Close
from handoff.casework import Casework
from handoff.lifecycle import RATE_WITHIN_MS
from handoff.rating import SCORES
from handoff.reopening import TITLE
from handoff.rules import product
from handoff.tickets import closed_text
from hub.model import Ticket
from hub.ports import BotAnswer, Question, TicketWish
from hub.store.sqlite import SqliteStore
from hub.turn import commit
from tests.conftest import FakeClock
from tests.hub.rooms import Rooms


@pytest.fixture
async def rooms(store: SqliteStore, clock: FakeClock, tmp_path) -> Rooms:
    rooms = Rooms(store, clock, tmp_path)
    wish = TicketWish(reason="report", summary="Đèn hỏng")

    def reply(question: Question) -> BotAnswer:
        return BotAnswer(kind="report", says=(), dialogue=question.dialogue, ticket=wish)

    rooms.bot.reply = reply
    return rooms


async def closed(rooms: Rooms) -> Ticket:
    id_ = await rooms.hear("Đèn hỏng")
    await rooms.answer_due()
    conversation = await rooms.store.conversation(id_)
    assert conversation is not None
    ticket = await rooms.store.ticket(conversation.ticket or "")
    assert ticket is not None
    casework = Casework(
        rooms.store,
        rooms.clock,
        product,
        lambda turn, talk: commit(rooms.store, rooms.connectors, turn, talk),
    )
    lan = Actor(id="s-lan", kind="staff")
    return await casework.do(ticket.id, Close(), lan, "k", text=closed_text(ticket, None))


async def again(rooms: Rooms, ticket: Ticket) -> Ticket:
    found = await rooms.store.ticket(ticket.id)
    assert found is not None
    return found


async def test_a_number_after_closing_is_the_score(rooms: Rooms) -> None:
    ticket = await closed(rooms)
    titles = [button.title for button in (await rooms.last(ticket.conversation)).buttons]
    assert titles == [*SCORES.values(), TITLE]
    asked = len(rooms.bot.asked)
    await rooms.hear("5", start=2)
    await rooms.answer_due()
    ticket = await again(rooms, ticket)
    assert ticket.rating is not None
    assert ticket.rating.score == 5
    assert (ticket.state, ticket.history[-1].actor, ticket.history[-1].action) == (
        "closed",
        "citizen",
        "rate",
    )
    assert len(rooms.bot.asked) == asked
    assert "5/5" in ((await rooms.last(ticket.conversation)).text or "")
    books = await rooms.store.books(now=rooms.clock.now(), grace_ms=60_000)
    assert (books.lines[0].no_reply_due, books.lines[0].waiting) == (1, 0)


async def test_who_is_not_content_opens_it_again_in_one_tap(rooms: Rooms) -> None:
    ticket = await closed(rooms)
    await rooms.hear("chua hai long", start=2)
    await rooms.answer_due()
    (button,) = (await rooms.last(ticket.conversation)).buttons
    assert button.title == TITLE
    await rooms.hear("chưa ổn, mở lại phiếu", start=3)
    await rooms.answer_due()
    ticket = await again(rooms, ticket)
    conversation = await rooms.store.conversation(ticket.conversation)
    assert conversation is not None
    assert (ticket.state, conversation.owner, conversation.ticket) == ("reopened", "human", ticket.id)


async def test_too_late_is_said(rooms: Rooms) -> None:
    ticket = await closed(rooms)
    rooms.clock.forward(RATE_WITHIN_MS + 1)
    await rooms.hear("4", start=2)
    await rooms.answer_due()
    assert (await again(rooms, ticket)).rating is None
    assert "quá thời gian" in ((await rooms.last(ticket.conversation)).text or "")


async def test_anything_else_is_a_question_for_the_bot(rooms: Rooms) -> None:
    await closed(rooms)
    asked = len(rooms.bot.asked)
    await rooms.hear("5 ngày nữa có xong không", start=2)
    await rooms.answer_due()
    assert len(rooms.bot.asked) == asked + 1
