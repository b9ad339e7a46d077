"""A turn through the hub beside Rasa's own REST channel, with the same conversations, in one run.

    uv run python -m bench.turn [ROUNDS]

Two Rasa processes with the same model and the same actions: one with the REST channel and the tracker store in memory
that Rasa brings, one as the hub runs it. Each turn of each dialogue is sent first to the one, then to the other. Both
have the hub's repair of Rasa's schema check (``bot/rasa/patches.py``), without which REST is some 15 ms slower per action.
"""

import asyncio
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import yaml
from aiohttp import web
from aiohttp.typedefs import Handler

from actions.server import action_app
from bot import model
from bot.client import RasaBot
from bot.knowledge import KnowledgeBase, seed_docs
from connectors.webchat import WebchatConnector
from hub.clock import SystemClock
from hub.live import LiveHub
from hub.metrics import Metrics
from hub.model import Event, Raw, Ticket
from hub.ports import BotAnswer, Question
from hub.rasa_child import free_port
from hub.store.sqlite import SqliteStore
from hub.turn import TurnWorker

SECRET = "only-for-the-bench"  # noqa: S105 - a name, not a secret
DIALOGUES = Path(__file__).parents[1] / "tests" / "bot" / "dialogues.yml"
REST = "rest:\n"
ENDPOINTS = "action_endpoint:\n  url: ${HUB_ACTIONS_URL}\n  headers:\n    X-Hub-Secret: ${HUB_RASA_SECRET}\n"
START_WITHIN_S = 180

Times = dict[str, list[float]]


class NoTickets:
    async def ticket_by_code(self, code: str) -> Ticket | None:
        return None


class TimedBot(RasaBot):
    """Notes how long each answer took: the HTTP call to Rasa, Rasa itself, and its actions."""

    took_s = 0.0

    async def answer(self, question: Question) -> BotAnswer:
        began = time.perf_counter()
        try:
            return await super().answer(question)
        finally:
            self.took_s = time.perf_counter() - began


