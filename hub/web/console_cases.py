"""A ticket's own page, and everything that can be done to it, each as one form.

A form carries a key, so that sending it twice does it once, and the version of the ticket that the operator has
seen, so that nobody undoes what a colleague has just done."""

import secrets
from typing import Any

from aiohttp import web
from multidict import MultiDict

from handoff import acts
from handoff.acts import Actor
from handoff.assignment import may_do
from handoff.casework import Casework
from handoff.desk import is_free_for
from handoff.duty import on_duty
from handoff.lifecycle import Refused
from hub.errors import NotFound
from hub.model import Conversation, Staff, Ticket
from hub.ports import Reach
from hub.web.auth import form_of, guarded, page, plain, see_other, session_of
from hub.web.console import leave_note
from hub.web.console_case_forms import FORMS, OLD, Filled, read, several, text_of
from hub.web.console_case_view import CaseFile, case_file
from hub.web.console_merge import by_likeness
from hub.web.console_view import WORDS, names_of
from hub.web.context import Hub, hub_of
from hub.web.status import ticket_code
from hub.web.trail import viewed

MAX_MERGED_AT_ONCE = 200
HANDED_ON = ("assign", "release")
MAX_NOTE = 1000
LOOK_BACK = 50  # messages whose attachments may be added to the ticket

GONE = "Không tìm thấy phiếu này."
NO_SUCH_CODE = "Không có phiếu {code}."
NOT_THERE_NOW = "Phiếu hiện không ở chỗ cơ quan."
HELD = "{name} đang trò chuyện với người dân. Nhận thay hội thoại trước khi trả lời, hoặc ghi chú cho đồng nghiệp."
NOBODY_SUCH = "Người này không nhận phiếu được."


def casework_of(hub: Hub) -> Casework:
    assert hub.casework is not None  # noqa: S101 - told to the type checker: a running hub has it
    return hub.casework


async def ticket_of(request: web.Request) -> Ticket:
    ticket = await hub_of(request).store.ticket(request.match_info["ticket"])
    if ticket is None:
        raise web.HTTPNotFound(text=GONE)
    return ticket


# ---- pages -----------------------------------------------------------------------------------------


async def case_page(request: web.Request) -> web.StreamResponse:
    ticket = await ticket_of(request)
    await viewed(request, ticket)
    shown = await case_file(hub_of(request), ticket, session_of(request).staff, whole=True)
    return page(request, "console/case/page.html", file=shown, words=WORDS, new_key=new_key)


async def act_form(request: web.Request) -> web.StreamResponse:
    return await _form(request, await ticket_of(request), _name(request), None)


async def agency_link(request: web.Request) -> web.StreamResponse:
    """The address at which the agency answers without an account, for an operator to hand on."""
    hub, ticket = hub_of(request), await ticket_of(request)
    if hub.links is None or ticket.state != "forwarded":
        return plain(409, NOT_THERE_NOW)
    address = f"{hub.settings.base_url}/case/{hub.links.make(ticket, hub.clock.now())}"
    shown = await case_file(hub, ticket, session_of(request).staff)
    whole = "HX-Request" not in request.headers
    template = "console/case/link_page.html" if whole else "console/case/link_for_agency.html"
    return page(request, template, file=shown, address=address)


async def act(request: web.Request) -> web.StreamResponse:
    """Do it. A refusal shows the form again, as it was filled in."""
    await form_of(request)
    form = MultiDict(await request.post())
    ticket, name = await ticket_of(request), _name(request)
    try:
        key = text_of(form, "key", limit=64, missing=OLD)
        follow = await _do(request, ticket, name, form, key)
    except Refused as refused:
        return await _form(request, await ticket_of(request), name, str(refused), form)
    address = f"/console/tickets/{follow or ticket.id}"
    if "HX-Request" not in request.headers:
        return see_other(address)
    told = {"HX-Redirect": address} if follow else {"HX-Trigger": "acted"}
    return web.Response(status=204, headers=told)


# ---- acts ------------------------------------------------------------------------------------------


