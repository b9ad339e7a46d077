"""The rows of a SQLite store, as ``hub.store.moving`` wants them."""

import json
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from hub.model import Ticket, Turn
from hub.store.moving import PROGRESS, Place, Row, blob_row
from hub.store.sqlite import tickets
from hub.store.sqlite.blobs import Blobs
from hub.store.sqlite.engine import Engine, migrations
from hub.store.sqlite.rows import MESSAGE_BODY, message_of, note_blobs
from hub.store.sqlite.turns import decided

#: Tables that no section holds: leases and holds, what is made anew, and what loses its meaning within minutes.
NOT_MOVED: Final = {
    "jobs",
    "hits",
    "presence",
    "blob_uses",
    "media",
    "raw_conversations",
    "consents",
    "ticket_events",
    "search_rows",
    *("search_words", *(f"search_words_{part}" for part in ("config", "content", "data", "idx"))),
}

_CONVERSATION: Final = (
    "id", "channel", "account", "key", "sender", "name", "owner", "operator", "epoch", "last_seq", "handled_seq",
    "citizen_read_seq", "staff_read_seq", "ticket", "created_at", "touched_at", "version", "due_at", "first_due_at",
    "attempts", "interacted_at", "unreachable", "person",
)  # fmt: skip
_MESSAGE: Final = (
    "conversation", "seq", "id", "author", "at", "text", "outcome", "turn", "delivery", "attempts", "external_id",
    "error",
)  # fmt: skip
#: From when on it may be sent, by state: after a rest, or when the sender's lease has run out.
_SENT_FROM: Final = {"queued": "retry_at", "sending": "lease_until"}
_RAW: Final = ("id", "channel", "received_at", "body", "events", "duplicates", "refused", "error")
_EDIT: Final = ("id", "kind", "entry", "state", "by", "moved_at", "body")
_REVIEW: Final = ("id", "key", "conversation", "state", "reason", "at", "body")
_NOTICE: Final = ("id", "ticket", "at", "due_at", "attempts", "lease_token", "body")
_EVENT: Final = ("id", "conversation", "channel", "kind", "at", "raw", "body")


class MovableSqlite:
    """``hub.store.moving.Movable`` for a file."""

    def __init__(self, path: Path) -> None:
        self._engine = Engine(path, migrations())
        self._blobs = Blobs(self._engine, path)

    async def open(self) -> None:
        await self._engine.open()

    async def close(self) -> None:
        await self._engine.close()

    async def busy(self, *, now: int) -> list[str]:
        return await self._engine.read(lambda c: _busy(c, now))

    async def rows(self, section: str, after: Place, limit: int) -> list[tuple[Place, Row]]:
        if section != "blobs":  # whose content is in files
            return await self._engine.read(lambda c: _READ[section](c, after, limit))
        found = await self._engine.read(lambda c: _page(c, "blobs", ("id",), after, limit, "NOT gone"))
        return [([row["id"]], blob_row(row["id"], await self._blobs.get(row["id"]))) for row in found]

    async def put_rows(self, section: str, rows: Sequence[Row]) -> None:
        def work(c: sqlite3.Connection) -> None:
            for row in rows:
                _WRITE[section](c, row)

        if section != "blobs":
            await self._engine.write(work)
            return
        for row in rows:
            await self._blobs.put(row["data"], row["media_type"], 0)

    async def progress(self) -> dict[str, Any] | None:
        return await self._engine.read(progress)

    async def set_progress(self, what: dict[str, Any] | None) -> None:
        await self._engine.write(lambda c: _set_progress(c, what))


def progress(c: sqlite3.Connection) -> dict[str, Any] | None:
    row = c.execute("SELECT body FROM states WHERE name = ?", (PROGRESS,)).fetchone()
    return json.loads(row["body"]) if row else None


def _set_progress(c: sqlite3.Connection, what: dict[str, Any] | None) -> None:
    c.execute("DELETE FROM states WHERE name = ?", (PROGRESS,))
    if what is not None:
        body = json.dumps(what).encode()
        c.execute("INSERT INTO states (name, version, changed_at, body) VALUES (?,1,0,?)", (PROGRESS, body))


