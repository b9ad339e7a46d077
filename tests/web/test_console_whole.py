"""A mail in the console: what it says now is shown, all of it is one click away, and nothing of it can do harm."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from connectors.email import parse
from hub.model import Message
from hub.store.sqlite import SqliteStore
from tests.conftest import FakeClock
from tests.contract.builders import arrive
from tests.web.console_hub import Browser, ConsoleHub, console_hub

MAILS = Path(__file__).parents[1] / "payloads" / "email"


@pytest.fixture
async def hub(store: SqliteStore, clock: FakeClock, tmp_path: Path) -> AsyncIterator[ConsoleHub]:
    async with console_hub(store, clock, tmp_path) as hub:
        await hub.person("lan", "Tổng đài viên Sen")
        yield hub


@pytest.fixture
async def lan(hub: ConsoleHub) -> Browser:
    return await hub.signed_in("lan")


async def mail(hub: ConsoleHub, name: str, **data: Any) -> Message:
    (event,) = parse((MAILS / f"{name}.eml").read_bytes())
    (message,) = await arrive(
        hub.store, event.model_copy(update={"data": event.data | data}), at=hub.clock.now()
    )
    assert isinstance(message, Message)
    return message


def at(message: Message) -> str:
    return f"/console/conversations/{message.conversation}"


async def test_what_is_said_now_is_shown_and_all_of_it_is_one_click_away(
    hub: ConsoleHub, lan: Browser
) -> None:
    message = await mail(hub, "quote_gmail_vi")
    _, shown = await lan.get(at(message))
    assert "Cho em hỏi thêm lệ phí bao nhiêu" in shown
    assert "Hoi thu tuc" in shown, "its subject"
    assert "Cần Giấy chứng sinh" not in shown
    status, whole = await lan.get(f"{at(message)}/whole/{message.id}")
    assert status == 200
    assert "&gt; Cần Giấy chứng sinh." in whole
    assert "<html" not in whole


async def test_formatted_mail_loads_and_runs_nothing(hub: ConsoleHub, lan: Browser) -> None:
    evil = "<p>Chào</p><img src=https://theo-doi.example.org/a.gif><script>fetch('/')</script>"
    message = await mail(hub, "html_only", html=evil, subject="</title><script>x</script>")
    async with lan.client.get(f"{lan.url}{at(message)}/whole/{message.id}/html") as response:
        policy = response.headers["Content-Security-Policy"]
        assert "<title>&lt;/title&gt;" in await response.text()
    assert policy.startswith("default-src 'none'"), "so whatever got through the reader stays without effect"
    assert "sandbox;" in policy
    assert "script-src" not in policy
    assert "img-src" not in policy


async def test_only_staff_and_only_through_its_own_conversation(hub: ConsoleHub, lan: Browser) -> None:
    message, other = await mail(hub, "html_only"), await mail(hub, "emoji")
    for path in (f"/whole/{message.id}", f"/whole/{message.id}/html"):
        assert (await hub.browser().get(at(message) + path, allow_redirects=False))[0] in (303, 401)
        assert (await lan.get(at(other) + path))[0] == 404
    assert (await lan.get(f"{at(other)}/whole/{other.id}/html"))[0] == 404, "it has none"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"forged": True}, "có thể bị giả mạo"),
        ({"unreadable": "encrypted"}, "được mã hóa"),
        ({"unreadable": "too_big", "size": 31_457_280}, "30.0 MB"),
        ({"bounce": "550 5.1.1"}, "550 5.1.1"),
        ({"removed": True}, "đã gỡ tin nhắn"),
        ({"first_text": "bản đầu tiên"}, "bản đầu tiên"),
        ({"reaction": "love", "emoji": "❤"}, "❤"),
        ({"thread": "c_1"}, "/console/conversations/c_1"),
    ],
)
async def test_what_is_to_be_known_of_a_message_stands_beside_it(
    hub: ConsoleHub, lan: Browser, data: dict[str, Any], words: str
) -> None:
    message = await mail(hub, "emoji", **data)
    assert words in (await lan.get(at(message)))[1]
