"""Two hubs on one store: what they do at the same time comes out as if one had done it after the other."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from hub.errors import LeaseLost, StoreUnavailable
from hub.model import Draft, KnowledgeDoc
from hub.ports import Store
from hub.store import store_for
from tests.contract.builders import T0, arrive, event, queue, raw, ticket, turn


@pytest.fixture
async def other(store_url: str, store: Store) -> AsyncIterator[Store]:
    """Another hub's store on the same data."""
    other = store_for(store_url, Path())
    await other.open()
    yield other
    await other.close()


async def test_messages_of_two_hubs_are_numbered_without_gaps(store: Store, other: Store) -> None:
    results = await asyncio.gather(*(arrive((store, other)[n % 2], event(f"m{n}")) for n in range(60)))
    assert sorted(message.seq for (message,) in results) == list(range(1, 61))


async def test_a_duplicate_in_two_hubs_is_one_message(store: Store, other: Store) -> None:
    results = await asyncio.gather(
        *(arrive((store, other)[n % 2], event(f"m{n // 10}"), raw_id=f"r-{n}") for n in range(100))
    )
    assert len({message.id for (message,) in results}) == 10
    books = await store.books(now=T0, grace_ms=60_000)
    assert (books.events, books.duplicates, books.problems) == (10, 90, ())


async def test_a_known_id_in_another_conversation_is_a_duplicate(store: Store, other: Store) -> None:
    (first,) = await arrive(store, event("a", conversation="c-1"))
    (again,) = await arrive(other, event("a", conversation="c-2"), raw_id="r-2")
    assert again == first
    assert not (await store.books(now=T0, grace_ms=60_000)).problems


async def test_a_delivery_parsed_by_two_hubs_at_once_is_counted_once(store: Store, other: Store) -> None:
    delivery = raw("r-1")
    await store.put_raw(delivery)
    events = [event(f"m{n}") for n in range(5)]
    await asyncio.gather(
        *(
            (store, other)[n % 2].take_in(delivery, events, refused=1, error=None, now=T0, due_at=T0)
            for n in range(6)
        )
    )
    books = await store.books(now=T0, grace_ms=60_000)
    assert (books.raw_items, books.events, books.duplicates, books.refused) == (6, 5, 0, 1)
    assert not books.problems


async def test_deliveries_and_conversations_are_leased_to_one_hub(store: Store, other: Store) -> None:
    for n in range(12):
        await arrive(store, event(f"m{n}", conversation=f"c-{n}"))
        await store.put_raw(raw(f"waits-{n}").model_copy(update={"channel": f"channel-{n % 6}"}))
    both = (store, other)
    leases = await asyncio.gather(
        *(both[n % 2].lease_conversation(now=T0, until=T0 + 30_000) for n in range(30))
    )
    raws = await asyncio.gather(*(both[n % 2].lease_raw(now=T0, until=T0 + 30_000) for n in range(30)))
    conversations = [lease.conversation.id for lease in leases if lease is not None]
    deliveries = [found.id for found in raws if found is not None]
    assert len(conversations) == len(set(conversations)) == 12
    assert sorted(deliveries) == [f"waits-{n}" for n in range(6)], "one at a time of each channel, the oldest"


async def test_a_late_commit_and_a_take_over_exclude_each_other(store: Store, other: Store) -> None:
    late, lost = 0, 0
    for n in range(40):
        await arrive(store, event(f"m{n}", conversation=f"c-{n}"))
        mine = await store.lease_conversation(now=T0, until=T0 + 1)
        assert mine is not None
        done = turn(mine.conversation, f"t-{n}", handles=1, outcome="no_reply_due")
        committed, taken = await asyncio.gather(
            store.commit_turn(done, mine),
            other.lease_conversation(now=T0 + 1, until=T0 + 30_000),
            return_exceptions=True,
        )
        if taken is None:
            late += 1
            assert not isinstance(committed, BaseException)
        else:
            lost += 1
            assert isinstance(committed, LeaseLost)
    assert late + lost == 40


async def test_one_turn_committed_by_many_happens_once(store: Store, other: Store) -> None:
    (message,) = await arrive(store, event("a"))
    same = turn(message.conversation, "t-1", handles=1, outcome="ticketed", owner="human",
                says=(Draft(text="một"), Draft(text="hai")), ticket=ticket(message.conversation))  # fmt: skip
    results = await asyncio.gather(*((store, other)[n % 2].commit_turn(same) for n in range(12)))
    assert sum(done.fresh for done in results) == 1
    assert all(done.messages == results[0].messages for done in results)
    assert len(await store.messages(message.conversation)) == 3
    assert [t.id for t, _ in await queue(other, limit=10)] == ["k-1"]


