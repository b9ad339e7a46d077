"""The stores beside their drivers: each operation on SQLite and on MongoDB, and the same writes by hand.

    uv run python -m bench.store [--messages 1000 100000] [--store sqlite mongodb] [--mongodb URI]

Both sides run in turns on the same machine, on databases that begin equal. The raw side is what an expert would
write without the hub, and gets its rows ready-made: ``sqlite3`` (WAL, ``synchronous=FULL``, cached statements) puts as
many operations into one transaction as the store's side has callers at once; PyMongo (``w=majority``) has as many
tasks. Without ``--mongodb`` the server is mongo-java-server, a test double: its figures say nothing about MongoDB.
"""

import argparse
import asyncio
import itertools
import json
import shutil
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvloop
from pymongo import AsyncMongoClient, MongoClient
from pymongo.errors import PyMongoError

from hub.errors import StoreUnavailable
from hub.model import Dialogue, Draft, Event, Message, Raw, Turn, conversation_id, message_id
from hub.ports import Store
from hub.store import store_for
from hub.store.mongo import database
from hub.store.mongo.documents import message_document, new_conversation, raw_document
from tests.mongo_server import MongoServer, in_database

T0 = 1_795_400_000_000
FAR = T0 + 10**9
PER_CONVERSATION = 10  # messages of the history, half of them the bot's
PER_ROUND = (
    6_400  # operations a round and kind, a multiple of the callers at once; fewer last too short to be timed
)
PER_ROUND_ON_MONGODB = 640
PER_ROUND_ON_DOUBLE = 64  # it is slow, and its figures are of little use
ROUNDS = 3
SIZES = (1_000, 100_000)
TEXT = "Cho em hỏi thủ tục đăng ký khai sinh cho con cần những giấy tờ gì, nộp ở đâu ạ?"
REPLY = (
    "Dạ, anh/chị chuẩn bị tờ khai theo mẫu và giấy chứng sinh, rồi nộp tại UBND xã, phường nơi cư trú ạ." * 4
)
DIALOGUE = Dialogue(events=tuple({"event": "slot", "name": f"s{n}", "value": TEXT} for n in range(6)))

Op = Callable[[Any], Awaitable[Any]]
Batch = Callable[[Sequence[Any]], int]


@dataclass
class Score:
    rates: list[float] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)

    def add(self, waits: list[float], took: float) -> None:
        if waits:
            self.rates.append(len(waits) / took)
            self.waits += waits

    @property
    def rate(self) -> float | None:
        """Operations a second; None: not one was finished within the store's time-outs."""
        return statistics.median(self.rates) if self.rates else None

    def wait(self, share: float) -> float:
        return sorted(self.waits)[int(share * (len(self.waits) - 1))] * 1000

    def cell(self) -> str:
        if self.rate is None:
            return "timed out | –"
        return f"{self.rate:,.{0 if self.rate >= 10 else 2}f} | {self.wait(0.5):.2f} / {self.wait(0.99):.2f}"


class Scores(dict[str, tuple[Score, Score]]):
    """By operation: the store's, the driver's."""

    def of(self, name: str) -> tuple[Score, Score]:
        return self.setdefault(name, (Score(), Score()))

    def table(self) -> Iterable[str]:
        yield "| operation | store ops/s | p50 / p99 ms | raw ops/s | p50 / p99 ms | store : raw |"
        yield "|---|---|---|---|---|---|"
        for name, (ours, raw) in self.items():
            ratio = f"{ours.rate / raw.rate:.2f}" if ours.rate and raw.rate else "–"
            yield f"| {name} | {ours.cell()} | {raw.cell()} | {ratio} |"


