"""A Zalo citizen through the whole hub: signed webhooks in, API calls out, against the played platform.

Its echoes and receipts come back before it answers the call they are about, as they may with Zalo.
"""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, DummyCookieJar

from connectors.zalo import CLOSED
from hub.model import Button, Draft
from hub.ports import BotAnswer, Question
from hub.signals import ELSEWHERE
from hub.store import store_for
from hub.wiring import HubProcess, read_settings
from tests.contract.builders import queue
from tests.fakes.bots import ScriptedBot, echo
from tests.fakes.zalo import OA_ID, FakeZalo, fake_zalo
from tests.scenario.town import DAY_MS, MovedClock, Seen

USER = "700100200300400501"
CHOICES = (
    Button(title="Đăng ký khai sinh", payload="/birth"),
    Button(title="Gặp tổng đài viên", payload="/human"),
)


def reply(question: Question) -> BotAnswer:
    if question.payload == "/birth":
        return BotAnswer(
            kind="procedure", says=(Draft(text="Cần Giấy chứng sinh."),), dialogue=question.dialogue
        )
    if "làm giấy" in question.text:
        which = Draft(text="Anh/chị hỏi việc nào ạ?", buttons=CHOICES)
        return BotAnswer(kind="clarify", says=(which,), dialogue=question.dialogue)
    if "phản ánh" in question.text:
        asking = Draft(text="Anh/chị cho em xin số điện thoại ạ.", ask="contact")
        return BotAnswer(kind="slot_answer", says=(asking,), dialogue=question.dialogue)
    return echo(question)


@dataclass
class Town:
    """Zalo, and the hubs that serve its OA."""

    clock: MovedClock
    zalo: FakeZalo
    folder: Path
    bot: ScriptedBot = field(default_factory=lambda: ScriptedBot(reply=reply))

    def hub(self, name: str = "one", **roles: bool) -> HubProcess:
        section = self.zalo.settings(verifier_code="File1", site_verification="Meta1")
        settings = read_settings(
            data=self.folder / name, store_url=f"sqlite:///{self.folder}/hub.db", port=0, secret_key="k",
            reply_pause_ms=0, zalo=section,
        )  # fmt: skip
        return HubProcess(settings, bot=self.bot, clock=self.clock, **({"mail": False} | roles))

    @asynccontextmanager
    async def running(self, **roles: bool) -> AsyncIterator["Seen"]:
        process = self.hub(**roles)
        await process.start()
        self.zalo.webhook = f"http://127.0.0.1:{process.port}/webhooks/zalo"
        try:
            yield Seen(process, "zalo", OA_ID, USER)
        finally:
            await process.stop()

    @property
    def said(self) -> list[str]:
        return [sent["message"].get("text", "") for sent in self.zalo.sent]


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    clock = MovedClock()
    async with ClientSession(cookie_jar=DummyCookieJar()) as http, fake_zalo(clock, http) as zalo:
        zalo.names[USER] = "Chị Mẫu"
        yield Town(clock, zalo, tmp_path)


async def balanced(town: Town, *, problems: tuple[str, ...] = ()) -> None:
    store = store_for(f"sqlite:///{town.folder}/hub.db", town.folder)
    await store.open()
    try:
        books = await store.books(now=town.clock.now(), grace_ms=DAY_MS)
        assert books.problems == problems
        assert books.unparsed == 0
    finally:
        await store.close()


