"""The form for those who do not chat: what is sent becomes a ticket once, photos lose what cameras write into them."""

import io
import random
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import FormData
from PIL import Image

from connectors.form import FormConnector
from hub.errors import StoreUnavailable
from hub.model import Outgoing, Ticket
from hub.outbox import Outbox
from hub.store.sqlite import SqliteStore
from hub.web.petition import KINDS, MOST_PHOTOS
from hub.web.photos import NoPhotoError, cleaned
from tests.conftest import FakeClock
from tests.contract.builders import queue
from tests.handoff.cases import ms
from tests.hub.rooms import Rooms
from tests.web.console_hub import Browser, ConsoleHub, console_hub

KEY = "k" * 24
FILLED = {
    "key": KEY, "kind": "report", "text": "Đèn đường hỏng ba đêm rồi", "category": "chieu-sang", "commune": "phuong-my-tho",
    "place": "trước số 12 Hùng Vương", "lat": "10.36", "lon": "106.36", "name": "Trần Văn Tư", "phone": "0912 345 678",
    "agree": "yes",
}  # fmt: skip


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(ms("2026-11-16T08:00"))


@pytest.fixture
def letters() -> list[tuple[str, str | None]]:
    """Mails that were sent: to whom, what."""
    return []


@pytest.fixture
async def hub(
    store: SqliteStore, clock: FakeClock, tmp_path: Path, letters: list[tuple[str, str | None]]
) -> AsyncIterator[ConsoleHub]:
    async def write(item: Outgoing, address: str) -> None:
        letters.append((address, item.message.text))

    async with console_hub(store, clock, tmp_path, connectors={"form": FormConnector(write)}) as running:
        yield running


async def send(browser: Browser, *photos: bytes, **fields: str) -> tuple[int, str]:
    form = FormData()
    for name, value in (FILLED | fields).items():
        form.add_field(name, value)
    for n, photo in enumerate(photos):
        form.add_field("photos", io.BytesIO(photo), filename=f"IMG_{n}.jpg", content_type="image/jpeg")
    async with browser.client.post(f"{browser.url}/gui-phan-anh", data=form) as response:
        return response.status, await response.text()


async def only_ticket(hub: ConsoleHub) -> Ticket:
    (found,) = [ticket for ticket, _ in await queue(hub.store, limit=9)]
    return found


def photo(**options: Any) -> bytes:
    """As a camera makes it: turned by a note, with the place and the device in it."""
    picture, out = Image.new("RGB", (400, 200), "red"), io.BytesIO()
    exif = picture.getexif()
    exif[0x0112], exif[0x010F] = 6, "Nhãn máy bí mật"  # orientation, make
    exif.get_ifd(0x8825)[2] = (10.0, 21.0, 36.0)  # latitude
    picture.save(out, "JPEG", exif=exif, **options)
    return out.getvalue()


async def test_what_is_sent_becomes_a_ticket(hub: ConsoleHub) -> None:
    status, html = await send(hub.browser())
    assert status == 200
    ticket = await only_ticket(hub)
    assert ticket.code in html
    assert ticket.lookup_key in html
    assert "thứ" in html, "until when there is an answer"
    assert (ticket.reason, ticket.category, ticket.commune, ticket.hours) == (
        "report",
        "chieu-sang",
        "phuong-my-tho",
        48,
    )
    assert ticket.place is not None
    assert (ticket.place.text, ticket.place.lat, ticket.place.lon) == (
        "trước số 12 Hùng Vương",
        10.36,
        106.36,
    )
    assert ticket.details == {
        "name": "Trần Văn Tư",
        "phone": "0912345678",
        "location": "trước số 12 Hùng Vương",
    }
    conversation = await hub.conversation(ticket.conversation)
    assert (conversation.channel, conversation.owner, conversation.name) == ("form", "human", "Trần Văn Tư")
    assert KEY not in conversation.model_dump_json(), "nothing stored opens the form's answer"
    books = await hub.store.books(now=hub.clock.now(), grace_ms=60_000)
    assert (books.problems, books.lines[0].channel, books.lines[0].ticketed) == ((), "form", 1)


async def test_sending_again_shows_the_same_codes(hub: ConsoleHub) -> None:
    browser = hub.browser()
    first = await send(browser)
    assert await send(browser) == first
    ticket = await only_ticket(hub)
    status, html = await send(browser, text="Thêm: cây đổ chắn đường")
    assert status == 200
    assert ticket.code not in html, "another text is another matter, though the page is the same"


async def test_a_worker_that_is_faster_opens_the_same_ticket(
    hub: ConsoleHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*args: Any, **more: Any) -> Any:
        raise StoreUnavailable("locked")

    with monkeypatch.context() as broken:
        broken.setattr(hub.store, "note_person", away)
        status, html = await send(hub.browser())
    assert status == 503
    assert "Đèn đường hỏng ba đêm rồi" in html, "nothing typed is lost"

    rooms = Rooms(hub.store, hub.clock, Path("unused"))  # type: ignore[arg-type]
    rooms.clock.forward(1)
    assert await rooms.answer_due() == 1
    ticket = await only_ticket(hub)
    assert (ticket.category, ticket.commune) == ("chieu-sang", "phuong-my-tho")
    assert rooms.bot.asked == []
    status, html = await send(hub.browser())
    assert status == 200
    assert ticket.code in html


