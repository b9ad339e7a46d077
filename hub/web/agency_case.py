"""One case as the agency sees it, by account or by link: what it needs to answer, and no more about the person.

Shown: the matter, the place, the files that belong to it, the operators' message, the deadline, what was asked and
answered. Not shown: the conversation, other tickets, notes among operators; who the citizen is and how to reach them
only where the operator said that the agency needs it (``Ticket.contact_shown``)."""

import secrets
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from handoff import acts, clocks, history
from handoff.acts import Act, Actor
from handoff.casework import ANSWER
from handoff.lifecycle import Refused, allows
from handoff.rules import Rules
from hub.model import Conversation, Message, Ticket, TicketEvent
from hub.ports import Store
from hub.web.auth import form_of
from hub.web.console_case_forms import EMPTY, MAX_NOTE, NO_REASON, OLD, text_of
from hub.web.console_case_view import CaseNames, ClockView, clock_views
from hub.web.console_cases import Typed, casework_of, reach_of
from hub.web.console_files import File, chosen, files_of, kept
from hub.web.context import Hub, hub_of

#: The citizen's answer may come in several messages.
SAME_ANSWER_MS: Final = 30 * 60_000
LOOK_BACK: Final = 200
CONTACT: Final[tuple[str, ...]] = ("name", "phone")

STATES: Final = {
    "forwarded": "Chờ cơ quan trả lời",
    "waiting_citizen": "Chờ người dân bổ sung",
    "assigned": "Tổng đài đang duyệt",
    "answered": "Đã trả lời người dân",
    "closed": "Đã xong",
    "reopened": "Người dân mở lại, Tổng đài đang xem",
    "new": "Tổng đài đang xem",
    "returned": "Đã trả lại Tổng đài",
    "spam": "Đã đóng",
}
DONE: Final = {
    "accept": "Đã ghi nhận cơ quan tiếp nhận phiếu.",
    "answer": "Đã gửi câu trả lời tới Tổng đài 1022. Cảm ơn anh/chị.",
    "ask": "Đã gửi câu hỏi tới Tổng đài 1022. Có câu trả lời của người dân, phiếu sẽ chạy tiếp.",
    "return": "Đã trả lại phiếu. Tổng đài 1022 sẽ chuyển cơ quan khác.",
}
#: What an agency may read of the history.
_ITS_EVENTS: Final = frozenset(
    {"forward", "accept", "agency_answer", "agency_ask", "return", "decline", "ask", "heard", "answer", "close", "reopen"}
)  # fmt: skip
_WITHOUT_NOTE: Final = frozenset({"reopen"})


class AgencyNames(CaseNames):
    """Operators are the hotline; the agency's own people have their names."""

    def __init__(self, rules: Rules, officers: dict[str, str]) -> None:
        super().__init__(rules, officers)
        self._officers = officers

    def person(self, actor: str) -> str:
        if actor.startswith("agency:") or actor in self._officers or actor == "citizen":
            return super().person(actor)
        return "Tổng đài 1022"


@dataclass(frozen=True)
class AgencyCase:
    ticket: Ticket
    names: AgencyNames
    base: str  # where its page is
    lines: list[history.Line]
    clock: ClockView | None
    files: tuple[File, ...]
    said: tuple[Message, ...]  # what the citizen answered to questions
    told: tuple[Message, ...]  # what the citizen was told in the end
    contact: dict[str, str]
    note: str | None  # the operators' message
    accepted: bool
    can: bool  # it is the agency's turn

    @property
    def state(self) -> str:
        return STATES[self.ticket.state]


async def agency_case(hub: Hub, ticket: Ticket, actor: Actor, base: str) -> AgencyCase:
    store, rules = hub.store, hub.rules()
    since = _forwarding(ticket)
    events = ticket.history[since:]
    names = AgencyNames(rules, await _officers(store, events))
    told = history.told(ticket, names)[since:]
    lines = [
        line.model_copy(update={"note": None}) if event.action in _WITHOUT_NOTE else line
        for event, line in zip(events, told, strict=True)
        if event.action in _ITS_EVENTS
    ]
    its_clock = clocks.agency_clock(ticket)
    messages = [await store.message(id_) for id_ in ticket.messages]
    said = await _said(store, ticket, events)
    return AgencyCase(
        ticket=ticket,
        names=names,
        base=base,
        lines=lines[::-1],
        clock=clock_views(ticket, rules, hub.clock.now())[-1] if its_clock is not None else None,
        files=tuple(
            file
            for message in (*messages, *said)
            if message is not None
            for file in files_of(message, f"{base}/files")
        ),
        said=said,
        told=await _told(store, ticket),
        contact=await _contact(store, ticket),
        note=events[0].note if events else None,
        accepted="accept" in {event.action for event in events},
        can=allows(ticket, acts.Accept(), actor),
    )


