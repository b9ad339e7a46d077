import asyncio
from collections.abc import Mapping

import pytest

from hub.errors import Forged, NotFound, Probe, StoreUnavailable
from hub.model import Event, Raw
from hub.store.sqlite import SqliteStore
from hub.stream import ASIDE_ALARM
from tests.conftest import FakeClock
from tests.fakes.channels import signed
from tests.hub.rooms import Rooms


@pytest.fixture
def rooms(store: SqliteStore, clock: FakeClock, tmp_path) -> Rooms:
    return Rooms(store, clock, tmp_path)


async def test_a_delivery_is_durable_before_it_is_parsed(rooms: Rooms) -> None:
    body, headers = signed({"id": "1", "from": "An", "text": "xin chào"})
    raw = await rooms.stream.receive("paper", body, headers)
    assert (await rooms.store.books(now=rooms.clock.now(), grace_ms=1)).unparsed == 1
    kept = await rooms.store.lease_raw(now=rooms.clock.now(), until=rooms.clock.now() + 1)
    assert kept == raw
    assert kept.headers == headers


async def test_a_forged_delivery_is_refused_and_not_kept(rooms: Rooms) -> None:
    body, _ = signed({"id": "1", "from": "An", "text": "giả"})
    with pytest.raises(Forged):
        await rooms.stream.receive("paper", body, {"X-Signature": "00"})
    assert (await rooms.store.books(now=rooms.clock.now(), grace_ms=1)).unparsed == 0


async def test_a_platform_s_trial_is_welcome_and_leaves_nothing_behind(rooms: Rooms) -> None:
    def trial(headers: Mapping[str, str], body: bytes) -> None:
        raise Probe("only trying")

    rooms.channel.verify = trial  # type: ignore[method-assign]
    for _ in range(3):
        with pytest.raises(Probe):
            await rooms.stream.receive("paper", b"{}", {})
    books = await rooms.store.books(now=rooms.clock.now(), grace_ms=1)
    assert (books.raw_items, books.refused, books.unparsed) == (0, 0, 0)
    assert not rooms.spool.waiting_bytes


async def test_a_channel_that_is_off_says_so(rooms: Rooms) -> None:
    with pytest.raises(NotFound, match="zalo"):
        await rooms.stream.receive("zalo", b"{}", {})


async def test_replays_change_nothing(rooms: Rooms) -> None:
    body, headers = signed({"id": "1", "from": "An", "text": "một"}, {"id": "2", "from": "An", "text": "hai"})
    first = await rooms.stream.process(await rooms.stream.receive("paper", body, headers))
    again = await rooms.stream.process(await rooms.stream.receive("paper", body, headers))
    assert (first.events, first.duplicates) == (2, 0)
    assert (again.events, again.duplicates) == (0, 2)
    assert again.messages == first.messages


async def test_an_unreadable_delivery_is_put_aside_and_counted(rooms: Rooms) -> None:
    body, headers = signed({"nothing": "here"})
    intake = await rooms.stream.process(await rooms.stream.receive("paper", body, headers))
    assert (intake.events, intake.refused, intake.error) == (0, 1, "AlienPayload")
    books = await rooms.store.books(now=rooms.clock.now(), grace_ms=1)
    assert (books.refused, books.unparsed, books.problems) == (1, 0, ())
    assert list(rooms.alarms) == [ASIDE_ALARM]


async def test_what_was_put_aside_is_heard_once_the_reader_is_mended(rooms: Rooms) -> None:
    read = rooms.channel.parse

    def broken(body: bytes) -> list[Event]:
        raise RuntimeError("a bug")

    rooms.channel.parse = broken  # type: ignore[method-assign]
    body, headers = signed({"id": "1", "from": "An", "text": "xin chào"})
    raw = await rooms.stream.receive("paper", body, headers)
    assert await rooms.stream._process_next()
    (aside,) = await rooms.store.put_aside(limit=5)
    assert (aside.id, aside.error) == (raw.id, "RuntimeError")
    assert list(rooms.alarms) == [ASIDE_ALARM]
    rooms.channel.parse = read  # type: ignore[method-assign]
    assert await rooms.store.replay_raw(raw.id, now=rooms.clock.now())
    assert await rooms.take_in() == 1
    await rooms.answer_due()
    assert [one.text for one in rooms.bot.asked] == ["xin chào"]
    books = await rooms.store.books(now=rooms.clock.now(), grace_ms=1)
    assert (books.events, books.refused, books.problems) == (1, 0, ())
    assert await rooms.store.put_aside(limit=5) == []


