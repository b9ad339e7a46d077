"""Shared fixtures: a clock that is set by hand, a store on disk, a clean environment."""

import os
from collections.abc import AsyncIterator, Callable, Generator
from pathlib import Path
from typing import Any

import pytest
import uvloop
from playwright.async_api import expect

from hub.store import store_for
from hub.store.sqlite import SqliteStore

expect.set_options(timeout=30_000)  # a busy machine is slow, which is no fault of the page

pytest_plugins = ["tests.rasa_fixture"]  # one Rasa for the whole session


class FakeClock:
    """Time stands still until it is moved."""

    def __init__(self, now: int = 1_795_400_000_000) -> None:
        self._now = now

    def now(self) -> int:
        return self._now

    def forward(self, ms: int) -> None:
        self._now += ms


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """Where everything the tests need can be installed (CI), a skipped test is a failed one."""
    report = yield
    if report.skipped and os.environ.get("CI_NO_SKIP") == "1":
        report.outcome = "failed"
    return report


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], uvloop.Loop]]:
    """The loop that the hub runs on."""
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for key in [key for key in os.environ if key.startswith("HUB_")]:
        monkeypatch.delenv(key)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    store = store_for("", tmp_path)
    assert isinstance(store, SqliteStore)
    await store.open()
    yield store
    await store.close()
