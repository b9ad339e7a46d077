"""Whether the hub may be sent traffic. Intake decides; a bot that dies later is told, but closes no door."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from hub.clock import Clock
from hub.errors import StoreError
from hub.metrics import Metrics
from hub.ports import Store

log = logging.getLogger(__name__)

BotState = Literal["starting", "up", "away"]
LONGEST_WARM_UP_MS = 120_000  # after this, turns no longer wait for a bot that never came up


@dataclass
class Readiness:
    store: Store
    clock: Clock
    metrics: Metrics
    healthy: Callable[[], Awaitable[bool]]  # asks the bot
    expected_soon: bool  # the hub starts its own bot, so it is worth waiting for
    bot: BotState = "starting"

    def __post_init__(self) -> None:
        self._started_at = self.clock.now()
        self._answered = asyncio.Event()

    @property
    def warming(self) -> bool:
        """True while the bot is starting for the first time."""
        in_time = self.clock.now() - self._started_at < LONGEST_WARM_UP_MS
        return self.expected_soon and self.bot == "starting" and in_time

    def failed_to_start(self) -> None:
        """The bot's process died before it ever answered: turns stop waiting for it."""
        if self.bot == "starting":
            self.bot = "away"

    async def report(self) -> tuple[bool, dict[str, str]]:
        try:
            await self.store.ping()
            store = "ok"
        except StoreError:
            store = "away"
        ready = store == "ok" and self._answered.is_set()
        return ready, {"store": store, "bot": self.bot}

    async def wait_for_bot(self) -> None:
        await self._answered.wait()

    async def watch(self, *, every_s: float = 2.0, at_start_s: float = 0.3) -> None:
        """Ask the bot how it is, until cancelled."""
        while True:
            if await self.healthy():
                if self.bot != "up":
                    log.info("bot is up")
                self.bot = "up"
                self._answered.set()
            elif self.bot == "up":
                self.bot = "away"
                log.warning("bot is away")
            self.metrics.rasa_up.set(self.bot == "up")
            await asyncio.sleep(every_s if self._answered.is_set() else at_start_s)
