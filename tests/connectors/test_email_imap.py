"""The mailbox reader against a real Dovecot."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from connectors.email_imap import Mailbox
from connectors.email_oauth import MailTokens
from connectors.email_settings import EmailSettings
from hub.clock import SystemClock
from tests.fakes.imap_server import DOVECOT, PASSWORD, MailServer, Tap, imap_server, tapped
from tests.fakes.token_server import TokenServer, token_server
from tests.fakes.tools import MemoryTools, memory_tools

pytestmark = pytest.mark.skipif(
    not Path(DOVECOT).exists() and not os.environ.get("CI_NO_SKIP"), reason="dovecot-imapd is not installed"
)
IN_TIME_S = 30


def mail(n: int) -> bytes:
    return f"From: a@example.vn\r\nMessage-ID: <{n}@example.vn>\r\nSubject: {n}\r\n\r\nthu {n}\r\n".encode()


async def read(
    server: MailServer | Tap,
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
    running = asyncio.create_task(Mailbox(settings, tools, MailTokens(settings, tools)).run())
    try:
        async with asyncio.timeout(IN_TIME_S):
            while not done() and not running.done():  # noqa: ASYNC110 (Dovecot tells no event)
                await asyncio.sleep(0.05)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_every_mail_is_kept_once_through_restarts() -> None:
    async with imap_server() as server, memory_tools(SystemClock()) as tools:
        for n in (1, 2, 3):
            server.put(f"{n}.mail", mail(n))
        await read(server, tools, 3)
        await server.stop()
        server.put("4.mail", mail(4))
        await server.start()
        await read(server, tools, 4)
        assert sorted(tools.kept.values()) == [mail(n) for n in (1, 2, 3, 4)]


async def test_of_a_mail_beyond_the_limit_the_head_and_the_size_are_kept() -> None:
    async with imap_server() as server, memory_tools(SystemClock()) as tools:
        large = mail(1) + b"x" * 5000
        server.put("1.mail", large)
        server.put("2.mail", mail(2))
        await read(server, tools, 2, largest_mail=4000)
        kept = sorted(tools.kept.values())
        assert mail(2) in kept
        (head,) = [one for one in kept if one != mail(2)]
        known, _, size = head.rstrip().rpartition(b"\r\n")
        assert large.startswith(known)
        assert size == b"x-hub-mail-size: %d" % len(large)
        assert b"Message-ID: <1@example.vn>" in head
        assert b"xxx" not in head
        assert len(server.files()) == 2, "nothing is removed from the mailbox"


async def test_a_mailbox_made_anew_is_read_from_its_beginning() -> None:
    async with imap_server() as server, memory_tools(SystemClock()) as tools:
        server.put("1.mail", mail(1))
        await read(server, tools, 1)
        await server.stop()
        server.forget_numbers()
        server.put("2.mail", mail(2))
        await server.start()
        await read(server, tools, 3)
        assert sorted(tools.kept.values()) == [mail(1), mail(1), mail(2)], "the hub knows the first by its id"


async def test_a_refused_login_is_an_alarm_that_goes_away() -> None:
    async with imap_server() as server, memory_tools(SystemClock()) as tools:
        await read(
            server, tools, 0, imap_url=server.url.replace(PASSWORD, "sai"), until=lambda: bool(tools.alarms)
        )
        assert [what for what in tools.alarms if what.endswith(":login")]
        assert "sai" not in "".join(tools.alarms.values())
        server.put("1.mail", mail(1))
        await read(server, tools, 1)
        assert tools.alarms == {}


async def test_idle_is_renewed_and_nothing_but_a_mark_is_changed() -> None:
    async with imap_server() as server, tapped(server) as tap, memory_tools(SystemClock()) as tools:
        server.put("1.mail", mail(1))
        await read(tap, tools, 1, idle_s=0.2, until=lambda: tap.count("IDLE") >= 4)
        server.put("2.mail", mail(2))
        await read(tap, tools, 2)
        assert tap.count("DONE") >= 3
        assert tap.connections == 2, "one for each time it was read"
        known = ("CAPABILITY", "LOGIN", "SELECT", "UID FETCH", "UID STORE", "IDLE", "DONE")
        assert [one for one in tap.said if not one.startswith(known)] == []
        stored = [one for one in tap.said if one.startswith("UID STORE")]
        assert [one.split(" ", 3)[3] for one in stored] == ["+FLAGS (\\SEEN)"] * 2
        assert len(server.files()) == 2


async def test_a_server_that_tells_nothing_is_asked_all_the_same() -> None:
    async with imap_server() as server, tapped(server) as tap, memory_tools(SystemClock()) as tools:
        tap.deaf = True
        server.put("1.mail", mail(1))
        put = False

        def done() -> bool:
            nonlocal put
            if tools.kept and tap.count("IDLE") and not put:
                server.put("2.mail", mail(2))
                put = True
            return len(tools.kept) == 2

        await read(tap, tools, 2, sync_s=0.3, until=done)
        assert tap.connections == 1


async def test_a_line_that_died_unnoticed_is_given_up() -> None:
    async with imap_server() as server, tapped(server) as tap, memory_tools(SystemClock()) as tools:
        server.put("1.mail", mail(1))
        frozen = False

        def done() -> bool:
            nonlocal frozen
            if tools.kept and tap.count("IDLE") and not frozen:
                tap.frozen = frozen = True
                server.put("2.mail", mail(2))
            return len(tools.kept) == 2

        await read(tap, tools, 2, sync_s=0.3, timeout_s=0.5, until=done)
        assert tap.connections == 2


async def test_mails_from_long_before_the_hub_are_left_alone() -> None:
    async with imap_server() as server, memory_tools(SystemClock()) as tools:
        server.put("1.mail", mail(1), days_ago=4)
        server.put("2.mail", mail(2), days_ago=2)
        server.put("3.mail", mail(3))
        await read(server, tools, 2)
        assert sorted(tools.kept.values()) == [mail(2), mail(3)]
        await server.stop()
        server.forget_numbers()
        server.put("4.mail", mail(4))
        await server.start()
        await read(server, tools, 5)
        assert sorted(tools.kept.values()) == [mail(2), mail(2), mail(3), mail(3), mail(4)], (
            "nor when it is made anew"
        )


# ---- access tokens


@asynccontextmanager
async def with_tokens() -> AsyncIterator[tuple[TokenServer, MailServer, MemoryTools]]:
    async with (
        token_server() as tokens,
        imap_server(tokens=tokens.url) as server,
        memory_tools(SystemClock()) as tools,
    ):
        yield tokens, server, tools


async def test_a_mailbox_is_read_with_tokens_that_are_renewed() -> None:
    async with with_tokens() as (tokens, server, tools):
        server.put("1.mail", mail(1))
        await read(server, tools, 1, **tokens.settings())
        assert [one["grant_type"] for one in tokens.asked] == ["refresh_token"]
        server.put("2.mail", mail(2))
        await read(server, tools, 2, **tokens.settings())
        assert len(tokens.asked) == 1, "kept for all processes, through restarts"
        tokens.good.clear()  # taken back by the provider
        server.put("3.mail", mail(3))
        await read(server, tools, 3, **tokens.settings())
        assert len(tokens.asked) == 2
        assert tools.alarms == {}


async def test_a_mailbox_that_needs_consent_is_an_alarm_until_a_new_token_is_set() -> None:
    async with with_tokens() as (tokens, server, tools):
        old = tokens.settings()
        tokens.refresh = "gia-han-moi"
        await read(server, tools, 0, **old, until=lambda: len(tools.alarms) == 2)
        assert {what.rpartition(":")[2] for what in tools.alarms} == {"login", "consent"}
        assert "gia-han-1" not in "".join(tools.alarms.values())
        server.put("1.mail", mail(1))
        await read(server, tools, 1, **tokens.settings())
        assert tools.alarms == {}