def _busy(c: sqlite3.Connection, now: int) -> list[str]:
    held = c.execute("SELECT name FROM jobs WHERE until > ? ORDER BY name", (now,))
    leased = c.execute("SELECT id FROM conversations WHERE lease_until > ? LIMIT 1", (now,))
    return [f"job {row['name']}" for row in held] + [f"conversation {row['id']}" for row in leased]


# ---- reading


def _page(
    c: sqlite3.Connection, table: str, key: Sequence[str], after: Place, limit: int, where: str = "1"
) -> list[sqlite3.Row]:
    place = ",".join(key)
    beyond = f"({place}) > ({','.join('?' * len(key))})" if after is not None else "1"
    return c.execute(
        f"SELECT * FROM {table} WHERE {where} AND {beyond} ORDER BY {place} LIMIT ?",  # noqa: S608 - our own names
        (*(after or ()), limit),
    ).fetchall()


def _plain(table: str, key: Sequence[str], columns: Sequence[str], where: str = "1") -> Any:
    """A section whose rows are its table's, JSON columns as text."""

    def read(c: sqlite3.Connection, after: Place, limit: int) -> list[tuple[Place, Row]]:
        return [
            ([row[name] for name in key], _row("/".join(str(row[name]) for name in key), row, columns))
            for row in _page(c, table, key, after, limit, where)
        ]

    return read


def _row(key: str, row: sqlite3.Row, columns: Sequence[str]) -> Row:
    return {"_id": key} | {name: row[name] for name in columns}


def _conversations(c: sqlite3.Connection, after: Place, limit: int) -> list[tuple[Place, Row]]:
    found = []
    for row in _page(c, "conversations", ("id",), after, limit):
        consents = c.execute(
            "SELECT body FROM consents WHERE conversation = ? ORDER BY agreed_at, n", (row["id"],)
        )
        own = {
            "contact": json.loads(row["contact"]),
            "dialogue": json.loads(row["dialogue"]),
            "consents": [json.loads(consent["body"]) for consent in consents],
        }
        found.append(([row["id"]], _row(row["id"], row, _CONVERSATION) | own))
    return found


def _messages(c: sqlite3.Connection, after: Place, limit: int) -> list[tuple[Place, Row]]:
    found = []
    for row in _page(c, "messages", ("conversation", "seq"), after, limit):
        media = c.execute("SELECT * FROM media WHERE message = ?", (row["id"],)).fetchone()
        own = {
            "internal": bool(row["internal"]),
            "erased": bool(row["erased"]),
            "retry_at": row[_SENT_FROM[row["delivery"]]] if row["delivery"] in _SENT_FROM else 0,
            "body": message_of(row).model_dump(mode="json", include=MESSAGE_BODY, exclude_defaults=True),
            "media": media and {
                "raw": media["raw"], "at": media["at"], "attempts": media["attempts"],
                "due_at": 0 if media["lease_token"] else media["due_at"],
            },
        }  # fmt: skip
        found.append(([row["conversation"], row["seq"]], _row(row["id"], row, _MESSAGE) | own))
    return found


def _tickets(c: sqlite3.Connection, after: Place, limit: int) -> list[tuple[Place, Row]]:
    found = []
    for row in _page(c, "tickets", ("id",), after, limit):
        ticket = tickets.ticket_of(c, row).model_dump(mode="json")
        found.append(([row["id"]], {"_id": row["id"], "changed_at": row["changed_at"], "ticket": ticket}))
    return found


def _raw(c: sqlite3.Connection, after: Place, limit: int) -> list[tuple[Place, Row]]:
    found = []
    for row in _page(c, "raw", ("n",), after, limit):
        mine = c.execute(
            "SELECT conversation FROM raw_conversations WHERE raw = ? ORDER BY conversation", (row["id"],)
        )
        own = {
            "headers": json.loads(row["headers"]),
            "state": "taken" if row["unfinished"] else row["state"],
            "erased": bool(row["erased"]),
            "conversations": [one["conversation"] for one in mine],
        }
        found.append(([row["n"]], _row(row["id"], row, _RAW) | own))
    return found


