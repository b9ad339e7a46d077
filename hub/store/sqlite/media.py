"""Fetching what citizens attached: one job for each message that waits for content."""

import secrets
import sqlite3
from collections.abc import Sequence

from hub.model import Attachment, MediaJob, Message, Raw
from hub.store.sqlite.rows import MESSAGE_BODY, message_of, note_blobs, raw_of, touch


def want(c: sqlite3.Connection, message: Message, raw: Raw) -> None:
    """A new message: its attachments are to be fetched, if there is anything to fetch."""
    if any(attachment.wanted for attachment in message.attachments):
        c.execute("INSERT INTO media (message, raw, at) VALUES (?,?,?)", (message.id, raw.id, message.at))


def lease(c: sqlite3.Connection, now: int, until: int) -> MediaJob | None:
    token = secrets.token_hex(8)
    row = c.execute(
        "UPDATE media SET lease_token = ?, due_at = ?, attempts = attempts + 1 WHERE n ="
        " (SELECT n FROM media WHERE due_at <= ? ORDER BY at, n LIMIT 1) RETURNING *",
        (token, until, now),
    ).fetchone()
    if row is None:
        return None
    message = c.execute("SELECT * FROM messages WHERE id = ?", (row["message"],)).fetchone()
    raw = c.execute("SELECT * FROM raw WHERE id = ?", (row["raw"],)).fetchone()
    return MediaJob(message=message_of(message), raw=raw_of(raw), token=token, attempts=row["attempts"])


def settle(
    c: sqlite3.Connection, job: MediaJob, attachments: Sequence[Attachment], now: int, retry_at: int | None
) -> bool:
    held = (job.message.id, job.token)
    if retry_at is not None and any(attachment.wanted for attachment in attachments):
        done = c.execute(
            "UPDATE media SET due_at = ?, lease_token = NULL WHERE message = ? AND lease_token = ?",
            (retry_at, *held),
        )
    else:
        done = c.execute("DELETE FROM media WHERE message = ? AND lease_token = ?", held)
    if not done.rowcount:
        return False
    kept = message_of(c.execute("SELECT * FROM messages WHERE id = ?", (job.message.id,)).fetchone())
    message = kept.model_copy(update={"attachments": tuple(attachments)})
    if message != kept:
        c.execute(
            "UPDATE messages SET body = ? WHERE id = ?",
            (message.model_dump_json(include=MESSAGE_BODY, exclude_defaults=True), message.id),
        )
        note_blobs(c, message)
        touch(c, message.conversation, now)
    return True
