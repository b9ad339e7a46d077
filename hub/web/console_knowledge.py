"""The knowledge for those who answer for it: all entries, each as citizens get it, and every change ever made."""

from typing import Final

from aiohttp import web

from bot.knowledge.editing import EditableKind, rebased
from bot.knowledge.needs import seed_needs
from hub.model import KnowledgeEdit, derived_id
from hub.web.auth import STAFF, form_of, guarded, plain, see_other
from hub.web.context import hub_of
from hub.web.knowledge_view import (
    EDITORS,
    READERS,
    SHOWN,
    Entry,
    carry_out,
    changes_of,
    entries_of,
    entry_of,
    filtered,
    knowledge_page,
    me_of,
    proposes,
    searched,
    sees,
    today_of,
    told,
)

BASE: Final = "/console/knowledge"
ENTRIES: Final = tuple(f"{BASE}/{kind}/{{entry}}" for kind in ("procedure", "faq"))
PAGE: Final = 50
CHANGES: Final = 100
NO_ENTRY: Final = "Không tìm thấy mục này."
NOT_YOURS: Final = "Mục này do cơ quan khác phụ trách."
CANNOT_UNDO: Final = (
    "Chỗ này đã được sửa tiếp sau đó. Vui lòng hoàn tác lần sửa sau trước, hoặc sửa trực tiếp."
)


async def list_page(request: web.Request) -> web.StreamResponse:
    known, me = hub_of(request).knowledge(), me_of(request)
    query, show = request.query.get("q", "").strip()[:200], request.query.get("show", "")
    every = entries_of(known, me, today_of(request))
    found = filtered(every, show)
    if query:
        found = searched(known, found, query)
    number = request.query.get("page", "1")
    at = int(number) if number.isascii() and number.isdigit() and 0 < len(number) < 5 else 1
    pages = max(1, -(-len(found) // PAGE))
    at = min(max(1, at), pages)
    return await knowledge_page(
        request,
        "console/knowledge.html",
        entries=found[(at - 1) * PAGE : at * PAGE],
        total=len(found),
        query=query,
        show=show,
        shown={name: (label, len(filtered(every, name))) for name, label in SHOWN.items()},
        at=at,
        pages=pages,
        tab="entries",
    )


async def entry_page(request: web.Request) -> web.StreamResponse:
    hub, me = hub_of(request), me_of(request)
    entry = visible_entry(request)
    known = hub.knowledge()
    procedure = known.procedure(entry.id) if entry.kind == "procedure" else None
    faq = known.faq(entry.id) if entry.kind == "faq" else None
    of = procedure or faq
    assert of is not None  # noqa: S101 - it is visible
    edits = await hub.store.knowledge_edits(kind=entry.kind, entry=entry.id, limit=CHANGES)
    return await knowledge_page(
        request,
        "console/knowledge_entry.html",
        entry=entry,
        told=told(known, entry.kind, entry.id),
        names=procedure.aliases if procedure else faq.variants if faq else [],
        phrases=procedure.needs if procedure else [],
        own_phrases=seed_needs().of(entry.kind, entry.id),
        sources=[known.entries.sources[one] for one in of.source],
        notes=procedure.review if procedure else [],
        changes=await changes_of(hub, edits),
        tab="entries",
        can_propose=proposes(me, entry.owner),
        sent=request.query.get("sent", ""),
    )


async def history_page(request: web.Request) -> web.StreamResponse:
    hub = hub_of(request)
    changes = await changes_of(hub, await hub.store.knowledge_edits(limit=CHANGES))
    return await knowledge_page(
        request,
        "console/knowledge_history.html",
        changes=changes,
        tab="history",
    )


async def undo(request: web.Request) -> web.StreamResponse:
    """Take an edit back: one more line of the history, not one less."""
    hub, me, form = hub_of(request), me_of(request), await form_of(request)
    edit = await hub.store.knowledge_edit(request.match_info["edit"])
    if edit is None or edit.state != "applied":
        raise web.HTTPNotFound(text=NO_ENTRY)
    undone = await undoing(request, edit, derived_id("e", me.id, form.get("key", ""), edit.id))
    problem = await carry_out(request, undone) if undone else CANNOT_UNDO
    if problem:
        return plain(409, problem)
    if edit.question:  # the question is open again
        await hub.store.settle_reviews(edit.question, "open", by=me.id, now=hub.clock.now())
    gone = undone is not None and undone.after is None
    return see_other(
        f"{BASE}/history" if gone or edit.kind == "example" else f"{BASE}/{edit.kind}/{edit.entry}"
    )


async def undoing(request: web.Request, edit: KnowledgeEdit, id_: str) -> KnowledgeEdit | None:
    """The edit that takes another back, on the entry as it is by now."""
    hub = hub_of(request)
    if (done := await hub.store.knowledge_edit(id_)) is not None:  # the same form again
        return done
    back = KnowledgeEdit(
        id=id_,
        kind=edit.kind,
        entry=edit.entry,
        before=edit.after,
        after=edit.before,
        state="applied",
        by=me_of(request).id,
        at=hub.clock.now(),
        undoes=edit.id,
    )
    return rebased(back, await hub.store.knowledge_entry(edit.kind, edit.entry))


def kind_of(request: web.Request) -> EditableKind:
    """Which kind of entry the address of a page names; new ones are questions."""
    return "procedure" if request.path.startswith(f"{BASE}/procedure/") else "faq"


def visible_entry(request: web.Request) -> Entry:
    """The entry a page is about.

    Raises:
        HTTPNotFound, HTTPForbidden: with what to say.
    """
    known, id_ = hub_of(request).knowledge(), request.match_info["entry"]
    entry = entry_of(known, kind_of(request), id_, today_of(request))
    if entry is None:
        raise web.HTTPNotFound(text=NO_ENTRY)
    if not sees(me_of(request), entry.owner):
        raise web.HTTPForbidden(text=NOT_YOURS)
    return entry


def routes() -> list[web.RouteDef]:
    return [
        *guarded(
            [
                web.get(BASE, list_page),
                *(web.get(one, entry_page) for one in ENTRIES),
            ],
            roles=READERS,
        ),
        *guarded([web.get(f"{BASE}/history", history_page)], roles=STAFF),
        *guarded([web.post(BASE + "/edits/{edit}/undo", undo)], roles=EDITORS),
    ]