def visible(ticket: Ticket, agencies: tuple[str, ...]) -> bool:
    """Whether the case is one of these agencies' now, or ended with them."""
    if ticket.agency not in agencies or ticket.state == "spam":
        return False
    last = next((e.action for e in reversed(ticket.history) if e.action in ("forward", "return")), None)
    return last == "forward"


async def perform(request: web.Request, ticket: Ticket, actor: Actor, name: str) -> str:
    """Carry out what the agency filled in; what to say to them. Raises ``Refused``."""
    hub = hub_of(request)
    await form_of(request)
    form = await request.post()
    key = text_of(form, "key", limit=64, missing=OLD)
    act = await _act(request, name)
    if isinstance(act, acts.Propose):
        conversation = await hub.store.conversation(ticket.conversation)
        if conversation is not None and not reach_of(hub, conversation).staff:
            act = act.model_copy(update={"held": True})
    await casework_of(hub).do(ticket.id, act, actor, key)
    return DONE[name]


async def _act(request: web.Request, name: str) -> Act:
    form = await request.post()
    if name == "accept":
        return acts.Accept()
    if name == "return":
        return acts.Return(reason=text_of(form, "text", limit=MAX_NOTE, missing=NO_REASON))
    text = text_of(form, "text", missing=EMPTY)
    if name == "ask":
        return acts.Propose(kind="question", text=text)
    found = await chosen(request, "file")
    files, problem = await kept(request, *found) if found else ((), None)
    if problem:
        raise Refused("file", problem)
    return acts.Propose(kind="answer", text=text, attachments=files)


async def its_file(request: web.Request, ticket: Ticket) -> tuple[Message, int]:
    """The message and the number of a file that belongs to the case."""
    store, id_ = hub_of(request).store, request.match_info["message"]
    said = await _said(store, ticket, ticket.history[_forwarding(ticket) :])
    if id_ not in ticket.messages and id_ not in {one.id for one in said}:
        raise web.HTTPNotFound(text="Không tìm thấy tệp này.")
    message = await store.message(id_)
    if message is None:
        raise web.HTTPNotFound(text="Không tìm thấy tệp này.")
    return message, int(request.match_info["number"])


async def typed(request: web.Request) -> Typed:
    """The texts of a form that was refused."""
    return Typed({name: value for name, value in (await request.post()).items() if isinstance(value, str)})


def new_key() -> str:
    return secrets.token_urlsafe(12)


def _forwarding(ticket: Ticket) -> int:
    """Where in the history the forwarding stands that counts."""
    places = [place for place, event in enumerate(ticket.history) if event.action == "forward"]
    return places[-1] if places else len(ticket.history)


async def _officers(store: Store, events: tuple[TicketEvent, ...]) -> dict[str, str]:
    people = [await store.staff(event.actor) for event in events if ":" not in event.actor]
    return {one.id: one.name for one in people if one is not None and one.role == "officer"}


async def _said(store: Store, ticket: Ticket, events: tuple[TicketEvent, ...]) -> tuple[Message, ...]:
    """The citizen's words since they were asked what the agency needs to know."""
    asked = [event.at for event in events if event.action in ("ask", "agency_ask")]
    heard = [event.at for event in events if event.action == "heard"]
    if not asked or not heard:
        return ()
    recent = await store.recent_messages(ticket.conversation, limit=LOOK_BACK)
    return tuple(
        one
        for one in recent
        if one.author == "citizen"
        and not one.automatic
        and any(_before(asked, at) < one.at <= at + SAME_ANSWER_MS for at in heard)
    )


async def _told(store: Store, ticket: Ticket) -> tuple[Message, ...]:
    """The answers about this ticket as they were sent, whoever worded them last."""
    if ticket.state not in ("answered", "closed"):
        return ()
    recent = await store.recent_messages(ticket.conversation, limit=LOOK_BACK)
    begins = ANSWER.format(code=ticket.code, text="").rstrip()
    return tuple(
        one
        for one in recent
        if one.author == "operator" and not one.internal and (one.text or "").startswith(begins)
    )


def _before(asked: list[int], heard: int) -> int:
    return max((at for at in asked if at <= heard), default=heard)


async def _contact(store: Store, ticket: Ticket) -> dict[str, str]:
    if not ticket.contact_shown:
        return {}
    conversation: Conversation | None = await store.conversation(ticket.conversation)
    if conversation is None:
        return {}
    found = {name: ticket.details[name] for name in CONTACT if name in ticket.details}
    name = {"name": conversation.name} if conversation.name else {}
    return {**name, **conversation.contact, **found}
