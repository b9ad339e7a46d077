"""What officers propose for the entries of their agencies, decided on by editors; and one change in full."""

import secrets
from typing import Final

from aiohttp import web

from bot.knowledge.editing import rebased
from hub.errors import DataError
from hub.model import KnowledgeEdit
from hub.web.auth import form_of, guarded, see_other
from hub.web.console_knowledge import BASE, CHANGES, NO_ENTRY, NOT_YOURS
from hub.web.console_knowledge_edit import LONGEST_NOTE
from hub.web.context import hub_of
from hub.web.knowledge_view import (
    EDITORS,
    READERS,
    carry_out,
    changes_of,
    edits_all,
    knowledge_page,
    me_of,
    sees,
    tried,
)

DECIDED: Final = "Đề xuất này đã được xử lý."
OVERTAKEN: Final = (
    "Mục này đã được sửa ở cùng chỗ sau khi đề xuất. Vui lòng sửa trực tiếp, rồi không duyệt đề xuất này."
)
WITHDRAWN: Final = "Người đề xuất rút lại."


async def proposals_page(request: web.Request) -> web.StreamResponse:
    hub, me = hub_of(request), me_of(request)
    mine = None if me.role != "officer" else me.id
    waiting = await hub.store.knowledge_edits(state="proposed", by=mine, limit=CHANGES)
    refused = await hub.store.knowledge_edits(state="rejected", by=mine, limit=20)
    applied = await hub.store.knowledge_edits(state="applied", by=mine, limit=CHANGES)
    decided = sorted(
        [*refused, *(one for one in applied if one.decided_by)], key=lambda one: -one.moved_at
    )[:20]  # fmt: skip
    return await knowledge_page(
        request,
        "console/knowledge_proposals.html",
        waiting=await changes_of(hub, waiting),
        decided=await changes_of(hub, decided),
        tab="proposals",
    )


async def edit_page(request: web.Request) -> web.StreamResponse:
    """One change: what it changes, and what can be done about it."""
    return await _edit_page(request, await _edit(request))


async def _edit_page(
    request: web.Request, edit: KnowledgeEdit, problem: str | None = None, status: int = 200
) -> web.Response:
    hub, me = hub_of(request), me_of(request)
    (change,) = await changes_of(hub, [edit])
    current = await hub.store.knowledge_entry(edit.kind, edit.entry)
    return await knowledge_page(
        request,
        "console/knowledge_change.html",
        status=status,
        change=change,
        problem=problem,
        overtaken=edit.state == "proposed" and rebased(edit, current) is None,
        tab="proposals" if edit.state == "proposed" else "history",
        mine=edit.by == me.id,
        key=secrets.token_urlsafe(12),
    )


async def approve(request: web.Request) -> web.StreamResponse:
    hub, me, edit = hub_of(request), me_of(request), await _edit(request)
    reason = (await form_of(request)).get("reason", "").strip()[:LONGEST_NOTE] or None
    if edit.state != "proposed":
        return await _edit_page(request, edit, None if edit.state == "applied" else DECIDED)
    current = await hub.store.knowledge_entry(edit.kind, edit.entry)
    on_now = rebased(edit, current)
    if on_now is None or on_now.after is None:
        return await _edit_page(request, edit, OVERTAKEN, 409)
    try:
        await tried(hub.knowledge(), current, on_now.after)
    except DataError as error:
        return await _edit_page(request, edit, error.problems[0], 422)
    decided = {"state": "applied", "decided_by": me.id, "decided_at": hub.clock.now(), "reason": reason}
    problem = await carry_out(request, on_now.model_copy(update=decided), expects="proposed")
    if problem:
        return await _edit_page(request, edit, problem, 409)
    return see_other(f"{BASE}/proposals")


async def reject(request: web.Request) -> web.StreamResponse:
    """Turn a proposal down with a reason; who made it may take it back without one."""
    hub, me, edit = hub_of(request), me_of(request), await _edit(request)
    reason = (await form_of(request)).get("reason", "").strip()[:LONGEST_NOTE]
    if not edits_all(me):
        if edit.by != me.id:
            raise web.HTTPForbidden(text=NOT_YOURS)
        reason = WITHDRAWN
    if edit.state != "proposed":
        return await _edit_page(request, edit, None if edit.state == "rejected" else DECIDED)
    if not reason:
        return await _edit_page(request, edit, "Vui lòng ghi lý do không duyệt.", 422)
    decided = {"state": "rejected", "decided_by": me.id, "decided_at": hub.clock.now(), "reason": reason}
    problem = await carry_out(request, edit.model_copy(update=decided), expects="proposed")
    if problem:
        return await _edit_page(request, edit, DECIDED, 409)
    return see_other(f"{BASE}/proposals")


async def _edit(request: web.Request) -> KnowledgeEdit:
    me, edit = me_of(request), await hub_of(request).store.knowledge_edit(request.match_info["edit"])
    if edit is None or (me.role == "officer" and edit.by != me.id and not _owns(request, edit)):
        raise web.HTTPNotFound(text=NO_ENTRY)
    return edit


def _owns(request: web.Request, edit: KnowledgeEdit) -> bool:
    known = hub_of(request).knowledge()
    entry = known.procedure(edit.entry) if edit.kind == "procedure" else known.faq(edit.entry)
    return entry is not None and sees(me_of(request), entry.owned_by)


def routes() -> list[web.RouteDef]:
    edit = BASE + "/edits/{edit}"
    return [
        *guarded([web.get(f"{BASE}/proposals", proposals_page), web.get(edit, edit_page)], roles=READERS),
        *guarded([web.post(f"{edit}/approve", approve)], roles=EDITORS),
        *guarded([web.post(f"{edit}/reject", reject)], roles=EDITORS | {"officer"}),
    ]
