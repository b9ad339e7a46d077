"""One person over channels: the conversations that staff joined, those of one sender, and what suggests that others are
theirs too. Nothing is joined across channels without somebody's word."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from hub.model import Conversation, ConversationQuery, Ticket, TicketQuery, derived_id
from hub.ports import Store

MOST: Final = 50  # conversations of one person that are looked at
LOOKS_AT: Final = 20  # finds of one number or address
_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


@dataclass(frozen=True)
class Suggestion:
    conversation: Conversation
    why: str  # the number or address that both have


async def conversations_of(store: Store, conversation: Conversation) -> list[Conversation]:
    """All of the person's conversations, this one included, the newest first."""
    known = {conversation.id: conversation}
    left = [conversation]
    while left and len(known) < MOST:
        one = left.pop()
        found: list[Conversation] = []
        if one.person:
            found += await store.find_conversations(ConversationQuery(person=one.person), limit=MOST)
        if one.sender:
            same = ConversationQuery(channels=(one.channel,), sender=one.sender)
            theirs = await store.find_conversations(same, limit=MOST)
            found += [other for other in theirs if other.account == one.account]
        for other in found:
            if other.id not in known:
                known[other.id] = other
                left.append(other)
    return sorted(known.values(), key=lambda one: -(one.interacted_at or one.created_at))


async def tickets_of(store: Store, conversations: Sequence[Conversation]) -> dict[str, list[Ticket]]:
    """The tickets of each conversation, the newest first."""
    return {
        one.id: await store.find_tickets(TicketQuery(conversation=one.id, order="newest"), limit=MOST)
        for one in conversations
    }


async def suggestions(store: Store, conversation: Conversation) -> list[Suggestion]:
    """Conversations of others by all that is known, with which this one shares a number or an address."""
    own = {one.id for one in await conversations_of(store, conversation)}
    found: dict[str, Suggestion] = {}
    for sign in await _signs(store, conversation):
        people = await store.search(sign, kind="person", limit=LOOKS_AT)
        tickets = await store.search(sign, kind="ticket", limit=LOOKS_AT)
        ids = [one.conversation for one in (*people, *tickets)]
        for id_, other in (await store.conversations(ids)).items():
            if id_ not in own and id_ not in found and sign in await _signs(store, other):
                found[id_] = Suggestion(other, sign)
    return list(found.values())


async def join(store: Store, one: Conversation, other: Conversation, *, now: int) -> None:
    """These two, and all that were known to belong to either, are one person's."""
    all_ = {c.id for c in (*await conversations_of(store, one), *await conversations_of(store, other))}
    await store.set_person(sorted(all_), derived_id("p", *sorted(all_)), now=now)


async def part(store: Store, other: Conversation, *, now: int) -> None:
    """This one is somebody else's after all; a person of whom one conversation is left is nobody's group any more."""
    if other.person is None:
        return
    rest = await store.find_conversations(ConversationQuery(person=other.person), limit=MOST)
    theirs = {one.id for one in rest if (one.channel, one.sender) == (other.channel, other.sender)}
    theirs.add(other.id)
    stay = [one.id for one in rest if one.id not in theirs]
    await store.set_person(sorted(theirs), None, now=now)
    if len(stay) == 1:
        await store.set_person(stay, None, now=now)


async def _signs(store: Store, conversation: Conversation) -> list[str]:
    """Numbers and addresses by which the person may be known elsewhere, as they are compared."""
    values = [*conversation.contact.values(), conversation.sender]
    values += [one.address for one in await store.consents(conversation.id) if one.withdrawn_at is None]
    for ticket in await store.find_tickets(TicketQuery(conversation=conversation.id), limit=LOOKS_AT):
        values += [ticket.details.get(name, "") for name in ("phone", "email")]
    return list(dict.fromkeys(sign for value in values if (sign := _sign(value))))


def _sign(value: str) -> str | None:
    value = value.strip().lower()
    if _EMAIL.fullmatch(value):
        return value
    digits = re.sub(r"[\s.\-()]", "", value)
    if re.fullmatch(r"\+?84\d{9}", digits):
        digits = f"0{digits[-9:]}"
    return digits if re.fullmatch(r"0\d{9,10}", digits) else None
