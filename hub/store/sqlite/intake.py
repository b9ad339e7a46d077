"""Taking in: one event becomes the next message of its conversation, once."""

import sqlite3

from hub.model import SPOKEN, Dialogue, Event, Message, Raw, conversation_id, message_id
from hub.ports import LONGEST_PAUSE_MS
from hub.store.sqlite.rows import insert_message, message_of, touch


def append(
    c: sqlite3.Connection, raw: Raw, event: Event, now: int, due_at: int
) -> tuple[Message | None, bool]:
    """Record one event. Returns its message (None for receipts and the like) and whether it was new."""
    id_ = message_id(event)
    conversation = conversation_id(event)
    c.execute(
        "INSERT INTO conversations (id, channel, account, key, sender, dialogue, created_at, touched_at)"
        " VALUES (?,?,?,?,?,?,?,?) ON CONFLICT (id) DO NOTHING",
        (
            conversation,
            event.channel,
            event.account,
            event.conversation,
            event.sender,
            Dialogue().model_dump_json(),
            raw.received_at,
            now,
        ),
    )
    if event.kind not in SPOKEN:
        new = c.execute(
            "INSERT INTO events (id, conversation, channel, kind, at, raw, body) VALUES (?,?,?,?,?,?,?)"
            " ON CONFLICT (id) DO NOTHING",
            (id_, conversation, event.channel, event.kind, raw.received_at, raw.id, event.model_dump_json()),
        ).rowcount
        return None, new == 1
    known = c.execute("SELECT * FROM messages WHERE id = ?", (id_,)).fetchone()
    if known is not None:
        return message_of(known), False
    row = c.execute("SELECT * FROM conversations WHERE id = ?", (conversation,)).fetchone()
    outcome = "no_reply_due" if event.automatic else "ticketed" if row["owner"] == "human" else None
    message = Message(
        id=id_,
        conversation=conversation,
        seq=row["last_seq"] + 1,
        author="citizen",
        kind=event.kind,
        text=event.text,
        attachments=event.attachments,
        at=raw.received_at,
        external_id=event.external_id,
        reply_to=event.reply_to,
        automatic=event.automatic,
        data=event.data,
        outcome=outcome,
    )
    insert_message(c, message)
    if outcome is None:  # a turn of the bot is due, soon after the citizen stops typing
        due = min(due_at, (row["first_due_at"] or due_at) + LONGEST_PAUSE_MS)
        c.execute(
            "UPDATE conversations SET due_at = ?, first_due_at = coalesce(first_due_at, ?) WHERE id = ?",
            (due, due_at, conversation),
        )
    elif outcome == "ticketed":
        c.execute("UPDATE conversations SET handled_seq = ? WHERE id = ?", (message.seq, conversation))
    c.execute("UPDATE conversations SET last_seq = ? WHERE id = ?", (message.seq, conversation))
    touch(c, conversation, now)
    return message, True
