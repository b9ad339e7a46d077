"""The console over HTTP: inbox, conversation, the operator's acts, live signals."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import StreamReader

from hub.live import Typing
from hub.model import Ticket
from hub.store.sqlite import SqliteStore
from tests.conftest import FakeClock
from tests.web.console_hub import Browser, ConsoleHub, console_hub

MINUTE = 60_000


@pytest.fixture
async def hub(store: SqliteStore, clock: FakeClock, tmp_path: Path) -> AsyncIterator[ConsoleHub]:
    async with console_hub(store, clock, tmp_path) as running:
        await running.person("lan", "Tổng đài viên Sen")
        await running.person("minh", "Tổng đài viên Súng")
        yield running


@pytest.fixture
async def lan(hub: ConsoleHub) -> Browser:
    return await hub.signed_in("lan")


@pytest.fixture
async def ticket(hub: ConsoleHub) -> Ticket:
    message = await hub.citizen_says("Cho tôi gặp người")
    return await hub.ticket(message.conversation)


async def state(hub: ConsoleHub, ticket: Ticket) -> tuple[str, str | None]:
    now = await hub.store.ticket(ticket.id)
    assert now
    staff = await hub.store.staff(now.operator) if now.operator else None
    return now.state, staff.login if staff else None


async def owner(hub: ConsoleHub, ticket: Ticket) -> tuple[str, str | None]:
    known = await hub.conversation(ticket.conversation)
    staff = await hub.store.staff(known.operator) if known.operator else None
    return known.owner, staff.login if staff else None


# ---- the inbox


async def test_an_empty_inbox_says_so(lan: Browser) -> None:
    _, html = await lan.get("/console")
    assert "Không có phiếu nào đang mở" in html
    assert "<title>Hộp thư" in html


async def test_urgent_first_then_oldest_first_with_what_an_operator_needs(
    hub: ConsoleHub, lan: Browser, clock: FakeClock
) -> None:
    codes = []
    for n, priority in enumerate(("normal", "normal", "urgent")):
        message = await hub.citizen_says("Xin chào", who=f"w-{n}")
        made = await hub.ticket(message.conversation, f"Nội dung <b>{n}</b>", priority=priority)
        codes.append(made.code)
        clock.forward(10 * MINUTE)
    _, html = await lan.get("/console")
    assert re.findall(r'class="code">(1022-[\d-]+)', html) == [codes[2], codes[0], codes[1]]
    assert "<title>(3) Hộp thư" in html
    assert "Chờ 30 phút" in html
    assert "Chat web" in html
    assert "Người dân muốn gặp tổng đài viên" in html
    assert "Nội dung &lt;b&gt;0&lt;/b&gt;" in html
    assert html.count("Có tin chưa đọc") == 3


async def test_the_list_is_sent_again_only_when_it_changed(
    hub: ConsoleHub, lan: Browser, ticket: Ticket
) -> None:
    _, html = await lan.get("/console")
    stamp = re.search(r'name="queue_stamp"[^>]* value="(\w+)"', html)
    assert stamp
    address = f"/console/queue?tab=open&queue_stamp={stamp[1]}"
    assert (await lan.get(address))[0] == 204
    await lan.act(ticket.conversation, "take", ticket=ticket.id)
    status, html = await lan.get(address)
    assert status == 200
    assert "Tổng đài viên Sen" in html
    assert "Đang xử lý" in html


async def test_who_looks_without_taking_over_does_not_mark_it_read_for_the_colleague(
    hub: ConsoleHub, lan: Browser, ticket: Ticket
) -> None:
    minh = await hub.signed_in("minh")
    await minh.act(ticket.conversation, "take", ticket=ticket.id)
    said = await hub.citizen_says("Còn đó không ạ?")
    await lan.act(ticket.conversation, "read", after=str(said.seq))
    assert "Có tin chưa đọc" in (await minh.get("/console"))[1]
    await minh.act(ticket.conversation, "read", after=str(said.seq))
    assert "Có tin chưa đọc" not in (await minh.get("/console"))[1]


# ---- acts


async def test_take_reply_hand_back_and_close(hub: ConsoleHub, lan: Browser, ticket: Ticket) -> None:
    id_ = ticket.conversation
    assert (await owner(hub, ticket)) == ("human", None)

    assert (await lan.act(id_, "take", ticket=ticket.id)).status == 200
    assert await owner(hub, ticket) == ("human", "lan")
    assert await state(hub, ticket) == ("assigned", "lan")
    assert "Tổng đài viên Sen" in str(await hub.texts(id_, "system"))

    assert (
        await lan.act(id_, "reply", ticket=ticket.id, text="Dạ, em nghe.\r\nAnh/chị nói đi.")
    ).status == 200
    assert await hub.texts(id_, "operator") == ["Dạ, em nghe.\nAnh/chị nói đi."]
    assert await state(hub, ticket) == ("answered", "lan")

    assert (await lan.act(id_, "hand-back", ticket=ticket.id)).status == 200
    assert await owner(hub, ticket) == ("bot", None)
    assert await state(hub, ticket) == ("answered", "lan")

    assert (await lan.close(ticket)).status == 303
    assert await state(hub, ticket) == ("closed", "lan")
    assert (await hub.conversation(id_)).ticket is None
    assert ticket.code in str((await hub.texts(id_, "operator"))[-1])
    _, html = await lan.get("/console")
    assert "Không có phiếu nào đang mở" in html
    _, html = await lan.get("/console?tab=closed")
    assert ticket.code in html


async def test_what_the_citizen_wrote_to_the_operator_is_never_answered_by_the_bot(
    hub: ConsoleHub, lan: Browser, ticket: Ticket, clock: FakeClock
) -> None:
    await lan.act(ticket.conversation, "reply", ticket=ticket.id, text="Dạ.")
    await hub.citizen_says("Cảm ơn em")
    await lan.act(ticket.conversation, "hand-back", ticket=ticket.id)
    assert (
        await hub.store.lease_conversation(now=clock.now() + MINUTE, until=clock.now() + 2 * MINUTE) is None
    )
    await hub.citizen_says("Làm giấy khai sinh thế nào?")
    lease = await hub.store.lease_conversation(now=clock.now() + MINUTE, until=clock.now() + 2 * MINUTE)
    assert lease is not None


async def test_a_form_sent_twice_at_once_says_it_once(hub: ConsoleHub, lan: Browser, ticket: Ticket) -> None:
    form = {"csrf": await lan.token(), "key": "k1", "text": "Dạ, em nghe ạ.", "ticket": ticket.id}
    address = f"/console/conversations/{ticket.conversation}/reply"
    answers = await asyncio.gather(*(lan.post(address, form) for _ in range(5)))
    assert {answer.status for answer in answers} == {303}
    assert await hub.texts(ticket.conversation, "operator") == ["Dạ, em nghe ạ."]


@pytest.mark.parametrize("text", ["", "   \r\n ", "x" * 4001])
async def test_nothing_and_too_much_are_not_sent(
    hub: ConsoleHub, lan: Browser, ticket: Ticket, text: str
) -> None:
    assert (await lan.act(ticket.conversation, "reply", ticket=ticket.id, text=text)).status == 400
    assert (await lan.act(ticket.conversation, "note", ticket=ticket.id, text=text)).status == 400
    assert await hub.texts(ticket.conversation, "operator") == []


async def test_a_note_is_never_sent(hub: ConsoleHub, lan: Browser, ticket: Ticket, clock: FakeClock) -> None:
    for item in await hub.store.lease_outbox(now=clock.now(), until=clock.now() + MINUTE, limit=10):
        await hub.store.settle_outgoing(item, "sent", now=clock.now())
    await lan.act(ticket.conversation, "note", ticket=ticket.id, text="Đã gọi cho xã.")
    assert await hub.store.lease_outbox(now=clock.now(), until=clock.now() + MINUTE, limit=10) == []
    assert await owner(hub, ticket) == ("human", None)
    _, html = await lan.get(f"/console/conversations/{ticket.conversation}")
    assert "Đã gọi cho xã." in html
    assert "ghi chú nội bộ" in html


async def test_typing_takes_the_conversation_once_and_tells_the_citizen(
    hub: ConsoleHub, lan: Browser
) -> None:
    message = await hub.citizen_says("Đèn đường hỏng")
    ticket = await hub.ticket(message.conversation, reason="report")
    assert await owner(hub, ticket) == ("bot", None)
    with hub.hub.live.subscribe(ticket.conversation) as signals:
        for _ in range(3):
            assert (await lan.act(ticket.conversation, "typing", ticket=ticket.id)).status == 204
        assert [one.author for one in signals.passing if isinstance(one, Typing)] == ["operator"] * 3
    assert await owner(hub, ticket) == ("human", "lan")
    assert len(await hub.texts(ticket.conversation, "system")) == 1


async def test_a_closed_ticket_takes_no_more_acts(hub: ConsoleHub, lan: Browser, ticket: Ticket) -> None:
    await lan.close(ticket)
    for name in ("take", "reply", "hand-back"):
        answer = await lan.act(ticket.conversation, name, key="later", ticket=ticket.id, text="Dạ.")
        assert answer.status == 409, name
    assert (await lan.act(ticket.conversation, "typing", ticket=ticket.id)).status == 204
    assert await owner(hub, ticket) == ("bot", None)
    _, html = await lan.get(f"/console/conversations/{ticket.conversation}?ticket={ticket.id}")
    assert "Phiếu này đã đóng" in html


async def test_unknown_conversations_and_foreign_tickets(
    hub: ConsoleHub, lan: Browser, ticket: Ticket
) -> None:
    assert (await lan.get("/console/conversations/c_none"))[0] == 404
    assert (await lan.act("c_none", "reply", text="Dạ.")).status == 404
    other = await hub.citizen_says("Xin chào", who="w-2")
    answer = await lan.act(other.conversation, "reply", ticket=ticket.id, text="Dạ.")
    assert answer.status == 409
    assert (await state(hub, ticket))[0] == "new"


# ---- two operators


async def test_a_colleague_is_not_talked_over(hub: ConsoleHub, lan: Browser, ticket: Ticket) -> None:
    minh = await hub.signed_in("minh")
    await lan.act(ticket.conversation, "take", ticket=ticket.id)
    _, html = await minh.get(f"/console/conversations/{ticket.conversation}")
    assert "<b>Tổng đài viên Sen</b> đang xử lý hội thoại này." in html
    assert re.search(r'id="send"[^>]*disabled', html)
    for name in ("reply", "take", "hand-back"):
        answer = await minh.act(ticket.conversation, name, ticket=ticket.id, text="Dạ.")
        assert answer.status == 409
        assert "Tổng đài viên Sen" in await answer.text()
    assert (await minh.act(ticket.conversation, "typing", ticket=ticket.id)).status == 204
    assert await owner(hub, ticket) == ("human", "lan")
    assert (
        await minh.act(ticket.conversation, "note", ticket=ticket.id, text="Em biết việc này.")
    ).status == 200


async def test_taking_over_from_a_colleague_is_meant(hub: ConsoleHub, lan: Browser, ticket: Ticket) -> None:
    minh = await hub.signed_in("minh")
    await lan.act(ticket.conversation, "take", ticket=ticket.id)
    _, html = await minh.get(f"/console/conversations/{ticket.conversation}")
    over = re.search(r'name="over" value="([^"]+)"', html)
    assert over
    assert (await minh.act(ticket.conversation, "take", ticket=ticket.id, over=over[1])).status == 200
    assert await owner(hub, ticket) == ("human", "minh")
    assert (await lan.act(ticket.conversation, "reply", ticket=ticket.id, text="Dạ.")).status == 409


async def test_of_two_who_reply_at_once_one_is_refused(hub: ConsoleHub, lan: Browser, ticket: Ticket) -> None:
    minh = await hub.signed_in("minh")
    answers = await asyncio.gather(
        lan.act(ticket.conversation, "reply", ticket=ticket.id, text="Dạ, em Lan nghe."),
        minh.act(ticket.conversation, "reply", ticket=ticket.id, text="Dạ, em Minh nghe."),
    )
    assert sorted(answer.status for answer in answers) == [200, 409]
    assert len(await hub.texts(ticket.conversation, "operator")) == 1


# ---- the open page


async def test_the_page_tells_how_far_each_message_came_and_what_it_was_made_of(
    hub: ConsoleHub, lan: Browser, clock: FakeClock
) -> None:
    id_ = (await hub.citizen_says("Đăng ký khai sinh cần gì?")).conversation
    await hub.bot_says(id_, "Hồ sơ gồm…", knowledge=("khai-sinh",))
    ticket = await hub.ticket(id_)
    await lan.act(id_, "reply", ticket=ticket.id, text="Dạ.")
    for outcome in ("read", "failed", "unknown"):
        (item,) = await hub.store.lease_outbox(now=clock.now(), until=clock.now() + MINUTE, limit=1)
        await hub.store.settle_outgoing(item, outcome, now=clock.now())
    _, html = await lan.get(f"/console/conversations/{id_}")
    assert "Đã xem" in html
    assert "Không gửi được" in html
    assert "Chưa rõ đã tới hay chưa" in html
    assert ">khai-sinh</span>" in html


async def test_the_page_is_brought_up_to_date_by_sequence_number(
    hub: ConsoleHub, lan: Browser, ticket: Ticket, clock: FakeClock
) -> None:
    _, html = await lan.get(f"/console/conversations/{ticket.conversation}")
    cursor = dict(re.findall(r'type="hidden" name="(after|marks|stamp|ticket)" value="([^"]*)"', html))
    cursor["marks"] = cursor["marks"].replace("&#34;", '"')
    address = f"/console/conversations/{ticket.conversation}/live"

    async def missing(**changes: str) -> str:
        status, text = await lan.get(address, params=cursor | changes)
        assert status == 200
        return text

    same = await missing()
    assert 'id="log"' not in same
    assert "beforeend:#log" not in same
    assert 'id="panel"' not in same
    assert 'id="d2"' not in same

    await hub.citizen_says("Alo")
    for item in await hub.store.lease_outbox(now=clock.now(), until=clock.now() + MINUTE, limit=1):
        await hub.store.settle_outgoing(item, "sent", now=clock.now())
    news = await missing()
    assert re.findall(r'<li id="(m\d+)"', news) == ["m3"]
    assert re.search(r'id="d2"[^>]*hx-swap-oob="true">Đã gửi<', news)
    assert 'name="after" value="3"' in news

    minh = await hub.signed_in("minh")
    await minh.act(ticket.conversation, "take", ticket=ticket.id)
    assert 'id="panel"' in await missing(after="3")
    assert re.findall(r'<li id="(m\d+)"', await missing(after="0")) == ["m1", "m2", "m3", "m4"]
    assert (await lan.get(address, params={"after": "x", "marks": "[", "ticket": "?"}))[0] == 200


async def test_older_lines_come_page_by_page(hub: ConsoleHub, lan: Browser) -> None:
    for n in range(120):
        id_ = (await hub.citizen_says(f"Tin {n}")).conversation
    await hub.ticket(id_)
    _, html = await lan.get(f"/console/conversations/{id_}")
    seen = re.findall(r'<li id="m(\d+)"', html)
    while more := re.search(r'hx-get="(/console/[^"]+/earlier\?before=\d+)"', html):
        _, html = await lan.get(more[1])
        seen = re.findall(r'<li id="m(\d+)"', html) + seen
    assert seen == [str(n) for n in range(1, 122)]


# ---- live signals


@asynccontextmanager
async def listening(browser: Browser, conversation: str = "") -> AsyncIterator[StreamReader]:
    """An event stream that has said ``ready``."""
    address = f"{browser.url}/console/events?conversation={conversation}"
    async with browser.client.get(address, headers={"Accept": "text/event-stream"}) as response:
        assert response.headers["Content-Type"] == "text/event-stream"
        await until(response.content, "ready")
        yield response.content


async def until(stream: StreamReader, event: str) -> str:
    """The data of the next event of this name."""
    async with asyncio.timeout(10):
        while True:
            line = (await stream.readline()).decode().strip()
            assert line or not stream.at_eof()
            if line == f"event: {event}":
                return str(json.loads((await stream.readline()).removeprefix(b"data: ")))


async def test_a_message_of_a_citizen_is_signalled(hub: ConsoleHub, lan: Browser, ticket: Ticket) -> None:
    async with listening(lan, ticket.conversation) as signals, listening(lan) as inbox:
        await hub.citizen_says("Alo")
        await until(signals, "conversation")
        await until(inbox, "queue")


async def test_who_types_is_told_to_the_others(hub: ConsoleHub, lan: Browser, ticket: Ticket) -> None:
    minh = await hub.signed_in("minh")
    async with listening(lan, ticket.conversation) as signals:
        hub.hub.live.typing(ticket.conversation, "citizen")
        assert "Người dân đang nhập" in await until(signals, "typing")
        await minh.act(ticket.conversation, "typing", ticket=ticket.id)
        assert "Tổng đài viên Súng đang soạn" in await until(signals, "typing")


async def test_a_stopping_hub_does_not_wait_for_open_pages(
    store: SqliteStore, clock: FakeClock, tmp_path: Path
) -> None:
    async with console_hub(store, clock, tmp_path) as running:
        await running.person("lan", "Lan")
        browser = await running.signed_in("lan")
        async with listening(browser) as signals:
            await running.stop()
            async with asyncio.timeout(10):
                assert b"event:" not in await signals.read()


async def test_who_comes_to_what_is_not_there_sees_a_page(hub: ConsoleHub, lan: Browser) -> None:
    address = "/console/conversations/none"
    status, html = await lan.get(address, headers={"Accept": "text/html"})
    assert (status, "<h1>Không tìm thấy</h1>" in html) == (404, True)
    assert "Không tìm thấy hội thoại này." in html
    status, text = await lan.get(address, headers={"Accept": "text/html", "HX-Request": "true"})
    assert (status, text) == (404, "Không tìm thấy hội thoại này.")
    await hub.store.close()
    status, html = await lan.get("/console", headers={"Accept": "text/html"})
    assert (status, "Thử lại" in html) == (503, True)
    await hub.store.open()
