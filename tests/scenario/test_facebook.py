"""A Facebook Page through the whole hub: signed webhooks in, Graph calls out, against the played platform.

Its echoes and receipts come back before it answers the call they are about, as they may with Facebook.
"""

import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, DummyCookieJar

from hub.model import Button, Draft, Ticket
from hub.ports import BotAnswer, Question
from hub.signals import ELSEWHERE
from hub.turn import TOLD_PRIVATELY
from hub.web.console_moderation import REFUSED
from hub.wiring import HubProcess, read_settings
from tests.contract.builders import queue
from tests.fakes.bots import ScriptedBot, echo
from tests.fakes.graph import PAGE_ID, PAGE_INBOX, VERIFY_TOKEN, FakeGraph, Fault, fake_graph, signed
from tests.scenario.town import DAY_MS, MovedClock, Seen
from tests.web.console_hub import Browser

USER = "24001122334455667"
CODE = re.compile(r"1022-\d{4}-\d{6}")
CHOICES = (
    Button(title="Khai sinh", payload="/birth"),
    Button(title="Đăng ký khai sinh có yếu tố nước ngoài", payload="/birth_abroad"),
)
PAPERS = {"/birth": "Cần Giấy chứng sinh.", "/birth_abroad": "Cần thêm giấy tờ của nước ngoài."}


def reply(question: Question) -> BotAnswer:
    if question.payload in PAPERS:
        answer = Draft(text=PAPERS[question.payload])
        return BotAnswer(kind="procedure", says=(answer,), dialogue=question.dialogue)
    if "làm giấy" in question.text:
        which = Draft(text="Anh/chị hỏi việc nào ạ?", buttons=CHOICES)
        return BotAnswer(kind="clarify", says=(which,), dialogue=question.dialogue)
    return echo(question)


@dataclass
class Town(Seen):
    """One running hub and its Page."""

    clock: MovedClock
    graph: FakeGraph
    bot: ScriptedBot
    lan: Browser = field(init=False)  # an operator, signed in

    @property
    def said(self) -> list[str]:
        return [one["text"] if "comment" in one else one["message"]["text"] for one in self.graph.sent]

    async def later(self, ms: int) -> None:
        """Time passes, and the operator comes to work again."""
        self.clock.ahead_ms += ms
        assert (await self.lan.log_in("lan")).status == 303

    async def ticket(self) -> Ticket:
        """The one that the citizen was told of last."""
        told = CODE.search(self.said[-1])
        assert told is not None
        ticket = await self.process.store.ticket_by_code(told[0])
        assert ticket is not None
        return ticket

    async def answers(self, ticket: Ticket, text: str) -> None:
        """The operator takes the ticket and answers."""
        assert (await self.lan.act(ticket.conversation, "take", ticket=ticket.id, key=text)).status == 200
        form = {"ticket": ticket.id, "text": text, "key": text}
        assert (await self.lan.act(ticket.conversation, "reply", **form)).status == 200


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    clock, bot = MovedClock(), ScriptedBot(reply=reply)
    async with ClientSession(cookie_jar=DummyCookieJar()) as http, fake_graph(clock, http) as graph:
        graph.names[USER] = ("Văn Mẫu", "Nguyễn")
        settings = read_settings(
            data=tmp_path, port=0, secret_key="k", reply_pause_ms=0, facebook=graph.settings()
        )
        process = HubProcess(settings, bot=bot, clock=clock, mail=False)
        await process.start()
        graph.webhook = f"http://127.0.0.1:{process.port}/webhooks/facebook"
        try:
            town = Town(process, "facebook", PAGE_ID, USER, clock, graph, bot)
            async with town.operator() as town.lan:
                yield town
            await town.quiet()
            books = await process.store.books(now=clock.now(), grace_ms=DAY_MS)
            assert books.problems == ()
        finally:
            await process.stop()


def tags(graph: FakeGraph) -> list[str | None]:
    return [one.get("tag") for one in graph.sent]


