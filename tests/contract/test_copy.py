"""Moving an installation between stores: nothing is missing afterwards, and the work goes on where it was."""

import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from hub.audit import AuditNote
from hub.errors import HalfCopied, StoreError, StoreUnavailable
from hub.model import Attachment, Consent, Draft, KnowledgeDoc, KnowledgeEdit, Staff, TicketChange
from hub.ports import Store
from hub.store import movable_for, name_of, store_for
from hub.store.mongo.moving import NOT_MOVED as NO_COLLECTION
from hub.store.moving import SECTIONS, Movable, Row, Section, copy
from hub.store.sqlite.moving import NOT_MOVED as NO_TABLE
from tests.contract.builders import T0, arrive, event, queue, raw, review, ticket, turn
from tests.contract.test_notices import notice

NOW = T0 + 1_000_000
HERE = Path()
PAIRS = (("sqlite", "mongodb"), ("mongodb", "sqlite"), ("sqlite", "sqlite"), ("mongodb", "mongodb"))


@pytest.fixture
def url_of(tmp_path: Path, request: pytest.FixtureRequest) -> Callable[[str, str], str]:
    """(kind, name) → the address of an empty store."""
    made: dict[tuple[str, str], str] = {}

    def make(kind: str, name: str) -> str:
        if (kind, name) not in made:
            made[kind, name] = (
                f"sqlite:///{tmp_path}/{name}.db"
                if kind == "sqlite"
                else request.getfixturevalue("mongodb_urls")()
            )
        return made[kind, name]

    return make


@asynccontextmanager
async def opened(*stores: Movable) -> AsyncIterator[None]:
    for store in stores:
        await store.open()
    try:
        yield
    finally:
        for store in stores:
            await store.close()


async def moved(
    source: str, target: str, through: Callable[[Movable], Movable] = lambda it: it
) -> list[Section]:
    one, other = movable_for(source, HERE), through(movable_for(target, HERE))
    async with opened(one, other):
        return await copy(one, other, name=name_of(source, HERE), now=NOW, tell=lambda line: None)


