"""What platforms and strangers hear at the door, and what the people who run the hub hear of it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from aiohttp import ClientSession

from hub.errors import StoreUnavailable
from hub.store.sqlite import SqliteStore
from hub.tools import ALARMS, read_alarms
from hub.web.webhooks import BURST, FORGED, forged_alarm
from tests.conftest import FakeClock
from tests.fakes.channels import signed
from tests.hub.rooms import Rooms

BODY, MARKED = signed({"id": "1", "from": "An", "text": "xin chào"})


@dataclass
class Door:
    rooms: Rooms
    http: ClientSession
    url: str

    async def post(self, headers: dict[str, str], times: int = 1) -> set[int]:
        answers = set()
        for _ in range(times):
            async with self.http.post(f"{self.url}/paper", data=BODY, headers=headers) as answer:
                answers.add(answer.status)
        return answers

    async def forged(self, times: int) -> None:
        assert await self.post({"X-Signature": "00"}, times) == {401}

    async def alarms(self) -> dict[str, str]:
        return read_alarms(await self.rooms.store.state(ALARMS))


@pytest.fixture
async def door(store: SqliteStore, clock: FakeClock, tmp_path) -> AsyncIterator[Door]:
    rooms = Rooms(store, clock, tmp_path)
    async with rooms.served() as url, ClientSession() as http:
        yield Door(rooms, http, url)


async def test_when_no_signature_fits_any_more_people_are_told_until_one_does(door: Door) -> None:
    await door.forged(BURST - 1)
    assert await door.alarms() == {}
    await door.forged(1)
    assert await door.alarms() == {forged_alarm("paper"): FORGED.format(channel="paper", settings="PAPER")}
    assert await door.post(MARKED) == {200}
    assert await door.alarms() == {}
    await door.forged(BURST)
    assert set(await door.alarms()) == {forged_alarm("paper")}


async def test_the_hub_that_was_restarted_with_the_new_secret_ends_the_alarm(door: Door) -> None:
    await door.forged(BURST)
    async with door.rooms.served() as url:
        door.url = url
        await door.post(MARKED)
    assert await door.alarms() == {}


async def test_some_forgeries_among_good_deliveries_are_no_alarm(door: Door) -> None:
    for _ in range(3):
        await door.forged(BURST - 1)
        assert await door.post(MARKED) == {200}
    assert await door.alarms() == {}


async def test_strangers_who_do_not_even_sign_are_no_alarm(door: Door) -> None:
    assert await door.post({}, 2 * BURST) == {401}
    assert await door.alarms() == {}


async def test_the_alarm_is_tried_again_while_the_store_is_away(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(name: str) -> None:
        raise StoreUnavailable("away")

    with monkeypatch.context() as patched:
        patched.setattr(door.rooms.store, "state", away)
        await door.forged(BURST)
        assert await door.post(MARKED) == {200}, "a delivery is taken all the same"
        await door.forged(BURST)
    assert await door.alarms() == {}
    await door.forged(1)
    assert set(await door.alarms()) == {forged_alarm("paper")}
