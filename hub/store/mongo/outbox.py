"""The outbox: a message with ``unsent_at`` is unfinished, and may be sent from that time on."""

import secrets

from hub.model import FINAL, Delivery, Outgoing
from hub.store.mongo.database import Database, Document
from hub.store.mongo.documents import conversation_of, message_of
from hub.store.mongo.journal import Change, Journal, mark_outbound, touched


async def lease(db: Database, journal: Journal, *, now: int, until: int, limit: int) -> list[Outgoing]:
    """Only the first unfinished message of a conversation may go. What was before it is finished for good, so the
    lease of that one document needs to look at nothing else."""
    heads = await db["messages"].aggregate(
        [
            {"$match": {"unsent_at": {"$exists": True}}},
            {"$project": {"conversation": 1, "seq": 1, "unsent_at": 1, "at": 1}},
            {"$sort": {"conversation": 1, "seq": 1}},
            {
                "$group": {
                    "_id": "$conversation",
                    "message": {"$first": "$_id"},
                    "unsent_at": {"$first": "$unsent_at"},
                    "at": {"$first": "$at"},
                }
            },
            {"$match": {"unsent_at": {"$lte": now}}},
            {"$sort": {"at": 1, "_id": 1}},
        ]
    )
    leased: list[Outgoing] = []
    async for head in heads:
        if len(leased) == limit:
            break
        token = secrets.token_hex(8)
        before = await db["messages"].find_one_and_update(
            {"_id": head["message"], "unsent_at": {"$lte": now}},
            {
                "$set": {"delivery": "sending", "lease_token": token, "unsent_at": until},
                "$inc": {"attempts": 1},
            },
        )
        if before is None:  # another sender was faster
            continue
        conversation = await journal.read(before["conversation"])
        if conversation is not None:
            leased.append(
                Outgoing(
                    message=message_of(before),
                    conversation=conversation_of(conversation),
                    token=token,
                    attempts=before["attempts"] + 1,
                    interrupted=before["delivery"] == "sending",
                )
            )
    return leased


async def settle(
    db: Database,
    journal: Journal,
    item: Outgoing,
    delivery: Delivery,
    *,
    now: int,
    retry_at: int | None,
    external_id: str | None,
    error: str | None,
) -> bool:
    fields: Document = {"delivery": delivery, "error": error, "lease_token": None}
    if external_id is not None:
        fields["external_id"] = external_id
    update: Document = {"$set": fields}
    if delivery in FINAL:
        fields["untold"] = {"token": item.token, "at": now}
        update["$unset"] = {"unsent_at": ""}
    else:
        fields["unsent_at"] = retry_at or 0
    messages = db["messages"]
    settled = await messages.update_one({"_id": item.message.id, "lease_token": item.token}, update)
    if settled.matched_count and delivery not in FINAL:
        return True
    # Also when this very call was cut short before, and is made again: then only the telling is left.
    told = await journal.tell_of(item.message.id, item.token)
    return settled.matched_count == 1 or told


async def mark_delivered(
    db: Database, journal: Journal, conversation: str, upto_seq: int, delivery: Delivery, *, now: int
) -> None:
    marked = ["sent"] if delivery == "delivered" else ["sent", "delivered"]

    async def decide(document: Document | None) -> tuple[Change | None, None]:
        if document is None:
            return None, None
        found = db["messages"].find(
            {"conversation": conversation, "seq": {"$lte": upto_seq}, "delivery": {"$in": marked}}, {"_id": 1}
        )
        messages = [message["_id"] async for message in found]
        fields = _read_up_to(document, "citizen_read_seq", upto_seq) if delivery == "read" else {}
        if not messages and not fields:
            return None, None
        return Change(now, fields | touched(document, now), [mark_outbound(messages, marked, delivery)]), None

    await journal.change(conversation, decide)


async def mark_staff_read(journal: Journal, conversation: str, upto_seq: int, *, now: int) -> None:
    async def decide(document: Document | None) -> tuple[Change | None, None]:
        fields = _read_up_to(document, "staff_read_seq", upto_seq) if document is not None else {}
        if document is None or not fields:
            return None, None
        return Change(now, fields | touched(document, now)), None

    await journal.change(conversation, decide)


def _read_up_to(document: Document, field: str, upto_seq: int) -> Document:
    seq = min(upto_seq, document["last_seq"])
    return {field: seq} if document[field] < seq else {}
