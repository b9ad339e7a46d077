"""What one process at a time does, what it remembers of it, and clearing away."""

import sqlite3

from hub.model import State

DAY_MS = 24 * 60 * 60 * 1000


def hold(c: sqlite3.Connection, job: str, holder: str, now: int, until: int) -> bool:
    held = c.execute(
        "INSERT INTO jobs (name, holder, until) VALUES (?,?,?)"
        " ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until"
        " WHERE jobs.holder = excluded.holder OR jobs.until <= ?",
        (job, holder, until, now),
    )
    return held.rowcount == 1


def let_go(c: sqlite3.Connection, job: str, holder: str) -> None:
    c.execute("DELETE FROM jobs WHERE name = ? AND holder = ?", (job, holder))


def state(c: sqlite3.Connection, name: str) -> State | None:
    row = c.execute("SELECT name, version, body FROM states WHERE name = ?", (name,)).fetchone()
    return State(**dict(row)) if row else None


def put_state(c: sqlite3.Connection, name: str, body: bytes, expects: int, now: int) -> bool:
    if expects == 0:
        written = c.execute(
            "INSERT INTO states (name, version, changed_at, body) VALUES (?,1,?,?) ON CONFLICT (name) DO NOTHING",
            (name, now, body),
        )
    else:
        written = c.execute(
            "UPDATE states SET version = version + 1, changed_at = ?, body = ? WHERE name = ? AND version = ?",
            (now, body, name, expects),
        )
    return written.rowcount == 1


def sweep(c: sqlite3.Connection, now: int) -> int:
    return c.execute("DELETE FROM hits WHERE at < ?", (now - DAY_MS,)).rowcount
