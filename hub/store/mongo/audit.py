"""The audit log: a chain that only grows. The number is the ``_id``, so of two who go on from the same entry one is
refused and goes on from the other's."""

import re

from pymongo import ASCENDING, DESCENDING

from hub.audit import AuditEntry, AuditNote, AuditQuery, chained
from hub.store.mongo.database import Database, Document, put_new


async def append(db: Database, note: AuditNote) -> AuditEntry:
    while True:
        last = await db["audit"].find_one({}, sort=[("_id", DESCENDING)])
        entry = chained((last["_id"], last["hash"]) if last else None, note)
        if await put_new(db["audit"], document(entry)):
            return entry


def document(entry: AuditEntry) -> Document:
    columns = {"at", "actor", "action", "target", "hash"}
    return {"_id": entry.n, "body": entry.model_dump_json()} | entry.model_dump(include=columns)


def entry_of(found: Document) -> AuditEntry:
    return AuditEntry.model_validate_json(found["body"])


async def find(db: Database, query: AuditQuery, limit: int) -> list[AuditEntry]:
    found = db["audit"].find(_filter(query)).sort([("_id", DESCENDING)]).limit(limit)
    return [entry_of(one) async for one in found]


async def after(db: Database, n: int, limit: int) -> list[AuditEntry]:
    found = db["audit"].find({"_id": {"$gt": n}}).sort([("_id", ASCENDING)]).limit(limit)
    return [entry_of(one) async for one in found]


def _filter(query: AuditQuery) -> Document:
    terms: list[Document] = []
    for name in ("actor", "target"):
        if (value := getattr(query, name)) is not None:
            terms.append({name: value})
    for field, operator, bound in (
        ("at", "$gte", query.since),
        ("at", "$lt", query.until),
        ("_id", "$lt", query.before),
    ):
        if bound is not None:
            terms.append({field: {operator: bound}})
    if query.action is not None:
        terms.append({"action": {"$regex": rf"^{re.escape(query.action)}(\.|$)"}})
    return {"$and": terms} if terms else {}
