"""What every channel does alike: one suite that each connector passes, through the real stream, outbox and store.

A channel joins with an entry in ``CHANNELS``: a :class:`Channel` says what holds there, a :class:`Played` how its
platform behaves in tests.
"""

import asyncio
import json
import random
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from itertools import count
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import pytest
from aiohttp import ClientSession

from connectors.email import EmailConnector, EmailSettings
from connectors.form import FormConnector
from connectors.phone import PhoneConnector
from connectors.webchat import WebchatConnector
from hub.errors import (
    AlienPayload,
    ChannelStopped,
    NotSent,
    SendError,
    SendRefused,
    Unreachable,
    WindowClosed,
)
from hub.letters import GREETING
from hub.model import Conversation, Draft, Message, Turn, conversation_id
from hub.ports import Books, Connector
from hub.store.sqlite import SqliteStore
from hub.turn import UNDELIVERED, commit
from hub.wiring import make_connectors, read_settings
from tests.conftest import FakeClock
from tests.connectors import facebook_rooms, zalo_rooms
from tests.fakes import graph, zalo
from tests.fakes.smtp_server import MailExchange, mail_exchange
from tests.fakes.tools import MemoryTools, memory_tools
from tests.hub.rooms import Core

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS

Delivery = tuple[bytes, dict[str, str]]  # body, headers
#: What becomes of a message whose send the platform refused.
Outcome = Literal["sent later", "sent at once", "waits for people", "refused", "unreachable", "window closed"]
OUTCOMES: Mapping[type[SendError], Outcome] = {
    NotSent: "sent later",
    ChannelStopped: "waits for people",
    SendRefused: "refused",
    Unreachable: "unreachable",
    WindowClosed: "window closed",
}
UNREADABLE = (b"", b"hello", b"\xff\xfe", b"[]", b"null", b'"page"', b"[" * 50_000, b'{"a":' * 50_000)
ALIEN = (b'{"something":"else"}' + b" " * 5000, b'{"object":"user","entry":[]}' + b" " * 5000)


# ---- a channel -----------------------------------------------------------------------------------


@dataclass
class Played(ABC):
    """A connector beside its platform, which a test tells what to do."""

    connector: Connector
    alarms: dict[str, str] = field(default_factory=dict)

    @abstractmethod
    async def writes(self, user: str, text: str) -> Delivery:
        """A citizen writes: what would be delivered."""

    def signed(self, body: bytes) -> Delivery:
        """Any bytes, signed as far as such bytes can be."""
        return body, {}


class PlayedPlatform(Played):
    """One that delivers to a webhook and takes messages over an API."""

    @property
    @abstractmethod
    def said(self) -> list[str]:
        """What arrived at the platform, in order."""

    @abstractmethod
    def fails(self, code: Any) -> None:
        """The next send is answered with this error."""

    @abstractmethod
    def goes_silent(self, how: Mapping[str, Any], *, done: bool) -> None:
        """The next send gets no answer that says what became of it. ``done``: it takes effect all the same."""

    @abstractmethod
    def echoes_to(self, url: str) -> None:
        """Deliver what the hub's own messages bring back."""


@dataclass
class Webchat(Played):
    _ids: Any = field(default_factory=count)

    async def writes(self, user: str, text: str) -> Delivery:
        said = {"session": user, "id": f"{next(self._ids):08}", "kind": "message", "text": text}
        return json.dumps(said).encode(), {}