async def fill(store: Store) -> None:
    """Some of everything, in every state it can be in."""
    picture = await store.put_blob(bytes(range(256)) * 5_000, media_type="image/png", now=T0)
    await store.put_knowledge(
        [KnowledgeDoc(kind="faq", id="q-1", body={"câu": "hỏi", "số": 2**62}, origin="import")], now=T0
    )
    await store.put_knowledge(
        [KnowledgeDoc(kind="procedure", id="p-1", body={"tên": "Khai sinh"})], now=T0 + 1
    )
    old = KnowledgeDoc(kind="procedure", id="p-1", body={"tên": "Khai sinh"})
    new = KnowledgeDoc(kind="procedure", id="p-1", body={"tên": "Đăng ký khai sinh"}, origin="editor")
    done = KnowledgeEdit(
        id="e-1", kind="procedure", entry="p-1", before=old, after=new, state="applied", by="s-1", at=T0 + 2
    )
    await store.commit_edit(done)
    await store.commit_edit(done.model_copy(update={"id": "e-2", "state": "proposed", "note": "phí mới"}))
    await store.put_staff(
        Staff(id="s-1", login="truc", name="Trực tổng đài", role="operator", password_hash="x")
    )
    for n in range(3):
        await store.append_audit(AuditNote(at=T0 + n, actor="s-1", action="login.ok", facts={"n": n}))
    await store.put_state("tokens", b"\x00\xffsealed", expects=0, now=T0)
    await store.put_state("tokens", b"sealed again", expects=1, now=T0 + 1)
    assert await store.next_ticket_number(2026) == 1
    # answered, sent, read; with a ticket, handed over
    (asked,) = await arrive(
        store,
        event("9223372036854775807", "làm giấy khai sinh 👶 \x00" + "rất dài " * 130_000, data={"số": 2**63}),
    )
    said = turn(
        asked.conversation, "t-1", handles=1, outcome="answered", at=T0 + 5,
        says=(Draft(text="Dạ", knowledge=("p-1",), attachments=(Attachment(type="image", blob=picture),)),),
    )  # fmt: skip
    await store.commit_turn(said)
    (sent,) = await store.lease_outbox(now=T0 + 6, until=T0 + 99, limit=9)
    await store.settle_outgoing(sent, "sent", now=T0 + 7, external_id="x-1")
    await store.mark_delivered(asked.conversation, 2, "read", now=T0 + 8)
    await arrive(store, event("m2", "gặp người"), at=T0 + 9)
    opened_ticket = turn(
        asked.conversation,
        "t-2",
        handles=3,
        outcome="ticketed",
        owner="human",
        ticket=ticket(asked.conversation),
    )
    await store.commit_turn(opened_ticket)
    answer = TicketChange(ticket="k-1", state="assigned", note="đã nhận", operator="s-1")
    await store.commit_turn(
        turn(asked.conversation, "t-3", actor="operator", actor_id="s-1", at=T0 + 20, change=answer,
             says=(Draft(text="ghi chú", internal=True),), notices=(notice(1), notice(2)))
    )  # fmt: skip
    await store.put_consent(
        Consent(
            id="y-1",
            conversation=asked.conversation,
            channel="zalo",
            address="700",
            agreed_at=T0,
            message=asked.id,
        )
    )
    await store.note_person(asked.conversation, now=T0, name="Chị Mẫu", contact={"phone": "0900000000"})
    await store.put_review(review("i-1", asked.conversation, note="sai phí", reason="wrong"))
    # sends in every state
    for n, fate in enumerate(("later", "unknown", "failed", "sending", "queued")):
        (line,) = await arrive(store, event(f"o{n}", conversation=f"out-{n}"), at=T0 + 30 + n)
        await store.commit_turn(
            turn(line.conversation, f"t-o{n}", handles=1, outcome="answered", at=T0 + 40 + n,
                 says=(Draft(text="một"), Draft(text="hai")))
        )  # fmt: skip
        if fate != "queued":
            items = await store.lease_outbox(now=T0 + 50, until=T0 + 60, limit=99)
            for item in items:
                if item.conversation.id != line.conversation:
                    await store.settle_outgoing(item, "queued", now=T0 + 51)
                elif fate == "later":
                    await store.settle_outgoing(item, "queued", now=T0 + 51, retry_at=NOW + 500, error="away")
                elif fate != "sending":
                    await store.settle_outgoing(item, fate, now=T0 + 51, error="why")  # type: ignore[arg-type]
    # a turn that is due, a delivery that waits, one with effects to come, one put aside
    await arrive(store, event("due-1", conversation="waits"), at=T0 + 70)
    await arrive(store, event("due-2", conversation="waits"), at=T0 + 71)
    await store.put_raw(raw("r-waits", b"\x00raw", at=T0 + 72).model_copy(update={"headers": {"X-Đ": "ă"}}))
    half = raw("r-half", at=T0 + 73)
    await store.put_raw(half)
    await store.take_in(
        half, [event("sig", kind="read", conversation="waits")], refused=0, error=None, now=T0, due_at=T0, finished=False
    )  # fmt: skip
    aside = raw("r-aside", at=T0 + 74)
    await store.put_raw(aside)
    await store.take_in(aside, [], refused=1, error="AlienPayload", now=T0, due_at=T0)
    # attachments that wait, and a person who was erased
    wanted = Attachment(type="image", url="https://example.org/a.jpg")
    await arrive(store, event("pic", conversation="photo", attachments=(wanted,)), at=T0 + 80)
    (gone,) = await arrive(store, event("gone", "riêng tư", conversation="erased"), at=T0 + 90)
    await store.erase_person(gone.conversation, now=T0 + 91)


async def everything(store: Store) -> dict[str, Any]:
    """What can be read through the port."""
    books = await store.books(now=NOW, grace_ms=10**9)
    talks = {}
    for id_, version in await store.touched_since(0):
        talks[id_] = (
            version, await store.conversation(id_), await store.messages(id_, limit=1000), await store.consents(id_)
        )  # fmt: skip
    return {
        "books": books,
        "talks": talks,
        "tickets": [
            ticket for state in ("open", "closed") for ticket, _ in await queue(store, limit=99, state=state)
        ],
        "knowledge": (await store.knowledge_revision(), await store.knowledge()),
        "edits": await store.knowledge_edits(limit=99),
        "reviews": await store.reviews(limit=99),
        "notices": await store.notices("k-1"),
        "heard": sorted(map(str, await store.heard(since=0, until=2**60))),
        "cases": await store.cases(since=0, until=2**60),
        "staff": await store.staff_by_login("truc"),
        "state": await store.state("tokens"),
        "turns": [await store.turn(id_) for id_ in ("t-1", "t-2", "t-3")],
    }


