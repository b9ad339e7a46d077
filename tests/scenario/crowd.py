"""Operators at work while many citizens chat, all against one hub: is an update lost, and how long does an act take?

    uv run python -m tests.scenario.crowd --operators 50 --chats 500 --seconds 120

Every operator keeps the console's event stream open, reads the list again when it says so, opens conversations, takes
them, answers and makes notes; several are drawn to the same ones. Every citizen keeps a live chat open. One ``hub serve``
and one ``hub worker`` on one SQLite file, the real Rasa beside them. At the end each message, each answer that the console
accepted and each note must be there exactly once, each answer must have reached the citizen's page, and whoever was told
that a conversation is theirs must be who took it last.
"""

import argparse
import asyncio
import random
import re
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from handoff import accounts
from hub.model import Message, Staff, derived_id
from hub.store import store_for
from tests.scenario.crash import QUESTIONS
from tests.scenario.fleet import own_rasa, settled
from tests.scenario.processes import HubUnderTest
from tests.scenario.talk import Talk

PASSWORD = "only-for-this-run"
ASKS_FOR_PERSON = "cho tôi gặp tổng đài viên"
HREF = re.compile(r'href="/console/conversations/(c_[0-9a-f]+)')
CSRF = re.compile(r'name="csrf" value="([^"]+)"')
#: How long people need between two things they do.
CITIZEN_THINKS_S = (20.0, 60.0)
OPERATOR_THINKS_S = (2.0, 6.0)


