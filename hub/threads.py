"""Which conversation an event continues, on channels where only what it refers to tells that.

Ids and codes in a mail are claims of whoever wrote it. So nobody comes into another person's conversation by them, and
nobody keeps a mail from being heard by using its id first.
"""

from collections.abc import AsyncIterator, Sequence

from hub.model import SPOKEN, Conversation, Event, conversation_id
from hub.ports import Store


async def placed(store: Store, event: Event) -> Event:
    """The event with the conversation it belongs to, and an id that no other mail has taken."""
    event = await _told_apart(store, event)
    others = None
    async for found in _continued(store, event):
        if _belongs(event, found):
            return event.model_copy(update={"conversation": found.key})
        others = others or found
    begun = await store.conversation(conversation_id(event))
    if begun is None or _belongs(event, begun):
        return event
    # somebody else's thread: what this person says is a conversation of their own
    data = event.data | {"thread": (others or begun).id}
    return event.model_copy(update={"conversation": event.external_id, "data": data})


async def _told_apart(store: Store, event: Event) -> Event:
    """A second mail with a known id, but with other content, gets an id of its own."""
    digest = event.data.get("digest")
    if not digest or event.kind == "echo":
        return event
    own = event.model_copy(update={"external_id": f"{event.external_id}#{digest}"})
    if event.kind not in SPOKEN:
        return own
    known = await store.message_by_external(event.channel, event.account, event.external_id)
    if known is None or (known.author == "citizen" and known.data.get("digest") in (digest, None)):
        return event  # None: what an erased person said must not come back
    return own


async def _continued(store: Store, event: Event) -> AsyncIterator[Conversation]:
    """The conversations that it refers to: by the ids of what it answers, newest first, then by a ticket's code."""
    references: Sequence[str] = event.data.get("references", ())
    for reference in (*((event.reply_to,) if event.reply_to else ()), *reversed(references)):
        known = await store.message_by_external(event.channel, event.account, reference)
        if known is not None and (found := await store.conversation(known.conversation)):
            yield found
    for code in () if event.data.get("forged") else event.data.get("tickets", ()):
        ticket = await store.ticket_by_code(code)
        owner = await store.conversation(ticket.conversation) if ticket else None
        if owner and (owner.channel, owner.sender) == (event.channel, event.sender):  # codes can be guessed
            yield owner


def _belongs(event: Event, conversation: Conversation) -> bool:
    """Whether it is from the person of this conversation, or from a machine and about it. An erased person has no
    address any more."""
    if (conversation.channel, conversation.account) != (event.channel, event.account):
        return False
    return event.kind not in SPOKEN or event.automatic or conversation.sender in (event.sender, "")
