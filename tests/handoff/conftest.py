"""What needs a store runs on every store."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from handoff.casework import Casework
from handoff.rules import product
from hub.ports import Store
from hub.store import store_for
from tests.conftest import FakeClock
from tests.contract.conftest import fresh_url, mongodb_uri, mongodb_urls, store, store_url
from tests.handoff.cases import ms

__all__ = ["fresh_url", "mongodb_uri", "mongodb_urls", "store", "store_url"]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(ms("2026-11-25T08:00"))


@pytest.fixture
def casework(store: Store, clock: FakeClock) -> Casework:
    return Casework(store, clock, product, lambda turn, _: store.commit_turn(turn))


@pytest.fixture
async def elsewhere(store_url: str, clock: FakeClock) -> AsyncIterator[Casework]:
    """Another hub on the same data."""
    store = store_for(store_url, Path())
    await store.open()
    yield Casework(store, clock, product, lambda turn, _: store.commit_turn(turn))
    await store.close()
