"""The operators' console: the inbox, one conversation with its ticket, and the operator's acts.

The event stream of a page only says that something changed. The page then asks for what it lacks, by sequence
number, so a lost connection is caught up with by the same request, and nothing is shown twice.
"""

import json
import secrets
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from aiohttp import web

from handoff import desk, mentions
from handoff.desk import HeldByColleague
from handoff.mentions import Mention
from handoff.rules import Rules
from handoff.tickets import ticket_year
from hub.errors import NotFound, OwnerChanged
from hub.model import Committed, Conversation, Staff, Ticket, Turn
from hub.ports import Reach, Store
from hub.turn import commit
from hub.web.auth import form_of, guarded, page, plain, see_other, session_of
from hub.web.console_case_view import CaseFile, case_file
from hub.web.console_files import MAX_FORM_BYTES, attached
from hub.web.console_helps import entries_of
from hub.web.console_inbox import inbox_context
from hub.web.console_live import close_all, events
from hub.web.console_marks import sourced
from hub.web.console_presence import types
from hub.web.console_view import PAGE, WORDS, Case, case_of, lines_of, marks_of
from hub.web.context import Hub, hub_of
from hub.web.trail import viewed

__all__ = ["close_all", "commit_act", "leave_note", "routes"]

MAX_TEXT = 4000
CLAIMS = 3  # an act that finds the owner just changed looks again

EMPTY = "Nội dung đang trống."
TOO_LONG = f"Nội dung dài quá {MAX_TEXT} ký tự."
NO_TICKET = "Phiếu đã đóng hoặc chưa có, nên chưa thể thực hiện."
MOVED = "Hội thoại vừa được người khác tiếp nhận. Vui lòng xem lại trước khi tiếp tục."
GONE = "Không tìm thấy hội thoại này."

Act = Callable[[Conversation, Ticket, Staff, int, dict[str, str]], Turn]


# ---- pages and fragments -------------------------------------------------------------------------


async def conversation_page(request: web.Request) -> web.StreamResponse:
    shown = await _case(request, request.query.get("ticket", ""))
    await viewed(request, shown.ticket)
    store = hub_of(request).store
    around = _number(request.query.get("around", ""))
    before = around + PAGE // 2 if around else None  # the page itself goes on to the newest
    messages = await store.recent_messages(shown.conversation.id, before=before, limit=PAGE)
    return page(
        request,
        "console/conversation.html",
        case=shown,
        file=await file_of(hub_of(request), shown),
        lines=await sourced(request, await lines_of(store, shown, messages)),
        after=messages[-1].seq if messages else 0,
        marks=json.dumps(marks_of(messages)),
        new_key=_new_key,
        **await inbox_context(request, shown.conversation.id),
    )


async def live_fragment(request: web.Request) -> web.StreamResponse:
    """What the open page lacks: new lines, changed delivery marks, a changed panel."""
    return await _live(request, dict(request.query))


async def earlier_fragment(request: web.Request) -> web.StreamResponse:
    shown, store = await _case(request, ""), hub_of(request).store
    before = _number(request.query.get("before", ""))
    found = await store.recent_messages(shown.conversation.id, before=before, limit=PAGE)
    lines = await sourced(request, await lines_of(store, shown, found))
    return page(request, "console/earlier.html", case=shown, lines=lines, words=WORDS)


async def _live(request: web.Request, cursor: dict[str, str], *, sent: bool = False) -> web.Response:
    hub, store = hub_of(request), hub_of(request).store
    shown = await _case(request, cursor.get("ticket", ""))
    redraw = cursor.get("stamp") != shown.stamp
    conversation, after = shown.conversation.id, _number(cursor.get("after", ""))
    found = await store.messages(conversation, after=max(0, after - 1))
    previous = found.pop(0) if found and found[0].seq == after else None
    known = _known_marks(cursor.get("marks", ""))
    recent = marks_of(await store.recent_messages(conversation, limit=PAGE))
    return page(
        request,
        "console/live.html",
        case=shown,
        file=await file_of(hub, shown) if redraw else None,
        lines=await sourced(request, await lines_of(store, shown, found, previous=previous)),
        moved={seq: state for seq, state in recent.items() if seq <= after and known.get(str(seq)) != state},
        after=found[-1].seq if found else after,
        marks=json.dumps(recent),
        redraw=redraw,
        sent=sent,
        words=WORDS,
        new_key=_new_key,
    )


