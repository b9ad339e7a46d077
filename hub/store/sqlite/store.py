"""``hub.ports.Store`` on SQLite. Reads top to bottom as the port does; the turn is in ``turns``, the books in
``books``."""

import json
import secrets
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from hub.audit import AuditEntry, AuditNote, AuditQuery
from hub.errors import HalfCopied
from hub.facts import Case, Heard
from hub.model import (
    FINAL,
    Aside,
    Attachment,
    Blob,
    Committed,
    Consent,
    Conversation,
    ConversationQuery,
    Delivery,
    EditState,
    Event,
    Found,
    FoundKind,
    Intake,
    KnowledgeDoc,
    KnowledgeEdit,
    KnowledgeKind,
    Lease,
    MediaJob,
    Message,
    Notice,
    NoticeDelivery,
    NoticeJob,
    Outgoing,
    Presence,
    Raw,
    ReviewGroup,
    ReviewItem,
    ReviewReason,
    ReviewState,
    Staff,
    State,
    Ticket,
    TicketQuery,
    Turn,
)
from hub.ports import Books
from hub.store.sqlite import (
    audit,
    facts,
    jobs,
    knowledge,
    media,
    moving,
    notices,
    people,
    reviews,
    search,
    tickets,
)
from hub.store.sqlite import conversations as talks
from hub.store.sqlite.blobs import Blobs
from hub.store.sqlite.books import balance
from hub.store.sqlite.engine import Engine, Work, migrations
from hub.store.sqlite.erasing import erase
from hub.store.sqlite.intake import finish, postpone, put_aside, replay, take_in
from hub.store.sqlite.rows import (
    conversation_of,
    knowledge_of,
    message_of,
    raw_of,
    staff_of,
    touch,
)
from hub.store.sqlite.turns import commit

T = TypeVar("T")

#: What a search brings into the index before it looks: more is left to whoever does that all the time.
INDEXED_FIRST, INDEXED_AT_ONCE = 10, 500

PUT_RAW = (
    "INSERT INTO raw (id, channel, received_at, body, headers) VALUES (?,?,?,?,?) ON CONFLICT (id) DO NOTHING"
)


