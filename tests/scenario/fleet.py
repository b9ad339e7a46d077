"""What the long runs share: a Rasa of their own, processes that are killed again and again, and the end of it all."""

import asyncio
import json
import random
import time
from contextlib import AsyncExitStack
from pathlib import Path

from actions.server import action_app
from bot import model
from bot.knowledge import KnowledgeBase, seed_docs
from hub.rasa_child import RasaChild, free_port
from hub.wiring import serve
from tests.rasa_fixture import TicketShelf
from tests.scenario.processes import HubUnderTest, hub_command

KILL_EVERY_S = 2.0
SETTLED_WITHIN_S = 300.0


async def own_rasa(cleanup: AsyncExitStack, secret: str) -> RasaChild:
    """A real Rasa with its actions served by this process, so that only the hub dies."""
    if not model.environment_ready():
        await model.prepare_environment(print)
    if model.is_stale():
        await model.train(print)
    knowledge = KnowledgeBase.build(seed_docs())
    port = await serve(action_app(lambda: knowledge, TicketShelf(), secret), "127.0.0.1", 0, cleanup)
    rasa_port = free_port()
    argv, env, cwd = model.rasa_command(
        rasa_port, secret=secret, actions_url=f"http://127.0.0.1:{port}/actions"
    )
    child = RasaChild(argv, env, cwd, port=rasa_port, died=lambda: None)
    child.start()
    cleanup.push_async_callback(child.stop)
    return child


async def kill_again_and_again(processes: list[HubUnderTest], kills: int, rng: random.Random) -> None:
    """One after the other; each comes back by itself while the next ones die."""
    coming_back: dict[int, asyncio.Task[None]] = {}
    for _ in range(kills):
        await asyncio.sleep(KILL_EVERY_S)
        if len(coming_back) == len(processes):  # on a small machine they may die faster than they start
            await asyncio.wait(coming_back.values(), return_when=asyncio.FIRST_COMPLETED)
        alive = [n for n in range(len(processes)) if n not in coming_back or coming_back[n].done()]
        victim = rng.choice(alive)
        await processes[victim].kill()
        coming_back[victim] = asyncio.create_task(processes[victim].start())
    await asyncio.gather(*coming_back.values())


async def settled(data: Path, store_url: str) -> tuple[bool, str]:
    """Wait until nothing waits any more, deliveries that a killed hub left unparsed included; whether the books
    balance, and what they say."""
    began = time.monotonic()
    while True:
        code, books = await hub_command("reconcile", "--json", data=data, HUB_STORE_URL=store_url)
        lines = [json.loads(line) for line in books.splitlines()]
        waits = any(line.get("waiting") or line.get("unparsed") for line in lines)
        if not waits or time.monotonic() > began + SETTLED_WITHIN_S:
            return code == 0 and not waits, books
        await asyncio.sleep(1)
