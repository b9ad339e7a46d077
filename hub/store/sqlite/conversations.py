"""Conversations as a list: found by who has them and what nobody has read."""

import sqlite3
from collections.abc import Sequence
from typing import Any

from hub.model import Conversation, ConversationQuery
from hub.store.sqlite.rows import conversation_of, touch


def find(c: sqlite3.Connection, query: ConversationQuery, limit: int, skip: int) -> list[Conversation]:
    where, values = _where(query)
    rows = c.execute(
        f"SELECT * FROM conversations WHERE {where} ORDER BY interacted_at DESC, id LIMIT ? OFFSET ?",  # noqa: S608
        (*values, limit, skip),
    )
    return [conversation_of(row) for row in rows]


def by_id(c: sqlite3.Connection, ids: Sequence[str]) -> dict[str, Conversation]:
    marks = ",".join("?" * len(ids))
    rows = c.execute(f"SELECT * FROM conversations WHERE id IN ({marks})", tuple(ids))  # noqa: S608
    return {row["id"]: conversation_of(row) for row in rows}


def set_person(c: sqlite3.Connection, ids: Sequence[str], person: str | None, now: int) -> None:
    for id_ in ids:
        if c.execute(
            "UPDATE conversations SET person = ? WHERE id = ? AND person IS NOT ?", (person, id_, person)
        ).rowcount:
            touch(c, id_, now)


def _where(query: ConversationQuery) -> tuple[str, list[Any]]:
    terms: list[str] = ["1"]
    values: list[Any] = []
    if query.channels is not None:
        terms.append(f"channel IN ({','.join('?' * len(query.channels))})")
        values += query.channels
    if query.owner is not None:
        terms.append("owner = ?")
        values.append(query.owner)
    if query.open_ticket is not None:
        terms.append(f"ticket IS {'NOT ' if query.open_ticket else ''}NULL")
    for name in ("person", "sender"):
        if (value := getattr(query, name)) is not None:
            terms.append(f"{name} = ?")
            values.append(value)
    if query.unread is not None:
        terms.append(f"last_seq {'>' if query.unread else '<='} staff_read_seq")
    return " AND ".join(terms), values
