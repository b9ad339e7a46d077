"""Documents to types and back. What is only read whole is kept as JSON text: any key, any number, any depth."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from bson import ObjectId

from hub.model import (
    Attachment,
    Conversation,
    Dialogue,
    Draft,
    Event,
    KnowledgeDoc,
    Message,
    Raw,
    Staff,
    Turn,
    derived_id,
)
from hub.store.mongo.database import Document
from hub.store.search import message_words, person_words

MESSAGE_BODY = {
    "author_id", "kind", "buttons", "attachments", "private", "knowledge", "reply_to", "automatic", "data",
}  # fmt: skip
MESSAGE_COLUMNS = tuple(name for name in Message.model_fields if name not in MESSAGE_BODY | {"id"})
CONVERSATION_COLUMNS = tuple(
    name for name in Conversation.model_fields if name not in ("id", "contact", "dialogue")
)


def day_of(at: int) -> str:
    """The day in Vietnam."""
    return (datetime.fromtimestamp(at / 1000, UTC) + timedelta(hours=7)).strftime("%Y-%m-%d")


def raw_document(raw: Raw) -> Document:
    return {
        "_id": raw.id,
        "order": ObjectId(),  # grows within a process: the order of deliveries of one millisecond
        "channel": raw.channel,
        "received_at": raw.received_at,
        "body": raw.body,
        "headers": json.dumps(raw.headers),
        "state": "waits",
        "lease_until": 0,
        "events": 0,
        "duplicates": 0,
        "refused": 0,
        "error": None,
    }


def raw_of(document: Document) -> Raw:
    return Raw(
        id=document["_id"],
        channel=document["channel"],
        received_at=document["received_at"],
        body=bytes(document["body"]),
        headers=json.loads(document["headers"]),
    )


def new_conversation(id_: str, event: Event, raw: Raw, now: int) -> Document:
    conversation = Conversation(
        id=id_,
        channel=event.channel,
        account=event.account,
        key=event.conversation,
        sender=event.citizen,
        created_at=raw.received_at,
        touched_at=now,
    )
    return {
        "_id": id_,
        **{name: getattr(conversation, name) for name in CONVERSATION_COLUMNS},
        "contact": "{}",
        "words": person_words(conversation),
        "dialogue": conversation.dialogue.model_dump_json(),
        "waiting": [],  # numbers of the citizen's messages without an outcome
        "due_at": None,
        "first_due_at": None,
        "lease_token": None,
        "lease_until": 0,
        "attempts": 0,
        "told": None,  # the last settled send that has been counted in version
        "revision": 0,  # grows with every write whatever: what a change is conditional on
    }


def conversation_of(document: Document) -> Conversation:
    fields = {name: document[name] for name in CONVERSATION_COLUMNS if name in document}
    return Conversation(
        id=document["_id"],
        **fields,
        contact=json.loads(document.get("contact", "{}")),
        dialogue=Dialogue.model_validate_json(document["dialogue"]),
    )


def person_fields(conversation: Conversation) -> Document:
    """What is known of the person."""
    return {
        "sender": conversation.sender,
        "person": conversation.person,
        "name": conversation.name,
        "contact": json.dumps(conversation.contact, ensure_ascii=False),
        "interacted_at": conversation.interacted_at,
        "unreachable": conversation.unreachable,
        "words": person_words(conversation),
    }


def message_document(message: Message, channel: str) -> Document:
    document = {
        "_id": message.id,
        **{name: getattr(message, name) for name in MESSAGE_COLUMNS},
        "body": message.model_dump_json(include=MESSAGE_BODY, exclude_defaults=True),
        "channel": channel,
        "day": day_of(message.at),
        "words": message_words(message),
    }
    if message.delivery == "queued":
        document |= {"unsent_at": 0, "lease_token": None, "attempts": 0, "error": None}
    if message.author == "citizen" and any(attachment.wanted for attachment in message.attachments):
        document["media"] = {"at": message.at, "due_at": 0, "token": None, "attempts": 0}
    return document | blobs_shown(message.attachments)


def blobs_shown(attachments: Sequence[Attachment]) -> Document:
    """The field by which it is found what shows a blob."""
    blobs = [attachment.blob for attachment in attachments if attachment.blob]
    return {"blobs": blobs} if blobs else {}


def fetched(attachments: Sequence[Attachment]) -> Document:
    """A message's fields once something became of its attachments: they replace those in ``body``."""
    kept = [attachment.model_dump(exclude_defaults=True) for attachment in attachments]
    return {"attachments": json.dumps(kept, ensure_ascii=False)} | blobs_shown(attachments)


def message_of(document: Document) -> Message:
    columns = {name: document[name] for name in MESSAGE_COLUMNS}
    body = json.loads(document["body"])
    if "attachments" in document:
        body["attachments"] = json.loads(document["attachments"])
    return Message(id=document["_id"], **columns, **body)


def reply(turn: Turn, place: int, draft: Draft, seq: int) -> Message:
    return Message(
        id=derived_id("m", turn.id, str(place)),
        conversation=turn.conversation,
        seq=seq,
        author=turn.author_of(draft),
        author_id=turn.actor_id,
        text=draft.text,
        buttons=draft.buttons,
        attachments=draft.attachments,
        internal=draft.internal,
        private=draft.private,
        knowledge=draft.knowledge,
        data=draft.data,
        at=turn.at,
        external_id=draft.said_elsewhere,
        reply_to=draft.reply_to,
        delivery=None if draft.internal else "sent" if draft.said_elsewhere else "queued",
        turn=turn.id,
    )


def turn_document(turn: Turn) -> Document:
    return {
        "_id": turn.id,
        "conversation": turn.conversation,
        "at": turn.at,
        "body": turn.model_dump_json(),
    }


def turn_of(document: Document) -> Turn:
    return Turn.model_validate_json(document["body"])


def knowledge_of(document: Document) -> KnowledgeDoc:
    return KnowledgeDoc(
        kind=document["kind"], id=document["id"], origin=document["origin"], body=json.loads(document["body"])
    )


def staff_of(document: Document) -> Staff:
    return Staff.model_validate_json(document["body"])
