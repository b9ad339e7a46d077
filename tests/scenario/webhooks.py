"""Ten thousand signed webhooks in random order, some of them twice, while the hub is killed again and again.

    uv run python -m tests.scenario.webhooks --webhooks 10000 --kills 60

Zalo is played by a local server that enforces its rules; it repeats a delivery until it hears 200, and delivers an
echo and a receipt of everything that it is sent. ``hub serve`` and ``hub worker`` run as processes of their own beside a real
Rasa. At the end every message must be there once and be dealt with, and the platform must have been given every
reply at most once.
"""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from hub.clock import SystemClock
from hub.errors import StartupError
from hub.store import store_for
from tests.fakes.zalo import APP_ID, OA_ID, OA_SECRET_KEY, FakeZalo, fake_zalo, signed
from tests.scenario.crash import QUESTIONS
from tests.scenario.fleet import kill_again_and_again, own_rasa, settled
from tests.scenario.processes import HubUnderTest

DUPLICATES = 0.1
AT_ONCE = 32  # deliveries under way
MESSAGES_EACH = 3  # of one citizen


@dataclass
class Platform:
    """Delivers as Zalo would: anything, in any order, again until it is taken."""

    http: aiohttp.ClientSession
    url: str
    zalo: FakeZalo
    delivered: int = 0
    tries: int = 0
    follow_ups: asyncio.Queue[dict[str, Any]] = field(default_factory=asyncio.Queue)

    async def deliver(self, event: dict[str, Any]) -> dict[str, Any]:
        """In place of the played platform's own: what it is sent is echoed later, not in the middle of the call."""
        self.follow_ups.put_nowait(event)
        return event

    async def keep_following_up(self) -> None:
        while True:
            await self.push(await self.follow_ups.get())
            self.follow_ups.task_done()

    async def push(self, event: dict[str, Any]) -> None:
        body, headers = signed(event)
        while True:
            self.tries += 1
            try:
                async with self.http.post(self.url, data=body, headers=headers) as answer:
                    if answer.status == 200:
                        self.delivered += 1
                        return
            except (aiohttp.ClientError, ConnectionError):
                pass
            await asyncio.sleep(0.2)

    async def push_all(self, events: Sequence[dict[str, Any]]) -> None:
        left = iter(events)

        async def push_next() -> None:
            for event in left:
                await self.push(event)

        await asyncio.gather(*(push_next() for _ in range(AT_ONCE)))


@dataclass
class Result:
    webhooks: int
    messages: int
    kills: int
    seconds: float
    tries: int = 0
    replies: int = 0
    books: str = ""
    problems: list[str] = field(default_factory=list)


def messages_of(citizens: int, messages: int, now: int, rng: random.Random) -> list[dict[str, Any]]:
    return [
        {
            "app_id": APP_ID, "event_name": "user_send_text", "sender": {"id": str(700_000_000_000 + n % citizens)},
            "recipient": {"id": OA_ID}, "timestamp": str(now + n),
            "message": {"text": rng.choice(QUESTIONS), "msg_id": f"w{n}"},
        }
        for n in range(messages)
    ]  # fmt: skip


