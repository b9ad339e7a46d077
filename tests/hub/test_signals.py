"""What citizens and platforms do besides speaking: payload in, effect out."""

from typing import Any

import pytest

from hub.model import Attachment, Button, Conversation, Draft, Message, Outgoing, Turn
from hub.ports import BotAnswer, Question, Reach, TicketWish
from hub.store.sqlite import SqliteStore
from hub.stream import NOT_YET_MS
from hub.turn import TOLD_PRIVATELY
from tests.conftest import FakeClock
from tests.fakes.channels import signed
from tests.hub.rooms import Rooms


@pytest.fixture
def rooms(store: SqliteStore, clock: FakeClock, tmp_path) -> Rooms:
    return Rooms(store, clock, tmp_path)


async def deliver(rooms: Rooms, **fields: Any) -> None:
    body, headers = signed({"id": f"e-{fields.get('kind')}", "from": "An", **fields})
    for _ in range(2):  # every delivery may come twice
        await rooms.stream.process(await rooms.stream.receive("paper", body, headers))


async def answered(rooms: Rooms, text: str = "xin chào") -> tuple[str, Message, Message]:
    """A question, answered and sent: conversation, question, answer."""
    conversation = await rooms.hear(text, sender="An")
    await rooms.answer_due()
    await rooms.outbox.send_due()
    question, answer, *_ = await rooms.store.messages(conversation)
    return conversation, question, answer


async def standing(rooms: Rooms, conversation: str) -> Conversation:
    found = await rooms.store.conversation(conversation)
    assert found is not None
    return found


async def test_the_echo_of_what_we_sent_changes_nothing(rooms: Rooms) -> None:
    conversation, _, answer = await answered(rooms)
    await deliver(rooms, kind="echo", id=answer.external_id, text=answer.text)
    assert len(await rooms.store.messages(conversation)) == 2
    assert (await standing(rooms, conversation)).owner == "bot"


async def test_an_echo_settles_a_send_whose_outcome_was_unknown(rooms: Rooms) -> None:
    rooms.channel.failures = [TimeoutError()]
    _, _, answer = await answered(rooms)
    assert answer.delivery == "unknown"
    await deliver(rooms, kind="echo", id="p-9", text=answer.text)
    settled = await rooms.store.message(answer.id)
    assert settled is not None
    assert (settled.delivery, settled.external_id) == ("sent", "p-9")


def listed(question: Question) -> BotAnswer:
    buttons = (Button(title="Khai sinh", payload="/a"), Button(title="Khai tử", payload="/b"))
    return BotAnswer(
        kind="clarify", says=(Draft(text="Việc nào ạ?", buttons=buttons),), dialogue=question.dialogue
    )


async def sending(rooms: Rooms, text: str = "xin chào") -> tuple[str, Outgoing]:
    """A question whose answer is on its way to the platform."""
    conversation = await rooms.hear(text, sender="An")
    await rooms.answer_due()
    now = rooms.clock.now()
    (item,) = await rooms.store.lease_outbox(now=now, until=now + 60_000, limit=1)
    return conversation, item


async def held_back(rooms: Rooms) -> int:
    """Carry out what had to wait; how many deliveries."""
    rooms.clock.forward(NOT_YET_MS)
    return await rooms.take_in()


async def test_an_echo_that_is_faster_than_the_platform_s_answer_waits_for_it(rooms: Rooms) -> None:
    conversation, item = await sending(rooms)
    await deliver(rooms, kind="echo", id="p-1", text="in another form")
    assert (await standing(rooms, conversation)).owner == "bot"
    assert await held_back(rooms) == 2
    assert (await standing(rooms, conversation)).owner == "bot", "still on its way"
    await rooms.store.settle_outgoing(item, "sent", now=rooms.clock.now(), external_id="p-1")
    assert await held_back(rooms) == 2
    assert await held_back(rooms) == 0
    assert (await standing(rooms, conversation)).owner == "bot"
    assert len(await rooms.store.messages(conversation)) == 2


async def test_somebody_who_answers_while_we_send_silences_the_bot_a_little_later(rooms: Rooms) -> None:
    conversation, item = await sending(rooms)
    await deliver(rooms, kind="echo", id="p-2", text="Tôi là cán bộ đây")
    await rooms.store.settle_outgoing(item, "sent", now=rooms.clock.now(), external_id="p-1")
    await held_back(rooms)
    assert (await standing(rooms, conversation)).owner == "human"
    said = [m for m in await rooms.store.messages(conversation) if m.external_id == "p-2"]
    assert [m.text for m in said] == ["Tôi là cán bộ đây"]


