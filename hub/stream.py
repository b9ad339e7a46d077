"""The stream: from a verified delivery to messages of a conversation, each once.

    verify → keep the raw bytes → (answer the platform) → parse → append, deduplicated

Webhooks are parsed by :meth:`Stream.run` after they were acknowledged; the live chat asks for it at once.
"""

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence

from hub.clock import Clock
from hub.errors import AlienPayload, Forged, NotFound, NotYet, Probe, StoreUnavailable
from hub.metrics import Metrics
from hub.model import SPOKEN, Event, Intake, Raw, conversation_id, derived_id
from hub.ports import Connector, Live, Store
from hub.spool import Spool
from hub.threads import placed

log = logging.getLogger(__name__)

PARSE_LEASE_MS = 15_000  # so long a dead worker holds up its channel
STORE_PATIENCE_S = 1.0  # Zalo waits 2 s for its answer: a store slower than this is as good as away
ASKED_WITHIN = 10  # messages, among them notes
NOT_YET_MS = 2_000  # after which an effect that had to wait is tried again
ASIDE_ALARM = "deliveries-aside"
ASIDE = (
    "Có tin hoặc thư đến mà hệ thống không đọc hiểu được, đã để riêng: xem bằng lệnh `hub quarantine list`."
)
LONG_BYTES = 64 * 1024
IDLE_S = 0.5  # how often work of other processes, or of dead ones, is looked for


