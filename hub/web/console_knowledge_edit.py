"""An entry in a plain form: tried out beside it, saved by an editor, or proposed by the agency that answers for it."""

import hashlib
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, cast, get_args

from aiohttp import web

from bot.knowledge import Aspect
from bot.knowledge.answer import ASPECTS
from bot.knowledge.editing import LABELS, LISTS, UNITS, EditableKind, new_id, read_form, values_of
from bot.knowledge.schema import Verifiable
from hub.errors import DataError
from hub.model import EditState, KnowledgeDoc, KnowledgeEdit, derived_id
from hub.web.auth import form_of, guarded, page, plain, see_other
from hub.web.console_knowledge import BASE, ENTRIES, NO_ENTRY, kind_of, visible_entry
from hub.web.context import hub_of
from hub.web.knowledge_view import (
    EDITORS,
    MOVED,
    Entry,
    carry_out,
    edits_all,
    knowledge_page,
    look,
    me_of,
    proposes,
    title_of,
    today_of,
    tried,
)

MAX_FORM_BYTES: Final = 256 * 1024
LONGEST_NOTE: Final = 500
NOTHING: Final = "Chưa có chỗ nào thay đổi."
WHY: Final = "Vui lòng ghi lý do, kèm căn cứ nếu có."
LEVELS: Final = {"tinh": "Cấp tỉnh", "huyen": "Cấp huyện", "xa": "Cấp xã", "other": "Khác"}
YES_NO: Final = {"có": "Có", "không": "Không"}
_ASPECTS: Final = {str(aspect): name for aspect, (name, _) in ASPECTS.items()}
#: Fields that name other entries.
REFERENCES: Final[tuple[str, ...]] = ("agency", "owner", "source", "category")
VERIFIABLE: Final = {"code": "Mã thủ tục", "processing_time": "Thời hạn", "fee": "Lệ phí"}
#: What begins with which field.
HEADINGS: Final = {
    "name": "Tên và cách hỏi", "question": "Câu hỏi và câu trả lời", "documents": "Nội dung trả lời",
    "source": "Nguồn, độ chắc chắn, rà soát",
}  # fmt: skip
HINTS: Final = {
    "aliases": "Mỗi dòng một tên.",
    "needs": "Mỗi dòng một câu, viết như người dân nhắn. Có tác dụng ngay khi lưu.",
    "variants": "Mỗi dòng một câu, viết như người dân nhắn. Có tác dụng ngay khi lưu.",
    "forms": "Mỗi dòng một mẫu: tên | mã mẫu.",
    "fee_items": "Mỗi dòng một mức: tên mức | số tiền.",
    "as_of": "Năm, tháng hoặc ngày của dữ liệu: 2026-11-20.",
    "owner": "Để trống: cơ quan giải quyết (với thủ tục), chưa gán (với hỏi đáp).",
    "review_by": "Quá ngày này, câu trả lời sẽ nói rõ là đã quá hạn rà soát.",
    "review": "Ghi cho người biên tập, người dân không thấy.",
    "verified_fields": "Chỉ chọn phần đã đọc tại nguồn.",
}


@dataclass(frozen=True)
class Field:
    """One field of the form."""

    name: str
    label: str
    value: str
    widget: str  # line, address, text, list, choice, checks, date
    choices: dict[str, str]
    hint: str
    fault: str | None
    heading: str | None


async def edit_form(request: web.Request) -> web.StreamResponse:
    entry, doc = await _of(request)
    given = {"key": secrets.token_urlsafe(12), "item": request.query.get("item", "")}
    return await _page(request, entry.kind, doc, values_of(entry.kind, doc.body), {}, given)


async def new_form(request: web.Request) -> web.StreamResponse:
    item = request.query.get("item", "")
    items = await hub_of(request).store.reviews(key=item, limit=1) if item else []
    values = values_of("faq", {}) | {"question": items[0].question.splitlines()[0][:260] if items else ""}
    values["as_of"] = today_of(request)
    return await _page(request, "faq", None, values, {}, {"key": secrets.token_urlsafe(12), "item": item})


async def save(request: web.Request) -> web.StreamResponse:
    entry, doc = await _of(request)
    return await _save(request, entry.kind, doc)


async def save_new(request: web.Request) -> web.StreamResponse:
    return await _save(request, "faq", None)


