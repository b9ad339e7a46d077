"""Logging a call over HTTP: conversation, ticket, counting; nothing typed is lost; knowledge and directory beside it."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from functools import cache
from io import BytesIO
from pathlib import Path

import pytest
from aiohttp import FormData

from bot.knowledge import KnowledgeBase, seed_docs
from connectors.phone import PhoneConnector
from hub.clock import local_day
from hub.model import Conversation, Message, Ticket, conversation_id
from hub.ports import BookLine
from hub.store.sqlite import SqliteStore
from hub.web.console_files import MAX_SENT_BYTES
from tests.conftest import FakeClock
from tests.contract.builders import queue
from tests.web.console_hub import Browser, ConsoleHub, console_hub

QUESTION = "Đường Hùng Vương mất điện từ sáng"
ANSWER = "Dạ, điện lực đang xử lý, trưa nay có lại."
WAV = b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(28)
PHONE = PhoneConnector()


@cache
def knowledge() -> KnowledgeBase:
    return KnowledgeBase.build(seed_docs())


@pytest.fixture
async def hub(store: SqliteStore, clock: FakeClock, tmp_path: Path) -> AsyncIterator[ConsoleHub]:
    connectors = {"phone": PHONE}
    async with console_hub(store, clock, tmp_path, connectors=connectors, knowledge=knowledge()) as running:
        await running.person("lan", "Tổng đài viên Sen")
        yield running


@pytest.fixture
async def lan(hub: ConsoleHub) -> Browser:
    return await hub.signed_in("lan")


async def form(lan: Browser, **fields: str) -> dict[str, str]:
    """The form as the page gives it, with what the operator typed."""
    _, html = await lan.get("/console/call")
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', html))
    typed = {
        "number": "0912 345 678",
        "name": "Cô Sáu",
        "question": QUESTION,
        "outcome": "answered",
        "answer": ANSWER,
    }
    return hidden | typed | fields


async def conversation(hub: ConsoleHub, number: str = "0912345678") -> Conversation:
    (event,) = PHONE.parse(b'{"call":"whatever","number":"%s","question":"x","at":1}' % number.encode())
    return await hub.conversation(conversation_id(event))


async def lines(hub: ConsoleHub, author: str) -> list[Message]:
    known = await conversation(hub)
    return [m for m in await hub.store.messages(known.id) if m.author == author]


async def only_ticket(hub: ConsoleHub) -> Ticket:
    ((ticket, _),) = await queue(hub.store, limit=9)
    return ticket


async def book(hub: ConsoleHub) -> BookLine:
    books = await hub.store.books(now=hub.clock.now() + 60_000, grace_ms=1)
    assert books.problems == ()
    (line,) = books.lines
    assert (line.channel, line.day) == ("phone", local_day(hub.clock.now()))
    return line


# ---- what becomes of a call


async def test_a_call_answered_at_once_counts_as_answered(hub: ConsoleHub, lan: Browser) -> None:
    response = await lan.post("/console/call", await form(lan))
    assert response.status == 303
    known = await conversation(hub)
    assert (known.name, known.contact, known.owner) == ("Cô Sáu", {"phone": "0912345678"}, "bot")
    (asked,), (answered,) = await lines(hub, "citizen"), await lines(hub, "operator")
    assert (asked.text, asked.outcome) == (QUESTION, "answered")
    assert (answered.text, answered.delivery, answered.internal) == (ANSWER, "sent", False)
    assert (await book(hub)).answered == 1
    assert await queue(hub.store, limit=9) == []
    assert await hub.store.lease_outbox(now=hub.clock.now(), until=hub.clock.now() + 1, limit=9) == []
    assert "đã giải đáp" in (await lan.get(response.headers["Location"]))[1]
    _, html = await lan.get(f"/console/conversations/{known.id}")
    assert "trợ lý tự động đang trả lời" not in html


async def test_a_call_that_needs_more_becomes_a_ticket_whose_codes_are_read_out(
    hub: ConsoleHub, lan: Browser
) -> None:
    fields = await form(lan, outcome="ticket", answer="", place="Đường Hùng Vương", urgent="yes")
    response = await lan.post("/console/call", fields)
    ticket = await only_ticket(hub)
    assert (ticket.reason, ticket.state, ticket.priority) == ("operator", "new", "urgent")
    assert ticket.summary == QUESTION
    assert ticket.details == {"name": "Cô Sáu", "phone": "0912345678", "location": "Đường Hùng Vương"}
    assert ticket.due_at is not None
    (asked,) = await lines(hub, "citizen")
    assert (asked.outcome, ticket.messages) == ("ticketed", (asked.id,))
    known = await conversation(hub)
    assert (known.owner, known.operator, known.ticket) == ("human", None, ticket.id)
    assert (await book(hub)).ticketed == 1
    _, html = await lan.get(response.headers["Location"])
    assert ticket.code in html
    assert " ".join(ticket.lookup_key) in html
    assert datetime.fromtimestamp(ticket.due_at / 1000, UTC).strftime("%Y") in html


async def test_what_is_told_later_by_phone_is_recorded_and_counts_as_said(
    hub: ConsoleHub, lan: Browser
) -> None:
    await lan.post("/console/call", await form(lan, outcome="ticket", answer=""))
    ticket = await only_ticket(hub)
    _, html = await lan.get(f"/console/conversations/{ticket.conversation}")
    assert "nội dung nhập ở đây không được gửi đi" in html
    assert (await lan.act(ticket.conversation, "reply", ticket=ticket.id, text=ANSWER)).status == 200
    (item,) = await hub.store.lease_outbox(now=hub.clock.now(), until=hub.clock.now() + 1, limit=9)
    assert (await PHONE.send(item)).delivery == "sent"
    changed = await hub.store.ticket(ticket.id)
    assert changed
    assert changed.state == "answered"


async def test_being_put_through_is_recorded_with_to_whom_and_what_came_of_it(
    hub: ConsoleHub, lan: Browser
) -> None:
    unit = next(one for one in hub.hub.rules().agencies.all() if one.phones)
    fields = await form(
        lan, answer="", through="yes", to=unit.name.upper(), person="Anh trực máy", through_number="0277 3898 989",
        result="reached",
    )  # fmt: skip
    assert (await lan.post("/console/call", fields)).status == 303
    (asked,), (note,) = await lines(hub, "citizen"), await lines(hub, "operator")
    assert asked.data["put_through"] == {
        "to": unit.id, "person": "Anh trực máy", "number": "0277 3898 989", "result": "reached",
    }  # fmt: skip
    assert note.internal
    assert note.text == f"Nối máy tới {unit.name.upper()}, Anh trực máy, 0277 3898 989: đã gặp."
    assert (await book(hub)).answered == 1


async def test_calls_from_one_number_are_one_conversation_and_hidden_ones_are_not(
    hub: ConsoleHub, lan: Browser
) -> None:
    await lan.post("/console/call", await form(lan, number="+84 912 345 678"))
    await lan.post("/console/call", await form(lan, question="Còn việc nữa"))
    assert [m.text for m in await lines(hub, "citizen")] == [QUESTION, "Còn việc nữa"]
    response = await lan.post("/console/call", await form(lan, number="", name=""))
    _, html = await lan.get(response.headers["Location"])
    found = re.search(r"/console/conversations/(\w+)", html)
    assert found
    assert found[1] != (await conversation(hub)).id
    assert (await hub.conversation(found[1])).name == "Người gọi không hiện số"


async def test_a_form_sent_twice_is_one_call(hub: ConsoleHub, lan: Browser) -> None:
    fields = await form(lan, outcome="ticket")
    first, second = [await lan.post("/console/call", fields) for _ in range(2)]
    assert first.headers["Location"] == second.headers["Location"]
    assert len(await lines(hub, "citizen")) == len(await lines(hub, "operator")) == 1
    await only_ticket(hub)


async def test_a_call_whose_turn_was_lost_is_completed_as_it_reads_now(hub: ConsoleHub, lan: Browser) -> None:
    fields = await form(lan)
    lost = b'{"call":"%s","number":"0912345678","question":"...","at":1}' % fields["key"].encode()
    await hub.hub.stream.receive_now("phone", lost)
    assert (await lan.post("/console/call", fields)).status == 303
    (asked,) = await lines(hub, "citizen")
    assert (asked.text, asked.outcome) == (QUESTION, "answered")


# ---- nothing typed is lost


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"question": " "}, "question"),
        ({"number": "không biết"}, "number"),
        ({"outcome": ""}, "outcome"),
        ({"answer": ""}, "answer"),
        ({"through": "yes", "result": "reached"}, "to"),
        ({"through": "yes", "to": "Sở Y tế"}, "result"),
        ({"through": "yes", "to": "Sở Y tế", "result": "no_answer", "answer": ""}, "answer"),
        ({"outcome": "ticket", "category": "khong-co"}, "category"),
        ({"question": "x" * 4001}, "question"),
    ],
)
async def test_what_is_missing_is_said_beside_it_and_the_rest_stays(
    hub: ConsoleHub, lan: Browser, change: dict[str, str], field: str
) -> None:
    fields = await form(lan, person="Chị trực máy", place="Chợ <Cao Lãnh>") | change
    async with lan.client.post(lan.url + "/console/call", data=fields) as response:
        html = await response.text()
        assert response.status == 422
    assert f'id="{field}-fault"' in html
    assert f'aria-describedby="{field}-fault"' in html
    for kept in ("Cô Sáu", "Chị trực máy", "Chợ &lt;Cao Lãnh&gt;", f'value="{fields["key"]}"'):
        assert kept in html
    assert (await hub.store.books(now=hub.clock.now(), grace_ms=1)).raw_items == 0


def with_file(fields: dict[str, str], data: bytes, name: str = "cuoc-goi.wav") -> FormData:
    posted = FormData()
    for key, value in fields.items():
        posted.add_field(key, value)
    posted.add_field("recording", BytesIO(data), filename=name, content_type="audio/wav")
    return posted


async def test_a_recording_survives_a_form_that_comes_back(hub: ConsoleHub, lan: Browser) -> None:
    fields = await form(lan, question="")
    async with lan.client.post(lan.url + "/console/call", data=with_file(fields, WAV)) as response:
        html = await response.text()
        assert response.status == 422
    kept = re.search(r'name="recording_kept" value="([^"]+)"', html)
    assert kept
    again = fields | {"question": QUESTION, "recording_kept": kept[1]}
    assert (await lan.post("/console/call", again)).status == 303
    (asked,) = await lines(hub, "citizen")
    (attachment,) = asked.attachments
    assert (attachment.type, attachment.name, attachment.size) == ("audio", "cuoc-goi.wav", len(WAV))
    path = f"/console/conversations/{asked.conversation}/files/{asked.id}/0"
    async with lan.client.get(lan.url + path) as response:
        assert await response.read() == WAV


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"MZ\x90\x00 program", "không phải là ghi âm"),
        (b"", "Tệp trống"),
        (WAV + bytes(MAX_SENT_BYTES), "lớn hơn 15 MB"),
    ],
    ids=["a program", "nothing", "too big"],
)
async def test_what_is_no_recording_is_refused_and_the_text_stays(
    lan: Browser, data: bytes, words: str
) -> None:
    async with lan.client.post(lan.url + "/console/call", data=with_file(await form(lan), data)) as response:
        html = await response.text()
        assert response.status == 422
    assert words in html
    assert QUESTION in html


async def test_a_recording_that_was_not_kept_here_cannot_be_named(hub: ConsoleHub, lan: Browser) -> None:
    assert (await lan.post("/console/call", await form(lan, recording_kept="forged.token"))).status == 303
    (asked,) = await lines(hub, "citizen")
    assert asked.attachments == ()


async def test_the_form_is_for_staff_and_needs_its_token(hub: ConsoleHub, lan: Browser) -> None:
    stranger = hub.browser()
    assert (await stranger.post("/console/call", await form(lan))).status in (303, 401)
    assert (await lan.post("/console/call", await form(lan, csrf="wrong"))).status == 403
    assert (await hub.store.books(now=hub.clock.now(), grace_ms=1)).raw_items == 0


# ---- beside the form


async def test_knowledge_is_found_while_typing_and_what_was_read_out_is_recorded(
    hub: ConsoleHub, lan: Browser
) -> None:
    _, html = await lan.get("/console/call/knowledge", params={"question": "làm giấy khai sinh cho con"})
    found = re.search(r'data-id="([\w-]+)"', html)
    assert found
    assert "khai sinh" in html
    await lan.post("/console/call", await form(lan, knowledge=f"{found[1]} khong-co"))
    (answered,) = await lines(hub, "operator")
    assert answered.knowledge == (found[1],)
    assert (await lan.get("/console/call/knowledge"))[0] == 200


async def test_the_directory_is_searched_without_diacritics_and_numbers_can_be_dialled(lan: Browser) -> None:
    _, html = await lan.get("/console/call/directory", params={"to": "so noi vu"})
    assert "Sở Nội vụ" in html
    assert "Chưa có số trong danh bạ" in html
    _, html = await lan.get("/console/call/directory")  # those with a published number
    assert re.search(r'<a href="tel:\d{3,15}">', html)
    assert "Danh bạ không có" in (await lan.get("/console/call/directory", params={"to": "zzz"}))[1]
