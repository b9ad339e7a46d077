"""Entries as a plain form: every field a text, and back with the faults beside the fields. Nothing here is stored.

What a form did not change stays exactly as it was, so a field nobody touched is never rewritten; what two people
changed in different fields can be put together.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, Literal

from pydantic import ValidationError

from bot.knowledge.phrasing import when
from bot.knowledge.schema import MODELS, Faq, Procedure, in_words
from bot.knowledge.tables import row_body
from bot.text import fold, nfc, words
from hub.model import KnowledgeDoc, KnowledgeEdit, derived_id

EditableKind = Literal["procedure", "faq"]

#: Fields on the form, in its order, with what an editor calls them.
LABELS: Final[dict[EditableKind, dict[str, str]]] = {
    "procedure": {
        "name": "Tên thủ tục", "official_name": "Tên chính thức", "aliases": "Tên gọi khác",
        "needs": "Cách người dân hỏi", "field": "Lĩnh vực", "level": "Cấp giải quyết", "agency": "Cơ quan giải quyết",
        "national_code": "Mã trên Cổng quốc gia", "documents": "Hồ sơ", "forms": "Mẫu đơn, tờ khai",
        "steps": "Các bước", "eligibility": "Điều kiện, đối tượng", "results": "Kết quả",
        "processing_time_value": "Thời hạn", "processing_time_unit": "Đơn vị thời hạn",
        "processing_time_max": "Thời hạn tối đa", "processing_time_note": "Ghi chú thời hạn",
        "fee_summary": "Lệ phí (tóm tắt)", "fee_items": "Các mức phí", "fee_note": "Ghi chú lệ phí",
        "where_to_apply": "Nơi nộp", "online": "Nộp trực tuyến", "legal_basis": "Căn cứ pháp lý", "notes": "Lưu ý",
        "source": "Nguồn", "source_url": "Đường dẫn nguồn", "verified_fields": "Phần đã kiểm chứng",
        "verified": "Đã kiểm chứng", "as_of": "Dữ liệu đến ngày", "review": "Việc cần biên tập",
        "owner": "Cơ quan phụ trách nội dung", "review_by": "Rà soát lại trước ngày",
    },
    "faq": {
        "question": "Câu hỏi", "variants": "Cách hỏi khác", "answer": "Câu trả lời", "category": "Lĩnh vực",
        "needs_operator_input": "Chưa có thông tin được xác nhận", "source": "Nguồn", "verified": "Đã kiểm chứng",
        "as_of": "Dữ liệu đến ngày", "owner": "Cơ quan phụ trách nội dung", "review_by": "Rà soát lại trước ngày",
    },
}  # fmt: skip
LISTS: Final = frozenset(
    {"aliases", "needs", "documents", "forms", "steps", "eligibility", "results", "fee_items", "legal_basis",
     "source", "verified_fields", "review", "variants"}
)  # fmt: skip
_NESTED: Final = ("processing_time", "fee")
_BOOLEANS: Final = ("online", "verified", "needs_operator_input")
_UNITS: Final = {
    "working_day": "ngày làm việc", "day": "ngày", "hour": "giờ", "working_hour": "giờ làm việc",
    "immediate": "giải quyết ngay",
}  # fmt: skip
_NEVER_ABSENT: Final[dict[EditableKind, dict[str, Any]]] = {
    "procedure": {"aliases": [], "source": [], "verified_fields": [], "verified": False},
    "faq": {"source": [], "verified": False},
}
LONGEST_SLUG: Final = 80
UNITS: Final = _UNITS


def values_of(kind: EditableKind, body: Mapping[str, Any]) -> dict[str, str]:
    """What stands in each field of the form."""
    return {name: _shown(name, _field(body, name)) for name in LABELS[kind]}


def read_form(
    kind: EditableKind,
    given: Mapping[str, str],
    base: Mapping[str, Any],
    known: Mapping[str, Collection[str]],
) -> tuple[dict[str, Any], dict[str, str]]:
    """The entry of a filled form, and what is wrong with it by field (``""``: with the whole).

    Args:
        given: texts by field; a field that is not there stays as it is.
        base: the entry as it was; for a new one its id alone.
        known: field → ids it may name.
    """
    before = values_of(kind, base)
    after = before | {name: _tidy(name, text) for name, text in given.items() if name in before}
    changed = {_top(name) for name in before if after[name] != before[name]}
    cells = {name: text for name, text in after.items() if text and _top(name) in changed}
    read, unread = row_body(cells, _lines)
    body = {name: value for name, value in base.items() if name not in changed}
    body |= {name: value for name, value in read.items() if name in changed}
    body |= {name: value for name, value in _NEVER_ABSENT[kind].items() if name not in body}
    if kind == "procedure":
        body["complete"] = all(
            body.get(name) for name in ("documents", "processing_time", "fee", "where_to_apply")
        )
    faults = {name: fault[0].upper() + fault[1:] for name, fault in unread}
    for name, fault in _faults(kind, body):
        faults.setdefault(name, fault)
    for name, ids in known.items():
        unknown = [one for one in _lines(after.get(name, "")) if one not in ids]
        if unknown:
            faults.setdefault(name, f"Không có '{unknown[0][:60]}' trong dữ liệu.")
    return body, faults


def differences(kind: str, edit: KnowledgeEdit) -> list[tuple[str, str, str]]:
    """(what the field is called, before, after) of each field an edit changes."""
    old, new = (doc.body if doc else {} for doc in (edit.before, edit.after))
    if kind not in LABELS:
        return [(n, str(old.get(n, "")), str(new.get(n, ""))) for n in new | old if old.get(n) != new.get(n)]
    editable: EditableKind = "faq" if kind == "faq" else "procedure"
    before, after = values_of(editable, old), values_of(editable, new)
    return [
        (label, before[name], after[name])
        for name, label in LABELS[editable].items()
        if before[name] != after[name]
    ]


def rebased(edit: KnowledgeEdit, current: KnowledgeDoc | None) -> KnowledgeEdit | None:
    """A proposal on the entry as it is by now; None if the same field was changed meanwhile."""
    if current == edit.before:
        return edit
    if current is None or edit.before is None or edit.after is None:
        return None
    before, after = edit.before.body, edit.after.body
    moved = {name for name in before | after if before.get(name) != after.get(name)} - {"complete"}
    if any(current.body.get(name) != before.get(name) for name in moved):
        return None
    body = {name: value for name, value in current.body.items() if name not in moved}
    body |= {name: after[name] for name in moved if name in after}
    if "complete" in body:
        body["complete"] = all(
            body.get(name) for name in ("documents", "processing_time", "fee", "where_to_apply")
        )
    return edit.model_copy(
        update={"before": current, "after": current.model_copy(update={"body": body, "origin": "editor"})}
    )


def with_phrase(doc: KnowledgeDoc, phrase: str, field: Literal["needs", "aliases"]) -> KnowledgeDoc:
    """The entry with one more way to ask for it."""
    name = "variants" if doc.kind == "faq" else field
    phrase = _tidy("phrase", phrase)
    said = list(doc.body.get(name, []))
    if fold(phrase) not in map(fold, said):
        said.append(phrase)
    return doc.model_copy(update={"body": doc.body | {name: said}, "origin": "editor"})


def phrase_fault(doc: KnowledgeDoc) -> str | None:
    """What is wrong with an entry a phrase was added to, in one sentence."""
    return next((fault for _, fault in _faults("faq" if doc.kind == "faq" else "procedure", doc.body)), None)


def new_id(question: str, taken: Callable[[str], bool]) -> str:
    """An id that says what the entry is about."""
    parts = [part for word in words(fold(question)) if (part := "".join(c for c in word if c.isalnum()))]
    slug = "-".join(part for part in parts if part.isascii())[: LONGEST_SLUG - 4].strip("-") or "cau-hoi"
    return slug if not taken(slug) else next(f"{slug}-{n}" for n in range(2, 999) if not taken(f"{slug}-{n}"))


def example_doc(text: str, intent: str) -> KnowledgeDoc:
    """A sentence to train with; the same sentence has the same id."""
    text = _tidy("text", text)
    id_ = derived_id("vd", " ".join(words(fold(text)))).replace("_", "-")
    return KnowledgeDoc(
        kind="example", id=id_, body={"id": id_, "intent": intent, "text": text}, origin="editor"
    )


def doc_fault(doc: KnowledgeDoc) -> str | None:
    """What is wrong with an entry of any kind, in one sentence."""
    try:
        MODELS[doc.kind].model_validate(doc.body)
    except ValidationError as error:
        return in_words(error.errors()[0])
    return None


# ---- between texts and fields


def _field(body: Mapping[str, Any], name: str) -> Any:
    top = _top(name)
    if top == name:
        return body.get(name)
    return (body.get(top) or {}).get(name.removeprefix(f"{top}_"))


def _top(name: str) -> str:
    return next((nested for nested in _NESTED if name.startswith(f"{nested}_")), name)


def _shown(name: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "có" if value else "không"
    if isinstance(value, (int, float)):
        return f"{value:g}"
    if name == "processing_time_unit":
        return str(_UNITS.get(value, value))
    if name == "forms":
        return "\n".join(one["name"] + (f" | {one['code']}" if one.get("code") else "") for one in value)
    if name == "fee_items":
        return "\n".join(f"{one['label']} | {one['vnd']}" for one in value)
    return "\n".join(value) if isinstance(value, list) else str(value)


def _tidy(name: str, text: str) -> str:
    """NFC, one space between words, one line except in lists."""
    lines = [" ".join(nfc(line).split()) for line in text.splitlines()]
    return ("\n" if name in LISTS else " ").join(line for line in lines if line)


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line]


def _faults(kind: EditableKind, body: dict[str, Any]) -> list[tuple[str, str]]:
    model: type[Procedure | Faq] = Procedure if kind == "procedure" else Faq
    try:
        model.model_validate(body)
    except ValidationError as error:
        return [_fault(kind, found["loc"], in_words(found)) for found in error.errors()]
    return []


def _fault(kind: EditableKind, loc: tuple[int | str, ...], text: str) -> tuple[str, str]:
    names = [part for part in loc if isinstance(part, str)]
    line = next((part + 1 for part in loc if isinstance(part, int)), None)
    said = f"Dòng {line}: {text}." if line else f"{text[0].upper()}{text[1:]}."
    if not names:
        return ("verified_fields" if "verified" in text else "aliases" if "aliases" in text else ""), said
    joined = "_".join(names[:2])
    return next((name for name in (joined, names[0], f"{names[0]}_value", f"{names[0]}_summary")
                 if name in LABELS[kind]), ""), said  # fmt: skip


def dated(doc: KnowledgeDoc) -> str:
    """How old the data of an entry is."""
    return f"dữ liệu {when(doc.body['as_of'])}" if doc.body.get("as_of") else ""
