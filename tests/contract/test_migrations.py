"""A store written by an older hub opens, keeps what it has, and does all that newer ones do."""

import json
import sqlite3
from contextlib import closing
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from hub.model import (
    Conversation,
    Dialogue,
    Event,
    Message,
    TicketChange,
    TicketQuery,
    conversation_id,
    message_id,
)
from hub.ports import Store
from hub.store import sqlite as sqlite_store
from hub.store import store_for
from hub.store.mongo.database import MIGRATIONS
from tests.contract.builders import T0, arrive, event, queue, raw, turn
from tests.contract.test_erasure import everything

OLD = event("a", "bí mật")
UNPARSED = event("u", "chưa đọc")
SEEN = event("seen", "bí mật", kind="read")
ID = conversation_id(OLD)
TURN = turn(ID, "t-1", handles=1, outcome="answered").model_dump_json(
    exclude={"says", "facts", "dialogue", "change", "ticket"}
)
DIALOGUE = Dialogue(events=({"event": "slot", "value": "bí mật"},)).model_dump_json()
TICKET = json.dumps(
    {"lookup_key": "ACDEFG", "reason": "report", "category": "chieu-sang", "summary": "bí mật", "details": {}}
)


def old_sqlite(path: Path) -> None:
    """The file as the first schema had it: one conversation, answered once, with a ticket and a receipt."""
    first = (files("hub.store.sqlite") / "migrations" / "0001_first.sql").read_text()
    with closing(sqlite3.connect(path)) as c:
        c.executescript(first)
        c.execute("PRAGMA user_version=1")

        def add(table: str, **fields: Any) -> None:
            marks = ",".join("?" * len(fields))
            c.execute(f"INSERT INTO {table} ({','.join(fields)}) VALUES ({marks})", tuple(fields.values()))  # noqa: S608

        delivery = {"channel": "webchat", "body": "bí mật".encode(), "headers": "{}"}
        add("raw", id="r-1", received_at=T0, state="done", events=2, **delivery)
        add("raw", id="r-2", received_at=T0 + 9, **delivery)
        add("conversations", id=ID, channel="webchat", account="web", key="c-1", sender="c-1", name="bí mật",
            last_seq=2, handled_seq=1, dialogue=DIALOGUE, ticket="k-1", created_at=T0, touched_at=T0, version=4)  # fmt: skip
        add("messages", conversation=ID, seq=1, id=message_id(OLD), author="citizen", at=T0, text="bí mật",
            outcome="answered", turn="t-1", external_id="a", body='{"data":{"k":"bí mật"}}')  # fmt: skip
        add("messages", conversation=ID, seq=2, id="m-2", author="bot", at=T0, text="Dạ bí mật", turn="t-1",
            delivery="sent", external_id="x-1", body="{}")  # fmt: skip
        add("events", id=message_id(SEEN), conversation=ID, channel="webchat", kind="read", at=T0, raw="r-1",
            body=SEEN.model_dump_json())  # fmt: skip
        add("turns", id="t-1", conversation=ID, at=T0, body=TURN)
        add("tickets", id="k-1", code="1022-2026-000001", conversation=ID, state="new", priority="normal",
            created_at=T0, changed_at=T0, body=TICKET)  # fmt: skip
        add("ticket_events", ticket="k-1", n=1, at=T0, actor="bot", state="new", note="bí mật")
        c.commit()


