"""The rows of a MongoDB store, as ``hub.store.moving`` wants them."""

import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, Final

from bson import ObjectId
from pymongo import ASCENDING
from pymongo.errors import BulkWriteError

from hub.errors import StoreError
from hub.model import Conversation, Message, Raw, Ticket
from hub.store.mongo import blobs, intake, knowledge, notices, reviews, tickets
from hub.store.mongo.database import BLOBS, Database, Document, put_new, reaching
from hub.store.mongo.documents import (
    CONVERSATION_COLUMNS,
    MESSAGE_BODY,
    MESSAGE_COLUMNS,
    message_document,
    message_of,
)
from hub.store.mongo.journal import Journal
from hub.store.moving import PROGRESS, Place, Row, blob_row
from hub.store.search import person_words

#: Collections that no section holds: leases and holds, what is made anew, and what loses its meaning within minutes.
NOT_MOVED: Final = {"jobs", "hits", "presence", "uploads"}
_COPY: Final = "copy"  # who wrote the revision of the knowledge
_DUPLICATE_KEY: Final = 11000

_CONVERSATION: Final = (*CONVERSATION_COLUMNS, "due_at", "first_due_at", "attempts")
_RAW: Final = ("channel", "received_at", "events", "duplicates", "refused", "error", "state")
_PLAIN: Final = {
    "states": ("version", "changed_at", "body"),
    "staff": ("login", "body"),
    "events": ("conversation", "channel", "kind", "at", "raw", "body"),
    "turns": ("conversation", "at", "body"),
    "knowledge_edits": (*knowledge.EDIT_COLUMNS, "body"),
    "reviews": (*reviews.COLUMNS, "body"),
    "notices": notices.COLUMNS,
}
#: What ``_id`` is called in a row.
_NAME: Final = {"states": "name"}