async def test_a_receipt_that_is_faster_than_the_platform_s_answer_waits_for_it(rooms: Rooms) -> None:
    conversation, item = await sending(rooms)
    await deliver(rooms, kind="delivery", data={"ids": ["p-1"]})
    await rooms.store.settle_outgoing(item, "sent", now=rooms.clock.now(), external_id="p-1")
    await held_back(rooms)
    assert (await standing(rooms, conversation)).owner == "bot"
    assert (await rooms.last(conversation)).delivery == "delivered"


async def test_choices_sent_as_a_list_are_known_by_it(rooms: Rooms) -> None:
    rooms.bot.reply = listed
    rooms.channel.failures = [TimeoutError()]
    conversation, _, answer = await answered(rooms)
    assert answer.delivery == "unknown"
    await deliver(rooms, kind="echo", id="p-9", text="Việc nào ạ?\n1. Khai sinh\n2. Khai tử")
    settled = await rooms.store.message(answer.id)
    assert settled is not None
    assert (settled.delivery, settled.external_id) == ("sent", "p-9")
    assert not any(m.author == "operator" for m in await rooms.store.messages(conversation))


async def test_a_file_whose_outcome_was_unknown_is_taken_for_ours(rooms: Rooms) -> None:
    conversation = await rooms.hear("gửi tôi mẫu đơn", sender="An")
    file = Attachment(type="file", name="don.pdf", blob="b_1")
    await rooms.store.commit_turn(
        Turn(
            id="op", conversation=conversation, actor="operator", actor_id="s-1", at=rooms.clock.now(),
            handles=1, outcome="ticketed", owner="human", operator="s-1",
            says=(Draft(text="", attachments=(file,)),),
        )
    )  # fmt: skip
    rooms.channel.failures = [TimeoutError()]
    await rooms.outbox.send_due()
    await deliver(rooms, kind="echo", id="p-9", attachments=[{"type": "file"}])
    sent = [m for m in await rooms.store.messages(conversation) if m.attachments]
    assert [(m.delivery, m.external_id) for m in sent] == [("sent", "p-9")]


async def test_a_person_answering_on_the_platform_silences_the_bot(rooms: Rooms) -> None:
    conversation, _, _ = await answered(rooms)
    await deliver(rooms, kind="echo", id="p-1", text="Tôi là cán bộ đây")
    now = await standing(rooms, conversation)
    assert now.owner == "human"
    assert now.ticket is not None
    said = [m for m in await rooms.store.messages(conversation) if m.author == "operator" and not m.internal]
    assert [(m.text, m.delivery, m.external_id) for m in said] == [("Tôi là cán bộ đây", "sent", "p-1")]
    await rooms.outbox.send_due()
    assert rooms.channel.sent == ["[1] xin chào"]  # nothing of it is sent by us
    await rooms.hear("cảm ơn", sender="An", start=2)
    assert await rooms.answer_due() == 0


async def test_whom_an_echo_was_for_is_not_known_before_they_write(rooms: Rooms) -> None:
    await deliver(rooms, kind="echo", id="p-1", text="Chào anh/chị", conversation="An", **{"from": "office"})
    conversation = await rooms.hear(sender="An")
    assert (await standing(rooms, conversation)).sender == ""
    await rooms.hear("dạ", sender="An")
    assert (await standing(rooms, conversation)).sender == "An"


async def test_receipts_mark_what_arrived_and_was_read(rooms: Rooms) -> None:
    conversation, _, answer = await answered(rooms)
    await deliver(rooms, kind="delivery", id="d-1", data={"ids": [answer.external_id]})
    assert (await rooms.store.messages(conversation))[1].delivery == "delivered"
    await deliver(rooms, kind="read", id="r-1", data={"watermark": rooms.clock.now()})
    assert (await rooms.store.messages(conversation))[1].delivery == "read"


async def test_an_edit_before_the_answer_replaces_the_text(rooms: Rooms) -> None:
    conversation = await rooms.hear("lam gay khai sinh", sender="An")
    await deliver(rooms, kind="edit", reply_to="An-1-lam gay khai sinh", text="làm giấy khai sinh")
    await rooms.answer_due()
    assert await rooms.texts(conversation) == [
        "citizen: làm giấy khai sinh",
        "bot: [1] làm giấy khai sinh",
    ]


async def test_after_an_edit_of_what_was_answered_the_citizen_is_asked_once(rooms: Rooms) -> None:
    conversation, question, _ = await answered(rooms)
    await deliver(rooms, kind="edit", reply_to=question.external_id, text="chào buổi sáng")
    lines = await rooms.texts(conversation)
    assert lines[0] == "citizen: chào buổi sáng"
    assert len(lines) == 3
    assert "vừa sửa lại tin nhắn" in lines[2]


