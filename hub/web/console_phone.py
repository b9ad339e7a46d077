"""Calls that operators write down while talking: one form, with the knowledge and the directory beside it.

A call is a delivery of the channel ``phone``, and what the operator did with it is one turn: the answer they spoke,
to whom they put the caller through, and a ticket where it was not settled.
"""

import secrets
from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from bot.knowledge.answer import read_out
from bot.text import fold
from connectors.phone import CHANNEL, Call, normal_number
from handoff.agencies import Unit
from handoff.duty import spoken_time
from handoff.tickets import open_ticket, ticket_year
from hub.errors import OwnerChanged
from hub.model import Conversation, Draft, Message, Staff, Ticket, Turn, derived_id
from hub.ports import TicketWish
from hub.web.auth import form_of, guarded, page, plain, see_other, session_of
from hub.web.call_form import (
    FIELDS,
    RESULTS,
    call_of,
    cleaned,
    faults_of,
    recording_of,
)
from hub.web.console import commit_act
from hub.web.console_files import MAX_FORM_BYTES, MAX_SENT_BYTES, in_words
from hub.web.console_helps import HITS, entries_of
from hub.web.context import Hub, hub_of

UNITS: Final = 8
TRIES: Final = 3
BUSY: Final = "Hội thoại của số này đang được người khác thay đổi. Vui lòng gửi lại."
THROUGH: Final = "Nối máy tới {to}: {result}."
HIDDEN_NAME: Final = "Người gọi không hiện số"


# ---- the form ------------------------------------------------------------------------------------


async def call_form(request: web.Request) -> web.StreamResponse:
    began = str(hub_of(request).clock.now())
    values = cleaned({"key": secrets.token_urlsafe(12), "began": began})
    return _form_page(request, values, {})


async def log_call(request: web.Request) -> web.StreamResponse:
    hub, me = hub_of(request), session_of(request).staff
    values = cleaned(await form_of(request))
    turn_id = derived_id("t", "call", me.id, values["key"])
    if await hub.store.turn(turn_id) is not None:  # the same form again
        return see_other(f"/console/call/done/{turn_id}")
    faults = faults_of(values, hub.rules())
    recording, problem = await recording_of(request, values)
    if problem:
        faults["recording"] = problem
    if faults:
        return _form_page(request, values, faults, status=422)
    unit = _named(hub, values["to"])
    call = call_of(values, unit.id if unit else None, recording)
    message = await _taken_in(hub, call, values)
    for _ in range(TRIES):
        conversation = await hub.store.conversation(message.conversation)
        assert conversation is not None  # noqa: S101 - it was just taken in
        turn = await _turn(hub, turn_id, call, values, message, conversation, me)
        try:
            await commit_act(hub, turn, conversation)
        except OwnerChanged:
            continue
        return see_other(f"/console/call/done/{turn_id}")
    return plain(409, BUSY)


async def _taken_in(hub: Hub, call: Call, values: Mapping[str, str]) -> Message:
    """The call as a message of its conversation; a form sent again after a failure says what it says now."""
    intake = await hub.stream.receive_now(CHANNEL, call.model_dump_json().encode())
    (message,) = intake.messages
    now = hub.clock.now()
    if message.text != call.question:
        await hub.store.amend_message(message.id, now=now, text=call.question)
    name = values["name"] or (None if call.number else HIDDEN_NAME)
    contact = {"phone": call.number} if call.number else {}
    await hub.store.note_person(message.conversation, now=now, name=name, contact=contact)
    return message


async def _turn(
    hub: Hub,
    id_: str,
    call: Call,
    values: Mapping[str, str],
    message: Message,
    conversation: Conversation,
    me: Staff,
) -> Turn:
    at = hub.clock.now()
    decided: dict[str, Any] = {"outcome": "answered"}
    if values["outcome"] == "ticket":
        ticket = open_ticket(
            _wish(call, values),
            conversation,
            turn=id_,
            number=await hub.store.next_ticket_number(ticket_year(at)),
            at=at,
            actor="operator",
            about=[message],
            rules=hub.rules(),
        )
        holder = conversation.operator if conversation.owner == "human" else None
        decided = {"outcome": "ticketed", "ticket": ticket, "owner": "human", "operator": holder}
    return Turn(
        id=id_,
        conversation=conversation.id,
        actor="operator",
        actor_id=me.id,
        at=at,
        handles=conversation.last_seq,
        says=tuple(_says(hub, call, values)),
        expects_epoch=conversation.epoch,
        facts={"put_through": call.put_through.result} if call.put_through else {},
        **decided,
    )


