"""Tickets: written whole, one line of history for each change; found by their columns."""

import json
import sqlite3
from typing import Any, Final

from hub.errors import NotFound, TicketMoved
from hub.model import Ticket, TicketChange, TicketEvent, TicketQuery, Turn
from hub.store.tickets import WORK

#: The rest of a ticket is JSON in ``body``.
COLUMNS: Final = (
    "id", "code", "conversation", "state", "priority", "operator", "created_at", "version", "category", "commune",
    "agency", "merged_into", "due_at", "alarm_at", "escalated_at",
)  # fmt: skip
NOT_IN_BODY: Final = {*COLUMNS, "history"}

_ORDERS: Final = {
    "urgent": "priority = 'urgent' DESC, created_at, id",
    "due": "due_at IS NULL, due_at, id",
    "alarm": "alarm_at IS NULL, alarm_at, id",
    "changed": "changed_at DESC, id",
    "newest": "created_at DESC, id",
}


def ticket_of(c: sqlite3.Connection, row: sqlite3.Row) -> Ticket:
    history = c.execute(
        "SELECT at, actor, state, note, action, changes FROM ticket_events WHERE ticket = ? ORDER BY n",
        (row["id"],),
    )
    events = tuple(TicketEvent(**{**event, "changes": json.loads(event["changes"])}) for event in history)
    return Ticket(**{**json.loads(row["body"]), **{name: row[name] for name in COLUMNS}, "history": events})


def get(c: sqlite3.Connection, column: str, value: str) -> Ticket | None:
    row = c.execute(f"SELECT * FROM tickets WHERE {column} = ?", (value,)).fetchone()  # noqa: S608 - our names
    return ticket_of(c, row) if row else None


def insert(c: sqlite3.Connection, ticket: Ticket) -> None:
    fields = {name: getattr(ticket, name) for name in COLUMNS}
    fields |= {"changed_at": ticket.created_at, "body": ticket.model_dump_json(exclude=NOT_IN_BODY)}
    marks = ",".join("?" * len(fields))
    c.execute(f"INSERT INTO tickets ({','.join(fields)}) VALUES ({marks})", tuple(fields.values()))  # noqa: S608
    for event in ticket.history:
        add_event(c, ticket.id, event)


def change(c: sqlite3.Connection, turn: Turn, wanted: TicketChange) -> Ticket:
    """Carry out a turn's change of a ticket; the ticket as it is then."""
    ticket = get(c, "id", wanted.ticket)
    if ticket is None or ticket.conversation != turn.conversation:
        raise NotFound(f"no ticket {wanted.ticket} in {turn.conversation}")
    if wanted.expects is not None and ticket.version != wanted.expects:
        raise TicketMoved(f"ticket {ticket.id} has changed meanwhile")
    new = ticket.after(wanted, at=turn.at, actor=turn.actor_id or turn.actor)
    update(c, new, turn.at)
    add_event(c, new.id, new.history[-1])
    return new


def update(c: sqlite3.Connection, ticket: Ticket, changed_at: int) -> None:
    """Write everything but the history."""
    fields = {name: getattr(ticket, name) for name in COLUMNS if name != "id"}
    fields |= {"changed_at": changed_at, "body": ticket.model_dump_json(exclude=NOT_IN_BODY)}
    assignments = ", ".join(f"{name} = ?" for name in fields)
    c.execute(f"UPDATE tickets SET {assignments} WHERE id = ?", (*fields.values(), ticket.id))  # noqa: S608


def add_event(c: sqlite3.Connection, ticket: str, event: TicketEvent) -> None:
    c.execute(
        "INSERT INTO ticket_events (ticket, n, at, actor, state, note, action, changes)"
        " SELECT ?, coalesce(max(n), 0) + 1, ?, ?, ?, ?, ?, ? FROM ticket_events WHERE ticket = ?",
        (
            ticket,
            event.at,
            event.actor,
            event.state,
            event.note,
            event.action,
            json.dumps(event.changes, ensure_ascii=False),
            ticket,
        ),
    )


def find(c: sqlite3.Connection, query: TicketQuery, limit: int, skip: int = 0) -> list[Ticket]:
    where, values = _where(query)
    rows = c.execute(
        f"SELECT * FROM tickets WHERE {where} ORDER BY {_ORDERS[query.order]} LIMIT ? OFFSET ?",  # noqa: S608 - our names
        (*values, limit, skip),
    )
    return [ticket_of(c, row) for row in rows.fetchall()]


def by_change(
    c: sqlite3.Connection, query: TicketQuery, after: tuple[int, str], limit: int
) -> list[tuple[int, Ticket]]:
    where, values = _where(query)
    rows = c.execute(
        f"SELECT * FROM tickets WHERE {where} AND (changed_at, id) > (?, ?) ORDER BY changed_at, id LIMIT ?",  # noqa: S608
        (*values, *after, limit),
    )
    return [(row["changed_at"], ticket_of(c, row)) for row in rows.fetchall()]


def count(c: sqlite3.Connection, query: TicketQuery) -> int:
    where, values = _where(query)
    return int(c.execute(f"SELECT count(*) FROM tickets WHERE {where}", values).fetchone()[0])  # noqa: S608


def held(c: sqlite3.Connection) -> list[tuple[str, str]]:
    rows = c.execute(
        f"SELECT operator, id FROM tickets WHERE operator IS NOT NULL AND merged_into IS NULL"  # noqa: S608
        f" AND state IN ({_marks(WORK)}) ORDER BY operator, id",
        WORK,
    )
    return [(row["operator"], row["id"]) for row in rows]


def _where(query: TicketQuery) -> tuple[str, list[Any]]:
    terms, values = ["1"], []
    for name in ("category", "commune", "operator", "conversation", "merged_into"):
        if (value := getattr(query, name)) is not None:
            terms.append(f"{name} = ?")
            values.append(value)
    for name, column in (
        ("states", "state"), ("agencies", "agency"), ("categories", "category"), ("priorities", "priority"),
    ):  # fmt: skip
        if (several := getattr(query, name)) is not None:
            terms.append(f"{column} IN ({_marks(several)})")
            values += several
    for name, term in (("created_from", "created_at >= ?"), ("created_until", "created_at < ?")):
        if (bound := getattr(query, name)) is not None:
            terms.append(term)
            values.append(bound)
    if query.channels is not None:
        mine = "SELECT 1 FROM conversations WHERE id = tickets.conversation"
        terms.append(f"EXISTS ({mine} AND channel IN ({_marks(query.channels)}))")
        values += query.channels
    if query.sensitive is not None:
        terms.append("json_extract(body, '$.sensitive') = ?")
        values.append(query.sensitive)
    if query.due_after is not None:
        terms.append("due_at > ?")
        values.append(query.due_after)
    for name, column in (("alarm_until", "alarm_at"), ("due_until", "due_at")):
        if (until := getattr(query, name)) is not None:
            terms.append(f"{column} <= ?")
            values.append(until)
    for name, column in (
        ("merged", "merged_into"),
        ("escalated", "escalated_at"),
        ("proposed", "json_extract(body, '$.proposal')"),
    ):
        if (wanted := getattr(query, name)) is not None:
            terms.append(f"{column} IS {'NOT ' if wanted else ''}NULL")
    if query.unassigned:
        terms.append("operator IS NULL")
    return " AND ".join(terms), values


def _marks(values: tuple[Any, ...]) -> str:
    return ",".join("?" * len(values))