async def test_what_was_taken_back_before_the_answer_is_not_answered(rooms: Rooms) -> None:
    conversation = await rooms.hear("thôi khỏi", sender="An")
    await deliver(rooms, kind="comment_remove", reply_to="An-1-thôi khỏi")
    await rooms.answer_due()
    (message,) = await rooms.store.messages(conversation)
    assert message.outcome == "no_reply_due"
    books = await rooms.store.books(now=rooms.clock.now(), grace_ms=1)
    assert books.problems == ()


async def test_who_left_cannot_be_reached_until_they_are_back(rooms: Rooms) -> None:
    conversation, _, _ = await answered(rooms)
    await deliver(rooms, kind="unfollow")
    assert (await standing(rooms, conversation)).unreachable
    await deliver(rooms, kind="follow")
    assert (await standing(rooms, conversation)).unreachable is None


async def test_another_app_that_has_the_thread_is_told_until_it_is_ours(rooms: Rooms) -> None:
    conversation, _, _ = await answered(rooms)
    for n, (data, reached) in enumerate(
        [({}, True), ({"ours": False}, False), ({"event": "app_roles"}, False), ({"ours": True}, True)]
    ):
        await deliver(rooms, kind="thread_control", id=f"c-{n}", data=data)
        assert ((await standing(rooms, conversation)).unreachable is None) == reached


async def test_what_a_person_shares_is_kept_with_the_conversation(rooms: Rooms) -> None:
    conversation, _, _ = await answered(rooms)
    await deliver(rooms, kind="profile", data={"name": "Khách", "phone": "84900000000"})
    now = await standing(rooms, conversation)
    assert (now.name, now.contact) == ("Khách", {"phone": "84900000000"})


async def test_an_act_that_keeps_the_window_open_is_noted(rooms: Rooms) -> None:
    conversation, _, _ = await answered(rooms)
    rooms.channel.interactions = frozenset({"reaction"})
    rooms.clock.forward(60_000)
    await deliver(rooms, kind="reaction", reply_to="paper-1", data={"reaction": "love"})
    assert (await standing(rooms, conversation)).interacted_at == rooms.clock.now()
    assert (await rooms.store.messages(conversation))[1].data == {"reaction": "love"}


async def test_a_person_who_withdraws_is_forgotten(rooms: Rooms) -> None:
    conversation, _, _ = await answered(rooms, "số của tôi là 0900000000")
    await deliver(rooms, kind="withdraw")
    assert not any(m.text for m in await rooms.store.messages(conversation))
    assert (await rooms.store.books(now=rooms.clock.now(), grace_ms=1)).problems == ()


async def test_a_mail_that_came_back_is_told_to_people_once(rooms: Rooms) -> None:
    conversation, _, answer = await answered(rooms)
    await deliver(rooms, kind="bounce", reply_to=answer.external_id, data={"status": "5.1.1"})
    notes = [m for m in await rooms.store.messages(conversation) if m.internal]
    assert len(notes) == 1
    now = await standing(rooms, conversation)
    assert now.owner == "human"
    assert "5.1.1" in (now.unreachable or "")


async def test_mail_goes_to_the_conversation_it_refers_to(rooms: Rooms) -> None:
    rooms.channel.threads = True
    conversation, _, answer = await answered(rooms)
    await deliver(
        rooms, id="m-2", text="còn lệ phí?", conversation="m-2", data={"references": [answer.external_id]}
    )
    assert [m.text for m in await rooms.store.messages(conversation)][-1] == "còn lệ phí?"


@pytest.mark.parametrize(("sender", "joins"), [("An", True), ("Kẻ lạ", False)])
async def test_a_ticket_code_counts_only_from_the_person_whose_ticket_it_is(
    rooms: Rooms, sender: str, joins: bool
) -> None:
    rooms.channel.threads = True
    conversation = await rooms.hear("gặp người", sender="An")
    await rooms.answer_due()
    ticket = await rooms.store.ticket((await standing(rooms, conversation)).ticket or "")
    assert ticket is not None
    before = (await standing(rooms, conversation)).last_seq
    await deliver(
        rooms,
        id="m-3",
        text="bổ sung",
        conversation="m-3",
        data={"tickets": [ticket.code]},
        **{"from": sender},
    )
    assert ((await standing(rooms, conversation)).last_seq > before) is joins


async def test_codes_are_told_privately_where_everybody_reads(rooms: Rooms) -> None:
    rooms.channel.now_reached = Reach(public=True)
    conversation = await rooms.hear("gặp người", sender="An")
    await rooms.answer_due()
    public, private = (await rooms.store.messages(conversation))[-2:]
    assert (public.text, public.private) == (TOLD_PRIVATELY, False)
    assert private.private
    assert "Mã tra cứu" in (private.text or "")
    assert not any(
        "Mã tra cứu" in (m.text or "") for m in await rooms.store.messages(conversation) if not m.private
    )


