"""Attachments: fetched once, kept as blobs, or it is said why not."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from hub.http import MediaFetcher
from hub.live import LiveHub
from hub.media import ATTEMPTS, MediaWorker, sniffed
from hub.model import Attachment
from hub.ports import Media
from hub.store.sqlite import SqliteStore
from tests.conftest import FakeClock
from tests.fakes.channels import signed
from tests.hub.rooms import Rooms

PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 40


@pytest.fixture
def rooms(store: SqliteStore, clock: FakeClock, tmp_path) -> Rooms:
    return Rooms(store, clock, tmp_path)


@pytest.fixture
async def media(rooms: Rooms) -> AsyncIterator[MediaWorker]:
    async with MediaFetcher(private_hosts=("127.0.0.1",)) as fetcher:
        yield MediaWorker(rooms.store, {"paper": rooms.channel}, fetcher, LiveHub(), rooms.clock)


@pytest.fixture
async def platform() -> AsyncIterator[TestServer]:
    answers = [503]

    async def photo(_: web.Request) -> web.Response:
        return web.Response(body=PNG, content_type="text/html")

    async def away_once(_: web.Request) -> web.Response:
        return web.Response(status=answers.pop()) if answers else web.Response(body=PNG)

    async def away(_: web.Request) -> web.Response:
        return web.Response(status=503)

    async def program(_: web.Request) -> web.Response:
        return web.Response(body=b"MZ\x90\x00", content_type="image/png")

    app = web.Application()
    for path, handler in (("/p", photo), ("/once", away_once), ("/away", away), ("/program", program)):
        app.router.add_get(path, handler)
    async with TestServer(app, host="127.0.0.1") as server:
        yield server


async def sent(rooms: Rooms, **attachment: object) -> str:
    """A message with one attachment arrives; its id."""
    body, headers = signed({"id": "1", "from": "An", "attachments": [{"type": "image", **attachment}]})
    intake = await rooms.stream.process(await rooms.stream.receive("paper", body, headers))
    return intake.messages[0].id


async def attachment_of(rooms: Rooms, message: str) -> Attachment:
    found = await rooms.store.message(message)
    assert found is not None
    return found.attachments[0]


async def test_a_photo_is_kept_as_what_it_is_not_as_what_is_declared(
    rooms: Rooms, media: MediaWorker, platform: TestServer
) -> None:
    message = await sent(rooms, url=str(platform.make_url("/p")))
    assert await media.fetch_next()
    kept = await attachment_of(rooms, message)
    assert (kept.media_type, kept.size) == ("image/png", len(PNG))
    blob = await rooms.store.blob(kept.blob or "")
    assert blob is not None
    assert blob.data == PNG
    assert not await media.fetch_next()


async def test_what_is_inside_the_delivery_needs_no_fetching(rooms: Rooms, media: MediaWorker) -> None:
    rooms.channel.parts = {"1.2": Media(data="Kính gửi".encode(), name="đơn.txt")}
    message = await sent(rooms, part="1.2")
    await media.fetch_next()
    kept = await attachment_of(rooms, message)
    assert (kept.name, kept.media_type, kept.size) == ("đơn.txt", "text/plain", 11)


async def test_a_platform_that_is_away_is_asked_again(
    rooms: Rooms, media: MediaWorker, platform: TestServer
) -> None:
    message = await sent(rooms, url=str(platform.make_url("/once")))
    await media.fetch_next()
    assert (await attachment_of(rooms, message)).wanted
    assert not await media.fetch_next()
    rooms.clock.forward(10_000)
    await media.fetch_next()
    assert (await attachment_of(rooms, message)).blob


async def test_in_the_end_it_is_said_that_there_is_nothing(
    rooms: Rooms, media: MediaWorker, platform: TestServer
) -> None:
    message = await sent(rooms, url=str(platform.make_url("/away")))
    for _ in range(ATTEMPTS):
        assert await media.fetch_next()
        rooms.clock.forward(3_600_000)
    assert (await attachment_of(rooms, message)).problem == "gone"
    assert not await media.fetch_next()


async def test_programs_and_addresses_inside_the_house_are_not_kept(
    rooms: Rooms, media: MediaWorker, platform: TestServer
) -> None:
    message = await sent(rooms, url=str(platform.make_url("/program")))
    await media.fetch_next()
    assert (await attachment_of(rooms, message)).problem == "type"
    body, headers = signed(
        {"id": "2", "from": "An", "attachments": [{"type": "image", "url": "http://169.254.169.254/"}]}
    )
    intake = await rooms.stream.process(await rooms.stream.receive("paper", body, headers))
    await media.fetch_next()
    assert (await attachment_of(rooms, intake.messages[0].id)).problem == "blocked"


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (PNG, "image/png"), (b"%PDF-1.7\n", "application/pdf"), ("xin chào".encode(), "text/plain"),
        (("a" + "ế" * 5000).encode(), "text/plain"), (b"\x00\x01\x02", "application/octet-stream"),
        (b"\xff\xfe\x41", "application/octet-stream"), (b"", "text/plain"),
    ],
)  # fmt: skip
def test_what_a_file_is_shows_in_its_content(data: bytes, kind: str) -> None:
    assert sniffed(data) == kind
