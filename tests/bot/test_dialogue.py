"""The memory between turns: short, and as good as the whole past."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.client import RasaBot
from bot.dialogue import LONGEST_EXCHANGE, compact, filled
from hub.model import Dialogue
from hub.ports import BotAnswer, Question

LONGEST = 20

events = st.lists(
    st.one_of(
        st.fixed_dictionaries({"event": st.just("session_started")}),
        st.fixed_dictionaries({"event": st.just("user")}),
        st.fixed_dictionaries({"event": st.just("action"), "name": st.sampled_from(["a", "action_listen"])}),
        st.fixed_dictionaries(
            {
                "event": st.just("slot"),
                "name": st.sampled_from(["procedure", "aspect", "requested_slot"]),
                "value": st.sampled_from([None, "x", "y"]),
            }
        ),
        st.fixed_dictionaries(
            {"event": st.just("active_loop"), "name": st.sampled_from([None, "report_form"])}
        ),
        st.fixed_dictionaries({"event": st.just("loop_interrupted"), "is_loop_interrupted": st.booleans()}),
    ),
    max_size=60,
)


def state(told: "tuple[dict[str, Any], ...] | list[dict[str, Any]]") -> tuple[dict[str, str], str | None]:
    """What a tracker remembers of events: slots and the active form."""
    slots: dict[str, str] = {}
    form = None
    for event in told:
        if event["event"] == "session_started":
            slots, form = {}, None
        elif event["event"] == "slot":
            slots[event["name"]] = event["value"]
        elif event["event"] == "active_loop":
            form = event["name"]
    return {name: value for name, value in slots.items() if value is not None}, form


@given(events)
def test_slots_and_form_survive_and_little_else(told: list[dict[str, Any]]) -> None:
    short = compact(told).events
    assert state(short) == state(told)
    assert len(short) <= 3 + 1 + 1 + LONGEST_EXCHANGE <= LONGEST


@given(events)
def test_compacting_again_changes_nothing(told: list[dict[str, Any]]) -> None:
    once = compact(told)
    assert compact(once.events) == once


@given(events, events)
def test_compacting_on_the_way_changes_nothing(
    first: list[dict[str, Any]], then: list[dict[str, Any]]
) -> None:
    assert compact([*compact(first).events, *then]) == compact([*first, *then])


def test_a_slot_emptied_again_was_filled_all_the_same() -> None:
    told = [
        {"event": "slot", "name": "report_phone", "value": "0907123456"},
        {"event": "slot", "name": "report_phone", "value": None},
    ]
    assert filled(told) == {"report_phone": "0907123456"}


CONVERSATIONS = [
    ["xin chào", "lam giay khai sinh can giay to gi", "le phi nhieu vay", "cảm ơn em"],
    [
        "đèn đường trước nhà tôi hư cả tuần nay",
        "làm giấy khai sinh cần giấy tờ gì",
        "ấp 3 xã Mỹ Hiệp",
        "vậy lệ phí bao nhiêu",
        "0907 123 456",
        "lệ phí bao nhiêu",
    ],
    ["rác không ai gom hôi quá", "gần chợ", "thôi không cần nữa", "xin chào", "đèn đường hư hết rồi"],
    ["đèn đường hư hết rồi", "cho tôi gặp tổng đài viên", "phiếu 1022-2026-000123 tới đâu rồi"],
]


def shown(answer: BotAnswer) -> dict[str, Any]:
    return answer.model_dump(exclude={"dialogue"})


@pytest.mark.parametrize("said", CONVERSATIONS, ids=lambda said: said[0])
async def test_a_compacted_conversation_goes_on_like_the_whole_one(
    rasa_bot: RasaBot,
    said: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def talk() -> tuple[list[dict[str, Any]], int]:
        dialogue, answers = Dialogue(), []
        for text in said:
            question = Question(conversation="c_1", channel="webchat", text=text, dialogue=dialogue)
            answer = await rasa_bot.answer(question)
            dialogue = answer.dialogue
            answers.append(shown(answer))
        return answers, len(dialogue.events)

    short, short_length = await talk()
    monkeypatch.setattr("bot.client.compact", lambda told: Dialogue(events=tuple(told)))
    whole, whole_length = await talk()
    assert short == whole
    assert short_length <= LONGEST < whole_length
