"""Mails to agencies in a store: written with their turn, leased by one sender at a time, settled once."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from hub.model import Notice
from hub.ports import Store
from hub.store import store_for
from tests.contract.builders import T0, arrive, event, ticket, turn


@pytest.fixture
async def other(store_url: str, store: Store) -> AsyncIterator[Store]:
    """Another hub's store on the same data."""
    other = store_for(store_url, Path())
    await other.open()
    yield other
    await other.close()


def notice(n: int, **fields: Any) -> Notice:
    given = {"id": f"z-{n}", "ticket": "k-1", "agency": "dt-dien-luc", "kind": "forwarded", "link_epoch": 1}
    return Notice.model_validate(given | {"at": T0 + n} | fields)


async def decided(store: Store, *notices: Notice, key: str = "t-1") -> None:
    (message,) = await arrive(store, event("x-1", conversation="c-1"))
    new = ticket(message.conversation) if await store.ticket("k-1") is None else None
    await store.commit_turn(turn(message.conversation, key, ticket=new, notices=notices))


async def test_what_a_turn_decided_is_due_at_once_and_in_order(store: Store) -> None:
    assert await store.lease_notice(now=T0 + 9, until=T0 + 10) is None
    await decided(store, notice(2), notice(1))
    assert [one.id for one in await store.notices("k-1")] == ["z-1", "z-2"]
    assert await store.notices("k-2") == []
    first = await store.lease_notice(now=T0 + 9, until=T0 + 20)
    second = await store.lease_notice(now=T0 + 9, until=T0 + 20)
    assert first
    assert second
    assert (first.notice, first.attempts, second.notice) == (notice(1), 1, notice(2))
    assert await store.lease_notice(now=T0 + 9, until=T0 + 20) is None


async def test_a_turn_that_is_repeated_decides_nothing_more(store: Store) -> None:
    await decided(store, notice(1))
    job = await store.lease_notice(now=T0 + 9, until=T0 + 20)
    assert job
    await store.settle_notice(job, "sent", now=T0 + 10)
    await decided(store, notice(1))
    assert await store.lease_notice(now=T0 + 30, until=T0 + 40) is None
    assert [one.delivery for one in await store.notices("k-1")] == ["sent"]


async def test_settled_tried_again_and_given_up(store: Store) -> None:
    await decided(store, notice(1))
    job = await store.lease_notice(now=T0 + 9, until=T0 + 20)
    assert job
    assert await store.settle_notice(job, "queued", now=T0 + 10, retry_at=T0 + 50, error="NotSent")
    (kept,) = await store.notices("k-1")
    assert (kept.delivery, kept.error, kept.settled_at) == ("queued", "NotSent", T0 + 10)
    assert await store.lease_notice(now=T0 + 49, until=T0 + 60) is None
    again = await store.lease_notice(now=T0 + 50, until=T0 + 60)
    assert again
    assert again.attempts == 2
    assert await store.settle_notice(again, "failed", now=T0 + 55, error="gave_up")
    assert await store.lease_notice(now=T0 + 999, until=T0 + 1000) is None
    (kept,) = await store.notices("k-1")
    assert (kept.delivery, kept.error) == ("failed", "gave_up")


async def test_a_dead_senders_notice_is_due_again_and_its_late_word_counts_for_nothing(store: Store) -> None:
    await decided(store, notice(1))
    dead = await store.lease_notice(now=T0 + 9, until=T0 + 20)
    assert dead
    assert await store.lease_notice(now=T0 + 19, until=T0 + 30) is None
    alive = await store.lease_notice(now=T0 + 20, until=T0 + 30)
    assert alive
    assert not await store.settle_notice(dead, "failed", now=T0 + 21)
    assert await store.settle_notice(alive, "sent", now=T0 + 22)
    assert not await store.settle_notice(alive, "sent", now=T0 + 23)


async def test_what_came_back_has_failed_whatever_was_known(store: Store) -> None:
    await decided(store, notice(1))
    job = await store.lease_notice(now=T0 + 9, until=T0 + 20)
    assert job
    await store.settle_notice(job, "sent", now=T0 + 10)
    failed = await store.fail_notice("z-1", now=T0 + 30, error="bounced")
    assert failed
    assert (failed.delivery, failed.error, failed.settled_at) == ("failed", "bounced", T0 + 30)
    assert await store.notices("k-1") == [failed]
    assert await store.lease_notice(now=T0 + 99, until=T0 + 100) is None
    assert await store.fail_notice("z-9", now=T0, error="bounced") is None


async def test_two_hubs_never_send_the_same(store: Store, other: Store) -> None:
    await decided(store, *(notice(n) for n in range(1, 21)))
    tries = [one.lease_notice(now=T0 + 99, until=T0 + 200) for one in (store, other) for _ in range(15)]
    jobs = [job for job in await asyncio.gather(*tries) if job is not None]
    assert sorted(job.notice.id for job in jobs) == sorted(f"z-{n}" for n in range(1, 21))


async def test_a_notice_that_nobody_mails_is_found_in_the_books(store: Store) -> None:
    await decided(store, notice(1), notice(2))
    books = await store.books(now=T0 + 50, grace_ms=60_000)
    assert not [one for one in books.problems if "notice" in one]
    job = await store.lease_notice(now=T0 + 9, until=T0 + 20)
    assert job
    await store.settle_notice(job, "sent", now=T0 + 10)
    books = await store.books(now=T0 + 60_003, grace_ms=60_000)
    assert [one for one in books.problems if "notice" in one] == [
        "notice z-2 about case k-1 is stuck: nobody mails it"
    ]
