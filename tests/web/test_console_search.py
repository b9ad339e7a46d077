"""The search page: context, marks, kinds, pages; what is looked for stays out of addresses."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hub.store.sqlite import SqliteStore
from hub.web.console_search import _pattern, context_of
from tests.conftest import FakeClock
from tests.web.console_hub import Browser, ConsoleHub, console_hub


@pytest.fixture
async def hub(store: SqliteStore, clock: FakeClock, tmp_path: Path) -> AsyncIterator[ConsoleHub]:
    async with console_hub(store, clock, tmp_path) as running:
        await running.person("lan", "Tổng đài viên Sen")
        yield running


@pytest.fixture
async def lan(hub: ConsoleHub) -> Browser:
    return await hub.signed_in("lan")


async def search(browser: Browser, question: str, **form: str) -> str:
    form |= {"csrf": await browser.token(), "q": question}
    async with browser.client.post(
        f"{browser.url}/console/search", data=form, headers={"HX-Request": "true"}
    ) as answer:
        assert answer.status == 200
        return await answer.text()


def test_the_words_found_are_marked_in_their_context() -> None:
    text = "a" * 200 + " Đèn  ĐƯỜNG hỏng, đường tối"
    pieces = context_of(text, _pattern("den đuo"))
    assert [piece for piece, marked in pieces if marked] == ["Đèn", "ĐƯỜNG", "đường"]
    assert pieces[0] == ("…", False)
    assert context_of("không có gì", _pattern("xyz")) == [("không có gì", False)]
    assert context_of("x" * 500, None)[-1][0].endswith("…")


async def test_messages_tickets_and_people_are_found(hub: ConsoleHub, lan: Browser) -> None:
    message = await hub.citizen_says("Đèn đường <b>hỏng</b> ba hôm")
    ticket = await hub.ticket(message.conversation, "Đèn đường hỏng")
    await hub.store.note_person(message.conversation, now=hub.clock.now(), name="Người dân Đèn")
    html = await search(lan, "den duong")
    assert "<mark>Đèn</mark> <mark>đường</mark> &lt;b&gt;hỏng" in html
    assert f"?around={message.seq}#m{message.seq}" in html
    assert f"?ticket={ticket.id}" in html
    assert html.count("<li>") == 2
    assert (await search(lan, "den")).count("<li>") == 3
    assert (await search(lan, "den", kind="person")).count("<li>") == 1
    assert ticket.code in await search(lan, ticket.code)
    assert "Không tìm thấy gì" in await search(lan, "khai sinh")
    _, page = await lan.get("/console/search")
    assert 'method="post"' in page


async def test_what_has_the_letters_as_typed_comes_first(hub: ConsoleHub, lan: Browser) -> None:
    await hub.citizen_says("đường hẻm", who="w-1")
    await hub.citizen_says("đương sự", who="w-2")
    found = re.findall(r"<mark>(.*?)</mark>", await search(lan, "đường "))
    assert found == ["đường", "đương"]


async def test_a_long_result_is_turned_over(hub: ConsoleHub, lan: Browser) -> None:
    for n in range(32):
        await hub.citizen_says(f"rác số {n}", who=f"w-{n}")
    assert (await search(lan, "rac")).count("<li>") == 30
    assert (await search(lan, "rac", page="2")).count("<li>") == 2


async def test_an_old_message_is_opened_with_what_stands_around_it(hub: ConsoleHub, lan: Browser) -> None:
    first = await hub.citizen_says("Dòng 0")
    for n in range(1, 120):
        await hub.citizen_says(f"Dòng {n}")
    _, html = await lan.get(f"/console/conversations/{first.conversation}?around=10")
    assert re.findall(r'<li id="m(\d+)"', html) == [str(seq) for seq in range(1, 35)]
    assert 'name="after" value="34"' in html, "the page goes on from there"
