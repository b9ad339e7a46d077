"""Counting the books: every citizen message in exactly one column, and everything that does not add up."""

import sqlite3

from hub.ports import BookLine, Books

# A message the bot answered counts as answered once all that the turn said is out; until then it waits. If a reply
# died, the message counts as ticketed, because the outbox then opens a ticket (turn "<reply>:undelivered").
_LINES = """
SELECT c.channel AS channel, date(m.at / 1000 + 25200, 'unixepoch') AS day,
    CASE
        WHEN m.outcome IS NULL THEN 'waiting'
        WHEN m.outcome <> 'answered' THEN m.outcome
        WHEN EXISTS (SELECT 1 FROM messages r WHERE r.turn = m.turn AND r.delivery IN ('queued', 'sending'))
            THEN 'waiting'
        WHEN EXISTS (SELECT 1 FROM messages r WHERE r.turn = m.turn
                     AND r.delivery IN ('failed', 'unknown', 'window_closed')) THEN 'ticketed'
        ELSE 'answered'
    END AS place, count(*) AS n
FROM messages m JOIN conversations c ON c.id = m.conversation
WHERE m.author = 'citizen' GROUP BY 1, 2, 3 ORDER BY 1, 2
"""

_PROBLEMS = (
    (
        "messages are missing in conversation {0}: the newest is number {1}, {2} are there",
        "SELECT c.id, c.last_seq, count(m.seq) AS n FROM conversations c LEFT JOIN messages m ON m.conversation = c.id"
        " GROUP BY c.id HAVING count(m.seq) <> c.last_seq OR coalesce(max(m.seq), 0) <> c.last_seq",
    ),
    (
        "message {1} of conversation {0} counts as answered, but its turn said nothing",
        "SELECT m.conversation, m.seq FROM messages m WHERE m.author = 'citizen' AND m.outcome = 'answered'"
        " AND NOT EXISTS (SELECT 1 FROM messages r WHERE r.turn = m.turn AND r.author <> 'citizen')",
    ),
    (
        "message {1} of conversation {0} counts as ticketed, but the conversation has no ticket",
        "SELECT m.conversation, min(m.seq) FROM messages m WHERE m.author = 'citizen' AND m.outcome = 'ticketed'"
        " AND NOT EXISTS (SELECT 1 FROM tickets t WHERE t.conversation = m.conversation)"
        " GROUP BY m.conversation",
    ),
    (
        "message {1} of conversation {0} waits, but no turn is due",
        "SELECT m.conversation, m.seq FROM messages m JOIN conversations c ON c.id = m.conversation"
        " WHERE m.author = 'citizen' AND m.outcome IS NULL AND (c.due_at IS NULL OR c.owner = 'human')",
    ),
    (
        "reply {1} of conversation {0} is {2} and nobody was told",
        "SELECT m.conversation, m.seq, m.delivery FROM messages m"
        " WHERE m.author IN ('bot', 'system') AND m.delivery IN ('failed', 'unknown', 'window_closed')"
        " AND m.turn NOT LIKE '%:undelivered' AND NOT m.erased"
        " AND NOT EXISTS (SELECT 1 FROM turns t WHERE t.id = m.id || ':undelivered')",
    ),
    (
        "turn {0} is doubled: its messages carry a number twice",
        "SELECT turn FROM messages WHERE turn IS NOT NULL AND author <> 'citizen' GROUP BY turn, id HAVING count(*) > 1",
    ),
)

_STUCK = (
    (
        "conversation {0} is stuck: its turn has been due for {1} s",
        "SELECT id, (:now - max(due_at, lease_until)) / 1000 FROM conversations"
        " WHERE due_at IS NOT NULL AND max(due_at, lease_until) < :limit",
    ),
    (
        "reply {1} of conversation {0} is stuck in sending",
        "SELECT conversation, seq FROM messages WHERE delivery = 'sending' AND lease_until < :limit",
    ),
    (
        "delivery {0} of {1} is stuck before parsing",
        "SELECT id, channel FROM raw WHERE state = 'waits' AND max(lease_until, received_at) < :limit",
    ),
    (
        "delivery {0} of {1} is stuck: taken in, but not finished",
        "SELECT id, channel FROM raw WHERE unfinished = 1 AND max(lease_until, received_at) < :limit",
    ),
    (
        "notice {0} about case {1} is stuck: nobody mails it",
        "SELECT id, ticket FROM notices WHERE due_at < :limit ORDER BY id",
    ),
)


def balance(c: sqlite3.Connection, now: int, grace_ms: int) -> Books:
    days: dict[tuple[str, str], dict[str, int]] = {}
    for row in c.execute(_LINES):
        days.setdefault((row["channel"], row["day"]), {})[row["place"]] = row["n"]
    lines = tuple(
        BookLine(
            channel=channel,
            day=day,
            ticketed=places.get("ticketed", 0),
            answered=places.get("answered", 0),
            no_reply_due=places.get("no_reply_due", 0),
            waiting=places.get("waiting", 0),
        )
        for (channel, day), places in days.items()
    )
    raw = c.execute(
        "SELECT coalesce(sum(events), 0) AS events, coalesce(sum(duplicates), 0) AS duplicates,"
        " coalesce(sum(refused), 0) AS refused, coalesce(sum(state = 'waits' OR unfinished), 0) AS unparsed FROM raw"
    ).fetchone()
    kept = c.execute(
        "SELECT (SELECT count(*) FROM messages WHERE author = 'citizen') + (SELECT count(*) FROM events)"
    ).fetchone()[0]
    problems = [text.format(*row) for text, sql in _PROBLEMS for row in c.execute(sql)]
    limits = {"now": now, "limit": now - grace_ms}
    problems += [text.format(*row) for text, sql in _STUCK for row in c.execute(sql, limits)]
    if kept != raw["events"]:
        problems.append(f"deliveries brought {raw['events']} events, {kept} are kept")
    return Books(
        lines=lines,
        raw_items=raw["events"] + raw["duplicates"] + raw["refused"],
        events=kept,
        duplicates=raw["duplicates"],
        refused=raw["refused"],
        unparsed=raw["unparsed"],
        problems=tuple(problems),
    )
