"""The live chat over a real socket, on the real store."""

import asyncio
import re
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, WSMsgType, WSServerHandshakeError

from hub.errors import StoreUnavailable
from hub.model import Button, Intake, Staff
from hub.web.chat_guard import SESSION_DAYS, Buckets, Sessions
from hub.web.pages import STATIC
from tests.web.chat_hub import OTHER_SITE, SECRET, ChatHub, HandClock, Tab, chat_hub, open_tab


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def hub(tmp_path: Path, clock: HandClock) -> AsyncIterator[ChatHub]:
    async with chat_hub(tmp_path, clock) as running:
        yield running


def new_id() -> str:
    return str(uuid.uuid4())


def all_bytes(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())


def seqs(tab: Tab) -> list[int]:
    return [item["seq"] for item in tab.items]


# ---- saying something


async def test_a_message_is_acknowledged_with_its_place_and_shown(hub: ChatHub) -> None:
    async with open_tab(hub) as tab:
        id_ = new_id()
        await tab.send(type="message", id=id_, text="  Làm khai sinh ở đâu? ")
        ack = await tab.until("ack", id=id_)
        (line,) = await tab.lines(1)
        assert ack["seq"] == line["seq"] == 1
        assert (line["id"], line["from"], line["text"]) == (id_, "citizen", "Làm khai sinh ở đâu?")
        (stored,) = await hub.store.messages(tab.conversation)
        assert stored.text == "Làm khai sinh ở đâu?"
        assert stored.outcome is None


async def test_the_same_id_again_is_the_same_message(hub: ChatHub) -> None:
    async with open_tab(hub) as tab:
        id_ = new_id()
        assert (await tab.say(id_, "một"))["seq"] == 1
        await tab.say(new_id(), "hai")
        assert (await tab.say(id_, "một"))["seq"] == 1
        assert len(await hub.store.messages(tab.conversation)) == 2


async def test_an_id_of_another_session_is_another_message(hub: ChatHub) -> None:
    id_ = new_id()
    async with open_tab(hub) as one, open_tab(hub) as other:
        await one.say(id_, "của tôi")
        await other.say(id_, "của tôi nữa")
        assert one.conversation != other.conversation
        (line,) = await other.lines(1)
        assert line["text"] == "của tôi nữa"


@pytest.mark.parametrize("text", ["", "  \n ", "x" * 4001])
async def test_empty_and_endless_texts_are_refused(hub: ChatHub, text: str) -> None:
    async with open_tab(hub) as tab:
        id_ = new_id()
        await tab.send(type="message", id=id_, text=text)
        assert (await tab.until("nack", id=id_))["code"] == "refused"
        assert await hub.store.conversation(tab.conversation) is None


async def test_what_the_hub_does_not_understand_changes_nothing(hub: ChatHub) -> None:
    async with open_tab(hub) as tab:
        for frame in ("{", "[]", '{"type": "dance"}', '{"type": "message", "id": "x", "text": "a"}'):
            await tab.ws.send_str(frame)
            assert (await tab.until("error"))["code"] == "unreadable"
        assert (await tab.say(new_id(), "vẫn nói được"))["seq"] == 1


