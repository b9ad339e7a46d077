"""Taking in: one event becomes the next message of its conversation, once."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from hub.model import SPOKEN, Aside, Dialogue, Event, Intake, Message, Raw, conversation_id, message_id
from hub.ports import LONGEST_PAUSE_MS
from hub.store.sqlite.erasing import forget_body
from hub.store.sqlite.media import want
from hub.store.sqlite.rows import insert_message, message_of

#: Only what a new message needs or changes of its conversation: the dialogue is large and not read here.
FIND = "SELECT owner, sender, last_seq, handled_seq, due_at, first_due_at FROM conversations WHERE id = ?"
BEGIN = (
    "INSERT INTO conversations (id, channel, account, key, sender, dialogue, created_at, touched_at)"
    " VALUES (?,?,?,?,?,?,?,?) RETURNING owner, sender, last_seq, handled_seq, due_at, first_due_at"
)

REPLAY = (
    "UPDATE raw SET state = 'waits', events = 0, duplicates = 0, refused = 0, error = NULL, lease_until = ?"
    " WHERE id = ? AND state = 'put_aside' AND length(body) > 0",
    "UPDATE raw SET unfinished = 1, error = NULL, lease_until = ?"
    " WHERE id = ? AND state = 'done' AND error IS NOT NULL AND NOT unfinished AND length(body) > 0",
)


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of one event."""

    conversation: str
    new: bool
    message: Message | None = None  # None for receipts and the like
    erased: bool = False  # it is known, but what it said must not come back


def take_in(
    c: sqlite3.Connection,
    raw: Raw,
    events: Sequence[Event],
    *,
    refused: int,
    error: str | None,
    now: int,
    due_at: int,
    finished: bool,
) -> Intake:
    taken = [append(c, raw, event, now, due_at) for event in events]
    fresh = sum(one.new for one in taken)
    intake = Intake(
        raw=raw.id,
        events=fresh,
        duplicates=len(events) - fresh,
        refused=refused,
        messages=tuple(one.message for one in taken if one.message is not None),
        error=error,
    )
    for conversation in {one.conversation for one in taken}:
        c.execute(
            "INSERT OR IGNORE INTO raw_conversations (conversation, raw) VALUES (?,?)", (conversation, raw.id)
        )
    row = c.execute(  # a delivery parsed a second time, after its worker was thought dead, is counted once
        "UPDATE raw SET state = ?, unfinished = ?, events = ?, duplicates = ?, refused = ?, error = ?"
        " WHERE id = ? AND state = 'waits' RETURNING erased",
        (
            "put_aside" if error else "done",
            not (finished or error),
            fresh,
            intake.duplicates,
            refused,
            error,
            raw.id,
        ),
    ).fetchone()
    if row is None:
        if finished:
            c.execute(
                "UPDATE raw SET unfinished = 0, error = coalesce(?, error) WHERE id = ? AND unfinished",
                (error, raw.id),
            )
        row = c.execute("SELECT erased FROM raw WHERE id = ?", (raw.id,)).fetchone()
    if any(one.erased for one in taken):
        c.execute("UPDATE raw SET erased = 1 WHERE id = ?", (raw.id,))
        forget_body(c, raw.id)
    elif row is not None and row["erased"]:
        forget_body(c, raw.id)
    return intake


def finish(c: sqlite3.Connection, raw: str) -> None:
    c.execute("UPDATE raw SET unfinished = 0 WHERE id = ?", (raw,))
    forget_body(c, raw)


def postpone(c: sqlite3.Connection, raw: str, until: int) -> None:
    c.execute("UPDATE raw SET lease_until = ? WHERE id = ? AND unfinished = 1", (until, raw))


def put_aside(c: sqlite3.Connection, limit: int) -> list[Aside]:
    rows = c.execute(
        "SELECT id, channel, received_at, length(body) AS size, error FROM raw"
        " WHERE error IS NOT NULL AND length(body) > 0 AND NOT unfinished AND state <> 'waits' ORDER BY n LIMIT ?",
        (limit,),
    )
    return [Aside.model_validate(dict(row)) for row in rows]


def replay(c: sqlite3.Connection, raw: str, now: int) -> bool:
    """What was never taken in waits anew; where only an effect failed, only the effects are done again."""
    return any(c.execute(sql, (now, raw)).rowcount for sql in REPLAY)


def append(c: sqlite3.Connection, raw: Raw, event: Event, now: int, due_at: int) -> Taken:
    """Record one event."""
    id_ = message_id(event)
    conversation = conversation_id(event)
    row = c.execute(FIND, (conversation,)).fetchone()
    if row is None:
        row = c.execute(
            BEGIN,
            (
                conversation,
                event.channel,
                event.account,
                event.conversation,
                event.citizen,
                Dialogue().model_dump_json(),
                raw.received_at,
                now,
            ),
        ).fetchone()
    if event.kind not in SPOKEN:
        new = c.execute(
            "INSERT INTO events (id, conversation, channel, kind, at, raw, body) VALUES (?,?,?,?,?,?,?)"
            " ON CONFLICT (id) DO NOTHING",
            (id_, conversation, event.channel, event.kind, raw.received_at, raw.id, event.model_dump_json()),
        ).rowcount
        kept = c.execute("SELECT conversation, body FROM events WHERE id = ?", (id_,)).fetchone()
        return Taken(kept["conversation"], new == 1, erased=not kept["body"])
    outcome = "no_reply_due" if not event.due else "ticketed" if row["owner"] == "human" else None
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
    if not insert_message(c, message):
        known = c.execute("SELECT * FROM messages WHERE id = ?", (id_,)).fetchone()
        return Taken(known["conversation"], False, message_of(known), bool(known["erased"]))
    want(c, message, raw)
    due, first_due = row["due_at"], row["first_due_at"]
    if outcome is None:  # a turn of the bot is due, soon after the citizen stops typing
        first_due = first_due or due_at
        due = min(due_at, first_due + LONGEST_PAUSE_MS)
    c.execute(  # one statement: this is what every message costs
        "UPDATE conversations SET last_seq = ?, handled_seq = ?, due_at = ?, first_due_at = ?,"
        " interacted_at = max(coalesce(interacted_at, 0), ?), sender = ?, unreachable = NULL,"
        " touched_at = max(touched_at, ?), version = version + 1 WHERE id = ?",
        (
            message.seq,
            message.seq if outcome == "ticketed" else row["handled_seq"],
            due,
            first_due,
            min(event.sent_at or raw.received_at, raw.received_at),
            row["sender"] or event.sender,  # empty: a person who was erased
            now,
            conversation,
        ),
    )
    return Taken(conversation, True, message)
