"""Webhooks: real tickets, a real receiver on loopback, and whatever can go wrong in between."""

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import ClientSession, web

from hub import hooks
from hub.hooks import HOOKS, Hook, Webhooks, bad_address, new_hook, progress_of
from hub.http import public_session
from hub.model import TicketChange
from hub.seal import Seal
from hub.store.sqlite import SqliteStore
from tests.conftest import FakeClock
from tests.contract.builders import arrive, event, ticket, turn

SEAL = Seal("a-key-for-tests")
ALL = tuple(hooks.EVENTS)


@dataclass
class Receiver:
    """Another system. Answers with ``status``; keeps what it accepted, signature checked."""

    secret: str = ""
    status: int = 200
    port: int = 0
    heard: list[dict[str, Any]] = field(default_factory=list)
    tries: int = 0

    async def take(self, request: web.Request) -> web.Response:
        self.tries += 1
        body = await request.read()
        id_, at = request.headers["webhook-id"], request.headers["webhook-timestamp"]
        key = base64.b64decode(self.secret.removeprefix("whsec_"))
        mac = hmac.new(key, f"{id_}.{at}.".encode() + body, hashlib.sha256).digest()
        assert request.headers["webhook-signature"] == f"v1,{base64.b64encode(mac).decode()}"
        if self.status == 200:
            self.heard.append(json.loads(body) | {"id": id_})
        return web.Response(status=self.status, headers={"Location": "http://127.0.0.1:1/"})

    @property
    def types(self) -> list[str]:
        return [f"{one['type']} {one['data']['ticket']['code'][-1]}" for one in self.heard]


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    there = Receiver()
    app = web.Application()
    app.router.add_post("/hook", there.take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    there.port = runner.addresses[0][1]
    yield there
    await runner.cleanup()


@dataclass
class Town:
    store: SqliteStore
    clock: FakeClock
    http: ClientSession
    alarms: dict[str, str] = field(default_factory=dict)

    def worker(self) -> Webhooks:
        """As a process that has just started."""
        return Webhooks(
            self.store, self.clock, self.http, SEAL, self._alarm, self._clear, private_hosts=("127.0.0.1",)
        )

    async def _alarm(self, what: str, text: str) -> None:
        self.alarms[what] = text

    async def _clear(self, what: str) -> None:
        self.alarms.pop(what, None)

    async def hook(self, receiver: Receiver, events: tuple[hooks.Event, ...] = ALL) -> Hook:
        url = f"http://127.0.0.1:{receiver.port}/hook"
        hook, receiver.secret = new_hook(url, events, seal=SEAL, now=self.clock.now())
        await HOOKS.change(self.store, lambda all_: (*all_, hook), now=self.clock.now())
        return hook

    async def opens(self, n: int) -> None:
        self.clock.forward(1_000)
        now = self.clock.now()
        (said,) = await arrive(self.store, event(f"x-{n}", conversation=f"c-{n}"), at=now)
        made = ticket(said.conversation, n)
        entry = made.history[0].model_copy(update={"at": now})
        made = made.model_copy(update={"created_at": now, "history": (entry,)})
        await self.store.commit_turn(turn(said.conversation, f"open-{n}", at=now, ticket=made))

    async def changes(self, n: int, **change: Any) -> None:
        self.clock.forward(1_000)
        known = await self.store.ticket(f"k-{n}")
        assert known
        wanted = TicketChange(ticket=known.id, **change)
        now = self.clock.now()
        await self.store.commit_turn(turn(known.conversation, f"t-{n}-{now}", at=now, change=wanted))


@pytest.fixture
async def town(store: SqliteStore, clock: FakeClock) -> AsyncIterator[Town]:
    http = public_session(("127.0.0.1",))
    yield Town(store, clock, http)
    await http.close()


async def test_everything_is_told_once_in_order_and_signed(town: Town, receiver: Receiver) -> None:
    await town.opens(1)  # before anybody wanted to know
    town.clock.forward(1_000)
    await town.hook(receiver)
    worker = town.worker()
    assert await worker.once() == 0
    await town.opens(2)
    await town.changes(2, state="assigned", operator="s-1", action="assign")
    await town.changes(1, state="closed", action="close")
    await town.changes(1, note="gọi lại", action="note")
    assert await worker.once() == 3, "a note is nobody else's business"
    assert receiver.types == ["ticket.opened 2", "ticket.changed 2", "ticket.closed 1"]
    for _ in range(3):
        assert await town.worker().once() == 0, "another process does not begin anew"
        town.clock.forward(hooks.OVERLAP_MS)
    await town.changes(2, state="closed", action="close")
    assert await town.worker().once() == 1
    assert len({one["id"] for one in receiver.heard}) == len(receiver.heard)


async def test_no_contents_are_told(town: Town, receiver: Receiver) -> None:
    await town.hook(receiver)
    await town.opens(1)
    await town.worker().once()
    (heard,) = receiver.heard
    assert set(heard["data"]["ticket"]) == {
        "code", "version", "category", "commune", "agency", "priority", "sensitive", "created_at", "due_at", "state",
    }  # fmt: skip
    assert "tổng đài viên" not in json.dumps(heard, ensure_ascii=False)
    kept = await town.store.state("webhooks")
    assert kept
    assert receiver.secret.encode() not in kept.body, "the secret is sealed"


async def test_an_address_hears_only_of_what_it_asked_for(town: Town, receiver: Receiver) -> None:
    await town.hook(receiver, ("ticket.closed",))
    await town.opens(1)
    await town.changes(1, state="closed", action="close")
    await town.worker().once()
    assert receiver.types == ["ticket.closed 1"]


@pytest.mark.parametrize("status", [500, 404, 302])
async def test_an_address_that_fails_is_tried_again_later_and_loses_nothing(
    town: Town, receiver: Receiver, status: int
) -> None:
    hook = await town.hook(receiver)
    await town.opens(1)
    await town.opens(2)
    receiver.status = status
    assert await town.worker().once() == 0
    assert receiver.tries == 1, "nothing is told past an event that did not arrive"
    assert await town.worker().once() == 0
    assert receiver.tries == 1, "it rests"
    progress = await progress_of(town.store, hook)
    assert progress.problem == f"HTTP {status}"
    receiver.status = 200
    town.clock.forward(2 * hooks.FIRST_REST_MS)
    assert await town.worker().once() == 2
    assert receiver.types == ["ticket.opened 1", "ticket.opened 2"]
    assert (await progress_of(town.store, hook)).failures == 0


async def test_after_three_days_it_is_given_up_with_an_alarm_and_goes_on_when_switched_on(
    town: Town, receiver: Receiver
) -> None:
    hook = await town.hook(receiver)
    await town.opens(1)
    receiver.status = 503
    await town.worker().once()
    rests = []
    for _ in range(100):
        before = (await progress_of(town.store, hook)).next_at
        town.clock.forward(before - town.clock.now())
        await town.worker().once()
        rests.append((await progress_of(town.store, hook)).next_at - town.clock.now())
        if (await HOOKS.all(town.store))[0].disabled_at:
            break
    assert max(rests) <= hooks.LONGEST_REST_MS * 1.25
    assert rests[0] < rests[3] < rests[6], "each rest is longer"
    assert "127.0.0.1" in town.alarms[hooks.ALARM]
    tries = receiver.tries
    town.clock.forward(hooks.LONGEST_REST_MS * 2)
    await town.worker().once()
    assert receiver.tries == tries
    fresh = {"disabled_at": None, "enabled_at": town.clock.now()}
    await HOOKS.change(
        town.store, lambda all_: tuple(one.model_copy(update=fresh) for one in all_), now=town.clock.now()
    )
    await town.worker().once()
    assert (await HOOKS.all(town.store))[0].disabled_at is None, "patience begins anew"
    receiver.status = 200
    town.clock.forward(hooks.LONGEST_REST_MS * 2)
    await town.worker().once()
    assert receiver.types == ["ticket.opened 1"]
    assert hooks.ALARM not in town.alarms


async def test_more_than_a_page_is_told(
    town: Town, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hooks, "PAGE", 2)
    await town.hook(receiver)
    for n in range(1, 6):
        await town.opens(n)
    await town.worker().once()
    assert receiver.types == [f"ticket.opened {n}" for n in range(1, 6)]


async def test_names_that_lead_inside_the_house_are_not_called(town: Town, receiver: Receiver) -> None:
    hook = await town.hook(receiver)
    inside = hook.model_copy(update={"url": f"https://localhost.localdomain:{receiver.port}/hook"})
    await HOOKS.change(town.store, lambda _: (inside,), now=town.clock.now())
    await town.opens(1)
    await town.worker().once()
    assert receiver.tries == 0
    assert (await progress_of(town.store, hook)).failures == 1


@pytest.mark.parametrize(
    ("url", "good"),
    [
        ("https://api.example.vn/hook", True),
        ("http://127.0.0.1:8000/x", True),  # named in the settings
        ("http://api.example.vn/hook", False),
        ("https://10.0.0.1/hook", False),
        ("https://[::1]/hook", False),
        ("https://169.254.169.254/latest", False),
        ("https://2130706433/", False),
        ("https://localhost/x", False),
        ("https://user:pass@example.vn/", False),
        ("ftp://example.vn/", False),
        ("https://example.vn:0/", False),
        ("https://", False),
        ("https://[bad", False),
        ("", False),
    ],
)
def test_addresses(url: str, good: bool) -> None:
    assert (bad_address(url, ("127.0.0.1",)) is None) == good
