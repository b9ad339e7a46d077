"""Learning in a process of its own (``python -m bot.knowledge.learning``, phrases by label as JSON on its input): it is
seconds of work that a running hub's turns must not wait for, and that ends at once when the hub does."""

import asyncio
import json
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress

from bot.knowledge.ranker import Ranker

POLITE = 10  # of nice


async def learn_apart(phrases: Mapping[str, Sequence[str]]) -> None:
    """Have the ranker of these phrases learned and kept on disk, where it is read from then on. Where nothing can be
    kept, whoever asks for it learns it again."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot.knowledge.learning", stdin=asyncio.subprocess.PIPE
    )
    try:
        await process.communicate(json.dumps(phrases, ensure_ascii=False, default=list).encode())
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()


if __name__ == "__main__":
    os.nice(POLITE)
    Ranker.of(json.load(sys.stdin))
