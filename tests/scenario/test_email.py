"""An e-mailer through the whole hub: a mail into a real Dovecot, answers out over SMTP."""

import asyncio
import os
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from email.message import Message as Part
from email.mime.message import MIMEMessage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from pathlib import Path

import pytest
from aiohttp import ClientSession, CookieJar

from handoff import accounts
from hub.clock import SystemClock
from hub.model import Message, derived_id
from hub.turn import UNREADABLE
from hub.wiring import HubProcess, read_settings
from tests.contract.builders import queue
from tests.fakes.bots import ScriptedBot
from tests.fakes.imap_server import DOVECOT, MailServer, imap_server
from tests.fakes.smtp_server import MailExchange, mail_exchange
from tests.web.console_hub import PASSWORD, Browser

pytestmark = pytest.mark.skipif(
    not Path(DOVECOT).exists() and not os.environ.get("CI_NO_SKIP"), reason="dovecot-imapd is not installed"
)
ADDRESS = "1022@1022.example.vn"
CITIZEN = "a@example.vn"
TICKET = re.compile(r"1022-\d{4}-\d{6}")
IN_TIME_S = 30  # generous: the machine may be busy
DAY_MS = 24 * 3_600_000


@dataclass
class Post:
    """One running hub with its mailbox, looked at from inside and outside."""

    process: HubProcess
    mailbox: MailServer
    out: MailExchange
    bot: ScriptedBot

    def conversation(self, key: str) -> str:
        return derived_id("c", "email", ADDRESS, f"{key}@example.vn")

    @asynccontextmanager
    async def operator(self) -> AsyncIterator[Browser]:
        store = self.process.store
        await accounts.add_staff(store, "lan", "Nguyễn Thị Lan", "operator")
        staff = await store.staff_by_login("lan")
        assert staff is not None
        await store.put_staff(accounts.with_password(staff, PASSWORD))
        async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as client:
            lan = Browser(f"http://127.0.0.1:{self.process.port}", client)
            assert (await lan.log_in("lan")).status == 303
            yield lan

    def writes(self, name: str, subject: str, text: str, **headers: str) -> None:
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = f"Nguyễn Văn A <{CITIZEN}>", ADDRESS, subject
        for field, value in ({"Message_ID": f"<{name}@example.vn>"} | headers).items():
            mail[field.replace("_", "-")] = value
        mail.set_content(text)
        self.mailbox.put(f"{name}.mail", mail.as_bytes())

    async def until(self, true: Callable[[], Awaitable[bool]]) -> None:
        async with asyncio.timeout(IN_TIME_S):
            while not await true():  # noqa: ASYNC110 - Dovecot and the last step of a delivery signal nothing
                await asyncio.sleep(0.05)

    async def settled(self, key: str, count: int) -> list[Message]:
        """Wait until the conversation has so many lines, and none is on its way any more."""
        conversation = self.conversation(key)

        async def done() -> bool:
            lines = await self.process.store.messages(conversation)
            return len(lines) >= count and not any(m.delivery in ("queued", "sending") for m in lines)

        await self.until(done)
        return await self.process.store.messages(conversation)


@pytest.fixture
async def post(tmp_path: Path) -> AsyncIterator[Post]:
    async with imap_server() as mailbox, mail_exchange() as out:
        bot = ScriptedBot()
        email = {"address": ADDRESS, "imap_url": mailbox.url, "smtp_url": out.url, "largest_mail": 20_000}
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
    lines = await post.settled("1", 4)  # what is said at once is one letter
    ((ticket, conversation),) = await queue(post.process.store, limit=2)
    assert (conversation.sender, conversation.name) == (CITIZEN, "Nguyễn Văn A")
    assert any(ticket.code in str(mail.get_body(("plain",)).get_content()) for mail in post.out.taken)  # type: ignore[union-attr]

    async with post.operator() as lan:
        assert (await lan.act(ticket.conversation, "take", ticket=ticket.id, key="t")).status == 200
        form = {"ticket": ticket.id, "text": "Dạ, em là Lan, tổng đài viên.", "key": "r"}
        assert (await lan.act(ticket.conversation, "reply", **form)).status == 200
    await post.settled("1", len(lines) + 1)
    personal = post.out.taken[-1]
    assert personal["Auto-Submitted"] is None
    assert personal["In-Reply-To"] == "<2@example.vn>"
    assert "em là Lan" in personal.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert len(post.mailbox.files()) == 2, "nothing is removed from the mailbox"