class Stream:
    def __init__(
        self,
        *,
        store: Store,
        spool: Spool,
        connectors: Mapping[str, Connector],
        live: Live,
        clock: Clock,
        metrics: Metrics,
        reply_pause_ms: int,
        effects: Callable[[Event, int], Awaitable[None]],
        fetch_media: Callable[[], None],
        alarm: Callable[[str, str], Awaitable[None]],
    ) -> None:
        self._store = store
        self._spool = spool
        self._connectors = connectors
        self._live = live
        self._clock = clock
        self._metrics = metrics
        self._pause_ms = reply_pause_ms
        self._effects = effects  # of an event that is no message, and when it was received; idempotent
        self._fetch_media = fetch_media  # something waits to be fetched
        self._alarm = alarm
        self.store_patience_s = STORE_PATIENCE_S
        self._arrived = asyncio.Event()

    async def receive(self, channel: str, body: bytes, headers: Mapping[str, str]) -> Raw:
        """Verify a delivery and make it durable. When this returns, the platform may be told 200.

        Raises:
            NotFound: the channel does not exist or is off.
            Forged: missing or wrong signature; nothing is kept.
            AlienPayload: signed, but no delivery of this channel; nothing is kept.
            Probe: the platform only tries whether we are there; nothing is kept.
            StoreUnavailable: neither store nor spool could be written.
        """
        connector = self._connector(channel)
        try:
            connector.verify(headers, body)
        except Forged:
            self._metrics.received.labels(channel, "forged").inc()
            raise
        except AlienPayload:
            self._metrics.received.labels(channel, "alien").inc()
            raise
        except Probe:
            self._metrics.received.labels(channel, "probe").inc()
            raise
        raw = self._raw(connector, body, headers)
        self._metrics.received.labels(channel, await self._keep(raw)).inc()
        self._arrived.set()
        return raw

    async def keep_fetched(self, channel: str, body: bytes, key: str) -> None:
        """Make durable what a connector fetched from its platform; ``key`` names it there, so it is kept once.

        Raises:
            StoreUnavailable: it must be fetched again.
        """
        connector = self._connector(channel)
        raw = self._raw(connector, body, {}).model_copy(update={"id": derived_id("r", channel, key)})
        await self._store.put_raw(raw)
        self._metrics.received.labels(channel, "stored").inc()
        self._arrived.set()

    async def _keep(self, raw: Raw) -> str:
        if not self._spool.waiting_bytes:  # else earlier deliveries wait there: later ones queue behind them
            try:
                async with asyncio.timeout(self.store_patience_s):
                    await self._store.put_raw(raw)
            except (StoreUnavailable, TimeoutError):  # if it is written all the same, draining keeps it once
                pass
            else:
                return "stored"
        await self._spool.put(raw)
        self._metrics.spooled.set(self._spool.waiting_bytes)
        return "spooled"

    async def receive_now(self, channel: str, body: bytes) -> Intake:
        """Keep and parse a delivery whose sender waits for the result (the live chat). Not spooled: the sender
        keeps what was not acknowledged and tries again.

        Raises:
            AlienPayload: nothing was kept.
            StoreUnavailable: nothing was acknowledged.
        """
        connector = self._connector(channel)
        connector.parse(body)  # a person at the other end hears at once that it does not fit
        raw = self._raw(connector, body, {})
        await self._store.put_raw(raw)
        self._metrics.received.labels(channel, "stored").inc()
        return await self.process(raw)

    async def process(self, raw: Raw) -> Intake:
        """Parse one kept delivery and append what it holds. Again is harmless."""
        refused, error = 0, None
        try:
            parse = self._connectors[raw.channel].parse
            long = len(raw.body) > LONG_BYTES  # nobody else waits until it is read
            events = await asyncio.to_thread(parse, raw.body) if long else parse(raw.body)
        except (AlienPayload, KeyError) as problem:
            events, refused, error = [], 1, type(problem).__name__
            log.warning(
                "delivery put aside", extra={"facts": {"raw": raw.id, "channel": raw.channel, "why": error}}
            )
        if events and self._connectors[raw.channel].capabilities.threads:
            events = [await placed(self._store, event) for event in events]
        events += [answer for event in events if (answer := await self._shared(event)) is not None]
        signals = [event for event in events if event.kind not in SPOKEN]
        now = self._clock.now()
        pressed = any(event.kind == "postback" for event in events)  # a button is a whole question
        intake = await self._store.take_in(
            raw,
            events,
            refused=refused,
            error=error,
            now=now,
            due_at=now if pressed else now + self._pause_ms,
            finished=not signals,
        )
        if error:
            await self._alarm(ASIDE_ALARM, ASIDE)
        if signals:  # after the messages they may be about
            await self._carry_out(raw, signals)
        if any(one.wanted for message in intake.messages for one in message.attachments):
            self._fetch_media()
        for result, n in (
            ("new", intake.events),
            ("duplicate", intake.duplicates),
            ("refused", intake.refused),
        ):
            if n:
                self._metrics.events.labels(raw.channel, result).inc(n)
        for conversation in {message.conversation for message in intake.messages}:
            self._live.poke(conversation)
        return intake

    async def _carry_out(self, raw: Raw, signals: Sequence[Event]) -> None:
        finished = True
        for signal in signals:
            try:
                await self._effects(signal, raw.received_at)
            except NotYet:
                finished = False
        if finished:
            await self._store.finish_raw(raw.id)
        else:
            await self._store.postpone_raw(raw.id, until=self._clock.now() + NOT_YET_MS)

    async def _shared(self, event: Event) -> Event | None:
        """A number shared in the platform's form, where the bot has just asked for it: the citizen said it."""
        phone = event.data.get("phone") if event.kind == "profile" else None
        if not phone:
            return None
        recent = await self._store.recent_messages(conversation_id(event), limit=ASKED_WITHIN)
        last = next((message for message in reversed(recent) if not message.internal), None)
        if last is None or last.author != "bot" or last.data.get("ask") != "contact":
            return None
        return event.model_copy(
            update={
                "kind": "message",
                "external_id": derived_id(event.channel, "shared", event.external_id),
                "text": str(phone),
                "data": {},
            }
        )

    async def drain_spool(self) -> None:
        """Move what the spool holds into the store as soon as it is back. Runs until cancelled."""
        while True:
            with contextlib.suppress(StoreUnavailable):
                await self._drain_spool()
            await asyncio.sleep(IDLE_S)

    async def run(self) -> None:
        """Parse what waits. Runs until cancelled."""
        while True:
            try:
                while await self._process_next():
                    pass
            except StoreUnavailable:
                log.warning("the store is away; nothing is parsed")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(IDLE_S):
                    await self._arrived.wait()
            self._arrived.clear()

    async def _drain_spool(self) -> None:
        if self._spool.waiting_bytes:
            moved = await self._spool.drain(self._store.put_raw)
            self._metrics.spooled.set(0)
            log.info("spool drained", extra={"facts": {"deliveries": moved}})

    async def _process_next(self) -> bool:
        now = self._clock.now()
        raw = await self._store.lease_raw(now=now, until=now + PARSE_LEASE_MS)
        if raw is None:
            return False
        try:
            await self.process(raw)
        except StoreUnavailable:
            raise
        except (
            Exception
        ) as error:  # a bug in a parser must not stop the stream: the bytes are kept, put aside
            log.exception("parser failed", extra={"facts": {"raw": raw.id, "channel": raw.channel}})
            await self._store.take_in(raw, [], refused=1, error=type(error).__name__, now=now, due_at=now)
            await self._alarm(ASIDE_ALARM, ASIDE)
        return True

    def _connector(self, channel: str) -> Connector:
        try:
            return self._connectors[channel]
        except KeyError:
            raise NotFound(f"channel {channel} does not exist or is off: its settings are missing") from None

    def _raw(self, connector: Connector, body: bytes, headers: Mapping[str, str]) -> Raw:
        kept = {name: headers[name] for name in connector.keep_headers if name in headers}
        return Raw(
            id=f"r_{secrets.token_hex(16)}",
            channel=connector.name,
            received_at=self._clock.now(),
            body=body,
            headers=kept,
        )