async def test_a_store_that_is_away_is_busy_and_the_page_tries_again(
    hub: ChatHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_tab(hub) as tab:
        id_ = new_id()

        async def away(channel: str, body: bytes) -> Intake:
            raise StoreUnavailable("the disk is full")

        with monkeypatch.context() as patch:
            patch.setattr(hub.hub.stream, "receive_now", away)
            await tab.send(type="message", id=id_, text="Đường hỏng")
            assert (await tab.until("nack", id=id_))["code"] == "busy"
        assert (await tab.say(id_, "Đường hỏng"))["seq"] == 1


# ---- hearing


async def test_answers_are_pushed_with_who_said_them(hub: ChatHub) -> None:
    await hub.store.put_staff(
        Staff(id="s1", login="lan", name="Ngọc Lan", role="operator", password_hash="unused")
    )
    async with open_tab(hub) as tab:
        await tab.say(new_id(), "Cho hỏi")
        conversation = tab.conversation
        await hub.reply(conversation, "Dạ", buttons=(Button(title="Lệ phí?", payload="/fee"),), handles=1)
        await hub.reply(
            conversation, "Tôi là Lan", author="operator", actor_id="s1", owner="human", operator="s1"
        )
        await tab.lines(3)
        assert [(i["from"], i["name"]) for i in tab.items] == [
            ("citizen", None),
            ("bot", None),
            ("operator", "Ngọc Lan"),
        ]
        assert tab.items[1]["buttons"] == [{"title": "Lệ phí?", "payload": "/fee"}]
        state = await tab.until("state", owner="human")
        assert state["operator"] == "Ngọc Lan"


async def test_notes_among_operators_stay_in_the_house(hub: ChatHub) -> None:
    async with open_tab(hub) as tab:
        await tab.say(new_id(), "Cho hỏi")
        conversation = tab.conversation
        await hub.reply(conversation, "người này hay gọi", author="operator", internal=True, owner="human")
        await hub.reply(conversation, "Chào anh/chị", author="operator")
        await tab.lines(2)
        assert [item["text"] for item in tab.items] == ["Cho hỏi", "Chào anh/chị"]
        token = tab.token
    async with open_tab(hub, token) as again:
        await again.lines(2)
        await again.send(type="history", before=4)
        older = await again.until("history")
        assert [item["text"] for item in [*again.items, *older["items"]]] == ["Cho hỏi", "Chào anh/chị"] * 2


async def test_two_tabs_see_the_same(hub: ChatHub) -> None:
    async with open_tab(hub) as one, open_tab(hub, one.token) as other:
        assert one.welcome["session"] == other.welcome["session"]
        await one.say(new_id(), "từ thẻ một")
        await other.lines(1)
        await other.say(new_id(), "từ thẻ hai")
        await hub.reply(one.conversation, "Dạ")
        await one.lines(3)
        await other.lines(3)
        assert one.items == other.items
        assert seqs(one) == [1, 2, 3]


async def test_typing_is_passed_on_both_ways(hub: ChatHub) -> None:
    async with open_tab(hub) as tab:
        conversation = tab.conversation
        with hub.hub.live.subscribe(conversation) as console:
            signals = aiter(console)
            await tab.send(type="typing")
            typing: Any = await asyncio.wait_for(anext(signals), 10)
            assert (typing.conversation, typing.author) == (conversation, "citizen")
        hub.hub.live.typing(conversation, "operator")
        assert (await tab.until("typing"))["from"] == "operator"


async def test_delivery_marks_reach_the_store_even_when_the_outbox_is_behind(hub: ChatHub) -> None:
    async with open_tab(hub) as tab:
        await tab.say(new_id(), "Cho hỏi")
        conversation = tab.conversation
        with hub.hub.live.subscribe(conversation) as signals:
            await hub.reply(conversation, "Dạ", handles=1)
            await tab.lines(2)
            await tab.send(type="received", seq=2)
            await tab.send(type="read", seq=2)
            async with asyncio.timeout(10):
                async for _ in signals:
                    reply = (await hub.store.messages(conversation, after=1))[0]
                    if reply.delivery == "read":
                        break
        assert (await tab.refresh()).citizen_read_seq == 2


async def test_a_page_cannot_mark_what_it_was_not_shown(hub: ChatHub) -> None:
    async with open_tab(hub) as tab:
        await tab.say(new_id(), "Cho hỏi")
        await tab.lines(1)
        await tab.send(type="read", seq=10**9)
        await tab.send(type="ping")
        await tab.until("pong")
        await hub.reply(tab.conversation, "Dạ")
        await tab.lines(2)
        assert (await tab.refresh()).citizen_read_seq <= 1


async def test_the_page_learns_that_staff_has_seen(hub: ChatHub) -> None:
    async with open_tab(hub) as tab:
        await tab.say(new_id(), "Cho hỏi")
        conversation = tab.conversation
        await hub.store.mark_staff_read(conversation, 1, now=hub.hub.clock.now())
        hub.hub.live.poke(conversation)
        await tab.until("state", staff_read_seq=1)


# ---- buttons


async def test_an_offered_button_is_a_postback(hub: ChatHub) -> None:
    async with open_tab(hub) as tab:
        await tab.say(new_id(), "khai sinh")
        conversation = tab.conversation
        await hub.reply(conversation, "Chọn ạ", buttons=(Button(title="Lệ phí?", payload="/fee"),), handles=1)
        id_ = new_id()
        await tab.send(type="choose", id=id_, title="Lệ phí?", payload="/fee")
        await tab.until("ack", id=id_)
        chosen = (await hub.store.messages(conversation))[-1]
        assert (chosen.kind, chosen.text, chosen.data) == ("postback", "Lệ phí?", {"payload": "/fee"})


async def test_a_payload_nobody_offered_is_plain_text(hub: ChatHub) -> None:
    async with open_tab(hub) as tab:
        await tab.say(new_id(), "khai sinh")
        conversation = tab.conversation
        await hub.reply(conversation, "Chọn ạ", buttons=(Button(title="Lệ phí?", payload="/fee"),), handles=1)
        await tab.send(type="choose", id=new_id(), title="Mở khóa", payload="/admin")
        await tab.until("ack")
        made_up = (await hub.store.messages(conversation))[-1]
        assert (made_up.kind, made_up.text, made_up.data) == ("message", "Mở khóa", {})


async def test_a_button_is_good_until_the_citizen_goes_on(hub: ChatHub) -> None:
    async with open_tab(hub) as tab:
        await tab.say(new_id(), "khai sinh")
        conversation = tab.conversation
        await hub.reply(conversation, "Chọn ạ", buttons=(Button(title="Lệ phí?", payload="/fee"),), handles=1)
        await tab.say(new_id(), "thôi, hỏi chuyện khác")
        await tab.send(type="choose", id=new_id(), title="Lệ phí?", payload="/fee")
        await tab.until("ack")
        assert (await hub.store.messages(conversation))[-1].kind == "message"


# ---- coming back


async def test_resume_brings_exactly_what_is_missing(hub: ChatHub) -> None:
    async with open_tab(hub) as tab:
        await tab.say(new_id(), "một")
        conversation, token = tab.conversation, tab.token
        await hub.reply(conversation, "hai", handles=1)
        await tab.lines(2)
    await hub.reply(conversation, "ba")
    await hub.reply(conversation, "bốn")
    async with open_tab(hub, token, last_seq=2) as back:
        assert back.welcome["after"] == 2
        await back.lines(2)
        await hub.reply(conversation, "năm")
        await back.lines(3)
        assert [item["text"] for item in back.items] == ["ba", "bốn", "năm"]


async def test_a_reload_shows_the_newest_and_older_on_demand(hub: ChatHub) -> None:
    async with open_tab(hub) as tab:
        await tab.say(new_id(), "đầu tiên")
        conversation, token = tab.conversation, tab.token
        for n in range(2, 121):
            await hub.reply(conversation, f"câu {n}")
    async with open_tab(hub, token) as back:
        first = await back.until("messages")
        assert first["older"] is True
        assert seqs(back) == list(range(71, 121))
        await back.send(type="history", before=71)
        older = await back.until("history")
        assert [item["seq"] for item in older["items"]] == list(range(21, 71))
        await back.send(type="history", before=21)
        oldest = await back.until("history")
        assert [item["seq"] for item in oldest["items"]] == list(range(1, 21))
        assert oldest["older"] is False


async def test_many_interruptions_lose_and_double_nothing(hub: ChatHub) -> None:
    token, last, seen = None, 0, []
    async with hub.echo_bot():
        for n in range(12):
            async with open_tab(hub, token, last) as tab:
                token = tab.token
                id_ = new_id()
                await tab.send(type="message", id=id_, text=f"câu {n}")
                if n % 3:
                    await tab.until("ack", id=id_)
                hub.hub.clock.move(2)  # type: ignore[attr-defined]
                seen += seqs(tab)
                last = max(seen, default=0)
        async with open_tab(hub, token, last) as tab:
            await tab.say(new_id(), "câu cuối")
            while not any("Em nhận: câu cuối" in (item["text"] or "") for item in tab.items):
                await tab.until("messages")
            seen += seqs(tab)
            stored = await hub.store.messages(tab.conversation)
    assert seen == [message.seq for message in stored]
    texts = [message.text for message in stored if message.author == "citizen"]
    assert len(set(texts)) == len(texts)


async def test_a_page_that_remembers_more_than_the_store_starts_over(hub: ChatHub) -> None:
    async with open_tab(hub) as tab:
        await tab.say(new_id(), "một")
        token = tab.token
    async with open_tab(hub, token, last_seq=40) as back:
        assert back.welcome["after"] == 0
        assert (await back.lines(1))[0]["text"] == "một"


async def test_a_restart_says_goodbye(hub: ChatHub) -> None:
    async with open_tab(hub) as tab:
        await tab.say(new_id(), "một")
        token = tab.token
        await hub.stop()
        message = await tab.ws.receive()
        while message.type is WSMsgType.TEXT:
            message = await tab.ws.receive()
        assert (message.type, message.data) == (WSMsgType.CLOSE, 1001)
    await hub.start()
    async with open_tab(hub, token) as back:
        assert (await back.lines(1))[0]["text"] == "một"


# ---- sessions


@pytest.mark.parametrize("token", [None, "", "rubbish", "WyJhIiwxXQ.forged", "x" * 500])
async def test_a_forged_token_is_a_new_session(hub: ChatHub, token: str | None) -> None:
    async with open_tab(hub, token, last_seq=9) as tab:
        assert tab.welcome["after"] == 0
        assert (await tab.say(new_id(), "xin chào"))["seq"] == 1


async def test_a_token_of_another_hub_is_a_new_session(hub: ChatHub, clock: HandClock) -> None:
    foreign = Sessions("another key", clock)
    async with open_tab(hub, foreign.token(foreign.open(None))) as tab:
        assert tab.welcome["last_seq"] == 0


async def test_a_session_lasts_thirty_days_from_its_last_use(hub: ChatHub, clock: HandClock) -> None:
    async with open_tab(hub) as tab:
        session, token = tab.welcome["session"], tab.token
    for _ in range(3):
        clock.move((SESSION_DAYS - 1) * 86_400)
        async with open_tab(hub, token) as tab:
            assert tab.welcome["session"] == session
            token = tab.token
    clock.move((SESSION_DAYS + 1) * 86_400)
    async with open_tab(hub, token) as tab:
        assert tab.welcome["session"] != session


async def test_nothing_stored_opens_the_session(hub: ChatHub, tmp_path: Path) -> None:
    async with open_tab(hub) as tab:
        await tab.say(new_id(), "xin chào")
        key = Sessions(SECRET, hub.hub.clock).open(tab.token).key
        written = all_bytes(tmp_path)
        assert b"xin ch" in written
        assert key.encode() not in written
        assert tab.token.encode() not in written


# ---- the door


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "", "http://127.0.0.1:1", "file://"])
async def test_other_sites_may_not_open_the_socket(hub: ChatHub, origin: str) -> None:
    async with ClientSession() as client:
        with pytest.raises(WSServerHandshakeError) as caught:
            await client.ws_connect(f"{hub.url}/chat/ws", headers={"Origin": origin})
        assert caught.value.status == 403


