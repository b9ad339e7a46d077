"""The audit log: a chain that only grows."""

import sqlite3
from typing import Any

from hub.audit import AuditEntry, AuditNote, AuditQuery, chained


def append(c: sqlite3.Connection, note: AuditNote) -> AuditEntry:
    last = c.execute("SELECT n, hash FROM audit ORDER BY n DESC LIMIT 1").fetchone()
    entry = chained((last["n"], last["hash"]) if last else None, note)
    insert(c, entry)
    return entry


def insert(c: sqlite3.Connection, entry: AuditEntry) -> None:
    c.execute(
        "INSERT INTO audit (n, at, actor, action, target, hash, body) VALUES (?,?,?,?,?,?,?)",
        (entry.n, entry.at, entry.actor, entry.action, entry.target, entry.hash, entry.model_dump_json()),
    )


def find(c: sqlite3.Connection, query: AuditQuery, limit: int) -> list[AuditEntry]:
    where, values = _where(query)
    rows = c.execute(f"SELECT body FROM audit WHERE {where} ORDER BY n DESC LIMIT ?", (*values, limit))  # noqa: S608
    return [AuditEntry.model_validate_json(row["body"]) for row in rows]


def after(c: sqlite3.Connection, n: int, limit: int) -> list[AuditEntry]:
    rows = c.execute("SELECT body FROM audit WHERE n > ? ORDER BY n LIMIT ?", (n, limit))
    return [AuditEntry.model_validate_json(row["body"]) for row in rows]


def _where(query: AuditQuery) -> tuple[str, list[Any]]:
    terms, values = ["1"], []
    for term, value in (
        ("actor = ?", query.actor),
        ("target = ?", query.target),
        ("at >= ?", query.since),
        ("at < ?", query.until),
        ("n < ?", query.before),
    ):
        if value is not None:
            terms.append(term)
            values.append(value)
    if query.action is not None:
        terms.append("(action = ? OR substr(action, 1, ?) = ?)")
        room = f"{query.action}."
        values += [query.action, len(room), room]
    return " AND ".join(terms), values
