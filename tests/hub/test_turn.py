import asyncio
from typing import Any

import pytest

from hub.errors import BotSilent, BotUnreachable, LeaseLost, OwnerChanged
from hub.model import Attachment, Button, Dialogue, Draft, Message, Turn
from hub.ports import BotAnswer, Question, TicketWish
from hub.store.sqlite import SqliteStore
from hub.turn import UNREADABLE
from hub.wordless import (
    FILE,
    NOTHING,
    PICTURE,
    STICKER,
    STILL_NOTHING,
    TAKEN_ALONG,
    VOICE,
    pictures_before,
    words_wanted,
)
from tests.conftest import FakeClock
from tests.contract.builders import queue
from tests.fakes.bots import ScriptedBot
from tests.fakes.channels import signed
from tests.hub.rooms import Rooms

HOUR_MS = 3_600_000
CHOICES = (Button(title="Khai sinh", payload="/a"), Button(title="Khai tử", payload="/b"))


@pytest.fixture
def rooms(store: SqliteStore, clock: FakeClock, tmp_path) -> Rooms:
    return Rooms(store, clock, tmp_path)


async def test_a_question_is_answered_once_and_the_dialogue_goes_on(rooms: Rooms) -> None:
    conversation = await rooms.hear("làm khai sinh")
    assert await rooms.answer_due() == 1
    assert await rooms.answer_due() == 0
    await rooms.hear("phí nhiêu", start=2)
    await rooms.answer_due()
    assert await rooms.texts(conversation) == [
        "citizen: làm khai sinh",
        "bot: [1] làm khai sinh",
        "citizen: phí nhiêu",
        "bot: [2] phí nhiêu",
    ]


async def test_quick_messages_are_one_question(rooms: Rooms) -> None:
    conversation = await rooms.hear("cho con hỏi", "làm khai sinh", "cần giấy gì")
    assert await rooms.answer_due() == 1
    assert (await rooms.last(conversation)).text == "[1] cho con hỏi\nlàm khai sinh\ncần giấy gì"
    outcomes = [m.outcome for m in await rooms.store.messages(conversation) if m.author == "citizen"]
    assert outcomes == ["answered"] * 3


def offer(question: Question) -> BotAnswer:
    """Asks which; a button's payload is said back."""
    which = Draft(text="Anh/chị hỏi việc nào ạ?", buttons=CHOICES)
    said = Draft(text=f"{question.text} = {question.payload}") if question.payload else which
    return BotAnswer(kind="clarify", says=(said,), dialogue=question.dialogue)


@pytest.mark.parametrize("typed", ["khai tu", "2"])
async def test_a_title_or_number_that_comes_back_as_text_is_the_button(rooms: Rooms, typed: str) -> None:
    rooms.bot.reply = offer
    conversation = await rooms.hear("làm giấy")
    await rooms.answer_due()
    await rooms.hear(typed, "cần gì vậy em", start=2)
    await rooms.answer_due()
    assert [m.text for m in await rooms.store.messages(conversation)][4:] == [
        "Khai tử = /b",  # by itself, as a pressed button is
        "Anh/chị hỏi việc nào ạ?",
    ]


async def test_a_text_that_contains_a_title_is_a_question(rooms: Rooms) -> None:
    rooms.bot.reply = offer
    await rooms.hear("làm giấy")
    await rooms.answer_due()
    await rooms.hear("khai tử cần gì", start=2)
    await rooms.answer_due()
    assert [(q.text, q.payload) for q in rooms.bot.asked][-1] == ("khai tử cần gì", None)


async def test_asking_for_a_person_opens_one_ticket_and_silences_the_bot(rooms: Rooms) -> None:
    conversation = await rooms.hear("cho gặp người")
    await rooms.answer_due()
    ((ticket, kept),) = await queue(rooms.store, limit=10)
    assert kept.owner == "human"
    assert ticket.code.startswith("1022-2026-")
    told = await rooms.last(conversation)
    assert ticket.code in (told.text or "")
    assert ticket.lookup_key in (told.text or "")
    await rooms.hear("còn đó không", start=2)
    assert await rooms.answer_due() == 0
    books = await rooms.store.books(now=rooms.clock.now(), grace_ms=60_000)
    assert [line.ticketed for line in books.lines] == [2]
    assert not books.problems


