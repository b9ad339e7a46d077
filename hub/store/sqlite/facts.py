"""The facts reports are counted from."""

import json
import sqlite3
from collections import defaultdict
from functools import cache

from hub.facts import Case, Heard, Step, kept
from hub.model import OPEN_STATES

_HEARD = """
SELECT m.at, c.channel, m.conversation, m.outcome, m.turn, t.actor,
    EXISTS (SELECT 1 FROM messages r WHERE r.turn = m.turn AND r.delivery IN ('failed', 'unknown', 'window_closed'))
        AS undelivered,
    t.facts
FROM messages m INDEXED BY messages_heard JOIN conversations c ON c.id = m.conversation LEFT JOIN turns t INDEXED BY turns_decided ON t.id = m.turn
WHERE m.author = 'citizen' AND m.at >= :since AND m.at < :until ORDER BY m.at
"""

#: Those opened in the time, and older ones that were not done, or changed, when it began.
_NOT_DONE = ",".join(f"'{state}'" for state in sorted(OPEN_STATES))
_WANTED = f"""
SELECT id FROM tickets WHERE created_at >= :since AND created_at < :until
UNION SELECT id FROM tickets WHERE changed_at >= :since AND +created_at < :until
UNION SELECT id FROM tickets WHERE state IN ({_NOT_DONE}) AND created_at < :until
"""  # noqa: S608 - our own words

_CASES = f"""
SELECT t.*, c.channel, (SELECT min(at) FROM messages m WHERE m.conversation = t.conversation AND m.author = 'operator'
    AND m.internal = 0 AND m.at >= t.created_at) AS replied_at
FROM tickets t JOIN conversations c ON c.id = t.conversation WHERE t.id IN ({_WANTED}) ORDER BY t.created_at, t.id
"""  # noqa: S608 - our own words

_STEPS = f"""
SELECT ticket, at, actor, state, action, changes FROM ticket_events WHERE ticket IN ({_WANTED}) ORDER BY ticket, n
"""  # noqa: S608


def heard(c: sqlite3.Connection, since: int, until: int) -> list[Heard]:
    rows = c.cursor()
    rows.row_factory = None  # plain tuples: there may be a hundred thousand
    facts = cache(json.loads)  # a few hundred different ones
    return [
        Heard(at, channel, conversation, outcome, turn, by, bool(undelivered), facts(decided or "{}"))
        for at, channel, conversation, outcome, turn, by, undelivered, decided in rows.execute(
            _HEARD, {"since": since, "until": until}
        )
    ]


def cases(c: sqlite3.Connection, since: int, until: int) -> list[Case]:
    times = {"since": since, "until": until}
    steps: dict[str, list[Step]] = defaultdict(list)
    rows = c.cursor()
    rows.row_factory = None
    for ticket, at, actor, state, action, changes in rows.execute(_STEPS, times):
        steps[ticket].append(
            Step(at, actor, state, action, kept(json.loads(changes)) if changes != "{}" else {})
        )
    return [_case(row, steps[row["id"]]) for row in c.execute(_CASES, times)]


def _case(row: sqlite3.Row, steps: list[Step]) -> Case:
    body = json.loads(row["body"])
    rating = body.get("rating") or {}
    received = body.get("received_at")
    return Case(
        id=row["id"],
        code=row["code"],
        conversation=row["conversation"],
        channel=row["channel"],
        reason=body["reason"],
        priority=row["priority"],
        category=row["category"],
        commune=row["commune"],
        agency=row["agency"],
        state=row["state"],
        created_at=row["created_at"],
        received_at=row["created_at"] if received is None else received,
        hours=body.get("hours"),
        due_at=row["due_at"],
        replied_at=row["replied_at"],
        score=rating.get("score"),
        scored_at=rating.get("at"),
        steps=tuple(steps),
    )