async def _do(request: web.Request, ticket: Ticket, name: str, form: Filled, key: str) -> str | None:
    """Carry out one form; the id of another ticket to go on with, if the act leads to one."""
    hub, me = hub_of(request), session_of(request).staff
    work, actor = casework_of(hub), Actor(id=me.id, kind="staff")
    if name == "split":
        summary = text_of(form, "text", limit=300, missing="Vui lòng ghi việc thứ hai.")
        other = await work.split(ticket.id, actor, key, summary=summary, category=_category(hub, form))
        return other.id
    if name == "merge":
        return await _merge(work, ticket, form, actor, key)
    if name == "link":
        form = MultiDict(form)
        form["other"] = await _by_code(hub, text_of(form, "other"))
    if name == "assign":
        await _may_get(hub, ticket, text_of(form, "operator"))
    if FORMS[name].tells:
        await _reachable(hub, ticket, me, name, form)
    words = text_of(form, "note", limit=MAX_NOTE) if name in HANDED_ON else ""
    wish = read(name, form, ticket)
    files = wish.files if wish.files and await _carries_files(hub, ticket) else ()
    await work.do(ticket.id, wish.act, actor, key, text=wish.text, files=files, seen=_seen(form))
    if words:
        await _with_a_word(hub, ticket, me, wish.act, key, words)
    if (
        isinstance(wish.act, acts.Decline)
        and ticket.proposal
        and ticket.proposal.kind == "answer"
        and ticket.agency
    ):
        # its clock ended with the answer: the case is given to it anew
        again = acts.Forward(agency=ticket.agency, note=wish.act.reason, contact=ticket.contact_shown)
        await work.do(ticket.id, again, actor, f"{key}:again")
    if isinstance(wish.act, acts.Link):  # seen from both
        back = acts.Link(ticket=ticket.id)
        await work.do(wish.act.ticket, back, actor, f"{key}:back")
    if isinstance(wish.act, acts.Unlink):
        await work.do(wish.act.ticket, acts.Unlink(ticket=ticket.id), actor, f"{key}:back")
    return None


async def _with_a_word(hub: Hub, ticket: Ticket, me: Staff, act: acts.Act, key: str, words: str) -> None:
    """Who hands a case on says something about it to whoever gets it, where colleagues read it."""
    conversation = await hub.store.conversation(ticket.conversation)
    to = await hub.store.staff(act.operator) if isinstance(act, acts.Assign) else None
    if conversation is not None:
        text = f"@{to.name} {words}" if to is not None and to.id != me.id else words
        await leave_note(hub, conversation, me, f"{key}:note", text)


async def _merge(work: Casework, ticket: Ticket, form: Filled, actor: Actor, key: str) -> str:
    """Everything chosen becomes one case; the one due first stands for all."""
    chosen = list(dict.fromkeys(several(form, "other")))
    code = text_of(form, "code")
    if code:
        found = await work.store.ticket_by_code(ticket_code(code) or code)
        if found is None:
            raise Refused("unknown_ticket", NO_SUCH_CODE.format(code=code))
        chosen.append(found.id)
    if not chosen:
        raise Refused("empty", "Vui lòng chọn ít nhất một phiếu để gộp.")
    if len(chosen) > MAX_MERGED_AT_ONCE:
        raise Refused("too_many", f"Mỗi lần gộp tối đa {MAX_MERGED_AT_ONCE} phiếu.")
    main = ticket.id
    for other in chosen:
        try:
            main = (await work.merge(other, main, actor, f"{key}:{other}")).id
        except NotFound:
            raise Refused("unknown_ticket", NO_SUCH_CODE.format(code="")) from None
    return main


async def _by_code(hub: Hub, typed: str) -> str:
    """The id of the ticket with this code (or id)."""
    found = await hub.store.ticket(typed) or await hub.store.ticket_by_code(ticket_code(typed) or typed)
    if found is None:
        raise Refused("unknown_ticket", NO_SUCH_CODE.format(code=typed[:40]))
    return found.id


async def _may_get(hub: Hub, ticket: Ticket, operator: str) -> None:
    staff = await hub.store.staff(operator) if operator else None
    if operator and (
        staff is None or not staff.active or staff.role not in ("operator", "supervisor", "admin")
    ):
        raise Refused("not_staff", NOBODY_SUCH)


async def _reachable(hub: Hub, ticket: Ticket, me: Staff, name: str, form: Filled) -> None:
    """Nothing is promised to a citizen who cannot be written to now, and nobody talks over a colleague."""
    silent = (name == "close" and form.get("tell") != "yes") or (
        name == "review" and form.get("decision") == "decline"
    )
    conversation = await hub.store.conversation(ticket.conversation)
    if silent or name in ("reopen", "split") or conversation is None:
        return
    if name in ("answer", "ask") and not is_free_for(conversation, me):
        names = await names_of(hub.store, [conversation.operator])
        raise Refused("held", HELD.format(name=names.get(conversation.operator or "", "Đồng nghiệp")))
    reach = reach_of(hub, conversation)
    if not reach.staff:
        raise Refused("unreachable", reach.notice or "Kênh này hiện không cho gửi tin.")


async def _carries_files(hub: Hub, ticket: Ticket) -> bool:
    """Whether files can be sent where the citizen writes."""
    conversation = await hub.store.conversation(ticket.conversation)
    connector = hub.connectors.get(conversation.channel) if conversation else None
    return connector is None or connector.capabilities.attachments