async def test_a_second_wish_is_noted_on_the_standing_ticket(rooms: Rooms) -> None:
    def unanswerable(question: Question) -> BotAnswer:
        wish = TicketWish(reason="unanswerable", summary=question.text)
        return BotAnswer(
            kind="unknown_procedure", says=(), dialogue=question.dialogue, handoff=True, ticket=wish
        )

    rooms.bot.reply = unanswerable
    conversation = await rooms.hear("nuôi chim yến cần giấy gì")
    await rooms.answer_due()
    await rooms.hear("còn nuôi cá sấu", start=2)
    await rooms.answer_due()
    ((ticket, kept),) = await queue(rooms.store, limit=10)
    assert kept.owner == "bot", "the bot goes on with other questions"
    assert "còn nuôi cá sấu" in (ticket.history[-1].note or "")
    assert ticket.code in ((await rooms.last(conversation)).text or "")


async def test_what_is_added_to_a_report_opens_no_second_ticket(rooms: Rooms) -> None:
    def report(question: Question) -> BotAnswer:
        wish = TicketWish(reason="report", summary=question.text, addition="nhầm" in question.text)
        return BotAnswer(kind="slot_answer", says=(), dialogue=question.dialogue, handoff=True, ticket=wish)

    rooms.bot.reply = report
    await rooms.hear("đèn đường hư ở ấp 3")
    await rooms.answer_due()
    await rooms.hear("à nhầm, ở ấp 4", start=2)
    await rooms.answer_due()
    ((ticket, _),) = await queue(rooms.store, limit=10)
    assert "ở ấp 4" in (ticket.history[-1].note or "")
    await rooms.hear("còn cống cũng nghẹt", start=3)
    await rooms.answer_due()
    assert len(await queue(rooms.store, limit=10)) == 2


@pytest.mark.parametrize("failure", [BotSilent("nothing"), BotUnreachable("away")])
async def test_a_failed_bot_hands_over_and_says_so(
    store: SqliteStore, clock: FakeClock, tmp_path, failure: Exception
) -> None:
    rooms = Rooms(store, clock, tmp_path, bot=ScriptedBot(failure=failure), bot_budget_s=0.3)
    conversation = await rooms.hear("làm khai sinh")
    await rooms.answer_due()
    ((ticket, kept),) = await queue(store, limit=10)
    assert (ticket.reason, kept.owner) == ("bot_failed", "human")
    assert ticket.code in ((await rooms.last(conversation)).text or "")


async def test_a_slow_bot_hands_over(store: SqliteStore, clock: FakeClock, tmp_path) -> None:
    bot = ScriptedBot()
    bot.gate.clear()
    rooms = Rooms(store, clock, tmp_path, bot=bot, bot_budget_s=0.05)
    await rooms.hear("làm khai sinh")
    await rooms.answer_due()
    ((ticket, _),) = await queue(store, limit=10)
    assert ticket.reason == "bot_failed"


async def test_a_bot_that_comes_back_within_the_budget_is_asked_again(rooms: Rooms) -> None:
    rooms.bot.failure = BotUnreachable("away")
    conversation = await rooms.hear("làm khai sinh")
    turn = asyncio.create_task(rooms.answer_due())
    await rooms.bot.thinking.wait()
    rooms.bot.failure = None
    await turn
    assert (await rooms.last(conversation)).text == "[1] làm khai sinh"


async def test_a_conversation_that_kills_its_workers_goes_to_people(rooms: Rooms) -> None:
    conversation = await rooms.hear("câu hỏi chết người")
    rooms.clock.forward(600)
    for _ in range(3):  # three workers die with it
        now = rooms.clock.now()
        assert await rooms.store.lease_conversation(now=now, until=now + 10)
        rooms.clock.forward(10)
    await rooms.answer_due()
    assert rooms.bot.asked == []
    ((ticket, kept),) = await queue(rooms.store, limit=10)
    assert (ticket.reason, kept.id) == ("bot_failed", conversation)