async def timed(score: Score, op: Op, items: Iterable[Any], at_once: int) -> None:
    """Each of ``at_once`` tasks takes the next item when it is done with one."""
    left, waits = iter(items), []

    async def task() -> None:
        for item in left:
            began = time.perf_counter()
            try:
                done = await op(item)
            except (StoreUnavailable, PyMongoError):  # slower than the time-outs allow
                return
            if done is not None:
                waits.extend([time.perf_counter() - began] * (done if isinstance(done, int) else 1))

    began = time.perf_counter()
    await asyncio.gather(*(task() for _ in range(at_once)))
    score.add(waits, time.perf_counter() - began)
    sys.stderr.write(f"  {getattr(op, '__qualname__', op)}, {at_once} at once: {score.cell()}\n")


def timed_batches(score: Score, batch: Batch, items: Sequence[Any], at_once: int) -> None:
    waits = []
    start = time.perf_counter()
    for first in range(0, len(items), at_once):
        began = time.perf_counter()
        done = batch(items[first : first + at_once])
        waits += [time.perf_counter() - began] * done
    score.add(waits, time.perf_counter() - start)


# ---- what is asked for


def event_of(name: str, number: int, conversations: int) -> Event:
    key = f"k-{number % conversations}"
    return Event(
        channel="webchat", kind="message", external_id=name, account="web", sender=key, text=TEXT, conversation=key
    )  # fmt: skip


@dataclass(frozen=True)
class Delivery:
    """One delivery with one message, and what the raw side needs of it."""

    raw: Raw
    event: Event
    message: str
    conversation: str
    number: int


def deliveries(label: str, count: int, conversations: int) -> list[Delivery]:
    made = []
    for number in range(count):
        event = event_of(f"{label}-{number}", number, conversations)
        raw = Raw(
            id=f"r-{label}-{number}", channel="webchat", received_at=T0, body=event.model_dump_json().encode()
        )
        made.append(Delivery(raw, event, message_id(event), conversation_id(event), number))
    return made


def turn_of(conversation: str, handles: int, id_: str) -> Turn:
    return Turn(
        id=id_, conversation=conversation, actor="bot", at=T0, handles=handles, outcome="answered",
        says=(Draft(text=REPLY),), dialogue=DIALOGUE, facts={"kind": "answer", "confidence": 0.9},
    )  # fmt: skip


