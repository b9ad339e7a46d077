"""The atomic turn: everything one actor decided, carried out inside the writer's transaction."""

import json
import sqlite3

from hub.errors import LeaseLost, NotFound, OwnerChanged
from hub.model import Committed, Conversation, Lease, Message, Turn, derived_id
from hub.store.sqlite import notices, reviews, search, tickets
from hub.store.sqlite.rows import conversation_of, insert_message, message_of
from hub.store.tickets import ticket_after


def commit(c: sqlite3.Connection, turn: Turn, lease: Lease | None) -> Committed:
    done = c.execute("SELECT body FROM turns WHERE id = ?", (turn.id,)).fetchone()
    if done is not None:
        said = c.execute(
            "SELECT * FROM messages WHERE turn = ? AND author <> 'citizen' ORDER BY seq", (turn.id,)
        )
        return Committed(
            turn=Turn.model_validate_json(done["body"]),
            messages=tuple(message_of(row) for row in said),
            fresh=False,
        )
    row = c.execute("SELECT * FROM conversations WHERE id = ?", (turn.conversation,)).fetchone()
    if row is None:
        raise NotFound(f"no conversation {turn.conversation}")
    if lease is not None and row["lease_token"] != lease.token:
        raise LeaseLost(f"another worker goes on with {turn.conversation}")
    if turn.expects_epoch is not None and row["epoch"] != turn.expects_epoch:
        raise OwnerChanged(f"a person took over {turn.conversation}")
    before = conversation_of(row)
    c.execute(
        "INSERT INTO turns (id, conversation, at, body, actor, facts) VALUES (?,?,?,?,?,?)",
        (turn.id, turn.conversation, turn.at, turn.model_dump_json(), *decided(turn)),
    )
    _settle_inbound(c, turn, before)
    messages = _say(c, turn, before.last_seq)
    if turn.ticket is not None:
        tickets.insert(c, turn.ticket)
        search.put_ticket(c, turn.ticket)
    if turn.change is not None:
        search.put_ticket(c, tickets.change(c, turn, turn.change))
    for notice in turn.notices:
        notices.add(c, notice)
    if turn.review is not None:
        reviews.put(c, turn.review)
    _move_conversation(c, turn, before, len(messages))
    return Committed(turn=turn, messages=messages, fresh=True)


def decided(turn: Turn) -> tuple[str, str]:
    """What reports ask of a turn: who took it, and the facts as JSON."""
    return turn.actor, json.dumps(turn.facts, ensure_ascii=False)


def _settle_inbound(c: sqlite3.Connection, turn: Turn, before: Conversation) -> None:
    if turn.handles:
        c.execute(
            "UPDATE messages SET outcome = ?, turn = ? WHERE conversation = ? AND seq <= ? AND author = 'citizen'"
            " AND outcome IS NULL",
            (turn.outcome, turn.id, before.id, turn.handles),
        )
    if turn.owner == "human":  # what came in while this was decided belongs to the person too
        c.execute(
            "UPDATE messages SET outcome = 'ticketed', turn = ? WHERE conversation = ? AND author = 'citizen'"
            " AND outcome IS NULL",
            (turn.id, before.id),
        )


def _say(c: sqlite3.Connection, turn: Turn, last_seq: int) -> tuple[Message, ...]:
    messages = tuple(
        Message(
            id=derived_id("m", turn.id, str(place)),
            conversation=turn.conversation,
            seq=last_seq + 1 + place,
            author=turn.author_of(draft),
            author_id=turn.actor_id,
            text=draft.text,
            buttons=draft.buttons,
            attachments=draft.attachments,
            internal=draft.internal,
            private=draft.private,
            knowledge=draft.knowledge,
            data=draft.data,
            at=turn.at,
            external_id=draft.said_elsewhere,
            reply_to=draft.reply_to,
            delivery=None if draft.internal else "sent" if draft.said_elsewhere else "queued",
            turn=turn.id,
        )
        for place, draft in enumerate(turn.says)
    )
    for message in messages:
        insert_message(c, message)
    return messages


def _move_conversation(c: sqlite3.Connection, turn: Turn, before: Conversation, said: int) -> None:
    owner = turn.owner or before.owner
    operator = turn.operator if turn.owner is not None else before.operator
    if owner == "bot":
        operator = None
    moved = (owner, operator) != (before.owner, before.operator)
    waiting = c.execute(
        "SELECT 1 FROM messages WHERE conversation = ? AND author = 'citizen' AND outcome IS NULL LIMIT 1",
        (before.id,),
    ).fetchone()
    last_seq = before.last_seq + said
    seen = before.staff_read_seq
    if turn.actor == "operator" or (
        turn.actor == "bot" and owner == "bot"
    ):  # handed over: nobody has seen it yet
        seen = max(seen, turn.handles)
    handled = before.last_seq if owner == "human" else max(before.handled_seq, turn.handles)
    c.execute(
        "UPDATE conversations SET owner = ?, operator = ?, epoch = epoch + ?, last_seq = ?, handled_seq = ?,"
        " staff_read_seq = ?, ticket = ?, dialogue = ?, touched_at = max(touched_at, ?), version = version + 1,"
        " due_at = CASE WHEN ? THEN due_at END, first_due_at = NULL WHERE id = ?",
        (
            owner,
            operator,
            moved,
            last_seq,
            handled,
            seen,
            ticket_after(before.ticket, turn),
            (turn.dialogue or before.dialogue).model_dump_json(),
            turn.at,
            waiting is not None,
            before.id,
        ),
    )
    if turn.actor == "bot" or owner == "human":
        c.execute(
            "UPDATE conversations SET lease_token = NULL, lease_until = 0, attempts = 0 WHERE id = ?",
            (before.id,),
        )