def old_mongodb(url: str) -> None:
    with MongoClient[dict[str, Any]](url) as client:
        database = client.get_default_database()
        database["meta"].insert_one({"_id": "schema", "version": 1})
        delivery = {
            "channel": "webchat", "body": "bí mật".encode(), "headers": "{}", "lease_until": 0, "events": 0,
            "duplicates": 0, "refused": 0, "error": None,
        }  # fmt: skip
        database["raw"].insert_many(
            [
                delivery | {"_id": "r-1", "order": 1, "received_at": T0, "state": "done", "events": 2},
                delivery | {"_id": "r-2", "order": 2, "received_at": T0 + 9, "state": "waits"},
            ]
        )
        database["conversations"].insert_one(
            {
                "_id": ID, "channel": "webchat", "account": "web", "key": "c-1", "sender": "c-1", "name": "bí mật",
                "owner": "bot", "operator": None, "epoch": 0, "last_seq": 2, "handled_seq": 1, "citizen_read_seq": 0,
                "staff_read_seq": 0, "ticket": "k-1", "created_at": T0, "touched_at": T0, "version": 4,
                "dialogue": DIALOGUE, "waiting": [], "due_at": None, "first_due_at": None, "lease_token": None,
                "lease_until": 0, "attempts": 0, "told": None, "revision": 7,
            }
        )  # fmt: skip
        message = {
            "conversation": ID, "at": T0, "internal": False, "turn": "t-1", "channel": "webchat", "day": "2026-11-23",
        }  # fmt: skip
        database["messages"].insert_many(
            [
                message | {
                    "_id": message_id(OLD), "seq": 1, "author": "citizen", "text": "bí mật", "outcome": "answered",
                    "external_id": "a", "delivery": None, "body": '{"data":{"k":"bí mật"}}', "raw": "r-1",
                },
                message | {
                    "_id": "m-2", "seq": 2, "author": "bot", "text": "Dạ bí mật", "outcome": None,
                    "external_id": "x-1", "delivery": "sent", "body": "{}",
                },
            ]
        )  # fmt: skip
        database["events"].insert_one(
            {
                "_id": message_id(SEEN), "conversation": ID, "channel": "webchat", "kind": "read", "at": T0,
                "raw": "r-1", "body": SEEN.model_dump_json(),
            }
        )  # fmt: skip
        database["turns"].insert_one({"_id": "t-1", "conversation": ID, "at": T0, "body": TURN})
        database["tickets"].insert_one(
            {
                "_id": "k-1", "code": "1022-2026-000001", "conversation": ID, "state": "new", "priority": "normal",
                "rank": 1, "operator": None, "created_at": T0, "changed_at": T0, "body": TICKET,
                "history": [{"at": T0, "actor": "bot", "state": "new", "note": "bí mật"}],
            }
        )  # fmt: skip


@pytest.fixture
async def old(store_url: str) -> Store:
    """A store that an older hub has written, not opened yet."""
    if store_url.startswith("sqlite"):
        old_sqlite(Path(store_url.removeprefix("sqlite:///")))
    else:
        old_mongodb(store_url)
    return store_for(store_url, Path())


async def test_what_an_older_hub_kept_is_all_there(old: Store) -> None:
    await old.open()
    found = await old.conversation(ID)
    assert found == Conversation(
        id=ID, channel="webchat", account="web", key="c-1", sender="c-1", name="bí mật", last_seq=2, handled_seq=1,
        ticket="k-1", dialogue=Dialogue.model_validate_json(DIALOGUE), created_at=T0, touched_at=T0, version=4,
    )  # fmt: skip
    assert (found.interacted_at, found.unreachable, found.contact) == (None, None, {})
    inbound, reply = await old.messages(ID)
    assert inbound == Message(
        id=message_id(OLD), conversation=ID, seq=1, author="citizen", text="bí mật", at=T0, external_id="a",
        data={"k": "bí mật"}, outcome="answered", turn="t-1",
    )  # fmt: skip
    assert await old.message_by_external("webchat", "web", "x-1") == reply
    assert await old.message_by_external("webchat", "web", "a") == inbound
    books = await old.books(now=T0 + 10, grace_ms=60_000)
    assert (books.raw_items, books.events, books.unparsed, books.problems) == (2, 2, 1, ())
    assert await old.consents(ID) == []
    (heard,) = await old.heard(since=T0, until=T0 + 1)
    assert (heard.outcome, heard.by, heard.facts) == ("answered", "bot", {})
    (case,) = await old.cases(since=T0, until=T0 + 10)
    assert (case.id, case.category, case.hours) == ("k-1", "chieu-sang", None)
    await old.close()