async def works_on(store: Store) -> dict[str, Any]:
    """What workers would be given now, in order."""
    sends = await store.lease_outbox(now=NOW, until=NOW + 1, limit=99)
    lease = await store.lease_conversation(now=NOW, until=NOW + 1)
    deliveries = []
    while (delivery := await store.lease_raw(now=NOW, until=NOW)) and delivery.id not in {
        r.id for r in deliveries
    }:
        deliveries.append(delivery)
        await store.take_in(delivery, [], refused=0, error=None, now=NOW, due_at=NOW)
    media = await store.lease_media(now=NOW, until=NOW + 1)
    mails = [await store.lease_notice(now=NOW, until=NOW + 1) for _ in range(2)]
    assert lease is not None
    assert media is not None
    return {
        "sends": sorted((s.message.text, s.conversation.key, s.interrupted, s.attempts) for s in sends),
        "turn": (lease.conversation.key, lease.attempts),
        "deliveries": deliveries,
        "mails": [mail and (mail.notice, mail.attempts) for mail in mails],
        "media": (media.message, media.raw, media.attempts),
        "number": await store.next_ticket_number(2026),
        "erased": [await store.erase_person(id_, now=NOW) for id_, _ in await store.touched_since(0)],
        "books": (await store.books(now=NOW, grace_ms=10**9)).problems,
    }


@pytest.mark.parametrize(("first", "second"), PAIRS)
async def test_nothing_is_missing_and_the_work_goes_on(
    first: str, second: str, url_of: Callable[[str, str], str]
) -> None:
    urls = [url_of(first, "a"), url_of(second, "b"), url_of(first, "c")]
    store = store_for(urls[0], HERE)
    await store.open()
    await fill(store)
    before = await everything(store)
    picture = before["talks"][before["tickets"][0].conversation][2][1].attachments[0].blob
    content = await store.blob(picture)
    await store.close()
    there = await moved(urls[0], urls[1])
    back = await moved(urls[1], urls[2])
    assert there == back, "and back again it is the same, to the last byte"
    assert all(section.rows for section in there), "every section was tried"
    found = []
    for url in urls:
        store = store_for(url, HERE)
        await store.open()
        assert await everything(store) == before
        assert await store.blob(picture) == content
        found.append(await works_on(store))
        await store.close()
    assert found[0] == found[1] == found[2]
    assert {(text, key, interrupted) for text, key, interrupted, _ in found[0]["sends"]} == {
        ("hai", "out-1", False), ("hai", "out-2", False), ("một", "out-3", True), ("một", "out-4", False),
    }  # fmt: skip
    assert [delivery.id for delivery in found[0]["deliveries"]] == ["r-waits", "r-half"]
    assert found[0]["number"] == 2


