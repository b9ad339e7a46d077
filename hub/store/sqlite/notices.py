"""Mails to agencies: written with the turn that decided them, leased by whoever sends."""

import secrets
import sqlite3

from hub.model import Notice, NoticeDelivery, NoticeJob


def add(c: sqlite3.Connection, notice: Notice) -> None:
    c.execute(
        "INSERT OR IGNORE INTO notices (id, ticket, at, due_at, body) VALUES (?,?,?,?,?)",
        (notice.id, notice.ticket, notice.at, notice.at, notice.model_dump_json()),
    )


def lease(c: sqlite3.Connection, now: int, until: int) -> NoticeJob | None:
    token = secrets.token_hex(8)
    row = c.execute(
        "UPDATE notices SET lease_token = ?, due_at = ?, attempts = attempts + 1 WHERE id ="
        " (SELECT id FROM notices WHERE due_at <= ? ORDER BY due_at, id LIMIT 1) RETURNING *",
        (token, until, now),
    ).fetchone()
    if row is None:
        return None
    return NoticeJob(notice=_notice(row), token=token, attempts=row["attempts"])


def settle(
    c: sqlite3.Connection, job: NoticeJob, delivery: NoticeDelivery, now: int, retry_at: int | None, error: str | None
) -> bool:  # fmt: skip
    notice = job.notice.settled(delivery, now, error)
    done = c.execute(
        "UPDATE notices SET due_at = ?, lease_token = NULL, body = ? WHERE id = ? AND lease_token = ?",
        (retry_at, notice.model_dump_json(), notice.id, job.token),
    )
    return done.rowcount == 1


def fail(c: sqlite3.Connection, notice: str, now: int, error: str) -> Notice | None:
    row = c.execute("SELECT body FROM notices WHERE id = ?", (notice,)).fetchone()
    if row is None:
        return None
    failed = _notice(row).settled("failed", now, error)
    c.execute(
        "UPDATE notices SET due_at = NULL, lease_token = NULL, body = ? WHERE id = ?",
        (failed.model_dump_json(), notice),
    )
    return failed


def of_ticket(c: sqlite3.Connection, ticket: str) -> list[Notice]:
    rows = c.execute("SELECT body FROM notices WHERE ticket = ? ORDER BY at, id", (ticket,))
    return [_notice(row) for row in rows]


def _notice(row: sqlite3.Row) -> Notice:
    return Notice.model_validate_json(row["body"])