async def test_a_caller_without_origin_is_refused(hub: ChatHub) -> None:
    async with ClientSession() as client:
        with pytest.raises(WSServerHandshakeError) as caught:
            await client.ws_connect(f"{hub.url}/chat/ws")
        assert caught.value.status == 403


async def test_a_named_site_may(hub: ChatHub) -> None:
    async with (
        ClientSession() as client,
        client.ws_connect(f"{hub.url}/chat/ws", headers={"Origin": OTHER_SITE}) as ws,
    ):
        await ws.send_json({"type": "hello"})
        assert (await ws.receive_json())["type"] == "welcome"


@pytest.mark.parametrize("first", ['{"type": "ping"}', "rubbish", '{"type": "hello", "last_seq": -1}'])
async def test_who_does_not_say_hello_is_shown_out(hub: ChatHub, first: str) -> None:
    async with (
        ClientSession() as client,
        client.ws_connect(f"{hub.url}/chat/ws", headers={"Origin": hub.url}) as ws,
    ):
        await ws.send_str(first)
        assert (await ws.receive()).type is WSMsgType.CLOSE
        assert ws.close_code == 1008


async def test_too_many_messages_wait_and_are_lost_never(hub: ChatHub, clock: HandClock) -> None:
    async with open_tab(hub) as tab:
        for n in range(5):
            await tab.say(new_id(), f"câu {n}")
        id_ = new_id()
        await tab.send(type="message", id=id_, text="câu 5")
        assert (await tab.until("nack", id=id_))["code"] == "slow"
        clock.move(1)
        assert (await tab.say(id_, "câu 5"))["seq"] == 6


