"""Rasa as a supervised child: started, watched, restarted with backoff, ended with the hub."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable, Mapping
from pathlib import Path

log = logging.getLogger(__name__)

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0
STEADY_AFTER_S = 60.0  # a child that lived this long starts the pauses anew
STOP_WITHIN_S = 8.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class RasaChild:
    def __init__(
        self, argv: list[str], env: Mapping[str, str], cwd: Path, *, port: int, died: Callable[[], None]
    ) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._argv = argv
        self._env = dict(env)
        self._cwd = cwd
        self._died = died
        self._process: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    def start(self) -> None:
        self._task = asyncio.create_task(self._supervise())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            async with asyncio.timeout(STOP_WITHIN_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()

    async def _supervise(self) -> None:
        loop = asyncio.get_running_loop()
        pause_s = FIRST_PAUSE_S
        while True:
            started_at = loop.time()
            self._process = await asyncio.create_subprocess_exec(
                *self._argv,
                env=self._env,
                cwd=self._cwd,
                stdin=asyncio.subprocess.DEVNULL,
                start_new_session=True,  # a Ctrl-C at the terminal is ours: Rasa is needed until turns are finished
            )
            code = await self._process.wait()
            self._died()
            if loop.time() - started_at > STEADY_AFTER_S:
                pause_s = FIRST_PAUSE_S
            log.error("rasa ended; it is started again", extra={"facts": {"exit": code, "in_s": pause_s}})
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
