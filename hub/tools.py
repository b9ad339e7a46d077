"""What the hub lends the connectors: the clock, HTTP, sealed states, deliveries, alarms."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import ClientSession

from hub.clock import Clock
from hub.errors import SecretUnreadable
from hub.metrics import Metrics
from hub.model import Blob, Conversation, Message, State
from hub.ports import Store
from hub.seal import Seal

ALARMS = "alarms"
RECENT = 200  # lines in which a citizen's last words are looked for


@dataclass
class Alarms:
    """What needs the attention of the people who run the hub, kept for all processes."""

    store: Store
    clock: Clock
    metrics: Metrics

    async def alarm(self, what: str, text: str) -> None:
        self.metrics.alarms.labels(what).set(1)
        await self._change_alarms({what: text})

    async def clear_alarm(self, what: str) -> None:
        self.metrics.alarms.labels(what).set(0)
        await self._change_alarms({what: None})

    async def _change_alarms(self, change: dict[str, str | None]) -> None:
        while True:
            kept = await self.store.state(ALARMS)
            before = read_alarms(kept)
            after = {what: text for what, text in (before | change).items() if text is not None}
            version = kept.version if kept else 0
            if after == before or await self.store.put_state(
                ALARMS, json.dumps(after, ensure_ascii=False).encode(), expects=version, now=self.clock.now()
            ):
                return


@dataclass
class HubTools(Alarms):
    http: ClientSession
    public_url: str
    seal: Seal
    keep_delivery: Callable[[str, bytes, str], Awaitable[None]]

    async def blob(self, blob: str) -> Blob | None:
        return await self.store.blob(blob)

    async def heard(self, conversation: str) -> Message | None:
        lines = await self.store.recent_messages(conversation, limit=RECENT)
        return next((line for line in reversed(lines) if line.author == "citizen"), None)

    async def code_of(self, conversation: Conversation) -> str | None:
        ticket = await self.store.ticket(conversation.ticket) if conversation.ticket else None
        return ticket.code if ticket else None

    async def keep(self, channel: str, body: bytes, *, key: str) -> None:
        await self.keep_delivery(channel, body, key)

    async def recall(self, name: str) -> State | None:
        kept = await self.store.state(name)
        if kept is None:
            return None
        try:
            return kept.model_copy(update={"body": self.seal.open(kept.body)})
        except SecretUnreadable as error:
            raise SecretUnreadable(str(error), kept.version) from None

    async def remember(self, name: str, body: bytes, *, expects: int) -> bool:
        return await self.store.put_state(name, self.seal.close(body), expects=expects, now=self.clock.now())


def read_alarms(kept: State | None) -> dict[str, str]:
    """What needs the attention of the people who run the hub: a short stable name → a Vietnamese sentence."""
    return dict(json.loads(kept.body)) if kept else {}
