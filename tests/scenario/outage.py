"""The store goes away under load and comes back: no webhook is lost, none is parsed twice, order is kept.

    uv run python -m tests.scenario.outage --away 60 --rate 20

A hub (pages and workers, with a bot that repeats) on the MongoDB-compatible test server; people keep posting signed
webhooks of a test channel. The server is stopped in the middle, and started again on its file.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from hub import wiring
from hub.ports import ChannelSettings
from hub.settings import Settings
from hub.store import store_for
from hub.wiring import Channel, HubProcess, read_settings
from tests.fakes.bots import ScriptedBot
from tests.fakes.channels import PaperChannel, signed
from tests.mongo_server import MongoServer

SETTLED_WITHIN_S = 180.0
PEOPLE = 10


@dataclass
class Tally:
    answers: dict[int, int] = field(default_factory=dict)  # HTTP status → how often
    slowest_s: float = 0.0
    told: dict[str, list[str]] = field(default_factory=dict)  # person → texts the hub said 200 to

    def note(self, status: int, took_s: float) -> None:
        self.answers[status] = self.answers.get(status, 0) + 1
        self.slowest_s = max(self.slowest_s, took_s)


async def run(
    folder: Path, *, before_s: float, away_s: float, after_s: float, rate: float
) -> tuple[Tally, list[str]]:
    server = MongoServer(folder / "store.mv").start()
    url = f"{server.uri}/outage"
    wiring.CHANNELS["paper"] = Channel(
        ChannelSettings, lambda section, tools: PaperChannel(), lambda body, section: []
    )
    try:
        settings: Settings = read_settings(
            data=folder, store_url=url, port=0, secret_key="outage", reply_pause_ms=0, paper={}
        )
        hub = HubProcess(settings, bot=ScriptedBot())
        await hub.start()
        tally, stop = Tally(), asyncio.Event()
        try:
            async with aiohttp.ClientSession() as http:
                target = f"http://127.0.0.1:{hub.port}/webhooks/paper"
                people = [
                    asyncio.create_task(_keep_writing(http, target, f"p{n}", PEOPLE / rate, tally, stop))
                    for n in range(PEOPLE)
                ]
                await asyncio.sleep(before_s)
                await asyncio.to_thread(server.stop)
                await asyncio.sleep(away_s)
                await asyncio.to_thread(server.start)
                await asyncio.sleep(after_s)
                stop.set()
                await asyncio.gather(*people)
            problems = await _settled(url, folder, hub, tally)
        finally:
            await hub.stop()
    finally:
        wiring.CHANNELS.pop("paper")
        server.stop()
    return tally, problems


async def _keep_writing(
    http: aiohttp.ClientSession, url: str, person: str, every_s: float, tally: Tally, stop: asyncio.Event
) -> None:
    """As a platform does: the next message only after the last was taken, the same again until it is."""
    number = 0
    while not stop.is_set():
        number += 1
        text = f"câu {number}"
        body, headers = signed({"id": f"{person}-{number}", "from": person, "text": text})
        taken = False
        while not taken:
            began = time.monotonic()
            async with http.post(url, data=body, headers=headers) as response:
                tally.note(response.status, time.monotonic() - began)
                taken = response.status == 200
            if not taken:
                await asyncio.sleep(0.2)
        tally.told.setdefault(person, []).append(text)
        await asyncio.sleep(every_s)


async def _settled(url: str, folder: Path, hub: HubProcess, tally: Tally) -> list[str]:
    """Wait until everything is dealt with, then look at every conversation."""
    problems: list[str] = []
    began = time.monotonic()
    while True:
        books = await hub.store.books(now=hub.clock.now(), grace_ms=600_000)
        waiting = books.unparsed + sum(line.waiting for line in books.lines)
        if not waiting and books.events >= sum(len(texts) for texts in tally.told.values()):
            break
        if time.monotonic() - began > SETTLED_WITHIN_S:
            return [f"not settled: {books}"]
        await asyncio.sleep(0.5)
    problems += books.problems
    store = store_for(url, folder)
    await store.open()
    try:
        for conversation, _ in await store.touched_since(0):
            found = await store.conversation(conversation)
            assert found is not None
            said = [m.text for m in await store.messages(conversation, limit=10_000) if m.author == "citizen"]
            if said != tally.told.pop(found.key, None):
                problems.append(f"{found.key}: messages are lost, doubled or out of order")
    finally:
        await store.close()
    return problems + [f"{person}: the conversation is missing" for person in tally.told]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--away", type=float, default=60.0, help="seconds without the store")
    parser.add_argument("--rate", type=float, default=20.0, help="webhooks a second")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        tally, problems = asyncio.run(
            run(Path(name), before_s=5, away_s=given.away, after_s=5, rate=given.rate)
        )
    sys.stdout.write(f"answers {tally.answers}, slowest {tally.slowest_s:.2f} s\n")
    for problem in problems:
        sys.stdout.write(f"PROBLEM: {problem}\n")
    sys.exit(1 if problems else 0)
