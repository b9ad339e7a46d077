"""Search: an index of words (FTS5) of what people said, of tickets and of who they are.

Messages are brought into it after they were taken in, before the next search at the latest: taking in costs nothing
more for it. ``conversations.indexed_seq`` says how far that has come.
"""

import sqlite3
from collections.abc import Sequence

from hub.model import Conversation, Found, FoundKind, Message, Ticket, derived_id
from hub.store.search import asked, message_words, person_words, ticket_words
from hub.store.sqlite import tickets
from hub.store.sqlite.rows import conversation_of, message_of

#: Rows are numbered by time, so that the newest are found first without sorting.
_PLACES = 20


def find(c: sqlite3.Connection, question: str, kind: FoundKind | None, limit: int, skip: int) -> list[Found]:
    whole, begun = asked(question)
    terms = [f'"{word}"' for word in whole] + ([f'"{begun}"*'] if begun else [])
    if not terms:
        return []
    rows = c.execute(
        "SELECT r.kind, r.ref, r.conversation, r.at FROM search_words JOIN search_rows r ON r.n = search_words.rowid"
        " WHERE search_words MATCH ? AND (? IS NULL OR r.kind = ?) ORDER BY search_words.rowid DESC"
        " LIMIT ? OFFSET ?",
        (" ".join(terms), kind, kind, limit, skip),
    )
    return [Found(**dict(row)) for row in rows]


def behind(c: sqlite3.Connection) -> bool:
    """Whether something was said that is not in the index."""
    waits = "SELECT 1 FROM conversations WHERE last_seq > indexed_seq LIMIT 1"
    return c.execute(waits).fetchone() is not None


def bring_forward(c: sqlite3.Connection, limit: int) -> int:
    """Take up to ``limit`` messages into the index; how many conversations were behind."""
    rows = c.execute("SELECT * FROM conversations WHERE last_seq > indexed_seq LIMIT ?", (limit,)).fetchall()
    left, done = limit, 0
    for row in rows:
        if left <= 0:
            break
        put_person(c, conversation_of(row))
        if row["indexed_seq"] < 0:
            for one in c.execute("SELECT * FROM tickets WHERE conversation = ?", (row["id"],)).fetchall():
                put_ticket(c, tickets.ticket_of(c, one))
        found = c.execute(
            "SELECT * FROM messages WHERE conversation = ? AND seq > ? ORDER BY seq LIMIT ?",
            (row["id"], row["indexed_seq"], left),
        ).fetchall()
        for message in found:
            put_message(c, message_of(message))
        upto = found[-1]["seq"] if len(found) == left else row["last_seq"]
        c.execute("UPDATE conversations SET indexed_seq = ? WHERE id = ?", (upto, row["id"]))
        left -= len(found)
        done += 1
    return done


def put_message(c: sqlite3.Connection, message: Message) -> None:
    _put(c, "message", message.id, message.conversation, message.at, message_words(message))


def put_ticket(c: sqlite3.Connection, ticket: Ticket) -> None:
    _put(c, "ticket", ticket.id, ticket.conversation, ticket.created_at, ticket_words(ticket))


def put_person(c: sqlite3.Connection, conversation: Conversation) -> None:
    _put(c, "person", conversation.id, conversation.id, conversation.created_at, person_words(conversation))


def forget(c: sqlite3.Connection, conversation: str) -> None:
    """Nothing that was said there, and nobody, is found any more; its tickets are written anew by who erases."""
    where = "conversation = ? AND kind <> 'ticket'"
    for (n,) in c.execute(f"SELECT n FROM search_rows WHERE {where}", (conversation,)).fetchall():  # noqa: S608
        _remove(c, n)
    c.execute("UPDATE conversations SET indexed_seq = last_seq WHERE id = ?", (conversation,))


def compact(c: sqlite3.Connection) -> None:
    """What was removed is gone from the file's pages too, not only marked."""
    c.execute("INSERT INTO search_words (search_words) VALUES ('optimize')")


def _put(
    c: sqlite3.Connection, kind: FoundKind, ref: str, conversation: str, at: int, words: Sequence[str]
) -> None:
    text = " ".join(words)
    before = c.execute(
        "SELECT r.n, w.words FROM search_rows r JOIN search_words w ON w.rowid = r.n WHERE r.ref = ?", (ref,)
    ).fetchone()
    if before is not None:
        if before["words"] == text:
            return
        _remove(c, before["n"])
    if not words:
        return
    n = (max(at, 0) << _PLACES) | (int(derived_id("", ref)[-5:], 16) % 2**_PLACES)
    while not c.execute(
        "INSERT OR IGNORE INTO search_rows (n, kind, ref, conversation, at) VALUES (?,?,?,?,?)",
        (n, kind, ref, conversation, at),
    ).rowcount:
        n += 1
    c.execute("INSERT INTO search_words (rowid, words) VALUES (?,?)", (n, text))


def _remove(c: sqlite3.Connection, n: int) -> None:
    c.execute("DELETE FROM search_words WHERE rowid = ?", (n,))
    c.execute("DELETE FROM search_rows WHERE n = ?", (n,))
