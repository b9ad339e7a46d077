"""Working together: who is there and looks at what, notes that name a colleague, canned replies, knowledge."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.knowledge import KnowledgeBase, seed_docs
from handoff import canned, mentions
from hub.live import LiveHub, Looking, Typing, watch
from hub.model import Presence, Ticket
from hub.store.sqlite import SqliteStore
from tests.conftest import FakeClock
from tests.web.console_hub import Browser, ConsoleHub, console_hub


@pytest.fixture(scope="module")
def knowledge() -> KnowledgeBase:
    return KnowledgeBase.build(seed_docs())


@pytest.fixture
async def hub(
    store: SqliteStore, clock: FakeClock, tmp_path: Path, knowledge: KnowledgeBase
) -> AsyncIterator[ConsoleHub]:
    async with console_hub(store, clock, tmp_path, knowledge=knowledge) as running:
        await running.person("lan", "Tổng đài viên Sen")
        await running.person("minh", "Tổng đài viên Sen Hồng")
        await running.person("sup", "Giám sát Lúa", role="supervisor")
        yield running


@pytest.fixture
async def lan(hub: ConsoleHub) -> Browser:
    return await hub.signed_in("lan")


@pytest.fixture
async def ticket(hub: ConsoleHub) -> Ticket:
    message = await hub.citizen_says("Làm khai sinh cho con cần giấy tờ gì?")
    return await hub.ticket(message.conversation)


async def present(browser: Browser, **form: str) -> int:
    return (await browser.post("/console/presence", {"csrf": await browser.token(), **form})).status


async def statuses(hub: ConsoleHub) -> dict[str, str]:
    found = {}
    for one in await hub.store.presences(since=0):
        staff = await hub.store.staff(one.staff)
        assert staff
        found[staff.login] = one.status
    return found


async def test_an_open_page_says_that_somebody_is_there(hub: ConsoleHub, lan: Browser) -> None:
    sup = await hub.signed_in("sup")
    assert (await present(lan), await present(sup)) == (204, 204)
    assert await statuses(hub) == {"lan": "available", "sup": "away"}, "supervisors take no tickets unasked"
    assert await present(lan, status="busy") == 303
    assert await present(lan) == 204
    assert await present(lan, status="nonsense") == 303
    assert (await statuses(hub))["lan"] == "busy", "it stays until it is changed"
    _, html = await lan.get("/console/presence")
    assert 'value="busy" checked' in html
    assert "Đang giữ 0 phiếu" in html


async def test_who_else_looks_is_seen_until_they_leave(
    hub: ConsoleHub, lan: Browser, ticket: Ticket, clock: FakeClock
) -> None:
    minh, address = await hub.signed_in("minh"), f"/console/conversations/{ticket.conversation}/viewers"
    await present(lan, conversation=ticket.conversation)
    assert "Tổng đài viên Sen cũng đang xem" in (await minh.get(address))[1]
    assert "cũng đang xem" not in (await lan.get(address))[1]
    await present(lan, conversation="")
    assert "cũng đang xem" not in (await minh.get(address))[1]
    await present(lan, conversation=ticket.conversation)
    clock.forward(60_000)
    assert "cũng đang xem" not in (await minh.get(address))[1], "a page that was lost looks no more"


async def test_another_process_sees_who_came_and_who_types(store: SqliteStore, clock: FakeClock) -> None:
    live = LiveHub()
    async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
        watching = tasks.create_task(watch(store, live, clock, every_s=0.01))
        with live.subscribe() as signals:
            there = Presence(staff="s-1", status="available", seen_at=clock.now(), conversation="c-1")
            await store.put_presence(there)
            seen = aiter(signals)
            assert await anext(seen) == Looking("c-1")
            await store.put_presence(there.model_copy(update={"typing_at": clock.now() + 1}))
            assert await anext(seen) == Typing("c-1", "operator", "s-1")
            await store.put_presence(there.model_copy(update={"conversation": "c-2"}))
            assert {await anext(seen), await anext(seen)} == {Looking("c-1"), Looking("c-2")}
        watching.cancel()


async def test_a_colleague_named_in_a_note_finds_it(hub: ConsoleHub, lan: Browser, ticket: Ticket) -> None:
    minh, text = await hub.signed_in("minh"), "@Tổng đài viên Sen Hồng xem giúp nhé"
    for _ in range(2):
        await lan.act(ticket.conversation, "note", text=text, ticket=ticket.id)
    staff = await hub.store.staff_by_login("minh")
    assert staff
    (mention,) = await mentions.mentions_of(hub.store, staff.id)
    assert (mention.conversation, mention.seq) == (ticket.conversation, 3)
    _, html = await minh.get("/console")
    assert 'id="count-named">1<' in html
    assert 'data-named="1"' in html
    assert ticket.conversation in (await minh.get("/console?tab=talks&mark=named"))[1]
    me = await hub.store.staff_by_login("lan")
    assert me
    assert not await mentions.mentions_of(hub.store, me.id), "the longer name was meant"
    await minh.act(ticket.conversation, "read", after="3")
    assert not await mentions.mentions_of(hub.store, staff.id)


async def helps(browser: Browser, ticket: Ticket, kind: str, query: str = "") -> list[dict[str, Any]]:
    address = f"/console/conversations/{ticket.conversation}/helps/{kind}?ticket={ticket.id}&{query}"
    status, text = await browser.get(address)
    assert status == 200
    return list(json.loads(text))


async def test_canned_replies_are_filled_for_the_case(hub: ConsoleHub, lan: Browser, ticket: Ticket) -> None:
    found = {one["title"]: one["text"] for one in await helps(lan, ticket, "canned")}
    assert len(found) == len(canned.product()) >= 12
    told = found["Đã tiếp nhận phản ánh, mã phiếu"]
    assert ticket.code in told
    assert ticket.lookup_key in told
    assert "của anh/chị" in told
    assert not any("{" in text for text in found.values())
    assert "[cơ quan đang xử lý]" in found["Đã chuyển cơ quan"], "what is not known yet is seen"


async def test_chiefs_change_canned_replies(hub: ConsoleHub, lan: Browser, ticket: Ticket) -> None:
    sup = await hub.signed_in("sup")
    form = {"csrf": await sup.token(), "title": "Mới", "text": "Dạ, {ten} chờ em."}
    assert (await sup.post("/console/admin/canned", form)).status == 303
    assert {"title": "Mới", "text": "Dạ, anh/chị chờ em.", "id": ""} in await helps(lan, ticket, "canned")
    bad = await sup.post("/console/admin/canned", form | {"text": "{sai}"})
    assert bad.status == 422
    first = canned.product()[0]
    assert (await sup.post(f"/console/admin/canned/{first.id}/remove", form)).status == 303
    assert (await sup.post("/console/admin/canned/cam-on", form | {"title": "Cám ơn"})).status == 303
    titles = [one["title"] for one in await helps(lan, ticket, "canned")]
    assert titles[-2:] == ["Cám ơn", "Mới"]
    assert first.title not in titles
    assert "Câu trả lời mẫu" in (await sup.get("/console/admin/canned"))[1]
    assert (await lan.get("/console/admin/canned"))[0] == 403


async def test_knowledge_is_offered_for_what_was_asked_and_kept_with_the_reply(
    hub: ConsoleHub, lan: Browser, ticket: Ticket
) -> None:
    found = await helps(lan, ticket, "knowledge")
    assert "khai sinh" in found[0]["title"].lower()
    assert any("hồ sơ" in one["title"] for one in found)
    assert (await helps(lan, ticket, "knowledge", "q=căn cước"))[0]["title"] != found[0]["title"]
    ids = f"{found[0]['id']} no-such-entry"
    await lan.act(ticket.conversation, "reply", text=found[0]["text"][:3000], knowledge=ids, ticket=ticket.id)
    said = (await hub.store.messages(ticket.conversation))[-1]
    assert said.knowledge == (found[0]["id"],)
    names = [one["title"] for one in await helps(lan, ticket, "people")]
    assert names == ["Giám sát Lúa", "Tổng đài viên Sen Hồng"]


async def test_a_persons_conversations_are_joined_and_parted(
    hub: ConsoleHub, lan: Browser, ticket: Ticket
) -> None:
    other = await hub.citizen_says("Tôi gọi hôm qua", who="w-2")
    second = await hub.ticket(other.conversation, "Việc hôm qua")
    for id_ in (ticket.conversation, other.conversation):
        await hub.store.note_person(id_, now=hub.clock.now(), contact={"phone": "0900000001"})
    address = f"/console/conversations/{ticket.conversation}/person"
    _, html = await lan.get(address)
    assert "Có thể là cùng một người" in html
    assert second.code not in html
    form = {"csrf": await lan.token(), "other": other.conversation, "key": "k-1"}
    for _ in range(2):
        assert (await lan.post(f"{address}/join", form)).status == 200
    _, html = await lan.get(address)
    assert second.code in html
    assert "Có thể là cùng một người" not in html
    assert second.code in (await lan.get(f"/console/conversations/{other.conversation}/person"))[1]
    notes = [m.text for m in await hub.store.messages(ticket.conversation) if m.internal]
    assert len(notes) == 1
    assert notes == ["Đã ghi nhận cùng một người với một hội thoại khác (kênh Chat web)."], "without a name"
    assert (await lan.post(f"{address}/part", form | {"key": "k-2"})).status == 200
    assert second.code not in (await lan.get(address))[1]
    async with lan.client.post(hub.url + f"{address}/find", data=form | {"q": second.code}) as answer:
        assert f'value="{other.conversation}"' in await answer.text()


async def test_a_case_is_handed_on_with_a_word(hub: ConsoleHub, lan: Browser, ticket: Ticket) -> None:
    minh = await hub.store.staff_by_login("minh")
    assert minh
    form = {"csrf": await lan.token(), "key": "k-1", "operator": minh.id, "note": "chị xem giúp em"}
    for _ in range(2):
        answer = await lan.post(f"/console/tickets/{ticket.id}/do/assign", form)
        assert answer.status == 303
    notes = [m.text for m in await hub.store.messages(ticket.conversation) if m.internal]
    assert notes == ["@Tổng đài viên Sen Hồng chị xem giúp em"]
    assert len(await mentions.mentions_of(hub.store, minh.id)) == 1
    given = await hub.store.ticket(ticket.id)
    assert given
    assert given.operator == minh.id
    form |= {"key": "k-2", "note": "em bận"}
    assert (await lan.post(f"/console/tickets/{ticket.id}/do/release", form)).status == 303
    assert (await hub.store.messages(ticket.conversation))[-1].text == "em bận"
    _, html = await lan.get(f"/console/tickets/{ticket.id}/do/assign")
    assert 'name="note"' in html
