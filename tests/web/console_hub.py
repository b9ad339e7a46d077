"""The whole web application over a real store, with short ways to be a citizen, the bot and an operator."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, cast

from aiohttp import ClientResponse, ClientSession, web
from aiohttp.cookiejar import CookieJar

from bot.knowledge import KnowledgeBase
from handoff import accounts, tickets
from handoff.casework import Casework
from handoff.links import Links
from handoff.rules import LiveRules
from hub.clock import Clock
from hub.live import LiveHub
from hub.metrics import Metrics
from hub.model import Committed, Conversation, Draft, Message, Staff, Ticket, Turn, derived_id
from hub.ports import Connector, Reach, Store, TicketWish
from hub.settings import Settings
from hub.spool import Spool
from hub.stream import Stream
from hub.turn import commit
from hub.web.app import make_app
from hub.web.context import Hub
from hub.wiring import LiveKnowledge
from tests.contract.builders import arrive, event
from tests.hub.rooms import no_alarm, no_effects

PASSWORD = "mat-khau-cua-lan"


@cache
def hash_of_password() -> str:
    """Slow on purpose, so made once."""
    return accounts.hash_password(PASSWORD)


@dataclass
class Browser:
    """One signed-out or signed-in person, as a plain HTTP client with a cookie jar."""

    url: str
    client: ClientSession

    async def get(self, path: str, **options: Any) -> tuple[int, str]:
        async with self.client.get(self.url + path, **options) as response:
            return response.status, await response.text()

    async def post(self, path: str, form: dict[str, str], **options: Any) -> ClientResponse:
        """Post a form as given; redirects are not followed."""
        async with self.client.post(self.url + path, data=form, allow_redirects=False, **options) as response:
            await response.text()
            return response

    async def token(self, path: str = "/console/password") -> str:
        """The form token this page carries."""
        _, html = await self.get(path)
        found = re.search(r'name="csrf" value="([^"]+)"', html)
        assert found, html
        return found[1]

    async def log_in(self, login: str, password: str = PASSWORD, **fields: str) -> ClientResponse:
        form = {"csrf": await self.token("/console/login"), "login": login, "password": password, **fields}
        return await self.post("/console/login", form)

    async def close(self, ticket: Ticket) -> ClientResponse:
        """Close a ticket by its form, and tell the citizen."""
        _, html = await self.get(f"/console/tickets/{ticket.id}/do/close")
        form = html[html.index('<form class="form"') :]
        hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form))
        return await self.post(f"/console/tickets/{ticket.id}/do/close", hidden | {"tell": "yes"})

    async def act(self, conversation: str, name: str, **fields: str) -> ClientResponse:
        """Do something in a conversation, as its page would."""
        form = {"csrf": await self.token(), "key": f"key-of-{name}", **fields}
        return await self.post(
            f"/console/conversations/{conversation}/{name}", form, headers={"HX-Request": "true"}
        )


@dataclass
class ConsoleHub:
    hub: Hub
    clock: Clock
    port: int = 0
    runner: web.AppRunner | None = None
    _count: int = 0
    _clients: list[ClientSession] = field(default_factory=list)

    @property
    def store(self) -> Store:
        return self.hub.store

    def browser(self) -> Browser:
        client = ClientSession(cookie_jar=CookieJar(unsafe=True))
        self._clients.append(client)
        return Browser(self.url, client)

    async def person(self, login: str, name: str, **fields: Any) -> Staff:
        """An account whose password is ``PASSWORD`` already."""
        known = {"id": derived_id("s", login), "login": login, "name": name, "role": "operator"}
        staff = Staff(**known | {"password_hash": hash_of_password()} | fields)
        await self.store.put_staff(staff)
        return staff

    async def signed_in(self, login: str) -> Browser:
        browser = self.browser()
        assert (await browser.log_in(login)).status == 303
        return browser

    async def citizen_says(self, text: str, who: str = "w-1") -> Message:
        self._count += 1
        said = event(f"x-{self._count}", text, conversation=who)
        (message,) = await arrive(self.store, said, at=self.clock.now(), raw_id=f"r-{self._count}")
        self.hub.live.poke(message.conversation)
        return cast("Message", message)

    async def bot_says(self, conversation: str, text: str, **draft: Any) -> Message:
        return (await self._bot_turn(conversation, says=(Draft(text=text, **draft),), outcome="answered"))[0]

    async def ticket(self, conversation: str, summary: str = "Xin gặp người", **wish: Any) -> Ticket:
        """The bot hands over."""
        self._count += 1
        now = self.clock.now()
        number = await self.store.next_ticket_number(tickets.ticket_year(now))
        ticket = tickets.open_ticket(
            TicketWish(**({"reason": "asked_for_person", "summary": summary} | wish)),
            await self.conversation(conversation),
            turn=f"t-{self._count}",
            number=number,
            at=now,
            actor="bot",
        )
        await self._bot_turn(
            conversation,
            says=(Draft(text=tickets.opened_text(ticket)),),
            ticket=ticket,
            outcome="ticketed",
            owner=tickets.owner_after(ticket.reason),
        )
        return ticket

    async def _bot_turn(self, conversation: str, **fields: Any) -> tuple[Message, ...]:
        self._count += 1
        known = await self.conversation(conversation)
        turn = Turn(
            id=f"t-{self._count}",
            conversation=conversation,
            actor="bot",
            at=self.clock.now(),
            handles=known.last_seq,
            **fields,
        )
        committed = await self.store.commit_turn(turn)
        self.hub.live.poke(conversation)
        return committed.messages

    async def conversation(self, conversation: str) -> Conversation:
        known = await self.store.conversation(conversation)
        assert known
        return known

    async def texts(self, conversation: str, author: str) -> list[str | None]:
        return [m.text for m in await self.store.messages(conversation) if m.author == author]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        self.runner = web.AppRunner(make_app(self.hub), access_log=None, shutdown_timeout=1)
        await self.runner.setup()
        await web.TCPSite(self.runner, "127.0.0.1", self.port, reuse_address=True).start()
        self.port = self.runner.addresses[0][1]

    async def stop(self) -> None:
        if self.runner:
            await self.runner.cleanup()

    async def restart_web(self) -> None:
        """Open pages lose their streams; the store and the live signals stay."""
        await self.stop()
        await self.start()

    async def close(self) -> None:
        for client in self._clients:
            await client.close()


async def _nothing() -> None:
    return None


@asynccontextmanager
async def console_hub(
    store: Store,
    clock: Clock,
    folder: Path,
    *,
    connectors: dict[str, Connector] | None = None,
    knowledge: KnowledgeBase | LiveKnowledge | None = None,
    **settings: Any,
) -> AsyncIterator[ConsoleHub]:
    live, metrics, rules = LiveHub(), Metrics(), LiveRules(store)
    fixed = knowledge if isinstance(knowledge, KnowledgeBase) else KnowledgeBase.build([])
    known = knowledge if isinstance(knowledge, LiveKnowledge) else lambda: fixed
    connectors = {} if connectors is None else connectors
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

    async def committed(turn: Turn, conversation: Conversation) -> Committed:
        done = await commit(store, connectors, turn, conversation)
        live.poke(conversation.id)
        return done

    def reach(conversation: Conversation) -> Reach:
        connector = connectors.get(conversation.channel)
        return connector.reach(conversation, clock.now()) if connector else Reach()

    hub = Hub(
        settings=Settings(secret_key=cast("Any", "a-key-for-tests"), **settings),
        clock=clock,
        store=store,
        stream=stream,
        live=live,
        knowledge=known,
        reload_knowledge=known.load if isinstance(known, LiveKnowledge) else _nothing,
        connectors=connectors,
        metrics=metrics,
        readiness=cast("Any", None),
        rules=rules,
        reload_rules=rules.load,
        casework=Casework(store, clock, rules, committed, reach),
        links=Links("a-key-for-tests"),
    )
    running = ConsoleHub(hub, clock)
    await running.start()
    try:
        yield running
    finally:
        await running.close()
        await running.stop()
