"""A Zalo connector beside the played platform, on a hand-set clock."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from connectors.zalo import ZaloConnector
from hub.errors import ChannelStopped, NotSent, SendError, SendRefused, Unreachable, WindowClosed
from hub.model import Button, Conversation, Message, Outgoing
from tests.conftest import FakeClock
from tests.fakes.tools import MemoryTools, memory_tools
from tests.fakes.zalo import OA_ID, FakeZalo, fake_zalo

USER = "700100200300400501"


#: what becomes of a send that the platform refuses, code by code
EXPECTED: dict[int, type[SendError]] = {
    -32: NotSent, -200: NotSent, -211: NotSent, -234: NotSent,
    -230: WindowClosed, -232: WindowClosed,
    -213: Unreachable, -217: Unreachable, -218: Unreachable, -227: Unreachable, -244: Unreachable,
    -100: SendRefused, -201: SendRefused, -210: SendRefused, -233: SendRefused, -240: SendRefused,
    -248: SendRefused,
    -204: ChannelStopped, -205: ChannelStopped, -209: ChannelStopped, -212: ChannelStopped,
    -219: ChannelStopped, -221: ChannelStopped, -223: ChannelStopped, -224: ChannelStopped,
    -235: ChannelStopped, -242: ChannelStopped, -320: ChannelStopped, -321: ChannelStopped,
}  # fmt: skip


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
