"""Ids and codes in a mail are claims: what they may and may not do."""

from pathlib import Path
from typing import Any

import pytest

from hub.model import Conversation, Event, Message, conversation_id
from hub.store.sqlite import SqliteStore
from tests.conftest import FakeClock
from tests.fakes.channels import signed
from tests.hub.rooms import Rooms


@pytest.fixture
def rooms(store: SqliteStore, clock: FakeClock, tmp_path: Path) -> Rooms:
    rooms = Rooms(store, clock, tmp_path)
    rooms.channel.threads = True
    return rooms


async def mail(rooms: Rooms, id_: str, sender: str = "an", **fields: Any) -> Message:
    """A mail arrives; its row."""
    data = {"digest": fields.pop("digest", id_)} | fields.pop("data", {})
    body, headers = signed(
        {"id": id_, "from": sender, "conversation": id_, "text": id_, "data": data} | fields
    )
    intake = await rooms.stream.process(await rooms.stream.receive("paper", body, headers))
    return intake.messages[0]


async def talk(rooms: Rooms, message: Message) -> Conversation:
    found = await rooms.store.conversation(message.conversation)
    assert found is not None
    return found


async def said(rooms: Rooms, message: Message) -> list[str | None]:
    lines = await rooms.store.messages(message.conversation)
    return [line.text for line in lines if line.author == "citizen"]


async def test_an_answer_continues_its_conversation(rooms: Rooms) -> None:
    first = await mail(rooms, "m1")
    await rooms.answer_due()
    while await rooms.outbox.send_due():
        pass
    second = await mail(rooms, "m2", reply_to="paper-1", conversation="m1")
    third = await mail(rooms, "m3", conversation="elsewhere", data={"references": ["gone", "m2"]})
    assert {one.conversation for one in (second, third)} == {first.conversation}


async def test_somebody_else_in_the_thread_is_heard_apart_and_answered(rooms: Rooms) -> None:
    """Their answer must not go to the first person, nor may what was said there reach them."""
    first = await mail(rooms, "m1")
    await rooms.answer_due()
    other = await mail(rooms, "m2", "binh", reply_to="m1", conversation="m1")
    assert other.conversation != first.conversation
    assert (await talk(rooms, other)).sender == "binh"
    assert other.data["thread"] == first.conversation
    await rooms.answer_due()
    assert [m.author for m in await rooms.store.messages(other.conversation)] == ["citizen", "bot"]
    again = await mail(rooms, "m3", "binh", conversation="m1", data={"references": ["m1", "m2", "m1"]})
    assert again.conversation == other.conversation, "and stays with their own"
    assert await said(rooms, first) == ["m1"]


async def test_two_people_below_one_mail_that_never_came_here(rooms: Rooms) -> None:
    first = await mail(rooms, "m1", conversation="outside")
    other = await mail(rooms, "m2", "binh", conversation="outside")
    assert first.conversation != other.conversation


async def test_a_known_id_with_other_content_is_a_mail_of_its_own(rooms: Rooms) -> None:
    first = await mail(rooms, "m1", text="thật")
    evil = await mail(rooms, "m1", "binh", text="giả", digest="other")
    again = await mail(rooms, "m1", text="sửa lại", digest="third")
    replay = await mail(rooms, "m1", "binh", text="giả", digest="other")
    assert len({first.id, evil.id, again.id}) == 3
    assert replay.id == evil.id
    assert await said(rooms, first) == ["thật", "sửa lại"]
    books = await rooms.store.books(now=rooms.clock.now(), grace_ms=1)
    assert (books.events, books.duplicates, books.problems) == (3, 1, ())


async def test_an_id_taken_first_keeps_nobody_from_being_heard(rooms: Rooms) -> None:
    await mail(rooms, "m1", "binh", text="giả", digest="other")
    real = await mail(rooms, "m1", text="thật")
    assert (real.text, (await talk(rooms, real)).sender) == ("thật", "an")
    await rooms.answer_due()
    assert len(rooms.bot.asked) == 2


async def test_our_own_id_is_no_shield_either(rooms: Rooms) -> None:
    await mail(rooms, "m1")
    await rooms.answer_due()
    while await rooms.outbox.send_due():
        pass
    assert (
        await mail(rooms, "paper-1", text="dùng lại mã thư của tổng đài")
    ).text == "dùng lại mã thư của tổng đài"


async def test_what_an_erased_person_wrote_does_not_come_back(rooms: Rooms) -> None:
    first = await mail(rooms, "m1")
    await rooms.store.erase_person(first.conversation, now=rooms.clock.now())
    again = await mail(rooms, "m1")
    assert (again.id, again.text) == (first.id, None)


async def test_a_forged_sender_gets_nowhere_by_a_code(rooms: Rooms) -> None:
    first = await mail(rooms, "m1", text="gặp người")
    await rooms.answer_due()
    ticket = await rooms.store.ticket((await talk(rooms, first)).ticket or "")
    assert ticket is not None
    codes = {"tickets": [ticket.code]}
    assert (await mail(rooms, "m2", data=codes)).conversation == first.conversation
    assert (await mail(rooms, "m3", data=codes | {"forged": True})).conversation != first.conversation
    assert (await mail(rooms, "m4", "binh", data=codes)).conversation != first.conversation


async def test_reports_with_one_id_are_each_heard(rooms: Rooms) -> None:
    first = await mail(rooms, "m1")
    await rooms.answer_due()
    while await rooms.outbox.send_due():
        pass

    async def report(digest: str, status: str) -> None:
        body, headers = signed({"id": "r", "from": "daemon", "kind": "bounce", "reply_to": "paper-1", "conversation": "paper-1",
                                "data": {"digest": digest, "status": status, "permanent": status[0] == "5"}})  # fmt: skip
        await rooms.stream.process(await rooms.stream.receive("paper", body, headers))

    await report("one", "4.4.1")
    assert (await talk(rooms, first)).unreachable is None
    await report("two", "5.1.1")
    assert "5.1.1" in ((await talk(rooms, first)).unreachable or "")


async def test_on_other_channels_nothing_is_moved(rooms: Rooms) -> None:
    rooms.channel.threads = False
    first = await mail(rooms, "m1")
    assert (await mail(rooms, "m1", digest="other")).id == first.id
    event = Event(
        channel="paper", kind="message", external_id="m2", account="office", sender="an", conversation="m2"
    )
    assert (await mail(rooms, "m2", reply_to="m1")).conversation == conversation_id(event)
