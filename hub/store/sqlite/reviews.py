"""What the editors should look at: one row per answer, looked at by question."""

import sqlite3
from typing import Any

from hub.model import ReviewGroup, ReviewItem, ReviewReason, ReviewState


def put(c: sqlite3.Connection, item: ReviewItem) -> None:
    c.execute(
        "INSERT INTO reviews (id, key, conversation, state, reason, at, body) VALUES (?,?,?,?,?,?,?)"
        " ON CONFLICT (id) DO UPDATE SET state = excluded.state, reason = excluded.reason, body = excluded.body",
        (item.id, item.key, item.conversation, item.state, item.reason, item.at, item.model_dump_json()),
    )


def find(c: sqlite3.Connection, wanted: dict[str, Any], limit: int) -> list[ReviewItem]:
    asked = {name: value for name, value in wanted.items() if value is not None}
    where = " AND ".join(f"{name} = ?" for name in asked) or "1"
    rows = c.execute(
        f"SELECT body FROM reviews WHERE {where} ORDER BY at DESC, id DESC LIMIT ?",  # noqa: S608 - our names
        (*asked.values(), limit),
    )
    return [_item(row) for row in rows]


def groups(
    c: sqlite3.Connection, state: ReviewState, reason: ReviewReason | None, limit: int
) -> list[ReviewGroup]:
    where, values = (
        ("state = ?", [state]) if reason is None else ("state = ? AND reason = ?", [state, reason])
    )
    rows = c.execute(
        f"SELECT key, count(*) AS n, sum(reason = 'wrong') AS wrong FROM reviews WHERE {where}"  # noqa: S608
        " GROUP BY key ORDER BY n DESC, max(at) DESC, key LIMIT ?",
        (*values, limit),
    ).fetchall()
    newest = f"SELECT body FROM reviews WHERE {where} AND key = ? ORDER BY at DESC, id DESC LIMIT 1"  # noqa: S608
    return [
        ReviewGroup(
            newest=_item(c.execute(newest, (*values, row["key"])).fetchone()),
            count=row["n"],
            wrong=row["wrong"],
        )
        for row in rows
    ]


def settle(c: sqlite3.Connection, key: str, state: ReviewState, by: str, now: int) -> int:
    those = "state <> 'open'" if state == "open" else "state = 'open'"
    rows = c.execute(f"SELECT body FROM reviews WHERE key = ? AND {those}", (key,)).fetchall()  # noqa: S608
    for row in rows:
        put(
            c,
            _item(row).model_copy(update={"state": state, "settled_by": by, "settled_at": now}),
        )
    return len(rows)


def _item(row: sqlite3.Row) -> ReviewItem:
    return ReviewItem.model_validate_json(row["body"])
