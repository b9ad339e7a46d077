"""Fetching what citizens attach: only from public addresses, within limits."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from hub.http import FetchFailed, FetchRefused, MediaFetcher, is_public

BIG = 300_000


async def _photo(_: web.Request) -> web.Response:
    return web.Response(body=b"photo")


async def _big(request: web.Request) -> web.StreamResponse:
    """Larger than allowed, and without saying so beforehand."""
    response = web.StreamResponse()
    await response.prepare(request)
    for _ in range(BIG // 10_000):
        await response.write(b"x" * 10_000)
    return response


async def _inside(_: web.Request) -> web.Response:
    raise web.HTTPFound("http://169.254.169.254/latest/meta-data")


async def _other_door(_: web.Request) -> web.Response:
    raise web.HTTPFound("/photo")


async def _round(_: web.Request) -> web.Response:
    raise web.HTTPFound("/round")


async def _gone(_: web.Request) -> web.Response:
    return web.Response(status=410)


async def _busy(_: web.Request) -> web.Response:
    return web.Response(status=503)


@pytest.fixture
async def platform() -> AsyncIterator[TestServer]:
    app = web.Application()
    for path, handler in (
        ("/photo", _photo), ("/big", _big), ("/inside", _inside), ("/other-door", _other_door),
        ("/round", _round), ("/gone", _gone), ("/busy", _busy),
    ):  # fmt: skip
        app.router.add_get(path, handler)
    async with TestServer(app, host="127.0.0.1") as server:
        yield server


@pytest.fixture
async def fetcher() -> AsyncIterator[MediaFetcher]:
    async with MediaFetcher(private_hosts=("127.0.0.1", "localhost"), max_bytes=100_000) as fetcher:
        yield fetcher


async def test_content_is_fetched_and_redirects_followed(platform: TestServer, fetcher: MediaFetcher) -> None:
    assert await fetcher.fetch(str(platform.make_url("/photo"))) == b"photo"
    assert await fetcher.fetch(str(platform.make_url("/other-door"))) == b"photo"


@pytest.mark.parametrize(
    ("path", "problem"),
    [("/big", "too_big"), ("/inside", "blocked"), ("/round", "blocked"), ("/gone", "gone")],
)
async def test_what_will_never_be_fetched(
    platform: TestServer, fetcher: MediaFetcher, path: str, problem: str
) -> None:
    with pytest.raises(FetchRefused) as refused:
        await fetcher.fetch(str(platform.make_url(path)))
    assert refused.value.problem == problem


async def test_a_busy_platform_is_asked_again_later(platform: TestServer, fetcher: MediaFetcher) -> None:
    with pytest.raises(FetchFailed):
        await fetcher.fetch(str(platform.make_url("/busy")))


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:{port}/photo", "http://localhost:{port}/photo", "http://[::1]:{port}/photo",
        "http://0x7f000001:{port}/photo", "http://2130706433:{port}/photo", "http://0.0.0.0:{port}/photo",
        "http://[::ffff:127.0.0.1]:{port}/photo", "http://169.254.169.254/", "http://10.0.0.1/",
        "http://user:pass@127.0.0.1:{port}/photo", "file:///etc/passwd", "gopher://127.0.0.1/", "//photo", "",
    ],
)  # fmt: skip
async def test_addresses_inside_the_house_are_refused(platform: TestServer, url: str) -> None:
    async with MediaFetcher() as fetcher:
        with pytest.raises(FetchRefused) as refused:
            await fetcher.fetch(url.format(port=platform.port))
    assert refused.value.problem == "blocked"


@pytest.mark.parametrize(
    ("address", "public"),
    [("8.8.8.8", True), ("192.168.1.1", False), ("::1", False), ("fe80::1%eth0", False), ("224.0.0.1", False),
     ("2606:4700::1111", True), ("100.64.0.1", False), ("not an address", False)],
)  # fmt: skip
def test_what_is_public(address: str, public: bool) -> None:
    assert is_public(address) is public
