"""A hub as its users run it: a process of its own, on free ports, that may be killed."""

import asyncio
import os
import re
import signal
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from hub.rasa_child import free_port

READY = re.compile(r"^Ready: (\S+)$", re.MULTILINE)
START_WITHIN_S = 300.0  # the first start makes Rasa's environment and trains


@dataclass
class HubUnderTest:
    """``hub up`` (or ``serve``, ``worker``) in a data folder. What it prints is kept in ``printed``."""

    data: Path
    environment: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    role: str = "up"
    printed: str = ""
    _process: asyncio.subprocess.Process | None = None
    _reader: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def start(self, *, until_ready: bool = True) -> None:
        """Start; wait for ``Ready``, or only until pages answer."""
        port = [] if self.role == "worker" else ["--port", str(self.port)]
        self.printed = ""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "hub.cli", self.role, *port, "--data", str(self.data),
            env=os.environ | self.environment,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        self._reader = asyncio.create_task(self._read())
        async with asyncio.timeout(START_WITHIN_S), aiohttp.ClientSession() as http:
            while not await self._is_up(http, until_ready=until_ready):
                if self._process.returncode is not None:
                    await self._reader
                    raise RuntimeError(
                        f"hub {self.role} ended with {self._process.returncode}:\n{self.printed}"
                    )
                await asyncio.sleep(0.1)

    async def _is_up(self, http: aiohttp.ClientSession, *, until_ready: bool) -> bool:
        if self.role == "worker":
            return READY.search(self.printed) is not None
        with suppress(aiohttp.ClientError):
            async with http.get(self.url + ("/readyz" if until_ready else "/healthz")) as response:
                return response.status == 200
        return False

    async def _read(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            self.printed += line.decode(errors="replace")

    async def kill(self) -> None:
        """As the machine would: no goodbye."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> int:
        """As Ctrl-C does; the exit code."""
        return await self._end(signal.SIGINT)

    async def _end(self, number: signal.Signals) -> int:
        assert self._process is not None
        assert self._reader is not None
        with suppress(ProcessLookupError):
            self._process.send_signal(number)
        async with asyncio.timeout(30):
            code = await self._process.wait()
            await self._reader
        return code

    async def end_anyhow(self) -> None:
        """For the end of a test, whatever it did to the process."""
        if self._process is not None and self._process.returncode is None:
            await self.stop()

    def rasa_pid(self) -> int:
        """The Rasa that this hub has started."""
        for status in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):
                # pid (name) state parent…; the name may hold spaces
                fields = status.read_text().rpartition(")")[2].split()
                if int(fields[1]) == self.pid and b"serve.py" in (status.parent / "cmdline").read_bytes():
                    return int(status.parent.name)
        raise RuntimeError("this hub has no Rasa")

    def one_time_password(self) -> str:
        found = re.search(r"one-time password (\S+)", self.printed)
        assert found is not None, self.printed
        return found[1]


async def hub_command(*arguments: str, data: Path, **environment: str) -> tuple[int, str]:
    """Run a ``hub`` command; exit code and what it printed on stdout."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "hub.cli", *arguments, "--data", str(data),
        env=os.environ | environment, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    printed, _ = await process.communicate()
    return process.returncode or 0, printed.decode()