class Zalo(PlayedPlatform):
    def __init__(self, rooms: zalo_rooms.ZaloRooms, **settings: Any) -> None:
        super().__init__(rooms.connector(**settings), rooms.tools.alarms)
        self._zalo = rooms.zalo

    async def writes(self, user: str, text: str) -> Delivery:
        return zalo.signed(await self._zalo.says(user, text))

    def signed(self, body: bytes) -> Delivery:
        try:
            content = json.loads(body)
        except (ValueError, RecursionError):
            content = None
        if not isinstance(content, dict):  # the mark is made with what stands in the body
            return body, {"X-ZEvent-Signature": "mac=" + "0" * 64}
        return zalo.signed({"app_id": zalo.APP_ID, "timestamp": "1", "event_name": 5} | content)

    @property
    def said(self) -> list[str]:
        return [one["message"]["text"] for one in self._zalo.sent]

    def fails(self, code: int) -> None:
        self._zalo.faults.append(zalo.Fault(code=code))

    def goes_silent(self, how: Mapping[str, Any], *, done: bool) -> None:
        self._zalo.faults.append(zalo.Fault(done=done, **how))

    def echoes_to(self, url: str) -> None:
        self._zalo.webhook = url


class Facebook(PlayedPlatform):
    def __init__(self, rooms: facebook_rooms.FacebookRooms, **settings: Any) -> None:
        super().__init__(rooms.connector(**settings), rooms.tools.alarms)
        self._graph = rooms.graph

    async def writes(self, user: str, text: str) -> Delivery:
        return graph.signed(await self._graph.says(user, text))

    def signed(self, body: bytes) -> Delivery:
        return graph.signed(body)

    @property
    def said(self) -> list[str]:
        return [one["message"]["text"] for one in self._graph.sent]

    def fails(self, code: tuple[int, int]) -> None:
        self._graph.faults.append(graph.Fault(code=code[0] or 551, subcode=code[1]))

    def goes_silent(self, how: Mapping[str, Any], *, done: bool) -> None:
        self._graph.faults.append(graph.Fault(done=done, **how))

    def echoes_to(self, url: str) -> None:
        self._graph.webhook = url


class Phone(Played):
    def __init__(self) -> None:
        super().__init__(PhoneConnector())
        self._ids = count()

    async def writes(self, user: str, text: str) -> Delivery:
        call = {
            "call": f"cuoc-goi-{next(self._ids)}",
            "number": user,
            "question": text,
            "at": 1_795_400_000_000,
        }
        return json.dumps(call).encode(), {}


class Form(Played):
    def __init__(self) -> None:
        super().__init__(FormConnector())
        self._ids = count()

    async def writes(self, user: str, text: str) -> Delivery:
        sent = {"sender": user, "id": f"f_{next(self._ids):032x}", "text": text, "at": 1_795_400_000_000}
        return json.dumps(sent).encode(), {}


class Email(PlayedPlatform):
    """Its deliveries are fetched, and a mail server takes its messages over."""

    def __init__(self, exchange: MailExchange, tools: MemoryTools, **settings: Any) -> None:
        given = {
            "address": "1022@1022.example.vn",
            "imap_url": "imap://127.0.0.1:1",
            "smtp_url": exchange.url,
        }
        super().__init__(EmailConnector(EmailSettings.model_validate(given | settings), tools), tools.alarms)
        self._exchange = exchange
        self._ids = count()

    async def writes(self, user: str, text: str) -> Delivery:
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = user, "1022@1022.example.vn", text
        mail["Message-ID"], mail["References"] = f"<{next(self._ids)}@example.vn>", f"<goc-{user}>"
        mail.set_content(text)
        return mail.as_bytes(), {}

    @property
    def said(self) -> list[str]:
        bodies = [mail.get_body(("plain",)) for mail in self._exchange.taken]
        letters = [body.get_content().replace("\r\n", "\n") for body in bodies if body is not None]
        return [
            "\n\n".join(letter.split("\n\n")[1:-1]) if letter.startswith(GREETING) else letter.strip()
            for letter in letters
        ]

    def fails(self, code: str) -> None:
        self._exchange.faults.append(code)

    def goes_silent(self, how: Mapping[str, Any], *, done: bool) -> None:
        raise AssertionError("a mail is sent again under the same id: tests/connectors/test_email_smtp.py")

    def echoes_to(self, url: str) -> None:
        raise AssertionError("mail has no echoes")


