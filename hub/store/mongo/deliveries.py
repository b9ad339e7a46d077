"""The end of a delivery: ``waits`` → (``taken`` while effects of its events are carried out →) ``done`` or
``put_aside``. From ``done`` on nobody reads its body: if what it said is erased, the body goes with that very write.
"""

from collections.abc import AsyncIterator

from hub.model import Aside
from hub.store.mongo.database import Database, Document

OPEN = ["waits", "taken"]
_NO_BODY: Document = {"body": b"", "headers": "{}"}


async def finish(db: Database, raw: str, error: str | None = None) -> None:
    await move(db, raw, "taken", {"state": "done"} | ({"error": error} if error else {}))


async def move(db: Database, raw: str, state: str, fields: Document) -> None:
    """Bring a delivery from ``state`` to the one in ``fields``; nothing if it is in another by now."""
    at = {"_id": raw, "state": state}
    if fields["state"] in OPEN:
        await db["raw"].update_one(at, {"$set": fields})
        return
    moved = await db["raw"].update_one(at | {"erased": {"$ne": True}}, {"$set": fields})
    if not moved.matched_count and await db["raw"].find_one(at | {"erased": True}, {"_id": 1}) is not None:
        await _drop_parts(db, raw)
        await db["raw"].update_one(at, {"$set": fields | _NO_BODY})


async def erase(db: Database, raw: str, conversation: str) -> None:
    """Remove the body, or have it removed by whoever still works on it. Where nobody else's words are in it, nothing
    is left to be finished: it would only bring something back."""
    await db["raw"].update_one({"_id": raw}, {"$set": {"erased": True}})
    found = await db["raw"].find_one({"_id": raw}, {"state": 1, "conversations": 1})
    if found is None or found["state"] == "waits":
        return
    if found["state"] not in OPEN:
        await _drop_parts(db, raw)
        await db["raw"].update_one({"_id": raw}, {"$set": _NO_BODY})
    elif found["conversations"] == [conversation]:
        await finish(db, raw)


async def put_aside(db: Database, limit: int) -> list[Aside]:
    aside = {"error": {"$ne": None}, "state": {"$in": ["put_aside", "done"]}, "erased": {"$ne": True}}
    fields = {"channel": 1, "received_at": 1, "error": 1, "body": 1, "parts": 1}
    found = db["raw"].find(aside, fields).sort([("received_at", 1), ("order", 1)]).limit(limit)
    return [
        Aside(
            id=one["_id"], channel=one["channel"], received_at=one["received_at"], error=one["error"],
            size=len(one["body"]) + sum([len(part["body"]) async for part in _parts(db, one)]),
        )
        async for one in found
    ]  # fmt: skip


async def replay(db: Database, raw: str, now: int) -> bool:
    """What was never taken in waits anew; where only an effect failed, only the effects are done again."""
    again: Document = {"error": None, "lease_until": now}
    uncounted: Document = {"events": 0, "duplicates": 0, "refused": 0}
    for state, fields in (
        ("put_aside", again | uncounted | {"state": "waits"}),
        ("done", again | {"state": "taken"}),
    ):
        at = {"_id": raw, "state": state, "error": {"$ne": None}, "erased": {"$ne": True}}
        if (await db["raw"].update_one(at, {"$set": fields})).matched_count:
            return True
    return False


def _parts(db: Database, raw: Document) -> AsyncIterator[Document]:
    return aiter(db["raw_parts"].find({"_id": {"$gte": f"{raw['_id']}:", "$lt": f"{raw['_id']};"}}))


async def _drop_parts(db: Database, raw: str) -> None:
    await db["raw_parts"].delete_many({"_id": {"$gte": f"{raw}:", "$lt": f"{raw};"}})