def report(mail: EmailMessage, action: str, status: str) -> bytes:
    """What a mail server says about a mail of ours."""
    told = MIMEMultipart("report", report_type="delivery-status")
    told["From"], told["To"] = "Mail Delivery System <MAILER-DAEMON@mx.example.vn>", ADDRESS
    told["Subject"], told["Message-ID"] = "Undelivered Mail Returned to Sender", f"<{action}@mx.example.vn>"
    told.attach(MIMEText("This is the mail system at host mx.example.vn."))
    fields = Part()
    fields["Final-Recipient"], fields["Action"], fields["Status"] = f"rfc822; {CITIZEN}", action, status
    fields["Diagnostic-Code"] = f"smtp; 550 {status} no such user"
    server = Part()
    server["Reporting-MTA"] = "dns; mx.example.vn"
    status_part = Part()
    status_part["Content-Type"] = "message/delivery-status"
    status_part.set_payload([server, fields])
    told.attach(status_part)
    told.attach(MIMEMessage(mail))
    return told.as_bytes()


async def test_a_mail_that_comes_back_is_shown_at_the_answer_and_before_writing(post: Post) -> None:
    post.writes("1", "Hỏi khai sinh", "làm khai sinh cần gì")
    await post.settled("1", 2)
    (sent,) = post.out.taken
    store, id_ = post.process.store, post.conversation("1")

    async def answer_has(word: str, value: str) -> bool:
        return (await store.messages(id_))[1].data.get(word) == value

    post.mailbox.put("delayed.mail", report(sent, "delayed", "4.4.1"))
    await post.until(lambda: answer_has("bounce", "550 4.4.1 no such user"))
    waiting = await store.conversation(id_)
    assert waiting is not None
    assert (waiting.unreachable, waiting.owner) == (None, "bot"), "the server still tries"

    post.mailbox.put("failed.mail", report(sent, "failed", "5.1.1"))
    await post.until(lambda: answer_has("bounce", "550 5.1.1 no such user"))
    ((ticket, standing),) = await queue(store, limit=2)
    assert (ticket.reason, standing.id) == ("send_failed", id_)
    assert "550 5.1.1 no such user" in (standing.unreachable or "")
    assert len(post.out.taken) == 1, "a report is answered by nobody"
    async with post.operator() as lan:
        _, page = await lan.get(f"/console/conversations/{id_}")
        assert "550 5.1.1 no such user" in page
        await lan.act(id_, "take", ticket=ticket.id, key="t")
        assert (await lan.act(id_, "reply", ticket=ticket.id, text="Chào anh", key="r")).status == 409

    post.writes("2", "Re: Hỏi khai sinh", "tôi đã sửa hộp thư", In_Reply_To=sent["Message-ID"])

    async def reachable() -> bool:
        now = await store.conversation(id_)
        return now is not None and now.unreachable is None

    await post.until(reachable)


async def test_an_answering_machine_is_not_answered_for_ever(post: Post) -> None:
    """It marks nothing and refers to nothing, so every one of its mails looks like a new one of a person."""
    for n in range(7):
        post.writes(f"{n}", "Xác nhận", f"Đã nhận thư số {n}.")
    for n in range(7):
        await post.settled(f"{n}", 1)

    async def all_dealt_with() -> bool:
        talks = [await post.process.store.messages(post.conversation(f"{n}")) for n in range(7)]
        return all(talk[0].outcome is not None for talk in talks)

    await post.until(all_dealt_with)
    assert len(post.out.taken) == 5
    assert len(await queue(post.process.store, limit=9)) == 2, "people look at the others"


async def test_one_id_twice_and_a_mail_that_is_too_large(post: Post) -> None:
    post.writes("1", "Hỏi khai sinh", "làm khai sinh cần gì")
    await post.settled("1", 2)
    post.writes("again", "Hỏi khai tử", "làm khai tử cần gì", Message_ID="<1@example.vn>")
    lines = await post.settled("1", 4)
    assert [m.text for m in lines if m.author == "citizen"] == ["làm khai sinh cần gì", "làm khai tử cần gì"]
    assert [mail["In-Reply-To"] for mail in post.out.taken] == ["<1@example.vn>"] * 2
    post.writes("big", "Gửi hồ sơ", "x" * 30_000)
    lines = await post.settled("big", 2)
    assert UNREADABLE["too_big"] in (lines[1].text or "")
    assert (await post.process.store.ticket_by_code(TICKET.findall(lines[1].text or "")[0])) is not None
    post.writes("3", "Re: Gửi hồ sơ", "cho hỏi kết quả", In_Reply_To=post.out.taken[-1]["Message-ID"])
    await post.settled("big", 4)
    assert TICKET.search(post.out.taken[-1]["Subject"]), "the case's code stands in the subject"


async def test_machines_are_heard_and_not_answered(post: Post) -> None:
    post.writes("1", "Tự động: vắng mặt", "Tôi đang nghỉ phép.", Auto_Submitted="auto-replied")
    post.writes("2", "Hỏi", "làm khai sinh cần gì")
    await post.settled("2", 2)
    (heard,) = await post.settled("1", 1)
    assert heard.automatic
    assert [mail["In-Reply-To"] for mail in post.out.taken] == ["<2@example.vn>"]
    assert len(post.bot.asked) == 1