async def test_bot_and_person_answer_on_messenger(town: Town) -> None:
    graph = town.graph
    graph.times = 2  # every delivery comes twice
    await graph.says(USER, "cho em hỏi làm giấy")
    await town.settled(2)
    offered = graph.sent[0]["message"]
    assert "2. Đăng ký khai sinh có yếu tố nước ngoài" in offered["text"], "too long for a quick reply"
    pressed = offered["quick_replies"][1]
    await graph.says(USER, pressed["title"], quick_reply={"payload": pressed["payload"]})
    await town.settled(4)
    assert town.said[-1] == PAPERS["/birth_abroad"]
    assert {sign for _, sign in graph.signs} == {"mark_seen", "typing_on"}

    await graph.says(USER, "cho em gặp người")
    await town.settled(7)
    ticket = await town.ticket()

    async def named() -> bool:
        return (await town.conversation()).name == "Nguyễn Văn Mẫu"

    await town.until(named)
    await town.answers(ticket, "Dạ, em là Lan, tổng đài viên.")
    await town.settled(8)
    assert town.said[-1] == "Dạ, em là Lan, tổng đài viên."
    assert tags(graph) == [None] * len(graph.sent)
    await town.quiet()
    lines = await town.messages()
    assert not any(m.text == ELSEWHERE for m in lines), "our own echoes are known as ours"
    assert all(m.delivery == "delivered" for m in lines if m.author != "citizen" and not m.internal)
    asked = len(town.bot.asked)
    await graph.says(USER, "cảm ơn chị Lan")
    await town.settled(len(lines) + 1)
    await town.quiet()
    assert len(town.bot.asked) == asked, "the bot is silent"
    assert set(graph.answers) == {200}


async def test_after_a_day_only_the_operator_writes_as_a_human_agent(town: Town) -> None:
    graph = town.graph
    await graph.says(USER, "cho em gặp người")
    await town.settled(3)
    ticket = await town.ticket()
    await town.quiet()
    await town.later(DAY_MS)
    await town.answers(ticket, "Xin lỗi để anh/chị chờ lâu.")
    await town.settled(4)
    assert tags(graph) == [None, None, "HUMAN_AGENT"]
    assert (await town.lan.act(ticket.conversation, "hand-back", ticket=ticket.id)).status == 200
    assert len(graph.sent) == 3, "that the bot is back is not worth a message"

    await graph.says(USER, "em hỏi thêm")  # the day begins again
    lines = await town.settled(6)
    assert [m.author for m in lines[-2:]] == ["citizen", "bot"]
    assert tags(graph)[-1] is None

    await town.later(7 * DAY_MS)
    late = {"ticket": ticket.id, "text": "Anh/chị còn cần hỗ trợ không ạ?"}
    assert (await town.lan.act(ticket.conversation, "take", ticket=ticket.id, key="late")).status == 200
    assert (await town.lan.act(ticket.conversation, "reply", **late)).status == 409
    assert not any(m.text == late["text"] for m in await town.messages())
    assert len(graph.sent) == 4


async def test_a_question_that_waited_too_long_goes_to_people(town: Town) -> None:
    """The hub was away for a day: a machine may not answer any more."""
    body, headers = signed(await muted(town, USER, "còn ai không"))
    await town.later(DAY_MS)
    assert town.graph.webhook is not None
    async with town.graph.http.post(town.graph.webhook, data=body, headers=headers) as answer:
        assert answer.status == 200

    async def handed_over() -> bool:
        return bool(await town.messages()) and (await town.conversation()).owner == "human"

    await town.until(handed_over)
    assert (town.graph.sent, town.bot.asked) == ([], [])
    ((ticket, _),) = await queue(town.process.store, limit=2)
    await town.answers(ticket, "Dạ, em đây ạ.")
    await town.settled(2)
    assert tags(town.graph) == ["HUMAN_AGENT"]


async def muted(town: Town, user: str, text: str) -> dict[str, Any]:
    """A delivery that does not arrive."""
    webhook, town.graph.webhook = town.graph.webhook, None
    delivery = await town.graph.says(user, text)
    town.graph.webhook = webhook
    return delivery