async def file_of(hub: Hub, shown: Case) -> CaseFile | None:
    return await case_file(hub, shown.ticket, shown.me) if shown.ticket else None


async def _case(request: web.Request, ticket: str) -> Case:
    store = hub_of(request).store
    conversation = await store.conversation(request.match_info["conversation"])
    if conversation is None:
        raise web.HTTPNotFound(text=GONE)
    connector = hub_of(request).connectors.get(conversation.channel)
    reach = connector.reach(conversation, hub_of(request).clock.now()) if connector else Reach()
    case = await case_of(store, conversation, session_of(request).staff, ticket, reach)
    return replace(case, attaches=connector is not None and connector.capabilities.attachments)


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else 0


def _known_marks(text: str) -> dict[str, Any]:
    try:
        known = json.loads(text)
    except ValueError:
        return {}
    return known if isinstance(known, dict) else {}


def _new_key() -> str:
    return secrets.token_urlsafe(12)


# ---- acts ----------------------------------------------------------------------------------------


async def take(request: web.Request) -> web.StreamResponse:
    return await _perform(
        request,
        lambda c, t, s, at, f: desk.take(c, t, s, at, f["key"], over=f.get("over"), rules=_rules(request)),
    )


async def take_up(request: web.Request) -> web.StreamResponse:
    """Take a conversation that has no open ticket: it gets one."""
    hub, form = hub_of(request), await form_of(request)
    shown = await _case(request, "")
    if shown.open or not form.get("key"):
        return plain(409, MOVED)
    recent = await hub.store.recent_messages(shown.conversation.id, limit=PAGE)
    theirs = [message for message in recent if message.author == "citizen"]
    at = hub.clock.now()
    try:
        turn = desk.take_up(
            shown.conversation,
            shown.me,
            at,
            form["key"],
            number=await hub.store.next_ticket_number(ticket_year(at)),
            waiting=[message for message in theirs if message.outcome is None],
            said=next((message.text for message in reversed(theirs) if message.text), None),
            tell_code=not shown.reach.public,
            rules=_rules(request),
        )
        await commit_act(hub, turn, shown.conversation)
    except (HeldByColleague, OwnerChanged):
        return plain(409, MOVED)
    return await _done(request, form | {"ticket": ""}, sent=False)


async def reply(request: web.Request) -> web.StreamResponse:
    if problem := _text_problem(await form_of(request)):
        return plain(400, problem)
    conversation = (await _case(request, "")).conversation
    files, problem = await attached(request, hub_of(request).connectors.get(conversation.channel))
    if problem:
        return plain(400, problem)
    known = entries_of(hub_of(request), (await form_of(request)).get("knowledge", ""))
    return await _perform(
        request,
        lambda c, t, s, at, f: desk.reply(
            c, t, s, at, f["key"], text=f["text"], attachments=files, knowledge=known, rules=_rules(request)
        ),
        speaks=True,
    )


async def hand_back(request: web.Request) -> web.StreamResponse:
    return await _perform(
        request, lambda c, t, s, at, f: desk.hand_back(c, t, s, at, f["key"], rules=_rules(request))
    )


async def note(request: web.Request) -> web.StreamResponse:
    form = await form_of(request)
    if problem := _text_problem(form):
        return plain(400, problem)
    shown = await _case(request, form.get("ticket", ""))
    await leave_note(hub_of(request), shown.conversation, shown.me, form["key"], form["text"])
    return await _done(request, form, sent=True)


async def typing(request: web.Request) -> web.StreamResponse:
    """The operator types: they have the conversation from now on, and the citizen sees that somebody writes."""
    hub, shown = hub_of(request), await _case(request, (await form_of(request)).get("ticket", ""))
    if not shown.open or shown.colleague:
        return web.Response(status=204)
    if not shown.mine:
        epoch = shown.conversation.epoch
        refused = await _act(
            request,
            {"key": f"typing-{epoch}"},
            lambda c, t, s, at, f: desk.take(c, t, s, at, f["key"], rules=_rules(request)),
        )
        if refused:
            return refused
    await types(hub, shown.me, shown.conversation.id)
    return web.Response(status=204)


async def read(request: web.Request) -> web.StreamResponse:
    """Whoever has the conversation, or may take it, has seen it; a colleague who only looks has not."""
    hub, form = hub_of(request), await form_of(request)
    shown = await _case(request, "")
    if await mentions.seen(hub.store, shown.me.id, shown.conversation.id, now=hub.clock.now()):
        hub.live.poke(shown.conversation.id)
    if shown.colleague is None:
        upto = _number(form.get("after", ""))
        await hub.store.mark_staff_read(shown.conversation.id, upto, now=hub.clock.now())
        hub.live.poke(shown.conversation.id)
    return web.Response(status=204)