async def test_the_limit_counts_all_tabs_of_a_session_but_not_others(hub: ChatHub) -> None:
    async with open_tab(hub) as one, open_tab(hub, one.token) as same, open_tab(hub) as other:
        for n in range(5):
            await one.say(new_id(), f"câu {n}")
        await same.send(type="message", id=new_id(), text="nữa")
        assert (await same.until("nack"))["code"] == "slow"
        assert (await other.say(new_id(), "người khác"))["seq"] == 1


async def test_a_flood_of_frames_ends_the_socket(hub: ChatHub) -> None:
    async with open_tab(hub) as tab:
        for _ in range(120):
            await tab.send(type="ping")
        async with asyncio.timeout(10):
            while (await tab.ws.receive()).type is WSMsgType.TEXT:
                pass
        assert tab.ws.close_code == 1008


def test_buckets_forget_the_oldest_key(clock: HandClock) -> None:
    buckets = Buckets(clock, per_s=1, burst=1, keys=2)
    assert [buckets.take(key) for key in ("a", "a", "b", "c", "a")] == [True, False, True, True, True]


# ---- pages


async def test_the_chat_page_may_be_framed_by_named_sites_only(hub: ChatHub) -> None:
    async with ClientSession() as client, client.get(f"{hub.url}/chat") as response:
        assert response.status == 200
        policy = response.headers["Content-Security-Policy"]
        assert policy.endswith(f"frame-ancestors 'self' {OTHER_SITE}")
        assert "<script>" not in (text := await response.text())
        assert 'lang="vi"' in text


async def test_the_launcher_is_one_small_script(hub: ChatHub) -> None:
    async with ClientSession() as client, client.get(f"{hub.url}/embed.js") as response:
        body = await response.read()
        assert response.content_type.endswith("/javascript")
        assert response.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
        assert len(body) < 10_000


def test_the_client_is_small_and_without_markup() -> None:
    scripts = list((STATIC / "chat").glob("*.js"))
    assert sum(script.stat().st_size for script in scripts) <= 50_000
    for script in scripts:
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", script.read_text()
        )


def test_the_page_promises_what_the_hub_keeps() -> None:
    assert f"trong {SESSION_DAYS} ngày" in (STATIC / "chat" / "chat.js").read_text()