async def test_what_was_noted_of_a_report_is_not_said_where_everybody_reads(rooms: Rooms) -> None:
    def noted(question: Question) -> BotAnswer:
        assert question.public
        wish = TicketWish(reason="report", summary=question.text)
        said = Draft(text=f"Đã ghi: {question.text}")
        return BotAnswer(kind="slot_answer", says=(said,), dialogue=question.dialogue, ticket=wish)

    rooms.bot.reply = noted
    rooms.channel.now_reached = Reach(public=True)
    conversation = await rooms.hear("đèn hư, gọi tôi số 0900000000", sender="An")
    await rooms.answer_due()
    said = [m for m in await rooms.store.messages(conversation) if m.author == "bot"]
    assert [m.text for m in said if not m.private] == [TOLD_PRIVATELY]
    assert not any("0900000000" in (m.text or "") for m in said)


async def test_after_the_machines_window_only_a_person_may_write(rooms: Rooms) -> None:
    rooms.channel.now_reached = Reach(bot=False)
    conversation = await rooms.hear("xin chào", sender="An")
    await rooms.answer_due()
    now = await standing(rooms, conversation)
    assert now.ticket is not None
    assert [m.author for m in await rooms.store.messages(conversation)] == ["citizen"]


async def test_a_crash_between_effects_repeats_nothing(rooms: Rooms, monkeypatch: pytest.MonkeyPatch) -> None:
    conversation, _, _ = await answered(rooms)
    finish = rooms.store.finish_raw

    async def die(raw: str) -> None:
        raise ConnectionError

    monkeypatch.setattr(rooms.store, "finish_raw", die)
    body, headers = signed({"kind": "echo", "id": "p-5", "from": "An", "text": "cán bộ trả lời"})
    raw = await rooms.stream.receive("paper", body, headers)
    leased = await rooms.store.lease_raw(now=rooms.clock.now(), until=rooms.clock.now() + 10)
    assert leased is not None
    with pytest.raises(ConnectionError):
        await rooms.stream.process(leased)
    monkeypatch.setattr(rooms.store, "finish_raw", finish)
    rooms.clock.forward(10)
    again = await rooms.store.lease_raw(now=rooms.clock.now(), until=rooms.clock.now() + 10)
    assert again is not None
    assert again.id == raw.id
    await rooms.stream.process(again)
    said = [m for m in await rooms.store.messages(conversation) if m.author == "operator" and not m.internal]
    assert len(said) == 1
    assert (await rooms.store.books(now=rooms.clock.now(), grace_ms=1)).unparsed == 0


async def test_who_writes_again_can_be_reached_again(rooms: Rooms) -> None:
    conversation, _, _ = await answered(rooms)
    await deliver(rooms, kind="unfollow")
    await rooms.hear("tôi đây", sender="An", start=2)
    assert (await standing(rooms, conversation)).unreachable is None


def ask_for_contact(question: Question) -> BotAnswer:
    asking = Draft(text="Anh/chị cho em xin số điện thoại ạ", ask="contact")
    said = Draft(text=f"Đã ghi {question.text}") if "849" in question.text else asking
    return BotAnswer(kind="slot_answer", says=(said,), dialogue=question.dialogue)


async def test_a_number_shared_in_the_platform_s_form_answers_the_bot_s_question_once(rooms: Rooms) -> None:
    rooms.bot.reply = ask_for_contact
    conversation, _, _ = await answered(rooms)
    await deliver(rooms, kind="profile", data={"name": "Khách", "phone": "84900000000"})
    await rooms.answer_due()
    assert (await rooms.texts(conversation))[2:] == ["citizen: 84900000000", "bot: Đã ghi 84900000000"]
    assert (await standing(rooms, conversation)).contact == {"phone": "84900000000"}
    assert (await rooms.store.books(now=rooms.clock.now(), grace_ms=1)).problems == ()


async def test_a_number_that_nobody_asked_for_is_only_kept(rooms: Rooms) -> None:
    conversation, _, _ = await answered(rooms)
    await deliver(rooms, kind="profile", data={"phone": "84900000000"})
    assert len(await rooms.store.messages(conversation)) == 2


async def test_a_mail_to_an_agency_that_came_back_belongs_to_no_conversation(rooms: Rooms) -> None:
    came_back: list[str] = []

    async def of_notice(mail: str) -> bool:
        came_back.append(mail)
        return True

    rooms.signals.of_notice = of_notice
    await deliver(rooms, kind="bounce", reply_to="z_1@example.vn", conversation="nobody's", data={})
    await deliver(
        rooms, id="b-2", kind="bounce", reply_to="z_2@example.vn", data={"permanent": False}, conversation="nobody's"
    )  # fmt: skip
    assert set(came_back) == {"z_1@example.vn"}
