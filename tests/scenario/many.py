"""Several hubs and workers on one store, killed one after the other while many citizens write.

    uv run python -m tests.scenario.many --store sqlite --hubs 3 --workers 2 --conversations 500 --messages 10 --kills 30

Citizens number their messages, send some of them twice, do not wait for answers, and come back through another hub when
theirs dies. At the end every message must be there once, in its citizen's order, and dealt with; the books must balance.
The real Rasa runs beside them, with its actions served by this driver, so that only hubs and workers die.
"""

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
import uuid
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from connectors.webchat import client_id
from hub.errors import StartupError
from hub.store import store_for
from tests.scenario.crash import QUESTIONS
from tests.scenario.fleet import kill_again_and_again, own_rasa, settled
from tests.scenario.processes import HubUnderTest

DUPLICATES = 0.1
SENT_WITHIN_S = 600.0


@dataclass
class Writer:
    """A page that writes ``texts`` in order, each until it is acknowledged."""

    hubs: list[HubUnderTest]
    texts: list[str]
    rng: random.Random
    token: str | None = None
    frames: list[dict[str, str]] = field(init=False)
    done: int = 0

    def __post_init__(self) -> None:
        self.frames = [{"type": "message", "id": str(uuid.uuid4()), "text": text} for text in self.texts]

    async def write(self, http: aiohttp.ClientSession) -> None:
        async with asyncio.timeout(SENT_WITHIN_S):
            while self.done < len(self.frames):
                url = self.rng.choice(self.hubs).url
                with suppress(aiohttp.ClientError, ConnectionError, TimeoutError):
                    async with http.ws_connect(f"{url}/chat/ws", origin=url) as ws:
                        await self._write_to(ws)
                await asyncio.sleep(self.rng.uniform(0.1, 0.5))

    async def _write_to(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        await ws.send_json({"type": "hello", "token": self.token, "last_seq": 0})
        await self._send(ws)
        async for message in ws:
            said = json.loads(message.data)
            if said["type"] == "welcome":
                self.token = said["token"]
            elif said["type"] == "ack" and said["id"] == self.frames[self.done]["id"]:
                self.done += 1
                if self.done == len(self.frames):
                    return
                await self._send(ws)
            elif said["type"] == "nack":
                await asyncio.sleep(0.5)
                await self._send(ws)

    async def _send(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        await ws.send_json(self.frames[self.done])
        if self.rng.random() < DUPLICATES:
            await ws.send_json(self.frames[self.done])


@dataclass
class Outcome:
    sent: int
    kills: int
    seconds: float
    reconcile: str
    problems: list[str]


async def run(
    store_url: str,
    data: Path,
    *,
    hubs: int,
    workers: int,
    conversations: int,
    messages: int,
    kills: int,
    seed: int,
) -> Outcome:
    rng = random.Random(seed)
    began = time.monotonic()
    async with AsyncExitStack() as cleanup:
        rasa = await own_rasa(cleanup, "many-hubs")
        settings = {
            "HUB_STORE_URL": store_url, "HUB_SECRET_KEY": "many-hubs", "HUB_RASA_URL": rasa.url,
            "HUB_RASA_SECRET": "many-hubs", "HUB_REPLY_PAUSE_MS": "0", "HUB_LOG_LEVEL": "ERROR",
        }  # fmt: skip
        pages = [HubUnderTest(data, settings, role="serve") for _ in range(hubs)]
        hands = [HubUnderTest(data, settings, role="worker") for _ in range(workers)]
        for process in (*pages, *hands):
            cleanup.push_async_callback(process.end_anyhow)
            await process.start()
        writers = [
            Writer(pages, [rng.choice(QUESTIONS) for _ in range(messages)], random.Random(seed + n))
            for n in range(conversations)
        ]
        http = await cleanup.enter_async_context(
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        )
        writing = asyncio.gather(*(writer.write(http) for writer in writers))
        killing = asyncio.create_task(kill_again_and_again([*pages, *hands], kills, rng))
        await writing
        await killing
        balanced, books = await settled(data, store_url)
    problems = [] if balanced else ["the books do not balance, or messages still wait"]
    problems += await _check(store_url, data, writers)
    return Outcome(conversations * messages, kills, time.monotonic() - began, books, problems)


async def _check(store_url: str, data: Path, writers: list[Writer]) -> list[str]:
    """Each conversation: every message once, in order; and no turn's answer twice."""
    store = store_for(store_url, data)
    await store.open()
    problems, answers = [], 0
    expected = {writer.frames[0]["id"]: [frame["id"] for frame in writer.frames] for writer in writers}
    try:
        for conversation, _ in await store.touched_since(0):
            lines = await store.messages(conversation, limit=10_000)
            said = [client_id(line.external_id or "") for line in lines if line.author == "citizen"]
            if said != expected.pop(said[0], None):
                problems.append(f"{conversation}: messages are lost, doubled or out of order")
            turns = [line.turn for line in lines if line.author == "citizen"]
            if None in turns:
                problems.append(f"{conversation}: a message was dealt with by no turn")
            answered = {line.turn for line in lines if line.author == "bot"}
            if not answered <= set(turns):
                problems.append(f"{conversation}: an answer belongs to no message")
            answers += len(answered)
    finally:
        await store.close()
    if expected:
        problems.append(f"{len(expected)} conversations are missing")
    sys.stdout.write(f"{answers} answers\n")
    return problems


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", default="sqlite", help="sqlite, or a mongodb:// address")
    for name, default in (
        ("hubs", 3),
        ("workers", 2),
        ("conversations", 500),
        ("messages", 10),
        ("kills", 30),
    ):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--seed", type=int, default=1)
    given = vars(parser.parse_args())
    with tempfile.TemporaryDirectory() as folder:
        url = given.pop("store")
        try:
            outcome = asyncio.run(
                run(f"sqlite:///{folder}/hub.db" if url == "sqlite" else url, Path(folder), **given)
            )
        except StartupError as error:
            sys.exit(f"many hubs: {error}")
    sys.stdout.write(outcome.reconcile)
    sys.stdout.write(f"{outcome.sent} messages, {outcome.kills} kills, {outcome.seconds:.0f} s\n")
    for problem in outcome.problems:
        sys.stdout.write(f"PROBLEM: {problem}\n")
    sys.exit(1 if outcome.problems else 0)
