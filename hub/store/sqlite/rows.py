"""Rows to types and back."""

import json
import sqlite3

from hub.model import Conversation, Dialogue, KnowledgeDoc, Message, Raw, Staff

#: Fields of a message that are read only with the whole message: kept together as JSON.
MESSAGE_BODY = {
    "author_id", "kind", "buttons", "attachments", "private", "knowledge", "reply_to", "automatic", "data",
}  # fmt: skip


def raw_of(row: sqlite3.Row) -> Raw:
    return Raw(
        id=row["id"],
        channel=row["channel"],
        received_at=row["received_at"],
        body=row["body"],
        headers=json.loads(row["headers"]),
    )


def conversation_of(row: sqlite3.Row) -> Conversation:
    fields = {name: row[name] for name in Conversation.model_fields if name not in ("contact", "dialogue")}
    return Conversation(
        **fields,
        contact=json.loads(row["contact"]),
        dialogue=Dialogue.model_validate_json(row["dialogue"]),
    )


def message_of(row: sqlite3.Row) -> Message:
    return Message(
        id=row["id"],
        conversation=row["conversation"],
        seq=row["seq"],
        author=row["author"],
        at=row["at"],
        text=row["text"],
        internal=bool(row["internal"]),
        outcome=row["outcome"],
        turn=row["turn"],
        delivery=row["delivery"],
        external_id=row["external_id"],
        **json.loads(row["body"]),
    )


def insert_message(connection: sqlite3.Connection, message: Message) -> bool:
    """Add a message at its place; False if its id is known already."""
    cursor = connection.execute(
        "INSERT INTO messages (conversation, seq, id, author, at, text, internal, outcome, turn, delivery,"
        " external_id, body) VALUES (?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT (id) DO NOTHING",
        (
            message.conversation,
            message.seq,
            message.id,
            message.author,
            message.at,
            message.text,
            message.internal,
            message.outcome,
            message.turn,
            message.delivery,
            message.external_id,
            message.model_dump_json(include=MESSAGE_BODY, exclude_defaults=True),
        ),
    )
    new = cursor.rowcount == 1
    if new and message.attachments:
        note_blobs(connection, message)
    return new


def note_blobs(connection: sqlite3.Connection, message: Message) -> None:
    """Keep in mind what this message shows."""
    shown = [(message.conversation, attachment.blob) for attachment in message.attachments if attachment.blob]
    if shown:
        connection.executemany("INSERT OR IGNORE INTO blob_uses (conversation, blob) VALUES (?,?)", shown)


def knowledge_of(row: sqlite3.Row) -> KnowledgeDoc:
    return KnowledgeDoc(kind=row["kind"], id=row["id"], origin=row["origin"], body=json.loads(row["body"]))


def staff_of(row: sqlite3.Row) -> Staff:
    return Staff.model_validate_json(row["body"])


def touch(c: sqlite3.Connection, conversation: str, now: int) -> None:
    """Every change to a conversation moves its version: live pages and other processes look for that."""
    c.execute(
        "UPDATE conversations SET touched_at = max(touched_at, ?), version = version + 1 WHERE id = ?",
        (now, conversation),
    )
