"""What becomes known of messages and people after they spoke: edits, echoes, names, consents, erasure."""

import secrets
from collections.abc import Mapping
from typing import Any

from pymongo import ASCENDING

from hub.errors import NotFound
from hub.model import Consent, Conversation, Message, derived_id
from hub.store.mongo import erasing
from hub.store.mongo.database import Database, Document
from hub.store.mongo.documents import MESSAGE_BODY, conversation_of, message_of, person_fields
from hub.store.mongo.journal import Change, Journal, touched
from hub.store.people import amended, erased_conversation, noted
from hub.store.search import message_words


async def message(db: Database, id_: str) -> Message | None:
    found = await db["messages"].find_one({"_id": id_})
    return message_of(found) if found else None


async def message_by_external(
    db: Database, channel: str, account: str, external_id: str
) -> Message | None:  # fmt: skip
    inbound = await message(db, derived_id("m", channel, account, external_id))
    if inbound is not None:
        return inbound
    said = db["messages"].find(
        {"external_id": external_id, "author": {"$ne": "citizen"}, "channel": channel}
    )  # fmt: skip
    async for document in said.sort([("conversation", ASCENDING), ("seq", ASCENDING)]):
        of = {"_id": document["conversation"], "account": account}
        if await db["conversations"].find_one(of, {"_id": 1}) is not None:
            return message_of(document)
    return None


async def confirm_sent(db: Database, journal: Journal, id_: str, *, external_id: str, now: int) -> bool:
    token = secrets.token_hex(8)
    fields = {"external_id": external_id, "lease_token": None, "untold": {"token": token, "at": now}}
    nameless: Document = {"_id": id_, "external_id": None}
    seen = ["delivered", "read"]
    for delivery, update in (
        ({"$nin": [None, *seen]}, {"$set": fields | {"delivery": "sent"}, "$unset": {"unsent_at": ""}}),
        ({"$in": seen}, {"$set": fields}),  # it got there while we looked: a message never goes back from it
    ):
        confirmed = await db["messages"].update_one(nameless | {"delivery": delivery}, update)
        if confirmed.matched_count:
            await journal.tell_of(id_, token)
            return True
    return False


async def amend(
    db: Database, journal: Journal, id_: str, text: str | None, data: Mapping[str, Any], now: int
) -> Message | None:
    while True:  # until nobody else changed it meanwhile
        kept = await db["messages"].find_one({"_id": id_})
        if kept is None:
            return None
        if "untold" in kept:  # another change, not counted yet: ours must not take its place
            await journal.tell(kept)
            continue
        before = message_of(kept)
        after = amended(before, text, data)
        if kept.get("erased") or after == before:
            return before
        token = secrets.token_hex(8)
        body = after.model_dump_json(include=MESSAGE_BODY, exclude_defaults=True)
        written = await db["messages"].update_one(
            {
                "_id": id_,
                "text": kept["text"],
                "body": kept["body"],
                "erased": {"$ne": True},
                "untold": {"$exists": False},
            },
            {
                "$set": {
                    "text": after.text,
                    "body": body,
                    "words": message_words(after),
                    "untold": {"token": token, "at": now},
                }
            },
        )
        if written.matched_count:
            await journal.tell_of(id_, token)
            return after


async def note(journal: Journal, conversation: str, now: int, **what: Any) -> bool:
    """``what`` is as for ``hub.store.people.noted``."""

    async def decide(document: Document | None) -> tuple[Change | None, bool]:
        if document is None:
            return None, False
        before = conversation_of(document)
        after = noted(before, **what)
        if after == before:
            return None, True
        return Change(now, person_fields(after) | touched(document, now)), True

    return await journal.change(conversation, decide)


async def erase(db: Database, journal: Journal, conversation: str, now: int) -> bool:
    async def decide(document: Document | None) -> tuple[Change | None, bool]:
        if document is None:
            return None, False
        before = conversation_of(document)
        after = erased_conversation(before)
        effect = await erasing.to_erase(db, document, now)
        if effect is None and after == before and not document.get("consents"):
            return None, True
        return Change(now, _blank(document, after) | touched(document, now), [effect] if effect else []), True

    return await journal.change(conversation, decide)


def _blank(document: Document, after: Conversation) -> Document:
    kept = ("owner", "operator", "ticket", "handled_seq", "staff_read_seq")
    return person_fields(after) | {name: getattr(after, name) for name in kept} | {
        "dialogue": after.dialogue.model_dump_json(),
        "consents": [],
        "waiting": [],
        "due_at": None,
        "first_due_at": None,
        # whoever still works on what was said must not bring it back
        "epoch": document["epoch"] + 1,
        "lease_token": None,
        "lease_until": 0,
        "attempts": 0,
    }  # fmt: skip


async def put_consent(journal: Journal, consent: Consent) -> None:
    async def decide(document: Document | None) -> tuple[Change | None, None]:
        if document is None:
            raise NotFound(f"no conversation {consent.conversation}")
        given = {one.id: one for one in _consents(document)}
        if given.get(consent.id) == consent:
            return None, None
        given[consent.id] = consent
        kept = [one.model_dump_json() for one in given.values()]
        return Change(consent.agreed_at, {"consents": kept}), None

    await journal.change(consent.conversation, decide)


async def consents(db: Database, conversation: str) -> list[Consent]:
    document = await db["conversations"].find_one({"_id": conversation}, {"consents": 1})
    return sorted(_consents(document or {}), key=lambda consent: consent.agreed_at)


def _consents(document: Document) -> list[Consent]:
    return [Consent.model_validate_json(one) for one in document.get("consents", [])]
