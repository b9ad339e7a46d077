"""Knowledge, all or nothing: every revision is a whole copy, and one pointer says which is in force.

An edit happens when the pointer moves to the revision it made: the pointer carries it until it is in the history, and
whoever reads the history or moves the pointer next puts it there first.
"""

import json
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from pymongo import DESCENDING

from hub.errors import KnowledgeMoved
from hub.model import ORIGINS, EditState, KnowledgeDoc, KnowledgeEdit, KnowledgeKind
from hub.store.mongo.database import Database, Document, put_new
from hub.store.mongo.documents import knowledge_of

#: Of an edit; the whole of it is JSON in ``body``.
EDIT_COLUMNS = ("kind", "entry", "state", "by", "moved_at")
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
        before = await settled(db)
        there = {(entry["kind"], entry["id"]): entry for entry in await entries(db, before)}
        if not _merge(there, docs, now):
            if (await pointer(db))["revision"] == before["revision"]:
                return int(before["revision"])
            continue
        if (made := await _write(db, before, list(there.values()))) is not None:
            return made


async def entry(db: Database, kind: KnowledgeKind, id_: str) -> KnowledgeDoc | None:
    while True:
        before = await pointer(db)
        of = {"revision": before["revision"], "writer": before["writer"], "kind": kind, "id": id_}
        found = await db["knowledge"].find_one(of)
        if (await pointer(db))["revision"] == before["revision"]:
            return knowledge_of(found) if found else None


async def commit_edit(db: Database, wanted: KnowledgeEdit, expects: EditState | None) -> None:
    while True:
        before = await settled(db)
        there = await _edit(db, wanted.id)
        if there is not None and there.state == wanted.state:
            return
        if (there.state if there else None) != expects:
            raise KnowledgeMoved(f"edit {wanted.id} is not {expects} any more")
        if wanted.state != "applied":
            if await _move_edit(db, wanted, expects):
                return
            continue
        now_there = {(one["kind"], one["id"]): one for one in await entries(db, before)}
        name = (wanted.kind, wanted.entry)
        if (knowledge_of(now_there[name]) if name in now_there else None) != wanted.before:
            if (await pointer(db))["revision"] != before["revision"]:
                continue  # it was cleared away while it was read
            raise KnowledgeMoved(f"{wanted.kind} {wanted.entry} has changed meanwhile")
        if wanted.after is None:
            del now_there[name]
        else:
            now_there[name] = _entry(wanted.after, wanted.moved_at)
        carried = {"carried": wanted.model_dump_json()}
        if await _write(db, before, list(now_there.values()), carried) is not None:
            await settled(db)
            return


async def edit(db: Database, id_: str) -> KnowledgeEdit | None:
    await settled(db)
    return await _edit(db, id_)


async def edits(db: Database, wanted: dict[str, Any], limit: int) -> list[KnowledgeEdit]:
    await settled(db)
    asked = {name: value for name, value in wanted.items() if value is not None}
    found = db["knowledge_edits"].find(asked).sort([("moved_at", DESCENDING), ("_id", DESCENDING)])
    return [KnowledgeEdit.model_validate_json(one["body"]) async for one in found.limit(limit)]


async def _edit(db: Database, id_: str) -> KnowledgeEdit | None:
    found = await db["knowledge_edits"].find_one({"_id": id_})
    return KnowledgeEdit.model_validate_json(found["body"]) if found else None


async def settled(db: Database) -> Document:
    """The pointer, once the edit it carries is in the history."""
    at = await pointer(db)
    if carried := at.get("carried"):
        await _put_edit(db, KnowledgeEdit.model_validate_json(carried))
        same = {"_id": "knowledge", "revision": at["revision"]}
        await db["meta"].update_one(same, {"$unset": {"carried": ""}})
    return at


async def _put_edit(db: Database, wanted: KnowledgeEdit) -> None:
    """Put an edit that was carried out into the history: nothing can change that any more."""
    fields = _edit_fields(wanted)
    moved = await db["knowledge_edits"].update_one({"_id": wanted.id}, {"$set": fields})
    if not moved.matched_count and not await put_new(db["knowledge_edits"], {"_id": wanted.id} | fields):
        await db["knowledge_edits"].update_one({"_id": wanted.id}, {"$set": fields})


async def _move_edit(db: Database, wanted: KnowledgeEdit, expects: EditState | None) -> bool:
    """Propose an edit or decide on it; False if it is not (or no longer) as expected."""
    fields = _edit_fields(wanted)
    if expects is None:
        return await put_new(db["knowledge_edits"], {"_id": wanted.id} | fields)
    moved = await db["knowledge_edits"].update_one({"_id": wanted.id, "state": expects}, {"$set": fields})
    return moved.matched_count == 1


def _edit_fields(wanted: KnowledgeEdit) -> Document:
    return {name: getattr(wanted, name) for name in EDIT_COLUMNS} | {"body": wanted.model_dump_json()}


async def _write(
    db: Database, before: Document, found: Sequence[Document], carried: Mapping[str, str] = {}
) -> int | None:
    """A new revision of these entries; None if somebody else made one first."""
    after: Document = {"revision": before["revision"] + 1, "writer": secrets.token_hex(8)}
    copies = [{name: value for name, value in one.items() if name != "_id"} | after for one in found]
    if copies:
        await db["knowledge"].insert_many(copies)
    if not await _point(db, before, after | dict(carried)):
        return None
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
            ORIGINS.index(doc.origin) < ORIGINS.index(there["origin"])
            or (there["body"], there["origin"]) == (body, doc.origin)
        ):
            continue
        entries[doc.kind, doc.id] = _entry(doc, now)
        changed = True
    return changed


def _entry(doc: KnowledgeDoc, now: int) -> Document:
    body = json.dumps(doc.body, ensure_ascii=False, sort_keys=True)
    return {"kind": doc.kind, "id": doc.id, "origin": doc.origin, "changed_at": now, "body": body}


async def _point(db: Database, before: Document, after: Document) -> bool:
    if before is _NOTHING:
        return await put_new(db["meta"], {"_id": "knowledge"} | after)
    moved = await db["meta"].update_one({"_id": "knowledge", "revision": before["revision"]}, {"$set": after})
    return moved.matched_count == 1
