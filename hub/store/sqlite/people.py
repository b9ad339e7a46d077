"""What becomes known of messages and people after they spoke: edits, echoes, names, consents."""

import json
import sqlite3
from collections.abc import Mapping
from typing import Any

from hub.errors import NotFound
from hub.model import Consent, Message, derived_id
from hub.store.people import amended, noted
from hub.store.sqlite import search
from hub.store.sqlite.rows import MESSAGE_BODY, conversation_of, message_of, touch


def message(c: sqlite3.Connection, id_: str) -> Message | None:
    row = c.execute("SELECT * FROM messages WHERE id = ?", (id_,)).fetchone()
    return message_of(row) if row else None


def message_by_external(
    c: sqlite3.Connection, channel: str, account: str, external_id: str
) -> Message | None:
    inbound = message(c, derived_id("m", channel, account, external_id))
    if inbound is not None:
        return inbound
    row = c.execute(
        "SELECT m.* FROM messages m JOIN conversations c ON c.id = m.conversation WHERE m.external_id = ?"
        " AND m.author <> 'citizen' AND c.channel = ? AND c.account = ? ORDER BY m.conversation, m.seq LIMIT 1",
        (external_id, channel, account),
    ).fetchone()
    return message_of(row) if row else None


def confirm_sent(c: sqlite3.Connection, id_: str, external_id: str, now: int) -> bool:
    row = c.execute(
        "UPDATE messages SET external_id = ?, lease_token = NULL, lease_until = 0,"
        " delivery = CASE WHEN delivery IN ('delivered', 'read') THEN delivery ELSE 'sent' END"
        " WHERE id = ? AND delivery IS NOT NULL AND external_id IS NULL RETURNING conversation",
        (external_id, id_),
    ).fetchone()
    if row is not None:
        touch(c, row["conversation"], now)
    return row is not None


def amend(
    c: sqlite3.Connection, id_: str, text: str | None, data: Mapping[str, Any], now: int
) -> Message | None:
    row = c.execute("SELECT * FROM messages WHERE id = ?", (id_,)).fetchone()
    if row is None:
        return None
    before = message_of(row)
    after = amended(before, text, data)
    if row["erased"] or after == before:
        return before
    c.execute(
        "UPDATE messages SET text = ?, body = ? WHERE id = ?",
        (after.text, after.model_dump_json(include=MESSAGE_BODY, exclude_defaults=True), id_),
    )
    search.put_message(c, after)
    touch(c, after.conversation, now)
    return after


def note(c: sqlite3.Connection, conversation: str, now: int, **what: Any) -> bool:
    """``what`` is as for ``hub.store.people.noted``."""
    row = c.execute("SELECT * FROM conversations WHERE id = ?", (conversation,)).fetchone()
    if row is None:
        return False
    before = conversation_of(row)
    after = noted(before, **what)
    if after != before:
        c.execute(
            "UPDATE conversations SET interacted_at = ?, name = ?, contact = ?, unreachable = ? WHERE id = ?",
            (after.interacted_at, after.name, json.dumps(after.contact), after.unreachable, conversation),
        )
        if (after.name, after.contact) != (before.name, before.contact):
            search.put_person(c, after)
        touch(c, conversation, now)
    return True


def put_consent(c: sqlite3.Connection, consent: Consent) -> None:
    if c.execute("SELECT 1 FROM conversations WHERE id = ?", (consent.conversation,)).fetchone() is None:
        raise NotFound(f"no conversation {consent.conversation}")
    c.execute(
        "INSERT INTO consents (id, conversation, agreed_at, body) VALUES (?,?,?,?) ON CONFLICT (id) DO UPDATE SET"
        " conversation = excluded.conversation, agreed_at = excluded.agreed_at, body = excluded.body",
        (consent.id, consent.conversation, consent.agreed_at, consent.model_dump_json()),
    )


def consents(c: sqlite3.Connection, conversation: str) -> list[Consent]:
    rows = c.execute(
        "SELECT body FROM consents WHERE conversation = ? ORDER BY agreed_at, n", (conversation,)
    )
    return [Consent.model_validate_json(row["body"]) for row in rows]
