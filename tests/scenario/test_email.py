"""An e-mailer through the whole hub: a mail into a real Dovecot, answers out over SMTP."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

import pytest
from aiohttp import ClientSession, CookieJar

from handoff import accounts
from hub.clock import SystemClock
from hub.model import Message, derived_id
from hub.wiring import HubProcess, read_settings
from tests.fakes.bots import ScriptedBot
from tests.fakes.imap_server import DOVECOT, MailServer, imap_server
from tests.fakes.smtp_server import MailExchange, mail_exchange
from tests.web.console_hub import PASSWORD, Browser

pytestmark = pytest.mark.skipif(
    not Path(DOVECOT).exists() and not os.environ.get("CI_NO_SKIP"), reason="dovecot-imapd is not installed"
)
ADDRESS = "1022@1022.example.vn"
CITIZEN = "a@example.vn"
IN_TIME_S = 30  # generous: the machine may be busy
DAY_MS = 24 * 3_600_000


@dataclass
class Post:
    """One running hub with its mailbox, looked at from inside and outside."""

    process: HubProcess
    mailbox: MailServer
    out: MailExchange
    bot: ScriptedBot

    def writes(self, name: str, subject: str, text: str, **headers: str) -> None:
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = f"Nguyễn Văn A <{CITIZEN}>", ADDRESS, subject
        mail["Message-ID"] = f"<{name}@example.vn>"
        for field, value in headers.items():
            mail[field.replace("_", "-")] = value
        mail.set_content(text)
        self.mailbox.put(f"{name}.mail", mail.as_bytes())

    async def until(self, true: Callable[[], Awaitable[bool]]) -> None:
        async with asyncio.timeout(IN_TIME_S):
            while not await true():  # noqa: ASYNC110 - Dovecot and the last step of a delivery signal nothing
                await asyncio.sleep(0.05)

    async def settled(self, key: str, count: int) -> list[Message]:
        """Wait until the conversation has so many lines, and none is on its way any more."""
        conversation = derived_id("c", "email", ADDRESS, f"{key}@example.vn")

        async def done() -> bool:
            lines = await self.process.store.messages(conversation)
            return len(lines) >= count and not any(m.delivery in ("queued", "sending") for m in lines)

        await self.until(done)
        return await self.process.store.messages(conversation)


@pytest.fixture
async def post(tmp_path: Path) -> AsyncIterator[Post]:
    async with imap_server() as mailbox, mail_exchange() as out:
        bot = ScriptedBot()
        email = {"address": ADDRESS, "imap_url": mailbox.url, "smtp_url": out.url}
        settings = read_settings(data=tmp_path, port=0, secret_key="k", reply_pause_ms=0, email=email)
        process = HubProcess(settings, bot=bot)
        await process.start()
        try:
            yield Post(process, mailbox, out, bot)
            books = await process.store.books(now=SystemClock().now(), grace_ms=DAY_MS)
            assert books.problems == ()
        finally:
            await process.stop()


async def test_bot_and_person_answer_in_the_thread(post: Post) -> None:
    post.writes("1", "Hỏi khai sinh", "làm khai sinh cần gì")
    await post.settled("1", 2)
    (answer,) = post.out.taken
    assert post.out.recipients == [[CITIZEN]]
    assert (answer["Subject"], answer["In-Reply-To"]) == ("Re: Hỏi khai sinh", "<1@example.vn>")
    assert answer["Auto-Submitted"] == "auto-replied"

    post.writes("2", "Re: Hỏi khai sinh", "cho tôi gặp người", In_Reply_To=answer["Message-ID"])
    lines = await post.settled("1", 5)
    ((ticket, conversation),) = await post.process.store.queue(limit=2)
    assert conversation.sender == CITIZEN
    assert any(ticket.code in str(mail.get_body(("plain",)).get_content()) for mail in post.out.taken)  # type: ignore[union-attr]

    store = post.process.store
    await accounts.add_staff(store, "lan", "Nguyễn Thị Lan", "operator")
    staff = await store.staff_by_login("lan")
    assert staff is not None
    await store.put_staff(accounts.with_password(staff, PASSWORD))
    async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as client:
        lan = Browser(f"http://127.0.0.1:{post.process.port}", client)
        assert (await lan.log_in("lan")).status == 303
        assert (await lan.act(ticket.conversation, "take", ticket=ticket.id, key="t")).status == 200
        form = {"ticket": ticket.id, "text": "Dạ, em là Lan, tổng đài viên.", "key": "r"}
        assert (await lan.act(ticket.conversation, "reply", **form)).status == 200
    await post.settled("1", len(lines) + 1)
    personal = post.out.taken[-1]
    assert personal["Auto-Submitted"] is None
    assert personal["In-Reply-To"] == "<2@example.vn>"
    assert "em là Lan" in personal.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert len(post.mailbox.files()) == 2, "nothing is removed from the mailbox"


async def test_machines_are_heard_and_not_answered(post: Post) -> None:
    post.writes("1", "Tự động: vắng mặt", "Tôi đang nghỉ phép.", Auto_Submitted="auto-replied")
    post.writes("2", "Hỏi", "làm khai sinh cần gì")
    await post.settled("2", 2)
    (heard,) = await post.settled("1", 1)
    assert heard.automatic
    assert [mail["In-Reply-To"] for mail in post.out.taken] == ["<2@example.vn>"]
    assert len(post.bot.asked) == 1
