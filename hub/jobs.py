"""Jobs that one process at a time does (a mailbox, a token pair): held in the store, taken over when the holder
dies. A holder that cannot prolong its hold stops before it runs out, so two never work at once."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

from hub.clock import Clock
from hub.errors import StoreError
from hub.ports import Job, Store

log = logging.getLogger(__name__)

HOLD_MS = 9_000
RENEW_S = 3.0  # a dead holder is followed within HOLD_MS + RENEW_S
FIRST_REST_S = 1.0
LONGEST_REST_S = 300.0


async def do_alone(
    job: Job,
    store: Store,
    clock: Clock,
    holder: str,
    *,
    renew_s: float = RENEW_S,
    first_rest_s: float = FIRST_REST_S,
) -> None:
    """Do the job whenever it is ours to do. Runs until cancelled; then the hold is given back."""
    rest_s = first_rest_s
    while True:
        until = await _take(job, store, clock, holder)
        if until is None:
            await asyncio.sleep(renew_s)
            continue
        try:
            failed = await _while_held(job, store, clock, holder, until, renew_s)
        finally:
            with contextlib.suppress(StoreError):
                await asyncio.shield(store.let_go(job.name, holder))
        if failed:
            await asyncio.sleep(rest_s)
            rest_s = min(rest_s * 2, LONGEST_REST_S)
        else:
            rest_s = first_rest_s


async def _take(job: Job, store: Store, clock: Clock, holder: str) -> int | None:
    now = clock.now()
    with contextlib.suppress(StoreError):
        if await store.hold(job.name, holder, now=now, until=now + HOLD_MS):
            return now + HOLD_MS
    return None


async def _while_held(job: Job, store: Store, clock: Clock, holder: str, until: int, renew_s: float) -> bool:
    """Whether the job failed by itself; False when the hold was lost."""
    task = asyncio.create_task(_run(job.run))
    try:
        while True:
            done, _ = await asyncio.wait((task,), timeout=renew_s)
            if done:
                error = task.exception()
                log.error("job failed", exc_info=error, extra={"facts": {"job": job.name}})
                return True
            now = clock.now()
            try:
                if not await store.hold(job.name, holder, now=now, until=now + HOLD_MS):
                    return False
                until = now + HOLD_MS
            except StoreError:
                if clock.now() + int(renew_s * 1000) >= until:
                    log.warning("job given up: the store is away", extra={"facts": {"job": job.name}})
                    return False
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _run(work: Callable[[], Awaitable[None]]) -> None:
    await work()
