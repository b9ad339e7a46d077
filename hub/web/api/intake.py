"""A report of another system becomes a ticket, once per key: taken in like any message and opened without the bot, by the
request or, if that dies in between, by a worker (``handoff.petitions``)."""

import hashlib
from typing import Any, Final

from connectors.api import CHANNEL, Report
from connectors.form import Wish
from connectors.phone import normal_number
from handoff import petitions
from handoff.tickets import ticket_year
from hub.errors import OwnerChanged
from hub.model import Message, Ticket, derived_id, nfc
from hub.turn import commit
from hub.web.api.problems import ApiError
from hub.web.api.schemas import NewTicket
from hub.web.api.tokens import Token
from hub.web.context import Hub

TRIES: Final = 5


async def take_in(hub: Hub, token: Token, new: NewTicket, key: str) -> Ticket:
    """The ticket of this key, made if it is new.

    Raises:
        ApiError: 422 unknown category or commune; 409 the key was used for something else.
    """
    rules = hub.rules()
    if new.category is not None and new.category not in rules.categories:
        raise ApiError(422, f"no category {new.category}", errors=["category: unknown"])
    if new.commune is not None and not rules.agencies.knows_commune(new.commune):
        raise ApiError(422, f"no commune {new.commune}", errors=["commune: unknown"])
    phone = normal_number(new.phone) if new.phone else None
    known = {"name": new.name, "phone": phone or new.phone, "email": new.email, "source": token.name}
    report = Report(
        report=derived_id("a", token.id, key),
        text=nfc(new.text),
        at=hub.clock.now(),
        asked=hashlib.sha256(new.model_dump_json().encode()).hexdigest(),
        wish=Wish(
            kind="report",
            category=new.category,
            commune=new.commune,
            place=new.place,
            lat=new.lat,
            lon=new.lon,
            priority=new.priority,
            details={name: value for name, value in known.items() if value},
        ),
    )
    intake = await hub.stream.receive_now(CHANNEL, report.model_dump_json().encode())
    (message,) = intake.messages  # as it came in first
    if message.data.get("asked") != report.asked:
        raise ApiError(409, "this Idempotency-Key was used for another request")
    contact = {"phone": phone, "email": new.email}
    await hub.store.note_person(
        message.conversation,
        now=hub.clock.now(),
        name=new.name,
        contact={name: value for name, value in contact.items() if value},
    )
    return await _opened(hub, message)


async def _opened(hub: Hub, message: Message) -> Ticket:
    """The ticket, opened unless a worker or the same request was faster."""
    wish: dict[str, Any] = message.data["wish"]
    now = hub.clock.now()
    for _ in range(TRIES):
        done = await hub.store.turn(petitions.turn_id(message))
        if done is not None and done.ticket is not None:
            if (found := await hub.store.ticket(done.ticket.id)) is None:
                raise ApiError(404, "the ticket of this Idempotency-Key is gone")
            return found
        conversation = await hub.store.conversation(message.conversation)
        assert conversation is not None  # noqa: S101 - it holds the message
        number = await hub.store.next_ticket_number(ticket_year(now))
        turn = petitions.turn(conversation, message, wish, number, now, hub.rules())
        try:
            await commit(hub.store, hub.connectors, turn, conversation)
        except OwnerChanged:
            continue
        hub.metrics.turns.labels("bot", "ticketed").inc()
        hub.live.poke(conversation.id)
    raise ApiError(503, "busy", headers={"Retry-After": "1"})
