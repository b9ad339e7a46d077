"""What the editors should look at: one document per answer, looked at by question."""

from typing import Any

from pymongo import DESCENDING

from hub.model import ReviewGroup, ReviewItem, ReviewReason, ReviewState
from hub.store.mongo.database import Database, Document, put_new

#: Of an item; the whole of it is JSON in ``body``.
COLUMNS = ("key", "conversation", "state", "reason", "at")
_NEWEST = [("at", DESCENDING), ("_id", DESCENDING)]


def document(item: ReviewItem) -> Document:
    fields: Document = {name: getattr(item, name) for name in COLUMNS}
    return {"_id": item.id} | fields | {"body": item.model_dump_json()}


async def put(db: Database, item: ReviewItem) -> None:
    fields = {name: value for name, value in document(item).items() if name != "_id"}
    there = await db["reviews"].update_one({"_id": item.id}, {"$set": fields})
    if not there.matched_count and not await put_new(db["reviews"], {"_id": item.id} | fields):
        await db["reviews"].update_one({"_id": item.id}, {"$set": fields})


async def find(db: Database, wanted: dict[str, Any], limit: int) -> list[ReviewItem]:
    asked = {name: value for name, value in wanted.items() if value is not None}
    return [_item(one) async for one in db["reviews"].find(asked).sort(_NEWEST).limit(limit)]


async def groups(
    db: Database, state: ReviewState, reason: ReviewReason | None, limit: int
) -> list[ReviewGroup]:
    asked: Document = {"state": state} | ({"reason": reason} if reason else {})
    counted = {"$group": {"_id": "$key", "count": {"$sum": 1}, "at": {"$max": "$at"}}}
    found = await (await db["reviews"].aggregate([{"$match": asked}, counted])).to_list()
    found.sort(key=lambda one: (-one["count"], -one["at"], one["_id"]))
    grouped = []
    for one in found[:limit]:
        newest = await db["reviews"].find_one(asked | {"key": one["_id"]}, sort=_NEWEST)
        if newest is not None:  # else it was settled meanwhile
            wrong = await db["reviews"].count_documents(asked | {"key": one["_id"]} | {"reason": "wrong"})
            wrong = wrong if reason in (None, "wrong") else 0
            grouped.append(ReviewGroup(newest=_item(newest), count=one["count"], wrong=wrong))
    return grouped


async def settle(db: Database, key: str, state: ReviewState, by: str, now: int) -> int:
    those = {"$ne": "open"} if state == "open" else "open"
    settled = 0
    async for one in db["reviews"].find({"key": key, "state": those}):
        item = _item(one).model_copy(update={"state": state, "settled_by": by, "settled_at": now})
        fields = {"state": state, "body": item.model_dump_json()}
        written = await db["reviews"].update_one({"_id": item.id, "state": one["state"]}, {"$set": fields})
        settled += written.matched_count
    return settled


def _item(found: Document) -> ReviewItem:
    return ReviewItem.model_validate_json(found["body"])
