"""The outbox: sends what turns said, in each conversation's order, and records honestly what became of it.

A send that may have arrived is never repeated blindly: it becomes ``unknown`` and a person is told. Only what
provably never left (``NotSent``), or what a channel shows once however often it is sent (``resend_safe``), is
tried again, with exponential backoff and jitter.
"""

import asyncio
import contextlib
import logging
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from hub.clock import Clock
from hub.errors import (
    ChannelStopped,
    NotSent,
    OutcomeUnknown,
    SendError,
    StoreError,
    Unreachable,
    WindowClosed,
)
from hub.metrics import Metrics
from hub.model import Delivery, Message, Outgoing
from hub.ports import Connector, Live, Store

log = logging.getLogger(__name__)

SEND_LEASE_MS = 60_000
SEND_TIMEOUT_S = 30.0
BATCH = 32
IDLE_S = 0.5
FIRST_RETRY_S = 1.0
LONGEST_RETRY_S = 600.0
GIVE_UP_AFTER_MS = 48 * 3_600_000
CIRCUIT_OPENS_AFTER = 5  # failures in a row on one channel account
CIRCUIT_REST_S = 15.0
STOPPED_REST_S = 300.0  # how often an account that people have to repair is tried


@dataclass
class Circuit:
    """Stops knocking at a platform that is away: after some failures in a row, nothing is tried for a while."""

    failures: int = 0
    closed_until: int = 0  # epoch ms

    def rests(self, now: int) -> bool:
        return now < self.closed_until

    def note(self, ok: bool, now: int) -> None:
        self.failures = 0 if ok else self.failures + 1
        if self.failures >= CIRCUIT_OPENS_AFTER:
            self.closed_until = now + int(CIRCUIT_REST_S * 1000)


@dataclass
class Outbox:
    store: Store
    connectors: Mapping[str, Connector]
    live: Live
    clock: Clock
    metrics: Metrics
    #: told of every message that will not arrive (failed, unknown, window closed)
    undelivered: Callable[[Message, Delivery], Awaitable[None]]
    rng: random.Random = field(default_factory=random.SystemRandom)
    _circuits: dict[tuple[str, str], Circuit] = field(default_factory=dict)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)

    def poke(self) -> None:
        """Something was said: look now instead of at the next tick."""
        self._wake.set()

    async def run(self) -> None:
        """Send until cancelled. On cancellation, sends under way are finished first."""
        while True:
            try:
                while await self.send_due():
                    pass
            except StoreError:
                log.warning("the store is away; nothing is sent")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(IDLE_S):
                    await self._wake.wait()
            self._wake.clear()

    async def send_due(self) -> int:
        """Send one round of what is due; how many messages were leased."""
        now = self.clock.now()
        items = await self.store.lease_outbox(now=now, until=now + SEND_LEASE_MS, limit=BATCH)
        if items:
            await asyncio.shield(asyncio.gather(*(self._send(item) for item in items)))
        return len(items)

    async def _send(self, item: Outgoing) -> None:
        now = self.clock.now()
        connector = self.connectors.get(item.conversation.channel)
        if connector is None:
            await self._settle(item, "failed", error="channel is off")
            return
        if item.interrupted and not connector.capabilities.resend_safe:
            await self._settle(item, "unknown", error="interrupted")
            return
        reach = connector.reach(item.conversation, now)
        if not (reach.staff if item.message.author == "operator" else reach.bot):
            await self._settle(item, "window_closed", error=WindowClosed.__name__)
            return
        circuit = self._circuits.setdefault((item.conversation.channel, item.conversation.account), Circuit())
        if circuit.rests(now):
            await self._retry(item, circuit.closed_until, error="circuit open")
            return
        try:
            async with asyncio.timeout(SEND_TIMEOUT_S):
                sent = await connector.send(item)
        except NotSent as error:
            circuit.note(False, now)
            wait_s = (
                error.retry_after_s if error.retry_after_s is not None else self._backoff_s(item.attempts)
            )
            if now - item.message.at > GIVE_UP_AFTER_MS:
                await self._settle(item, "failed", error=type(error).__name__)
            else:
                await self._retry(item, self.clock.now() + int(wait_s * 1000), error=type(error).__name__)
        except ChannelStopped as error:
            circuit.closed_until = now + int(STOPPED_REST_S * 1000)
            await self._retry(item, circuit.closed_until, error=type(error).__name__)
        except Unreachable as error:
            await self.store.note_person(item.conversation.id, now=now, unreachable=str(error))
            await self._settle(item, "failed", error=type(error).__name__)
        except WindowClosed as error:
            await self._settle(item, "window_closed", error=type(error).__name__)
        except (OutcomeUnknown, TimeoutError) as error:
            circuit.note(False, now)
            if connector.capabilities.resend_safe and now - item.message.at <= GIVE_UP_AFTER_MS:
                await self._retry(
                    item, self.clock.now() + int(self._backoff_s(item.attempts) * 1000), error="timeout"
                )
            else:
                await self._settle(item, "unknown", error=type(error).__name__)
        except SendError as error:
            await self._settle(item, "failed", error=type(error).__name__)
        except Exception as error:  # a bug in a connector: whether it was sent is not known
            log.exception("connector failed", extra={"facts": {"message": item.message.id}})
            await self._settle(item, "unknown", error=type(error).__name__)
        else:
            circuit.note(True, now)
            await self._settle(item, sent.delivery, external_id=sent.external_id)

    async def _retry(self, item: Outgoing, at: int, *, error: str) -> None:
        self.metrics.sends.labels(item.conversation.channel, "retry").inc()
        await self.store.settle_outgoing(item, "queued", now=self.clock.now(), retry_at=at, error=error)

    async def _settle(
        self, item: Outgoing, delivery: Delivery, *, external_id: str | None = None, error: str | None = None
    ) -> None:
        undelivered = delivery in ("failed", "unknown", "window_closed")
        if undelivered and not await self._still_sending(item):
            delivery, undelivered = "sent", False
        self.metrics.sends.labels(item.conversation.channel, delivery).inc()
        if undelivered:
            log.warning("message undelivered", extra={"facts": {"message": item.message.id, "why": error}})
            # before it is settled: a crash in between leaves the send "interrupted", and this is done again
            if not item.message.data.get("courtesy"):  # that one did not arrive is nobody's business
                await self.undelivered(item.message, delivery)
        await self.store.settle_outgoing(
            item, delivery, now=self.clock.now(), external_id=external_id, error=error
        )
        self.live.poke(item.message.conversation)

    async def _still_sending(self, item: Outgoing) -> bool:
        """False once the platform has shown that it arrived, which may come before its answer or instead of it."""
        message = await self.store.message(item.message.id)
        return message is not None and message.delivery == "sending"

    def _backoff_s(self, attempts: int) -> float:
        ceiling = min(LONGEST_RETRY_S, FIRST_RETRY_S * 2.0 ** (attempts - 1))
        return ceiling * self.rng.uniform(0.5, 1.0)
