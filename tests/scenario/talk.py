"""A citizen's page of the live chat, as a plain WebSocket client."""

import asyncio
import json
import uuid
from types import TracebackType
from typing import Any

import aiohttp

ANSWER_WITHIN_S = 60.0


class Talk:
    """``async with Talk(url) as talk: await talk.say("…"); lines = await talk.answer()``"""

    def __init__(self, url: str, *, address: str | None = None) -> None:
        """``address``: a loopback address to come from, since the hub limits what one address may open."""
        self.url = url
        self._address = address
        self.lines: list[dict[str, Any]] = []
        self.thinking = asyncio.Event()  # the bot has begun with what was said last
        self._changed = asyncio.Condition()

    async def __aenter__(self) -> "Talk":
        own = (self._address, 0) if self._address else None
        self._http = aiohttp.ClientSession(connector=aiohttp.TCPConnector(local_addr=own))
        self._ws = await self._http.ws_connect(f"{self.url}/chat/ws", origin=self.url)
        await self._ws.send_json({"type": "hello", "token": None, "last_seq": 0})
        self._reader = asyncio.create_task(self._read())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._ws.close()
        await self._reader
        await self._http.close()

    async def say(self, text: str) -> None:
        self.thinking.clear()
        await self._ws.send_json({"type": "message", "id": str(uuid.uuid4()), "text": text})

    async def answer(self, *, count: int = 1) -> list[str]:
        """Wait until at least ``count`` lines stand after the citizen's last one; all of them."""

        def after_mine() -> list[str]:
            mine = max(
                (n for n, line in enumerate(self.lines) if line["from"] == "citizen"), default=len(self.lines)
            )
            return [line["text"] for line in self.lines[mine + 1 :]]

        async with asyncio.timeout(ANSWER_WITHIN_S), self._changed:
            await self._changed.wait_for(lambda: len(after_mine()) >= count)
            return after_mine()

    async def ask(self, text: str) -> str:
        """Say something; what is answered first."""
        said = len([line for line in self.lines if line["from"] == "citizen"])
        await self.say(text)
        async with asyncio.timeout(ANSWER_WITHIN_S), self._changed:
            await self._changed.wait_for(
                lambda: len([line for line in self.lines if line["from"] == "citizen"]) > said
            )
        return (await self.answer())[0]

    async def _read(self) -> None:
        async for message in self._ws:
            frame = json.loads(message.data)
            if frame["type"] == "typing" and frame["from"] == "bot":
                self.thinking.set()
            if frame["type"] == "messages":
                async with self._changed:
                    self.lines += frame["items"]
                    self._changed.notify_all()
