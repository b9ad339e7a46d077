"""The one place where the rooms are put together."""

import asyncio
import contextlib
import errno
import logging
import secrets
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from aiohttp import web

from actions.server import action_app
from bot.client import RasaBot
from bot.knowledge import KnowledgeBase, seed_docs
from bot.knowledge.learning import learn_apart
from connectors import email, facebook, zalo
from connectors.api import ApiConnector
from connectors.form import FormConnector
from connectors.phone import PhoneConnector
from connectors.webchat import WebchatConnector
from handoff.casework import Casework
from handoff.links import Links
from handoff.rules import LiveRules
from handoff.watch import Watch
from hub.clock import Clock, SystemClock
from hub.errors import AlienPayload, DataError, StartupError, StoreError
from hub.hooks import Webhooks
from hub.http import MediaFetcher, api_session, public_session
from hub.jobs import do_alone
from hub.live import LiveHub, watch
from hub.media import MediaWorker
from hub.metrics import Metrics
from hub.model import Committed, Conversation, Event, Turn
from hub.names import Names
from hub.notices import NoticeSender
from hub.outbox import Outbox
from hub.ports import Bot, Capabilities, ChannelSettings, Connector, Job, Reach, SendsMail, Store, Tools
from hub.readiness import Readiness
from hub.seal import Seal
from hub.settings import Settings, load_settings, with_secret_key
from hub.signals import Signals
from hub.spool import Spool
from hub.store import store_for
from hub.storm import StormBot
from hub.stream import Stream
from hub.tools import HubTools
from hub.turn import TurnWorker, commit
from hub.web.app import make_app
from hub.web.context import Hub

log = logging.getLogger(__name__)

Work = Callable[[], Coroutine[Any, Any, None]]

KNOWLEDGE_POLL_S = 3.0
LEARN_AFTER_S = 30.0  # without a change
RESTART_S = 1.0
LONGEST_STOP_S = 15.0

SWEEP_S = 3600.0
#: Messages that can be found are at most this much behind; a search brings in what is missing.
INDEX_S = 2.0
INDEXED_AT_ONCE = 50


@dataclass(frozen=True)
class Channel:
    """What a connector's module offers: its settings, itself, and its pure parser."""

    settings: type[ChannelSettings]
    make: Callable[[Any, Tools], Connector]
    #: a body and, where known, the channel's settings → its events
    parse: Callable[[bytes, Any], list[Event]]


#: Channels without settings, by name: always on.
ALWAYS_ON: dict[str, Callable[[], Connector]] = {
    "webchat": WebchatConnector,
    "phone": PhoneConnector,
    "form": FormConnector,
    "api": ApiConnector,
}

#: Channels that are off without their settings, by name.
CHANNELS: dict[str, Channel] = {
    "zalo": Channel(
        zalo.ZaloSettings,
        zalo.ZaloConnector,
        lambda body, section: zalo.parse(body, account=section.oa_id if section else None),
    ),
    "facebook": Channel(
        facebook.FacebookSettings,
        facebook.FacebookConnector,
        lambda body, section: (
            facebook.parse(body, account=section.page_id, app_id=section.app_id)
            if section
            else facebook.parse(body)
        ),
    ),
    "email": Channel(
        email.EmailSettings,
        email.EmailConnector,
        lambda body, section: (
            email.parse(body, account=section.address, aliases=section.aliases)
            if section
            else email.parse(body)
        ),
    ),
}

#: Channels on which an answer is a letter.
LETTERS = frozenset(
    name
    for name, channel in CHANNELS.items()
    if getattr(channel.make, "capabilities", Capabilities()).letters
)


def read_settings(**overrides: Any) -> Settings:
    return load_settings({name: channel.settings for name, channel in CHANNELS.items()}, **overrides)


def make_connectors(settings: Settings, tools: Tools) -> dict[str, Connector]:
    connectors = {name: make() for name, make in ALWAYS_ON.items()}
    for name, channel in CHANNELS.items():
        section = settings.channel(name)
        if section is None:
            log.info("channel is off: no settings", extra={"facts": {"channel": name}})
        else:
            connectors[name] = channel.make(section, tools)
    if isinstance(mail := connectors.get("email"), email.EmailConnector):
        connectors["form"] = FormConnector(mail.write)
    return connectors


