"""A report of another system becomes a ticket: taken in like any message, opened in one turn, once per key."""

import hashlib
from typing import Final

from connectors.api import CHANNEL, Report
from connectors.phone import normal_number
from handoff.tickets import open_ticket, ticket_year
from hub.errors import OwnerChanged
from hub.model import Draft, Message, Place, Ticket, Turn, derived_id
from hub.ports import TicketWish
from hub.turn import commit
from hub.web.api.problems import ApiError
from hub.web.api.schemas import NewTicket
from hub.web.api.tokens import Token
from hub.web.context import Hub

TRIES: Final = 3
GIVEN: Final = "Nhận qua hệ thống {name}."


async def take_in(hub: Hub, token: Token, new: NewTicket, key: str) -> tuple[Ticket, bool]:
    """The ticket, and whether it was made just now.

    Raises:
        ApiError: 422 unknown category or commune; 409 the key was used for something else.
    """
    rules = hub.rules()
    if new.category is not None and new.category not in rules.categories:
        raise ApiError(422, f"no category {new.category}", errors=["category: unknown"])
    if new.commune is not None and not rules.agencies.knows_commune(new.commune):
        raise ApiError(422, f"no commune {new.commune}", errors=["commune: unknown"])
    turn_id = derived_id("t", "api", token.id, key)
    asked = hashlib.sha256(new.model_dump_json().encode()).hexdigest()
    if (before := await hub.store.turn(turn_id)) is not None:
        return await _again(hub, before, asked), False
    report = Report(
        report=derived_id("a", token.id, key, asked),
        text=new.text,
        place=new.place,
        lat=new.lat,
        lon=new.lon,
        at=hub.clock.now(),
    )
    intake = await hub.stream.receive_now(CHANNEL, report.model_dump_json().encode())
    (message,) = intake.messages
    phone = normal_number(new.phone) if new.phone else None
    contact = {"phone": phone, "email": new.email}
    await hub.store.note_person(
        message.conversation,
        now=hub.clock.now(),
        name=new.name,
        contact={name: value for name, value in contact.items() if value},
    )
    for _ in range(TRIES):
        turn = await _turn(hub, turn_id, token, new, message, asked)
        conversation = await hub.store.conversation(message.conversation)
        assert conversation is not None  # noqa: S101 - it was just taken in
        try:
            committed = await commit(hub.store, hub.connectors, turn, conversation)
        except OwnerChanged:
            continue
        hub.live.poke(conversation.id)
        return await _again(hub, committed.turn, asked), committed.fresh
    raise ApiError(503, "busy", headers={"Retry-After": "1"})


async def _again(hub: Hub, turn: Turn, asked: str) -> Ticket:
    if turn.facts.get("asked") != asked:
        raise ApiError(409, "this Idempotency-Key was used for another request")
    ticket = await hub.store.ticket(turn.ticket.id) if turn.ticket else None
    if ticket is None:
        raise ApiError(404, "the ticket of this Idempotency-Key is gone")
    return ticket


async def _turn(hub: Hub, id_: str, token: Token, new: NewTicket, message: Message, asked: str) -> Turn:
    conversation = await hub.store.conversation(message.conversation)
    assert conversation is not None  # noqa: S101 - it was just taken in
    at = hub.clock.now()
    details = {"name": new.name, "phone": new.phone, "email": new.email, "location": new.place}
    wish = TicketWish(
        reason="report",
        priority=new.priority,
        category=new.category,
        summary=new.text,
        details={name: value for name, value in details.items() if value},
    )
    ticket = open_ticket(
        wish,
        conversation,
        turn=id_,
        number=await hub.store.next_ticket_number(ticket_year(at)),
        at=at,
        actor="system",
        about=[message],
        rules=hub.rules(),
    )
    place = Place(text=new.place, lat=new.lat, lon=new.lon)
    ticket = ticket.model_copy(
        update={"commune": new.commune, "place": place if place != Place() else ticket.place}
    )
    return Turn(
        id=id_,
        conversation=conversation.id,
        actor="system",
        actor_id=f"token:{token.id}",
        at=at,
        handles=conversation.last_seq,
        outcome="ticketed",
        owner="human",
        ticket=ticket,
        says=(Draft(text=GIVEN.format(name=token.name), internal=True),),
        expects_epoch=conversation.epoch,
        facts={"asked": asked},
    )