@dataclass
class Tally:
    """What the console told the operators, and how long that took."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    said: dict[str, str] = field(default_factory=dict)  # accepted text → conversation
    noted: dict[str, str] = field(default_factory=dict)

    def table(self) -> str:
        lines = ["| action | count | p50 ms | p95 ms | p99 ms |", "|---|---|---|---|---|"]
        every = [one for times in self.seconds.values() for one in times]
        for name, times in [*sorted(self.seconds.items()), ("all", every)]:
            times = sorted(times)
            cells = " | ".join(
                f"{1000 * times[int(share * (len(times) - 1))]:.0f}" for share in (0.5, 0.95, 0.99)
            )
            lines.append(f"| {name} | {len(times)} | {cells} |")
        return "\n".join(lines)


class Operator:
    """One person with the console open."""

    def __init__(self, url: str, login: str, tally: Tally, rng: random.Random) -> None:
        self._url, self._login, self._tally, self._rng = url, login, tally, rng
        self._stale = asyncio.Event()
        self._csrf = ""
        self._count = 0

    async def work(self, until: float) -> None:
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(self._url, cookie_jar=jar) as self._http:
            await self._sign_in()
            listening = asyncio.create_task(self._listen())
            try:
                seen = await self._list("/console", "open the inbox")
                while time.monotonic() < until:
                    await asyncio.sleep(self._rng.uniform(*OPERATOR_THINKS_S))
                    if self._stale.is_set():
                        self._stale.clear()
                        seen = await self._list("/console/queue", "read the list again") or seen
                    if seen:
                        await self._look_after(self._rng.choice(seen[:30]))
            finally:
                listening.cancel()
                await asyncio.gather(listening, return_exceptions=True)

    async def _sign_in(self) -> None:
        form = {
            "csrf": CSRF.findall(await self._get("/console/login"))[0],
            "login": self._login,
            "password": PASSWORD,
        }
        async with self._http.post("/console/login", data=form, allow_redirects=False) as answer:
            assert answer.status == 303, await answer.text()
        self._csrf = CSRF.findall(await self._get("/console/password"))[0]

    async def _get(self, path: str) -> str:
        async with self._http.get(path) as answer:
            return await answer.text()

    async def _listen(self) -> None:
        with suppress(aiohttp.ClientError):
            async with self._http.get("/console/events", timeout=aiohttp.ClientTimeout()) as stream:
                async for line in stream.content:
                    if line.startswith(b"event: queue"):
                        self._stale.set()

    async def _list(self, path: str, name: str) -> list[str]:
        async with self._timed(name), self._http.get(path) as answer:
            self._tally.statuses[name, answer.status] += 1
            return list(dict.fromkeys(HREF.findall(await answer.text())))

    async def _look_after(self, conversation: str) -> None:
        name = "open a conversation"
        async with self._timed(name), self._http.get(f"/console/conversations/{conversation}") as answer:
            self._tally.statuses[name, answer.status] += 1
            await answer.read()
        if not await self._act(conversation, "take"):
            return
        text = self._own_text("trả lời")
        if await self._act(conversation, "reply", text=text):
            self._tally.said[text] = conversation
        if self._rng.random() < 0.3:
            text = self._own_text("ghi chú")
            if await self._act(conversation, "note", text=text):
                self._tally.noted[text] = conversation

    def _own_text(self, what: str) -> str:
        self._count += 1
        return f"{what} số {self._count} của {self._login}"

    async def _act(self, conversation: str, name: str, **fields: str) -> bool:
        """Post a form as its page would; a refusal ("a colleague has it") is an answer too."""
        self._count += 1
        form = {"csrf": self._csrf, "key": f"{self._login}-{self._count}", **fields}
        async with (
            self._timed(name),
            self._http.post(
                f"/console/conversations/{conversation}/{name}", data=form, headers={"HX-Request": "true"}
            ) as answer,
        ):
            await answer.read()
        self._tally.statuses[name, answer.status] += 1
        return answer.status == 200

    @asynccontextmanager
    async def _timed(self, name: str) -> AsyncIterator[None]:
        began = time.perf_counter()
        yield
        self._tally.seconds[name].append(time.perf_counter() - began)


class Citizen:
    def __init__(self, url: str, number: int, rng: random.Random) -> None:
        self._url, self._number, self._rng = url, number, rng
        self.said: list[str] = []
        self.talk: Talk | None = None

    async def chat(self, until: float, cleanup: AsyncExitStack) -> None:
        await asyncio.sleep(self._rng.uniform(0, CITIZEN_THINKS_S[0]))  # people do not come all at once
        address = f"127.1.{self._number // 250}.{self._number % 250 + 1}"
        self.talk = await cleanup.enter_async_context(Talk(self._url, address=address))
        while time.monotonic() < until:
            wants_person = self._rng.random() < 0.3
            text = f"{ASKS_FOR_PERSON if wants_person else self._rng.choice(QUESTIONS)} ({self._number}.{len(self.said)})"
            await self.talk.say(text)
            self.said.append(text)
            await asyncio.sleep(self._rng.uniform(*CITIZEN_THINKS_S))

    def shown(self) -> Counter[str]:
        return Counter(line["text"] for line in self.talk.lines) if self.talk else Counter()


async def run(
    data: Path, *, operators: int, chats: int, seconds: float, seed: int
) -> tuple[Tally, list[str], str]:
    store_url = f"sqlite:///{data}/hub.db"
    tally = Tally()
    async with AsyncExitStack() as cleanup:
        rasa = await own_rasa(cleanup, "crowd")
        settings = {
            "HUB_STORE_URL": store_url, "HUB_SECRET_KEY": "crowd", "HUB_RASA_URL": rasa.url, "HUB_RASA_SECRET": "crowd",
            "HUB_LOG_LEVEL": "ERROR",
        }  # fmt: skip
        logins = await _hire(store_url, data, operators)
        pages = HubUnderTest(data, settings, role="serve")
        hands = HubUnderTest(data, settings, role="worker")
        for process in (pages, hands):
            cleanup.push_async_callback(process.end_anyhow)
            await process.start()
        until = time.monotonic() + seconds
        citizens = [Citizen(pages.url, n, random.Random(seed + n)) for n in range(chats)]
        staff = [Operator(pages.url, login, tally, random.Random(login)) for login in logins]
        async with AsyncExitStack() as open_chats:
            await asyncio.gather(
                *(citizen.chat(until, open_chats) for citizen in citizens),
                *(one.work(until) for one in staff),
            )
            balanced, books = await settled(data, store_url)
            problems = [] if balanced else ["the books do not balance, or messages still wait"]
            problems += await _check(store_url, data, tally, citizens)
    return tally, problems, books


async def _hire(store_url: str, data: Path, operators: int) -> list[str]:
    store, hashed = store_for(store_url, data), accounts.hash_password(PASSWORD)
    logins = [f"tdv{n}" for n in range(operators)]
    await store.open()
    try:
        for login in logins:
            await store.put_staff(
                Staff(
                    id=derived_id("s", login), login=login, name=login, role="operator", password_hash=hashed
                )
            )
    finally:
        await store.close()
    return logins


async def _check(store_url: str, data: Path, tally: Tally, citizens: list[Citizen]) -> list[str]:
    store = store_for(store_url, data)
    await store.open()
    lines: list[Message] = []
    try:
        for conversation, _ in await store.touched_since(0):
            lines += await store.messages(conversation, limit=10_000)
    finally:
        await store.close()
    kept = Counter((line.conversation, line.text) for line in lines if line.author == "operator")
    heard = Counter(line.text for line in lines if line.author == "citizen")
    problems = [
        f"{what} {text!r} is there {kept[conversation, text]} times"
        for what, accepted in (("answer", tally.said), ("note", tally.noted))
        for text, conversation in accepted.items()
        if kept[conversation, text] != 1
    ]
    problems += [
        f"message {text!r} is there {heard[text]} times"
        for one in citizens
        for text in one.said
        if heard[text] != 1
    ]
    shown = Counter[str]()
    for one in citizens:
        shown += one.shown()
    problems += [f"answer {text!r} was shown {shown[text]} times" for text in tally.said if shown[text] != 1]
    problems += [f"note {text!r} was shown to a citizen" for text in tally.noted if shown[text]]
    problems += [
        f"{name} was answered {status}, {count} times"
        for (name, status), count in tally.statuses.items()
        if status not in (200, 204, 409)
    ]
    return problems


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--operators", type=int, default=50)
    parser.add_argument("--chats", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--seed", type=int, default=1)
    given = vars(parser.parse_args())
    with tempfile.TemporaryDirectory() as folder:
        figures, faults, reconciled = asyncio.run(run(Path(folder), **given))
    sys.stdout.write(f"{figures.table()}\n{reconciled}")
    sys.stdout.write(
        f"{len(figures.said)} answers, {len(figures.noted)} notes accepted; {dict(figures.statuses)}\n"
    )
    for fault in faults[:50]:
        sys.stdout.write(f"PROBLEM: {fault}\n")
    sys.stdout.write(f"{len(faults)} problems\n")
    sys.exit(1 if faults else 0)
