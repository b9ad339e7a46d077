"""Erasing a person: what is to be erased is decided with the conversation, and carried out as one of its effects.
What stays is decided in ``hub.store.people``."""

from pymongo import ASCENDING

from hub.model import OPEN_STATES
from hub.store.mongo import blobs, deliveries
from hub.store.mongo.database import Database, Document
from hub.store.mongo.documents import (
    MESSAGE_BODY,
    message_of,
    turn_of,
)
from hub.store.mongo.tickets import event_document, ticket_fields, ticket_of
from hub.store.people import erased_message, erased_ticket, erased_turn

_UNSENT = ["queued", "sending"]
_LEFT = {"erased": {"$ne": True}}


async def to_erase(db: Database, conversation: Document, now: int) -> Document | None:
    """The effect, or None if all is erased. It names what is there now: carried out late, it must not touch what the
    person said afterwards."""
    id_ = conversation["_id"]
    of = {"conversation": id_}
    raws = {
        *await db["messages"].distinct("raw", of | {"author": "citizen"}),
        *await db["events"].distinct("raw", of),
        *await db["raw"].distinct("_id", {"conversations": id_}),
    }
    lists = {
        "messages": await _ids(db, "messages", of | _LEFT),
        "events": await _ids(db, "events", of | {"body": {"$ne": ""}}),
        "turns": [t["_id"] async for t in db["turns"].find(of) if turn_of(t) != erased_turn(turn_of(t))],
        "tickets": [
            t["_id"] async for t in db["tickets"].find(of) if ticket_of(t) != erased_ticket(ticket_of(t), now)
        ],
        "reviews": await _ids(db, "reviews", of),
        "raws": await _ids(db, "raw", {"_id": {"$in": sorted(raws)}} | _LEFT),
    }
    if not any(lists.values()):
        return None
    unsent = await db["messages"].distinct("turn", of | {"delivery": {"$in": _UNSENT}})
    return {
        "do": "erase", "conversation": id_, "id": f"{id_}:{conversation['revision']}", "at": now,
        "upto": conversation["last_seq"], "unsent": unsent,
    } | lists  # fmt: skip


async def carry_out(db: Database, effect: Document) -> None:
    await _settle(db, effect)
    for message in effect["messages"]:
        await _erase_message(db, effect, message)
    await db["events"].update_many({"_id": {"$in": effect["events"]}}, {"$set": {"body": ""}})
    await db["reviews"].delete_many({"_id": {"$in": effect.get("reviews", [])}})
    for turn in effect["turns"]:
        kept = await db["turns"].find_one({"_id": turn})
        if kept is not None:
            left = erased_turn(turn_of(kept)).model_dump_json()
            await db["turns"].update_one({"_id": turn}, {"$set": {"body": left}})
    for ticket in effect["tickets"]:
        await _erase_ticket(db, effect, ticket)
    for raw in effect["raws"]:
        await deliveries.erase(db, raw, effect["conversation"])


async def _ids(db: Database, collection: str, filter_: Document) -> list[str]:
    return [one["_id"] async for one in db[collection].find(filter_, {"_id": 1}).sort("_id", ASCENDING)]


async def _settle(db: Database, effect: Document) -> None:
    """Nobody waits any more, nothing more is sent, and nothing more is fetched."""
    messages = db["messages"]
    of: Document = {"conversation": effect["conversation"], "seq": {"$lte": effect["upto"]}}
    for waited in ({"outcome": None}, {"outcome": "answered", "turn": {"$in": effect["unsent"]}}):
        await messages.update_many(
            of | {"author": "citizen"} | waited, {"$set": {"outcome": "no_reply_due"}}
        )  # fmt: skip
    await messages.update_many(
        of | {"delivery": {"$in": _UNSENT}},
        {"$set": {"delivery": "failed", "lease_token": None}, "$unset": {"unsent_at": ""}},
    )
    await messages.update_many(of | {"media": {"$exists": True}}, {"$unset": {"media": ""}})


async def _erase_message(db: Database, effect: Document, message: str) -> None:
    kept = await db["messages"].find_one({"_id": message} | _LEFT)
    if kept is None:
        return
    for blob in kept.get("blobs", []):  # before the message forgets which: then it can be done again
        elsewhere = [{"conversation": {"$ne": effect["conversation"]}}, {"seq": {"$gt": effect["upto"]}}]
        if await db["messages"].find_one({"blobs": blob, "$or": elsewhere}, {"_id": 1}) is None:
            await blobs.drop(db, blob)
    left = erased_message(message_of(kept)).model_dump_json(include=MESSAGE_BODY, exclude_defaults=True)
    await db["messages"].update_one(
        {"_id": message},
        {
            "$set": {"text": None, "body": left, "error": None, "erased": True, "words": []},
            "$unset": {"attachments": "", "blobs": ""},
        },
    )


async def _erase_ticket(db: Database, effect: Document, ticket: str) -> None:
    kept = await db["tickets"].find_one({"_id": ticket, "erasures": {"$ne": effect["id"]}})
    if kept is None:
        return
    left = erased_ticket(ticket_of(kept), effect["at"])
    history = [event_document(event) for event in left.history]
    for event, before in zip(history, kept["history"], strict=False):
        event |= {"turn": before["turn"]} if "turn" in before else {}
    changed_at = effect["at"] if kept["state"] in OPEN_STATES else kept["changed_at"]
    fields = ticket_fields(left, changed_at) | {"history": history}
    await db["tickets"].update_one(
        {"_id": ticket, "erasures": {"$ne": effect["id"]}},
        {"$set": fields, "$push": {"erasures": effect["id"]}},
    )
