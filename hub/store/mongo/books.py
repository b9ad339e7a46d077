"""Counting the books: every citizen message in exactly one column, and everything that does not add up.

There is no snapshot over several documents here, so what looks wrong may only be something under way: a problem
counts if it is still there when the books are counted again.
"""

from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator

from hub.ports import BookLine, Books
from hub.store.mongo.database import Database, Document
from hub.store.mongo.deliveries import OPEN

DEAD = ["failed", "unknown", "window_closed"]
CHUNK = 1_000  # ids in one question
COUNTS = 3  # before a problem is believed


async def balance(db: Database, now: int, grace_ms: int) -> Books:
    books = await _count(db, now, now - grace_ms)
    for _ in range(COUNTS - 1):
        if not books.problems:
            break
        before = set(books.problems)
        books = await _count(db, now, now - grace_ms)
        books = books.model_copy(
            update={"problems": tuple(problem for problem in books.problems if problem in before)}
        )
    return books


async def _count(db: Database, now: int, limit: int) -> Books:
    raw = await _raw(db)
    kept = await _kept(db)
    problems = [
        *await _holes(db),
        *await _said_nothing(db),
        *await _no_ticket(db),
        *await _not_due(db),
        *await _nobody_told(db),
        *await _stuck(db, now, limit),
    ]
    if kept != raw["events"]:
        problems.append(f"deliveries brought {raw['events']} events, {kept} are kept")
    return Books(
        lines=await _lines(db),
        raw_items=raw["events"] + raw["duplicates"] + raw["refused"],
        events=kept,
        duplicates=raw["duplicates"],
        refused=raw["refused"],
        unparsed=raw["unparsed"],
        problems=tuple(problems),
    )


# ---- the columns


async def _lines(db: Database) -> tuple[BookLine, ...]:
    """A message the bot answered counts as answered once all that the turn said is out; until then it waits. If a
    reply died, it counts as ticketed, because the outbox then opens a ticket."""
    days: dict[tuple[str, str], Counter[str]] = {}
    async for group in _group(db, "messages", {"author": "citizen"}, ["channel", "day", "outcome"]):
        key = group["_id"]
        days.setdefault((key["channel"], key["day"]), Counter())[key["outcome"] or "waiting"] = group["n"]
    unsent = await _turns(db, {"unsent_at": {"$exists": True}})
    dead = await _turns(db, {"delivery": {"$in": DEAD}}) - unsent
    for turns, place in ((unsent, "waiting"), (dead, "ticketed")):
        for some in chunks(turns):
            answered = {"author": "citizen", "outcome": "answered", "turn": {"$in": some}}
            async for group in _group(db, "messages", answered, ["channel", "day"]):
                line = days[group["_id"]["channel"], group["_id"]["day"]]
                line["answered"] -= group["n"]
                line[place] += group["n"]
    return tuple(
        BookLine(
            channel=channel,
            day=day,
            **{place: places[place] for place in ("ticketed", "answered", "no_reply_due", "waiting")},
        )
        for (channel, day), places in sorted(days.items())
    )


async def _raw(db: Database) -> Document:
    sums = {name: {"$sum": f"${name}"} for name in ("events", "duplicates", "refused")}
    totals: Document = {"events": 0, "duplicates": 0, "refused": 0}
    async for group in await db["raw"].aggregate([{"$group": {"_id": None, **sums}}]):
        totals = group
    return totals | {"unparsed": await db["raw"].count_documents({"state": {"$in": OPEN}})}


async def _kept(db: Database) -> int:
    """All events that are kept, without those of deliveries still being taken in."""
    citizens = {"author": "citizen"}
    kept = await db["messages"].count_documents(citizens) + await db["events"].count_documents({})
    waiting = {document["_id"] async for document in db["raw"].find({"state": "waits"}, {"_id": 1})}
    for some in chunks(waiting):
        kept -= await db["messages"].count_documents({"raw": {"$in": some}})
        kept -= await db["events"].count_documents({"raw": {"$in": some}})
    return kept


# ---- what does not add up


async def _holes(db: Database) -> list[str]:
    there: dict[str, tuple[int, int]] = {}
    numbers = {"_id": "$conversation", "n": {"$sum": 1}, "newest": {"$max": "$seq"}}
    async for group in await db["messages"].aggregate([{"$group": numbers}]):
        there[group["_id"]] = (group["n"], group["newest"])
    return [
        f"messages are missing in conversation {c['_id']}: the newest is number {c['last_seq']},"
        f" {there.get(c['_id'], (0, 0))[0]} are there"
        async for c in db["conversations"].find({}, {"last_seq": 1}).sort("_id")
        if there.get(c["_id"], (0, 0)) != (c["last_seq"], c["last_seq"])
    ]


