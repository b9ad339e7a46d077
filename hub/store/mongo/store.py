"""``hub.ports.Store`` on MongoDB. Reads top to bottom as the port does; how it stays right without transactions is
told in ``journal``. ``find_one_and_update`` is asked for the document as it was: the server the tests run on may
give a later one when it is asked for the outcome (docs/stores.md)."""

import secrets
import time
from collections.abc import Mapping, Sequence
from typing import Any

import pymongo
from pymongo import ASCENDING, DESCENDING
from pymongo.errors import DuplicateKeyError

from hub.audit import AuditEntry, AuditNote, AuditQuery
from hub.errors import HalfCopied, StoreError
from hub.facts import Case, Heard
from hub.model import (
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
from hub.store.mongo import (
    audit,
    blobs,
    deliveries,
    facts,
    intake,
    jobs,
    knowledge,
    media,
    moving,
    notices,
    outbox,
    people,
    reviews,
    search,
    tickets,
)
from hub.store.mongo import conversations as talks
from hub.store.mongo.books import balance
from hub.store.mongo.database import Database, Document, put_new, reaching
from hub.store.mongo.documents import conversation_of, message_of, staff_of, turn_of
from hub.store.mongo.journal import Journal
from hub.store.mongo.turns import commit

KEEP_S = 1.5  # platforms want their 200 within 2 s: what is not kept by then goes to the spool
COUNT_S = 300.0  # counting all messages takes longer than any other call


class MongoStore:
    """One database. Safe for any number of hubs on any number of machines."""

    def __init__(self, url: str) -> None:
        self._db = Database(url)
        self._journal = Journal(self._db)

    @reaching
    async def open(self) -> None:
        await self._db.open()
        if await moving.progress(self._db) is not None:
            await self._db.close()
            raise HalfCopied("the database")
        await self._journal.sweep(now=time.time_ns() // 1_000_000, all_=True)

    async def close(self) -> None:
        await self._db.close()

    @reaching
    async def ping(self) -> None:
        await self._db.ping()

    # -- intake

    @reaching
    async def put_raw(self, raw: Raw) -> None:
        with pymongo.timeout(KEEP_S):
            await intake.put_raw(self._db, raw)

    @reaching
    async def lease_raw(self, *, now: int, until: int) -> Raw | None:
        return await intake.lease_raw(self._db, now=now, until=until)

    @reaching
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
        appending = intake.Appending(self._db, self._journal, raw, now, due_at)
        return await appending.take_in(events, refused=refused, error=error, finished=finished)

    @reaching
    async def finish_raw(self, raw: str) -> None:
        await deliveries.finish(self._db, raw)

    async def postpone_raw(self, raw: str, *, until: int) -> None:
        await self._db["raw"].update_one({"_id": raw, "state": "taken"}, {"$set": {"lease_until": until}})

    @reaching
    async def put_aside(self, *, limit: int) -> list[Aside]:
        return await deliveries.put_aside(self._db, limit)

    @reaching
    async def raw(self, raw: str) -> Raw | None:
        found = await self._db["raw"].find_one({"_id": raw})
        return await intake.whole_raw(self._db, found) if found else None

    @reaching
    async def replay_raw(self, raw: str, *, now: int) -> bool:
        return await deliveries.replay(self._db, raw, now)

    # -- media

    @reaching
    async def lease_media(self, *, now: int, until: int) -> MediaJob | None:
        return await media.lease(self._db, now=now, until=until)

    @reaching
    async def settle_media(
        self, job: MediaJob, attachments: Sequence[Attachment], *, now: int, retry_at: int | None = None
    ) -> bool:
        return await media.settle(self._db, self._journal, job, attachments, now=now, retry_at=retry_at)

    @reaching
    async def put_blob(self, data: bytes, *, media_type: str, now: int) -> str:
        return await blobs.put(self._db, data, media_type=media_type, now=now)

    @reaching
    async def blob(self, blob: str) -> Blob | None:
        return await blobs.get(self._db, blob)

    # -- turns

    @reaching
    async def lease_conversation(self, *, now: int, until: int) -> Lease | None:
        await self._journal.sweep(now=now)
        token = secrets.token_hex(8)
        found = await self._db["conversations"].find_one_and_update(
            {"due_at": {"$ne": None, "$lte": now}, "lease_until": {"$lte": now}},
            {
                "$set": {"lease_token": token, "lease_until": until},
                "$inc": {"attempts": 1, "revision": 1},
            },
            sort=[("due_at", ASCENDING)],
        )
        if found is None:
            return None
        await self._journal.finish(found)
        return Lease(
            conversation=conversation_of(found), token=token, until=until, attempts=found["attempts"] + 1
        )

    @reaching
    async def release_conversation(self, lease: Lease, *, due_at: int) -> None:
        await self._db["conversations"].update_one(
            {"_id": lease.conversation.id, "lease_token": lease.token, "due_at": {"$ne": None}},
            {
                "$set": {"lease_token": None, "lease_until": 0, "due_at": due_at},
                "$inc": {"attempts": -1, "revision": 1},
            },
        )

    @reaching
    async def commit_turn(self, turn: Turn, lease: Lease | None = None) -> Committed:
        return await commit(self._db, self._journal, turn, lease)

    @reaching
    async def turn(self, turn: str) -> Turn | None:
        found = await self._db["turns"].find_one({"_id": turn})
        return turn_of(found) if found else None

    @reaching
    async def lease_notice(self, *, now: int, until: int) -> NoticeJob | None:
        return await notices.lease(self._db, now=now, until=until)

    @reaching
    async def settle_notice(
        self,
        job: NoticeJob,
        delivery: NoticeDelivery,
        *,
        now: int,
        retry_at: int | None = None,
        error: str | None = None,
    ) -> bool:
        return await notices.settle(self._db, job, delivery, now=now, retry_at=retry_at, error=error)

    @reaching
    async def fail_notice(self, notice: str, *, now: int, error: str) -> Notice | None:
        return await notices.fail(self._db, notice, now=now, error=error)

    @reaching
    async def notices(self, ticket: str) -> list[Notice]:
        return await notices.of_ticket(self._db, ticket)

    @reaching
    async def next_ticket_number(self, year: int) -> int:
        counter = f"ticket-{year}"
        while True:
            before = await self._db["meta"].find_one_and_update({"_id": counter}, {"$inc": {"value": 1}})
            if before is not None:
                return int(before["value"]) + 1
            await put_new(self._db["meta"], {"_id": counter, "value": 0})

    # -- outbox

    @reaching
    async def lease_outbox(self, *, now: int, until: int, limit: int) -> list[Outgoing]:
        return await outbox.lease(self._db, self._journal, now=now, until=until, limit=limit)

    @reaching
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
        return await outbox.settle(
            self._db, self._journal, item, delivery,
            now=now, retry_at=retry_at, external_id=external_id, error=error,
        )  # fmt: skip

    @reaching
    async def mark_delivered(self, conversation: str, upto_seq: int, delivery: Delivery, *, now: int) -> None:
        await outbox.mark_delivered(self._db, self._journal, conversation, upto_seq, delivery, now=now)

    @reaching
    async def confirm_sent(self, message: str, *, external_id: str, now: int) -> bool:
        return await people.confirm_sent(self._db, self._journal, message, external_id=external_id, now=now)

    @reaching
    async def mark_staff_read(self, conversation: str, upto_seq: int, *, now: int) -> None:
        await outbox.mark_staff_read(self._journal, conversation, upto_seq, now=now)

    # -- what citizens do besides speaking

    @reaching
    async def amend_message(
        self, message: str, *, now: int, text: str | None = None, data: Mapping[str, Any] = {}
    ) -> Message | None:
        return await people.amend(self._db, self._journal, message, text, data, now)

    @reaching
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
        return await people.note(
            self._journal, conversation, now, interacted_at=interacted_at, name=name, contact=contact,
            unreachable=unreachable, reachable=reachable,
        )  # fmt: skip

    @reaching
    async def erase_person(self, conversation: str, *, now: int) -> bool:
        return await people.erase(self._db, self._journal, conversation, now)

    @reaching
    async def put_consent(self, consent: Consent) -> None:
        await people.put_consent(self._journal, consent)

    @reaching
    async def consents(self, conversation: str) -> list[Consent]:
        return await people.consents(self._db, conversation)

    # -- reading

    @reaching
    async def message(self, message: str) -> Message | None:
        return await people.message(self._db, message)

    @reaching
    async def message_by_external(self, channel: str, account: str, external_id: str) -> Message | None:
        return await people.message_by_external(self._db, channel, account, external_id)

    @reaching
    async def conversation(self, conversation: str) -> Conversation | None:
        found = await self._journal.read(conversation)
        return conversation_of(found) if found else None

    @reaching
    async def messages(self, conversation: str, *, after: int = 0, limit: int = 200) -> list[Message]:
        found = self._db["messages"].find({"conversation": conversation, "seq": {"$gt": after}})
        return [message_of(document) async for document in found.sort("seq", ASCENDING).limit(limit)]

    @reaching
    async def recent_messages(
        self, conversation: str, *, before: int | None = None, limit: int = 50
    ) -> list[Message]:
        earlier: Document = {} if before is None else {"seq": {"$lt": before}}
        found = self._db["messages"].find({"conversation": conversation} | earlier)
        documents = await found.sort("seq", DESCENDING).limit(limit).to_list()
        return [message_of(document) for document in reversed(documents)]

    @reaching
    async def find_tickets(self, query: TicketQuery, *, limit: int, skip: int = 0) -> list[Ticket]:
        return await tickets.find(self._db, query, limit, skip)

    @reaching
    async def tickets_by_change(
        self, query: TicketQuery, *, after: tuple[int, str], limit: int
    ) -> list[tuple[int, Ticket]]:
        return await tickets.by_change(self._db, query, after, limit)

    @reaching
    async def count_tickets(self, query: TicketQuery) -> int:
        return await tickets.count(self._db, query)

    @reaching
    async def find_conversations(
        self, query: ConversationQuery, *, limit: int, skip: int = 0
    ) -> list[Conversation]:
        return await talks.find(self._db, query, limit, skip)

    @reaching
    async def set_person(self, conversations: Sequence[str], person: str | None, *, now: int) -> None:
        await talks.set_person(self._journal, conversations, person, now)

    @reaching
    async def conversations(self, ids: Sequence[str]) -> dict[str, Conversation]:
        return await talks.by_id(self._db, ids)

    @reaching
    async def search(
        self, question: str, *, limit: int, skip: int = 0, kind: FoundKind | None = None
    ) -> list[Found]:
        return await search.find(self._db, question, kind, limit, skip)

    async def index_words(self, *, limit: int) -> int:
        return 0  # words are written with what they are of

    @reaching
    async def held_tickets(self) -> list[tuple[str, str]]:
        return await tickets.held(self._db)

    @reaching
    async def ticket(self, ticket: str) -> Ticket | None:
        return await tickets.get(self._db, ticket)

    @reaching
    async def ticket_by_code(self, code: str) -> Ticket | None:
        found = await self._db["tickets"].find_one({"code": code})
        return tickets.ticket_of(found) if found else None

    @reaching
    async def touched_since(self, at: int) -> list[tuple[str, int]]:
        found = self._db["conversations"].find({"touched_at": {"$gte": at}}, {"version": 1})
        return [(document["_id"], document["version"]) async for document in found]

    # -- knowledge

    @reaching
    async def knowledge_revision(self) -> int:
        return int((await knowledge.pointer(self._db))["revision"])

    @reaching
    async def knowledge(self) -> list[KnowledgeDoc]:
        return await knowledge.read(self._db)

    @reaching
    async def put_knowledge(self, docs: Sequence[KnowledgeDoc], *, now: int) -> int:
        return await knowledge.put(self._db, docs, now=now)

    @reaching
    async def knowledge_entry(self, kind: KnowledgeKind, entry: str) -> KnowledgeDoc | None:
        return await knowledge.entry(self._db, kind, entry)

    @reaching
    async def commit_edit(self, edit: KnowledgeEdit, *, expects: EditState | None = None) -> None:
        await knowledge.commit_edit(self._db, edit, expects)

    @reaching
    async def knowledge_edit(self, edit: str) -> KnowledgeEdit | None:
        return await knowledge.edit(self._db, edit)

    @reaching
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
        return await knowledge.edits(self._db, wanted, limit)

    # -- what the editors should look at

    @reaching
    async def put_review(self, item: ReviewItem) -> None:
        await reviews.put(self._db, item)

    @reaching
    async def reviews(
        self, *, key: str | None = None, conversation: str | None = None, limit: int
    ) -> list[ReviewItem]:
        return await reviews.find(self._db, {"key": key, "conversation": conversation}, limit)

    @reaching
    async def review_groups(
        self, state: ReviewState, *, reason: ReviewReason | None = None, limit: int
    ) -> list[ReviewGroup]:
        return await reviews.groups(self._db, state, reason, limit)

    @reaching
    async def settle_reviews(self, key: str, state: ReviewState, *, by: str, now: int) -> int:
        return await reviews.settle(self._db, key, state, by, now)

    # -- people

    @reaching
    async def staff(self, staff: str) -> Staff | None:
        found = await self._db["staff"].find_one({"_id": staff})
        return staff_of(found) if found else None

    @reaching
    async def staff_by_login(self, login: str) -> Staff | None:
        found = await self._db["staff"].find_one({"login": login})
        return staff_of(found) if found else None

    @reaching
    async def put_staff(self, staff: Staff) -> None:
        document = {"login": staff.login, "body": staff.model_dump_json()}
        try:
            await self._db["staff"].update_one({"_id": staff.id}, {"$set": document}, upsert=True)
        except DuplicateKeyError:
            raise StoreError(f"the login {staff.login} is another person's") from None

    @reaching
    async def swap_staff(self, before: Staff, after: Staff) -> bool:
        found = await self._db["staff"].find_one({"_id": before.id})
        if found is None or staff_of(found) != before:
            return False
        swapped = await self._db["staff"].update_one(
            {"_id": before.id, "body": found["body"]},
            {"$set": {"login": after.login, "body": after.model_dump_json()}},
        )
        return swapped.matched_count == 1

    @reaching
    async def count_staff(self) -> int:
        return await self._db["staff"].count_documents({})

    @reaching
    async def everybody(self) -> list[Staff]:
        return [staff_of(document) async for document in self._db["staff"].find().sort("login", ASCENDING)]

    @reaching
    async def put_presence(self, presence: Presence) -> None:
        fields = presence.model_dump(exclude={"staff"})
        seen = await self._db["presence"].update_one({"_id": presence.staff}, {"$set": fields})
        if not seen.matched_count:
            await put_new(self._db["presence"], {"_id": presence.staff} | fields)

    @reaching
    async def presences(self, *, since: int) -> list[Presence]:
        found = self._db["presence"].find({"seen_at": {"$gte": since}}).sort("_id", ASCENDING)
        return [
            Presence(**{"staff": one["_id"]} | {name: one[name] for name in one if name != "_id"})
            async for one in found
        ]

    @reaching
    async def count_hit(self, key: str, *, now: int, window_ms: int) -> int:
        hits = self._db["hits"]
        await hits.insert_one({"key": key, "at": now})
        await hits.delete_many({"key": key, "at": {"$lte": now - window_ms}})
        return await hits.count_documents({"key": key})

    @reaching
    async def clear_hits(self, key: str) -> None:
        await self._db["hits"].delete_many({"key": key})

    # -- jobs that one process at a time does

    @reaching
    async def hold(self, job: str, holder: str, *, now: int, until: int) -> bool:
        return await jobs.hold(self._db, job, holder, now=now, until=until)

    @reaching
    async def let_go(self, job: str, holder: str) -> None:
        await jobs.let_go(self._db, job, holder)

    @reaching
    async def state(self, name: str) -> State | None:
        return await jobs.state(self._db, name)

    @reaching
    async def put_state(self, name: str, body: bytes, *, expects: int, now: int) -> bool:
        return await jobs.put_state(self._db, name, body, expects=expects, now=now)

    # -- the audit log

    @reaching
    async def append_audit(self, note: AuditNote) -> AuditEntry:
        return await audit.append(self._db, note)

    @reaching
    async def audit(self, query: AuditQuery, *, limit: int) -> list[AuditEntry]:
        return await audit.find(self._db, query, limit)

    @reaching
    async def audit_after(self, n: int, *, limit: int) -> list[AuditEntry]:
        return await audit.after(self._db, n, limit)

    @reaching
    async def sweep(self, *, now: int) -> int:
        return await jobs.sweep(self._db, now=now) + await blobs.clear(self._db, now=now)

    # -- what reports are counted from

    @reaching
    async def heard(self, *, since: int, until: int) -> list[Heard]:
        return await facts.heard(self._db, since, until)

    @reaching
    async def cases(self, *, since: int, until: int) -> list[Case]:
        return await facts.cases(self._db, since, until)

    # -- the books

    @reaching
    async def books(self, *, now: int, grace_ms: int) -> Books:
        with pymongo.timeout(COUNT_S):
            await self._journal.sweep(now=now, all_=True)
            return await balance(self._db, now, grace_ms)