class Breaking:
    """A target that dies at its n-th write."""

    def __init__(self, target: Movable, after: int) -> None:
        self._target = target
        self._left = after

    def __getattr__(self, name: str) -> Any:
        return getattr(self._target, name)

    async def put_rows(self, section: str, rows: Sequence[Row]) -> None:
        self._die()
        await self._target.put_rows(section, rows)
        self._die()

    async def set_progress(self, progress: dict[str, Any] | None) -> None:
        self._die()
        await self._target.set_progress(progress)

    def _die(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise StoreUnavailable("it is gone")


@pytest.mark.parametrize(("first", "second"), PAIRS[:2])
async def test_an_interrupted_copy_goes_on_and_nobody_opens_it_meanwhile(
    first: str, second: str, url_of: Callable[[str, str], str]
) -> None:
    source, target = url_of(first, "a"), url_of(second, "b")
    store = store_for(source, HERE)
    await store.open()
    await fill(store)
    before = await everything(store)
    await store.close()
    for steps in (1, 2, 3, 5, 8):
        with pytest.raises(StoreUnavailable):
            await moved(source, target, lambda it, steps=steps: Breaking(it, steps))  # type: ignore[misc]
        with pytest.raises(HalfCopied, match="run the same copy again"):
            await store_for(target, HERE).open()
    with pytest.raises(StoreError, match="is being filled from"):
        await moved(url_of(first, "other"), target)
    await moved(source, target)
    store = store_for(target, HERE)
    await store.open()
    assert await everything(store) == before
    await store.close()


class Spoiling(Breaking):
    """A target that loses a letter."""

    async def put_rows(self, section: str, rows: Sequence[Row]) -> None:
        spoilt = [row | {"text": "khác"} if row.get("text") == "hai" else row for row in rows]
        await self._target.put_rows(section, spoilt)


@pytest.mark.parametrize(("first", "second"), PAIRS[:2])
async def test_a_row_that_came_over_wrong_is_found_and_named(
    first: str, second: str, url_of: Callable[[str, str], str]
) -> None:
    source, target = url_of(first, "a"), url_of(second, "b")
    store = store_for(source, HERE)
    await store.open()
    await fill(store)
    wrong = {
        m.id for id_, _ in await store.touched_since(0) for m in await store.messages(id_) if m.text == "hai"
    }
    await store.close()
    with pytest.raises(StoreError, match=r"messages differ .*, first at m_") as failure:
        await moved(source, target, lambda it: Spoiling(it, 10**9))
    assert any(id_ in str(failure.value) for id_ in wrong)
    with pytest.raises(HalfCopied):
        await store_for(target, HERE).open()


@pytest.mark.parametrize("kind", ["sqlite", "mongodb"])
async def test_what_is_in_use_or_not_empty_is_refused(kind: str, url_of: Callable[[str, str], str]) -> None:
    source, target = url_of(kind, "a"), url_of(kind, "b")
    store = store_for(source, HERE)
    await store.open()
    assert await store.hold("sweep", "h_1", now=NOW, until=NOW + 1)
    with pytest.raises(StoreError, match=r"the source is in use \(job sweep\): stop every hub"):
        await moved(source, target)
    await store.let_go("sweep", "h_1")
    await store.close()
    other = store_for(target, HERE)
    await other.open()
    await other.next_ticket_number(2026)
    await other.close()
    with pytest.raises(StoreError, match=r"the target is not empty \(it has counters\)"):
        await moved(source, target)


async def test_no_table_and_no_collection_is_forgotten(url_of: Callable[[str, str], str]) -> None:
    url = url_of("sqlite", "a")
    store = store_for(url, HERE)
    await store.open()
    await fill(store)
    await store.close()
    with sqlite3.connect(url.removeprefix("sqlite:///")) as c:
        tables = {name for (name,) in c.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert tables - NO_TABLE == set(SECTIONS)
    url = url_of("mongodb", "b")
    mongo = store_for(url, HERE)
    await mongo.open()
    await fill(mongo)
    await mongo.close()
    with MongoClient[dict[str, object]](url) as client:
        collections = set(client.get_default_database().list_collection_names())
    own = {"meta", "raw_parts", "blobs.files", "blobs.chunks"}  # parts of sections
    assert collections - NO_COLLECTION - own == set(SECTIONS) - {"blobs", "counters"}


@pytest.mark.parametrize(("from_", "to"), [("sqlite", "mongodb"), ("mongodb", "sqlite")])
async def test_what_was_found_before_is_found_in_the_copy(
    from_: str, to: str, url_of: Callable[[str, str], str]
) -> None:
    source, target = url_of(from_, "a"), url_of(to, "b")
    found = []
    store = store_for(source, HERE)
    await store.open()
    (message,) = await arrive(store, event("x-1", "Đèn đường hỏng", conversation="c-9"), at=T0)
    await store.note_person(message.conversation, now=T0, name="Người dân đèn")
    new = ticket(message.conversation, 7).model_copy(update={"summary": "đèn hỏng"})
    await store.commit_turn(turn(message.conversation, "t-1", ticket=new))
    found.append(await store.search("den", limit=9))
    await store.close()
    await moved(source, target)
    store = store_for(target, HERE)
    await store.open()
    found.append(await store.search("den", limit=9))
    await store.close()
    assert {(one.kind, one.ref) for one in found[0]} == {(one.kind, one.ref) for one in found[1]}
    assert len(found[0]) == 3
