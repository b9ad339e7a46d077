"""Who writes: asked of the platform after a message came in, outside everything that citizens wait for.

A name is a courtesy to the operator. When it cannot be learned nothing is lost, and it is asked again later.
"""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

from hub.clock import Clock
from hub.errors import StoreError
from hub.live import LiveHub
from hub.ports import Connector, KnowsNames, Store

log = logging.getLogger(__name__)

ASK_AGAIN_MS = 6 * 3_600_000
ASK_WITHIN_S = 15.0
REMEMBERED = 10_000  # conversations


@dataclass
class Names:
    store: Store
    connectors: Mapping[str, Connector]
    live: LiveHub
    clock: Clock
    _asked: dict[str, int] = field(default_factory=dict)  # conversation → epoch ms

    async def run(self) -> None:
        """Learn the names of those who write. Runs until cancelled."""
        if not any(isinstance(connector, KnowsNames) for connector in self.connectors.values()):
            await asyncio.Event().wait()
        with self.live.subscribe() as signals:
            async for changed in signals:
                if isinstance(changed, str):
                    await self.learn(changed)

    async def learn(self, id_: str) -> None:
        """Ask for the name of one conversation's citizen, unless it is known or was asked for lately."""
        now = self.clock.now()
        if now < self._asked.get(id_, 0) + ASK_AGAIN_MS:
            return
        try:
            conversation = await self.store.conversation(id_)
            if conversation is None or not conversation.sender:  # no sender: a person who was erased
                return
            self._note(id_, now)
            connector: object = self.connectors.get(conversation.channel)
            if conversation.name or not isinstance(connector, KnowsNames):
                return
            async with asyncio.timeout(ASK_WITHIN_S):
                name = await connector.name_of(conversation)
            standing = await self.store.conversation(id_)
            if name and standing is not None and standing.sender:  # not erased meanwhile
                await self.store.note_person(id_, now=self.clock.now(), name=name)
                self.live.poke(id_)
        except (StoreError, TimeoutError) as error:
            log.info("name not learned", extra={"facts": {"conversation": id_, "why": type(error).__name__}})

    def _note(self, id_: str, now: int) -> None:
        self._asked.pop(id_, None)
        while len(self._asked) >= REMEMBERED:
            del self._asked[next(iter(self._asked))]  # the one asked longest ago
        self._asked[id_] = now
