"""Attachments over HTTP: who gets them, with which headers, and what is said where there is no content."""

from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path

import pytest
from aiohttp import FormData

from hub.media import sniffed
from hub.model import Attachment, Message, Ticket
from hub.ports import Capabilities
from hub.store.sqlite import SqliteStore
from hub.tools import Alarms
from hub.web.console_files import MAX_SENT_BYTES, disposition, in_words
from tests.conftest import FakeClock
from tests.contract.builders import arrive, event
from tests.fakes.channels import PaperChannel
from tests.web.console_hub import Browser, ConsoleHub, console_hub

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010804000000b51c0c02"
    "0000000b4944415478da6364f80f00010501012718e3660000000049454e44ae426082"
)
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
HTML = b"<!doctype html><script>alert(1)</script>"


@pytest.fixture
async def hub(store: SqliteStore, clock: FakeClock, tmp_path: Path) -> AsyncIterator[ConsoleHub]:
    async with console_hub(store, clock, tmp_path) as running:
        await running.person("lan", "Tổng đài viên Sen")
        yield running


@pytest.fixture
async def lan(hub: ConsoleHub) -> Browser:
    return await hub.signed_in("lan")


class Carrying(PaperChannel):
    """A channel that takes files."""

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(attachments=True)


async def kept(hub: ConsoleHub, data: bytes, **fields: str) -> Attachment:
    media_type = sniffed(data)
    blob = await hub.store.put_blob(data, media_type=media_type, now=hub.clock.now())
    return Attachment(**{"type": "file"} | fields, blob=blob, media_type=media_type, size=len(data))


async def sent(hub: ConsoleHub, *attachments: Attachment, who: str = "w-1") -> Message:
    said = event(f"x-{who}", "Gửi tệp", conversation=who, attachments=attachments)
    (message,) = await arrive(hub.store, said, at=hub.clock.now())
    assert isinstance(message, Message)
    return message


def address(message: Message, number: int = 0) -> str:
    return f"/console/conversations/{message.conversation}/files/{message.id}/{number}"


async def test_a_picture_is_shown_and_cannot_run_anything(hub: ConsoleHub, lan: Browser) -> None:
    message = await sent(hub, await kept(hub, PNG, type="image", name="ổ gà.png"))
    _, html = await lan.get(f"/console/conversations/{message.conversation}")
    assert f'<img src="{address(message)}"' in html
    assert "ổ gà.png" in html
    async with lan.client.get(lan.url + address(message)) as response:
        assert await response.read() == PNG
        assert response.headers["Content-Type"] == "image/png"
        assert response.headers["Content-Disposition"].startswith("inline")
        assert "sandbox" in response.headers["Content-Security-Policy"]
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Cache-Control"] == "no-store"
    async with lan.client.get(lan.url + address(message) + "?download") as response:
        assert response.headers["Content-Disposition"].startswith("attachment")


@pytest.mark.parametrize(
    ("data", "name"), [(SVG, "anh.svg"), (HTML, "don.html"), (b"%PDF-1.7\n%", "don.pdf"), (SVG, "anh.png")]
)
async def test_everything_else_is_handed_over_as_a_file(
    hub: ConsoleHub, lan: Browser, data: bytes, name: str
) -> None:
    message = await sent(hub, await kept(hub, data, type="image", name=name))
    _, html = await lan.get(f"/console/conversations/{message.conversation}")
    assert "<img src=" not in html.partition('id="log"')[2]
    async with lan.client.get(lan.url + address(message)) as response:
        assert await response.read() == data
        assert response.headers["Content-Type"] == "application/octet-stream"
        assert response.headers["Content-Disposition"].startswith("attachment")
        assert "sandbox" in response.headers["Content-Security-Policy"]


async def test_only_staff_and_only_through_its_own_message(hub: ConsoleHub, lan: Browser) -> None:
    message = await sent(hub, await kept(hub, PNG, name="a.png"))
    other = await sent(hub, who="w-2")
    stranger = hub.browser()
    async with stranger.client.get(stranger.url + address(message), allow_redirects=False) as response:
        assert response.status == 303
        assert response.headers["Location"].startswith("/console/login")
    for path in (
        address(message, 1),
        address(message).replace(message.conversation, other.conversation),
        address(other),
        f"/console/conversations/{other.conversation}/files/m_unknown/0",
    ):
        assert (await lan.get(path))[0] == 404


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        ("too_big", "tệp lớn hơn 25 MB"),
        ("blocked", "địa chỉ của tệp không được phép"),
        ("gone", "tệp không còn trên kênh"),
        ("type", "tệp là chương trình"),
    ],
)
async def test_what_was_not_kept_says_why(hub: ConsoleHub, lan: Browser, problem: str, words: str) -> None:
    url = "https://files.example/x.bin"
    message = await sent(hub, Attachment(type="file", name="x.bin", url=url, size=1_258_291, problem=problem))
    _, html = await lan.get(f"/console/conversations/{message.conversation}")
    assert words in html
    assert "1,2 MB" in html
    assert (url in html) == (problem == "too_big")  # the platform's own copy is the only one then


