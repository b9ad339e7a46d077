"""The inbox over HTTP: filters in the address, views with counts, pages, conversations without a ticket."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from hub.model import Ticket, TicketChange, TicketQuery, Turn
from hub.store.sqlite import SqliteStore
from tests.conftest import FakeClock
from tests.web.console_hub import Browser, ConsoleHub, console_hub


@pytest.fixture
async def hub(store: SqliteStore, clock: FakeClock, tmp_path: Path) -> AsyncIterator[ConsoleHub]:
    async with console_hub(store, clock, tmp_path) as running:
        await running.person("lan", "Tổng đài viên Sen")
        await running.person("sup", "Giám sát Lúa", role="supervisor")
        yield running


@pytest.fixture
async def lan(hub: ConsoleHub) -> Browser:
    return await hub.signed_in("lan")


async def some(hub: ConsoleHub, n: int, **wish: Any) -> Ticket:
    message = await hub.citizen_says(f"Câu hỏi {n}", who=f"w-{n}")
    return await hub.ticket(message.conversation, f"Nội dung {n}", **wish)


async def change(hub: ConsoleHub, ticket: Ticket, key: str, **fields: Any) -> None:
    change = TicketChange(ticket=ticket.id, fields=fields)
    turn = Turn(
        id=key, conversation=ticket.conversation, actor="system", at=hub.clock.now(), handles=0, change=change
    )
    await hub.store.commit_turn(turn)


async def codes(browser: Browser, query: str = "") -> list[str]:
    _, html = await browser.get(f"/console?{query}")
    return re.findall(r'class="code">(1022-[\d-]+)', html)


def count(html: str, view: str) -> int:
    found = re.search(rf'id="count-{view}"[^>]*>(\d+)<', html)
    assert found, view
    return int(found[1])


async def test_a_filter_in_the_address_shows_what_fits(
    hub: ConsoleHub, lan: Browser, clock: FakeClock
) -> None:
    one = await some(hub, 1, category="chieu-sang", priority="urgent")
    two = await some(hub, 2, category="tthc-hoi-dap")
    await change(hub, one, "c-1", commune="phuong-my-tho", due_at=clock.now() - 1)
    await change(hub, two, "c-2", agency="dt-dien-luc", sensitive=True, due_at=clock.now() + 60_000)
    await lan.act(two.conversation, "take", ticket=two.id)
    for query, expected in (
        ("", [one, two]),
        ("who=me", [two]),
        ("who=nobody", [one]),
        ("state=assigned", [two]),
        ("channel=webchat", [one, two]),
        ("channel=zalo", []),
        ("field=chieu-sang", [one]),
        ("field=tthc", [two]),
        ("commune=phuong-my-tho", [one]),
        ("agency=dt-dien-luc", [two]),
        ("priority=urgent", [one]),
        ("due=over", [one]),
        ("mark=sensitive", [two]),
        ("mark=review", []),
        ("sort=newest&who=", [one, two]),
        ("state=no-such-state&page=x", [one, two]),
        ("tab=closed", []),
        ("who=me&priority=urgent", []),
    ):
        assert set(await codes(lan, query)) == {ticket.code for ticket in expected}, query
    _, html = await lan.get("/console?who=me&priority=urgent")
    assert "Không có mục nào khớp" in html
    _, html = await lan.get("/console?state=assigned")
    assert f"?ticket={two.id}&amp;state=assigned" in html, "the list stays as it was when one is opened"


async def test_views_are_counted_and_the_counts_are_live(hub: ConsoleHub, lan: Browser) -> None:
    one, _ = await some(hub, 1), await some(hub, 2)
    _, html = await lan.get("/console?who=me")
    assert (count(html, "mine"), count(html, "free"), count(html, "open")) == (0, 2, 2)
    stamp = re.search(r'id="queue-stamp" value="(\w+)"', html)
    assert stamp
    address = f"/console/queue?who=me&queue_stamp={stamp[1]}"
    assert (await lan.get(address))[0] == 204
    await lan.act(one.conversation, "take", ticket=one.id)
    _, html = await lan.get(address)
    assert (count(html, "mine"), count(html, "free"), count(html, "open")) == (1, 1, 2)


async def test_a_long_list_is_turned_over(hub: ConsoleHub, lan: Browser, clock: FakeClock) -> None:
    made = []
    for n in range(53):
        made.append((await some(hub, n)).code)
        clock.forward(1000)
    assert await codes(lan, "sort=newest") == made[:2:-1]
    assert await codes(lan, "sort=newest&page=2") == made[2::-1]
    _, html = await lan.get("/console?sort=newest&page=2")
    assert "51–53 / 53" in html
    assert "page=1" in html


async def test_a_filter_is_kept_as_a_view_for_oneself_or_for_all(hub: ConsoleHub, lan: Browser) -> None:
    sup = await hub.signed_in("sup")
    form = {"csrf": await lan.token(), "name": " Điện  khẩn ", "words": "field=dien&priority=urgent&x=y"}
    answer = await lan.post("/console/views", form)
    assert (answer.status, answer.headers["Location"]) == (303, "/console?field=dien&priority=urgent")
    assert "Điện khẩn" in (await lan.get("/console"))[1]
    assert "Điện khẩn" not in (await sup.get("/console"))[1]
    assert (await lan.post("/console/views", form | {"shared": "1"})).status == 403
    form["csrf"] = await sup.token()
    assert (await sup.post("/console/views", form | {"shared": "1", "name": "Chung"})).status == 303
    _, html = await lan.get("/console?field=dien&priority=urgent")
    assert "Chung" in html
    assert re.findall(r"/console/views/(\w+)/remove", html), "her own she may remove"
    (shared,) = re.findall(r"/console/views/(\w+)/remove", (await sup.get("/console"))[1])
    await lan.post(f"/console/views/{shared}/remove", {"csrf": await lan.token()})
    assert "Chung" in (await lan.get("/console"))[1], "not what is everybody's"
    await sup.post(f"/console/views/{shared}/remove", {"csrf": await sup.token()})
    assert "Chung" not in (await lan.get("/console"))[1]
    assert (await lan.post("/console/views", {"csrf": await lan.token(), "name": " "})).status == 400


async def test_a_conversation_without_a_ticket_is_found_and_taken_up(
    hub: ConsoleHub, lan: Browser, clock: FakeClock
) -> None:
    said = await hub.citizen_says("Làm khai sinh cần gì?")
    await hub.bot_says(said.conversation, "Cần ba loại giấy tờ.")
    waiting = await hub.citizen_says("Vẫn chưa rõ ạ")
    _, html = await lan.get("/console?tab=talks")
    assert said.conversation in html
    assert "Người dân: Vẫn chưa rõ ạ" in html
    assert said.conversation in (await lan.get("/console?tab=talks&mark=no_ticket"))[1]
    assert said.conversation not in (await lan.get("/console?tab=talks&channel=zalo"))[1]
    _, html = await lan.get(f"/console/conversations/{said.conversation}")
    assert "/take-up" in html
    clock.forward(60_000)
    answer = await lan.act(said.conversation, "take-up")
    assert answer.status == 200
    known = await hub.conversation(said.conversation)
    ticket = await hub.store.ticket(known.ticket or "")
    assert ticket
    assert (ticket.reason, ticket.state, ticket.summary) == ("operator", "assigned", "Vẫn chưa rõ ạ")
    assert (ticket.received_at, ticket.messages) == (waiting.at, (waiting.id,))
    assert (known.owner, known.operator) == ("human", ticket.operator)
    greeting = (await hub.texts(said.conversation, "system"))[0] or ""
    assert ticket.code in greeting
    assert ticket.lookup_key in greeting
    assert (await lan.act(said.conversation, "reply", text="Dạ")).status == 200
    again = await lan.act(said.conversation, "take-up", key="another")
    assert again.status == 409
    assert await hub.store.count_tickets(TicketQuery()) == 1


async def test_a_closed_case_is_taken_up_as_a_new_one(hub: ConsoleHub, lan: Browser) -> None:
    ticket = await some(hub, 1)
    await lan.close(ticket)
    sup = await hub.signed_in("sup")
    assert (await sup.act(ticket.conversation, "take-up", ticket=ticket.id)).status == 200
    known = await hub.conversation(ticket.conversation)
    assert known.ticket not in (None, ticket.id)
    assert (await lan.act(ticket.conversation, "take-up", key="late")).status == 409