class SqliteStore:
    """One file. Safe for several processes on one machine: every write takes the file's lock."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._engine = Engine(path, migrations())
        self._blobs = Blobs(self._engine, path)

    async def open(self) -> None:
        await self._engine.open()
        if await self._engine.read(moving.progress) is not None:
            await self.close()
            raise HalfCopied(f"the store {self.path}")

    async def close(self) -> None:
        await self._engine.close()

    async def ping(self) -> None:
        await self._engine.write(lambda c: c.execute("UPDATE counters SET value = value WHERE name = 'ping'"))

    # -- intake

    async def put_raw(self, raw: Raw) -> None:
        headers = json.dumps(raw.headers) if raw.headers else "{}"
        await self._engine.put(PUT_RAW, (raw.id, raw.channel, raw.received_at, raw.body, headers))

    async def lease_raw(self, *, now: int, until: int) -> Raw | None:
        def work(c: sqlite3.Connection) -> Raw | None:
            row = c.execute(
                "UPDATE raw SET lease_until = ? WHERE n = (SELECT n FROM raw AS one"
                " WHERE (state = 'waits' OR unfinished = 1) AND lease_until <= ? AND NOT EXISTS (SELECT 1 FROM raw"
                " WHERE n < one.n AND state = 'waits' AND channel = one.channel AND lease_until > ?)"
                " ORDER BY n LIMIT 1) RETURNING *",
                (until, now, now),
            ).fetchone()
            return raw_of(row) if row else None

        return await self._engine.write(work)

    async def take_in(
        self,
        raw: Raw,
        events: Sequence[Event],
        *,
        refused: int,
        error: str | None,
        now: int,
        due_at: int,
        finished: bool = True,
    ) -> Intake:
        return await self._engine.write(
            lambda c: take_in(
                c, raw, events, refused=refused, error=error, now=now, due_at=due_at, finished=finished
            )
        )

    async def postpone_raw(self, raw: str, *, until: int) -> None:
        await self._engine.write(lambda c: postpone(c, raw, until))

    async def finish_raw(self, raw: str) -> None:
        await self._engine.write(lambda c: finish(c, raw))

    async def put_aside(self, *, limit: int) -> list[Aside]:
        return await self._engine.read(lambda c: put_aside(c, limit))

    async def raw(self, raw: str) -> Raw | None:
        row = await self._one("SELECT * FROM raw WHERE id = ?", raw)
        return raw_of(row) if row else None

    async def replay_raw(self, raw: str, *, now: int) -> bool:
        return await self._engine.write(lambda c: replay(c, raw, now))

    # -- media

    async def lease_media(self, *, now: int, until: int) -> MediaJob | None:
        return await self._engine.write(lambda c: media.lease(c, now, until))

    async def settle_media(
        self, job: MediaJob, attachments: Sequence[Attachment], *, now: int, retry_at: int | None = None
    ) -> bool:
        return await self._engine.write(lambda c: media.settle(c, job, attachments, now, retry_at))

    async def put_blob(self, data: bytes, *, media_type: str, now: int) -> str:
        return await self._blobs.put(data, media_type, now)

    async def blob(self, blob: str) -> Blob | None:
        return await self._blobs.get(blob)

    # -- turns

    async def lease_conversation(self, *, now: int, until: int) -> Lease | None:
        token = secrets.token_hex(8)

        def work(c: sqlite3.Connection) -> Lease | None:
            row = c.execute(
                "UPDATE conversations SET lease_token = ?, lease_until = ?, attempts = attempts + 1 WHERE id ="
                " (SELECT id FROM conversations WHERE due_at IS NOT NULL AND due_at <= ? AND lease_until <= ?"
                " ORDER BY due_at LIMIT 1) RETURNING *",
                (token, until, now, now),
            ).fetchone()
            if row is None:
                return None
            return Lease(
                conversation=conversation_of(row), token=token, until=until, attempts=row["attempts"]
            )

        return await self._engine.write(work)

    async def release_conversation(self, lease: Lease, *, due_at: int) -> None:
        await self._engine.write(
            lambda c: c.execute(
                "UPDATE conversations SET lease_token = NULL, lease_until = 0, attempts = attempts - 1, due_at = ?"
                " WHERE id = ? AND lease_token = ? AND due_at IS NOT NULL",
                (due_at, lease.conversation.id, lease.token),
            )
        )

    async def commit_turn(self, turn: Turn, lease: Lease | None = None) -> Committed:
        return await self._engine.write(lambda c: commit(c, turn, lease))

    async def turn(self, turn: str) -> Turn | None:
        row = await self._one("SELECT body FROM turns WHERE id = ?", turn)
        return Turn.model_validate_json(row["body"]) if row else None

    async def lease_notice(self, *, now: int, until: int) -> NoticeJob | None:
        return await self._engine.write(lambda c: notices.lease(c, now, until))

    async def settle_notice(
        self,
        job: NoticeJob,
        delivery: NoticeDelivery,
        *,
        now: int,
        retry_at: int | None = None,
        error: str | None = None,
    ) -> bool:
        return await self._engine.write(lambda c: notices.settle(c, job, delivery, now, retry_at, error))

    async def fail_notice(self, notice: str, *, now: int, error: str) -> Notice | None:
        return await self._engine.write(lambda c: notices.fail(c, notice, now, error))

    async def notices(self, ticket: str) -> list[Notice]:
        return await self._engine.read(lambda c: notices.of_ticket(c, ticket))

    async def next_ticket_number(self, year: int) -> int:
        return await self._engine.write(lambda c: _count_up(c, f"ticket-{year}"))

    # -- outbox

    async def lease_outbox(self, *, now: int, until: int, limit: int) -> list[Outgoing]:
        def work(c: sqlite3.Connection) -> list[Outgoing]:
            rows = c.execute(
                "SELECT m.* FROM messages m WHERE m.delivery IN ('queued', 'sending')"
                " AND NOT EXISTS (SELECT 1 FROM messages e WHERE e.delivery IN ('queued', 'sending')"
                " AND e.conversation = m.conversation AND e.seq < m.seq)"
                " AND ((m.delivery = 'queued' AND m.retry_at <= ?) OR (m.delivery = 'sending' AND m.lease_until <= ?))"
                " ORDER BY m.at LIMIT ?",
                (now, now, limit),
            ).fetchall()
            leased = []
            for row in rows:
                token = secrets.token_hex(8)
                c.execute(
                    "UPDATE messages SET delivery = 'sending', lease_token = ?, lease_until = ?,"
                    " attempts = attempts + 1 WHERE conversation = ? AND seq = ?",
                    (token, until, row["conversation"], row["seq"]),
                )
                conversation = c.execute(
                    "SELECT * FROM conversations WHERE id = ?", (row["conversation"],)
                ).fetchone()
                leased.append(
                    Outgoing(
                        message=message_of(row),
                        conversation=conversation_of(conversation),
                        token=token,
                        attempts=row["attempts"] + 1,
                        interrupted=row["delivery"] == "sending",
                    )
                )
            return leased

        return await self._engine.write(work)

    async def settle_outgoing(
        self,
        item: Outgoing,
        delivery: Delivery,
        *,
        now: int,
        retry_at: int | None = None,
        external_id: str | None = None,
        error: str | None = None,
    ) -> bool:
        def work(c: sqlite3.Connection) -> bool:
            done = c.execute(
                "UPDATE messages SET delivery = ?, retry_at = ?, external_id = coalesce(?, external_id), error = ?,"
                " lease_token = NULL, lease_until = 0 WHERE id = ? AND lease_token = ?",
                (delivery, retry_at or 0, external_id, error, item.message.id, item.token),
            ).rowcount
            if done and delivery in FINAL:
                touch(c, item.message.conversation, now)
            return done == 1

        return await self._engine.write(work)

    async def mark_delivered(self, conversation: str, upto_seq: int, delivery: Delivery, *, now: int) -> None:
        marked = "delivery = 'sent'" if delivery == "delivered" else "delivery IN ('sent', 'delivered')"

        def work(c: sqlite3.Connection) -> None:
            changed = c.execute(
                f"UPDATE messages SET delivery = ? WHERE conversation = ? AND seq <= ? AND {marked}",  # noqa: S608
                (delivery, conversation, upto_seq),
            ).rowcount
            if delivery == "read":
                changed += c.execute(
                    "UPDATE conversations SET citizen_read_seq = min(?, last_seq)"
                    " WHERE id = ? AND citizen_read_seq < min(?, last_seq)",
                    (upto_seq, conversation, upto_seq),
                ).rowcount
            if changed:
                touch(c, conversation, now)

        await self._engine.write(work)

    async def confirm_sent(self, message: str, *, external_id: str, now: int) -> bool:
        return await self._engine.write(lambda c: people.confirm_sent(c, message, external_id, now))

    async def mark_staff_read(self, conversation: str, upto_seq: int, *, now: int) -> None:
        def work(c: sqlite3.Connection) -> None:
            if c.execute(
                "UPDATE conversations SET staff_read_seq = min(?, last_seq)"
                " WHERE id = ? AND staff_read_seq < min(?, last_seq)",
                (upto_seq, conversation, upto_seq),
            ).rowcount:
                touch(c, conversation, now)

        await self._engine.write(work)

    # -- what citizens do besides speaking

    async def amend_message(
        self, message: str, *, now: int, text: str | None = None, data: Mapping[str, Any] = {}
    ) -> Message | None:
        return await self._engine.write(lambda c: people.amend(c, message, text, data, now))

    async def note_person(
        self,
        conversation: str,
        *,
        now: int,
        interacted_at: int | None = None,
        name: str | None = None,
        contact: Mapping[str, str] = {},
        unreachable: str | None = None,
        reachable: bool = False,
    ) -> bool:
        return await self._engine.write(
            lambda c: people.note(
                c, conversation, now, interacted_at=interacted_at, name=name, contact=contact,
                unreachable=unreachable, reachable=reachable,
            )
        )  # fmt: skip

    async def erase_person(self, conversation: str, *, now: int) -> bool:
        there = await self._engine.write(lambda c: erase(c, conversation, now))
        await self._blobs.clear(now)
        return there

    async def put_consent(self, consent: Consent) -> None:
        await self._engine.write(lambda c: people.put_consent(c, consent))

    async def consents(self, conversation: str) -> list[Consent]:
        return await self._engine.read(lambda c: people.consents(c, conversation))

    # -- reading

    async def message(self, message: str) -> Message | None:
        return await self._engine.read(lambda c: people.message(c, message))

    async def message_by_external(self, channel: str, account: str, external_id: str) -> Message | None:
        return await self._engine.read(lambda c: people.message_by_external(c, channel, account, external_id))

    async def conversation(self, conversation: str) -> Conversation | None:
        row = await self._one("SELECT * FROM conversations WHERE id = ?", conversation)
        return conversation_of(row) if row else None

    async def messages(self, conversation: str, *, after: int = 0, limit: int = 200) -> list[Message]:
        rows = await self._all(
            "SELECT * FROM messages WHERE conversation = ? AND seq > ? ORDER BY seq LIMIT ?",
            conversation,
            after,
            limit,
        )
        return [message_of(row) for row in rows]

    async def recent_messages(
        self, conversation: str, *, before: int | None = None, limit: int = 50
    ) -> list[Message]:
        rows = await self._all(
            "SELECT * FROM messages WHERE conversation = ? AND seq < ? ORDER BY seq DESC LIMIT ?",
            conversation,
            before if before is not None else 2**62,
            limit,
        )
        return [message_of(row) for row in reversed(rows)]

    async def find_tickets(self, query: TicketQuery, *, limit: int, skip: int = 0) -> list[Ticket]:
        return await self._engine.read(lambda c: tickets.find(c, query, limit, skip))

    async def tickets_by_change(
        self, query: TicketQuery, *, after: tuple[int, str], limit: int
    ) -> list[tuple[int, Ticket]]:
        return await self._engine.read(lambda c: tickets.by_change(c, query, after, limit))

    async def count_tickets(self, query: TicketQuery) -> int:
        return await self._engine.read(lambda c: tickets.count(c, query))

    async def find_conversations(
        self, query: ConversationQuery, *, limit: int, skip: int = 0
    ) -> list[Conversation]:
        return await self._engine.read(lambda c: talks.find(c, query, limit, skip))

    async def set_person(self, conversations: Sequence[str], person: str | None, *, now: int) -> None:
        await self._engine.write(lambda c: talks.set_person(c, conversations, person, now))

    async def conversations(self, ids: Sequence[str]) -> dict[str, Conversation]:
        return await self._engine.read(lambda c: talks.by_id(c, ids))

    async def search(
        self, question: str, *, limit: int, skip: int = 0, kind: FoundKind | None = None
    ) -> list[Found]:
        for _ in range(INDEXED_FIRST):
            if not await self.index_words(limit=INDEXED_AT_ONCE):
                break
        return await self._engine.read(lambda c: search.find(c, question, kind, limit, skip))

    async def index_words(self, *, limit: int) -> int:
        if not await self._engine.read(search.behind):
            return 0
        return await self._engine.write(lambda c: search.bring_forward(c, limit))

    async def held_tickets(self) -> list[tuple[str, str]]:
        return await self._engine.read(tickets.held)

    async def ticket(self, ticket: str) -> Ticket | None:
        return await self._engine.read(lambda c: tickets.get(c, "id", ticket))

    async def ticket_by_code(self, code: str) -> Ticket | None:
        return await self._engine.read(lambda c: tickets.get(c, "code", code))

    async def touched_since(self, at: int) -> list[tuple[str, int]]:
        rows = await self._all("SELECT id, version FROM conversations WHERE touched_at >= ?", at)
        return [(row["id"], row["version"]) for row in rows]

    # -- knowledge

    async def knowledge_revision(self) -> int:
        return await self._engine.read(knowledge.revision)

    async def knowledge(self) -> list[KnowledgeDoc]:
        return [knowledge_of(row) for row in await self._all("SELECT * FROM knowledge ORDER BY kind, id")]

    async def put_knowledge(self, docs: Sequence[KnowledgeDoc], *, now: int) -> int:
        return await self._engine.write(lambda c: knowledge.put(c, docs, now))

    async def knowledge_entry(self, kind: KnowledgeKind, entry: str) -> KnowledgeDoc | None:
        return await self._engine.read(lambda c: knowledge.entry(c, kind, entry))

    async def commit_edit(self, edit: KnowledgeEdit, *, expects: EditState | None = None) -> None:
        await self._engine.write(lambda c: knowledge.commit_edit(c, edit, expects, edit.moved_at))

    async def knowledge_edit(self, edit: str) -> KnowledgeEdit | None:
        return await self._engine.read(lambda c: knowledge.edit(c, edit))

    async def knowledge_edits(
        self,
        *,
        kind: KnowledgeKind | None = None,
        entry: str | None = None,
        state: EditState | None = None,
        by: str | None = None,
        limit: int,
    ) -> list[KnowledgeEdit]:
        wanted = {"kind": kind, "entry": entry, "state": state, "by": by}
        return await self._engine.read(lambda c: knowledge.edits(c, wanted, limit))

    # -- what the editors should look at

    async def put_review(self, item: ReviewItem) -> None:
        await self._engine.write(lambda c: reviews.put(c, item))

    async def reviews(
        self, *, key: str | None = None, conversation: str | None = None, limit: int
    ) -> list[ReviewItem]:
        wanted = {"key": key, "conversation": conversation}
        return await self._engine.read(lambda c: reviews.find(c, wanted, limit))

    async def review_groups(
        self, state: ReviewState, *, reason: ReviewReason | None = None, limit: int
    ) -> list[ReviewGroup]:
        return await self._engine.read(lambda c: reviews.groups(c, state, reason, limit))

    async def settle_reviews(self, key: str, state: ReviewState, *, by: str, now: int) -> int:
        return await self._engine.write(lambda c: reviews.settle(c, key, state, by, now))

    # -- people

    async def staff(self, staff: str) -> Staff | None:
        row = await self._one("SELECT body FROM staff WHERE id = ?", staff)
        return staff_of(row) if row else None

    async def staff_by_login(self, login: str) -> Staff | None:
        row = await self._one("SELECT body FROM staff WHERE login = ?", login)
        return staff_of(row) if row else None

    async def put_staff(self, staff: Staff) -> None:
        await self._engine.write(
            lambda c: c.execute(
                "INSERT INTO staff (id, login, body) VALUES (?,?,?)"
                " ON CONFLICT (id) DO UPDATE SET login = excluded.login, body = excluded.body",
                (staff.id, staff.login, staff.model_dump_json()),
            )
        )

    async def swap_staff(self, before: Staff, after: Staff) -> bool:
        def work(c: sqlite3.Connection) -> bool:
            row = c.execute("SELECT body FROM staff WHERE id = ?", (before.id,)).fetchone()
            if row is None or staff_of(row) != before:
                return False
            c.execute(
                "UPDATE staff SET login = ?, body = ? WHERE id = ?",
                (after.login, after.model_dump_json(), before.id),
            )
            return True

        return await self._engine.write(work)

    async def count_staff(self) -> int:
        row = await self._one("SELECT count(*) AS n FROM staff")
        return int(row["n"]) if row else 0

    async def everybody(self) -> list[Staff]:
        return [staff_of(row) for row in await self._all("SELECT body FROM staff ORDER BY login")]

    async def put_presence(self, presence: Presence) -> None:
        await self._engine.write(
            lambda c: c.execute(
                "INSERT INTO presence (staff, status, seen_at, conversation, typing_at) VALUES (?,?,?,?,?)"
                " ON CONFLICT (staff) DO UPDATE SET status = excluded.status, seen_at = excluded.seen_at,"
                " conversation = excluded.conversation, typing_at = excluded.typing_at",
                tuple(presence.model_dump().values()),
            )
        )

    async def presences(self, *, since: int) -> list[Presence]:
        rows = await self._all("SELECT * FROM presence WHERE seen_at >= ? ORDER BY staff", since)
        return [Presence(**dict(row)) for row in rows]

    async def count_hit(self, key: str, *, now: int, window_ms: int) -> int:
        def work(c: sqlite3.Connection) -> int:
            c.execute("DELETE FROM hits WHERE key = ? AND at <= ?", (key, now - window_ms))
            c.execute("INSERT INTO hits (key, at) VALUES (?,?)", (key, now))
            return int(c.execute("SELECT count(*) FROM hits WHERE key = ?", (key,)).fetchone()[0])

        return await self._engine.write(work)

    async def clear_hits(self, key: str) -> None:
        await self._engine.write(lambda c: c.execute("DELETE FROM hits WHERE key = ?", (key,)))

    # -- jobs that one process at a time does

    async def hold(self, job: str, holder: str, *, now: int, until: int) -> bool:
        return await self._engine.write(lambda c: jobs.hold(c, job, holder, now, until))

    async def let_go(self, job: str, holder: str) -> None:
        await self._engine.write(lambda c: jobs.let_go(c, job, holder))

    async def state(self, name: str) -> State | None:
        return await self._engine.read(lambda c: jobs.state(c, name))

    async def put_state(self, name: str, body: bytes, *, expects: int, now: int) -> bool:
        return await self._engine.write(lambda c: jobs.put_state(c, name, body, expects, now))

    # -- the audit log

    async def append_audit(self, note: AuditNote) -> AuditEntry:
        return await self._engine.write(lambda c: audit.append(c, note))

    async def audit(self, query: AuditQuery, *, limit: int) -> list[AuditEntry]:
        return await self._engine.read(lambda c: audit.find(c, query, limit))

    async def audit_after(self, n: int, *, limit: int) -> list[AuditEntry]:
        return await self._engine.read(lambda c: audit.after(c, n, limit))

    async def sweep(self, *, now: int) -> int:
        hits = await self._engine.write(lambda c: jobs.sweep(c, now))
        return hits + await self._blobs.clear(now)

    # -- what reports are counted from

    async def heard(self, *, since: int, until: int) -> list[Heard]:
        return await self._engine.read(lambda c: facts.heard(c, since, until))

    async def cases(self, *, since: int, until: int) -> list[Case]:
        return await self._engine.read(lambda c: facts.cases(c, since, until))

    # -- the books

    async def books(self, *, now: int, grace_ms: int) -> Books:
        return await self._engine.read(lambda c: balance(c, now, grace_ms))

    # -- helpers

    async def _one(self, sql: str, *values: object) -> sqlite3.Row | None:
        def work(c: sqlite3.Connection) -> sqlite3.Row | None:
            row: sqlite3.Row | None = c.execute(sql, values).fetchone()
            return row

        return await self._engine.read(work)

    async def _all(self, sql: str, *values: object) -> list[sqlite3.Row]:
        work: Work[list[sqlite3.Row]] = lambda c: c.execute(sql, values).fetchall()  # noqa: E731
        return await self._engine.read(work)


def _count_up(c: sqlite3.Connection, name: str) -> int:
    row = c.execute(
        "INSERT INTO counters (name, value) VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET value = value + 1"
        " RETURNING value",
        (name,),
    ).fetchone()
    return int(row["value"])
