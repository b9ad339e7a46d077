"""A Zalo connector beside the played platform, on a hand-set clock."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from connectors.zalo import ZaloConnector
from hub.model import Button, Conversation, Message, Outgoing
from tests.conftest import FakeClock
from tests.fakes.tools import MemoryTools, memory_tools
from tests.fakes.zalo import OA_ID, FakeZalo, fake_zalo

USER = "700100200300400501"


@dataclass
class ZaloRooms:
    clock: FakeClock
    tools: MemoryTools
    zalo: FakeZalo

    def connector(self, **settings: Any) -> ZaloConnector:
        """A process of its own: connectors share the tools as processes share the store."""
        return ZaloConnector(self.zalo.settings(**settings), self.tools)


@asynccontextmanager
async def zalo_rooms(clock: FakeClock) -> AsyncIterator[ZaloRooms]:
    async with memory_tools(clock) as tools, fake_zalo(clock, tools.http) as zalo:
        zalo.interacted[USER] = clock.now()
        zalo.names[USER] = "Chị Mẫu"
        yield ZaloRooms(clock, tools, zalo)


def conversation(**more: Any) -> Conversation:
    given: dict[str, Any] = {
        "id": "c_1", "channel": "zalo", "account": OA_ID, "key": USER, "sender": USER, "created_at": 0,
        "touched_at": 0,
    }  # fmt: skip
    return Conversation(**(given | more))


def outgoing(text: str | None = "Chào anh/chị", *, attempts: int = 1, to: Conversation | None = None,
             buttons: tuple[str, ...] = (), **more: Any) -> Outgoing:  # fmt: skip
    message = Message(
        id="m_1",
        conversation="c_1",
        seq=2,
        author="bot",
        at=0,
        text=text,
        buttons=tuple(Button(title=title, payload=f"/choose{n}") for n, title in enumerate(buttons)),
        **more,
    )
    return Outgoing(message=message, conversation=to or conversation(), token="t", attempts=attempts)
