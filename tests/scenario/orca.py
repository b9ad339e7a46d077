"""A desk with a real screen reader: Orca on a screen of its own, keys that go through the X server, what it says.

Needs Debian's ``orca xvfb xdotool openbox dbus speech-dispatcher`` and ``chromium``. Everything runs inside one
``dbus-run-session`` with a home folder of its own and ends with it; the voice is the dispatcher's dummy.
"""

import asyncio
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

TOOLS = ("orca", "Xvfb", "xdotool", "openbox", "dbus-run-session", "speech-dispatcher", "chromium")
SCREEN = ":77"
START_WITHIN_S = 60.0
SAYS_WITHIN_S = 15.0
PAUSE_S = 0.8  # of silence after which it is taken to have finished
SPOKEN = re.compile(r"SPEECH OUTPUT: '(.*?)'\{'established")
VOICE = """CommunicationMethod "unix_socket"
AudioOutputMethod "alsa"
AddModule "dummy" "sd_dummy" ""
DefaultModule dummy
LanguageDefaultModule "vi" "dummy"
"""
#: Orca's own place for such things. Else its log comes in blocks, long after it spoke.
AT_ONCE = "from orca import debug\ndebug.debugFile.reconfigure(line_buffering=True)\n"


def in_a_session(module: str, folder: Path, *arguments: str) -> int:
    """Run ``python -m module`` where no other desktop is seen or disturbed; its exit code."""
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        sys.exit(
            f"not installed: {', '.join(missing)} (apt-get install orca xvfb xdotool openbox dbus speech-dispatcher chromium)"
        )
    run, home = folder / "run", folder / "home"
    run.mkdir(mode=0o700)
    voice = home / ".config" / "speech-dispatcher" / "speechd.conf"
    voice.parent.mkdir(parents=True)
    voice.write_text(VOICE)
    custom = home / ".local" / "share" / "orca" / "orca-customizations.py"
    custom.parent.mkdir(parents=True)
    custom.write_text(AT_ONCE)
    env = os.environ | {
        "DISPLAY": SCREEN, "XDG_RUNTIME_DIR": str(run), "HOME": str(home), "XDG_CONFIG_HOME": str(home / ".config"),
        "LANG": "C.UTF-8", "ORCA_DESK": str(folder),
    }  # fmt: skip
    return subprocess.run(
        ["dbus-run-session", "--", sys.executable, "-m", module, *arguments], check=False, env=env
    ).returncode


@dataclass
class Desk:
    """What is pressed and what is said."""

    log: Path
    transcript: list[str] = field(default_factory=list)
    _read: int = 0

    def new(self) -> list[str]:
        """What was said since the last look."""
        said = SPOKEN.findall(self.log.read_text(errors="replace") if self.log.exists() else "")
        fresh, self._read = said[self._read :], len(said)
        return [re.sub(r"\s+", " ", line).strip() for line in fresh]

    async def hear(self, *wanted: str, what: str) -> list[str]:
        """Listen until all that is wanted was said (in any order, in one or several sentences), then until it is quiet.

        Raises:
            AssertionError: it was not said within ``SAYS_WITHIN_S``.
        """
        said: list[str] = []
        began = last = time.monotonic()
        while True:
            await asyncio.sleep(0.1)
            if fresh := self.new():
                said += fresh
                last = time.monotonic()
            there = all(any(word in line for line in said) for word in wanted)
            if there and time.monotonic() - last > PAUSE_S:
                break
            assert time.monotonic() - began < SAYS_WITHIN_S, f"{what}: wanted {wanted}, heard {said}"
        self.transcript.append(f"| {what} | {' · '.join(said) or '(nothing)'} |".replace("\n", " "))
        return said

    async def press(self, key: str, *wanted: str) -> list[str]:
        keys("key", key)
        return await self.hear(*wanted, what=f"`{key}`")

    async def go(self, key: str, to: str, most: int = 40) -> None:
        """Press the key until it has said where one wants to go."""
        for _ in range(most):
            if any(to in line for line in await self.press(key)):
                return
        raise AssertionError(f"{to} is not reached with {key}")

    async def write(self, text: str) -> None:
        """Type a text; the letters that are echoed are not kept."""
        keys("type", "--delay", "40", text)
        await asyncio.sleep(PAUSE_S)
        self.new()
        self.transcript.append(f"| “{text}” is typed | |")


def keys(*arguments: str) -> None:
    subprocess.run(["xdotool", *arguments], check=True)


@asynccontextmanager
async def desk() -> AsyncIterator[Desk]:
    """Inside ``in_a_session``: a screen, a window manager, the accessibility bus, a voice, and Orca that has said hello."""
    folder = Path(os.environ["ORCA_DESK"])
    log = folder / "orca.out"
    running: list[subprocess.Popen[bytes]] = []

    def start(*argv: str) -> None:
        with (folder / "processes.log").open("ab") as out:
            running.append(subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out))

    try:
        start("Xvfb", SCREEN, "-screen", "0", "1366x768x24", "-nolisten", "tcp")
        await until(lambda: Path(f"/tmp/.X11-unix/X{SCREEN[1:]}").exists(), "the screen")
        start("openbox")
        start("/usr/libexec/at-spi-bus-launcher", "--launch-immediately")
        start("speech-dispatcher", "-s", "-t", "0", "-C", str(Path.home() / ".config" / "speech-dispatcher"))
        start("orca", "-d", "braille", "-d", "braille-monitor", "--debug-file", str(log), "--debug")
        here = Desk(log)
        await until(lambda: any("reader on" in line for line in here.new()), "Orca")
        yield here
    finally:
        for process in reversed(running):
            process.send_signal(signal.SIGTERM)
        for process in reversed(running):
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()


async def until(true: Callable[[], bool], what: str) -> None:
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < START_WITHIN_S, f"{what} does not come up"
        await asyncio.sleep(0.2)
