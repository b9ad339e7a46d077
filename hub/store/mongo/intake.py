"""Intake: deliveries and what they hold."""

from collections.abc import Sequence

from pymongo import ASCENDING

from hub.model import SPOKEN, Event, Intake, Message, Raw, conversation_id, message_id
from hub.ports import LONGEST_PAUSE_MS
from hub.store.mongo import deliveries
from hub.store.mongo.database import Database, Document, put_new
from hub.store.mongo.documents import (
    conversation_of,
    message_document,
    message_of,
    new_conversation,
    raw_document,
    raw_of,
)
from hub.store.mongo.journal import Change, Journal, insert, touched
from hub.store.search import person_words

LARGEST_PART = 8 * 2**20  # a document holds 16 MB: a larger delivery is kept in parts


async def put_raw(db: Database, raw: Raw, known: Document | None = None) -> None:
    """``known``: what has become of it already, in the store that it comes from."""
    document = raw_document(raw) | (known or {})
    if len(raw.body) > LARGEST_PART:
        starts = range(0, len(raw.body), LARGEST_PART)
        for n, start in enumerate(starts):
            part = {"_id": f"{raw.id}:{n}", "body": raw.body[start : start + LARGEST_PART]}
            await put_new(db["raw_parts"], part)
        document |= {"body": b"", "parts": len(starts)}
    await put_new(db["raw"], document)


async def lease_raw(db: Database, *, now: int, until: int) -> Raw | None:
    busy: list[str] = []  # channels where an earlier one is being parsed
    while True:
        found = await db["raw"].find_one_and_update(
            {"state": {"$in": deliveries.OPEN}, "lease_until": {"$lte": now}, "channel": {"$nin": busy}},
            {"$set": {"lease_until": until}},
            sort=[("received_at", ASCENDING), ("order", ASCENDING)],
        )
        if found is None:
            return None
        # Looked for only now: had an earlier one been free a moment ago, it would have been this one.
        if not await _earlier_is_parsed(db, found, now):
            return await whole_raw(db, found)
        await db["raw"].update_one(
            {"_id": found["_id"], "lease_until": until}, {"$set": {"lease_until": found["lease_until"]}}
        )
        busy.append(found["channel"])


async def _earlier_is_parsed(db: Database, raw: Document, now: int) -> bool:
    at, order = raw["received_at"], raw["order"]
    earlier: Document = {
        "state": "waits",
        "channel": raw["channel"],
        "lease_until": {"$gt": now},
        "$or": [{"received_at": {"$lt": at}}, {"received_at": at, "order": {"$lt": order}}],
    }
    return await db["raw"].find_one(earlier, {"_id": 1}) is not None


async def whole_raw(db: Database, document: Document) -> Raw:
    for n in range(document.get("parts", 0)):
        part = await db["raw_parts"].find_one({"_id": f"{document['_id']}:{n}"})
        document["body"] += part["body"] if part else b""
    return raw_of(document)