async def test_an_operator_who_takes_over_wins_against_a_thinking_bot(rooms: Rooms) -> None:
    rooms.bot.gate.clear()
    conversation = await rooms.hear("làm khai sinh")
    turn = asyncio.create_task(rooms.answer_due())
    await rooms.bot.thinking.wait()
    await rooms.store.commit_turn(
        Turn(id="op", conversation=conversation, actor="operator", actor_id="s-1", at=rooms.clock.now(), handles=1,
             outcome="ticketed", owner="human", operator="s-1", says=(Draft(text="Dạ em nghe"),))
    )  # fmt: skip
    rooms.bot.gate.set()
    with pytest.raises((OwnerChanged, LeaseLost)):
        await turn
    assert await rooms.texts(conversation) == ["citizen: làm khai sinh", "operator: Dạ em nghe"]


async def test_two_workers_never_answer_one_message(rooms: Rooms) -> None:
    conversation = await rooms.hear("làm khai sinh")
    rooms.clock.forward(600)
    now = rooms.clock.now()
    slow = await rooms.store.lease_conversation(now=now, until=now + 10)
    assert slow is not None
    rooms.clock.forward(10)
    assert await rooms.answer_due() == 1
    with pytest.raises(LeaseLost):
        await rooms.turns.take_turn(slow)
    assert await rooms.texts(conversation) == ["citizen: làm khai sinh", "bot: [1] làm khai sinh"]


async def send_file(rooms: Rooms, name: str, kind: str) -> str:
    from hub.model import Event, Raw

    raw = Raw(id=name, channel="paper", received_at=rooms.clock.now(), body=b"")
    event = Event(channel="paper", kind="message", external_id=name, account="office", sender="An", conversation="An",
                  attachments=(Attachment(type=kind),))  # fmt: skip
    await rooms.store.put_raw(raw)
    intake = await rooms.store.take_in(raw, [event], refused=0, error=None, now=rooms.clock.now(), due_at=0)
    await rooms.answer_due()
    return intake.messages[0].conversation


@pytest.mark.parametrize(
    ("kind", "asked"), [("image", PICTURE), ("audio", VOICE), ("sticker", STICKER), ("file", FILE)]
)
async def test_what_has_no_words_is_asked_about(rooms: Rooms, kind: str, asked: str) -> None:
    conversation = await send_file(rooms, "p", kind)
    assert rooms.bot.asked == []
    assert (await rooms.last(conversation)).text == asked


async def test_when_no_words_follow_a_person_looks(rooms: Rooms) -> None:
    await send_file(rooms, "p1", "image")
    conversation = await send_file(rooms, "p2", "audio")
    assert STILL_NOTHING in "\n".join(await rooms.texts(conversation))
    found = await rooms.store.conversation(conversation)
    assert found is not None
    assert found.ticket is not None


async def test_a_picture_in_the_middle_of_a_report_belongs_to_it() -> None:
    message = Message(
        id="m2", conversation="c", seq=2, author="citizen", at=2, attachments=(Attachment(type="image"),)
    )
    asked = Message(id="m1", conversation="c", seq=1, author="bot", text="Chỗ đó ở đâu vậy ạ?", at=1)
    form = Dialogue(events=({"event": "active_loop", "name": "report_form"},))
    question = Question(conversation="c", channel="paper", text="", attachments=1, dialogue=form)
    answer = words_wanted([message], [asked], question)
    assert [draft.text for draft in answer.says] == [TAKEN_ALONG, asked.text]
    assert answer.dialogue == form
    last = Message(id="m4", conversation="c", seq=4, author="citizen", text="0907123456", at=4)
    assert pictures_before([last], [asked, message]) == [message, last]


async def test_the_worker_finishes_its_turn_before_it_stops(rooms: Rooms) -> None:
    rooms.bot.gate.clear()
    conversation = await rooms.hear("làm khai sinh")
    rooms.clock.forward(600)
    worker = asyncio.create_task(rooms.turns.run())
    await rooms.bot.thinking.wait()
    worker.cancel()
    rooms.bot.gate.set()
    with pytest.raises(asyncio.CancelledError):
        await worker
    assert (await rooms.last(conversation)).text == "[1] làm khai sinh"