class MovableMongo:
    """``hub.store.moving.Movable`` for a database."""

    def __init__(self, url: str) -> None:
        self._db = Database(url)

    @reaching
    async def open(self) -> None:
        await self._db.open()
        await Journal(self._db).sweep(now=time.time_ns() // 1_000_000, all_=True)  # nothing is left half done
        await knowledge.settled(self._db)

    async def close(self) -> None:
        await self._db.close()

    @reaching
    async def busy(self, *, now: int) -> list[str]:
        held = self._db["jobs"].find({"until": {"$gt": now}}).sort("_id", ASCENDING)
        leased = self._db["conversations"].find({"lease_until": {"$gt": now}}, {"_id": 1}).limit(1)
        jobs = [f"job {job['_id']}" async for job in held]
        return jobs + [f"conversation {one['_id']}" async for one in leased]

    @reaching
    async def rows(self, section: str, after: Place, limit: int) -> list[tuple[Place, Row]]:
        if section in _PLAIN:
            return await _plain(self._db, section, after, limit)
        return await _READ[section](self._db, after, limit)

    @reaching
    async def put_rows(self, section: str, rows: Sequence[Row]) -> None:
        if section in _PLAIN:
            name = _NAME.get(section, "id")
            found = [{"_id": row[name]} | {column: row[column] for column in _PLAIN[section]} for row in rows]
            await _add(self._db, section, found)
        else:
            await _WRITE[section](self._db, rows)

    @reaching
    async def progress(self) -> dict[str, Any] | None:
        return await progress(self._db)

    @reaching
    async def set_progress(self, what: dict[str, Any] | None) -> None:
        if what is None:
            await self._db["meta"].delete_one({"_id": PROGRESS})
        else:
            body = {"body": json.dumps(what)}
            await self._db["meta"].update_one({"_id": PROGRESS}, {"$set": body}, upsert=True)


async def progress(db: Database) -> dict[str, Any] | None:
    found = await db["meta"].find_one({"_id": PROGRESS})
    return json.loads(found["body"]) if found else None


# ---- reading


async def _page(
    db: Database, collection: str, after: Place, limit: int, key: Sequence[str] = ("_id",)
) -> AsyncIterator[Document]:
    beyond: Document = {}
    if after is not None:
        ties = [dict(zip(key[:n], after[:n], strict=True)) for n in range(len(key))]
        beyond = {"$or": [tie | {key[n]: {"$gt": after[n]}} for n, tie in enumerate(ties)]}
    found = db[collection].find(beyond).sort([(name, ASCENDING) for name in key]).limit(limit)
    async for document in found:
        yield document


async def _plain(db: Database, section: str, after: Place, limit: int) -> list[tuple[Place, Row]]:
    name = _NAME.get(section, "id")
    return [
        (
            [document["_id"]],
            {"_id": document["_id"], name: document["_id"]}
            | {column: document[column] for column in _PLAIN[section]},
        )
        async for document in _page(db, section, after, limit)
    ]


async def _blobs(db: Database, after: Place, limit: int) -> list[tuple[Place, Row]]:
    beyond = {"filename": {"$gt": after[0]}} if after else {}
    found = db[f"{BLOBS}.files"].find(beyond, {"filename": 1}).sort("filename", ASCENDING).limit(limit + 1)
    ids = sorted({file["filename"] async for file in found})[:limit]  # content may be there twice
    return [([id_], blob_row(id_, await blobs.get(db, id_))) for id_ in ids]


async def _counters(db: Database, after: Place, _: int) -> list[tuple[Place, Row]]:
    if after is not None:
        return []
    values = {one["_id"]: one["value"] async for one in db["meta"].find({"value": {"$exists": True}})}
    if revision := (await knowledge.pointer(db))["revision"]:
        values["knowledge"] = revision
    return [(name, {"_id": name, "name": name, "value": value}) for name, value in sorted(values.items())]


async def _knowledge(db: Database, after: Place, _: int) -> list[tuple[Place, Row]]:
    if after is not None:  # all at once: it is small, and one revision
        return []
    at = await knowledge.pointer(db)
    columns = ("kind", "id", "origin", "changed_at", "body")
    entries = await knowledge.entries(db, at)
    return [
        ("all", {"_id": f"{entry['kind']}/{entry['id']}"} | {name: entry[name] for name in columns})
        for entry in entries
    ]


async def _conversations(db: Database, after: Place, limit: int) -> list[tuple[Place, Row]]:
    found = []
    async for document in _page(db, "conversations", after, limit):
        given = [json.loads(one) for one in document.get("consents", [])]
        row = {name: document.get(name) for name in _CONVERSATION} | {
            "_id": document["_id"],
            "id": document["_id"],
            "contact": json.loads(document.get("contact", "{}")),
            "dialogue": json.loads(document["dialogue"]),
            "consents": sorted(given, key=lambda consent: consent["agreed_at"]),
        }
        found.append(([document["_id"]], row))
    return found


async def _messages(db: Database, after: Place, limit: int) -> list[tuple[Place, Row]]:
    found = []
    async for document in _page(db, "messages", after, limit, ("conversation", "seq")):
        media = document.get("media")
        row = {name: document[name] for name in MESSAGE_COLUMNS} | {
            "_id": document["_id"],
            "id": document["_id"],
            "erased": bool(document.get("erased")),
            "attempts": document.get("attempts", 0),
            "error": document.get("error"),
            "retry_at": document.get("unsent_at", 0),
            "body": message_of(document).model_dump(mode="json", include=MESSAGE_BODY, exclude_defaults=True),
            "media": media and {
                "raw": document["raw"], "at": media["at"], "attempts": media["attempts"],
                "due_at": 0 if media["token"] else media["due_at"],
            },
        }  # fmt: skip
        found.append(([document["conversation"], document["seq"]], row))
    return found


async def _tickets(db: Database, after: Place, limit: int) -> list[tuple[Place, Row]]:
    found = []
    async for document in _page(db, "tickets", after, limit):
        ticket = tickets.ticket_of(document).model_dump(mode="json")
        row = {"_id": document["_id"], "changed_at": document["changed_at"], "ticket": ticket}
        found.append(([document["_id"]], row))
    return found


async def _audit(db: Database, after: Place, limit: int) -> list[tuple[Place, Row]]:
    names = ("at", "actor", "action", "target", "hash", "body")
    return [
        ([one["_id"]], {"_id": str(one["_id"]), "n": one["_id"]} | {name: one[name] for name in names})
        async for one in _page(db, "audit", after, limit)
    ]


async def _raw(db: Database, after: Place, limit: int) -> list[tuple[Place, Row]]:
    place = after and [after[0], ObjectId(after[1])]
    found = []
    async for document in _page(db, "raw", place, limit, ("received_at", "order")):
        await _whole(db, document)
        row = {name: document[name] for name in _RAW} | {
            "_id": document["_id"],
            "id": document["_id"],
            "body": (await intake.whole_raw(db, document)).body,
            "headers": json.loads(document["headers"]),
            "erased": bool(document.get("erased")),
            "conversations": sorted(document.get("conversations", [])),
        }
        found.append(([document["received_at"], str(document["order"])], row))
    return found


async def _whole(db: Database, raw: Document) -> None:
    """A delivery that was taken in by half must be finished first: only here can it be told by what it was."""
    if raw["state"] == "waits":
        for collection in ("messages", "events"):
            if await db[collection].find_one({"raw": raw["_id"]}, {"_id": 1}) is not None:
                raise StoreError(
                    f"delivery {raw['_id']} was taken in by half when its worker died: start the hub on the source until"
                    " `hub reconcile` shows nothing unparsed, stop it, then copy"
                )


# ---- writing


async def _add(db: Database, collection: str, documents: Sequence[Document]) -> None:
    try:
        await db[collection].insert_many(documents, ordered=False)
    except BulkWriteError as error:
        if any(one["code"] != _DUPLICATE_KEY for one in error.details["writeErrors"]):
            raise


async def _put_blobs(db: Database, rows: Sequence[Row]) -> None:
    for row in rows:
        await blobs.put(db, row["data"], media_type=row["media_type"], now=0)


async def _put_counters(db: Database, rows: Sequence[Row]) -> None:
    for row in rows:
        pointer = {"revision": row["value"], "writer": _COPY}
        fields = pointer if row["name"] == "knowledge" else {"value": row["value"]}
        await put_new(db["meta"], {"_id": row["name"]} | fields)


async def _put_knowledge(db: Database, rows: Sequence[Row]) -> None:
    at = await knowledge.pointer(db)
    under = {"revision": at["revision"], "writer": at["writer"]}
    entries = [row | under | {"_id": f"{_COPY}/{row['_id']}"} for row in rows]
    await _add(db, "knowledge", entries)


async def _put_conversations(db: Database, rows: Sequence[Row]) -> None:
    documents = []
    for row in rows:
        fields = {name: row[name] for name in _CONVERSATION}
        documents.append(
            {"_id": row["id"]} | fields | {
                "contact": _json(row["contact"]),
                "dialogue": _json(row["dialogue"]),
                "consents": [_json(consent) for consent in row["consents"]],
                "waiting": [],  # filled with the messages
                "words": person_words(_conversation(row)),
                "lease_token": None,
                "lease_until": 0,
                "told": None,
                "revision": 0,
            }
        )  # fmt: skip
    await _add(db, "conversations", documents)


async def _put_messages(db: Database, rows: Sequence[Row]) -> None:
    channels = await _channels(db, {row["conversation"] for row in rows})
    await _add(db, "messages", [_message(row, channels[row["conversation"]]) for row in rows])
    for row in rows:
        if row["author"] == "citizen" and row["outcome"] is None:
            await db["conversations"].update_one(
                {"_id": row["conversation"]}, {"$addToSet": {"waiting": row["seq"]}}
            )


def _conversation(row: Row) -> Conversation:
    return Conversation.model_validate({name: row[name] for name in Conversation.model_fields if name in row})


async def _channels(db: Database, conversations: set[str]) -> dict[str, str]:
    found = db["conversations"].find({"_id": {"$in": sorted(conversations)}}, {"channel": 1})
    return {one["_id"]: one["channel"] async for one in found}


def _message(row: Row, channel: str) -> Document:
    columns = {name: row[name] for name in MESSAGE_COLUMNS}
    message = Message.model_validate({"id": row["id"]} | columns | row["body"])
    document = message_document(message, channel)
    document.pop("media", None)
    if row["delivery"] in ("queued", "sending"):
        document |= {"unsent_at": row["retry_at"], "lease_token": None}
    document |= {"attempts": row["attempts"], "error": row["error"]}
    if row["erased"]:
        document["erased"] = True
    if row["media"]:
        job = {name: row["media"][name] for name in ("at", "due_at", "attempts")}
        document |= {"raw": row["media"]["raw"], "media": job | {"token": None}}
    return document


async def _put_tickets(db: Database, rows: Sequence[Row]) -> None:
    documents = []
    channels = await _channels(db, {row["ticket"]["conversation"] for row in rows})
    for row in rows:
        ticket = Ticket.model_validate(row["ticket"])
        document = tickets.ticket_document(ticket, channels[ticket.conversation])
        documents.append(document | {"changed_at": row["changed_at"]})
    await _add(db, "tickets", documents)


async def _put_audit(db: Database, rows: Sequence[Row]) -> None:
    documents = [
        {"_id": row["n"]} | {name: row[name] for name in row if name not in ("_id", "n")} for row in rows
    ]
    await _add(db, "audit", documents)


async def _put_raw(db: Database, rows: Sequence[Row]) -> None:
    for row in rows:
        raw = Raw(
            id=row["id"], channel=row["channel"], received_at=row["received_at"], body=row["body"],
            headers=row["headers"],
        )  # fmt: skip
        fields = {name: row[name] for name in _RAW}
        if row["erased"]:
            fields["erased"] = True
        if row["state"] != "waits":
            fields["conversations"] = row["conversations"]
        await intake.put_raw(db, raw, fields)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


_READ: Final[dict[str, Callable[[Database, Place, int], Awaitable[list[tuple[Place, Row]]]]]] = {
    "blobs": _blobs,
    "counters": _counters,
    "knowledge": _knowledge,
    "conversations": _conversations,
    "messages": _messages,
    "tickets": _tickets,
    "audit": _audit,
    "raw": _raw,
}
_WRITE: Final[dict[str, Callable[[Database, Sequence[Row]], Awaitable[None]]]] = {
    "blobs": _put_blobs,
    "counters": _put_counters,
    "knowledge": _put_knowledge,
    "conversations": _put_conversations,
    "messages": _put_messages,
    "tickets": _put_tickets,
    "audit": _put_audit,
    "raw": _put_raw,
}