async def _said_nothing(db: Database) -> list[str]:
    answered = {"author": "citizen", "outcome": "answered"}
    silent = await _turns(db, answered) - await _turns(db, {"author": {"$ne": "citizen"}})
    return [
        f"message {m['seq']} of conversation {m['conversation']} counts as answered, but its turn said nothing"
        for some in chunks(silent)
        for m in await _found(db, "messages", answered | {"turn": {"$in": some}}, "conversation", "seq")
    ]


async def _no_ticket(db: Database) -> list[str]:
    first: dict[str, int] = {}
    ticketed: list[Document] = [
        {"$match": {"author": "citizen", "outcome": "ticketed"}},
        {"$group": {"_id": "$conversation", "seq": {"$min": "$seq"}}},
    ]
    async for group in await db["messages"].aggregate(ticketed):
        first[group["_id"]] = group["seq"]
    for some in chunks(set(first)):
        for ticket in await _found(db, "tickets", {"conversation": {"$in": some}}, "conversation"):
            first.pop(ticket["conversation"], None)
    return [
        f"message {seq} of conversation {conversation} counts as ticketed, but the conversation has no ticket"
        for conversation, seq in sorted(first.items())
    ]


async def _not_due(db: Database) -> list[str]:
    waiting = await _found(db, "messages", {"author": "citizen", "outcome": None}, "conversation", "seq")
    forgotten: set[str] = set()
    for some in chunks({message["conversation"] for message in waiting}):
        nobody = {"_id": {"$in": some}, "$or": [{"due_at": None}, {"owner": "human"}]}
        forgotten |= {c["_id"] for c in await _found(db, "conversations", nobody)}
    return [
        f"message {m['seq']} of conversation {m['conversation']} waits, but no turn is due"
        for m in waiting
        if m["conversation"] in forgotten
    ]


async def _nobody_told(db: Database) -> list[str]:
    dead = await _found(
        db, "messages",
        {"author": {"$in": ["bot", "system"]}, "delivery": {"$in": DEAD}, "erased": {"$ne": True}},
        "conversation", "seq", "delivery", "turn",
    )  # fmt: skip
    told: set[str] = set()
    for some in chunks({f"{message['_id']}:undelivered" for message in dead}):
        told |= {turn["_id"] for turn in await _found(db, "turns", {"_id": {"$in": some}})}
    return [
        f"reply {m['seq']} of conversation {m['conversation']} is {m['delivery']} and nobody was told"
        for m in dead
        if not m["turn"].endswith(":undelivered") and f"{m['_id']}:undelivered" not in told
    ]


async def _stuck(db: Database, now: int, limit: int) -> list[str]:
    late = {"due_at": {"$ne": None, "$lt": limit}, "lease_until": {"$lt": limit}}
    sending = {"delivery": "sending", "unsent_at": {"$lt": limit}}
    open_ = {"state": {"$in": OPEN}, "received_at": {"$lt": limit}, "lease_until": {"$lt": limit}}
    return [
        *(
            f"conversation {c['_id']} is stuck: its turn has been due for"
            f" {(now - max(c['due_at'], c['lease_until'])) // 1000} s"
            for c in await _found(db, "conversations", late, "due_at", "lease_until")
        ),
        *(
            f"reply {m['seq']} of conversation {m['conversation']} is stuck in sending"
            for m in await _found(db, "messages", sending, "conversation", "seq")
        ),
        *(
            f"delivery {r['_id']} of {r['channel']} is stuck"
            f"{' before parsing' if r['state'] == 'waits' else ': taken in, but not finished'}"
            for r in await _found(db, "raw", open_, "channel", "state")
        ),
        *(
            f"notice {n['_id']} about case {n['ticket']} is stuck: nobody mails it"
            for n in await _found(db, "notices", {"due_at": {"$ne": None, "$lt": limit}}, "ticket")
        ),
    ]


# ---- asking


async def _found(db: Database, collection: str, filter_: Document, *fields: str) -> list[Document]:
    return await db[collection].find(filter_, dict.fromkeys(fields, 1) | {"_id": 1}).sort("_id").to_list()


async def _turns(db: Database, filter_: Document) -> set[str]:
    return {group["_id"]["turn"] async for group in _group(db, "messages", filter_, ["turn"])}


async def _group(db: Database, collection: str, filter_: Document, by: list[str]) -> AsyncIterator[Document]:
    pipeline: list[Document] = [
        {"$match": filter_},
        {"$group": {"_id": {name: f"${name}" for name in by}, "n": {"$sum": 1}}},
    ]
    async for group in await db[collection].aggregate(pipeline):
        yield group


def chunks(ids: Iterable[str]) -> Iterator[list[str]]:
    all_ = sorted(ids)
    for start in range(0, len(all_), CHUNK):
        yield all_[start : start + CHUNK]
