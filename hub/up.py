"""``hub up``: everything on one machine, from a fresh clone to ``Ready``."""

import asyncio
import shutil
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from bot import model
from bot.client import RasaBot
from handoff.accounts import first_admin
from hub.errors import StartupError
from hub.ports import Bot
from hub.rasa_child import RasaChild, free_port
from hub.settings import Settings
from hub.wiring import HubProcess, private_actions

Died = Callable[[], None]

ROOM_FOR_ENVIRONMENT_BYTES = 3 * 1024**3
ROOM_TO_RUN_BYTES = 200 * 1024**2


class Progress:
    """What the person at the terminal sees: what is going on, and how long it has been going on."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def __call__(self, text: str) -> None:
        sys.stderr.write(f"[{time.monotonic() - self._began:6.1f} s] {text}\n")
        sys.stderr.flush()


def check_room(settings: Settings, *, with_environment: bool) -> None:
    """Raises ``StartupError`` when the disk has no room for what is about to be made."""
    settings.data.mkdir(parents=True, exist_ok=True)
    makes_environment = with_environment and not model.environment_ready()
    needed = ROOM_FOR_ENVIRONMENT_BYTES if makes_environment else ROOM_TO_RUN_BYTES
    for folder in (settings.data, model.RASA):
        free = shutil.disk_usage(folder).free
        if free < needed:
            raise StartupError(
                f"the disk of {folder} has {free >> 20} MiB left, {needed >> 20} MiB are needed"
            )


@asynccontextmanager
async def rasa_for(
    secret: str, actions_port: int, progress: Progress, died: Died
) -> AsyncIterator[RasaChild]:
    """A private Rasa: environment, model and process made as needed; ended on leaving."""
    if not model.environment_ready():
        await model.prepare_environment(progress)
    if model.is_stale():
        await model.train(progress)
    port = free_port()
    argv, env, cwd = model.rasa_command(
        port, secret=secret, actions_url=f"http://127.0.0.1:{actions_port}/actions"
    )
    child = RasaChild(argv, env, cwd, port=port, died=died)
    child.start()
    try:
        yield child
    finally:
        await child.stop()


@asynccontextmanager
async def private_bot(settings: Settings) -> AsyncIterator[Bot]:
    """A bot for one command: no pages, no workers; reads the store if there is one, writes nothing."""
    progress = Progress()
    async with AsyncExitStack() as stack:
        parts = await stack.enter_async_context(private_actions(settings))
        died = asyncio.Event()
        child = await stack.enter_async_context(rasa_for(parts.secret, parts.port, progress, died.set))
        bot = RasaBot(parts.secret, timeout_s=settings.bot_budget_s, url=child.url)
        stack.push_async_callback(bot.close)
        progress("starting Rasa")
        while not await bot.healthy():
            if died.is_set():
                raise StartupError("Rasa ended while it was starting; its own output above says why")
            await asyncio.sleep(0.2)
        progress("the bot answers")
        yield bot


async def up(settings: Settings, *, pages: bool = True, work: bool = True, mail: bool = True) -> None:
    """Run until SIGINT or SIGTERM: everything, or only the pages, the workers or the mailboxes.

    Raises:
        HubError: in one line why it cannot start.
    """
    progress = Progress()
    starts_rasa = work and not settings.rasa_url
    check_room(settings, with_environment=starts_rasa)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    process = HubProcess(settings, starts_rasa=starts_rasa, pages=pages, work=work, mail=mail)
    progress("opening the store, loading the knowledge base")
    await process.start()
    address = (
        settings.model_copy(update={"port": process.port}).base_url if pages else "worker" if work else "mail"
    )
    if pages:
        progress(f"pages answer at {address}")
    try:
        await _greet_first_admin(process)
        running = asyncio.create_task(_run(process, address, progress, starts_rasa=starts_rasa))
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait((running, stopped), return_when=asyncio.FIRST_COMPLETED)
        progress("stopping: no new work, what is under way is finished")
        stopped.cancel()
        await process.drain()  # before Rasa is stopped: the last turns need it
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        if running.done() and not running.cancelled() and (error := running.exception()) is not None:
            raise error
    finally:
        await process.stop()
    progress("stopped")


async def _run(process: HubProcess, address: str, progress: Progress, *, starts_rasa: bool) -> None:
    if not starts_rasa:
        await _say_ready(process, address, progress)
        return
    async with rasa_for(
        process.rasa_secret, process.actions_port, progress, process.readiness.failed_to_start
    ) as child:
        process.use_rasa(child.url)
        progress("starting Rasa")
        await _say_ready(process, address, progress)


async def _say_ready(process: HubProcess, address: str, progress: Progress) -> None:
    await process.readiness.wait_for_bot()
    ready, parts = await process.readiness.report()
    if not ready:
        raise StartupError(f"not ready: {parts}")
    progress("ready")
    sys.stdout.write(f"Ready: {address}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()  # until cancelled


async def _greet_first_admin(process: HubProcess) -> None:
    password = await first_admin(process.store)
    if password is not None:
        sys.stdout.write(
            "\nFirst administrator:  login admin   one-time password "
            f"{password}\n(open /console; it must be changed at the first login and is not shown again)\n\n"
        )
        sys.stdout.flush()
