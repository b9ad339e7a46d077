"""Erasing a person: all of it in one transaction. What stays is decided in ``hub.store.people``."""

import sqlite3

from hub.model import OPEN_STATES, Turn
from hub.store.people import ERASED, erased_conversation, erased_message, erased_ticket, erased_turn
from hub.store.sqlite import blobs, search, tickets
from hub.store.sqlite.rows import (
    MESSAGE_BODY,
    conversation_of,
    message_of,
    touch,
)


def erase(c: sqlite3.Connection, conversation: str, now: int) -> bool:
    row = c.execute("SELECT * FROM conversations WHERE id = ?", (conversation,)).fetchone()
    if row is None:
        return False
    before = conversation_of(row)
    search.forget(c, conversation)
    after = erased_conversation(before)
    changed = (
        _settle(c, conversation)
        + _messages(c, conversation)
        + _turns(c, conversation)
        + _tickets(c, conversation, now)
        + c.execute("UPDATE events SET body = '' WHERE conversation = ? AND body <> ''", (conversation,)).rowcount
        + c.execute("DELETE FROM consents WHERE conversation = ?", (conversation,)).rowcount
        + c.execute("DELETE FROM reviews WHERE conversation = ?", (conversation,)).rowcount
        + _deliveries(c, conversation)
    )  # fmt: skip
    if not changed and after == before:
        return True
    c.execute(
        "UPDATE conversations SET sender = ?, name = NULL, person = NULL, contact = '{}', unreachable = NULL, dialogue = ?,"
        " owner = ?, operator = NULL, ticket = NULL, handled_seq = last_seq, staff_read_seq = last_seq,"
        # whoever still works on what was said must not bring it back
        " epoch = epoch + 1, lease_token = NULL, lease_until = 0, attempts = 0, due_at = NULL, first_due_at = NULL"
        " WHERE id = ?",
        (after.sender, after.dialogue.model_dump_json(), after.owner, conversation),
    )
    touch(c, conversation, now)
    search.compact(c)
    return True


def _settle(c: sqlite3.Connection, conversation: str) -> int:
    """Nobody waits any more, and nothing more is sent."""
    settled = c.execute(
        "UPDATE messages SET outcome = 'no_reply_due' WHERE conversation = :id AND author = 'citizen'"
        " AND (outcome IS NULL OR (outcome = 'answered' AND turn IN"
        " (SELECT turn FROM messages WHERE conversation = :id AND delivery IN ('queued', 'sending'))))",
        {"id": conversation},
    )
    stopped = c.execute(
        "UPDATE messages SET delivery = 'failed', lease_token = NULL, lease_until = 0"
        " WHERE conversation = ? AND delivery IN ('queued', 'sending')",
        (conversation,),
    )
    return settled.rowcount + stopped.rowcount


def _messages(c: sqlite3.Connection, conversation: str) -> int:
    rows = c.execute(
        "SELECT * FROM messages WHERE conversation = ? AND NOT erased", (conversation,)
    ).fetchall()
    for row in rows:
        left = erased_message(message_of(row))
        c.execute(
            "UPDATE messages SET text = NULL, error = NULL, body = ?, erased = 1 WHERE id = ?",
            (left.model_dump_json(include=MESSAGE_BODY, exclude_defaults=True), left.id),
        )
        c.execute("DELETE FROM media WHERE message = ?", (left.id,))
    blobs.forget(c, conversation)
    return len(rows)


def _turns(c: sqlite3.Connection, conversation: str) -> int:
    changed = 0
    for row in c.execute("SELECT id, body FROM turns WHERE conversation = ?", (conversation,)).fetchall():
        left = erased_turn(Turn.model_validate_json(row["body"])).model_dump_json()
        if left != row["body"]:
            c.execute("UPDATE turns SET body = ? WHERE id = ?", (left, row["id"]))
            changed += 1
    return changed


def _tickets(c: sqlite3.Connection, conversation: str, now: int) -> int:
    changed = 0
    for row in c.execute("SELECT * FROM tickets WHERE conversation = ?", (conversation,)).fetchall():
        ticket = tickets.ticket_of(c, row)
        left = erased_ticket(ticket, now)
        if left == ticket:
            continue
        c.execute("UPDATE ticket_events SET note = NULL WHERE ticket = ? AND note <> ?", (ticket.id, ERASED))
        if ticket.state in OPEN_STATES:
            tickets.add_event(c, ticket.id, left.history[-1])
        search.put_ticket(c, left)
        tickets.update(c, left, now if ticket.state in OPEN_STATES else row["changed_at"])
        changed += 1
    return changed


def _deliveries(c: sqlite3.Connection, conversation: str) -> int:
    """Their bodies go, of those not finished yet when they are. Where nobody else's words are in it, nothing is
    left to be finished: it would only bring something back."""
    mine = "SELECT raw FROM raw_conversations WHERE conversation = :id"
    changed = c.execute(
        f"UPDATE raw SET erased = 1, unfinished = unfinished AND EXISTS (SELECT 1 FROM raw_conversations"  # noqa: S608
        f" WHERE raw = raw.id AND conversation <> :id) WHERE id IN ({mine}) AND NOT erased",
        {"id": conversation},
    ).rowcount
    for row in c.execute(f"SELECT id FROM raw WHERE id IN ({mine})", {"id": conversation}).fetchall():  # noqa: S608
        forget_body(c, row["id"])
    return changed


def forget_body(c: sqlite3.Connection, raw: str) -> None:
    """Remove what a delivery held if that is erased, unless somebody still has to read it."""
    c.execute(
        "UPDATE raw SET body = x'', headers = '{}' WHERE id = ? AND erased AND state <> 'waits' AND NOT unfinished"
        " AND body <> x''",
        (raw,),
    )
