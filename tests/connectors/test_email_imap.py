"""The mailbox reader against a real Dovecot."""

import asyncio
import os
from pathlib import Path

import pytest

from connectors.email_imap import Mailbox
from connectors.email_settings import EmailSettings
from tests.conftest import FakeClock
from tests.fakes.imap_server import DOVECOT, MailServer, imap_server
from tests.fakes.tools import MemoryTools, memory_tools

pytestmark = pytest.mark.skipif(
    not Path(DOVECOT).exists() and not os.environ.get("CI_NO_SKIP"), reason="dovecot-imapd is not installed"
)
IN_TIME_S = 30


def mail(n: int) -> bytes:
    return f"From: a@example.vn\r\nMessage-ID: <{n}@example.vn>\r\nSubject: {n}\r\n\r\nthu {n}\r\n".encode()


async def read(server: MailServer, tools: MemoryTools, count: int) -> None:
    settings = EmailSettings(
        address="hopthu@1022.example.vn", imap_url=server.url, smtp_url="smtp://127.0.0.1:1"
    )
    running = asyncio.create_task(Mailbox(settings, tools).run())
    try:
        async with asyncio.timeout(IN_TIME_S):
            while len(tools.kept) < count and not running.done():  # noqa: ASYNC110 (Dovecot tells no event)
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
