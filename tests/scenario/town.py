"""What scenarios of a whole hub and one outside channel have in common: time, waiting, an operator."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import ClientSession, CookieJar

from handoff import accounts
from hub.clock import SystemClock
from hub.model import Conversation, Message, derived_id
from hub.wiring import HubProcess
from tests.web.console_hub import PASSWORD, Browser

DAY_MS = 24 * 3_600_000
IN_TIME_S = 30  # generous: the machine may be busy


class MovedClock:
    """The real time, or later."""

    def __init__(self) -> None:
        self.ahead_ms = 0

    def now(self) -> int:
        return SystemClock().now() + self.ahead_ms


@dataclass
class Seen:
    """One channel of a running hub, looked at from inside and outside."""

    process: HubProcess
    channel: str
    account: str
    user: str  # the citizen who is meant where none is named

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.process.port}"

    async def until(self, true: Callable[[], Awaitable[bool]]) -> None:
        async with asyncio.timeout(IN_TIME_S):
            while not await true():  # noqa: ASYNC110 - the last step of a delivery signals nothing
                await asyncio.sleep(0.05)

    async def conversation(self, key: str | None = None) -> Conversation:
        found = await self.process.store.conversation(self._id(key))
        assert found is not None
        return found

    async def messages(self, key: str | None = None) -> list[Message]:
        return await self.process.store.messages(self._id(key))

    async def settled(self, count: int, key: str | None = None) -> list[Message]:
        """Wait until the conversation has so many lines, and none is on its way any more."""

        async def done() -> bool:
            lines = await self.messages(key)
            return len(lines) >= count and not any(m.delivery in ("queued", "sending") for m in lines)

        await self.until(done)
        return await self.messages(key)

    async def quiet(self) -> None:
        """Wait until every delivery is taken in and its effects are carried out."""

        async def done() -> bool:
            now = self.process.clock.now()
            return (await self.process.store.books(now=now, grace_ms=DAY_MS)).unparsed == 0

        await self.until(done)

    async def taken_over(self, key: str | None = None) -> None:
        """Wait until people have the conversation."""

        async def done() -> bool:
            return (await self.conversation(key)).owner == "human"

        await self.until(done)

    async def heard(self, text: str) -> None:
        """Wait until somebody's words stand in the conversation, and all that follows from them is done."""

        async def done() -> bool:
            return any(m.text == text for m in await self.messages())

        await self.until(done)
        await self.quiet()

    @asynccontextmanager
    async def operator(self) -> AsyncIterator[Browser]:
        """Lan, signed in at the console."""
        store = self.process.store
        await accounts.add_staff(store, "lan", "Nguyễn Thị Lan", "operator")
        staff = await store.staff_by_login("lan")
        assert staff is not None
        await store.put_staff(accounts.with_password(staff, PASSWORD))
        async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as client:
            browser = Browser(self.url, client)
            assert (await browser.log_in("lan")).status == 303
            yield browser

    def _id(self, key: str | None) -> str:
        return derived_id("c", self.channel, self.account, self.user if key is None else key)
