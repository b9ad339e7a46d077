"""The mailbox reader against a real Dovecot."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from connectors.email_imap import Mailbox
from connectors.email_settings import EmailSettings
from tests.conftest import FakeClock
from tests.fakes.imap_server import DOVECOT, PASSWORD, MailServer, imap_server
from tests.fakes.tools import MemoryTools, memory_tools

pytestmark = pytest.mark.skipif(
    not Path(DOVECOT).exists() and not os.environ.get("CI_NO_SKIP"), reason="dovecot-imapd is not installed"
)
IN_TIME_S = 30


def mail(n: int) -> bytes:
    return f"From: a@example.vn\r\nMessage-ID: <{n}@example.vn>\r\nSubject: {n}\r\n\r\nthu {n}\r\n".encode()


async def read(
    server: MailServer,
    tools: MemoryTools,
    count: int,
    *,
    until: Callable[[], bool] | None = None,
    **changed: object,
) -> None:
    """Run a reader until it has kept ``count`` mails in all, or ``until`` holds."""
    given = {
        "address": "hopthu@1022.example.vn",
        "imap_url": server.url,
        "smtp_url": "smtp://127.0.0.1:1",
    }
    settings = EmailSettings.model_validate(given | changed)
    done = until or (lambda: len(tools.kept) >= count)
    running = asyncio.create_task(Mailbox(settings, tools).run())
    try:
        async with asyncio.timeout(IN_TIME_S):
            while not done() and not running.done():  # noqa: ASYNC110 (Dovecot tells no event)
                await asyncio.sleep(0.05)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_every_mail_is_kept_once_through_restarts() -> None:
    async with imap_server() as server, memory_tools(FakeClock()) as tools:
        for n in (1, 2, 3):
            server.put(f"{n}.mail", mail(n))
        await read(server, tools, 3)
        await server.stop()
        server.put("4.mail", mail(4))
        await server.start()
        await read(server, tools, 4)
        assert sorted(tools.kept.values()) == [mail(n) for n in (1, 2, 3, 4)]


async def test_a_mail_beyond_the_limit_keeps_its_head_and_raises_an_alarm() -> None:
    async with imap_server() as server, memory_tools(FakeClock()) as tools:
        large = mail(1) + b"x" * 5000
        server.put("1.mail", large)
        server.put("2.mail", mail(2))
        await read(server, tools, 2, largest_mail=4000)
        kept = sorted(tools.kept.values())
        assert mail(2) in kept
        (head,) = [one for one in kept if one != mail(2)]
        assert large.startswith(head.rstrip())
        assert b"Message-ID: <1@example.vn>" in head
        assert b"xxx" not in head
        assert [what for what in tools.alarms if what.endswith(":size")]
        assert len(server.files()) == 2, "nothing is removed from the mailbox"


async def test_a_mailbox_made_anew_is_read_from_its_beginning() -> None:
    async with imap_server() as server, memory_tools(FakeClock()) as tools:
        server.put("1.mail", mail(1))
        await read(server, tools, 1)
        await server.stop()
        server.forget_numbers()
        server.put("2.mail", mail(2))
        await server.start()
        await read(server, tools, 3)
        assert sorted(tools.kept.values()) == [mail(1), mail(1), mail(2)], "the hub knows the first by its id"


async def test_a_refused_login_is_an_alarm_that_goes_away() -> None:
    async with imap_server() as server, memory_tools(FakeClock()) as tools:
        await read(
            server, tools, 0, imap_url=server.url.replace(PASSWORD, "sai"), until=lambda: bool(tools.alarms)
        )
        assert [what for what in tools.alarms if what.endswith(":login")]
        assert "sai" not in "".join(tools.alarms.values())
        server.put("1.mail", mail(1))
        await read(server, tools, 1)
        assert tools.alarms == {}
