"""An entry as a form and back: nothing changes that nobody touched, and faults stand beside their fields."""

from typing import Any, cast

import pytest

from bot.knowledge import seed_docs
from bot.knowledge.editing import (
    EditableKind,
    differences,
    doc_fault,
    example_doc,
    new_id,
    read_form,
    rebased,
    values_of,
    with_phrase,
)
from hub.model import KnowledgeDoc, KnowledgeEdit

DOCS = {(doc.kind, doc.id): doc for doc in seed_docs()}
KHAI_SINH = DOCS["procedure", "dang-ky-khai-sinh"]


def known() -> dict[str, set[str]]:
    ids = {kind: {id_ for k, id_ in DOCS if k == kind} for kind in ("agency", "source", "category")}
    return {
        "agency": ids["agency"], "owner": ids["agency"], "source": ids["source"], "category": ids["category"],
    }  # fmt: skip


def read(doc: KnowledgeDoc, **given: str) -> tuple[dict[str, Any], dict[str, str]]:
    return read_form(cast("EditableKind", doc.kind), given, doc.body, known())


@pytest.mark.parametrize("kind", ["procedure", "faq"])
def test_every_entry_of_the_product_comes_back_as_it_was(kind: EditableKind) -> None:
    for doc in DOCS.values():
        if doc.kind == kind:
            assert read(doc, **values_of(kind, doc.body)) == (doc.body, {}), doc.id


def test_every_field_can_be_written_anew() -> None:
    for doc in DOCS.values():
        if doc.kind == "procedure":
            blank = {"id": doc.id, "level": None}
            body, faults = read_form("procedure", values_of("procedure", doc.body), blank, known())
            assert faults == {}, doc.id
            kept = {"agency_2020", "catalog_as_of"}
            shown = values_of("procedure", body)
            assert shown == values_of("procedure", {n: v for n, v in doc.body.items() if n not in kept})


@pytest.mark.parametrize(
    ("field", "text", "fault"),
    [
        ("name", "", "Thiếu trường"),
        ("processing_time_value", "vài", "Phải là số"),
        ("processing_time_unit", "tuần", "Phải là một trong"),
        ("processing_time_max", "0", "Max phải lớn hơn"),
        ("fee_items", "Miễn phí", "phải có dạng"),
        ("as_of", "hôm qua", "sai dạng"),
        ("review_by", "2026-13-01", "sai dạng"),
        ("aliases", "giấy khai sinh\n" + "dài " * 100, "Dòng 2: dài quá"),
        ("owner", "khong-co", "Không có 'khong-co'"),
        ("source", "", "ít nhất 1"),
        ("online", "có lẽ", "Phải là 'có'"),
        ("national_code", "12", "sai dạng"),
        ("source_url", "cong-dvc", "sai dạng"),
    ],
)
def test_a_fault_stands_beside_its_field(field: str, text: str, fault: str) -> None:
    _, faults = read(KHAI_SINH, **{field: text})
    top = "processing_time_value" if field == "processing_time_max" else field
    assert fault in faults.get(field, faults.get(top, "")), faults


def test_an_emptied_part_is_gone_and_the_entry_no_longer_whole() -> None:
    body, faults = read(KHAI_SINH, documents="")
    assert "documents" not in body
    assert body["complete"] is False
    assert set(faults) <= {"verified_fields"}  # what is not there cannot be vouched for


def edit(before: KnowledgeDoc, after: KnowledgeDoc) -> KnowledgeEdit:
    return KnowledgeEdit(
        id="e-1",
        kind=before.kind,
        entry=before.id,
        before=before,
        after=after,
        state="proposed",
        by="s-1",
        at=1,
    )


def changed(doc: KnowledgeDoc, **given: str) -> KnowledgeDoc:
    body, faults = read(doc, **given)
    assert not faults
    return doc.model_copy(update={"body": body, "origin": "editor"})


def test_a_proposal_is_put_upon_what_others_changed_elsewhere() -> None:
    proposal = edit(KHAI_SINH, changed(KHAI_SINH, notes="Lưu ý mới"))
    now = changed(KHAI_SINH, review_by="2027-01-01")
    both = rebased(proposal, now)
    assert both is not None
    assert both.before == now
    assert both.after is not None
    assert (both.after.body["notes"], both.after.body["review_by"]) == ("Lưu ý mới", "2027-01-01")
    assert rebased(proposal, changed(KHAI_SINH, notes="Lưu ý khác")) is None
    assert rebased(proposal, KHAI_SINH) == proposal


def test_differences_are_told_in_the_words_of_the_form() -> None:
    after = changed(KHAI_SINH, review_by="2027-01-01", needs="giấy đầu đời\ngiấy cho bé")
    assert differences("procedure", edit(KHAI_SINH, after)) == [
        ("Cách người dân hỏi", "", "giấy đầu đời\ngiấy cho bé"),
        ("Rà soát lại trước ngày", "", "2027-01-01"),
    ]


def test_a_phrase_is_added_once() -> None:
    once = with_phrase(KHAI_SINH, "  giấy đầu đời \n cho cháu ", "needs")
    assert once.body["needs"] == ["giấy đầu đời cho cháu"]
    assert with_phrase(once, "Giay dau doi cho chau", "needs").body == once.body
    faq = next(doc for doc in DOCS.values() if doc.kind == "faq")
    assert with_phrase(faq, "hỏi kiểu khác", "aliases").body["variants"][-1] == "hỏi kiểu khác"


def test_ids_say_what_an_entry_is_about() -> None:
    assert new_id("Chợ đêm mở mấy giờ?", lambda _: False) == "cho-dem-mo-may-gio"
    assert new_id("Chợ đêm?", {"cho-dem", "cho-dem-2"}.__contains__) == "cho-dem-3"
    assert new_id("???", lambda _: False) == "cau-hoi"


def test_an_example_has_an_intent() -> None:
    assert doc_fault(example_doc("phí nhiêu vậy", "ask_fee")) is None
    assert doc_fault(example_doc("phí nhiêu vậy", "Hỏi phí")) is not None
    assert example_doc("Phí nhiêu", "a").id == example_doc("phi nhieu!", "b").id