def _wish(call: Call, values: Mapping[str, str]) -> TicketWish:
    details = {"name": values["name"], "phone": call.number, "location": values["place"]}
    return TicketWish(
        reason="operator",
        priority="urgent" if values["urgent"] else "normal",
        category=values["category"] or None,
        summary=call.question,
        details={name: value for name, value in details.items() if value},
    )


def _says(hub: Hub, call: Call, values: Mapping[str, str]) -> list[Draft]:
    says = []
    if call.put_through:
        to = [values["to"], values["person"], values["through_number"]]
        words = THROUGH.format(
            to=", ".join(filter(None, to)), result=RESULTS[call.put_through.result].lower()
        )
        says.append(Draft(text=words, internal=True))
    if values["answer"]:
        used = entries_of(hub, values["knowledge"])
        spoken = f"{call.call}:answer"
        says.append(Draft(text=values["answer"], said_elsewhere=spoken, knowledge=used))
    return says


def _form_page(
    request: web.Request, values: dict[str, str], faults: dict[str, str], *, status: int = 200
) -> web.Response:
    rules = hub_of(request).rules()
    return page(
        request,
        "console/call.html",
        status=status,
        values=values,
        faults=faults,
        limits=FIELDS,
        results=RESULTS,
        categories=sorted(rules.categories.values(), key=lambda one: (one.group, one.name)),
        max_bytes=MAX_SENT_BYTES,
        max_words=in_words(MAX_SENT_BYTES),
    )


async def done_page(request: web.Request) -> web.StreamResponse:
    """What the caller is told before they hang up."""
    hub = hub_of(request)
    turn = await hub.store.turn(request.match_info["turn"])
    if turn is None or turn.actor != "operator":
        raise web.HTTPNotFound(text="Không tìm thấy cuộc gọi này.")
    ticket = await hub.store.ticket(turn.ticket.id) if turn.ticket else None
    return page(request, "console/call_done.html", turn=turn, ticket=ticket, due=_due(ticket))


def _due(ticket: Ticket | None) -> str | None:
    return spoken_time(ticket.due_at) if ticket and ticket.due_at is not None else None


# ---- beside the form -----------------------------------------------------------------------------


async def knowledge_fragment(request: web.Request) -> web.StreamResponse:
    """What is known about the words typed so far, to be read out."""
    known, words = hub_of(request).knowledge(), request.query.get("question", "").strip()
    hits = (known.find(words, HITS).candidates or known.search(words, HITS)) if words else ()
    found = []
    for hit in hits:
        if hit.kind == "faq":
            texts = [read_out(known.answer_faq(hit.id))]
        else:
            answers = [known.answer(hit.id, aspect) for aspect in ("general", "documents")]
            texts = [read_out(answer) for n, answer in enumerate(answers) if n == 0 or not answer.missing]
        found.append((hit, "\n\n".join(texts)))
    return page(request, "console/call_knowledge.html", found=found, words=words)


async def directory_fragment(request: web.Request) -> web.StreamResponse:
    """Agencies whose name holds the words, those with a published number first."""
    words = fold(request.query.get("to", "")).split()
    units = [unit for unit in hub_of(request).rules().agencies.all() if _holds(unit, words)]
    units.sort(key=lambda unit: not unit.phones)
    return page(
        request, "console/call_directory.html", units=units[:UNITS], asked=bool(words), dialled=normal_number
    )


def _holds(unit: Unit, words: list[str]) -> bool:
    name = fold(unit.name).split()
    return all(any(part.startswith(word) for part in name) for word in words) and bool(words or unit.phones)


def _named(hub: Hub, name: str) -> Unit | None:
    wanted = fold(name)
    return next((unit for unit in hub.rules().agencies.all() if fold(unit.name) == wanted), None)


def routes() -> list[web.RouteDef]:
    return [
        *guarded(
            [
                web.get("/console/call", call_form),
                web.get("/console/call/done/{turn}", done_page),
                web.get("/console/call/knowledge", knowledge_fragment),
                web.get("/console/call/directory", directory_fragment),
            ]
        ),
        *guarded([web.post("/console/call", log_call)], max_form_bytes=MAX_FORM_BYTES),
    ]