@asynccontextmanager
async def open_phone(_: FakeClock) -> AsyncIterator[Phone]:
    yield Phone()


@asynccontextmanager
async def open_form(_: FakeClock) -> AsyncIterator[Form]:
    yield Form()


@asynccontextmanager
async def open_email(clock: FakeClock, **settings: Any) -> AsyncIterator[Email]:
    async with mail_exchange() as exchange, memory_tools(clock) as tools:
        yield Email(exchange, tools, **settings)


@asynccontextmanager
async def open_webchat(_: FakeClock) -> AsyncIterator[Webchat]:
    yield Webchat(WebchatConnector())


@asynccontextmanager
async def open_zalo(clock: FakeClock, **settings: Any) -> AsyncIterator[Zalo]:
    async with zalo_rooms.zalo_rooms(clock) as rooms:
        yield Zalo(rooms, **settings)


@asynccontextmanager
async def open_facebook(clock: FakeClock, **settings: Any) -> AsyncIterator[Facebook]:
    async with facebook_rooms.facebook_rooms(clock) as rooms:
        yield Facebook(rooms, **settings)


@dataclass(frozen=True)
class Channel:
    """What the suite has to know of a channel."""

    name: str
    open: Callable[..., AbstractAsyncContextManager[Any]]  # gives a Played
    people: tuple[str, str]  # two citizens' ids there
    webhook: bool = True  # deliveries come signed from outside
    window_ms: int = 0  # after which nobody may write any more
    codes: Mapping[Any, Outcome] = field(default_factory=dict)  # what the platform may answer a send
    mends: bool = False  # what is cut off is still a delivery there
    resend_safe: bool = False  # a send without an answer is repeated
    once_more: Any = None  # one of them after which the send is tried again


WEBCHAT = Channel("webchat", open_webchat, (f"w_{1:032x}", f"w_{2:032x}"), webhook=False)
ZALO = Channel(
    "zalo",
    open_zalo,
    (zalo_rooms.USER, "700100200300400502"),
    window_ms=7 * DAY_MS,
    codes={code: OUTCOMES[error] for code, error in zalo_rooms.EXPECTED.items()}
    | dict.fromkeys((-216, -220), "sent at once"),  # with new tokens
    once_more=-200,
)
FACEBOOK = Channel(
    "facebook",
    open_facebook,
    (facebook_rooms.USER, "24001122334455668"),
    window_ms=7 * DAY_MS,
    codes={row: OUTCOMES[error] for row, error in facebook_rooms.EXPECTED.items()},
    once_more=(1200, 0),
)
PHONE = Channel("phone", open_phone, ("0900000001", "0900000002"), webhook=False)
FORM = Channel("form", open_form, (f"f_{1:032x}", f"f_{2:032x}"), webhook=False)
EMAIL = Channel(
    "email",
    open_email,
    ("an@example.vn", "binh@example.vn"),
    webhook=False,
    codes={
        "421 4.3.2 shutting down": "sent later",
        "450 4.2.1 mailbox busy": "sent later",
        "451 4.7.1 try again later": "sent later",
        "452 4.3.1 disk full": "sent later",
        "550 5.1.1 no such user": "unreachable",
        "550 5.2.1 mailbox disabled": "unreachable",
        "550 5.7.1 not wanted": "refused",
        "552 5.3.4 too large": "refused",
        "554 5.6.0 not conforming": "refused",
    },
    mends=True,
    resend_safe=True,
    once_more="450 4.2.1 mailbox busy",
)
CHANNELS = (WEBCHAT, ZALO, FACEBOOK, EMAIL, PHONE, FORM)
PLATFORMS = tuple(channel for channel in CHANNELS if channel.codes)

