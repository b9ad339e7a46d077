"""How a conversation changes without transactions.

The conversation's document is its own journal. A change is decided from one reading of it and written by one
update, conditional on that reading (``revision``): the new fields, and under ``pending`` every effect the change
has on other documents (messages to add, a ticket to open). This one write is the moment at which the change
happened. The effects are carried out next, in order, and ``pending`` is cleared. Whoever meets a conversation with
``pending`` (the next change of it, its next lease, the sweep) carries the effects out first; each can be carried
out again, however late, without changing anything.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar
from weakref import WeakValueDictionary

from pymongo.errors import DuplicateKeyError

from hub.errors import StoreError, StoreUnavailable
from hub.model import derived_id
from hub.store.mongo import erasing
from hub.store.mongo.database import Database, Document, put_new

T = TypeVar("T")

MOST_TRIES = 200  # other processes that change the same conversation at the same time
SWEEP_AFTER_MS = 1_000  # a change this old that is still pending: its writer died


@dataclass(frozen=True)
class Change:
    at: int
    fields: Document
    effects: list[Document] = field(default_factory=list)


#: From the conversation's document (None: there is no such conversation) to what is to change, and the answer.
Decision = Callable[[Document | None], Awaitable[tuple[Change | None, T]]]


def touched(conversation: Document, now: int) -> Document:
    """The fields by which live pages see that something changed."""
    return {"touched_at": max(conversation["touched_at"], now), "version": conversation["version"] + 1}


# ---- effects: what a change does to other documents


def insert(collection: str, document: Document) -> Document:
    return {"do": "insert", "in": collection, "document": document}


def settle_inbound(conversation: str, seqs: list[int], outcome: str | None, turn: str) -> Document:
    return {"do": "settle", "conversation": conversation, "seqs": seqs, "outcome": outcome, "turn": turn}


def change_ticket(ticket: str, turn: str, fields: Document, event: Document) -> Document:
    return {"do": "ticket", "ticket": ticket, "turn": turn, "fields": fields, "event": event}


def mark_outbound(messages: list[str], from_: list[str], to: str) -> Document:
    return {"do": "mark", "messages": messages, "from": from_, "to": to}


class Journal:
    def __init__(self, db: Database) -> None:
        self._db = db
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._swept_at = 0

    async def read(self, conversation: str) -> Document | None:
        """The conversation, with everything that follows from it in place."""
        document = await self._db["conversations"].find_one({"_id": conversation})
        if document is not None:
            await self.finish(document)
        return document

    async def change(self, conversation: str, decide: Decision[T]) -> T:
        """Decide on the conversation as it stands, and carry that out; decided anew if it changed meanwhile.

        ``decide`` may read what belongs to the conversation: nothing of it changes without a new revision."""
        async with self._alone(conversation):
            for attempt in range(MOST_TRIES):
                document = await self.read(conversation)
                try:
                    change, answer = await decide(document)
                except StoreError:  # a reason to refuse may be this very change, made by another meanwhile
                    if await self._stands(document):
                        raise
                    continue
                if document is None or change is None or await self._carry_out(document, change):
                    return answer
                await asyncio.sleep(random.uniform(0, 0.002 * min(attempt, 25)))  # noqa: S311 - no secret
        raise StoreUnavailable(f"conversation {conversation} is changed by too many at once")

    async def _stands(self, document: Document | None) -> bool:
        """Whether the conversation is still as it was read."""
        if document is None:
            return True
        same = {"_id": document["_id"], "revision": document["revision"]}
        return await self._db["conversations"].find_one(same, {"_id": 1}) is not None

    @asynccontextmanager
    async def _alone(self, conversation: str) -> AsyncIterator[None]:
        """One change at a time within this process: saves retries, correctness does not need it."""
        lock = self._locks.setdefault(conversation, asyncio.Lock())
        async with lock:
            yield

    async def _carry_out(self, document: Document, change: Change) -> bool:
        revision = document["revision"]
        pending = {"id": revision + 1, "at": change.at, "effects": change.effects}
        written = change.fields | ({"pending": pending} if change.effects else {})
        result = await self._db["conversations"].update_one(
            {"_id": document["_id"], "revision": revision}, {"$set": written, "$inc": {"revision": 1}}
        )
        if not result.matched_count:
            return False
        if change.effects:
            await self.finish({"_id": document["_id"], "pending": pending})
        return True

    async def finish(self, document: Document) -> None:
        """Carry out what is pending in this conversation."""
        pending = document.pop("pending", None)
        if pending is None:
            return
        for effect in pending["effects"]:
            await self._effect(effect)
        await self._db["conversations"].update_one(
            {"_id": document["_id"], "pending.id": pending["id"]}, {"$unset": {"pending": ""}}
        )

    async def _effect(self, effect: Document) -> None:
        match effect["do"]:
            case "insert" if effect["in"] == "messages":
                await self._insert_message(effect["document"])
            case "insert":
                await put_new(self._db[effect["in"]], effect["document"])
            case "settle":
                await self._db["messages"].update_many(
                    {"conversation": effect["conversation"], "seq": {"$in": effect["seqs"]}, "outcome": None},
                    {"$set": {"outcome": effect["outcome"], "turn": effect["turn"]}},
                )
            case "ticket":
                await self._db["tickets"].update_one(
                    {"_id": effect["ticket"], "history.turn": {"$ne": effect["turn"]}},
                    {
                        "$set": effect["fields"],
                        "$push": {"history": effect["event"] | {"turn": effect["turn"]}},
                    },
                )
            case "mark":
                await self._db["messages"].update_many(
                    {"_id": {"$in": effect["messages"]}, "delivery": {"$in": effect["from"]}},
                    {"$set": {"delivery": effect["to"]}},
                )
            case "erase":
                await erasing.carry_out(self._db, effect)

    async def _insert_message(self, document: Document) -> None:
        try:
            await self._db["messages"].insert_one(document)
        except DuplicateKeyError:
            there = await self._db["messages"].find_one(
                {"conversation": document["conversation"], "seq": document["seq"]}, {"_id": 1}
            )
            if there is None:
                # The same external id in two conversations at the same moment. No connector does that; if one did,
                # the place is filled all the same, so that neither conversation has a hole.
                other = derived_id("m", document["_id"], document["conversation"])
                await put_new(self._db["messages"], document | {"_id": other})

    async def sweep(self, *, now: int, all_: bool = False) -> None:
        """Finish what dead processes left pending. Without ``all_`` at most once a second."""
        if not all_:
            if abs(now - self._swept_at) < SWEEP_AFTER_MS:
                return
            self._swept_at = now
        limit = {"$exists": True} if all_ else {"$lte": now - SWEEP_AFTER_MS}
        async for document in self._db["conversations"].find({"pending.at": limit}, {"pending": 1}):
            await self.finish(document)
        async for message in self._db["messages"].find(
            {"untold.at": limit}, {"conversation": 1, "untold": 1}
        ):
            await self.tell(message)

    async def tell_of(self, message: str, token: str) -> bool:
        """Tell of what was settled under this lease; False if there is nothing (any more)."""
        untold = await self._db["messages"].find_one(
            {"_id": message, "untold.token": token}, {"conversation": 1, "untold": 1}
        )
        if untold is not None:
            await self.tell(untold)
        return untold is not None

    async def tell(self, message: Document) -> None:
        """Count what was settled on a message in its conversation's version, so that live pages show it."""
        token, at = message["untold"]["token"], message["untold"]["at"]
        await self._db["conversations"].update_one(
            {"_id": message["conversation"], "told": {"$ne": token}},
            {"$set": {"told": token}, "$inc": {"version": 1, "revision": 1}, "$max": {"touched_at": at}},
        )
        await self._db["messages"].update_one(
            {"_id": message["_id"], "untold.token": token}, {"$unset": {"untold": ""}}
        )
