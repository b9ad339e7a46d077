"""What only the MongoDB store has: a server that can be away, an address, indexes, a schema that moves on."""

import asyncio
import gc
import struct
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import bson
import pytest
from pymongo import MongoClient

from hub.errors import SettingsError, StoreError, StoreTooNew, StoreUnavailable
from hub.ports import Store
from hub.store import store_for
from hub.store.mongo.database import MIGRATIONS, Database
from tests.conftest import FakeClock
from tests.contract.builders import T0, arrive, event, raw
from tests.fakes.channels import signed
from tests.hub.rooms import Rooms
from tests.mongo_server import MongoServer, need_java


@pytest.fixture
def url(mongodb_urls: Callable[[], str]) -> str:
    return mongodb_urls()


@pytest.fixture
def database(url: str) -> Iterator[Any]:
    """The database behind ``url``, seen past the hub."""
    with MongoClient[dict[str, Any]](url) as client:
        yield client.get_default_database()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[MongoServer]:
    """A server of one test's own, with its data in a file."""
    need_java()
    server = MongoServer(tmp_path / "mongo.mv").start()
    yield server
    server.stop()
    gc.collect()  # sockets that the driver dropped are found while their warning is expected


async def open_and_close(url: str) -> None:
    store = store_for(url, Path())
    await store.open()
    await store.close()


async def back(store: Store) -> None:
    """Wait until the store has found its server again."""
    for _ in range(60):
        try:
            return await store.ping()
        except StoreUnavailable:  # it waited a second for the server
            continue
    raise AssertionError("the store did not find its server again")


# ---- the server


async def test_a_server_that_is_away_is_one_clear_line() -> None:
    with pytest.raises(StoreUnavailable, match=r"^MongoDB is away: 127\.0\.0\.1:1\b[^\n]+$") as error:
        await open_and_close("mongodb://hub:very-secret@127.0.0.1:1/hub")
    assert "very-secret" not in str(error.value)


#: The driver leaves a connection it was just making, when the server goes, to the garbage collector.
drops_sockets = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")


@drops_sockets
async def test_the_store_works_again_when_its_server_is_back(server: MongoServer) -> None:
    store = store_for(f"{server.uri}/hub", Path())
    await store.open()
    (message,) = await arrive(store, event("a"))
    server.stop()
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            await store.put_raw(raw("r-2"))
        with pytest.raises(StoreUnavailable):
            await store.ping()
    server.start()
    await back(store)
    assert await store.messages(message.conversation) == [message]
    await store.close()


@drops_sockets
async def test_deliveries_are_spooled_while_the_server_is_away_and_drained_in_order(
    server: MongoServer, clock: FakeClock, tmp_path: Path
) -> None:
    store = store_for(f"{server.uri}/hub", tmp_path)
    await store.open()
    rooms = Rooms(store, clock, tmp_path)

    async def receive(n: int) -> None:
        clock.forward(1)
        await rooms.stream.receive("paper", *signed({"id": str(n), "from": "An", "text": f"câu {n}"}))

    for n in range(5):
        await receive(n)
    server.stop()
    for n in range(5, 60):
        await receive(n)
    server.start()
    await back(store)
    await rooms.spool.drain(store.put_raw)
    while delivery := await store.lease_raw(now=clock.now(), until=clock.now() + 30_000):
        await rooms.stream.process(delivery)
    ((conversation, _),) = await store.touched_since(0)
    assert [m.text for m in await store.messages(conversation)] == [f"câu {n}" for n in range(60)]
    assert not (await store.books(now=clock.now(), grace_ms=60_000)).problems
    await store.close()


