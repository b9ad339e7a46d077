"""Conversations as a list: found by who has them and what nobody has read."""

from collections.abc import Sequence

from pymongo import ASCENDING, DESCENDING

from hub.model import Conversation, ConversationQuery
from hub.store.mongo.database import Database, Document
from hub.store.mongo.documents import conversation_of
from hub.store.mongo.journal import Change, Journal, touched


async def find(db: Database, query: ConversationQuery, limit: int, skip: int) -> list[Conversation]:
    found = db["conversations"].find(_filter(query))
    found = found.sort([("interacted_at", DESCENDING), ("_id", ASCENDING)]).skip(skip).limit(limit)
    return [conversation_of(document) async for document in found]


async def by_id(db: Database, ids: Sequence[str]) -> dict[str, Conversation]:
    found = db["conversations"].find({"_id": {"$in": list(ids)}})
    return {document["_id"]: conversation_of(document) async for document in found}


async def set_person(journal: Journal, ids: Sequence[str], person: str | None, now: int) -> None:
    async def decide(document: Document | None) -> tuple[Change | None, None]:
        if document is None or document.get("person") == person:
            return None, None
        return Change(now, {"person": person} | touched(document, now)), None

    for id_ in ids:
        await journal.change(id_, decide)


def _filter(query: ConversationQuery) -> Document:
    terms: Document = {}
    if query.channels is not None:
        terms["channel"] = {"$in": list(query.channels)}
    if query.owner is not None:
        terms["owner"] = query.owner
    if query.open_ticket is not None:
        terms["ticket"] = {"$ne": None} if query.open_ticket else None
    for name in ("person", "sender"):
        if (value := getattr(query, name)) is not None:
            terms[name] = value
    if query.unread is not None:
        terms["$expr"] = {"$gt" if query.unread else "$lte": ["$last_seq", "$staff_read_seq"]}
    return terms