class Appending:
    """One pass over a delivery's events. What an earlier pass, cut short, has kept counts as this delivery's own."""

    def __init__(self, db: Database, journal: Journal, raw: Raw, now: int, due_at: int) -> None:
        self._db = db
        self._journal = journal
        self._raw = raw
        self._now = now
        self._due_at = due_at

    async def take_in(
        self, events: Sequence[Event], *, refused: int, error: str | None, finished: bool
    ) -> Intake:
        raw = await self._db["raw"].find_one({"_id": self._raw.id}, {"state": 1})
        first_time = raw is not None and raw["state"] == "waits"
        fresh = 0
        seen: set[tuple[bool, str]] = set()
        messages: list[Message] = []
        conversations: set[str] = set()
        erased = False
        for event in events:
            spoken = event.kind in SPOKEN
            kept, new = await (self._append(event) if spoken else self._keep(event))
            again = (spoken, kept["_id"]) in seen
            seen.add((spoken, kept["_id"]))
            fresh += new or (first_time and kept["raw"] == self._raw.id and not again)
            conversations.add(kept["conversation"])
            erased |= "erased" in kept if spoken else not kept["body"]
            if spoken:
                messages.append(message_of(kept))
        counts = {"events": fresh, "duplicates": len(events) - fresh, "refused": refused}
        if erased:  # it is known, but what it said must not come back
            await self._db["raw"].update_one({"_id": self._raw.id}, {"$set": {"erased": True}})
        if first_time:
            state = "put_aside" if error else "done" if finished else "taken"
            done = {"state": state, "error": error, "conversations": sorted(conversations)} | counts
            await deliveries.move(self._db, self._raw.id, "waits", done)
        elif finished:
            await deliveries.finish(self._db, self._raw.id, error)
        return Intake(raw=self._raw.id, messages=tuple(messages), error=error, **counts)

    async def _keep(self, event: Event) -> tuple[Document, bool]:
        """Keep an event that is no message."""
        document = {
            "_id": message_id(event),
            "conversation": await self._conversation(event),
            "channel": event.channel,
            "kind": event.kind,
            "at": self._raw.received_at,
            "raw": self._raw.id,
            "body": event.model_dump_json(),
        }
        if await put_new(self._db["events"], document):
            return document, True
        return await self._db["events"].find_one({"_id": document["_id"]}) or document, False

    async def _append(self, event: Event) -> tuple[Document, bool]:
        """Make an event the next message of its conversation, if it is new."""
        id_ = message_id(event)

        async def decide(conversation: Document | None) -> tuple[Change | None, tuple[Document, bool]]:
            known = await self._db["messages"].find_one({"_id": id_})
            if known is not None or conversation is None:
                return None, (known or {}, False)
            document, fields = self._next(conversation, event, id_)
            return Change(self._now, fields, [insert("messages", document)]), (document, True)

        return await self._journal.change(await self._conversation(event), decide)

    async def _conversation(self, event: Event) -> str:
        id_ = conversation_id(event)
        if await self._db["conversations"].find_one({"_id": id_}, {"_id": 1}) is None:
            await put_new(self._db["conversations"], new_conversation(id_, event, self._raw, self._now))
        return id_

    def _next(self, conversation: Document, event: Event, id_: str) -> tuple[Document, Document]:
        """The message's document, and the conversation's new fields."""
        human = conversation["owner"] == "human"
        message = Message(
            id=id_,
            conversation=conversation["_id"],
            seq=conversation["last_seq"] + 1,
            author="citizen",
            kind=event.kind,
            text=event.text,
            attachments=event.attachments,
            at=self._raw.received_at,
            external_id=event.external_id,
            reply_to=event.reply_to,
            automatic=event.automatic,
            data=event.data,
            outcome="no_reply_due" if not event.due else "ticketed" if human else None,
        )
        spoken_at = min(event.sent_at or self._raw.received_at, self._raw.received_at)
        fields: Document = {
            "last_seq": message.seq,
            "interacted_at": max(conversation.get("interacted_at") or 0, spoken_at),
            "unreachable": None,
        } | touched(conversation, self._now)
        if not conversation["sender"]:  # a person who was erased speaks again
            again = conversation_of(conversation).model_copy(update={"sender": event.sender})
            fields |= {"sender": again.sender, "words": person_words(again)}
        if message.outcome is None:  # a turn of the bot is due, soon after the citizen stops typing
            first = conversation["first_due_at"] if conversation["first_due_at"] is not None else self._due_at
            fields |= {
                "due_at": min(self._due_at, first + LONGEST_PAUSE_MS),
                "first_due_at": first,
                "waiting": [*conversation["waiting"], message.seq],
            }
        elif message.outcome == "ticketed":
            fields["handled_seq"] = message.seq
        return message_document(message, event.channel) | {"raw": self._raw.id}, fields
