"""Knowledge, all or nothing: every revision is a whole copy, and one pointer says which is in force."""

import json
import secrets
from collections.abc import Sequence

from hub.model import KnowledgeDoc
from hub.store.mongo.database import Database, Document, put_new
from hub.store.mongo.documents import knowledge_of

_NOTHING: Document = {"_id": "knowledge", "revision": 0, "writer": ""}


async def pointer(db: Database) -> Document:
    return await db["meta"].find_one({"_id": "knowledge"}) or _NOTHING


async def read(db: Database) -> list[KnowledgeDoc]:
    while True:
        before = await pointer(db)
        found = await entries(db, before)
        if (await pointer(db))["revision"] == before[
            "revision"
        ]:  # else it may have been cleared away meanwhile
            return sorted((knowledge_of(entry) for entry in found), key=lambda doc: (doc.kind, doc.id))


async def put(db: Database, docs: Sequence[KnowledgeDoc], *, now: int) -> int:
    while True:
        before = await pointer(db)
        there = {(entry["kind"], entry["id"]): entry for entry in await entries(db, before)}
        if not _merge(there, docs, now):
            if (await pointer(db))["revision"] == before["revision"]:
                return int(before["revision"])
            continue
        after = {"revision": before["revision"] + 1, "writer": secrets.token_hex(8)}
        await db["knowledge"].insert_many(
            [
                {name: value for name, value in entry.items() if name != "_id"} | after
                for entry in there.values()
            ]
        )
        if await _point(db, before, after):
            # Only revisions up to this one: what another hub is writing is meant for a later one.
            older = {"revision": {"$lte": after["revision"]}, "writer": {"$ne": after["writer"]}}
            await db["knowledge"].delete_many(older)
            return int(after["revision"])


async def entries(db: Database, at: Document) -> list[Document]:
    return await db["knowledge"].find({"revision": at["revision"], "writer": at["writer"]}).to_list()


def _merge(entries: dict[tuple[str, str], Document], docs: Sequence[KnowledgeDoc], now: int) -> bool:
    changed = False
    for doc in docs:
        body = json.dumps(doc.body, ensure_ascii=False, sort_keys=True)
        there = entries.get((doc.kind, doc.id))
        if there is not None and (
            (doc.origin == "seed" and there["origin"] == "import")
            or (there["body"], there["origin"]) == (body, doc.origin)
        ):
            continue
        entries[doc.kind, doc.id] = {
            "kind": doc.kind,
            "id": doc.id,
            "origin": doc.origin,
            "changed_at": now,
            "body": body,
        }
        changed = True
    return changed


async def _point(db: Database, before: Document, after: Document) -> bool:
    if before is _NOTHING:
        return await put_new(db["meta"], {"_id": "knowledge"} | after)
    moved = await db["meta"].update_one({"_id": "knowledge", "revision": before["revision"]}, {"$set": after})
    return moved.matched_count == 1
