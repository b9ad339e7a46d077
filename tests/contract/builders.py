"""Short ways to make the types the contract suite feeds a store."""

from typing import Any

from hub.model import (
    OPEN_STATES,
    Conversation,
    Event,
    Raw,
    ReviewItem,
    Ticket,
    TicketEvent,
    TicketQuery,
    TicketState,
    Turn,
)
from hub.ports import Store

T0 = 1_795_400_000_000


def event(external_id: str, text: str = "Xin chào", *, conversation: str = "c-1", **fields: Any) -> Event:
    return Event(
        channel=fields.pop("channel", "webchat"),
        kind=fields.pop("kind", "message"),
        external_id=external_id,
        account="web",
        sender=fields.pop("sender", conversation),
        text=text,
        conversation=conversation,
        **fields,
    )


def raw(id_: str, body: bytes = b"{}", at: int = T0) -> Raw:
    return Raw(id=id_, channel="webchat", received_at=at, body=body)


async def arrive(store: Store, *events: Event, at: int = T0, raw_id: str | None = None) -> list[Any]:
    """Deliver events as the stream does; the messages they stand for."""
    delivery = raw(raw_id or f"r-{events[0].external_id}-{at}", at=at)
    await store.put_raw(delivery)
    intake = await store.take_in(delivery, events, refused=0, error=None, now=at, due_at=at)
    return list(intake.messages)


def turn(conversation: Conversation | str, id_: str, **fields: Any) -> Turn:
    conversation_id = conversation if isinstance(conversation, str) else conversation.id
    fields.setdefault("actor", "bot")
    fields.setdefault("at", T0)
    fields.setdefault("handles", 0)
    return Turn(id=id_, conversation=conversation_id, **fields)


def ticket(conversation: str, n: int = 1, **fields: Any) -> Ticket:
    return Ticket(
        id=f"k-{n}",
        code=f"1022-2026-{n:06d}",
        lookup_key="ACDEFG",
        conversation=conversation,
        state="new",
        reason=fields.pop("reason", "asked_for_person"),
        summary="Muốn gặp tổng đài viên",
        created_at=T0 + n,
        history=(TicketEvent(at=T0 + n, actor="bot", state="new"),),
        **fields,
    )


def review(
    id_: str, conversation: str, question: str = "Mở tiệm hớt tóc cần gì", **fields: Any
) -> ReviewItem:
    return ReviewItem(
        id=id_,
        key=fields.pop("key", f"q-{question}"),
        conversation=conversation,
        channel="webchat",
        at=fields.pop("at", T0),
        reason=fields.pop("reason", "unknown"),
        question=question,
        **fields,
    )


async def queue(store: Store, *, limit: int, state: str = "open") -> list[tuple[Ticket, Conversation]]:
    """Tickets as the inbox lists them, urgent first, then oldest first, without merged ones; each with its conversation."""
    states: tuple[TicketState, ...] = tuple(sorted(OPEN_STATES)) if state == "open" else ("closed", "spam")
    query = TicketQuery(states=states, merged=False, order="urgent" if state == "open" else "changed")
    found = []
    for one in await store.find_tickets(query, limit=limit):
        conversation = await store.conversation(one.conversation)
        assert conversation
        found.append((one, conversation))
    return found