async def test_what_the_bot_could_not_answer_is_laid_before_the_editors(rooms: Rooms) -> None:
    def unanswerable(question: Question) -> BotAnswer:
        return BotAnswer(
            kind="unknown_procedure", says=(Draft(text="Em chưa có"),), dialogue=question.dialogue
        )

    rooms.bot.reply = unanswerable
    conversation = await rooms.hear("nuôi chim yến cần giấy gì", "gọi lại 0912345678")
    await rooms.answer_due()
    (item,) = await rooms.store.reviews(conversation=conversation, limit=9)
    assert (item.reason, item.state, item.channel) == ("unknown", "open", "paper")
    assert item.question == "nuôi chim yến cần giấy gì\ngọi lại [đã che]"
    assert item.answer == "Em chưa có"
    await rooms.store.erase_person(conversation, now=rooms.clock.now())
    assert await rooms.store.reviews(limit=9) == []


async def test_two_machines_do_not_talk_for_long(rooms: Rooms) -> None:
    """After so many answers a person looks, and nothing more is said: whoever answers, the loop has ended."""
    rooms.channel.automatic_answers = {HOUR_MS: 3, 24 * HOUR_MS: 5}
    for n in range(5):  # a new conversation each time, as mails without references make
        await hear_mail(rooms, f"m{n}")
    await rooms.answer_due()
    assert len(rooms.bot.asked) == 3
    tickets = await queue(rooms.store, limit=10)
    assert len(tickets) == 2
    for _, conversation in tickets:
        assert [m.author for m in await rooms.store.messages(conversation.id)] == ["citizen"]
        assert conversation.owner == "human"
    await hear_mail(rooms, "x", sender="Bình")
    await rooms.answer_due()
    assert len(rooms.bot.asked) == 4, "others are answered"
    rooms.clock.forward(HOUR_MS)
    await hear_mail(rooms, "m5")
    await hear_mail(rooms, "m6")
    await rooms.answer_due()
    assert len(rooms.bot.asked) == 4, "nor tomorrow's fifth and sixth within one day"
    assert not (await rooms.store.books(now=rooms.clock.now(), grace_ms=1)).problems


async def test_what_a_machine_wrote_goes_to_people_where_it_may_say_something(rooms: Rooms) -> None:
    silent = await hear_mail(rooms, "m1", automatic=True)
    heard = await hear_mail(rooms, "m2", automatic=True, data={"for_people": True})
    await rooms.answer_due()
    assert rooms.bot.asked == []
    ((_, conversation),) = await queue(rooms.store, limit=10)
    assert conversation.id == heard
    for one, outcome in ((silent, "no_reply_due"), (heard, "ticketed")):
        assert [(m.author, m.outcome) for m in await rooms.store.messages(one)] == [("citizen", outcome)]


async def test_the_heading_belongs_to_the_first_question(rooms: Rooms) -> None:
    await hear_mail(
        rooms, "m1", text="Cần giấy tờ gì ạ?", conversation="c", data={"subject": "Hỏi khai sinh"}
    )
    await rooms.answer_due()
    await hear_mail(rooms, "m2", text="Lệ phí?", conversation="c", data={"subject": "Re: Hỏi khai sinh"})
    await rooms.answer_due()
    await hear_mail(rooms, "m3", text="", data={"subject": "Re: Fwd: Làm khai sinh cần gì?"})
    await rooms.answer_due()
    assert [one.text for one in rooms.bot.asked] == [
        "Hỏi khai sinh\nCần giấy tờ gì ạ?",
        "Lệ phí?",
        "Làm khai sinh cần gì?",
    ]


@pytest.mark.parametrize(
    ("data", "told"), [({}, NOTHING), ({"unreadable": "encrypted"}, UNREADABLE["encrypted"]),
                       ({"unreadable": "too_big", "subject": "Hồ sơ"}, UNREADABLE["too_big"])]
)  # fmt: skip
async def test_what_cannot_be_read_is_said(rooms: Rooms, data: dict[str, Any], told: str) -> None:
    conversation = await hear_mail(rooms, "m1", text="", data=data)
    await rooms.answer_due()
    assert rooms.bot.asked == []
    said = [m.text for m in await rooms.store.messages(conversation) if m.author == "bot"]
    assert said[0] == told
    assert len(await queue(rooms.store, limit=2)) == (1 if "unreadable" in data else 0)


async def hear_mail(rooms: Rooms, id_: str, sender: str = "An", **fields: Any) -> str:
    body, headers = signed({"id": id_, "from": sender, "text": f"hỏi {id_}", "conversation": id_} | fields)
    intake = await rooms.stream.process(await rooms.stream.receive("paper", body, headers))
    return intake.messages[0].conversation
