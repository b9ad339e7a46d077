"""What editors put down counts at once, before anything is learned anew, and says when it should be looked at."""

from typing import Any

import pytest

from bot.knowledge import KnowledgeBase, seed_docs
from bot.text import fold
from hub.errors import DataError
from hub.model import KnowledgeDoc
from tests.conftest import FakeClock

#: Said of nothing in the product's own phrases; the last is among what it must not answer.
ASKED = ("gắn bảng hiệu trước quán cơm", "mở tiệm hớt tóc ở chợ", "nuôi chim yến trong nhà phố")
TARGET = "dang-ky-ho-kinh-doanh"


@pytest.fixture(scope="module")
def docs() -> dict[tuple[str, str], KnowledgeDoc]:
    return {(doc.kind, doc.id): doc for doc in seed_docs()}


@pytest.fixture(scope="module")
def seeded(docs: dict[tuple[str, str], KnowledgeDoc]) -> KnowledgeBase:
    return KnowledgeBase.build(docs.values())


def edited(doc: KnowledgeDoc, **fields: Any) -> KnowledgeDoc:
    return doc.model_copy(update={"body": doc.body | fields, "origin": "editor"})


@pytest.mark.parametrize("asked", ASKED)
def test_a_phrase_that_is_put_down_answers_the_next_who_asks_so(
    seeded: KnowledgeBase, docs: dict[tuple[str, str], KnowledgeDoc], asked: str
) -> None:
    doc = docs["procedure", TARGET]
    assert seeded.find(asked).id != TARGET
    after = seeded.changed(doc, edited(doc, needs=[asked]))
    for said in (asked, fold(asked), f"Dạ cho con hỏi {asked} ạ"):
        found = after.find(said)
        assert (found.outcome, found.id) == ("procedure", TARGET), said
    assert after.behind
    assert after.revision == seeded.revision


def test_what_is_undone_is_as_it_was(
    seeded: KnowledgeBase, docs: dict[tuple[str, str], KnowledgeDoc]
) -> None:
    doc = docs["procedure", TARGET]
    changed = edited(doc, needs=[ASKED[1]])
    after = seeded.changed(doc, changed).changed(changed, doc)
    assert [after.find(asked) for asked in ASKED] == [seeded.find(asked) for asked in ASKED]
    assert not after.behind


def test_a_new_question_is_found_and_one_that_is_gone_is_not(seeded: KnowledgeBase) -> None:
    body = {
        "id": "cho-dem-cao-lanh", "category": "hoi-thong-tin-1022", "question": "Chợ đêm Cao Lãnh mở mấy giờ?",
        "variants": ["mấy giờ có chợ đêm"], "answer": "Câu trả lời thử.", "source": ["don-vi-van-hanh"],
        "verified": False, "as_of": "2026-11-01",
    }  # fmt: skip
    if body["category"] not in seeded.entries.categories:
        body["category"] = next(iter(seeded.entries.categories))
    new = KnowledgeDoc(kind="faq", id="cho-dem-cao-lanh", body=body, origin="editor")
    after = seeded.changed(None, new)
    assert after.find("cho hỏi mấy giờ có chợ đêm vậy").id == "cho-dem-cao-lanh"
    assert after.changed(new, None).find("cho hỏi mấy giờ có chợ đêm vậy").id != "cho-dem-cao-lanh"


def test_a_name_that_several_share_is_still_asked_back(
    seeded: KnowledgeBase, docs: dict[tuple[str, str], KnowledgeDoc]
) -> None:
    asked = "giấy phép lái xe"
    before = seeded.find(asked)
    assert before.outcome == "clarify"
    doc = docs["procedure", before.candidates[0].id]
    after = seeded.changed(doc, edited(doc, notes="Chỉ sửa lưu ý."))
    assert after.find(asked).outcome == "clarify"


def test_a_new_question_is_told_from_one_that_is_like_it(seeded: KnowledgeBase) -> None:
    old = next(faq for faq in seeded.entries.faqs.values() if "1022" in faq.question)
    body = {
        "id": "moi", "category": old.category, "question": f"{old.question[:-1]} vào ngày Tết?", "answer": "Thử.",
        "source": list(old.source), "verified": False, "as_of": "2026-11",
    }  # fmt: skip
    after = seeded.changed(None, KnowledgeDoc(kind="faq", id="moi", body=body, origin="editor"))
    assert after.find(f"dạ {body['question']}").id == "moi"
    assert after.find(old.question).id == old.id


def test_what_does_not_fit_is_refused_with_its_field(
    seeded: KnowledgeBase, docs: dict[tuple[str, str], KnowledgeDoc]
) -> None:
    doc = docs["procedure", TARGET]
    with pytest.raises(DataError) as refused:
        seeded.changed(doc, edited(doc, owner="khong-co-co-quan-nay"))
    assert "trường owner" in refused.value.problems[0]


def test_answers_of_an_entry_past_its_date_say_so(docs: dict[tuple[str, str], KnowledgeDoc]) -> None:
    clock = FakeClock()  # 23/11/2026
    procedure, faq = docs["procedure", TARGET], next(doc for doc in docs.values() if doc.kind == "faq")
    own = docs | {
        ("procedure", TARGET): edited(procedure, review_by="2026-11-20"),
        ("faq", faq.id): edited(faq, review_by="2026-11-20"),
    }
    knowledge = KnowledgeBase.build(own.values(), clock=clock)
    said = "đã quá hạn rà soát (ngày 20/11/2026)"
    assert said in knowledge.answer(TARGET, "general").text
    assert said in knowledge.answer_faq(faq.id).text
    clock.forward(-7 * 24 * 3600 * 1000)
    assert said not in knowledge.answer(TARGET, "general").text
    assert said not in knowledge.answer_faq(faq.id).text