async def test_a_comment_is_answered_in_public_and_its_code_in_private(town: Town) -> None:
    graph = town.graph
    graph.times = 2
    first = await graph.comments_on("5001", "hỏi làm giấy")
    key = f"comment:{first}"
    await town.settled(2, key)
    assert graph.sent[0]["comment"] == first
    assert "1. Khai sinh" in graph.sent[0]["text"]
    await graph.comments_on("5001", "1", parent=first)
    await town.settled(4, key)
    assert town.said[-1] == PAPERS["/birth"]

    second = await graph.comments_on("5002", "tôi thì cần gặp người", parent=first)
    lines = await town.settled(8, key)
    private = graph.sent[-1]
    assert (private["recipient"], private["user"]) == ({"comment_id": second}, "5002"), "not who began it"
    ticket = await town.ticket()
    public = [one["text"] for one in graph.sent if "comment" in one]
    assert public[-1] == TOLD_PRIVATELY
    assert not any(CODE.search(text) or ticket.lookup_key in text for text in public)

    await town.answers(ticket, "Mời anh/chị nhắn tin cho Trang.")
    await town.settled(len(lines) + 1, key)
    assert (graph.sent[-1]["comment"], town.said[-1]) == (first, "Mời anh/chị nhắn tin cho Trang.")
    await town.quiet()
    assert not any(m.text == ELSEWHERE for m in await town.messages(key)), (
        "our own comments are known as ours"
    )
    assert tags(graph) == [None] * len(graph.sent)


async def test_an_operator_hides_a_comment_and_shows_it_again(town: Town) -> None:
    comment = await town.graph.comments_on("5001", "0900000000 gọi tôi")
    await town.settled(2, f"comment:{comment}")
    written = (await town.messages(f"comment:{comment}"))[0]
    path = f"/console/conversations/{written.conversation}"
    lan = town.lan

    async def moderated(hidden: str) -> str:
        form = {"csrf": await lan.token(), "hidden": hidden}
        async with lan.client.post(f"{lan.url}{path}/comments/{written.id}/hide", data=form) as answer:
            assert answer.status == 200
            return await answer.text()

    assert "Ẩn bình luận" in (await lan.get(path))[1]
    assert "Hiện lại" in await moderated("1")
    assert town.graph.comments[comment].hidden
    assert "đang bị ẩn với công chúng" in (await lan.get(path))[1]
    gone = town.graph.comments.pop(comment)
    assert REFUSED in await moderated("")
    town.graph.comments[comment] = gone
    assert "Ẩn bình luận" in await moderated("")
    assert not town.graph.comments[comment].hidden


async def test_what_the_page_itself_comments_first_takes_over_nothing(town: Town) -> None:
    first = await town.graph.comments_on(PAGE_ID, "Bà con có thắc mắc xin bình luận bên dưới.")
    key = f"comment:{first}"
    await town.quiet()
    assert (await town.conversation(key)).owner == "bot"
    await town.graph.comments_on("5001", "xin chào", parent=first)
    await town.settled(2, key)
    assert town.said == ["[1] xin chào"]
    await town.graph.comments_on(PAGE_ID, "Chào anh/chị, cán bộ đây.", parent=first)
    await town.taken_over(key)


async def test_a_comment_that_was_changed_or_taken_back(town: Town) -> None:
    first = await town.graph.comments_on("5001", "xin chào")
    key = f"comment:{first}"
    await town.settled(2, key)
    value = {"item": "comment", "comment_id": first, "post_id": f"{PAGE_ID}_900", "parent_id": f"{PAGE_ID}_900",
             "from": {"id": "5001", "name": "Anh Mẫu"}, "created_time": 1}  # fmt: skip
    await town.graph.deliver(town.graph.change(verb="edited", message="xin chào tổng đài", **value))
    await town.graph.deliver(town.graph.change(verb="remove", **value))

    async def done() -> bool:
        heard = (await town.messages(key))[0]
        return heard.text == "xin chào tổng đài" and bool(heard.data.get("removed"))

    await town.until(done)


