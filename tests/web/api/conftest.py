from collections.abc import AsyncIterator
from functools import cache
from pathlib import Path

import pytest

from bot.knowledge import KnowledgeBase, seed_docs
from connectors.api import ApiConnector
from hub.store.sqlite import SqliteStore
from tests.conftest import FakeClock
from tests.fakes.channels import PaperChannel
from tests.web.console_hub import ConsoleHub, console_hub


@cache
def knowledge() -> KnowledgeBase:
    return KnowledgeBase.build(seed_docs())


@pytest.fixture
async def hub(store: SqliteStore, clock: FakeClock, tmp_path: Path) -> AsyncIterator[ConsoleHub]:
    connectors = {"api": ApiConnector(), "webchat": PaperChannel(name="webchat")}
    async with console_hub(store, clock, tmp_path, connectors=connectors, knowledge=knowledge()) as running:
        yield running