async def test_photos_are_upright_and_tell_nothing_else(hub: ConsoleHub) -> None:
    status, _ = await send(hub.browser(), photo(), photo(quality=50))
    assert status == 200
    ticket = await only_ticket(hub)
    (message,) = [m for m in await hub.store.messages(ticket.conversation) if m.author == "citizen"]
    assert ticket.messages == (message.id,)
    assert [one.type for one in message.attachments] == ["image", "image"]
    blob = await hub.store.blob(message.attachments[0].blob or "")
    assert blob is not None
    with Image.open(io.BytesIO(blob.data)) as kept:
        assert (kept.format, kept.size, dict(kept.getexif()), kept.info.get("exif")) == (
            "JPEG",
            (200, 400),
            {},
            None,
        )
    assert "bí mật".encode() not in blob.data


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"text": "  "}, "viết nội dung"),
        ({"kind": "x"}, "chọn loại"),
        ({"agree": ""}, "đánh dấu đồng ý"),
        ({"phone": "không có"}, "Số điện thoại gồm"),
        ({"email": "tu@"}, "Thư điện tử chưa đúng"),
        ({"mail_me": "yes"}, "nhập thư điện tử"),
        ({"commune": "sai-gon"}, "không có trong danh mục"),
        ({"website": "http://spam.example"}, "để trống ô này"),
        ({"name": "x" * 101}, "dài quá 100"),
    ],
)
async def test_what_is_wrong_is_said_and_what_was_typed_is_kept(
    hub: ConsoleHub, fields: dict[str, str], said: str
) -> None:
    status, html = await send(hub.browser(), **fields)
    assert status == 422
    assert said in html
    assert "trước số 12 Hùng Vương" in html
    assert f'value="{KEY}"' in html
    assert await queue(hub.store, limit=9) == []


async def test_what_is_no_photo_or_too_many(hub: ConsoleHub) -> None:
    browser = hub.browser()
    status, html = await send(browser, b"MZ\x90\x00" * 50)
    assert status == 422
    assert "không phải là ảnh" in html
    huge = io.BytesIO()
    Image.new("1", (9000, 9000)).save(huge, "PNG")
    status, html = await send(browser, huge.getvalue())
    assert (status, "không phải là ảnh" in html) == (422, True), "small to send, huge to open"
    status, html = await send(browser, *[photo()] * (MOST_PHOTOS + 1))
    assert status == 422
    assert "Tối đa 5 ảnh" in html
    status, html = await send(browser, b"\xff\xd8" + b"0" * (17 * 2**20))
    assert status == 413
    assert "quá lớn" in html


async def test_nonsense_positions_are_no_place(hub: ConsoleHub) -> None:
    for n, (lat, lon) in enumerate((("nan", "1"), ("95", "3"), ("x", "")), start=1):
        await send(hub.browser(), lat=lat, lon=lon, key=f"{n}" * 20, place="")
    assert [ticket.place for ticket, _ in await queue(hub.store, limit=9)] == [None] * 3


async def test_too_many_from_one_address(hub: ConsoleHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.web.petition.PER_ADDRESS_PER_HOUR", 2)
    browser = hub.browser()
    statuses = [(await send(browser, key=f"{n}" * 20))[0] for n in range(3)]
    assert statuses == [200, 200, 429]
    assert (await send(browser, key="0" * 20))[0] == 200, "what was taken in already is shown again"


async def test_who_agreed_gets_answers_by_mail_too(
    hub: ConsoleHub, clock: FakeClock, letters: list[tuple[str, str | None]]
) -> None:
    await send(hub.browser(), email="tu@example.vn", mail_me="yes")
    await send(hub.browser(), email="nam@example.vn", key="n" * 20)
    told = {}
    for ticket, conversation in await queue(hub.store, limit=9):
        told[conversation.contact["email"]] = ticket
        consents = await hub.store.consents(conversation.id)
        assert [one.address for one in consents] == (
            ["tu@example.vn"] if "answer_to" in conversation.contact else []
        )

    async def undelivered(*args: Any) -> None:
        raise AssertionError(args)

    outbox = Outbox(
        hub.store, hub.hub.connectors, hub.hub.live, clock, hub.hub.metrics, undelivered=undelivered
    )
    while await outbox.send_due():
        pass
    ((address, text),) = letters
    assert address == "tu@example.vn"
    assert told["tu@example.vn"].code in str(text)


async def test_the_page_works_without_script_and_may_ask_for_the_place(hub: ConsoleHub) -> None:
    browser = hub.browser()
    async with browser.client.get(f"{hub.url}/gui-phan-anh") as response:
        html = await response.text()
        assert "geolocation=(self)" in response.headers["Permissions-Policy"]
        assert response.headers["Cache-Control"] == "no-store"
    assert all(name in html for name in KINDS.values())
    assert len(re.findall(r'<option value="(?:xa|phuong)-', html)) == 102
    keys = re.findall(r'name="key" value="([^"]+)"', html)
    assert len(keys[0]) >= 24


async def test_a_damaged_photo_is_no_photo_whatever_is_wrong_with_it() -> None:
    dice, whole = random.Random(1), photo()
    fates = set()
    for _ in range(400):
        damaged = bytearray(whole)
        for _ in range(dice.randrange(1, 12)):
            damaged[dice.randrange(700)] = dice.randrange(256)
        try:
            fates.add((await cleaned(bytes(damaged)))[:2])
        except NoPhotoError:
            fates.add(b"")
    assert fates == {b"", b"\xff\xd8"}