def normalized(settings: Settings, channel: str, body: bytes) -> list[Event]:
    """The events of one delivery, whether the channel is on or not.

    Raises:
        AlienPayload: it is not one of that channel, or there is no such channel.
    """
    if channel in ALWAYS_ON:
        return ALWAYS_ON[channel]().parse(body)
    if channel not in CHANNELS:
        raise AlienPayload(f"no channel {channel}: one of {', '.join(sorted({*CHANNELS, *ALWAYS_ON}))}")
    return CHANNELS[channel].parse(body, settings.channel(channel))


class LiveKnowledge:
    """The newest knowledge base: rebuilt when the store's revision moves, replaced whole. What an editor changed
    counts at once; learning anew from it takes seconds of work and is done when the editors rest."""

    def __init__(self, store: Store, clock: Clock, *, like: KnowledgeBase | None = None) -> None:
        self._store = store
        self._clock = clock
        self._like = like  # whose learning is taken over at first
        self._current: KnowledgeBase | None = None
        self._loading = asyncio.Lock()

    def __call__(self) -> KnowledgeBase:
        if self._current is None:
            raise StartupError("the knowledge base is not loaded yet")
        return self._current

    async def load(self) -> bool:
        """Be as new as the store; whether something had changed.

        Raises:
            StoreError, DataError: it stays as it was.
        """
        async with self._loading:
            revision, current = await self._store.knowledge_revision(), self._current
            if current is not None and current.revision == revision:
                return False
            docs = await self._store.knowledge()
            self._current = await asyncio.to_thread(
                partial(KnowledgeBase.build, docs, revision, like=current or self._like, clock=self._clock)
            )
            log.info("knowledge loaded", extra={"facts": {"revision": revision, "entries": len(docs)}})
            return True

    async def learn(self) -> None:
        """Learn what was only taken over so far."""
        current = self._current
        if current is None or not current.behind:
            return
        await learn_apart(current.to_learn)
        learned = await asyncio.to_thread(current.learned)
        async with self._loading:
            if self._current is current:
                self._current = learned
                log.info("knowledge learned", extra={"facts": {"revision": learned.revision}})

    async def follow(self) -> None:
        rested_s = 0.0
        while True:
            await asyncio.sleep(KNOWLEDGE_POLL_S)
            try:
                rested_s = 0.0 if await self.load() else rested_s + KNOWLEDGE_POLL_S
            except StoreError:
                continue
            except DataError:
                log.exception("the stored knowledge is not in order: the last stays in force")
                continue
            if rested_s >= LEARN_AFTER_S:
                await self.learn()


