"""What the hub lends a connector, in memory: states with versions, blobs, alarms. Several connectors may share one,
as several processes share one store."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import ClientSession, DummyCookieJar

from hub.clock import Clock
from hub.model import Blob, Conversation, Message, State, derived_id


@dataclass
class MemoryTools:
    clock: Clock
    http: ClientSession
    public_url: str = "https://1022.example.vn"
    blobs: dict[str, Blob] = field(default_factory=dict)
    kept: dict[str, bytes] = field(default_factory=dict)  # by key
    states: dict[str, State] = field(default_factory=dict)
    alarms: dict[str, str] = field(default_factory=dict)
    codes: dict[str, str] = field(default_factory=dict)  # by ticket
    last_words: dict[str, Message] = field(default_factory=dict)  # by conversation

    def add_blob(self, data: bytes, media_type: str) -> str:
        blob = Blob(
            id=derived_id("b", media_type, data.hex()), media_type=media_type, size=len(data), data=data
        )
        self.blobs[blob.id] = blob
        return blob.id

    async def blob(self, blob: str) -> Blob | None:
        return self.blobs.get(blob)

    async def heard(self, conversation: str) -> Message | None:
        return self.last_words.get(conversation)

    async def code_of(self, conversation: Conversation) -> str | None:
        return self.codes.get(conversation.ticket or "")

    async def keep(self, channel: str, body: bytes, *, key: str) -> None:
        self.kept.setdefault(key, body)

    async def recall(self, name: str) -> State | None:
        await asyncio.sleep(0)  # others come in between, as with a real store
        return self.states.get(name)

    async def remember(self, name: str, body: bytes, *, expects: int) -> bool:
        await asyncio.sleep(0)
        known = self.states.get(name)
        if (known.version if known else 0) != expects:
            return False
        self.states[name] = State(name=name, version=expects + 1, body=body)
        return True

    async def alarm(self, what: str, text: str) -> None:
        self.alarms.setdefault(what, text)

    async def clear_alarm(self, what: str) -> None:
        self.alarms.pop(what, None)


@asynccontextmanager
async def memory_tools(clock: Clock) -> AsyncIterator[MemoryTools]:
    async with ClientSession(cookie_jar=DummyCookieJar(), trust_env=False) as http:
        yield MemoryTools(clock, http)