def reach_of(hub: Hub, conversation: Conversation) -> Reach:
    connector = hub.connectors.get(conversation.channel)
    return connector.reach(conversation, hub.clock.now()) if connector else Reach()


def _category(hub: Hub, form: Filled) -> str | None:
    category = text_of(form, "category") or None
    if category is not None and category not in hub.rules().categories:
        raise Refused("unknown_category", f"Không có lĩnh vực {category[:60]}.")
    return category


def _seen(form: Filled) -> int | None:
    seen = form.get("seen", "")
    return (
        int(seen) if isinstance(seen, str) and seen.isascii() and seen.isdigit() and len(seen) < 10 else None
    )


# ---- forms -----------------------------------------------------------------------------------------


async def _form(
    request: web.Request, ticket: Ticket, name: str, problem: str | None, filled: Filled | None = None
) -> web.Response:
    """The form, empty or as it was filled in with what is wrong."""
    hub, me = hub_of(request), session_of(request).staff
    shown = await case_file(hub, ticket, me, whole=name == "classify")
    if name not in shown.offers and problem is None:
        problem = "Việc này không còn phù hợp với phiếu. Vui lòng tải lại trang."
    values = Typed({key: value for key, value in (filled or {}).items() if isinstance(value, str)})
    whole = "HX-Request" not in request.headers
    return page(
        request,
        "console/case/form_page.html" if whole else "console/case/form.html",
        status=422 if filled is not None else 200,
        file=shown,
        name=name,
        form=FORMS[name],
        problem=problem,
        fits=name in shown.offers,
        values=values,
        chosen=set(several(filled, "other")) if filled is not None else set(),
        key=values["key"] or new_key(),
        words=WORDS,
        **await _choices(hub, shown, me, name),
    )


class Typed(dict[str, str]):
    """What was typed; a field that was not there is empty."""

    def __missing__(self, name: str) -> str:
        return ""


async def _choices(hub: Hub, shown: CaseFile, me: Staff, name: str) -> dict[str, Any]:
    """What a form lets choose from."""
    rules, ticket = hub.rules(), shown.ticket
    categories = sorted(rules.categories.values(), key=lambda one: (one.group, one.name))
    if name == "assign":
        return {"people": await _people(hub, ticket, me)}
    if name == "split":
        return {"categories": categories}
    if name == "classify":
        recent = await hub.store.recent_messages(ticket.conversation, limit=LOOK_BACK)
        with_files = [one for one in recent if one.author == "citizen" and one.attachments]
        return {
            "categories": categories,
            "communes": dict(sorted(rules.agencies.communes().items(), key=lambda one: one[1])),
            "agencies": rules.agencies.all(),
            "with_files": with_files,
        }
    if name == "forward":
        units = [rules.agencies.get(id_) for id_ in shown.route.candidates]
        return {
            "agencies": [one for one in rules.agencies.all() if not one.open],
            "fitting": [one for one in units if one is not None and not one.open],
            "groups": [one.name for one in units if one is not None and one.open],
        }
    if name == "merge":
        return {"found": by_likeness(ticket, list(shown.alike)), "people": await names_of(hub.store, ())}
    return {}


async def _people(hub: Hub, ticket: Ticket, me: Staff) -> list[dict[str, Any]]:
    """Operators, those who are there first, with how much they have to do."""
    there = {one.staff for one in await on_duty(hub.store, hub.clock.now())}
    loads: dict[str, int] = {}
    for who, _ in await hub.store.held_tickets():
        loads[who] = loads.get(who, 0) + 1
    found = [
        {
            "id": one.id,
            "name": f"{one.name} (bạn)" if one.id == me.id else one.name,
            "there": one.id in there,
            "load": loads.get(one.id, 0),
            "fits": may_do(one, ticket, hub.rules()),
        }
        for one in await hub.store.everybody()
        if one.active and one.role in ("operator", "supervisor")
    ]
    return sorted(found, key=lambda one: (not one["there"], one["load"], one["name"]))


def _name(request: web.Request) -> str:
    name = request.match_info["act"]
    if name not in FORMS:
        raise web.HTTPNotFound(text="Không có thao tác này.")
    return name


def new_key() -> str:
    return secrets.token_urlsafe(12)


def routes() -> list[web.RouteDef]:
    return guarded(
        [
            web.get("/console/tickets/{ticket}", case_page),
            web.get("/console/tickets/{ticket}/link-for-agency", agency_link),
            web.get("/console/tickets/{ticket}/do/{act}", act_form),
            web.post("/console/tickets/{ticket}/do/{act}", act),
        ]
    )
