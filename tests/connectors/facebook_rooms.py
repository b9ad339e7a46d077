"""A Facebook connector beside the played platform, on a hand-set clock."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from connectors.facebook import FacebookConnector
from hub.errors import ChannelStopped, NotSent, SendError, SendRefused, Unreachable, WindowClosed
from hub.model import Button, Conversation, Message, Outgoing
from tests.conftest import FakeClock
from tests.fakes.graph import PAGE_ID, FakeGraph, fake_graph
from tests.fakes.tools import MemoryTools, memory_tools

USER = "24001122334455667"


#: what becomes of a send that the platform refuses, code by code
EXPECTED: dict[tuple[int, int], type[SendError]] = {
    (1200, 0): NotSent, (1, 0): NotSent, (2, 0): NotSent,
    (4, 0): NotSent, (17, 0): NotSent, (32, 0): NotSent, (613, 0): NotSent, (80001, 0): NotSent,
    (80006, 0): NotSent, (10, 1893063): NotSent,
    (190, 0): ChannelStopped, (200, 2018028): ChannelStopped, (10, 0): ChannelStopped, (200, 0): ChannelStopped,
    (10, 2018278): WindowClosed, (10, 2018065): WindowClosed,
    (551, 0): Unreachable, (0, 1545041): Unreachable, (10, 2018108): Unreachable, (100, 2018001): Unreachable,
    (10, 2018300): Unreachable,
    (100, 0): SendRefused, (100, 2018109): SendRefused,
}  # fmt: skip


@dataclass
class FacebookRooms:
    clock: FakeClock
    tools: MemoryTools
    graph: FakeGraph

    def connector(self, **settings: Any) -> FacebookConnector:
        """A process of its own."""
        return FacebookConnector(self.graph.settings(**settings), self.tools)


@asynccontextmanager
async def facebook_rooms(clock: FakeClock) -> AsyncIterator[FacebookRooms]:
    async with memory_tools(clock) as tools, fake_graph(clock, tools.http) as graph:
        graph.interacted[USER] = clock.now()
        graph.names[USER] = ("Văn Mẫu", "Nguyễn")
        yield FacebookRooms(clock, tools, graph)


def conversation(**more: Any) -> Conversation:
    given: dict[str, Any] = {
        "id": "c_1", "channel": "facebook", "account": PAGE_ID, "key": USER, "sender": USER, "created_at": 0,
        "touched_at": 0,
    }  # fmt: skip
    return Conversation(**(given | more))


def thread(comment: str, **more: Any) -> Conversation:
    return conversation(key=f"comment:{comment}", **more)


def outgoing(text: str | None = "Chào anh/chị", *, attempts: int = 1, to: Conversation | None = None,
             buttons: tuple[str, ...] = (), author: str = "bot", **more: Any) -> Outgoing:  # fmt: skip
    given: dict[str, Any] = {"id": "m_1", "conversation": "c_1", "seq": 2, "at": 0} | more
    choices = tuple(Button(title=title, payload=f"/choose{n}") for n, title in enumerate(buttons, start=1))
    message = Message(author=author, text=text, buttons=choices, **given)
    return Outgoing(message=message, conversation=to or conversation(), token="t", attempts=attempts)