class AwayStore:
    """A store whose intake is away until told otherwise; all else is the real one's."""

    def __init__(self, real: SqliteStore) -> None:
        self._real = real
        self.away = True

    def __getattr__(self, name: str):
        return getattr(self._real, name)

    async def put_raw(self, raw: Raw) -> None:
        if self.away:
            raise StoreUnavailable("away")
        await self._real.put_raw(raw)


async def test_deliveries_wait_in_the_spool_while_the_store_is_away(
    store: SqliteStore, clock: FakeClock, tmp_path
) -> None:
    away = AwayStore(store)
    rooms = Rooms(away, clock, tmp_path)
    for n in range(3):
        body, headers = signed({"id": str(n), "from": "An", "text": f"tin {n}"})
        await rooms.stream.receive("paper", body, headers)
    assert rooms.spool.waiting_bytes
    away.away = False
    body, headers = signed({"id": "3", "from": "An", "text": "tin 3"})
    await rooms.stream.receive("paper", body, headers)  # may not overtake those that wait
    again = Rooms(away, clock, tmp_path)  # the hub was restarted meanwhile
    assert await again.spool.drain(store.put_raw) == 4
    assert not again.spool.waiting_bytes
    order = []
    while raw := await store.lease_raw(now=clock.now(), until=clock.now() + 1000):
        intake = await again.stream.process(raw)
        order += [message.text for message in intake.messages]
    assert order == ["tin 0", "tin 1", "tin 2", "tin 3"]


class SlowStore(AwayStore):
    """It would take a delivery in the end, but platforms do not wait so long."""

    def __init__(self, real: SqliteStore) -> None:
        super().__init__(real)
        self.free = asyncio.Event()

    async def put_raw(self, raw: Raw) -> None:
        await self.free.wait()
        await self._real.put_raw(raw)


async def test_a_slow_store_keeps_no_platform_waiting(store: SqliteStore, clock: FakeClock, tmp_path) -> None:
    slow = SlowStore(store)
    rooms = Rooms(slow, clock, tmp_path)
    rooms.stream.store_patience_s = 0.01
    body, headers = signed({"id": "1", "from": "An", "text": "một"})
    raw = await rooms.stream.receive("paper", body, headers)
    assert rooms.spool.waiting_bytes
    slow.free.set()
    await store.put_raw(raw)  # the slow write came through after all
    assert await rooms.spool.drain(slow.put_raw) == 1
    assert await store.lease_raw(now=clock.now(), until=clock.now() + 1000) == raw
    assert await store.lease_raw(now=clock.now(), until=clock.now() + 1000) is None


async def test_nothing_is_acknowledged_when_the_spool_cannot_be_written_either(
    store: SqliteStore, clock: FakeClock, tmp_path
) -> None:
    (tmp_path / "spool").write_text("a file stands where the folder should be")
    rooms = Rooms(AwayStore(store), clock, tmp_path)
    body, headers = signed({"id": "1", "from": "An", "text": "một"})
    with pytest.raises(StoreUnavailable):
        await rooms.stream.receive("paper", body, headers)


async def test_a_torn_line_in_the_spool_is_passed_over(rooms: Rooms, tmp_path) -> None:
    raw = Raw(id="r-1", channel="paper", received_at=1, body=b"\x00\xff", headers={"a": "b"})
    await rooms.spool.put(raw)
    path = tmp_path / "spool" / "deliveries.jsonl"
    path.write_bytes(path.read_bytes() + b'deadbeef {"id": "r-2", "chan')
    drained: list[Raw] = []

    async def keep(found: Raw) -> None:
        drained.append(found)

    assert await rooms.spool.drain(keep) == 1
    assert drained == [raw]


async def test_deliveries_are_taken_while_the_spool_is_drained_slowly(rooms: Rooms) -> None:
    """More at once than there are threads: none may wait for the one that drains."""
    back, drained = asyncio.Event(), []

    async def keep(found: Raw) -> None:
        await back.wait()
        drained.append(found.id)

    def delivery(n: int) -> Raw:
        return Raw(id=f"r-{n}", channel="paper", received_at=n, body=b"x")

    await rooms.spool.put(delivery(0))
    draining = asyncio.create_task(rooms.spool.drain(keep))
    async with asyncio.timeout(30):
        await asyncio.gather(*(rooms.spool.put(delivery(n)) for n in range(1, 100)))
    back.set()
    assert await draining == 100
    assert drained[0] == "r-0"
    assert sorted(drained) == sorted(f"r-{n}" for n in range(100))
    assert not rooms.spool.waiting_bytes
