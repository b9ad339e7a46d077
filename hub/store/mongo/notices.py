"""Mails to agencies: written with the turn that decided them, leased by whoever sends."""

import secrets

from pymongo import ASCENDING

from hub.model import Notice, NoticeDelivery, NoticeJob
from hub.store.mongo.database import Database, Document

COLUMNS = ("ticket", "at", "due_at", "attempts", "lease_token", "body")


def document(notice: Notice) -> Document:
    return {
        "_id": notice.id,
        "ticket": notice.ticket,
        "at": notice.at,
        "due_at": notice.at,  # None: it is done
        "attempts": 0,
        "lease_token": None,
        "body": notice.model_dump_json(),
    }


async def lease(db: Database, *, now: int, until: int) -> NoticeJob | None:
    token = secrets.token_hex(8)
    before = await db["notices"].find_one_and_update(
        {"due_at": {"$lte": now}},
        {"$set": {"due_at": until, "lease_token": token}, "$inc": {"attempts": 1}},
        sort=[("due_at", ASCENDING), ("_id", ASCENDING)],
    )
    if before is None:
        return None
    return NoticeJob(notice=_notice(before), token=token, attempts=before["attempts"] + 1)


async def settle(
    db: Database,
    job: NoticeJob,
    delivery: NoticeDelivery,
    *,
    now: int,
    retry_at: int | None,
    error: str | None,
) -> bool:
    notice = job.notice.settled(delivery, now, error)
    fields = {"due_at": retry_at, "lease_token": None, "body": notice.model_dump_json()}
    done = await db["notices"].update_one({"_id": notice.id, "lease_token": job.token}, {"$set": fields})
    return done.matched_count == 1


async def fail(db: Database, notice: str, *, now: int, error: str) -> Notice | None:
    found = await db["notices"].find_one({"_id": notice})
    if found is None:
        return None
    failed = _notice(found).settled("failed", now, error)
    fields = {"due_at": None, "lease_token": None, "body": failed.model_dump_json()}
    await db["notices"].update_one({"_id": notice}, {"$set": fields})
    return failed


async def of_ticket(db: Database, ticket: str) -> list[Notice]:
    found = db["notices"].find({"ticket": ticket}).sort([("at", ASCENDING), ("_id", ASCENDING)])
    return [_notice(one) async for one in found]


def _notice(found: Document) -> Notice:
    return Notice.model_validate_json(found["body"])