@pytest.mark.parametrize("standby", [False, True])
async def test_somebody_who_types_in_the_inbox_of_the_page_silences_the_bot(
    town: Town, standby: bool
) -> None:
    graph = town.graph
    await graph.says(USER, "xin chào")
    await town.settled(2)
    await graph.staff_says(USER, "Chị trả lời em đây.")
    await town.taken_over()
    asked, sent = len(town.bot.asked), len(graph.sent)
    delivery = await muted(town, USER, "dạ em cảm ơn")
    if standby:  # and the inbox has the thread now
        graph.owner = PAGE_INBOX
        delivery["entry"][0]["standby"] = delivery["entry"][0].pop("messaging")
    await graph.deliver(delivery)
    await town.heard("dạ em cảm ơn")
    assert (len(town.bot.asked), len(graph.sent)) == (asked, sent)
    (elsewhere,) = [m for m in await town.messages() if m.text == "Chị trả lời em đây."]
    assert (elsewhere.author, elsewhere.delivery) == ("operator", "sent")


async def test_a_send_whose_answer_was_lost_is_settled_by_its_echo(town: Town) -> None:
    town.graph.faults = [Fault(dropped=True, done=True)]
    await town.graph.says(USER, "xin chào")
    lines = await town.settled(2)
    await town.quiet()
    lines = await town.messages()  # the receipt comes after the echo
    assert len(town.graph.sent) == 1, "never sent again"
    assert (lines[1].delivery, lines[1].external_id) == ("delivered", town.graph.sent[0]["mid"])


async def test_a_large_batch_is_taken_whole_and_everybody_is_answered_once(town: Town) -> None:
    users = [str(24_000_000_000_000_000 + n) for n in range(40)]
    updates = []
    for user in users:
        said = (await muted(town, user, f"xin chào từ {user}"))["entry"][0]["messaging"]
        updates += said * 2  # the same within one batch
    reads = [
        {"sender": {"id": user}, "recipient": {"id": PAGE_ID}, "timestamp": 1, "read": {"watermark": n}}
        for n in range(1, 24)
        for user in users
    ]
    batch = {"object": "page", "entry": [{"id": PAGE_ID, "time": 1, "messaging": updates + reads}]}
    await town.graph.deliver(batch)
    for user in users:
        await town.settled(2, user)
    await town.quiet()
    assert sorted(town.said) == sorted(f"[1] xin chào từ {user}" for user in users)


async def test_the_outside_of_the_channel(town: Town) -> None:
    """What Meta's portal and strangers find: the handshake, the size of a body, forgeries."""
    http, hook = town.graph.http, f"{town.url}/webhooks/facebook"
    asked = {"hub.mode": "subscribe", "hub.verify_token": VERIFY_TOKEN, "hub.challenge": "<1158201444>"}
    async with http.get(hook, params=asked) as answer:
        assert (answer.status, await answer.text()) == (200, "<1158201444>")
        assert answer.content_type == "text/plain"
    async with http.get(hook, params=asked | {"hub.verify_token": "guess"}) as answer:
        assert answer.status == 403
        assert "1158201444" not in await answer.text()
    for other in ("webchat", "nothing"):
        async with http.get(f"{town.url}/webhooks/{other}", params=asked) as answer:
            assert answer.status == 404

    head, tail = b'{"object":"page","entry":[],"pad":"', b'"}'
    whole = head + b"x" * (16 * 2**20 - len(head) - len(tail)) + tail
    for body, status in ((whole, 200), (whole + b" ", 413)):
        async with http.post(hook, data=BytesIO(body), headers=signed(body)[1]) as answer:
            assert answer.status == status
    await town.quiet()
    good = json.dumps(await muted(town, USER, "xin chào")).encode()
    for forged in ({}, {"X-Hub-Signature-256": "sha256=00"}, signed(good, key="guess")[1]):
        async with http.post(hook, data=good, headers=forged) as answer:
            assert answer.status == 401
    assert await town.messages() == []