async def test_no_message_is_forgotten_while_a_person_takes_over(store: Store, other: Store) -> None:
    """Messages keep coming while the conversation goes to a person and back, again and again."""
    (first,) = await arrive(store, event("first"))
    conversation = first.conversation

    async def citizen() -> None:
        for n in range(40):
            await arrive(store, event(f"m{n}"), at=T0 + n)

    async def person() -> None:
        for n in range(8):
            await other.commit_turn(
                turn(conversation, f"take-{n}", actor="operator", owner="human", operator="s-1",
                     handles=0, says=(Draft(text="chào"),), ticket=ticket(conversation, n))
            )  # fmt: skip
            seen = await other.messages(conversation, limit=1_000)
            if n < 7:
                await other.commit_turn(turn(conversation, f"back-{n}", actor="operator", owner="bot"))
            assert [message.seq for message in seen] == list(range(1, len(seen) + 1))

    await asyncio.gather(citizen(), person())
    messages = await store.messages(conversation, limit=1_000)
    assert [message.seq for message in messages] == list(range(1, 50))
    assert {m.outcome for m in messages if m.author == "citizen"} == {"ticketed"}
    assert not (await store.books(now=T0, grace_ms=60_000)).problems


async def test_a_page_read_while_messages_arrive_has_no_hole(store: Store, other: Store) -> None:
    (first,) = await arrive(store, event("first"))
    writing = asyncio.gather(*(arrive((store, other)[n % 2], event(f"m{n}")) for n in range(60)))
    seen: list[int] = []
    while len(seen) < 61:
        page = await other.messages(first.conversation, after=seen[-1] if seen else 0, limit=7)
        seen += [message.seq for message in page]
        assert seen == list(range(1, len(seen) + 1))
    await writing


async def test_books_counted_under_load_show_no_false_problem(store: Store, other: Store) -> None:
    async def load() -> None:
        for n in range(30):
            (message,) = await arrive(store, event(f"m{n}", conversation=f"c-{n % 3}"), at=T0 + n)
            await store.commit_turn(
                turn(
                    message.conversation,
                    f"t-{n}",
                    handles=message.seq,
                    outcome="answered",
                    says=(Draft(text="ạ"),),
                )
            )

    working = asyncio.create_task(load())
    counted: list[Any] = []
    while not working.done() or not counted:
        counted.append(await other.books(now=T0, grace_ms=60_000))
    await working
    assert [books.problems for books in counted if books.problems] == []


async def test_ticket_numbers_are_never_given_to_two_hubs(store: Store, other: Store) -> None:
    numbers = await asyncio.gather(*((store, other)[n % 2].next_ticket_number(2026) for n in range(40)))
    assert sorted(numbers) == list(range(1, 41))


async def test_two_imports_at_once_are_both_kept(store: Store, other: Store) -> None:
    def docs(name: str) -> list[KnowledgeDoc]:
        return [KnowledgeDoc(kind="faq", id=f"{name}-{n}", body={"n": n}) for n in range(20)]

    revisions = await asyncio.gather(
        *((store, other)[n % 2].put_knowledge(docs(f"d{n}"), now=T0) for n in range(6))
    )
    assert len(set(revisions)) == 6
    assert len(await other.knowledge()) == 120
    assert await store.knowledge_revision() == max(revisions)


async def test_a_limit_holds_for_hits_that_come_at_once(store: Store, other: Store) -> None:
    counts = await asyncio.gather(
        *((store, other)[n % 2].count_hit("k", now=T0, window_ms=1_000) for n in range(20))
    )
    assert max(counts) == 20
    assert sum(count <= 5 for count in counts) <= 5


async def test_all_is_there_after_opening_again(store: Store, store_url: str) -> None:
    (message,) = await arrive(store, event("a"))
    await store.close()
    with pytest.raises(StoreUnavailable):
        await store.conversation(message.conversation)
    again = store_for(store_url, Path())
    await again.open()
    assert await again.messages(message.conversation) == [message]
    await again.close()
    await store.open()


async def test_a_delivery_of_many_megabytes_comes_back(store: Store, other: Store) -> None:
    body = bytes(range(256)) * 100_000
    await store.put_raw(raw("r-1", body))
    await store.put_raw(raw("r-1", b"other"))
    found = await other.lease_raw(now=T0, until=T0 + 1)
    assert found is not None
    assert found.body == body


async def test_a_lease_given_back_does_not_count_as_a_death(store: Store) -> None:
    await arrive(store, event("a"))
    for _ in range(3):
        lease = await store.lease_conversation(now=T0, until=T0 + 1_000)
        assert lease is not None
        assert lease.attempts == 1
        await store.release_conversation(lease, due_at=T0)
    assert lease is not None
    await store.release_conversation(lease, due_at=T0 + 500)
    again = await store.lease_conversation(now=T0, until=T0 + 1_000)
    assert again is not None, "a lease that is given back twice changes nothing"