class HubProcess:
    """A running hub: web pages, workers and the bot's actions, in one process.

    Args:
        settings: as read; the data folder gets the secret key if none is set.
        bot: in place of Rasa, for tests of other rooms.
        starts_rasa: whoever runs this also starts Rasa, so turns wait for its first answer.
        pages: take webhooks, live chats and the console.
        work: parse deliveries, answer with the bot, send.
        mail: read the mailboxes.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        bot: Bot | None = None,
        clock: Clock | None = None,
        starts_rasa: bool = False,
        pages: bool = True,
        work: bool = True,
        mail: bool = True,
    ) -> None:
        self._pages, self._work, self._mail = pages, work, mail
        self.settings = settings = with_secret_key(settings)
        self.clock = clock = clock or SystemClock()
        self.store = store_for(settings.store_url, settings.data)
        self.knowledge = LiveKnowledge(self.store, clock)
        self.rules = LiveRules(self.store)
        self.rasa_secret = settings.rasa_secret.get_secret_value() or secrets.token_urlsafe(32)
        self._rasa = RasaBot(self.rasa_secret, timeout_s=settings.bot_budget_s, url=settings.rasa_url)
        metrics, live = Metrics(), LiveHub()
        self.holder = f"h_{secrets.token_hex(8)}"
        self._http = api_session()
        self._public = public_session(settings.webhook_private_hosts)
        self._fetcher = MediaFetcher(private_hosts=settings.media_private_hosts)
        tools = HubTools(
            store=self.store,
            clock=clock,
            http=self._http,
            public_url=settings.base_url,
            seal=Seal(settings.secret_key.get_secret_value()),
            metrics=metrics,
            keep_delivery=self._keep_delivery,
        )
        connectors = make_connectors(settings, tools)
        self.media = MediaWorker(self.store, connectors, self._fetcher, live, clock)
        self.readiness = Readiness(
            self.store,
            clock,
            metrics,
            self._rasa.healthy if work and bot is None else _always,
            expected_soon=starts_rasa,
        )
        self.stream = Stream(
            store=self.store,
            spool=Spool(settings.data / "spool"),
            connectors=connectors,
            live=live,
            clock=clock,
            metrics=metrics,
            reply_pause_ms=settings.reply_pause_ms,
            effects=self._carry_out,
            fetch_media=self.media.poke,
            alarm=tools.alarm,
        )
        self.turns = TurnWorker(
            self.store,
            connectors,
            StormBot(bot or self._rasa, self.store, self.rules),
            live,
            clock,
            metrics,
            said=self._said,
            bot_budget_s=settings.bot_budget_s,
            warming=lambda: self.readiness.warming,
            rules=self.rules,
        )
        self.casework = Casework(self.store, clock, self.rules, self._commit_case, self._reach)
        self.watch = Watch(self.casework, tools.alarm, tools.clear_alarm)
        self.webhooks = Webhooks(
            self.store,
            clock,
            self._public,
            tools.seal,
            tools.alarm,
            tools.clear_alarm,
            private_hosts=settings.webhook_private_hosts,
        )
        self.notices = NoticeSender(
            self.store,
            clock,
            self.rules,
            self.casework,
            Links(settings.secret_key.get_secret_value()),
            next((one for one in connectors.values() if isinstance(one, SendsMail)), None),
            settings.base_url if settings.public_url else None,
        )
        self.names = Names(self.store, connectors, live, clock)
        self.signals = Signals(
            self.store, connectors, self.turns, live, clock, metrics, self.notices.came_back
        )
        self.outbox = Outbox(self.store, connectors, live, clock, metrics, undelivered=self.turns.undelivered)
        self.hub = Hub(
            settings=settings,
            clock=clock,
            store=self.store,
            stream=self.stream,
            live=live,
            knowledge=self.knowledge,
            reload_knowledge=self.knowledge.load,
            connectors=connectors,
            metrics=metrics,
            readiness=self.readiness,
            rules=self.rules,
            reload_rules=self.rules.load,
            casework=self.casework,
            links=Links(settings.secret_key.get_secret_value()),
        )
        self.port = 0
        self.actions_port = 0
        self._cleanup = AsyncExitStack()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Open the store, load the knowledge, answer pages, start the workers.

        Raises:
            StartupError, StoreError, DataError: in one line what is wrong; nothing is left running.
        """
        try:
            await self.store.open()
            self._cleanup.push_async_callback(self.store.close)
            docs = await asyncio.to_thread(seed_docs)
            await self.store.put_knowledge(docs, now=self.clock.now())
            await self.knowledge.load()
            await self.rules.load()
            self._cleanup.push_async_callback(self._rasa.close)
            await self._cleanup.enter_async_context(self._fetcher)
            if self._pages:
                self.port = await serve(
                    make_app(self.hub), self.settings.host, self.settings.port, self._cleanup
                )
            if self._work:
                actions = await asyncio.to_thread(action_app, self.knowledge, self.store, self.rasa_secret)
                self.actions_port = await serve(
                    actions, "127.0.0.1", self.settings.actions_port, self._cleanup
                )
            self._start_loops()
        except BaseException:
            await self.stop()
            raise

    async def _keep_delivery(self, channel: str, body: bytes, key: str) -> None:
        await self.stream.keep_fetched(channel, body, key)

    async def _carry_out(self, event: Event, received_at: int) -> None:
        await self.signals(event, received_at)

    def _reach(self, conversation: Conversation) -> Reach:
        connector = self.hub.connectors.get(conversation.channel)
        return connector.reach(conversation, self.clock.now()) if connector else Reach()

    async def _commit_case(self, turn: Turn, conversation: Conversation) -> Committed:
        committed = await commit(self.store, self.hub.connectors, turn, conversation)
        self.hub.live.poke(conversation.id)
        if committed.messages:
            self._said()
        return committed

    def _said(self) -> None:
        self.outbox.poke()

    def use_rasa(self, url: str) -> None:
        """Where the Rasa that was started for this hub listens."""
        self._rasa.url = url

    async def drain(self) -> None:
        """Take no new work and finish what is under way; the bot is still needed for that."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=LONGEST_STOP_S)
        self._tasks.clear()

    async def stop(self) -> None:
        """Drain and close everything."""
        await self.drain()
        await self._cleanup.aclose()
        await self._http.close()
        await self._public.close()

    def _start_loops(self) -> None:
        loops: list[Work] = [
            partial(watch, self.store, self.hub.live, self.clock),
            self.knowledge.follow,
            self._follow_rules,
            self.readiness.watch,
        ]
        if self._pages:
            loops.append(self.stream.drain_spool)
        if self._work:
            loops += [self.stream.run, self.turns.run, self.outbox.run, self.media.run, self._wake_workers]
            loops += [self.names.run, self.notices.run, self._index_words]
        roles = {role for role, on in (("work", self._work), ("mail", self._mail)) if on}
        jobs = [
            Job(name="sweep", role="work", run=self._sweep),
            Job(name="deadlines", role="work", run=self.watch.run),
            Job(name="webhooks", role="work", run=self.webhooks.run),
            *(job for connector in self.hub.connectors.values() for job in connector.jobs()),
        ]
        loops += [
            partial(do_alone, job, self.store, self.clock, self.holder) for job in jobs if job.role in roles
        ]
        self._tasks = [asyncio.create_task(_keep_running(work)) for work in loops]

    async def _follow_rules(self) -> None:
        while True:
            await asyncio.sleep(KNOWLEDGE_POLL_S)
            try:
                await self.rules.load()
            except StoreError:
                continue
            except DataError:
                log.exception("the stored rules are not in order: the last ones stay in force")

    async def _index_words(self) -> None:
        while True:
            with contextlib.suppress(StoreError):  # away: those who search do it too
                while await self.store.index_words(limit=INDEXED_AT_ONCE):
                    pass
            await asyncio.sleep(INDEX_S)

    async def _sweep(self) -> None:
        while True:
            gone = await self.store.sweep(now=self.clock.now())
            log.info("swept", extra={"facts": {"rows": gone}})
            await asyncio.sleep(SWEEP_S)

    async def _wake_workers(self) -> None:
        with self.hub.live.subscribe() as signals:
            async for _ in signals:
                self.turns.poke()
                self.outbox.poke()


@asynccontextmanager
async def command_tools(settings: Settings) -> AsyncIterator[HubTools]:
    """What connectors are lent, for a command that works on a channel beside the hub or without one."""
    settings = with_secret_key(settings)
    async with AsyncExitStack() as cleanup:
        store = store_for(settings.store_url, settings.data)
        await store.open()
        cleanup.push_async_callback(store.close)
        yield HubTools(
            store=store,
            clock=SystemClock(),
            http=await cleanup.enter_async_context(api_session()),
            public_url=settings.base_url,
            seal=Seal(settings.secret_key.get_secret_value()),
            metrics=Metrics(),
            keep_delivery=_no_delivery,
        )


async def _no_delivery(channel: str, body: bytes, key: str) -> None:
    raise StartupError("a command takes no deliveries: a running hub does")


@dataclass(frozen=True)
class PrivateActions:
    port: int
    secret: str


@asynccontextmanager
async def private_actions(settings: Settings) -> AsyncIterator[PrivateActions]:
    """The bot's actions alone, on a free loopback port, for a command that asks the bot without a hub."""
    store = store_for(settings.store_url, settings.data)
    await store.open()
    async with AsyncExitStack() as cleanup:
        cleanup.push_async_callback(store.close)
        docs = await store.knowledge() or await asyncio.to_thread(seed_docs)
        knowledge = KnowledgeBase.build(docs)
        secret = secrets.token_urlsafe(32)
        app = await asyncio.to_thread(action_app, lambda: knowledge, store, secret)
        yield PrivateActions(await serve(app, "127.0.0.1", 0, cleanup), secret)


async def serve(app: web.Application, host: str, port: int, cleanup: AsyncExitStack) -> int:
    """Listen; the port. ``cleanup`` gets what ends it.

    Raises:
        StartupError: the port is taken or may not be used.
    """
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=5)
    await runner.setup()
    cleanup.push_async_callback(runner.cleanup)
    site = web.TCPSite(runner, host, port)
    try:
        await site.start()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise StartupError(
                f"port {port} is taken: stop what uses it, or choose another with --port"
            ) from None
        raise StartupError(f"cannot listen on {host}:{port}: {error.strerror}") from None
    return int(runner.addresses[0][1])


async def _always() -> bool:
    return True


async def _keep_running(work: Work) -> None:
    """A loop that fails is logged and begun again: one bug must not silence the hub."""
    while True:
        try:
            await work()
        except Exception:
            log.exception("a worker failed and begins again")
            await asyncio.sleep(RESTART_S)
