"""The operator's acts as turns."""

from typing import Any

import pytest

from handoff import desk
from handoff.desk import HeldByColleague
from hub.model import Conversation, Staff, Ticket, TicketState

T0 = 1_795_400_000_000
LAN = Staff(id="s-lan", login="lan", name="Tổng đài viên Sen", role="operator", password_hash="x")
MINH = Staff(id="s-minh", login="minh", name="Trần Minh", role="operator", password_hash="x")


def conversation(**fields: Any) -> Conversation:
    base: dict[str, Any] = {
        "id": "c-1",
        "channel": "webchat",
        "account": "web",
        "key": "w-1",
        "sender": "w-1",
        "owner": "human",
        "epoch": 3,
        "last_seq": 7,
        "ticket": "k-1",
        "created_at": T0,
        "touched_at": T0,
    }
    return Conversation(**base | fields)


def ticket(state: TicketState = "new", operator: str | None = None) -> Ticket:
    return Ticket(
        id="k-1",
        code="1022-2026-000001",
        lookup_key="ACDEFG",
        conversation="c-1",
        state=state,
        reason="asked_for_person",
        summary="Xin gặp người",
        operator=operator,
        created_at=T0,
    )


def test_taking_tells_the_citizen_and_assigns_the_ticket() -> None:
    turn = desk.take(conversation(), ticket(), LAN, T0, "k")
    assert (turn.owner, turn.operator, turn.actor, turn.actor_id) == ("human", LAN.id, "system", LAN.id)
    assert (turn.handles, turn.outcome, turn.expects_epoch) == (7, "ticketed", 3)
    assert turn.change
    assert (turn.change.state, turn.change.operator) == ("assigned", LAN.id)
    assert "Tổng đài viên Sen" in turn.says[0].text


def test_taking_again_says_and_changes_nothing() -> None:
    turn = desk.take(conversation(operator=LAN.id), ticket("assigned", LAN.id), LAN, T0, "k")
    assert turn.says == ()
    assert turn.change is None


def test_taking_from_a_colleague_must_be_meant() -> None:
    held = conversation(operator=MINH.id)
    with pytest.raises(HeldByColleague):
        desk.take(held, ticket("assigned", MINH.id), LAN, T0, "k")
    with pytest.raises(HeldByColleague):  # meanwhile another one has it than the page showed
        desk.take(held, ticket("assigned", MINH.id), LAN, T0, "k", over="s-other")
    turn = desk.take(held, ticket("answered", MINH.id), LAN, T0, "k", over=MINH.id)
    assert turn.operator == LAN.id
    assert turn.change
    assert (turn.change.state, turn.change.operator) == ("answered", LAN.id)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("new", "answered"),
        ("assigned", "answered"),
        ("waiting_citizen", "answered"),
        ("reopened", "answered"),
        ("returned", "answered"),
        ("answered", "answered"),
        ("forwarded", "forwarded"),
    ],
)
def test_what_a_reply_makes_of_the_ticket(before: TicketState, after: TicketState) -> None:
    turn = desk.reply(conversation(), ticket(before), LAN, T0, "k", text="Dạ, chào anh/chị.")
    assert turn.change
    assert (turn.change.state, turn.change.operator) == (after, LAN.id)
    assert (turn.owner, turn.operator) == ("human", LAN.id)
    assert [draft.text for draft in turn.says] == ["Dạ, chào anh/chị."]


def test_a_second_reply_adds_no_line_to_the_history() -> None:
    turn = desk.reply(conversation(operator=LAN.id), ticket("answered", LAN.id), LAN, T0, "k", text="Dạ.")
    assert turn.change is None


def test_the_same_form_is_the_same_turn_but_another_text_is_not() -> None:
    first = desk.reply(conversation(), ticket(), LAN, T0, "k", text="Dạ.")
    later = desk.reply(
        conversation(epoch=4, operator=LAN.id), ticket("answered"), LAN, T0 + 9, "k", text="Dạ."
    )
    assert first.id == later.id
    others = [
        desk.reply(conversation(), ticket(), LAN, T0, "k", text="Dạ, có."),
        desk.reply(conversation(), ticket(), LAN, T0, "k2", text="Dạ."),
        desk.reply(conversation(), ticket(), MINH, T0, "k", text="Dạ."),
        desk.note(conversation(), LAN, T0, "k", text="Dạ."),
        desk.take(conversation(), ticket(), LAN, T0, "k"),
    ]
    assert len({first.id, *(turn.id for turn in others)}) == len(others) + 1


def test_a_note_stays_in_the_house_and_changes_nothing_else() -> None:
    turn = desk.note(conversation(operator=MINH.id), LAN, T0, "k", text="Đã gọi cho xã.")
    assert turn.says[0].internal
    assert (turn.owner, turn.change, turn.handles, turn.outcome) == (None, None, 0, None)


def test_handing_back_keeps_the_ticket_with_its_operator() -> None:
    turn = desk.hand_back(conversation(operator=LAN.id), ticket("answered", LAN.id), LAN, T0, "k")
    assert (turn.owner, turn.operator) == ("bot", None)
    assert turn.change
    assert (turn.change.state, turn.change.fields, turn.change.note) == (
        None, {}, "Trả hội thoại lại cho trợ lý tự động",
    )  # fmt: skip
    assert turn.change.note


def test_nobody_acts_over_a_colleague() -> None:
    held, open_ = conversation(operator=MINH.id), ticket("assigned", MINH.id)
    with pytest.raises(HeldByColleague):
        desk.reply(held, open_, LAN, T0, "k", text="Dạ.")
    with pytest.raises(HeldByColleague):
        desk.hand_back(held, open_, LAN, T0, "k")