async def test_bot_person_and_oa_manager_in_one_conversation(town: Town) -> None:
    town.zalo.times = 2  # every delivery comes twice
    async with town.running() as seen, seen.operator() as lan:
        await town.zalo.says(USER, "cho em hỏi làm giấy")
        await seen.settled(2)
        offered = town.zalo.sent[0]["message"]["attachment"]["payload"]["buttons"]
        assert [button["title"] for button in offered] == [choice.title for choice in CHOICES]
        await town.zalo.says(USER, offered[0]["payload"])  # pressing sends that text
        await seen.settled(4)
        assert town.said == ["Anh/chị hỏi việc nào ạ?", "Cần Giấy chứng sinh."]

        await town.zalo.says(USER, "cho em gặp người")
        lines = await seen.settled(7)
        told = re.search(r"1022-\d{4}-\d{6}", town.said[-1])
        assert told is not None
        ticket = await seen.process.store.ticket_by_code(told[0])
        assert ticket is not None

        async def named() -> bool:
            return (await seen.conversation()).name is not None

        await seen.until(named)
        status, inbox = await lan.get("/console")
        assert status == 200
        assert told[0] in inbox
        id_ = ticket.conversation
        _, page = await lan.get(f"/console/conversations/{id_}")
        assert "Chị Mẫu" in page
        assert (await lan.act(id_, "take", ticket=ticket.id)).status == 200
        answer = await lan.act(id_, "reply", ticket=ticket.id, text="Dạ, em là Lan, tổng đài viên.")
        assert answer.status == 200
        lines = await seen.settled(len(lines) + 1)
        assert town.said[-1] == "Dạ, em là Lan, tổng đài viên."
        assert (await lan.act(id_, "hand-back", ticket=ticket.id)).status == 200
        await seen.quiet()
        assert not any(m.text == ELSEWHERE for m in await seen.messages()), "our own echoes are known as ours"
        assert all(m.delivery == "delivered" for m in await seen.messages() if m.external_id and m.delivery)

        # somebody answers from OA Manager
        await town.zalo.staff_says(USER, "Chào chị, cán bộ xã trả lời đây.")

        await seen.taken_over()
        asked, sent = len(town.bot.asked), len(town.zalo.sent)
        await town.zalo.says(USER, "cảm ơn anh")
        await seen.heard("cảm ơn anh")
        assert (len(town.bot.asked), len(town.zalo.sent)) == (asked, sent), "the bot is silent"
        elsewhere = [m for m in await seen.messages() if m.text == "Chào chị, cán bộ xã trả lời đây."]
        assert [(m.author, m.delivery) for m in elsewhere] == [("operator", "sent")]
        assert set(town.zalo.answers) == {200}
    await balanced(town)


async def test_choices_as_a_numbered_list(town: Town) -> None:
    town.zalo.takes_buttons = False
    async with town.running() as seen:
        await town.zalo.says(USER, "cho em hỏi làm giấy")
        await seen.settled(2)
        assert town.said == ["Anh/chị hỏi việc nào ạ?\n1. Đăng ký khai sinh\n2. Gặp tổng đài viên"]
        await town.zalo.says(USER, "1")
        await seen.settled(4)
        assert town.said[1:] == ["Cần Giấy chứng sinh."]
        await seen.quiet()
        assert (await seen.conversation()).owner == "bot", "the list's echo is known as ours"
    await balanced(town)


async def test_contact_details_are_asked_for_and_taken(town: Town) -> None:
    async with town.running() as seen:
        await town.zalo.says(USER, "em muốn phản ánh")
        await seen.settled(2)
        payload = town.zalo.sent[0]["message"]["attachment"]["payload"]
        assert payload["template_type"] == "request_user_info"
        await town.zalo.deliver(
            {
                "app_id": "1100220033004400550",
                "event_name": "user_submit_info",
                "sender": {"id": USER},
                "recipient": {"id": OA_ID},
                "info": {"name": "Mẫu", "phone": "84900000000", "address": "Cao Lãnh"},
                "timestamp": str(town.clock.now()),
            }
        )
        lines = await seen.settled(4)
        assert [m.text for m in lines][2:] == ["84900000000", "[1] 84900000000"]
        await seen.quiet()
        standing = await seen.conversation()
        assert standing.contact == {"phone": "84900000000", "address": "Cao Lãnh"}
        assert standing.owner == "bot", "the form's echo, which has no text, is known as ours"
    await balanced(town)


async def test_a_person_who_withdraws_is_forgotten(town: Town) -> None:
    async with town.running() as seen:
        await town.zalo.says(USER, "tôi tên Mẫu, nhà ở phường 1")
        await seen.settled(2)
        await seen.quiet()
        event: dict[str, Any] = {"app_id": "1100220033004400550", "event_name": "user_withdraw"}
        event |= {"sender": {"id": USER}, "recipient": {"id": OA_ID}, "timestamp": str(town.clock.now())}
        await town.zalo.deliver(event)

        async def gone() -> bool:
            return not any(m.text for m in await seen.messages())

        await seen.until(gone)
        await seen.quiet()
        standing = await seen.conversation()
        assert (standing.name, standing.sender, standing.contact) == (None, "", {})
    await balanced(town)


