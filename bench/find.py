"""How long operators wait for a search of what was said: ``uv run python -m bench.find --messages 100000``.

The messages are made of the examples of the knowledge base's categories, typed with and without diacritics.
"""

import argparse
import asyncio
import random
import statistics
import tempfile
import time
from importlib.resources import files
from pathlib import Path

import yaml

from bot.text import fold
from hub.model import Event, Raw
from hub.store.sqlite import SqliteStore

T0 = 1_795_400_000_000
QUESTIONS = ("đèn đường", "den duong", "khai sinh", "nuoc", "điện cúp tối", "1022-2026-000042", "xyzzy", "kh")
PER_DELIVERY = 100


def texts(rng: random.Random) -> list[str]:
    data = yaml.safe_load((files("bot") / "knowledge" / "data" / "categories.yml").read_text("utf-8"))
    examples = [text for one in data["categories"] for text in one["examples"]]
    return [rng.choice((str, fold))(f"{a}, {b}") for a in examples for b in rng.sample(examples, 8)]


async def main(messages: int) -> None:
    rng = random.Random(1)
    said = texts(rng)
    with tempfile.TemporaryDirectory() as folder:
        store = SqliteStore(Path(folder) / "hub.db")
        await store.open()
        for start in range(0, messages, PER_DELIVERY):
            raw = Raw(id=f"r-{start}", channel="webchat", received_at=T0 + start, body=b"{}")
            events = [
                Event(
                    channel="webchat", kind="message", external_id=f"x-{start + n}", account="web",
                    sender=f"c-{start + n}", conversation=f"c-{(start + n) // 10}", text=rng.choice(said),
                )
                for n in range(PER_DELIVERY)
            ]  # fmt: skip
            await store.put_raw(raw)
            await store.take_in(raw, events, refused=0, error=None, now=T0 + start, due_at=T0 + start)
        began = time.perf_counter()
        while await store.index_words(limit=500):
            pass
        took = time.perf_counter() - began
        print(f"indexed {messages:,} messages in {took:.1f} s: {messages / took:,.0f} a second")
        for question in QUESTIONS:
            times = []
            for _ in range(20):
                began = time.perf_counter()
                found = await store.search(question, limit=31)
                times.append((time.perf_counter() - began) * 1000)
            print(
                f"{question!r}: {len(found)} found, median {statistics.median(times):.2f} ms, max {max(times):.2f} ms"
            )
        began = time.perf_counter()
        await store.erase_person(found[0].conversation, now=T0 * 2)
        print(f"erase one person: {(time.perf_counter() - began) * 1000:.0f} ms")
        await store.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=100_000)
    asyncio.run(main(parser.parse_args().messages))
