"""Fetching what citizens attached: a message with ``media`` waits for content, and may be leased from its ``due_at``
on. What came of it is kept apart from the message's ``body``, which others change at the same time."""

import secrets
from collections.abc import Sequence

from pymongo import ASCENDING

from hub.model import Attachment, MediaJob
from hub.store.mongo.database import Database, Document
from hub.store.mongo.documents import fetched, message_of
from hub.store.mongo.intake import whole_raw
from hub.store.mongo.journal import Journal


async def lease(db: Database, *, now: int, until: int) -> MediaJob | None:
    token = secrets.token_hex(8)
    before = await db["messages"].find_one_and_update(
        {"media.at": {"$gte": 0}, "media.due_at": {"$lte": now}},
        {"$set": {"media.due_at": until, "media.token": token}, "$inc": {"media.attempts": 1}},
        sort=[("media.at", ASCENDING)],
    )
    if before is None:
        return None
    raw = await db["raw"].find_one({"_id": before["raw"]})
    assert raw is not None  # noqa: S101 - told to the type checker: deliveries stay
    return MediaJob(
        message=message_of(before),
        raw=await whole_raw(db, raw),
        token=token,
        attempts=before["media"]["attempts"] + 1,
    )


async def settle(
    db: Database,
    journal: Journal,
    job: MediaJob,
    attachments: Sequence[Attachment],
    *,
    now: int,
    retry_at: int | None,
) -> bool:
    fields: Document = {}
    update: Document = {}
    if tuple(attachments) != job.message.attachments:  # which nobody else may change
        fields |= fetched(attachments) | {"untold": {"token": job.token, "at": now}}
    if retry_at is not None and any(attachment.wanted for attachment in attachments):
        fields |= {"media.due_at": retry_at, "media.token": None}
    else:
        update["$unset"] = {"media": ""}
    if fields:
        update["$set"] = fields
    settled = await db["messages"].update_one({"_id": job.message.id, "media.token": job.token}, update)
    told = await journal.tell_of(job.message.id, job.token)
    return settled.matched_count == 1 or told
