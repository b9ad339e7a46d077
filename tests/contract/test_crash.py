"""A store that dies between any two of its writes: nothing is half done, and doing it again completes it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hub.errors import StoreUnavailable
from hub.model import Button, Dialogue, Draft, KnowledgeDoc, KnowledgeEdit, TicketChange
from hub.ports import Store
from hub.store import store_for
from tests.contract.builders import T0, arrive, event, queue, raw, review, ticket, turn
from tests.contract.crash import dying

NOW = T0 + 100
Prepare = Callable[[Store], Awaitable[Any]]
Act = Callable[[Store, Any], Awaitable[Any]]


async def picture(store: Store) -> dict[str, Any]:
    """Everything that can be asked of a store."""
    conversations = sorted(await store.touched_since(0))
    seen: dict[str, Any] = {"conversations": conversations}
    for id_, _ in conversations:
        seen[id_] = await store.conversation(id_), await store.messages(id_)
    for state in ("open", "closed"):
        seen[state] = await queue(store, limit=100, state=state)
    seen["books"] = await store.books(now=NOW, grace_ms=60_000)
    seen["knowledge"] = await store.knowledge_revision(), await store.knowledge()
    seen["edits"] = await store.knowledge_edits(limit=99)
    seen["notices"] = await store.notices("k-1")
    seen["reviews"] = await store.reviews(limit=99)
    return seen


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Store]:
    store = store_for(url, Path())
    await store.open()
    yield store
    await store.close()


async def nothing(_: Store) -> None:
    return None


async def take_in(store: Store, _: Any) -> Any:
    """A delivery of two conversations with a receipt, a doubled event and an automatic mail."""
    delivery = raw("r-1", at=NOW)
    await store.put_raw(delivery)
    events = [
        event("a", "một"),
        event("b", "hai", conversation="c-2"),
        event("seen", "", kind="read"),
        event("a", "một"),
        event("c", "ba"),
        event("auto", automatic=True),
    ]
    return await store.take_in(delivery, events, refused=1, error=None, now=NOW, due_at=NOW)


async def one_message(store: Store) -> Any:
    await arrive(store, event("m"))
    lease = await store.lease_conversation(now=T0, until=T0 + 30_000)
    await arrive(store, event("later"), at=T0 + 1)
    return lease


async def hand_over(store: Store, lease: Any) -> Any:
    """A turn that does everything: answers, opens a ticket, gives the conversation to people."""
    says = (Draft(text="Dạ", buttons=(Button(title="Lệ phí", payload="/fee"),)), Draft(text="Em chuyển ạ"))
    return await store.commit_turn(
        turn(
            lease.conversation, "t-1", handles=1, outcome="answered", says=says, at=NOW, owner="human",
            ticket=ticket(lease.conversation.id), dialogue=Dialogue(events=({"event": "restart"},)),
            expects_epoch=0, review=review("i-1", lease.conversation.id),
        ),
        lease,
    )  # fmt: skip


async def handed_over(store: Store) -> Any:
    lease = await one_message(store)
    await hand_over(store, lease)
    return lease.conversation.id


async def hand_back(store: Store, conversation: Any) -> Any:
    return await store.commit_turn(
        turn(
            conversation, "t-2", actor="operator", actor_id="s-1", owner="bot", at=NOW,
            says=(Draft(text="Xong ạ"), Draft(text="nội bộ", internal=True)),
            change=TicketChange(
                ticket="k-1", state="closed", operator="s-1", note="xong", action="close", expects=0,
                fields={"solution": "đã sửa", "due_at": NOW, "agency": "dt-dien-luc"},
            ),
        )
    )  # fmt: skip


async def sending(store: Store) -> Any:
    await handed_over(store)
    (item,) = await store.lease_outbox(now=NOW, until=NOW + 30_000, limit=10)
    return item


async def sent(store: Store, item: Any) -> Any:
    return await store.settle_outgoing(item, "sent", now=NOW, external_id="x-1")


async def all_sent(store: Store) -> Any:
    conversation = await handed_over(store)
    while items := await store.lease_outbox(now=NOW, until=NOW + 30_000, limit=10):
        for item in items:
            await store.settle_outgoing(item, "sent", now=NOW)
    return conversation


async def read(store: Store, conversation: Any) -> Any:
    return await store.mark_delivered(conversation, 99, "read", now=NOW)


async def some_knowledge(store: Store) -> Any:
    await store.put_knowledge(
        [KnowledgeDoc(kind="faq", id=f"f-{n}", body={"n": n}) for n in range(3)], now=T0
    )


async def import_knowledge(store: Store, _: Any) -> Any:
    docs = [KnowledgeDoc(kind="faq", id=f"f-{n}", body={"n": -n}, origin="import") for n in range(1, 5)]
    return await store.put_knowledge(docs, now=NOW)


FAQ = KnowledgeDoc(kind="faq", id="f-1", body={"n": 1})


async def edit_knowledge(store: Store, _: Any) -> Any:
    after = FAQ.model_copy(update={"body": {"n": 9}, "origin": "editor"})
    await store.commit_edit(
        KnowledgeEdit(
            id="e-1", kind="faq", entry="f-1", before=FAQ, after=after, state="applied", by="s-1", at=NOW
        )
    )


CASES = {
    "take_in": (nothing, take_in),
    "hand_over": (one_message, hand_over),
    "hand_back": (handed_over, hand_back),
    "sent": (sending, sent),
    "read": (all_sent, read),
    "knowledge": (some_knowledge, import_knowledge),
    "edit": (some_knowledge, edit_knowledge),
}


@dataclass
class Death:
    """What there is after a store died while acting."""

    url: str
    witness: Store  # another store on the same data, open all the time
    prepared: Any
    before: dict[str, Any]
    done: dict[str, Any]  # what no crash would have made of it


async def deaths(fresh_url: Callable[[], str], prepare: Prepare, act: Act) -> AsyncIterator[Death]:
    """Run ``act`` on stores that die one step later each time, until one lives to its end."""
    async with opened(fresh_url()) as store:
        prepared = await prepare(store)
        before = await picture(store)
        await act(store, prepared)
        done = await picture(store)
    for steps in range(1_000):
        url = fresh_url()
        async with opened(url) as witness:
            prepared = await prepare(witness)
            async with dying(url, steps) as store:
                try:
                    await act(store, prepared)
                except StoreUnavailable:
                    pass
                else:
                    assert steps > 0, "it was never cut short"
                    return
            yield Death(url, witness, prepared, before, done)
    raise AssertionError("it never came to an end")


@pytest.mark.parametrize("case", CASES)
async def test_again_after_a_crash_gives_what_no_crash_gives(fresh_url: Callable[[], str], case: str) -> None:
    prepare, act = CASES[case]
    async for death in deaths(fresh_url, prepare, act):
        async with opened(death.url) as store:
            await act(store, death.prepared)
            assert await picture(store) == death.done
        assert not death.done["books"].problems


@pytest.mark.parametrize("case", [case for case in CASES if case != "take_in"])
async def test_after_a_crash_it_happened_or_it_did_not(fresh_url: Callable[[], str], case: str) -> None:
    async for death in deaths(fresh_url, *CASES[case]):
        async with opened(death.url) as store:
            assert await picture(store) in (death.before, death.done)


async def test_the_books_balance_after_a_crash_while_taking_in(fresh_url: Callable[[], str]) -> None:
    async for death in deaths(fresh_url, *CASES["take_in"]):
        assert not (await death.witness.books(now=NOW, grace_ms=60_000)).problems


async def test_others_go_on_where_a_dead_worker_left_a_turn(fresh_url: Callable[[], str]) -> None:
    """What is written while a turn hangs comes after what the turn said; the turn's repeat changes nothing."""
    async for death in deaths(fresh_url, *CASES["hand_over"]):
        store, lease = death.witness, death.prepared
        (late,) = await arrive(store, event("late"), at=NOW + 1)
        assert (late.seq, late.outcome) in ((3, None), (5, "ticketed"))
        committed = await hand_over(store, lease)
        messages = await store.messages(lease.conversation.id)
        assert [message.seq for message in messages] == [1, 2, 3, 4, 5]
        assert {message.id for message in committed.messages} < {message.id for message in messages}
        assert all(message.outcome for message in messages if message.author == "citizen")
        assert not (await store.books(now=NOW, grace_ms=60_000)).problems


async def test_workers_that_run_on_find_what_a_dead_one_left(fresh_url: Callable[[], str]) -> None:
    """Nobody restarts, nobody repeats: looking for work is enough."""
    async for death in deaths(fresh_url, *CASES["hand_over"]):
        store, conversation = death.witness, death.prepared.conversation.id
        again = await store.lease_conversation(now=T0 + 40_000, until=T0 + 70_000)
        replies = await store.lease_outbox(now=T0 + 40_000, until=T0 + 70_000, limit=10)
        assert (again is None) == (len(replies) == 1) == (await store.ticket("k-1") is not None)
        found = await store.conversation(conversation)
        assert found is not None
        assert len(await store.messages(conversation)) == found.last_seq