async def _perform(request: web.Request, act: Act, *, speaks: bool = False) -> web.StreamResponse:
    form = await form_of(request)
    problem = _text_problem(form) if speaks else None if form.get("key") else EMPTY
    if problem:
        return plain(400, problem)
    return await _act(request, form, act, speaks=speaks) or await _done(request, form, sent=speaks)


async def _act(
    request: web.Request, form: dict[str, str], act: Act, *, speaks: bool = False
) -> web.Response | None:
    """Carry the act out on the conversation as it is now; what to say if that cannot be."""
    hub = hub_of(request)
    for _ in range(CLAIMS):
        shown = await _case(request, form.get("ticket", ""))
        if shown.ticket is None or not shown.open:
            return plain(409, NO_TICKET)
        if speaks and not shown.reach.staff and not shown.colleague:
            return plain(409, shown.why_not or "")
        try:
            turn = act(shown.conversation, shown.ticket, shown.me, hub.clock.now(), form)
            await commit_act(hub, turn, shown.conversation)
        except HeldByColleague:
            return plain(
                409, f"{shown.colleague} đang xử lý hội thoại này. Bấm “Nhận thay” nếu cần tiếp tục."
            )
        except OwnerChanged:
            continue
        except NotFound:
            return plain(409, NO_TICKET)
        return None
    return plain(409, MOVED)


def _rules(request: web.Request) -> Rules:
    return hub_of(request).rules()


async def leave_note(hub: Hub, conversation: Conversation, me: Staff, key: str, text: str) -> None:
    """A line for colleagues; those it names are told."""
    turn = desk.note(conversation, me, hub.clock.now(), key, text=text)
    await _tell_named(hub.store, await commit_act(hub, turn, conversation))


async def _tell_named(store: Store, committed: Committed) -> None:
    """Colleagues named in a note find it in their list."""
    everybody = await store.everybody()
    for message in committed.messages:
        for one in mentions.named(message.text or "", everybody):
            if one.id != message.author_id:
                new = Mention(
                    conversation=message.conversation, message=message.id, seq=message.seq,
                    by=message.author_id or "", at=message.at,
                )  # fmt: skip
                await mentions.add(store, one.id, new, now=message.at)


async def commit_act(hub: Hub, turn: Turn, conversation: Conversation) -> Committed:
    """Carry out what an operator did, and tell everybody who looks."""
    committed = await commit(hub.store, hub.connectors, turn, conversation)
    if committed.messages:  # who has just said something has read what stands above it
        upto = committed.messages[-1].seq
        await hub.store.mark_staff_read(turn.conversation, upto, now=hub.clock.now())
    if committed.fresh:
        hub.metrics.turns.labels(turn.actor, turn.outcome or "none").inc()
    hub.live.poke(turn.conversation)
    return committed


def _text_problem(form: dict[str, str]) -> str | None:
    form["text"] = form.get("text", "").replace("\r\n", "\n").strip()
    if not form["text"] or not form.get("key"):
        return EMPTY
    return TOO_LONG if len(form["text"]) > MAX_TEXT else None


async def _done(request: web.Request, form: dict[str, str], *, sent: bool) -> web.Response:
    if "HX-Request" in request.headers:
        return await _live(request, form, sent=sent)
    ticket = f"?ticket={form['ticket']}" if form.get("ticket", "").replace("_", "").isalnum() else ""
    return see_other(f"/console/conversations/{request.match_info['conversation']}{ticket}")


def routes() -> list[web.RouteDef]:
    one = "/console/conversations/{conversation}"
    acts = guarded(
        [
            web.get("/console/events", events, allow_head=False),
            web.get(one, conversation_page),
            web.get(f"{one}/live", live_fragment),
            web.get(f"{one}/earlier", earlier_fragment),
            web.post(f"{one}/take", take),
            web.post(f"{one}/take-up", take_up),
            web.post(f"{one}/note", note),
            web.post(f"{one}/hand-back", hand_back),
            web.post(f"{one}/typing", typing),
            web.post(f"{one}/read", read),
        ]
    )
    return [*acts, *guarded([web.post(f"{one}/reply", reply)], max_form_bytes=MAX_FORM_BYTES)]
