"""A hub with only the live chat and the start page in it: real store, stream, outbox and pages, on loopback.

What the bot would say is said by the test (``reply``), or by ``echo_bot`` as soon as somebody asks.
"""

import asyncio
import itertools
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from aiohttp import ClientSession, ClientWebSocketResponse, web
from pydantic import SecretStr

from connectors.webchat import WebchatConnector
from hub.clock import Clock, SystemClock
from hub.live import LiveHub
from hub.metrics import Metrics
from hub.model import Author, Button, Conversation, Delivery, Draft, Message, Turn
from hub.outbox import Outbox
from hub.ports import Connector, Store
from hub.settings import Settings
from hub.spool import Spool
from hub.store import store_for
from hub.stream import Stream
from hub.web import chat, home, pages, status
from hub.web.chat_guard import Sessions
from hub.web.context import HUB, Hub
from tests.hub.rooms import no_alarm, no_effects

SECRET = "test-key"
OTHER_SITE = "https://tinh.example"


class HandClock:
    """Stands still until the test moves it."""

    def __init__(self, now: int = 1_795_400_000_000) -> None:
        self.at = now

    def now(self) -> int:
        return self.at

    def move(self, seconds: float) -> None:
        self.at += int(seconds * 1000)


@dataclass
class ChatHub:
    hub: Hub
    url: str = ""
    runner: web.AppRunner | None = None
    port: int = 0
    _turns: "itertools.count[int]" = field(default_factory=itertools.count)

    @property
    def store(self) -> Store:
        return self.hub.store

    def conversation_of(self, token: str) -> str:
        """The id of the conversation that a page with this token is in."""
        return Sessions(SECRET, self.hub.clock).open(token).conversation

    async def start(self) -> None:
        app = web.Application(middlewares=[pages.security_headers])
        app[HUB] = self.hub
        app[pages.FRAME_ANCESTORS] = " ".join(("'self'", *self.hub.settings.chat_origins))
        app.add_routes([*chat.routes(), *home.routes(), *status.routes(), *pages.static_routes()])
        app.on_shutdown.append(chat.close_all)
        self.runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self.runner.setup()
        site = web.TCPSite(self.runner, "127.0.0.1", self.port, reuse_address=True)
        await site.start()
        self.port = self.runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{self.port}"

    async def stop(self) -> None:
        if self.runner:
            await self.runner.cleanup()
            self.runner = None

    async def reply(
        self,
        conversation: str,
        text: str,
        *,
        buttons: tuple[Button, ...] = (),
        author: Author = "bot",
        internal: bool = False,
        **turn: Any,
    ) -> Message:
        """Say something as the bot or an operator would, by a turn; the message as it stands."""
        committed = await self.store.commit_turn(
            Turn(
                id=f"t_{next(self._turns)}_{secrets.token_hex(4)}",
                conversation=conversation,
                actor=cast("Any", author),
                at=self.hub.clock.now(),
                says=(Draft(text=text, buttons=buttons, internal=internal),),
                **{"handles": 0} | turn,
            )
        )
        self.hub.live.poke(conversation)
        return committed.messages[0]

    @asynccontextmanager
    async def echo_bot(self) -> AsyncIterator[None]:
        """Answers every message of a citizen while the block runs."""

        async def answer() -> None:
            with self.hub.live.subscribe() as signals:
                async for signal in signals:
                    if isinstance(signal, str):
                        await self._answer(signal)

        async with background(answer()):
            yield

    async def _answer(self, conversation: str) -> None:
        known = await self.store.conversation(conversation)
        if known is None or known.owner != "bot" or known.handled_seq == known.last_seq:
            return
        waiting = await self.store.messages(conversation, after=known.handled_seq)
        for message in waiting:
            if message.author == "citizen":
                await self.reply(
                    conversation, f"Em nhận: {message.text}", handles=message.seq, outcome="answered"
                )


@asynccontextmanager
async def background(work: Any) -> AsyncIterator[None]:
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def chat_hub(
    folder: Path, clock: Clock | None = None, *, other_site: str = OTHER_SITE
) -> AsyncIterator[ChatHub]:
    clock = clock or SystemClock()
    store, live, metrics = store_for("", folder), LiveHub(), Metrics()
    await store.open()
    connectors: dict[str, Connector] = {"webchat": WebchatConnector()}
    stream = Stream(
        store=store,
        spool=Spool(folder / "spool"),
        connectors=connectors,
        live=live,
        clock=clock,
        metrics=metrics,
        reply_pause_ms=0,
        effects=no_effects,
        fetch_media=lambda: None,
        alarm=no_alarm,
    )

    async def undelivered(message: Message, delivery: Delivery) -> None:
        raise AssertionError(f"{message.id} was not delivered: {delivery}")

    outbox = Outbox(store, connectors, live, clock, metrics, undelivered)
    hub = Hub(
        settings=Settings(secret_key=SecretStr(SECRET), chat_origins=(other_site,)),
        clock=clock,
        store=store,
        stream=stream,
        live=live,
        knowledge=cast("Any", None),  # the chat asks it nothing
        connectors=connectors,
        metrics=metrics,
        readiness=cast("Any", None),
    )
    running = ChatHub(hub)
    await running.start()
    try:
        async with background(outbox.run()):
            yield running
    finally:
        await running.stop()
        await store.close()


class Tab:
    """One open page, as its script would speak."""

    def __init__(self, hub: ChatHub, ws: ClientWebSocketResponse) -> None:
        self.hub, self.ws = hub, ws
        self.welcome: dict[str, Any] = {}
        self.items: list[dict[str, Any]] = []  # every line it was ever pushed

    @property
    def token(self) -> str:
        return cast("str", self.welcome["token"])

    async def send(self, **frame: Any) -> None:
        await self.ws.send_json(frame)

    async def until(self, kind: str, **fields: Any) -> dict[str, Any]:
        """The next frame of this kind with these fields; lines pushed meanwhile are kept."""
        async with asyncio.timeout(10):
            while True:
                frame = await self.ws.receive_json()
                if frame["type"] == "messages":
                    self.items += frame["items"]
                if frame["type"] == kind and fields.items() <= frame.items():
                    return cast("dict[str, Any]", frame)

    async def lines(self, count: int) -> list[dict[str, Any]]:
        """Wait until that many lines were pushed."""
        while len(self.items) < count:
            await self.until("messages")
        return self.items

    async def say(self, id_: str, text: str) -> dict[str, Any]:
        await self.send(type="message", id=id_, text=text)
        return await self.until("ack", id=id_)

    async def refresh(self) -> Conversation:
        conversation = await self.hub.store.conversation(self.conversation)
        assert conversation
        return conversation

    @property
    def conversation(self) -> str:
        return self.hub.conversation_of(self.token)


@asynccontextmanager
async def open_tab(hub: ChatHub, token: str | None = None, last_seq: int = 0) -> AsyncIterator[Tab]:
    async with (
        ClientSession() as client,
        client.ws_connect(f"{hub.url}/chat/ws", headers={"Origin": hub.url}) as ws,
    ):
        tab = Tab(hub, ws)
        await tab.send(type="hello", token=token, last_seq=last_seq)
        tab.welcome = await tab.until("welcome")
        yield tab