@asynccontextmanager
async def refusing_server(answer: Callable[[str], dict[str, Any]]) -> AsyncIterator[str]:
    """A server that speaks just enough of the protocol to refuse; ``answer`` is by command."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                length, request, _, opcode = struct.unpack("<iiii", await reader.readexactly(16))
                body = await reader.readexactly(length - 16)
                if opcode == 2013:
                    asked = bson.decode(body[5 : 5 + int.from_bytes(body[5:9], "little")])
                    reply = b"\0\0\0\0\0" + bson.encode(answer(next(iter(asked))))
                else:  # OP_QUERY, the first greeting
                    opcode = 1
                    document = bson.encode(answer("hello"))
                    reply = struct.pack("<iqii", 8, 0, 0, 1) + document
                writer.write(struct.pack("<iiii", 16 + len(reply), 1, request, opcode) + reply)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()


def greeting(wire: int) -> dict[str, Any]:
    return {
        "ok": 1, "helloOk": True, "isWritablePrimary": True, "ismaster": True, "minWireVersion": 0,
        "maxWireVersion": wire, "maxBsonObjectSize": 2**24, "maxMessageSizeBytes": 48_000_000,
        "maxWriteBatchSize": 100_000,
    }  # fmt: skip


async def test_a_server_that_is_too_old_is_one_clear_line() -> None:
    async with refusing_server(lambda _: greeting(wire=6)) as address:
        with pytest.raises(StoreUnavailable, match="too old"):
            await open_and_close(f"mongodb://{address}/hub")


@pytest.mark.parametrize("code", [13, 18])
async def test_a_server_that_refuses_the_hub_is_one_clear_line(code: int) -> None:
    def answer(command: str) -> dict[str, Any]:
        if command in ("hello", "ismaster", "isMaster"):
            return greeting(wire=13)
        return {"ok": 0, "code": code, "errmsg": "no"}

    async with refusing_server(answer) as address:
        with pytest.raises(StoreUnavailable, match="check user, password and authSource") as error:
            await open_and_close(f"mongodb://hub:very-secret@{address}/hub?authMechanism=SCRAM-SHA-256")
    assert "very-secret" not in str(error.value)


@pytest.mark.parametrize(
    "bad", ["mongodb://", "mongodb://host:port/hub", "mongodb://a,b/hub?directConnection=true"]
)
async def test_a_wrong_address_is_a_setting_to_mend(bad: str) -> None:
    with pytest.raises(SettingsError, match="store_url"):
        await open_and_close(bad)


async def test_a_database_need_not_be_named(mongodb_uri: str) -> None:
    database = Database(mongodb_uri)
    await database.open()
    assert database["meta"].full_name.endswith(".meta")
    await database.close()


# ---- indexes and schema


async def test_an_index_that_is_another_says_how_to_mend_it(url: str, database: Any) -> None:
    database["messages"].create_index("seq", name="place")
    with pytest.raises(StoreError, match=r'db\.messages\.dropIndex\("place"\)'):
        await open_and_close(url)
    database["messages"].drop_index("place")
    await open_and_close(url)
    assert database["messages"].index_information()["place"]["unique"]


async def test_what_is_doubled_already_cannot_get_its_index(url: str, database: Any) -> None:
    database["tickets"].insert_many([{"_id": n, "code": "1022-2026-000001"} for n in range(2)])
    with pytest.raises(StoreError, match=r"index code of .*tickets"):
        await open_and_close(url)


async def test_a_newer_schema_is_left_alone(url: str, database: Any) -> None:
    database["meta"].insert_one({"_id": "schema", "version": 99})
    with pytest.raises(StoreTooNew, match="run the newer hub"):
        await open_and_close(url)
    assert "raw" not in database.list_collection_names()


async def test_migrations_run_once_in_order_and_go_on_where_they_stopped(url: str, database: Any) -> None:
    ran: list[int] = []

    def step(number: int, fails: bool = False) -> Any:
        async def migrate(_: Any) -> None:
            ran.append(number)
            if fails:
                raise RuntimeError

        return migrate

    async def open_with(*steps: Any) -> None:
        migrating = Database(url, steps)
        await migrating.open()
        await migrating.close()

    await open_with()
    with pytest.raises(RuntimeError):
        await open_with(step(1), step(2, fails=True), step(3))
    await open_with(step(1), step(2), step(3))
    await open_with(step(1), step(2), step(3))
    assert ran == [1, 2, 2, 3]
    assert database["meta"].find_one({"_id": "schema"})["version"] == 4


async def test_a_new_database_starts_with_the_newest_schema(url: str, database: Any) -> None:
    store: Store = store_for(url, Path())
    await store.open()
    await store.put_raw(raw("r-1", at=T0))
    await store.close()
    assert database["meta"].find_one({"_id": "schema"})["version"] == 1 + len(MIGRATIONS)