async def test_what_is_being_fetched_asks_again_until_it_is_there(
    hub: ConsoleHub, lan: Browser, clock: FakeClock
) -> None:
    message = await sent(hub, Attachment(type="image", url="https://files.example/1.png"))
    path = f"/console/conversations/{message.conversation}/files/{message.id}"
    _, html = await lan.get(path)
    assert "Đang tải về" in html
    assert "every 3s" in html
    job = await hub.store.lease_media(now=clock.now(), until=clock.now() + 1000)
    assert job
    await hub.store.settle_media(job, [await kept(hub, PNG, type="image")], now=clock.now())
    _, html = await lan.get(path)
    assert "<img src=" in html
    assert "every 3s" not in html


# ---- a file with a reply


@pytest.fixture
def channel(hub: ConsoleHub) -> Carrying:
    channel = Carrying(name="webchat")
    hub.hub.connectors["webchat"] = channel
    return channel


async def reply(lan: Browser, ticket: Ticket, data: bytes, name: str = "mau-don.pdf") -> tuple[int, str]:
    form = FormData()
    for field, value in (("text", "Dạ, mẫu đơn đây ạ."), ("key", "key-1"), ("ticket", ticket.id)):
        form.add_field(field, value)
    form.add_field("file", BytesIO(data), filename=name, content_type="image/png")
    headers = {"X-CSRF-Token": await lan.token(), "HX-Request": "true"}
    path = f"{lan.url}/console/conversations/{ticket.conversation}/reply"
    async with lan.client.post(path, data=form, headers=headers) as response:
        return response.status, await response.text()


async def test_a_file_goes_out_after_the_words_once(hub: ConsoleHub, lan: Browser, channel: Carrying) -> None:
    ticket = await hub.ticket((await sent(hub)).conversation)
    assert 'type="file"' in (await lan.get(f"/console/conversations/{ticket.conversation}"))[1]
    for _ in range(2):
        assert (await reply(lan, ticket, b"%PDF-1.7\n"))[0] == 200
    words, file = [m for m in await hub.store.messages(ticket.conversation) if m.author == "operator"]
    assert (words.text, words.attachments) == ("Dạ, mẫu đơn đây ạ.", ())
    (one,) = file.attachments
    assert (one.type, one.name, one.media_type) == ("file", "mau-don.pdf", "application/pdf")
    async with lan.client.get(lan.url + address(file)) as response:
        assert await response.read() == b"%PDF-1.7\n"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"MZ program", "tệp là chương trình"),
        (b"", "Tệp trống"),
        (PNG + bytes(MAX_SENT_BYTES), "lớn hơn 15 MB"),
    ],
    ids=["a program", "nothing", "too big"],
)
async def test_what_cannot_be_sent_is_refused_and_nothing_is_said(
    hub: ConsoleHub, lan: Browser, channel: Carrying, data: bytes, words: str
) -> None:
    ticket = await hub.ticket((await sent(hub)).conversation)
    status, text = await reply(lan, ticket, data)
    assert status == 400
    assert words in text
    assert await hub.texts(ticket.conversation, "operator") == []


async def test_a_channel_that_carries_no_files_offers_none(hub: ConsoleHub, lan: Browser) -> None:
    ticket = await hub.ticket((await sent(hub)).conversation)
    assert 'type="file"' not in (await lan.get(f"/console/conversations/{ticket.conversation}"))[1]
    status, text = await reply(lan, ticket, PNG)
    assert (status, text) == (400, "Kênh này không gửi được tệp.")


async def test_a_place_is_told_and_not_fetched(hub: ConsoleHub, lan: Browser) -> None:
    message = await sent(hub, Attachment(type="location", lat=10.46, lon=105.63))
    _, html = await lan.get(f"/console/conversations/{message.conversation}")
    assert "Vị trí: 10.46, 105.63" in html


def test_a_name_cannot_hide_what_the_file_is() -> None:
    assert disposition("attachment", "../../etc/ảnh \u202egnp.exe\r\nX: 1") == (
        "attachment; filename*=UTF-8''_.._etc_%E1%BA%A3nh%20gnp.exeX%3A%201"
    )
    assert disposition("inline", None) == "inline; filename*=UTF-8''tep-dinh-kem"
    assert disposition("attachment", "x" * 500 + ".docx").endswith("xxx.docx")


def test_sizes_in_words() -> None:
    assert [in_words(n) for n in (12, 350 * 1024, 1_258_291)] == ["12 byte", "350 KB", "1,2 MB"]


async def test_alarms_stand_on_every_page_until_they_are_over(hub: ConsoleHub, lan: Browser) -> None:
    alarms = Alarms(hub.store, hub.clock, hub.hub.metrics)
    for path in ("/console", "/console/call"):
        assert 'hx-get="/console/alarms"' in (await lan.get(path))[1]
    await alarms.alarm("zalo-consent", "Cần đăng nhập lại <Zalo OA>.")
    _, html = await lan.get("/console/alarms")
    assert "Cần chú ý:" in html
    assert "Cần đăng nhập lại &lt;Zalo OA&gt;." in html
    stamp = html.partition("stamp=")[2][:12]
    assert (await lan.get(f"/console/alarms?stamp={stamp}"))[0] == 204
    await alarms.alarm("calendar", "Lịch nghỉ năm sau chưa được xác nhận.")
    assert "2 cảnh báo" in (await lan.get(f"/console/alarms?stamp={stamp}"))[1]
    await alarms.clear_alarm("zalo-consent")
    await alarms.clear_alarm("calendar")
    status, html = await lan.get(f"/console/alarms?stamp={stamp}")
    assert status == 200
    assert "Cần chú ý" not in html
