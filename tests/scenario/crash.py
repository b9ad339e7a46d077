"""The hub killed with SIGKILL at random moments while citizens write; then the books are balanced.

    uv run python -m tests.scenario.crash --kills 20

Each citizen is a page of the live chat: it keeps what was not acknowledged, comes back with the number of the last line
it has, and asks the next question when the last one is answered. At the end every question must have exactly one
answer, in the store and on the citizen's page.
"""

import argparse
import asyncio
import json
import random
import sys
import tempfile
import uuid
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from hub.errors import StartupError
from hub.rasa_child import RasaChild, free_port
from tests.scenario.processes import HubUnderTest, hub_command

QUESTIONS = (
    "làm giấy khai sinh cần giấy tờ gì",
    "le phi dang ky ket hon nhieu vay",
    "đổi giấy phép lái xe ở đâu",
    "thủ tục đăng ký tạm trú mất bao lâu",
    "cấp lại thẻ căn cước làm online được không",
)
ANSWER_WITHIN_S = 90.0


@dataclass
class Citizen:
    """A live-chat page: resends what was not acknowledged, resumes by sequence number."""

    url: str
    number: int
    token: str | None = None
    asked: int = 0
    lines: dict[int, dict[str, object]] = field(default_factory=dict)
    shown_twice: list[int] = field(default_factory=list)

    async def ask(self, text: str) -> None:
        """Ask and wait for the answer, through however many lost connections."""
        frame = {"type": "message", "id": str(uuid.uuid4()), "text": text}
        async with asyncio.timeout(ANSWER_WITHIN_S):
            while True:
                with suppress(aiohttp.ClientError, ConnectionError):
                    if await self._try(frame):
                        self.asked += 1
                        return
                await asyncio.sleep(0.1)

    async def _try(self, frame: dict[str, str]) -> bool:
        async with (
            aiohttp.ClientSession() as http,
            http.ws_connect(f"{self.url}/chat/ws", origin=self.url) as ws,
        ):
            await ws.send_json({"type": "hello", "token": self.token, "last_seq": max(self.lines, default=0)})
            await ws.send_json(frame)
            acknowledged = None
            async for message in ws:
                said = json.loads(message.data)
                if said["type"] == "welcome":
                    self.token = said["token"]
                elif said["type"] == "messages":
                    for line in said["items"]:
                        if line["seq"] in self.lines:
                            self.shown_twice.append(line["seq"])
                        self.lines[line["seq"]] = line
                elif said["type"] == "ack":
                    acknowledged = said["seq"]
                elif said["type"] == "nack":
                    await asyncio.sleep(0.3)
                    await ws.send_json(frame)
                mine = next(
                    (line["seq"] for line in self.lines.values() if line["id"] == frame["id"]), acknowledged
                )
                if mine and any(seq > mine and line["from"] == "bot" for seq, line in self.lines.items()):
                    return True
        return False


@dataclass
class Result:
    kills: int
    asked: int
    citizens: list[Citizen]
    reconcile_exit: int
    reconcile: str

    def problems(self) -> list[str]:
        """What went wrong; empty when nothing did."""
        found = []
        if self.reconcile_exit != 0:
            found.append("the books do not balance")
        total = sum(
            sum(day[place] for place in ("ticketed", "answered", "no_reply_due", "waiting"))
            for day in map(json.loads, self.reconcile.splitlines())
            if day["type"] == "day"
        )
        if total != self.asked:
            found.append(f"{self.asked} questions were asked, {total} are kept")
        for citizen in self.citizens:
            authors = [line["from"] for _, line in sorted(citizen.lines.items())]
            if authors != ["citizen", "bot"] * citizen.asked:
                found.append(
                    f"citizen {citizen.number}: {citizen.asked} questions, but the page shows {authors}"
                )
            if citizen.shown_twice:
                found.append(f"citizen {citizen.number}: lines {citizen.shown_twice} came twice")
        return found


async def crash_run(
    rasa: tuple[str, str], actions_port: int, data: Path, *, kills: int, citizens: int = 4, seed: int = 1
) -> Result:
    """Kill a hub ``kills`` times while ``citizens`` keep asking. ``rasa``: url and secret of one that runs."""
    rng = random.Random(seed)
    url, secret = rasa
    hub = HubUnderTest(
        data,
        {"HUB_RASA_URL": url, "HUB_RASA_SECRET": secret, "HUB_ACTIONS_PORT": str(actions_port), "HUB_REPLY_PAUSE_MS": "50"},
    )  # fmt: skip
    await hub.start()
    over = asyncio.Event()
    pages = [Citizen(hub.url, n) for n in range(citizens)]

    async def keep_asking(citizen: Citizen) -> None:
        while not over.is_set():
            await citizen.ask(rng.choice(QUESTIONS))

    asking = [asyncio.create_task(keep_asking(page)) for page in pages]
    try:
        for _ in range(kills):
            # long enough for every step of a turn to be hit, from intake to the reply's way out
            await asyncio.sleep(rng.uniform(0.05, 1.5))
            await hub.kill()
            await hub.start()
        await asyncio.sleep(1)
        over.set()
        await asyncio.gather(*asking)
    finally:
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
        await hub.stop()
    code, books = await hub_command("reconcile", "--json", data=data)
    return Result(kills, sum(page.asked for page in pages), pages, code, books)


async def _main(kills: int, citizens: int, seed: int) -> int:
    from bot import model

    if not model.environment_ready():
        await model.prepare_environment(print)
    if model.is_stale():
        await model.train(print)
    port, actions_port, secret = free_port(), free_port(), "crash-run"
    argv, env, cwd = model.rasa_command(
        port, secret=secret, actions_url=f"http://127.0.0.1:{actions_port}/actions"
    )
    child = RasaChild(argv, env, cwd, port=port, died=lambda: None)
    child.start()
    try:
        with tempfile.TemporaryDirectory() as folder:
            result = await crash_run(
                (child.url, secret), actions_port, Path(folder), kills=kills, citizens=citizens, seed=seed
            )
    finally:
        await child.stop()
    sys.stdout.write(result.reconcile)
    sys.stdout.write(f"{result.kills} kills, {result.asked} questions asked and answered once\n")
    for problem in result.problems():
        sys.stdout.write(f"PROBLEM: {problem}\n")
    return 1 if result.problems() else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--citizens", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    try:
        sys.exit(asyncio.run(_main(given.kills, given.citizens, given.seed)))
    except StartupError as error:
        sys.exit(f"crash run: {error}")
