"""Every case of the contract suite runs on every store."""

from collections.abc import AsyncIterator, Callable
from itertools import count
from pathlib import Path
from typing import cast

import pytest

from hub.ports import Store
from hub.store import store_for
from tests.mongo_server import mongodb_uri, mongodb_urls

__all__ = ["mongodb_uri", "mongodb_urls"]

STORES = ("sqlite", "mongodb")


@pytest.fixture(params=STORES)
def fresh_url(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], str]:
    """Makes addresses, each of an empty store."""
    if request.param == "mongodb":
        return cast(Callable[[], str], request.getfixturevalue("mongodb_urls"))
    numbers = count()
    return lambda: f"sqlite:///{tmp_path}/{next(numbers)}.db"


@pytest.fixture
def store_url(fresh_url: Callable[[], str]) -> str:
    return fresh_url()


@pytest.fixture
async def store(store_url: str, tmp_path: Path) -> AsyncIterator[Store]:
    store = store_for(store_url, tmp_path)
    await store.open()
    yield store
    await store.close()
