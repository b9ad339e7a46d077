"""The real Rasa for tests: trained if stale, started on a free port, with the real action endpoint.

One process serves the whole session (``pytest_plugins`` in ``tests/conftest.py``); a test may kill and restart it.
"""

import asyncio
import os
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web

from actions.server import action_app
from bot import model
from bot.client import RasaBot
from bot.knowledge import KnowledgeBase, seed_docs
from hub.model import Ticket
from hub.rasa_child import free_port

SECRET = "only-for-tests"
START_WITHIN_S = 180.0


@dataclass
class RasaServer:
    """A running Rasa. Its actions are called at ``actions_port``, where a test may serve what it likes."""

    port: int
    actions_port: int
    secret: str = SECRET
    log: Path = Path(os.devnull)  # what the process writes
    started_in_s: float = 0.0
    _process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start the process and wait until its model is loaded. Call it from the main thread: the process is
        ended with the thread that started it."""
        argv, env, cwd = model.rasa_command(
            self.port, secret=self.secret, actions_url=f"http://127.0.0.1:{self.actions_port}/actions"
        )
        began = time.monotonic()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                argv, env=env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        while not self.healthy():
            assert self._process.poll() is None, self.log.read_text()[-2000:]
            assert time.monotonic() - began < START_WITHIN_S, "Rasa does not come up"
            time.sleep(0.1)
        self.started_in_s = time.monotonic() - began

    def kill(self, number: int = signal.SIGKILL) -> None:
        assert self._process is not None
        self._process.send_signal(number)
        self._process.wait(15)

    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def healthy(self) -> bool:
        request = urllib.request.Request(  # noqa: S310 - a URL of our own
            f"{self.url}/webhooks/hub/health", headers={"X-Hub-Secret": self.secret}
        )
        try:
            with urllib.request.urlopen(request, timeout=2) as response:  # noqa: S310
                return bool(response.status == 200)
        except (OSError, urllib.error.URLError):
            return False


@dataclass
class TicketShelf:
    """The tickets the bot may look up."""

    tickets: dict[str, Ticket] = field(default_factory=dict)

    async def ticket_by_code(self, code: str) -> Ticket | None:
        return self.tickets.get(code)


@pytest.fixture(scope="session")
def rasa_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RasaServer]:
    """Rasa for the whole session; nothing serves its actions."""
    if not model.environment_ready():
        if not os.environ.get("UV") and shutil.which("uv") is None:
            pytest.skip("uv is not installed, so Rasa's environment cannot be made")
        asyncio.run(model.prepare_environment(print))
    if model.is_stale():
        asyncio.run(model.train(print))
    server = RasaServer(free_port(), free_port(), log=tmp_path_factory.mktemp("rasa") / "rasa.log")
    server.start()
    yield server
    if server.alive():
        server.kill(signal.SIGTERM)


@pytest.fixture(scope="session")
def knowledge() -> KnowledgeBase:
    return KnowledgeBase.build(seed_docs())


@pytest.fixture
def ticket_shelf() -> TicketShelf:
    return TicketShelf()


@pytest.fixture
async def rasa_server(
    rasa_process: RasaServer, knowledge: KnowledgeBase, ticket_shelf: TicketShelf
) -> AsyncIterator[RasaServer]:
    """Rasa with the real actions over the real knowledge base, alive and well."""
    if not rasa_process.alive():
        rasa_process.start()
    runner = web.AppRunner(action_app(lambda: knowledge, ticket_shelf, rasa_process.secret), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", rasa_process.actions_port).start()
    yield rasa_process
    await runner.cleanup()


@pytest.fixture
async def rasa_bot(rasa_server: RasaServer) -> AsyncIterator[RasaBot]:
    bot = RasaBot(rasa_server.secret, timeout_s=20, url=rasa_server.url)
    yield bot
    await bot.close()
