"""A person who is erased: nothing they said is left anywhere, the books balance, and they may come again."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from hub.errors import LeaseLost, OwnerChanged
from hub.model import Attachment, Button, Consent, Conversation, Dialogue, Draft, Raw, TicketChange, Turn
from hub.ports import Store
from hub.store import store_for
from tests.contract.builders import T0, arrive, event, queue, review, ticket, turn
from tests.contract.test_crash import NOW, deaths, opened, picture

SECRET = "an-bi-mat-0909"
LATER = NOW + 1_000
PERSONAL_FIELDS: dict[str, Any] = {
    "summary": SECRET,
    "details": {"name": SECRET},
    "place": {"text": SECRET, "lat": 10.4, "lon": 105.6},
    "proposal": {"kind": "answer", "agency": "dt-dien-luc", "by": "s-2", "at": T0, "text": SECRET},
    "solution": SECRET,
    "rating": {"score": 2, "text": SECRET, "at": T0},
    "category": "chieu-sang",
}


@pytest.fixture
async def other(store_url: str, store: Store) -> AsyncIterator[Store]:
    """Another hub's store on the same data."""
    other = store_for(store_url, Path())
    await other.open()
    yield other
    await other.close()


def everything(url: str) -> str:
    """All that a store keeps, seen past the hub."""
    if url.startswith("sqlite"):
        path = Path(url.removeprefix("sqlite:///"))
        with closing(sqlite3.connect(path)) as c:
            names = [name for (name,) in c.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            rows = [row for name in names for row in c.execute(f"SELECT * FROM {name}")]  # noqa: S608 - our names
        files = [file.read_bytes() for file in path.parent.glob(f"{path.name}.blobs/*/*")]
        return repr(rows) + repr(files)
    with MongoClient[dict[str, Any]](url) as client:
        database = client.get_default_database()
        return repr([list(database[name].find()) for name in database.list_collection_names()])


def delivery(id_: str, at: int = T0, size: int = 1) -> Raw:
    body = f'{{"text": "{SECRET}"}}'.encode() * size
    return Raw(id=id_, channel="webchat", received_at=at, body=body, headers={"from": SECRET})


async def deliver(store: Store, id_: str, *events: Any, at: int = T0, **fields: Any) -> Any:
    found = delivery(id_, at)
    await store.put_raw(found)
    return await store.take_in(found, events, refused=0, error=None, now=at, due_at=at, **fields)


async def person(store: Store) -> str:
    """A conversation in which there is something of everything, and somebody else who has nothing to do with it."""
    photo = Attachment(type="image", url=f"https://example.org/{SECRET}.jpg", name=SECRET)
    spoken = event(
        "a", SECRET, attachments=(photo, photo.model_copy(update={"url": "https://example.org/2"})),
        data={"subject": SECRET}, sender=SECRET,
    )  # fmt: skip
    id_: str = (
        (await deliver(store, "r-1", spoken, event("seen", SECRET, kind="edit"))).messages[0].conversation
    )
    job = await store.lease_media(now=T0, until=T0 + 30_000)
    assert job is not None
    blobs = [
        await store.put_blob(text.encode(), media_type="text/plain", now=T0)
        for text in (f"{SECRET} của tôi", "của cả hai")
    ]
    kept = [
        one.model_copy(update={"blob": blob})
        for one, blob in zip(job.message.attachments, blobs, strict=True)
    ]
    await store.settle_media(job, kept, now=T0)
    shown = kept[1].model_copy(update={"name": None})
    await arrive(store, event("z", "người khác", conversation="c-other", attachments=(shown,)), at=T0 + 1)
    lease = await store.lease_conversation(now=T0, until=T0 + 30_000)
    await store.commit_turn(
        turn(
            id_, "t-1", handles=1, outcome="answered", at=T0,
            says=(Draft(text=f"Dạ {SECRET}", buttons=(Button(title=SECRET, payload=SECRET),)), Draft(text=SECRET)),
            dialogue=Dialogue(events=({"event": "slot", "value": SECRET},)), facts={"kind": "procedure"},
            review=review("i-1", id_, SECRET),
        ),
        lease,
    )  # fmt: skip
    opening = ticket(id_).model_copy(update={"summary": SECRET, "details": {"phone": SECRET}})
    await store.commit_turn(
        turn(id_, "t-2", actor="operator", actor_id="s-1", owner="human", operator="s-1", at=T0, ticket=opening,
             says=(Draft(text=SECRET, internal=True),))
    )  # fmt: skip
    await store.commit_turn(
        turn(id_, "t-3", actor="operator", actor_id="s-1", at=T0, outcome="ticketed", handles=0,
             change=TicketChange(ticket="k-1", state="assigned", operator="s-1", note=SECRET, fields=PERSONAL_FIELDS))
    )  # fmt: skip
    await store.commit_turn(turn(id_, "t-4", actor="operator", owner="bot", at=T0))
    await deliver(store, "r-2", event("b", SECRET), at=T0 + 2)
    await deliver(
        store, "r-3", event("c", SECRET, attachments=(photo,)), event("p", SECRET, kind="profile"),
        at=T0 + 3, finished=False,
    )  # fmt: skip
    await deliver(store, "r-4", event("a", SECRET), at=T0 + 4)
    await store.note_person(
        id_, now=T0, name=SECRET, contact={"phone": SECRET}, unreachable=f"550 {SECRET}", interacted_at=T0
    )
    await store.put_review(review("i-2", id_, SECRET, answer=SECRET, note=SECRET, reason="wrong"))
    await store.put_consent(
        Consent(id="n-1", conversation=id_, channel="email", address=SECRET, agreed_at=T0)
    )  # fmt: skip
    return id_


async def erase(store: Store, conversation: Any) -> Any:
    return await store.erase_person(conversation, now=NOW)


async def talk(store: Store, conversation: str) -> Conversation:
    found = await store.conversation(conversation)
    assert found is not None
    return found


# ---- what goes, what stays


async def test_nothing_of_the_person_is_left_anywhere(store: Store, store_url: str) -> None:
    id_ = await person(store)
    assert everything(store_url).count(SECRET) > 20
    assert await store.erase_person(id_, now=NOW)
    assert SECRET not in everything(store_url)


async def test_ids_times_and_counts_stay(store: Store) -> None:
    id_ = await person(store)
    before, messages = await talk(store, id_), await store.messages(id_)
    books = await store.books(now=NOW, grace_ms=60_000)
    await store.erase_person(id_, now=NOW)
    after = await talk(store, id_)
    assert after == before.model_copy(
        update={
            "sender": "", "name": None, "contact": {}, "unreachable": None, "dialogue": Dialogue(), "ticket": None,
            "handled_seq": 6, "staff_read_seq": 6, "epoch": before.epoch + 1, "version": before.version + 1,
            "touched_at": NOW,
        }
    )  # fmt: skip
    kept = await store.messages(id_)
    for one, was in zip(kept, messages, strict=True):
        assert (one.id, one.seq, one.author, one.at, one.external_id, one.turn) == (
            was.id, was.seq, was.author, was.at, was.external_id, was.turn,
        )  # fmt: skip
        assert (one.text, one.buttons, one.attachments, one.data) == (None, (), (), {})
    assert [m.outcome for m in kept if m.author == "citizen"] == ["no_reply_due"] * 3
    assert [m.delivery for m in kept if m.author != "citizen"] == ["failed", "failed", None]
    now = await store.books(now=NOW, grace_ms=60_000)
    assert (now.raw_items, now.events, now.duplicates, now.refused) == (
        books.raw_items, books.events, books.duplicates, books.refused,
    )  # fmt: skip
    assert (now.unparsed, now.problems) == (0, ())
    assert [(line.no_reply_due, line.waiting) for line in now.lines] == [(3, 1)]


async def test_the_ticket_is_closed_and_says_nothing(store: Store) -> None:
    await store.erase_person(await person(store), now=NOW)
    closed = await store.ticket("k-1")
    assert closed is not None
    assert (closed.state, closed.details, closed.code) == ("closed", {}, "1022-2026-000001")
    *history, last = closed.history
    assert [(e.state, e.actor, e.note) for e in history] == [("new", "bot", None), ("assigned", "s-1", None)]
    assert (last.state, last.actor, last.at, bool(last.note)) == ("closed", "system", NOW, True)
    assert await queue(store, limit=10) == []
    assert [t.id for t, _ in await queue(store, limit=10, state="closed")] == ["k-1"]


async def test_a_closed_ticket_keeps_its_end(store: Store) -> None:
    id_ = await person(store)
    await store.commit_turn(
        turn(id_, "t-9", actor="operator", at=T0 + 9, change=TicketChange(ticket="k-1", state="spam", note="x"))
    )  # fmt: skip
    await store.erase_person(id_, now=NOW)
    closed = await store.ticket("k-1")
    assert closed is not None
    assert (closed.state, closed.history[-1].state, closed.history[-1].note) == ("spam", "spam", None)


async def test_blobs_go_unless_somebody_else_shows_them(store: Store, other: Store) -> None:
    id_ = await person(store)
    mine, shared = [a.blob for a in (await store.messages(id_))[0].attachments]
    assert mine
    assert shared
    await store.erase_person(id_, now=NOW)
    assert await other.blob(mine) is None
    kept = await other.blob(shared)
    assert kept is not None
    ((somebody, _),) = [one for one in await store.touched_since(0) if one[0] != id_]
    await store.erase_person(somebody, now=NOW)
    assert await other.blob(shared) is None
    again = await store.put_blob("của cả hai".encode(), media_type="text/plain", now=LATER)
    assert again == shared
    assert await other.blob(shared) == kept


async def test_others_are_left_alone(store: Store) -> None:
    id_ = await person(store)
    ((somebody, _),) = [one for one in await store.touched_since(0) if one[0] != id_]
    before = await talk(store, somebody), await store.messages(somebody)
    await store.erase_person(id_, now=NOW)
    assert (await talk(store, somebody), await store.messages(somebody)) == before


async def test_erasing_again_changes_nothing(store: Store, other: Store) -> None:
    id_ = await person(store)
    assert await store.erase_person(id_, now=NOW)
    before = await picture(store)
    assert await other.erase_person(id_, now=LATER)
    assert await picture(store) == before
    assert not await store.erase_person("c-none", now=NOW)


async def test_erased_by_many_at_once_is_erased_once(store: Store, other: Store, store_url: str) -> None:
    id_ = await person(store)
    before = await talk(store, id_)
    await asyncio.gather(*((store, other)[n % 2].erase_person(id_, now=NOW) for n in range(8)))
    after = await talk(store, id_)
    assert (after.version, after.epoch) == (before.version + 1, before.epoch + 1)
    closed = await store.ticket("k-1")
    assert closed is not None
    assert len(closed.history) == 3
    assert SECRET not in everything(store_url)


async def test_a_large_delivery_goes_too(store: Store, store_url: str) -> None:
    large = delivery("r-1", size=600_000)
    assert len(large.body) > 8 * 2**20
    await store.put_raw(large)
    intake = await store.take_in(large, [event("a", "x")], refused=0, error=None, now=T0, due_at=T0)
    await store.erase_person(intake.messages[0].conversation, now=NOW)
    assert SECRET not in everything(store_url)


# ---- what must not come back


async def test_a_replayed_delivery_stays_a_duplicate_and_brings_nothing_back(
    store: Store, store_url: str
) -> None:
    id_ = await person(store)
    await store.erase_person(id_, now=NOW)
    before = await talk(store, id_), await store.messages(id_)
    replay = await deliver(
        store, "r-9", event("a", SECRET), event("seen", SECRET, kind="edit"), at=LATER, finished=False
    )
    assert (replay.events, replay.duplicates) == (0, 2)
    assert [m.text for m in replay.messages] == [None]
    await store.finish_raw("r-9")
    again = await deliver(store, "r-10", event("p", SECRET, kind="profile"), at=LATER)
    assert (again.events, again.duplicates) == (0, 1)
    await store.put_raw(delivery("r-1"))
    assert await store.lease_raw(now=LATER, until=LATER + 1) is None
    assert (await talk(store, id_), await store.messages(id_)) == before
    assert SECRET not in everything(store_url)
    assert not (await store.books(now=LATER, grace_ms=60_000)).problems


async def test_an_erased_message_cannot_be_amended(store: Store, store_url: str) -> None:
    id_ = await person(store)
    await store.erase_person(id_, now=NOW)
    before = await talk(store, id_)
    for message in await store.messages(id_):
        assert await store.amend_message(message.id, now=LATER, text=SECRET, data={"k": SECRET}) == message
    assert await talk(store, id_) == before
    assert SECRET not in everything(store_url)


async def test_a_turn_that_was_being_thought_of_is_refused(store: Store, store_url: str) -> None:
    (message,) = await arrive(store, event("a", SECRET))
    lease = await store.lease_conversation(now=T0, until=T0 + 30_000)
    assert lease is not None
    await store.erase_person(message.conversation, now=NOW)
    late = turn(
        message.conversation,
        "t-1",
        handles=1,
        outcome="answered",
        says=(Draft(text=SECRET),),
        expects_epoch=0,
    )
    with pytest.raises((LeaseLost, OwnerChanged)):
        await store.commit_turn(late, lease)
    with pytest.raises(OwnerChanged):
        await store.commit_turn(late)
    await store.release_conversation(lease, due_at=LATER)
    assert await store.lease_conversation(now=LATER, until=LATER + 1) is None
    assert SECRET not in everything(store_url)


async def test_a_turn_done_before_stays_done(store: Store) -> None:
    id_ = await person(store)
    await store.erase_person(id_, now=NOW)
    again = await store.commit_turn(turn(id_, "t-1", says=(Draft(text=SECRET),)))
    assert not again.fresh
    assert [m.text for m in again.messages] == [None, None]
    assert again.turn == Turn(
        id="t-1", conversation=id_, actor="bot", at=T0, handles=1, outcome="answered", facts={"kind": "procedure"}
    )  # fmt: skip


async def test_what_was_being_sent_or_fetched_is_not_recorded_any_more(
    store: Store, store_url: str
) -> None:  # fmt: skip
    photo = Attachment(type="image", url="https://example.org/1")
    (message,) = await arrive(store, event("a", attachments=(photo,)))
    await store.commit_turn(
        turn(message.conversation, "t-1", handles=1, outcome="answered", says=(Draft(text="một"), Draft(text="hai")))
    )  # fmt: skip
    (item,) = await store.lease_outbox(now=T0, until=T0 + 30_000, limit=1)
    job = await store.lease_media(now=T0, until=T0 + 30_000)
    assert job is not None
    await store.erase_person(message.conversation, now=NOW)
    found = photo.model_copy(update={"blob": "b_1", "name": SECRET})
    assert not await store.settle_media(job, [found], now=LATER)
    assert not await store.settle_outgoing(item, "queued", now=LATER, retry_at=LATER)
    assert await store.lease_outbox(now=LATER + 99_999, until=LATER + 199_999, limit=9) == []
    assert await store.lease_media(now=LATER + 99_999, until=LATER + 199_999) is None
    assert [m.delivery for m in await store.messages(message.conversation)] == [None, "failed", "failed"]
    assert SECRET not in everything(store_url)
    books = await store.books(now=LATER, grace_ms=60_000)
    assert ([line.no_reply_due for line in books.lines], books.problems) == ([1], ())
    assert await store.confirm_sent(item.message.id, external_id="x-1", now=LATER), "it arrived after all"
    assert not (await store.books(now=LATER, grace_ms=60_000)).problems


async def test_a_reply_that_died_before_needs_nobody_any_more(store: Store) -> None:
    (message,) = await arrive(store, event("a"))
    await store.commit_turn(
        turn(message.conversation, "t-1", handles=1, outcome="answered", says=(Draft(text="một"),))
    )
    (item,) = await store.lease_outbox(now=T0, until=T0 + 30_000, limit=1)
    await store.settle_outgoing(item, "failed", now=T0)
    assert (await store.books(now=T0, grace_ms=60_000)).problems
    await store.erase_person(message.conversation, now=NOW)
    assert not (await store.books(now=T0, grace_ms=60_000)).problems


async def test_what_was_sent_stays_answered(store: Store) -> None:
    (message,) = await arrive(store, event("a"))
    await store.commit_turn(
        turn(message.conversation, "t-1", handles=1, outcome="answered", says=(Draft(text="một"),))
    )
    (item,) = await store.lease_outbox(now=T0, until=T0 + 30_000, limit=1)
    await store.settle_outgoing(item, "sent", now=T0, external_id="x-1")
    await store.erase_person(message.conversation, now=NOW)
    books = await store.books(now=NOW, grace_ms=60_000)
    assert ([line.answered for line in books.lines], books.problems) == ([1], ())
    found = await store.message_by_external("webchat", "web", "x-1")
    assert found is not None
    assert (found.text, found.delivery) == (None, "sent")


async def test_an_unfinished_delivery_of_nobody_else_is_finished(store: Store, store_url: str) -> None:
    """Its effects would only bring something back; one that holds somebody else's words too goes on."""
    mine = (await deliver(store, "r-1", event("a"), event("p", kind="profile"), finished=False)).messages[0]
    await deliver(
        store, "r-2", event("q", kind="profile"), event("z", conversation="c-2"), at=T0 + 1, finished=False
    )
    await store.erase_person(mine.conversation, now=NOW)
    both = await store.lease_raw(now=LATER, until=LATER + 1)
    assert both == delivery("r-2", T0 + 1)
    assert await store.lease_raw(now=LATER, until=LATER + 1) is None
    await store.finish_raw("r-2")
    assert SECRET not in everything(store_url)


# ---- and afterwards


async def test_whoever_was_erased_may_speak_again(store: Store, store_url: str) -> None:
    id_ = await person(store)
    await store.erase_person(id_, now=NOW)
    await store.note_person(id_, now=LATER, unreachable="đã chặn")
    (message,) = await arrive(store, event("d", "Xin chào lại"), at=LATER)
    assert (message.conversation, message.seq, message.outcome) == (id_, 7, None)
    found = await talk(store, id_)
    assert (found.owner, found.sender, found.interacted_at, found.ticket) == ("bot", "c-1", LATER, None)
    lease = await store.lease_conversation(now=LATER, until=LATER + 30_000)
    assert lease is not None
    while lease is not None and lease.conversation.id != id_:
        lease = await store.lease_conversation(now=LATER, until=LATER + 30_000)
    assert lease is not None
    assert (lease.attempts, lease.conversation.dialogue) == (1, Dialogue())
    done = await store.commit_turn(
        turn(lease.conversation, "t-again", at=LATER, handles=7, outcome="ticketed", owner="human",
             says=(Draft(text="Dạ em chào"),), ticket=ticket(id_, 2)),
        lease,
    )  # fmt: skip
    (item,) = await store.lease_outbox(now=LATER, until=LATER + 30_000, limit=9)
    assert item.message == done.messages[0]
    await store.settle_outgoing(item, "sent", now=LATER)
    assert await store.amend_message(message.id, now=LATER, text="sửa") is not None
    assert [t.id for t, _ in await queue(store, limit=9)] == ["k-2"]
    assert [m.text for m in await store.messages(id_, after=6)] == ["sửa", "Dạ em chào"]
    assert not (await store.books(now=LATER, grace_ms=60_000)).problems
    assert await store.erase_person(id_, now=LATER + 1)
    assert [m.text for m in await store.messages(id_)] == [None] * 8
    first, second = await store.ticket("k-1"), await store.ticket("k-2")
    assert first is not None
    assert second is not None
    assert (len(first.history), first.history[-1].at, second.history[-1].at) == (3, NOW, LATER + 1)
    assert bool(first.history[-1].note)


async def test_speaking_while_being_erased(store: Store, other: Store) -> None:
    (message,) = await arrive(store, event("first", SECRET))

    async def citizen() -> None:
        for n in range(20):
            await arrive(store, event(f"m{n}", f"câu {n}"), at=T0 + n)

    async def eraser() -> None:
        for n in range(6):
            await other.erase_person(message.conversation, now=T0 + n)

    await asyncio.gather(citizen(), eraser())
    messages = await store.messages(message.conversation)
    assert [m.seq for m in messages] == list(range(1, 22))
    erased = [m.seq for m in messages if m.text is None]
    assert erased == list(range(1, len(erased) + 1)), "what was said after is there, all before is gone"
    assert all((m.outcome == "no_reply_due") == (m.text is None) for m in messages)
    assert not (await store.books(now=T0, grace_ms=60_000)).problems


# ---- stores that die meanwhile


async def test_again_after_a_crash_all_is_erased(fresh_url: Callable[[], str]) -> None:
    async for death in deaths(fresh_url, person, erase):
        async with opened(death.url) as store:
            await erase(store, death.prepared)
            assert await picture(store) == death.done
            assert await store.consents(death.prepared) == []
        assert SECRET not in everything(death.url)
        assert not death.done["books"].problems


async def test_a_crash_while_erasing_is_brought_to_its_end_by_others(fresh_url: Callable[[], str]) -> None:
    """Nobody asks again: what was begun is finished by the next who opens the store, or nothing was begun."""
    async for death in deaths(fresh_url, person, erase):
        async with opened(death.url) as store:
            after = await picture(store)
            assert after in (death.before, death.done)
            kept = everything(death.url)
            assert (SECRET in kept) == (after == death.before)
