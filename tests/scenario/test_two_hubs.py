"""Several hubs on one store: each sees what the others do, and they can be restarted one after the other."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from hub.store import store_for
from hub.wiring import HubProcess, read_settings
from tests.contract.conftest import fresh_url, mongodb_uri, mongodb_urls, store_url
from tests.fakes.bots import ScriptedBot
from tests.scenario.talk import Talk

__all__ = ["fresh_url", "mongodb_uri", "mongodb_urls", "store_url"]

IN_TIME_S = 30  # generous: the machine may be busy


def hub(url: str, data: Path, bot: ScriptedBot, **roles: bool) -> HubProcess:
    settings = read_settings(data=data, store_url=url, port=0, secret_key="two-hubs", reply_pause_ms=0)
    return HubProcess(settings, bot=bot, **{"pages": False, "work": False, "mail": False} | roles)


@asynccontextmanager
async def running(process: HubProcess) -> AsyncIterator[HubProcess]:
    await process.start()
    try:
        yield process
    finally:
        await process.stop()


def page(process: HubProcess) -> Talk:
    return Talk(f"http://127.0.0.1:{process.port}")


async def test_a_page_on_one_hub_shows_what_another_hub_did(store_url: str, tmp_path: Path) -> None:
    bot = ScriptedBot()
    async with (
        running(hub(store_url, tmp_path / "a", bot, pages=True)) as first,
        running(hub(store_url, tmp_path / "b", bot, work=True)),
        page(first) as talk,
    ):
        assert await talk.ask("xin chào") == "[1] xin chào"


async def test_a_rolling_restart_of_the_workers_loses_and_repeats_nothing(
    store_url: str, tmp_path: Path
) -> None:
    bot = ScriptedBot()
    new: Callable[[int], HubProcess] = lambda n: hub(store_url, tmp_path / f"w{n}", bot, work=True)  # noqa: E731
    async with running(hub(store_url, tmp_path / "pages", bot, pages=True)) as pages, page(pages) as talk:
        workers = [new(0), new(1)]
        for worker in workers:
            await worker.start()
        bot.gate.clear()  # a turn is under way while its worker is told to stop
        await talk.say("câu 1")
        async with asyncio.timeout(IN_TIME_S):
            await bot.thinking.wait()
        stopping = [asyncio.create_task(worker.drain()) for worker in workers]
        bot.gate.set()
        await asyncio.gather(*stopping)
        assert await talk.answer() == ["[1] câu 1"]  # it was finished, not dropped
        for worker in workers:
            await worker.stop()
        asking = asyncio.create_task(talk.ask("câu 2"))  # nobody works now: it waits
        async with running(new(2)):
            assert await asking == "[2] câu 2"
    assert [question.text for question in bot.asked] == ["câu 1", "câu 2"]
    store = store_for(store_url, tmp_path)
    await store.open()
    try:
        books = await store.books(now=1_895_400_000_000, grace_ms=1)
        assert books.problems == ()
        assert sum(line.answered for line in books.lines) == 2
    finally:
        await store.close()


@pytest.mark.parametrize("role", ["pages", "work", "mail"])
async def test_every_role_starts_and_stops_by_itself(role: str, tmp_path: Path) -> None:
    async with running(hub(f"sqlite:///{tmp_path}/hub.db", tmp_path, ScriptedBot(), **{role: True})):
        pass
