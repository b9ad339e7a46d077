"""Who writes is learned beside the way of their messages, and never in it."""

import asyncio
from dataclasses import dataclass, field

import pytest

from hub.live import LiveHub
from hub.model import Conversation
from hub.names import ASK_AGAIN_MS, Names
from hub.store.sqlite import SqliteStore
from tests.conftest import FakeClock
from tests.fakes.channels import PaperChannel
from tests.hub.rooms import Rooms


@dataclass
class KnowingChannel(PaperChannel):
    """Its platform knows people by name, while it is not ``away``."""

    names: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    away: bool = False
    held: asyncio.Event | None = None
    reached: asyncio.Event = field(default_factory=asyncio.Event)

    async def name_of(self, conversation: Conversation) -> str | None:
        self.asked.append(conversation.sender)
        self.reached.set()
        if self.held is not None:
            await self.held.wait()
        if self.away:
            raise TimeoutError
        return self.names.get(conversation.sender)


@pytest.fixture
def rooms(store: SqliteStore, clock: FakeClock, tmp_path) -> Rooms:
    return Rooms(store, clock, tmp_path, channel=KnowingChannel(names={"An": "Chị An"}))


def names_of(rooms: Rooms) -> tuple[Names, KnowingChannel]:
    assert isinstance(rooms.channel, KnowingChannel)
    return Names(rooms.store, {"paper": rooms.channel}, LiveHub(), rooms.clock), rooms.channel


async def name(rooms: Rooms, conversation: str) -> str | None:
    found = await rooms.store.conversation(conversation)
    assert found is not None
    return found.name


async def test_the_name_is_learned_once(rooms: Rooms) -> None:
    names, channel = names_of(rooms)
    conversation = await rooms.hear("xin chào", sender="An")
    await names.learn(conversation)
    await names.learn(conversation)
    assert await name(rooms, conversation) == "Chị An"
    await names_of(rooms)[0].learn(conversation)  # after a restart
    assert channel.asked == ["An"]


async def test_a_failure_harms_nobody_and_is_not_repeated_at_every_message(rooms: Rooms) -> None:
    names, channel = names_of(rooms)
    channel.away = True
    conversation = await rooms.hear("xin chào", sender="An")
    await names.learn(conversation)
    channel.away = False
    await names.learn(conversation)
    assert (await name(rooms, conversation), channel.asked) == (None, ["An"])
    rooms.clock.forward(ASK_AGAIN_MS)
    await names.learn(conversation)
    assert await name(rooms, conversation) == "Chị An"


async def test_a_person_who_is_erased_meanwhile_stays_erased(rooms: Rooms) -> None:
    names, channel = names_of(rooms)
    channel.held = asyncio.Event()
    conversation = await rooms.hear("xin chào", sender="An")
    learning = asyncio.create_task(names.learn(conversation))
    await channel.reached.wait()
    await rooms.store.erase_person(conversation, now=rooms.clock.now())
    channel.held.set()
    await learning
    assert await name(rooms, conversation) is None
    rooms.clock.forward(ASK_AGAIN_MS)
    await names.learn(conversation)
    assert channel.asked == ["An"]