async def _save(request: web.Request, kind: EditableKind, doc: KnowledgeDoc | None) -> web.Response:
    hub, me, form = hub_of(request), me_of(request), await form_of(request)
    id_ = derived_id("e", me.id, form.get("key", ""))
    if not form.get("key"):
        return plain(400, MOVED)
    if (done := await hub.store.knowledge_edit(id_)) is not None:  # the same form again
        return _saved(done)
    values, after, faults = _read(request, kind, doc, form)
    note = form.get("note", "").strip()[:LONGEST_NOTE] or None
    state: EditState = "applied" if edits_all(me) else "proposed"
    if doc is not None and form.get("stamp") != stamp(doc):
        faults.setdefault("", MOVED)
    elif not faults and doc is not None and after.body == doc.body:
        faults[""] = NOTHING
    if state == "proposed" and not note:
        faults["note"] = WHY
    if not faults:
        try:
            await tried(hub.knowledge(), doc, after)
        except DataError as error:
            faults[""] = "; ".join(error.problems[:3])
    if faults:
        return await _page(request, kind, doc, values, faults, form, status=422)
    edit = KnowledgeEdit(
        id=id_,
        kind=kind,
        entry=after.id,
        before=doc,
        after=after,
        state=state,
        by=me.id,
        at=hub.clock.now(),
        note=note,
        question=form.get("item") or None,
    )
    if problem := await carry_out(request, edit):
        return await _page(request, kind, doc, values, {"": problem}, form, status=409)
    if edit.question and state == "applied":
        await hub.store.settle_reviews(edit.question, "done", by=me.id, now=hub.clock.now())
    return _saved(edit)


def _saved(edit: KnowledgeEdit) -> web.Response:
    if edit.state == "proposed":
        return see_other(f"{BASE}/{edit.kind}/{edit.entry}?sent=proposed")
    if edit.question:
        return see_other(f"{BASE}/review/{edit.question}")
    return see_other(f"{BASE}/{edit.kind}/{edit.entry}?sent=saved")


def _read(
    request: web.Request, kind: EditableKind, doc: KnowledgeDoc | None, form: dict[str, str]
) -> tuple[dict[str, str], KnowledgeDoc, dict[str, str]]:
    """What was typed, the entry it makes, and what is wrong with it."""
    given = {name: form[name] for name in LABELS[kind] if name in form}
    for name in ("source", "verified_fields"):
        if name in LABELS[kind] and f"{name}:shown" in form:
            ticked = [one for one in _ids(request, name) if f"{name}:{one}" in form]
            given[name] = "\n".join(ticked)
    id_ = doc.id if doc else new_id(given.get("question", ""), _taken(request))
    base = doc.body if doc else {"id": id_}
    ids = {name: _ids(request, name) for name in REFERENCES if name in LABELS[kind]}
    body, faults = read_form(kind, given, base, ids)
    after = KnowledgeDoc(kind=kind, id=id_, body=body, origin="editor")
    return values_of(kind, base) | given, after, faults


def _taken(request: web.Request) -> Callable[[str], bool]:
    known = hub_of(request).knowledge()
    return lambda id_: known.faq(id_) is not None or known.procedure(id_) is not None


def _ids(request: web.Request, name: str) -> dict[str, str]:
    """Ids a field may name, with what they are called."""
    entries = hub_of(request).knowledge().entries
    match name:
        case "agency" | "owner":
            return {one.id: one.name for one in entries.agencies.values()}
        case "source":
            return {one.id: one.label for one in entries.sources.values()}
        case "category":
            return {one.id: one.name for one in entries.categories.values()}
        case "verified_fields":
            return {
                one: LABELS["procedure"].get(one, VERIFIABLE.get(one, one)) for one in get_args(Verifiable)
            }
        case _:
            return {}


