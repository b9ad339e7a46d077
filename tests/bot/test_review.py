"""What is laid before the editors: which answers, under which key, and with nothing that names a person."""

import pytest

from bot.masking import MASK, masked
from bot.review import marked_wrong, question_key, unanswered
from hub.model import Conversation, Dialogue, Draft, Message
from hub.ports import BotAnswer

TALK = Conversation(
    id="c-1",
    channel="zalo",
    account="oa",
    key="k",
    sender="u",
    created_at=0,
    touched_at=0,
    dialogue=Dialogue(),
)


def answer(kind: str, **fields: object) -> BotAnswer:
    return BotAnswer.model_validate(
        {"kind": kind, "says": (Draft(text="Dạ"),), "dialogue": Dialogue()} | fields
    )


@pytest.mark.parametrize(
    "private",
    [
        "0912 345 678", "+84 912.345.678", "02773 851 431", "087123456789", "087 123 456 789", "341234567",
        "9704 3668 1234 5678", "1022-2026-000123", "H21.15-261101-0005", "66B1-123.45", "ba.nam@example.org",
    ],
)  # fmt: skip
def test_what_names_a_person_or_a_case_is_masked(private: str) -> None:
    assert masked(f"Con là Tư, {private}, hỏi về phí") == f"Con là Tư, {MASK}, hỏi về phí"


@pytest.mark.parametrize(
    "text",
    [
        "phí 1.500.000 đồng",
        "phạt 12.000.000",
        "Nghị định 101/2019/NĐ-CP",
        "từ 01/07/2026",
        "mẫu số 05",
        "7h30",
    ],
)
def test_money_dates_and_documents_stay(text: str) -> None:
    assert masked(text) == text


@pytest.mark.parametrize(
    ("kind", "fields", "reason"),
    [
        ("unknown_procedure", {"candidates": ("a", "b")}, "unknown"),
        ("clarify", {"candidates": ("a", "b")}, "clarify"),
        ("clarify", {}, "not_understood"),
        ("procedure", {"procedure": "a", "handoff": True}, "missing"),
        ("faq", {"faq": "f", "handoff": True}, "missing"),
        ("procedure", {"procedure": "a"}, None),
        ("report", {"handoff": True}, None),
        ("human", {"handoff": True}, None),
    ],
)
def test_what_was_not_answered_is_kept(kind: str, fields: dict[str, object], reason: str | None) -> None:
    item = unanswered(TALK, "t-1", "Nuôi chim yến cần gì?", answer(kind, **fields), 7)
    assert (item and item.reason) == reason


def test_equal_questions_have_one_key_and_texts_are_masked() -> None:
    one = unanswered(TALK, "t-1", "Nuôi chim yến, gọi 0912345678", answer("unknown_procedure"), 7)
    other = unanswered(TALK, "t-2", "nuoi CHIM yen goi 0987 654 321!", answer("unknown_procedure"), 8)
    assert one is not None
    assert other is not None
    assert (one.key, one.question) == (other.key, f"Nuôi chim yến, gọi {MASK}")
    assert one.id != other.id
    assert one.key == question_key(one.question)
    assert unanswered(TALK, "t-3", "👍", answer("clarify"), 9) is None


def test_a_mark_carries_what_was_answered_from_what() -> None:
    said = Message(
        id="m-2",
        conversation="c-1",
        seq=2,
        author="bot",
        at=5,
        text="Phí 0 đồng, gọi 0912345678",
        knowledge=("a",),
    )
    item = marked_wrong(TALK, said, "Phí nhiêu", "s-1", "Đã đổi, hỏi 0912345678")
    assert (item.reason, item.knowledge, item.marked_by, item.at) == ("wrong", ("a",), "s-1", 5)
    assert (item.answer, item.note) == (f"Phí 0 đồng, gọi {MASK}", f"Đã đổi, hỏi {MASK}")
    assert marked_wrong(TALK, said, "Phí nhiêu", "s-2", None).id == item.id