_READ: Final[dict[str, Callable[[sqlite3.Connection, Place, int], list[tuple[Place, Row]]]]] = {
    "knowledge": _plain("knowledge", ("kind", "id"), ("kind", "id", "origin", "changed_at", "body")),
    "knowledge_edits": _plain("knowledge_edits", ("id",), _EDIT),
    "reviews": _plain("reviews", ("id",), _REVIEW),
    "notices": _plain("notices", ("id",), _NOTICE),
    "counters": _plain("counters", ("name",), ("name", "value"), "name <> 'ping'"),
    "states": _plain("states", ("name",), ("name", "version", "changed_at", "body"), f"name <> '{PROGRESS}'"),
    "staff": _plain("staff", ("id",), ("id", "login", "body")),
    "conversations": _conversations,
    "messages": _messages,
    "events": _plain("events", ("id",), _EVENT),
    "turns": _plain("turns", ("id",), ("id", "conversation", "at", "body")),
    "tickets": _tickets,
    "audit": _plain("audit", ("n",), ("n", "at", "actor", "action", "target", "hash", "body")),
    "raw": _raw,
}


# ---- writing


def _insert(c: sqlite3.Connection, table: str, fields: Row) -> bool:
    marks = ",".join("?" * len(fields))
    added = c.execute(
        f"INSERT OR IGNORE INTO {table} ({','.join(fields)}) VALUES ({marks})",  # noqa: S608 - our own names
        tuple(fields.values()),
    )
    return added.rowcount == 1


def _put(table: str) -> Callable[[sqlite3.Connection, Row], None]:
    def write(c: sqlite3.Connection, row: Row) -> None:
        _insert(c, table, {name: value for name, value in row.items() if name != "_id"})

    return write


def _put_conversation(c: sqlite3.Connection, row: Row) -> None:
    fields = {name: row[name] for name in _CONVERSATION}
    fields |= {"contact": _json(row["contact"]), "dialogue": _json(row["dialogue"])}
    if _insert(c, "conversations", fields):
        for consent in row["consents"]:
            given = {"id": consent["id"], "conversation": row["id"], "agreed_at": consent["agreed_at"]}
            _insert(c, "consents", given | {"body": _json(consent)})


def _put_message(c: sqlite3.Connection, row: Row) -> None:
    fields = {name: row[name] for name in (*_MESSAGE, "internal", "erased")}
    if row["delivery"] in _SENT_FROM:
        fields[_SENT_FROM[row["delivery"]]] = row["retry_at"]
    if _insert(c, "messages", fields | {"body": _json(row["body"])}):
        note_blobs(c, message_of(c.execute("SELECT * FROM messages WHERE id = ?", (row["id"],)).fetchone()))
        if row["media"]:
            _insert(c, "media", {"message": row["id"]} | row["media"])


def _put_turn(c: sqlite3.Connection, row: Row) -> None:
    actor, facts = decided(Turn.model_validate_json(row["body"]))
    _put("turns")(c, row | {"actor": actor, "facts": facts})


def _put_ticket(c: sqlite3.Connection, row: Row) -> None:
    if c.execute("SELECT 1 FROM tickets WHERE id = ?", (row["_id"],)).fetchone() is None:
        ticket = Ticket.model_validate(row["ticket"])
        tickets.insert(c, ticket)
        c.execute("UPDATE tickets SET changed_at = ? WHERE id = ?", (row["changed_at"], ticket.id))


def _put_raw(c: sqlite3.Connection, row: Row) -> None:
    fields = {name: row[name] for name in (*_RAW, "erased")} | {"headers": _json(row["headers"])}
    taken = row["state"] == "taken"
    if _insert(c, "raw", fields | {"state": "done" if taken else row["state"], "unfinished": taken}):
        for conversation in row["conversations"]:
            _insert(c, "raw_conversations", {"conversation": conversation, "raw": row["id"]})


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


_WRITE: Final[dict[str, Callable[[sqlite3.Connection, Row], None]]] = {
    "knowledge": _put("knowledge"),
    "knowledge_edits": _put("knowledge_edits"),
    "reviews": _put("reviews"),
    "notices": _put("notices"),
    "counters": _put("counters"),
    "states": _put("states"),
    "staff": _put("staff"),
    "conversations": _put_conversation,
    "messages": _put_message,
    "events": _put("events"),
    "turns": _put_turn,
    "tickets": _put_ticket,
    "audit": _put("audit"),
    "raw": _put_raw,
}