async def run(
    data: Path,
    *,
    rasa_url: str,
    rasa_secret: str,
    actions_port: int | None = None,
    webhooks: int,
    kills: int,
    seed: int,
    store_url: str = "",
) -> Result:
    """Deliver ``webhooks`` messages (a tenth of them for the second time) and look at what became of them.

    ``actions_port``: where the worker has to serve this Rasa's actions; None if somebody else does."""
    rng, began = random.Random(seed), time.monotonic()
    store_url = store_url or f"sqlite:///{data}/hub.db"
    async with AsyncExitStack() as cleanup:
        http = await cleanup.enter_async_context(aiohttp.ClientSession())
        zalo = await cleanup.enter_async_context(fake_zalo(SystemClock(), http))
        zalo.per_minute = 10**9  # the limit has its own tests
        settings = {
            "HUB_STORE_URL": store_url, "HUB_SECRET_KEY": "webhooks", "HUB_RASA_URL": rasa_url,
            "HUB_RASA_SECRET": rasa_secret, "HUB_REPLY_PAUSE_MS": "0", "HUB_LOG_LEVEL": "ERROR",
            "HUB_ZALO__APP_ID": APP_ID, "HUB_ZALO__APP_SECRET": "app-secret", "HUB_ZALO__OA_ID": OA_ID,
            "HUB_ZALO__OA_SECRET_KEY": OA_SECRET_KEY, "HUB_ZALO__ACCESS_TOKEN": zalo.access,
            "HUB_ZALO__REFRESH_TOKEN": zalo.refresh, "HUB_ZALO__API_BASE": zalo.base, "HUB_ZALO__OAUTH_BASE": zalo.base,
        }  # fmt: skip
        if actions_port is not None:
            settings["HUB_ACTIONS_PORT"] = str(actions_port)
        serve, worker = (HubUnderTest(data, settings, role=role) for role in ("serve", "worker"))
        for process in (serve, worker):
            cleanup.push_async_callback(process.end_anyhow)
            await process.start()
        platform = Platform(http, f"{serve.url}/webhooks/zalo", zalo)
        zalo.webhook, zalo.deliver = platform.url, platform.deliver  # type: ignore[method-assign]
        following = [asyncio.create_task(platform.keep_following_up()) for _ in range(4)]
        duplicates = int(webhooks * DUPLICATES)
        said = messages_of(
            max(1, webhooks // MESSAGES_EACH), webhooks - duplicates, zalo.clock.now() - webhooks, rng
        )
        for event in said:
            zalo.interacted[event["sender"]["id"]] = zalo.clock.now()
        events = said + rng.sample(said, duplicates)
        rng.shuffle(events)
        killing = asyncio.create_task(kill_again_and_again([serve, worker], kills, rng))
        await platform.push_all(events)
        await killing
        balanced, books = await settled(data, store_url)
        await platform.follow_ups.join()
        for task in following:
            task.cancel()
        result = Result(len(events), len(said), kills, 0, platform.tries, len(zalo.sent), books)
    result.seconds = time.monotonic() - began
    result.problems += [] if balanced else ["the books do not balance, or messages still wait"]
    result.problems += await _check(store_url, data, said, zalo)
    return result


async def _check(store_url: str, data: Path, said: list[dict[str, Any]], zalo: FakeZalo) -> list[str]:
    problems = []
    expected = Counter(event["message"]["msg_id"] for event in said)
    given = {sent["message_id"]: sent["user"] for sent in zalo.sent}
    claimed: Counter[str] = Counter()
    store = store_for(store_url, data)
    await store.open()
    try:
        for id_, _ in await store.touched_since(0):
            conversation = await store.conversation(id_)
            assert conversation is not None
            lines = await store.messages(id_, limit=10_000)
            theirs = [line for line in lines if line.author == "citizen"]
            expected.subtract(line.external_id for line in theirs if line.external_id)
            problems += [f"{line.id} was dealt with by no turn" for line in theirs if line.outcome is None]
            answers = [line for line in lines if line.author == "bot"]
            for line in answers:
                if line.external_id is not None:
                    claimed[line.external_id] += 1
            sent_here = sum(user == conversation.sender for user in given.values()) if answers else 0
            if sent_here > len(answers):
                problems.append(
                    f"{conversation.key} was given {sent_here} replies, {len(answers)} were decided"
                )
    finally:
        await store.close()
    problems += [f"{name} is {'lost' if n > 0 else 'doubled'}" for name, n in expected.items() if n]
    problems += [f"{name}: one sent message stands for {n} replies" for name, n in claimed.items() if n > 1]
    problems += [
        f"{name} is in the store, but the platform never got it" for name in claimed if name not in given
    ]
    return problems


async def _alone(store_url: str, webhooks: int, kills: int, seed: int) -> Result:
    with tempfile.TemporaryDirectory() as folder:
        async with AsyncExitStack() as cleanup:
            rasa = await own_rasa(cleanup, "webhooks")
            return await run(
                Path(folder), rasa_url=rasa.url, rasa_secret="webhooks", webhooks=webhooks, kills=kills,
                seed=seed, store_url=store_url,
            )  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", default="", help="a mongodb:// address; default: a new SQLite file")
    for name, default in (("webhooks", 10_000), ("kills", 60), ("seed", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    given = parser.parse_args()
    try:
        result = asyncio.run(_alone(given.store, given.webhooks, given.kills, given.seed))
    except StartupError as error:
        sys.exit(f"webhooks: {error}")
    sys.stdout.write(result.books)
    sys.stdout.write(
        f"{result.webhooks} webhooks ({result.messages} messages, {result.tries} tries), {result.replies} replies,"
        f" {result.kills} kills, {result.seconds:.0f} s\n"
    )
    for problem in result.problems:
        sys.stdout.write(f"PROBLEM: {problem}\n")
    sys.exit(1 if result.problems else 0)