class Actions:
    """The hub's action endpoint, with the time spent in it since it was last asked."""

    def __init__(self, knowledge: KnowledgeBase) -> None:
        self.app = action_app(lambda: knowledge, NoTickets(), SECRET)
        self.app.middlewares.append(self._timed)
        self._spent_s = 0.0

    @web.middleware
    async def _timed(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        began = time.perf_counter()
        try:
            return await handler(request)
        finally:
            self._spent_s += time.perf_counter() - began

    def spent_s(self) -> float:
        spent, self._spent_s = self._spent_s, 0.0
        return spent


def start_rasa(port: int, actions_port: int, own: Path | None) -> "subprocess.Popen[bytes]":
    """Rasa as the hub runs it, or with the credentials and endpoints in ``own``."""
    argv, env, cwd = model.rasa_command(
        port, secret=SECRET, actions_url=f"http://127.0.0.1:{actions_port}/actions"
    )
    if own is not None:
        for name in ("credentials", "endpoints"):
            argv[argv.index(f"--{name}") + 1] = str(own / f"{name}.yml")
    return subprocess.Popen(argv, env=env, cwd=cwd, stdin=subprocess.DEVNULL)


async def wait_for(session: aiohttp.ClientSession, url: str, headers: dict[str, str]) -> None:
    deadline = time.monotonic() + START_WITHIN_S
    while time.monotonic() < deadline:
        try:
            async with session.get(url, headers=headers) as response:
                if response.status == 200:
                    return
        except aiohttp.ClientError:
            pass
        await asyncio.sleep(0.3)
    raise TimeoutError(f"{url} does not answer")


async def measure(rounds: int) -> Times:
    dialogues: list[dict[str, Any]] = yaml.safe_load(DIALOGUES.read_text(encoding="utf-8"))
    times: Times = defaultdict(list)
    async with AsyncExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="bench-turn-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        (folder / "credentials.yml").write_text(REST)
        (folder / "endpoints.yml").write_text(ENDPOINTS)
        actions = Actions(KnowledgeBase.build(seed_docs()))
        runner = web.AppRunner(actions.app, access_log=None)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        actions_port, rest_port, hub_port = free_port(), free_port(), free_port()
        await web.TCPSite(runner, "127.0.0.1", actions_port).start()
        for port, own in ((rest_port, folder), (hub_port, None)):
            stack.callback(start_rasa(port, actions_port, own).terminate)
        session = await stack.enter_async_context(aiohttp.ClientSession())
        bot = TimedBot(SECRET, timeout_s=20, url=f"http://127.0.0.1:{hub_port}")
        stack.push_async_callback(bot.close)
        await wait_for(session, f"http://127.0.0.1:{rest_port}/webhooks/rest/", {})
        await wait_for(session, f"{bot.url}/webhooks/hub/health", {"X-Hub-Secret": SECRET})

        store = SqliteStore(folder / "hub.db")
        await store.open()
        stack.push_async_callback(store.close)
        worker = TurnWorker(
            store,
            {"webchat": WebchatConnector()},
            bot,
            LiveHub(),
            SystemClock(),
            Metrics(),
            said=lambda: None,
        )
        for number in range(-1, rounds):  # the first round warms up
            for dialogue in dialogues:
                if any(turn["kind"] in ("emergency", "human") for turn in dialogue["turns"]):
                    continue  # a person takes over, or Rasa is not asked: nothing to compare
                name = f"{dialogue['id']}-{number}"
                for place, turn in enumerate(dialogue["turns"]):
                    found = await one_turn(
                        session, rest_port, store, worker, bot, actions, name, place, turn["text"]
                    )
                    if number >= 0:
                        for what, seconds in found.items():
                            times[what].append(seconds * 1000)
    return times


async def one_turn(
    session: aiohttp.ClientSession,
    rest_port: int,
    store: SqliteStore,
    worker: TurnWorker,
    bot: TimedBot,
    actions: Actions,
    name: str,
    place: int,
    text: str,
) -> dict[str, float]:
    """Seconds by what was done; the hub's turn is skipped where a person has the conversation."""
    found: dict[str, float] = {}
    actions.spent_s()
    began = time.perf_counter()
    async with session.post(
        f"http://127.0.0.1:{rest_port}/webhooks/rest/webhook", json={"sender": name, "message": text}
    ) as response:
        await response.read()
    found["rest"] = time.perf_counter() - began
    found["rest: actions"] = actions.spent_s()

    clock = SystemClock()
    raw = Raw(
        id=f"{name}.{place}", channel="webchat", received_at=clock.now(), body=json.dumps(text).encode()
    )
    event = Event(
        channel="webchat", kind="message", external_id=raw.id, account="web", sender=name, text=text,
        conversation=name,
    )  # fmt: skip
    began = time.perf_counter()
    await store.put_raw(raw)
    await store.take_in(raw, [event], refused=0, error=None, now=clock.now(), due_at=clock.now())
    found["hub: taken in"] = time.perf_counter() - began
    began = time.perf_counter()
    lease = await store.lease_conversation(now=clock.now() + 1, until=clock.now() + 30_000)
    if lease is None:
        return found
    await worker.take_turn(lease)
    found["hub"] = time.perf_counter() - began
    found["hub: bot"] = bot.took_s
    found["hub: actions"] = actions.spent_s()
    found["hub: store and the rest"] = found["hub"] - bot.took_s
    return found


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    if model.is_stale():
        asyncio.run(model.train(print))
    times = asyncio.run(measure(rounds))
    print("| part of a turn | n | median ms | p95 ms |\n|---|---|---|---|")
    for what, all_ms in times.items():
        print(
            f"| {what} | {len(all_ms)} | {statistics.median(all_ms):.1f} | {statistics.quantiles(all_ms, n=20)[-1]:.1f} |"
        )
    rest, hub = statistics.median(times["rest"]), statistics.median(times["hub"])
    mean = statistics.fmean(times["hub"]) / statistics.fmean(times["rest"])
    print(f"\nhub / REST: {hub / rest:.2f} of the medians, {mean:.2f} of the means")


if __name__ == "__main__":
    main()
