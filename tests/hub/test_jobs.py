"""Jobs that one process at a time does: two hubs on one store."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from hub.jobs import HOLD_MS, do_alone
from hub.ports import Job
from hub.store.sqlite import SqliteStore
from tests.conftest import FakeClock


class Work:
    """A job that notes who does it; ``began`` is told each time."""

    def __init__(self) -> None:
        self.doing: list[str] = []
        self.log: list[str] = []
        self.began: asyncio.Queue[str] = asyncio.Queue()

    def by(self, name: str) -> Job:
        async def run() -> None:
            self.doing.append(name)
            self.log.append(name)
            assert len(self.doing) == 1, "two at once"
            self.began.put_nowait(name)
            try:
                await asyncio.Event().wait()
            finally:
                self.doing.remove(name)

        return Job(name="mailbox", role="mail", run=run)


@asynccontextmanager
async def worker(
    work: Work, store: SqliteStore, clock: FakeClock, name: str
) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(do_alone(work.by(name), store, clock, name, renew_s=0.02))
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_stopped_holder_gives_the_job_back_at_once(store: SqliteStore, clock: FakeClock) -> None:
    work = Work()
    async with worker(work, store, clock, "A") as first:
        assert await work.began.get() == "A"
        async with worker(work, store, clock, "B"):
            await asyncio.sleep(0)
            assert work.log == ["A"]
            first.cancel()
            assert await asyncio.wait_for(work.began.get(), 5) == "B"  # the clock has not moved


async def test_a_dead_holder_is_followed_when_its_hold_runs_out(store: SqliteStore, clock: FakeClock) -> None:
    work = Work()
    assert await store.hold("mailbox", "dead", now=clock.now(), until=clock.now() + HOLD_MS)
    async with worker(work, store, clock, "B"):
        for _ in range(20):  # however often it asks, the job is not its own yet
            await store.ping()
        assert work.log == []
        clock.forward(HOLD_MS)
        assert await asyncio.wait_for(work.began.get(), 5) == "B"


async def test_a_holder_that_was_taken_for_dead_stops(store: SqliteStore, clock: FakeClock) -> None:
    work = Work()
    async with worker(work, store, clock, "A"):
        assert await work.began.get() == "A"
        clock.forward(HOLD_MS)
        while not await store.hold("mailbox", "B", now=clock.now(), until=clock.now() + HOLD_MS):
            clock.forward(HOLD_MS)  # A was quicker and prolonged
        while work.doing:
            await store.ping()
        assert work.log == ["A"]


async def test_a_job_that_fails_is_begun_again(store: SqliteStore, clock: FakeClock) -> None:
    tries: asyncio.Queue[int] = asyncio.Queue()

    async def run() -> None:
        tries.put_nowait(1)
        raise RuntimeError("mailbox away")

    task = asyncio.create_task(
        do_alone(Job(name="j", role="work", run=run), store, clock, "A", renew_s=0.02, first_rest_s=0.01)
    )
    for _ in range(3):
        await asyncio.wait_for(tries.get(), 5)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
