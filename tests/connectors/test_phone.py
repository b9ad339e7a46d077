"""The log of calls as a channel: what it takes, what it never claims to have sent."""

import json
from pathlib import Path
from typing import Any, cast

import pytest

from connectors.phone import CALL_BACK, CALL_BACK_HIDDEN, PhoneConnector
from hub.errors import AlienPayload, Forged, Unsupported
from hub.model import Attachment, Conversation, Message, Outgoing, conversation_id, message_id
from hub.settings import Settings
from hub.store.sqlite import SqliteStore
from hub.wiring import make_connectors, normalized
from tests.conftest import FakeClock
from tests.contract.builders import queue
from tests.hub.rooms import Core

CALL = {
    "call": "key-of-call",
    "number": "0912345678",
    "question": "Đường Hùng Vương mất điện",
    "at": 1_795_400_000_000,
}
PHONE = PhoneConnector()


def body(**fields: Any) -> bytes:
    return json.dumps(CALL | fields).encode()


def test_a_call_becomes_a_message_of_its_callers_conversation() -> None:
    (first,) = PHONE.parse(body())
    (again,) = PHONE.parse(body())
    (later,) = PHONE.parse(body(call="another-call"))
    (other,) = PHONE.parse(body(call="a-third-call", number="0912345679"))
    assert first == again
    assert (first.kind, first.text, first.sender, first.sent_at) == (
        "message", CALL["question"], CALL["number"], CALL["at"],
    )  # fmt: skip
    assert message_id(first) != message_id(later)
    assert conversation_id(first) == conversation_id(later) != conversation_id(other)


def test_callers_without_a_number_are_not_thrown_together() -> None:
    (one,) = PHONE.parse(body(number=None))
    (two,) = PHONE.parse(body(call="another-call", number=None))
    assert conversation_id(one) != conversation_id(two)
    assert "0912" not in one.model_dump_json()


def test_recording_and_connection_come_along() -> None:
    recording = {"blob": "b_" + "0" * 32, "media_type": "audio/mpeg", "size": 12, "name": "goi.mp3"}
    through = {"to": "dt-so-y-te", "person": "Chị trực máy", "result": "reached"}
    (event,) = PHONE.parse(body(recording=recording, put_through=through))
    (attachment,) = event.attachments
    assert attachment == Attachment(type="audio", **recording)
    assert not attachment.wanted
    assert event.data == {"put_through": through}


@pytest.mark.parametrize(
    "alien",
    [
        b"", b"[]", b"null", b"\xff", b"{" * 50_000,
        body(number="gọi"), body(call=""), body(question=""), body(at=-1), body(more="x"),
        body(recording={"blob": "../../etc/passwd", "media_type": "audio/mpeg", "size": 1, "name": "x"}),
    ],
)  # fmt: skip
def test_what_is_no_call_is_refused(alien: bytes) -> None:
    with pytest.raises(AlienPayload):
        PHONE.parse(alien)


def test_nobody_delivers_calls_over_the_web() -> None:
    with pytest.raises(Forged):
        PHONE.verify({}, body())


def conversation(number: str | None = "0912345678") -> Conversation:
    (event,) = PHONE.parse(body(number=number))
    return Conversation(
        id=conversation_id(event), channel="phone", account=event.account, key=event.conversation, sender=event.sender,
        created_at=1, touched_at=1,
    )  # fmt: skip


def test_the_operator_is_told_to_call_back_and_machines_may_not_answer() -> None:
    reach = PHONE.reach(conversation(), 1)
    assert (reach.staff, reach.bot, reach.notice) == (True, False, CALL_BACK)
    reach = PHONE.reach(conversation(number=None), 1)
    assert (reach.staff, reach.bot, reach.notice) == (False, False, CALL_BACK_HIDDEN)


@pytest.mark.parametrize("author", ["operator", "bot", "system"])
async def test_only_what_an_operator_says_counts_as_said(author: Any) -> None:
    said = conversation()
    message = Message(id="m-1", conversation=said.id, seq=1, author=author, text="Dạ", at=1)
    item = Outgoing(message=message, conversation=said, token="t", attempts=1)
    if author == "operator":
        assert (await PHONE.send(item)).delivery == "sent"
    else:
        with pytest.raises(Unsupported):
            await PHONE.send(item)


async def test_a_call_whose_operator_never_finished_goes_to_people_and_the_bot_says_nothing(
    store: SqliteStore, clock: FakeClock, tmp_path: Path
) -> None:
    core = Core(store, clock, tmp_path, PHONE)
    (message,) = (await core.stream.receive_now("phone", body())).messages
    await core.answer_due()
    ((ticket, _),) = await queue(store, limit=9)
    assert (ticket.conversation, ticket.summary) == (message.conversation, CALL["question"])
    assert await core.texts(message.conversation) == [f"citizen: {CALL['question']}"]
    assert core.bot.asked == []


def test_the_channel_is_always_on_and_can_be_looked_at() -> None:
    settings = Settings()
    assert "phone" in make_connectors(settings, cast("Any", None))
    (event,) = normalized(settings, "phone", body())
    assert event.channel == "phone"