async def test_after_seven_days_the_operator_sees_that_nothing_can_be_sent(town: Town) -> None:
    async with town.running() as seen:
        await town.zalo.says(USER, "cho em gặp người")
        await seen.settled(3)
        (ticket, _), *_ = await queue(seen.process.store, limit=1)
        await seen.quiet()
        town.clock.ahead_ms += 8 * DAY_MS
        sent = len(town.zalo.sent)
        async with seen.operator() as lan:
            _, page = await lan.get(f"/console/conversations/{ticket.conversation}")
            assert CLOSED in page, "told before they write"
            await lan.act(ticket.conversation, "take", ticket=ticket.id)
            late = {"ticket": ticket.id, "text": "Chị còn cần hỗ trợ không ạ?"}
            assert (await lan.act(ticket.conversation, "reply", **late)).status == 409
            assert not any(m.text == late["text"] for m in await seen.messages())
        assert len(town.zalo.sent) == sent
    await balanced(town)


async def test_two_workers_renew_the_tokens_once(town: Town) -> None:
    users = [str(700100200300400600 + n) for n in range(6)]
    other = town.hub("two", pages=False)
    async with town.running() as seen:
        await other.start()
        try:
            await town.zalo.says(users[0], "xin chào")
            await seen.settled(2, users[0])
            renewed = town.zalo.refreshes  # once at the start: nobody knows how old the settings' pair is
            town.clock.ahead_ms += 26 * 3_600_000  # the access token is dead for everybody at once
            for user in users:
                await town.zalo.says(user, "còn ai không")
            for n, user in enumerate(users):
                await seen.settled(4 if n == 0 else 2, user)
        finally:
            await other.stop()
        await seen.quiet()
        for user in users:
            assert all(
                m.delivery in ("sent", "delivered") for m in await seen.messages(user) if m.author == "bot"
            )
    assert (renewed, town.zalo.refreshes) == (1, 2)
    assert sorted(town.said) == sorted(["[1] xin chào", "[2] còn ai không", *["[1] còn ai không"] * 5])
    await balanced(town)


async def test_the_outside_of_the_channel(town: Town) -> None:
    """What Zalo's portal and strangers find: verification, call-back, trial, forgeries."""
    async with town.running() as seen, ClientSession() as http:
        async with http.get(f"{seen.url}/") as answer:
            assert '<meta name="zalo-platform-site-verification" content="Meta1">' in await answer.text()
        async with http.get(f"{seen.url}/zalo_verifierFile1.html") as answer:
            assert (answer.status, "Meta1" in await answer.text()) == (200, True)
        async with http.get(f"{seen.url}/zalo_verifierOther.html") as answer:
            assert answer.status == 404
        async with http.get(f"{seen.url}/zalo/callback?code=x&state=forged") as answer:
            assert (answer.status, "hub zalo login" in await answer.text()) == (400, True)
        hook = f"{seen.url}/webhooks/zalo"
        async with http.post(hook, data=b"{}") as answer:
            assert answer.status == 200
        for unsigned in (b'{"event_name":"user_send_text","app_id":"1","timestamp":"1"}', b"", b"[]"):
            async with http.post(hook, data=unsigned, headers={"X-ZEvent-Signature": "mac=00"}) as answer:
                assert answer.status == 401
        books = await seen.process.store.books(now=town.clock.now(), grace_ms=DAY_MS)
        assert (books.raw_items, books.refused) == (0, 0), (
            "nothing unsigned is kept, and a trial is no refusal"
        )
        async with http.get(f"{seen.url}/metrics") as answer:
            counted = await answer.text()
        assert 'hub_deliveries_total{channel="zalo",result="forged"} 3.0' in counted
        assert 'hub_deliveries_total{channel="zalo",result="probe"} 1.0' in counted