def history(messages: int) -> Iterable[tuple[Event, Raw, list[Message], list[Turn]]]:
    """Conversations in which everything is answered and sent."""
    body = b'{"text": "%s"}' % TEXT.encode()
    for number in range(max(1, messages // PER_CONVERSATION)):
        event = event_of("", number, messages)
        conversation = conversation_id(event)
        raw = Raw(id=f"h-{number}", channel="webchat", received_at=T0, body=body)
        lines, turns = [], []
        for seq in range(1, PER_CONVERSATION, 2):
            turn = f"t-{number}-{seq}"
            common: dict[str, Any] = {
                "conversation": conversation,
                "at": T0,
                "turn": turn,
                "attachments": (),
                "buttons": (),
            }
            common |= {"kind": "message", "author_id": None, "internal": False, "knowledge": (), "data": {}}
            common |= {"external_id": None, "reply_to": None, "automatic": False}
            lines.append(
                Message.model_construct(
                    id=f"m_{number}_{seq}", seq=seq, author="citizen", text=TEXT, outcome="answered",
                    delivery=None, **common,
                )
            )  # fmt: skip
            lines.append(
                Message.model_construct(
                    id=f"m_{number}_{seq + 1}", seq=seq + 1, author="bot", text=REPLY, outcome=None,
                    delivery="sent", **common,
                )
            )  # fmt: skip
            turns.append(
                Turn.model_construct(id=turn, conversation=conversation, at=T0, actor="bot", handles=seq)
            )
        yield event, raw, lines, turns


# ---- SQLite


INSERT = (
    "INSERT INTO messages (conversation, seq, id, author, at, text, outcome, turn, delivery, body, external_id)"
    " VALUES (?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT (id) DO NOTHING"
)
INSERT_RAW = "INSERT INTO raw (id, channel, received_at, body, headers, state, events) VALUES (?,?,?,?,?,?,?)"
TURN_BODY = turn_of("c", 1, "t").model_dump_json()


def fill_sqlite(path: Path, messages: int) -> None:
    c = sqlite3.connect(path, isolation_level=None)
    for statement in ("PRAGMA synchronous=OFF", "PRAGMA cache_size=-400000", "BEGIN"):
        c.execute(statement)
    dialogue = DIALOGUE.model_dump_json()
    for event, raw, lines, turns in history(messages):
        c.execute(
            "INSERT INTO conversations (id, channel, account, key, sender, last_seq, handled_seq, dialogue, created_at,"
            " touched_at) VALUES (?,?,?,?,?,?,?,?,?,?)",
            (conversation_id(event), "webchat", "web", event.conversation, event.sender, len(lines), len(lines),
             dialogue, T0, T0),
        )  # fmt: skip
        c.executemany(
            INSERT,
            [
                (m.conversation, m.seq, m.id, m.author, T0, m.text, m.outcome, m.turn, m.delivery, "{}", None)
                for m in lines
            ],
        )
        c.executemany(
            "INSERT INTO turns (id, conversation, at, body) VALUES (?,?,?,?)",
            [(turn.id, turn.conversation, T0, TURN_BODY) for turn in turns],
        )
        c.executemany(
            INSERT_RAW,
            [(f"{raw.id}-{n}", "webchat", T0, raw.body, "{}", "done", 1) for n in range(len(turns))],
        )
    c.execute("COMMIT")
    c.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    c.close()


class RawSqlite:
    """The same effects in as few statements as they need, a group to a transaction."""

    def __init__(self, path: Path) -> None:
        self._c = sqlite3.connect(path, isolation_level=None, cached_statements=256)
        self._c.execute("PRAGMA synchronous=FULL")
        self._spare = itertools.count(10_000_000)

    def close(self) -> None:
        self._c.close()

    def _together(self, work: Callable[[sqlite3.Connection], int]) -> int:
        self._c.execute("BEGIN IMMEDIATE")
        done = work(self._c)
        self._c.execute("COMMIT")
        return done

    def put_raw(self, items: Sequence[Delivery]) -> int:
        rows = [(i.raw.id, "webchat", T0, i.raw.body, "{}", "waits", 0) for i in items]
        return self._together(lambda c: c.executemany(INSERT_RAW, rows).rowcount)

    def insert(self, items: Sequence[Delivery]) -> int:
        rows = [
            (
                i.conversation,
                next(self._spare),
                f"b{i.message}",
                "citizen",
                T0,
                TEXT,
                "no_reply_due",
                None,
                None,
                "{}",
                f"b{i.event.external_id}",
            )
            for i in items
        ]
        return self._together(lambda c: c.executemany(INSERT, rows).rowcount)

    def take_in(self, items: Sequence[Delivery]) -> int:
        def work(c: sqlite3.Connection) -> int:
            for i in items:
                (seq,) = c.execute(
                    "UPDATE conversations SET last_seq = last_seq + 1, due_at = ?, touched_at = ?, version = version + 1"
                    " WHERE id = ? RETURNING last_seq",
                    (T0, T0, i.conversation),
                ).fetchone()
                c.execute(
                    INSERT,
                    (
                        i.conversation,
                        seq,
                        i.message,
                        "citizen",
                        T0,
                        TEXT,
                        None,
                        None,
                        None,
                        "{}",
                        i.event.external_id,
                    ),
                )
                c.execute("UPDATE raw SET state = 'done', events = 1 WHERE id = ?", (i.raw.id,))
                c.execute(
                    "INSERT INTO raw_conversations (conversation, raw) VALUES (?,?)",
                    (i.conversation, i.raw.id),
                )
            return len(items)

        return self._together(work)

    def duplicates(self, items: Sequence[Delivery]) -> int:
        def work(c: sqlite3.Connection) -> int:
            return sum(
                c.execute("SELECT * FROM messages WHERE id = ?", (i.message,)).fetchone() is not None
                for i in items
            )

        return self._together(work)

    def turns(self, items: Sequence[int]) -> int:
        leased = []

        def lease(c: sqlite3.Connection) -> int:
            for number in items:
                row = c.execute(
                    "UPDATE conversations SET lease_token = ?, lease_until = ? WHERE id = (SELECT id FROM conversations"
                    " WHERE due_at <= ? AND lease_until <= ? ORDER BY due_at LIMIT 1)"
                    " RETURNING id, last_seq, dialogue",
                    (str(number), FAR, T0, T0),
                ).fetchone()
                if row is not None:
                    leased.append((number, *row))
            return len(leased)

        def commit(c: sqlite3.Connection) -> int:
            dialogue = DIALOGUE.model_dump_json()
            for number, id_, last_seq, _ in leased:
                turn = f"t-{number}-{id_}"
                c.execute(
                    "INSERT INTO turns (id, conversation, at, body) VALUES (?,?,?,?)",
                    (turn, id_, T0, TURN_BODY),
                )
                c.execute(
                    "UPDATE messages SET outcome = 'answered', turn = ? WHERE conversation = ? AND seq <= ?"
                    " AND author = 'citizen' AND outcome IS NULL",
                    (turn, id_, last_seq),
                )
                c.execute(
                    INSERT, (id_, last_seq + 1, f"m-{turn}", "bot", T0, REPLY, None, turn, "queued", "{}", None)
                )  # fmt: skip
                c.execute(
                    "UPDATE conversations SET last_seq = ?, handled_seq = ?, dialogue = ?, version = version + 1,"
                    " due_at = NULL, lease_token = NULL, lease_until = 0 WHERE id = ? AND lease_token = ?",
                    (last_seq + 1, last_seq, dialogue, id_, str(number)),
                )
            return len(leased)

        self._together(lease)
        return self._together(commit)

    def outbox(self, items: Sequence[int]) -> int:
        leased: list[Any] = []

        def lease(c: sqlite3.Connection) -> int:
            leased.extend(
                c.execute(
                    "UPDATE messages SET delivery = 'sending', lease_token = 'x', lease_until = ? WHERE (conversation,"
                    " seq) IN (SELECT conversation, min(seq) FROM messages WHERE delivery IN ('queued', 'sending') AND"
                    " lease_until <= ? GROUP BY conversation LIMIT ?) RETURNING conversation, seq, text",
                    (FAR, T0, len(items)),
                ).fetchall()
            )
            return len(leased)

        def settle(c: sqlite3.Connection) -> int:
            for conversation, seq, _ in leased:
                c.execute(
                    "UPDATE messages SET delivery = 'sent', lease_token = NULL WHERE conversation = ? AND seq = ?"
                    " AND lease_token = 'x'",
                    (conversation, seq),
                )
                c.execute("UPDATE conversations SET version = version + 1 WHERE id = ?", (conversation,))
            return len(leased)

        self._together(lease)
        return self._together(settle)

    def page(self, items: Sequence[str]) -> int:
        for conversation in items:
            rows = self._c.execute(
                "SELECT *, body FROM messages WHERE conversation = ? ORDER BY seq DESC LIMIT 50",
                (conversation,),
            ).fetchall()
            assert [json.loads(row[-1]) for row in rows]
        return len(items)


# ---- MongoDB


def fill_mongodb(url: str, messages: int) -> None:
    template: dict[str, Any] = {}
    with MongoClient[dict[str, Any]](url) as client:
        db = client.get_default_database()
        waiting: dict[str, list[dict[str, Any]]] = {
            name: [] for name in ("conversations", "messages", "turns", "raw")
        }

        def flush(least: int) -> None:
            for name, documents in waiting.items():
                if len(documents) > least:
                    db[name].insert_many(documents, ordered=False)
                    documents.clear()

        for event, raw, lines, turns in history(messages):
            conversation = conversation_id(event)
            waiting["conversations"].append(
                new_conversation(conversation, event, raw, T0)
                | {"last_seq": len(lines), "handled_seq": len(lines), "dialogue": DIALOGUE.model_dump_json()}
            )
            for m in lines:
                if m.author not in template:
                    template[m.author] = message_document(m, "webchat")
                own = {"_id": m.id, "conversation": conversation, "seq": m.seq, "turn": m.turn}
                waiting["messages"].append(template[m.author] | own)
            waiting["turns"] += [
                {"_id": t.id, "conversation": conversation, "at": T0, "body": TURN_BODY} for t in turns
            ]
            done = raw_document(raw) | {"state": "done", "events": 1}
            waiting["raw"] += [done | {"_id": f"{raw.id}-{n}"} for n in range(len(turns))]
            flush(2_000)
        flush(0)


class RawMongo:
    """The same effects, one call of the driver for each; no journal, so a crash between two calls loses one."""

    def __init__(self, url: str) -> None:
        self._client = AsyncMongoClient[dict[str, Any]](
            url, w="majority", connectTimeoutMS=max(20_000, database.CALL_MS)
        )
        self._db = self._client.get_default_database()
        self._spare = itertools.count(10_000_000)
        message = Message(id="", conversation="", seq=0, author="citizen", at=T0, text=TEXT)
        self._inbound = message_document(message, "webchat")
        self._outbound = message_document(
            message.model_copy(update={"author": "bot", "text": REPLY, "delivery": "queued"}), "webchat"
        )

    async def close(self) -> None:
        await self._client.close()

    async def put_raw(self, i: Delivery) -> int:
        await self._db["raw"].insert_one(raw_document(i.raw))
        return 1

    async def insert(self, i: Delivery) -> int:
        own = {"_id": f"b{i.message}", "conversation": i.conversation, "seq": next(self._spare)}
        await self._db["messages"].insert_one(self._inbound | own)
        return 1

    async def take_in(self, i: Delivery) -> int:
        before = await self._db["conversations"].find_one_and_update(
            {"_id": i.conversation},
            {"$inc": {"last_seq": 1, "version": 1}, "$set": {"due_at": T0, "touched_at": T0}},
        )
        assert before is not None
        own = {"_id": i.message, "conversation": i.conversation, "seq": before["last_seq"] + 1}
        await self._db["messages"].insert_one(self._inbound | own)
        await self._db["raw"].update_one({"_id": i.raw.id}, {"$set": {"state": "done", "events": 1}})
        return 1

    async def duplicates(self, i: Delivery) -> int:
        assert await self._db["messages"].find_one({"_id": i.message}) is not None
        return 1

    async def turns(self, number: int) -> int | None:
        found = await self._db["conversations"].find_one_and_update(
            {"due_at": {"$ne": None, "$lte": T0}, "lease_until": {"$lte": T0}},
            {"$set": {"lease_token": str(number), "lease_until": FAR}},
            sort=[("due_at", 1)],
        )
        if found is None:
            return None
        id_, last_seq, turn = found["_id"], found["last_seq"], f"t-{number}-{found['_id']}"
        await self._db["turns"].insert_one({"_id": turn, "conversation": id_, "at": T0, "body": TURN_BODY})
        await self._db["messages"].update_many(
            {"conversation": id_, "seq": {"$lte": last_seq}, "author": "citizen", "outcome": None},
            {"$set": {"outcome": "answered", "turn": turn}},
        )
        own = {"_id": f"m-{turn}", "conversation": id_, "seq": last_seq + 1, "turn": turn}
        await self._db["messages"].insert_one(self._outbound | own)
        await self._db["conversations"].update_one(
            {"_id": id_, "lease_token": str(number)},
            {
                "$set": {"last_seq": last_seq + 1, "handled_seq": last_seq, "dialogue": DIALOGUE.model_dump_json(),
                         "due_at": None, "lease_token": None, "lease_until": 0},
                "$inc": {"version": 1},
            },
        )  # fmt: skip
        return 1

    async def outbox(self, _: int) -> int | None:
        before = await self._db["messages"].find_one_and_update(
            {"unsent_at": {"$lte": T0}}, {"$set": {"delivery": "sending", "unsent_at": FAR}}
        )
        if before is None:
            return None
        await self._db["messages"].update_one(
            {"_id": before["_id"]}, {"$set": {"delivery": "sent"}, "$unset": {"unsent_at": ""}}
        )
        await self._db["conversations"].update_one({"_id": before["conversation"]}, {"$inc": {"version": 1}})
        return 1

    async def page(self, conversation: str) -> int:
        found = self._db["messages"].find({"conversation": conversation}).sort("seq", -1).limit(50)
        assert [json.loads(document["body"]) for document in await found.to_list()]
        return 1


# ---- the store's side, and the course of a round


class Ours:
    def __init__(self, store: Store) -> None:
        self._store = store

    async def put_raw(self, i: Delivery) -> int:
        await self._store.put_raw(i.raw)
        return 1

    async def take_in(self, i: Delivery) -> int:
        intake = await self._store.take_in(i.raw, [i.event], refused=0, error=None, now=T0, due_at=T0)
        assert intake.events == 1
        return 1

    async def duplicates(self, i: Delivery) -> int:
        intake = await self._store.take_in(i.raw, [i.event], refused=0, error=None, now=T0, due_at=T0)
        assert intake.duplicates == 1
        return 1

    async def turns(self, number: int) -> int | None:
        lease = await self._store.lease_conversation(now=T0, until=FAR)
        if lease is None:
            return None
        c = lease.conversation
        await self._store.commit_turn(turn_of(c.id, c.last_seq, f"t-{number}-{c.id}-{c.last_seq}"), lease)
        return 1

    async def outbox(self, limit: int) -> int:
        items = await self._store.lease_outbox(now=T0, until=FAR, limit=limit)
        await asyncio.gather(*(self._store.settle_outgoing(item, "sent", now=T0) for item in items))
        return len(items)

    async def page(self, conversation: str) -> int:
        assert await self._store.recent_messages(conversation, limit=50)
        return 1


async def measure(
    ours: Ours, raw: RawSqlite | RawMongo, messages: int, count: int, rounds: int = ROUNDS
) -> Scores:
    scores = Scores()
    conversations = max(1, messages // PER_CONVERSATION)

    async def by_hand(score: Score, name: str, items: Sequence[Any], at_once: int) -> None:
        if isinstance(raw, RawSqlite):
            timed_batches(score, getattr(raw, name), items, at_once)
        else:
            await timed(score, getattr(raw, name), items, at_once)

    for round_ in range(rounds):
        for at_once in (16, 64):
            items = deliveries(f"{round_}-{at_once}", count, conversations)
            for name, op in (
                ("put_raw", "put_raw"),
                ("take_in", "take_in"),
                ("duplicate check", "duplicates"),
            ):
                mine, theirs = scores.of(f"`{name}`, {at_once} at once")
                await timed(mine, getattr(ours, op), items, at_once)
                await by_hand(theirs, op, items, at_once)
                if name == "take_in":
                    _, bare = scores.of(f"`take_in`, {at_once} at once, raw: message row only")
                    await by_hand(bare, "insert", items, at_once)
        mine, theirs = scores.of("lease + `commit_turn`, 16 at once")
        numbers = [round_ * 10**6 + n for n in range(2 * count)]
        await timed(mine, ours.turns, numbers, 16)
        await by_hand(theirs, "turns", numbers, 16)
        mine, theirs = scores.of("outbox lease + settle, 16 at once")
        await timed(mine, ours.outbox, [16] * (2 * count // 16), 1)
        await by_hand(theirs, "outbox", numbers, 16)
        mine, theirs = scores.of("page of a conversation, 16 at once")
        pages = [conversation_id(event_of("", 7919 * n, conversations)) for n in range(count)]
        await timed(mine, ours.page, pages, 16)
        await by_hand(theirs, "page", pages, 16)
    for at_once in (16, 64):  # our side was measured once, beside both
        mine, _ = scores.of(f"`take_in`, {at_once} at once, raw: message row only")
        same, _ = scores.of(f"`take_in`, {at_once} at once")
        mine.rates, mine.waits = same.rates, same.waits
    return scores


async def on_sqlite(messages: int, folder: Path) -> Scores:
    path, copy = folder / f"{messages}.db", folder / f"{messages}-raw.db"
    store = store_for(f"sqlite:///{path}", folder)
    await store.open()
    await store.close()
    began = time.perf_counter()
    fill_sqlite(path, messages)
    shutil.copy(path, copy)
    print(f"\nSQLite {sqlite3.sqlite_version}, {messages:,} messages at the start", end=" ")
    print(f"({path.stat().st_size / 2**20:,.0f} MiB, filled in {time.perf_counter() - began:.0f} s)\n")
    await store.open()
    raw = RawSqlite(copy)
    try:
        return await measure(Ours(store), raw, messages, PER_ROUND)
    finally:
        await store.close()
        raw.close()
        path.unlink()
        copy.unlink()


async def on_mongodb(
    messages: int, uri: str, what: str, count: int, rounds: int, server_stays: bool
) -> Scores:
    names = [f"hub1022_bench_{messages}", f"hub1022_bench_{messages}_raw"]
    urls = [in_database(uri, name) for name in names]
    began = time.perf_counter()
    for url in urls:  # both get the store's indexes
        store = store_for(url, Path())
        await store.open()
        await store.close()
        await asyncio.to_thread(fill_mongodb, url, messages)
    print(f"\n{what}, {messages:,} messages at the start (filled in {time.perf_counter() - began:.0f} s)\n")
    store, raw = store_for(urls[0], Path()), RawMongo(urls[1])
    await store.open()
    try:
        return await measure(Ours(store), raw, messages, count, rounds)
    finally:
        await store.close()
        await raw.close()
        if server_stays:  # the double ends with this run, and cannot always drop a database
            with MongoClient[dict[str, Any]](uri) as client:
                for name in names:
                    client.drop_database(name)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--messages", type=int, nargs="+", help="default: 1000 100000; on the test double 1000"
    )
    parser.add_argument("--store", nargs="+", choices=("sqlite", "mongodb"), default=["sqlite", "mongodb"])
    parser.add_argument("--mongodb", metavar="URI", help="a server without a database; empty: a test double")
    parser.add_argument(
        "--operations", type=int, help="a round and kind, on MongoDB: fewer for a slow server"
    )
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="on MongoDB")
    parser.add_argument(
        "--call-timeout", type=int, metavar="S", help="of the store on MongoDB: more for a slow server"
    )
    asked = parser.parse_args()
    if "sqlite" in asked.store:
        with tempfile.TemporaryDirectory(prefix="hub-bench-") as folder:
            for messages in asked.messages or SIZES:
                print(*uvloop.run(on_sqlite(messages, Path(folder))).table(), sep="\n", flush=True)
    if asked.call_timeout:
        database.CALL_MS = database.FIND_SERVER_MS = asked.call_timeout * 1000
    if "mongodb" in asked.store:
        shelf = tempfile.TemporaryDirectory(prefix="hub-bench-")
        server = None if asked.mongodb else MongoServer(Path(shelf.name) / "double.mv").start()
        uri = asked.mongodb or (server.uri if server else "")
        count = asked.operations or (PER_ROUND_ON_MONGODB if asked.mongodb else PER_ROUND_ON_DOUBLE)
        what = "MongoDB" if asked.mongodb else "mongo-java-server on a file (a test double, NOT MongoDB)"
        try:
            for messages in asked.messages or (SIZES if asked.mongodb else SIZES[:1]):
                print(
                    *uvloop.run(on_mongodb(messages, uri, what, count, asked.rounds, server is None)).table(),
                    sep="\n",
                    flush=True,
                )
        finally:
            if server is not None:
                server.stop()
            shelf.cleanup()


if __name__ == "__main__":
    main()