async def test_an_older_hubs_tickets_are_found_and_go_on(old: Store) -> None:
    await old.open()
    (found,) = await old.find_tickets(
        TicketQuery(category="chieu-sang", merged=False, proposed=False), limit=9
    )
    assert (found.id, found.version, found.hours, found.alarm_at) == ("k-1", 0, None, None)
    assert await old.find_tickets(TicketQuery(alarm_until=T0 + 10**9), limit=9) == []
    assert [t.id for t, _ in await queue(old, limit=9)] == ["k-1"]
    change = TicketChange(ticket="k-1", state="assigned", operator="s-1", fields={"hours": 8}, expects=0)
    await old.commit_turn(turn(ID, "t-2", actor="operator", actor_id="s-1", at=T0 + 5, change=change))
    changed = await old.ticket("k-1")
    assert changed is not None
    assert (changed.state, changed.hours, changed.version, len(changed.history)) == ("assigned", 8, 1, 2)
    assert await old.held_tickets() == [("s-1", "k-1")]
    await old.close()


async def test_what_an_older_hub_kept_is_found(old: Store) -> None:
    await old.open()
    found = {one.kind for one in await old.search("bi mat", limit=9)}
    assert {"message", "person"} <= found
    (ticket,) = await old.search("1022-2026-000001", kind="ticket", limit=9)
    assert ticket.ref == "k-1"
    assert [t.id for t in await old.find_tickets(TicketQuery(channels=("webchat",)), limit=9)] == ["k-1"]
    await old.close()


async def test_an_older_hubs_conversation_goes_on(old: Store) -> None:
    await old.open()
    waiting = await old.lease_raw(now=T0 + 10, until=T0 + 99)
    assert waiting is not None
    assert waiting.id == "r-2"
    assert await old.lease_raw(now=T0 + 10, until=T0 + 99) is None, "what was done stays done"
    events: list[Event] = [UNPARSED, OLD, SEEN]
    intake = await old.take_in(
        waiting, events, refused=0, error=None, now=T0 + 10, due_at=T0 + 10, finished=False
    )
    assert (intake.events, intake.duplicates) == (1, 2)
    await old.finish_raw("r-2")
    await old.note_person(ID, now=T0 + 11, contact={"phone": "0277"})
    changed = await old.amend_message(message_id(OLD), now=T0 + 11, text="sửa", data={"k": None})
    assert changed is not None
    assert (changed.text, changed.data) == ("sửa", {})
    found = await old.conversation(ID)
    assert found is not None
    assert (found.last_seq, found.interacted_at, found.contact) == (3, T0 + 9, {"phone": "0277"})
    assert await old.lease_conversation(now=T0 + 10, until=T0 + 99) is not None
    assert not (await old.books(now=T0 + 11, grace_ms=60_000)).problems
    await old.close()


async def test_a_person_of_older_times_can_be_erased(old: Store, store_url: str) -> None:
    await old.open()
    assert await old.erase_person(ID, now=T0 + 20)
    waiting = await old.lease_raw(now=T0 + 20, until=T0 + 99)
    assert waiting is not None
    await old.take_in(waiting, [OLD], refused=0, error=None, now=T0 + 20, due_at=T0 + 20)
    assert "bí mật" not in everything(store_url)
    assert repr("bí mật".encode()) not in everything(store_url)
    closed = await old.ticket("k-1")
    assert closed is not None
    assert closed.state == "closed"
    assert not (await old.books(now=T0 + 20, grace_ms=60_000)).problems
    (again,) = await arrive(old, event("b"), at=T0 + 30)
    assert (again.seq, again.outcome) == (3, None)
    await old.close()


async def test_an_older_store_is_brought_forward_once(old: Store, store_url: str) -> None:
    for _ in range(2):
        await old.open()
        await old.put_raw(raw("r-9"))
        await old.close()
    if store_url.startswith("sqlite"):
        with closing(sqlite3.connect(store_url.removeprefix("sqlite:///"))) as c:
            newest = len(list(Path(sqlite_store.__file__).parent.glob("migrations/*.sql")))
            assert c.execute("PRAGMA user_version").fetchone()[0] == newest
    else:
        with MongoClient[dict[str, Any]](store_url) as client:
            schema = client.get_default_database()["meta"].find_one({"_id": "schema"})
            assert schema is not None
            assert schema["version"] == 1 + len(MIGRATIONS)