async def _page(
    request: web.Request,
    kind: EditableKind,
    doc: KnowledgeDoc | None,
    values: dict[str, str],
    faults: dict[str, str],
    form: dict[str, str],
    *,
    status: int = 200,
) -> web.Response:
    hub, me = hub_of(request), me_of(request)
    fields = [_field(request, kind, name, values.get(name, ""), faults.get(name)) for name in LABELS[kind]]
    items = await hub.store.reviews(key=form["item"], limit=1) if form.get("item") else []
    return await knowledge_page(
        request,
        "console/knowledge_edit.html",
        status=status,
        kind=kind,
        entry=doc,
        title=title_of(doc) if doc else "Mục hỏi đáp mới",
        fields=fields,
        faults=faults,
        note=form.get("note", ""),
        key=form.get("key", ""),
        stamp=stamp(doc) if doc else "",
        item=items[0].key if items else "",
        asked=items[0].question if items else form.get("asked", ""),
        aspects=dict(sorted(_ASPECTS.items(), key=lambda one: one[0] != "general")),
        tab="entries",
        proposing=not edits_all(me),
    )


def _field(request: web.Request, kind: EditableKind, name: str, value: str, fault: str | None) -> Field:
    widget, choices = "line", {}
    if name in ("agency", "owner", "category"):
        widget, choices = "choice", _ids(request, name)
    elif name in ("source", "verified_fields"):
        widget, choices = "checks", _ids(request, name)
    elif name in ("online", "verified", "needs_operator_input"):
        widget, choices = "choice", YES_NO
    elif name == "level":
        widget, choices = "choice", LEVELS
    elif name == "processing_time_unit":
        widget, choices = "choice", {one: one for one in UNITS.values()}
    elif name == "review_by":
        widget = "date"
    elif name == "source_url":
        widget = "address"
    elif name in LISTS:
        widget = "list"
    elif name in ("name", "official_name", "answer", "where_to_apply", "notes", "fee_summary", "fee_note"):
        widget = "text"
    return Field(
        name, LABELS[kind][name], value, widget, choices, HINTS.get(name, ""), fault, HEADINGS.get(name)
    )


async def _of(request: web.Request) -> tuple[Entry, KnowledgeDoc]:
    """The entry a form is about, for whoever may change it or propose that."""
    entry, me = visible_entry(request), me_of(request)
    if not edits_all(me) and not proposes(me, entry.owner):
        raise web.HTTPForbidden(text="Tài khoản này chỉ được xem.")
    doc = await hub_of(request).store.knowledge_entry(entry.kind, entry.id)
    if doc is None:
        raise web.HTTPNotFound(text=NO_ENTRY)
    return entry, doc


def stamp(doc: KnowledgeDoc) -> str:
    """Changes with the entry: a form that was filled on another one is refused."""
    body = json.dumps(doc.body, ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(body.encode()).hexdigest()[:16]


# ---- tried out beside the form


async def preview(request: web.Request) -> web.StreamResponse:
    """What the bot finds for a question now, and with the form as it is filled."""
    doc = (await _of(request))[1] if "entry" in request.match_info else None
    kind = kind_of(request)
    form = await form_of(request)
    _, after, faults = _read(request, kind, doc, form)
    return await show_preview(request, doc, after, form, next(iter(faults.values()), None))


async def show_preview(
    request: web.Request,
    before: KnowledgeDoc | None,
    after: KnowledgeDoc,
    form: dict[str, str],
    problem: str | None = None,
) -> web.Response:
    known = hub_of(request).knowledge()
    asked = form.get("asked", "").strip()[:1000]
    aspect = cast("Aspect", form["aspect"] if form.get("aspect") in ASPECTS else "general")
    now = look(known, asked, aspect) if asked else None
    later = None
    if now and not problem:
        try:
            later = look(await tried(known, before, after), asked, aspect)
        except DataError as error:
            problem = error.problems[0]
    return page(
        request, "console/knowledge_preview.html", asked=asked, now=now, later=later, problem=problem
    )  # fmt: skip


def routes() -> list[web.RouteDef]:
    return [
        *guarded(
            [
                web.get(f"{BASE}/new", new_form),
                web.post(f"{BASE}/new", save_new),
                web.post(f"{BASE}/new/preview", preview),
            ],
            roles=EDITORS,
            max_form_bytes=MAX_FORM_BYTES,
        ),
        *guarded(
            [
                route
                for one in ENTRIES
                for route in (
                    web.get(f"{one}/edit", edit_form),
                    web.post(f"{one}/edit", save),
                    web.post(f"{one}/preview", preview),
                )
            ],
            roles=EDITORS | {"officer"},
            max_form_bytes=MAX_FORM_BYTES,
        ),
    ]
