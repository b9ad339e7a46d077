"""Knowledge and the history of its entries: an edit and what it changes are one transaction."""

import json
import sqlite3
from collections.abc import Sequence
from typing import Any

from hub.errors import KnowledgeMoved
from hub.model import ORIGINS, EditState, KnowledgeDoc, KnowledgeEdit, KnowledgeKind
from hub.store.sqlite.rows import knowledge_of

_RANK = "(CASE {} " + " ".join(f"WHEN '{one}' THEN {n}" for n, one in enumerate(ORIGINS)) + " END)"
_PUT = (
    "INSERT INTO knowledge (kind, id, origin, changed_at, body) VALUES (?,?,?,?,?)"
    " ON CONFLICT (kind, id) DO UPDATE SET origin = excluded.origin, body = excluded.body,"
    " changed_at = excluded.changed_at"
)
_PUT_IF_STRONGER = (
    f"{_PUT} WHERE {_RANK.format('excluded.origin')} >= {_RANK.format('knowledge.origin')}"
    " AND (knowledge.body <> excluded.body OR knowledge.origin <> excluded.origin)"
)


def revision(c: sqlite3.Connection) -> int:
    row = c.execute("SELECT value FROM counters WHERE name = 'knowledge'").fetchone()
    return int(row["value"]) if row else 0


def put(c: sqlite3.Connection, docs: Sequence[KnowledgeDoc], now: int) -> int:
    changed = sum(c.execute(_PUT_IF_STRONGER, _row(doc, now)).rowcount for doc in docs)
    return _count_up(c) if changed else revision(c)


def entry(c: sqlite3.Connection, kind: KnowledgeKind, id_: str) -> KnowledgeDoc | None:
    row = c.execute("SELECT * FROM knowledge WHERE kind = ? AND id = ?", (kind, id_)).fetchone()
    return knowledge_of(row) if row else None


def commit_edit(c: sqlite3.Connection, wanted: KnowledgeEdit, expects: EditState | None, now: int) -> None:
    there = edit(c, wanted.id)
    if there is not None and there.state == wanted.state:
        return
    if (there.state if there else None) != expects:
        raise KnowledgeMoved(f"edit {wanted.id} is not {expects} any more")
    if wanted.state == "applied":
        if entry(c, wanted.kind, wanted.entry) != wanted.before:
            raise KnowledgeMoved(f"{wanted.kind} {wanted.entry} has changed meanwhile")
        if wanted.after is None:
            c.execute("DELETE FROM knowledge WHERE kind = ? AND id = ?", (wanted.kind, wanted.entry))
        else:
            c.execute(_PUT, _row(wanted.after, now))
        _count_up(c)
    c.execute(
        "INSERT INTO knowledge_edits (id, kind, entry, state, by, moved_at, body) VALUES (?,?,?,?,?,?,?)"
        " ON CONFLICT (id) DO UPDATE SET state = excluded.state, moved_at = excluded.moved_at, body = excluded.body",
        (
            wanted.id,
            wanted.kind,
            wanted.entry,
            wanted.state,
            wanted.by,
            wanted.moved_at,
            wanted.model_dump_json(),
        ),
    )


def edit(c: sqlite3.Connection, id_: str) -> KnowledgeEdit | None:
    row = c.execute("SELECT body FROM knowledge_edits WHERE id = ?", (id_,)).fetchone()
    return KnowledgeEdit.model_validate_json(row["body"]) if row else None


def edits(c: sqlite3.Connection, wanted: dict[str, Any], limit: int) -> list[KnowledgeEdit]:
    asked = {name: value for name, value in wanted.items() if value is not None}
    where = " AND ".join(f"{name} = ?" for name in asked) or "1"
    rows = c.execute(
        f"SELECT body FROM knowledge_edits WHERE {where} ORDER BY moved_at DESC, id DESC LIMIT ?",  # noqa: S608
        (*asked.values(), limit),
    )
    return [KnowledgeEdit.model_validate_json(row["body"]) for row in rows]


def _row(doc: KnowledgeDoc, now: int) -> tuple[Any, ...]:
    return doc.kind, doc.id, doc.origin, now, json.dumps(doc.body, ensure_ascii=False, sort_keys=True)


def _count_up(c: sqlite3.Connection) -> int:
    row = c.execute(
        "INSERT INTO counters (name, value) VALUES ('knowledge', 1)"
        " ON CONFLICT (name) DO UPDATE SET value = value + 1 RETURNING value"
    ).fetchone()
    return int(row["value"])
