"""The core's rooms put together by hand, on a hand-set clock, without loops: tests take each step themselves."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

from aiohttp import web
from aiohttp.test_utils import TestServer

from hub.live import LiveHub
from hub.metrics import Metrics
from hub.model import Event, Message, conversation_id
from hub.outbox import Outbox
from hub.ports import Connector, Store
from hub.settings import Settings
from hub.signals import Signals
from hub.spool import Spool
from hub.stream import Stream
from hub.turn import TurnWorker
from hub.web import webhooks
from hub.web.context import HUB, Hub
from tests.conftest import FakeClock
from tests.fakes.bots import ScriptedBot
from tests.fakes.channels import PaperChannel, signed

C = TypeVar("C", bound=Connector)


async def no_effects(event: Event, received_at: int) -> None:
    raise AssertionError(f"{event.kind} has effects here")


async def no_alarm(what: str, text: str) -> None:
    raise AssertionError(f"alarm: {what}")


@dataclass
class Core(Generic[C]):
    """Stream, turns, signals and outbox around one connector."""

    store: Store
    clock: FakeClock
    folder: Path
    channel: C
    bot: ScriptedBot = field(default_factory=ScriptedBot)
    bot_budget_s: float = 5.0
    alarms: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.live, self.metrics = LiveHub(), Metrics()
        live, metrics = self.live, self.metrics
        self.connectors: dict[str, Connector] = {self.channel.name: self.channel}
        self.spool = Spool(self.folder / "spool")
        self.stream = Stream(
            store=self.store, spool=self.spool, connectors=self.connectors, live=live, clock=self.clock,
            metrics=metrics, reply_pause_ms=600, effects=self._carry_out, fetch_media=lambda: None,
            alarm=self._alarm,
        )  # fmt: skip
        self.turns = TurnWorker(
            self.store,
            self.connectors,
            self.bot,
            live,
            self.clock,
            metrics,
            said=lambda: None,
            bot_budget_s=self.bot_budget_s,
        )
        self.signals = Signals(self.store, self.connectors, self.turns, live, self.clock, metrics)
        self.outbox = Outbox(
            self.store, self.connectors, live, self.clock, metrics, undelivered=self.turns.undelivered
        )

    async def _alarm(self, what: str, text: str) -> None:
        self.alarms[what] = text

    async def _carry_out(self, event: Event, received_at: int) -> None:
        await self.signals(event, received_at)

    async def take_in(self) -> int:
        """Parse every delivery that waits, and carry out what is due of others; how many."""
        done, now = 0, self.clock.now()
        while raw := await self.store.lease_raw(now=now, until=now + 15_000):
            await self.stream.process(raw)
            done += 1
        return done

    async def answer_due(self) -> int:
        """Take every turn that is due now; how many."""
        self.clock.forward(600)
        taken = 0
        while lease := await self.store.lease_conversation(
            now=self.clock.now(), until=self.clock.now() + 30_000
        ):
            await self.turns.take_turn(lease)
            taken += 1
        return taken

    async def texts(self, conversation: str) -> list[str]:
        return [f"{m.author}: {m.text}" for m in await self.store.messages(conversation)]

    async def last(self, conversation: str) -> Message:
        return (await self.store.messages(conversation))[-1]

    @asynccontextmanager
    async def served(self) -> AsyncIterator[str]:
        """Take webhooks; the address of all channels'."""
        app = web.Application()
        nothing = cast(Any, None)
        app[HUB] = Hub(
            Settings(), self.clock, self.store, self.stream, self.live, nothing, self.connectors, self.metrics, nothing
        )  # fmt: skip
        app.add_routes(webhooks.routes())
        async with TestServer(app) as server:
            yield str(server.make_url("/webhooks"))


@dataclass
class Rooms(Core[PaperChannel]):
    """With the channel that exists only in tests."""

    channel: PaperChannel = field(default_factory=PaperChannel)

    async def hear(self, *texts: str, sender: str = "An Giang", start: int = 1) -> str:
        """Messages of one citizen arrive and are parsed; the conversation's id."""
        for n, text in enumerate(texts, start):
            body, headers = signed({"id": f"{sender}-{n}-{text}", "from": sender, "text": text})
            await self.stream.process(await self.stream.receive("paper", body, headers))
        (event,) = self.channel.parse(signed({"id": "x", "from": sender, "text": ""})[0])
        return conversation_id(event)