everywhere = pytest.mark.parametrize("channel", CHANNELS, ids=lambda channel: channel.name)
on_webhooks = pytest.mark.parametrize(
    "channel", [one for one in CHANNELS if one.webhook], ids=lambda channel: channel.name
)
on_windows = pytest.mark.parametrize(
    "channel", [one for one in PLATFORMS if one.window_ms], ids=lambda channel: channel.name
)
on_careful_platforms = pytest.mark.parametrize(
    "channel", [one for one in PLATFORMS if not one.resend_safe], ids=lambda channel: channel.name
)
on_platforms = pytest.mark.parametrize("channel", PLATFORMS, ids=lambda channel: channel.name)


# ---- a hub around it -----------------------------------------------------------------------------


@dataclass
class House(Core[Connector]):
    """The hub's rooms around one played channel."""

    played: Any = None
    url: str = ""  # of its webhook
    http: ClientSession | None = None

    async def post(self, delivery: Delivery) -> int:
        assert self.http is not None
        async with self.http.post(self.url, data=delivery[0], headers=delivery[1]) as answer:
            return answer.status

    async def deliver(self, channel: Channel, delivery: Delivery) -> int:
        """Bring a delivery in the way its channel does; how it was answered."""
        if channel.webhook:
            return await self.post(delivery)
        try:
            await self.stream.receive_now(channel.name, delivery[0])
        except AlienPayload:
            return 400
        return 200

    async def hear(self, channel: Channel, text: str, *, who: int = 0) -> str:
        """A citizen's message arrives and is taken in; the conversation's id."""
        delivery = await self.played.writes(channel.people[who], text)
        assert await self.deliver(channel, delivery) == 200
        await self.take_in()
        return self.conversation_of(delivery)

    def conversation_of(self, delivery: Delivery) -> str:
        (event,) = self.channel.parse(delivery[0])
        return conversation_id(event)

    async def operator_says(self, conversation: str, *texts: str) -> None:
        now = self.clock.now()
        turn = Turn(
            id=f"said-{texts}", conversation=conversation, actor="operator", actor_id="s-1", at=now, handles=0,
            owner="human", operator="s-1", says=tuple(Draft(text=text) for text in texts),
        )  # fmt: skip
        await commit(self.store, self.connectors, turn, await self.standing(conversation))

    async def send_all(self) -> int:
        rounds = 0
        while await self.outbox.send_due():
            rounds += 1
        return rounds

    async def send_later(self) -> None:
        """Wait, for a day at the most, until something is to be sent again, and send it."""
        for _ in range(DAY_MS // (10 * MINUTE_MS)):
            self.clock.forward(10 * MINUTE_MS)
            if await self.send_all():
                return
        raise AssertionError("nothing is tried again")

    async def standing(self, conversation: str) -> Conversation:
        found = await self.store.conversation(conversation)
        assert found is not None
        return found

    async def heard(self, conversation: str) -> list[str | None]:
        return [m.text for m in await self.store.messages(conversation) if m.author == "citizen"]

    async def answer(self, conversation: str) -> Message:
        """What was said first to the citizen."""
        lines = await self.store.messages(conversation)
        return next(m for m in lines if m.author != "citizen" and not m.internal)

    async def notes(self, conversation: str) -> list[str | None]:
        return [m.text for m in await self.store.messages(conversation) if m.internal]

    async def books(self) -> Books:
        found: Books = await self.store.books(now=self.clock.now(), grace_ms=DAY_MS)
        assert found.problems == ()
        return found

    async def nothing_is_kept(self) -> None:
        books = await self.books()
        assert (books.raw_items, books.events, books.refused, books.unparsed) == (0, 0, 0, 0)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    """The connectors are tried here, not the stores."""
    store = SqliteStore(tmp_path / "hub.db")
    await store.open()
    yield store
    await store.close()


@asynccontextmanager
async def house_of(
    channel: Channel, store: SqliteStore, clock: FakeClock, folder: Path, **settings: Any
) -> AsyncIterator[House]:
    async with channel.open(clock, **settings) as played, ClientSession() as http:
        house = House(store, clock, folder, played.connector, played=played, http=http)
        async with house.served() as url:
            house.url = f"{url}/{channel.name}"
            yield house


@pytest.fixture
async def house(
    channel: Channel, store: SqliteStore, clock: FakeClock, tmp_path: Path
) -> AsyncIterator[House]:
    async with house_of(channel, store, clock, tmp_path) as house:
        yield house


# ---- deliveries ----------------------------------------------------------------------------------


@everywhere
@pytest.mark.parametrize("seed", range(4))
async def test_copies_in_any_order_count_once_and_replays_change_nothing(
    house: House, channel: Channel, seed: int
) -> None:
    deliveries = [
        await house.played.writes(channel.people[who], f"tin {n}") for n, who in enumerate((0, 1, 0, 0, 1))
    ]
    order = list(range(len(deliveries))) * 3
    random.Random(seed).shuffle(order)
    for n in order:
        assert await house.deliver(channel, deliveries[n]) == 200
    await house.take_in()
    first, second = (house.conversation_of(deliveries[n]) for n in (0, 1))
    arrived = list(dict.fromkeys(order))
    assert await house.heard(first) == [f"tin {n}" for n in arrived if n in (0, 2, 3)]
    assert await house.heard(second) == [f"tin {n}" for n in arrived if n in (1, 4)]
    assert await house.answer_due() == 2
    await house.send_all()

    before = [await house.store.messages(one) for one in (first, second)]
    for n in order:
        assert await house.deliver(channel, deliveries[n]) == 200
    await house.take_in()
    assert (await house.answer_due(), await house.send_all()) == (0, 0)
    assert [await house.store.messages(one) for one in (first, second)] == before
    books = await house.books()
    assert (books.events, books.duplicates) == (5, 2 * len(order) - 5)
    assert (books.refused, books.unparsed) == (0, 0)


@everywhere
async def test_an_old_delivery_is_taken_and_dated_by_its_own_time(house: House, channel: Channel) -> None:
    """Platforms repeat for hours: a right signature is good however old."""
    written = house.clock.now()
    delivery = await house.played.writes(channel.people[0], "còn ai không")
    house.clock.forward(10 * HOUR_MS)
    for _ in range(3):
        assert await house.deliver(channel, delivery) == 200
        await house.take_in()
    conversation = house.conversation_of(delivery)
    assert await house.heard(conversation) == ["còn ai không"]
    if channel.webhook:
        assert (await house.standing(conversation)).interacted_at == written
    assert await house.answer_due() == 1
    assert (await house.books()).duplicates == 2


@everywhere
async def test_what_is_not_signed_is_refused_and_not_kept(house: House, channel: Channel) -> None:
    body, _ = await house.played.writes(channel.people[0], "giả")
    assert await house.post((body, {})) in (401, 403)
    assert await house.post((body, {"X-Signature": "00"})) in (401, 403)
    await house.nothing_is_kept()


@on_webhooks
async def test_what_is_signed_wrongly_is_refused_and_not_kept(house: House, channel: Channel) -> None:
    """Also by marks that are no marks: whole, cut, another message's, and bytes that are no text at all."""
    body, headers = await house.played.writes(channel.people[0], "thật")
    _, others = await house.played.writes(channel.people[0], "của tin khác")
    name = house.channel.keep_headers[0]
    right = headers[name].encode()
    scheme, _, digest = right.partition(b"=")
    wrong = [
        b"", b"=", scheme, scheme + b"=", digest[:-1], right[:-1], right + b"0", scheme + b"=" + b"0" * 64, b"0" * 64,
        b"sha1=" + b"0" * 40, others[name].encode(), b"\xff\xfe", scheme + b"=\xff" + digest[1:], "ẹ".encode(),
        scheme + b"=" + b"f" * 5000,
    ]  # fmt: skip
    for mark in wrong:
        assert await raw_post(house.url, body, {name: mark}) in (401, 403), mark
    assert await house.post((body + b" ", headers)) in (401, 403)
    await house.nothing_is_kept()
    assert await raw_post(house.url, body, {name: right}) == 200


async def raw_post(url: str, body: bytes, headers: Mapping[str, bytes]) -> int:
    """A request whose headers may hold any bytes."""
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    lines = [
        f"POST {address.path} HTTP/1.1".encode(), b"Host: hub", b"Connection: close",
        b"Content-Length: %d" % len(body), *(name.encode() + b": " + value for name, value in headers.items()),
    ]  # fmt: skip
    writer.write(b"\r\n".join(lines) + b"\r\n\r\n" + body)
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return int(answer.split()[1])


@everywhere
async def test_what_is_cut_off_or_of_somebody_else_is_refused_clearly(house: House, channel: Channel) -> None:
    whole, headers = await house.played.writes(channel.people[0], "một tin nhắn có dấu")
    cut = [whole[:at] for at in (1, len(whole) // 3, len(whole) - 20, len(whole) - 1)]
    for body in (*(() if channel.mends else cut), *UNREADABLE, *ALIEN):
        for delivery in ((body, headers), house.played.signed(body)):
            assert 400 <= await house.deliver(channel, delivery) < 500, body[:40]
    await house.nothing_is_kept()
    assert await house.deliver(channel, (whole, headers)) == 200
    await house.take_in()
    assert await house.heard(house.conversation_of((whole, headers))) == ["một tin nhắn có dấu"]


@pytest.mark.parametrize("name", ["zalo", "facebook", "email"])
async def test_a_channel_without_settings_is_off_and_says_so(
    name: str, store: SqliteStore, clock: FakeClock, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    async with ClientSession() as http:
        on = make_connectors(read_settings(data=tmp_path), MemoryTools(clock, http))
        assert name not in on
        assert "channel is off" in caplog.text
        core = Core(store, clock, tmp_path, on["webchat"])
        async with core.served() as url:
            async with http.post(f"{url}/{name}", data=b"{}") as answer:
                assert answer.status == 404
                assert f"channel {name}" in await answer.text()
            async with http.get(f"{url}/{name}") as answer:
                assert answer.status == 404


# ---- sending -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("channel", "code"),
    [
        pytest.param(channel, code, id=f"{channel.name} {code}")
        for channel in PLATFORMS
        for code in channel.codes
    ],
)
async def test_every_error_code_ends_as_documented(house: House, channel: Channel, code: Any) -> None:
    played = house.played
    conversation = await house.hear(channel, "xin chào")
    await house.answer_due()
    played.fails(code)
    await house.send_all()
    answer, standing = await house.answer(conversation), await house.standing(conversation)
    told = await house.notes(conversation)
    outcome = channel.codes[code]
    if outcome in ("sent later", "waits for people"):
        assert (answer.delivery, played.said, told) == ("queued", [], [])
        if outcome == "waits for people":
            assert played.alarms
        await house.send_later()
        answer = await house.answer(conversation)
    if outcome in ("sent at once", "sent later", "waits for people"):
        assert (answer.delivery, played.said) == ("sent", ["[1] xin chào"])
        assert played.alarms == {}
        assert (await house.standing(conversation)).owner == "bot"
        return
    delivery = "window_closed" if outcome == "window closed" else "failed"
    assert (answer.delivery, played.said) == (delivery, [])
    assert told == [UNDELIVERED[delivery].format(seq=answer.seq)]
    assert (standing.owner, standing.unreachable is not None) == ("human", outcome == "unreachable")
    house.clock.forward(HOUR_MS)
    assert await house.send_all() == 0
    await house.books()


@on_windows
async def test_after_the_window_nothing_is_tried_and_people_are_told(house: House, channel: Channel) -> None:
    conversation = await house.hear(channel, "xin chào")
    await house.answer_due()
    await house.send_all()
    since = (await house.standing(conversation)).interacted_at
    assert since is not None
    house.clock.forward(since + channel.window_ms - 1 - house.clock.now())
    await house.operator_says(conversation, "vừa kịp")
    await house.send_all()
    house.clock.forward(1)
    reach = house.channel.reach(await house.standing(conversation), house.clock.now())
    assert (reach.staff, reach.bot, bool(reach.notice)) == (False, False, True), "seen before writing"
    await house.operator_says(conversation, "quá muộn")
    await house.send_all()
    assert house.played.said == ["[1] xin chào", "vừa kịp"]
    lines = await house.store.messages(conversation)
    late = next(m for m in lines if m.text == "quá muộn")
    assert late.delivery == "window_closed"
    assert await house.notes(conversation) == [UNDELIVERED["window_closed"].format(seq=late.seq)]

    assert await house.hear(channel, "em đây") == conversation  # the window opens again
    await house.operator_says(conversation, "chào anh/chị")
    await house.send_all()
    assert house.played.said[-1] == "chào anh/chị"


@on_careful_platforms
@pytest.mark.parametrize("how", [{"dropped": True}, {"status": 500}, {"status": 502}], ids=str)
@pytest.mark.parametrize("done", [True, False], ids=["done", "not done"])
async def test_a_send_without_an_answer_is_never_repeated(
    house: House, channel: Channel, how: dict[str, Any], done: bool
) -> None:
    conversation = await house.hear(channel, "xin chào")
    await house.answer_due()
    house.played.goes_silent(how, done=done)
    await house.send_all()
    answer = await house.answer(conversation)
    assert answer.delivery == "unknown"
    assert await house.notes(conversation) == [UNDELIVERED["unknown"].format(seq=answer.seq)]
    house.clock.forward(HOUR_MS)
    assert await house.send_all() == 0
    assert house.played.said == (["[1] xin chào"] if done else [])
    await house.books()


@on_careful_platforms
async def test_a_slow_answer_leaves_the_outcome_open(
    channel: Channel, store: SqliteStore, clock: FakeClock, tmp_path: Path
) -> None:
    async with house_of(channel, store, clock, tmp_path, timeout_s=0.3) as house:
        conversation = await house.hear(channel, "xin chào")
        await house.answer_due()
        held = asyncio.Event()
        house.played.goes_silent({"held": held}, done=True)
        await house.send_all()
        held.set()
        assert (await house.answer(conversation)).delivery == "unknown"
        assert await house.send_all() == 0


@on_careful_platforms
async def test_an_echo_settles_what_was_not_known(house: House, channel: Channel) -> None:
    conversation = await house.hear(channel, "xin chào")
    await house.answer_due()
    house.played.echoes_to(house.url)
    house.played.goes_silent({"dropped": True}, done=True)
    await house.send_all()
    assert (await house.answer(conversation)).delivery == "unknown"
    assert await house.take_in() > 0
    answer = await house.answer(conversation)
    assert answer.external_id is not None
    assert answer.delivery in ("sent", "delivered")
    lines = await house.store.messages(conversation)
    assert not any(m.author == "operator" for m in lines), "known as ours"


@on_platforms
async def test_what_is_said_arrives_in_its_order(house: House, channel: Channel) -> None:
    """The first is refused for a while: nothing of the conversation overtakes it, others go on."""
    first = await house.hear(channel, "xin chào")
    await house.operator_says(first, "một", "hai", "ba")
    house.played.fails(channel.once_more)
    await house.outbox.send_due()
    assert house.played.said == []
    second = await house.hear(channel, "chào", who=1)
    await house.operator_says(second, "bốn", "năm")
    await house.send_all()
    assert house.played.said == ["bốn", "năm"]
    await house.send_later()
    assert house.played.said == ["bốn", "năm", "một", "hai", "ba"]
