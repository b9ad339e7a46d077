"""Conversations as a list: found by who has them and what nobody has read."""

from collections.abc import Sequence

from pymongo import ASCENDING, DESCENDING

from hub.model import Conversation, ConversationQuery
from hub.store.mongo.database import Database, Document
from hub.store.mongo.documents import conversation_of


async def find(db: Database, query: ConversationQuery, limit: int, skip: int) -> list[Conversation]:
    found = db["conversations"].find(_filter(query))
    found = found.sort([("interacted_at", DESCENDING), ("_id", ASCENDING)]).skip(skip).limit(limit)
    return [conversation_of(document) async for document in found]


async def by_id(db: Database, ids: Sequence[str]) -> dict[str, Conversation]:
    found = db["conversations"].find({"_id": {"$in": list(ids)}})
    return {document["_id"]: conversation_of(document) async for document in found}


def _filter(query: ConversationQuery) -> Document:
    terms: Document = {}
    if query.channels is not None:
        terms["channel"] = {"$in": list(query.channels)}
    if query.owner is not None:
        terms["owner"] = query.owner
    if query.open_ticket is not None:
        terms["ticket"] = {"$ne": None} if query.open_ticket else None
    if query.unread is not None:
        terms["$expr"] = {"$gt" if query.unread else "$lte": ["$last_seq", "$staff_read_seq"]}
    return terms
