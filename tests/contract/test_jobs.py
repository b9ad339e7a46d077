"""Jobs that one process at a time does, what they remember, and clearing away."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hub.model import State
from hub.ports import Store
from hub.store import store_for
from tests.contract.builders import T0

DAY = 24 * 60 * 60 * 1000


@pytest.fixture
async def other(store_url: str, store: Store) -> AsyncIterator[Store]:
    """Another hub's store on the same data."""
    other = store_for(store_url, Path())
    await other.open()
    yield other
    await other.close()


# ---- one at a time


async def test_a_job_is_held_by_one_until_it_runs_out(store: Store, other: Store) -> None:
    assert await store.hold("mail", "a", now=T0, until=T0 + 10)
    assert not await other.hold("mail", "b", now=T0, until=T0 + 10)
    assert not await other.hold("mail", "b", now=T0 + 9, until=T0 + 19)
    assert await other.hold("mail", "b", now=T0 + 10, until=T0 + 20), "it has run out at its very end"
    assert not await store.hold("mail", "a", now=T0 + 10, until=T0 + 20)


async def test_a_holder_may_prolong_even_when_it_has_run_out(store: Store, other: Store) -> None:
    assert await store.hold("mail", "a", now=T0, until=T0 + 10)
    assert await store.hold("mail", "a", now=T0 + 5, until=T0 + 15)
    assert not await other.hold("mail", "b", now=T0 + 10, until=T0 + 20)
    assert await store.hold("mail", "a", now=T0 + 50, until=T0 + 60)
    assert not await other.hold("mail", "b", now=T0 + 59, until=T0 + 70)


async def test_what_is_given_back_is_free_at_once(store: Store, other: Store) -> None:
    assert await store.hold("mail", "a", now=T0, until=T0 + 10)
    await other.let_go("mail", "b")
    assert not await other.hold("mail", "b", now=T0, until=T0 + 10), "it was not theirs to give back"
    await store.let_go("mail", "a")
    assert await other.hold("mail", "b", now=T0, until=T0 + 10)
    await store.let_go("mail", "a")
    assert not await store.hold("mail", "a", now=T0, until=T0 + 10), "a late giving back changes nothing"


async def test_jobs_do_not_hinder_each_other(store: Store, other: Store) -> None:
    assert await store.hold("mail", "a", now=T0, until=T0 + 10)
    assert await other.hold("tokens", "b", now=T0, until=T0 + 10)
    await store.let_go("never held", "a")


@pytest.mark.parametrize("before", [None, "somebody"])
async def test_of_many_who_want_a_job_one_gets_it(store: Store, other: Store, before: str | None) -> None:
    if before:
        await store.hold("mail", before, now=T0, until=T0 + 10)
    got = await asyncio.gather(
        *((store, other)[n % 2].hold("mail", f"h-{n}", now=T0 + 10, until=T0 + 20) for n in range(12))
    )
    assert sum(got) == 1
    assert await store.hold("mail", f"h-{got.index(True)}", now=T0 + 19, until=T0 + 29)


# ---- what they remember


async def test_a_state_is_written_version_by_version(store: Store, other: Store) -> None:
    body = bytes(range(256))
    assert await store.state("mark") is None
    assert not await store.put_state("mark", b"x", expects=1, now=T0), "there is nothing to go on from"
    assert await store.put_state("mark", body, expects=0, now=T0)
    assert not await other.put_state("mark", b"x", expects=0, now=T0), "it is there already"
    assert await other.state("mark") == State(name="mark", version=1, body=body)
    assert await other.put_state("mark", b"", expects=1, now=T0)
    assert not await store.put_state("mark", b"x", expects=1, now=T0), "somebody was first"
    assert not await store.put_state("mark", b"x", expects=3, now=T0)
    assert await store.state("mark") == State(name="mark", version=2, body=b"")
    assert await store.state("other") is None


@pytest.mark.parametrize("version", [0, 1])
async def test_of_eight_who_write_a_state_one_wins(store: Store, other: Store, version: int) -> None:
    for n in range(version):
        await store.put_state("pair", b"before", expects=n, now=T0)
    bodies = [f"{n}".encode() for n in range(8)]
    won = await asyncio.gather(
        *(
            (store, other)[n % 2].put_state("pair", body, expects=version, now=T0)
            for n, body in enumerate(bodies)
        )
    )
    assert sum(won) == 1
    assert await store.state("pair") == State(name="pair", version=version + 1, body=bodies[won.index(True)])


async def test_a_state_counted_up_by_two_hubs_loses_nothing(store: Store, other: Store) -> None:
    async def count(mine: Store) -> None:
        for _ in range(15):
            while True:
                found = await mine.state("n")
                version, n = (found.version, int(found.body)) if found else (0, 0)
                if await mine.put_state("n", str(n + 1).encode(), expects=version, now=T0):
                    break

    await asyncio.gather(count(store), count(other))
    assert await store.state("n") == State(name="n", version=30, body=b"30")


# ---- clearing away


async def test_hits_older_than_a_day_are_swept_away(store: Store, other: Store) -> None:
    for key, at in (("k", T0), ("k", T0 + 1), ("l", T0), ("l", T0 + DAY)):
        await store.count_hit(key, now=at, window_ms=10 * DAY)
    assert await store.sweep(now=T0 + DAY) == 0
    assert await other.sweep(now=T0 + DAY + 1) == 2
    assert await store.sweep(now=T0 + DAY + 1) == 0
    assert await store.count_hit("k", now=T0 + DAY, window_ms=10 * DAY) == 2
    assert await store.count_hit("l", now=T0 + DAY, window_ms=10 * DAY) == 2
