"""The citizens' form and status page, and the reports, in a real browser: without a connection, without script, by
keyboard, on a phone; axe finds nothing serious."""

import io
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe
from PIL import Image
from playwright.async_api import Browser, Page, async_playwright, expect

from connectors.form import FormConnector
from handoff import acts
from handoff.acts import Actor
from hub.clock import SystemClock
from hub.model import Ticket
from hub.store.sqlite import SqliteStore
from tests.contract.builders import queue
from tests.web.console_hub import PASSWORD, ConsoleHub, console_hub
from tests.web.test_console_browser import CHROMIUM, FLAGS, PHONE
from tests.web.test_petition import photo

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="chromium is not installed (apt-get install chromium)"
)
LAN = Actor(id="s-lan", kind="staff")


@pytest.fixture
async def hub(store: SqliteStore, tmp_path: Path) -> AsyncIterator[ConsoleHub]:
    async with console_hub(store, SystemClock(), tmp_path, connectors={"form": FormConnector()}) as running:
        await running.person("hoa", "Trần Thị Hoa", role="supervisor")
        yield running


@pytest.fixture
async def chromium(hub: ConsoleHub) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        await browser.close()


async def healthy(page: Page) -> None:
    """Nothing serious for those who cannot see or use a mouse, and nothing beside the page."""
    found = await Axe().run(page)
    serious = [one for one in found.response["violations"] if one["impact"] in ("serious", "critical")]
    assert serious == [], [(one["id"], one["nodes"][0]["html"]) for one in serious]
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")


async def only_ticket(hub: ConsoleHub) -> Ticket:
    (found,) = [ticket for ticket, _ in await queue(hub.store, limit=9)]
    return found


async def test_a_form_written_without_a_connection_is_sent_once_there_is_one(
    hub: ConsoleHub, chromium: Browser
) -> None:
    context = await chromium.new_context(
        viewport=PHONE, geolocation={"latitude": 10.36, "longitude": 106.36}, permissions=["geolocation"]
    )
    page = await context.new_page()
    await page.goto(f"{hub.url}/gui-phan-anh")
    await healthy(page)
    await context.set_offline(True)
    await page.get_by_label("Nội dung *").fill("Đèn đường hỏng ba đêm rồi")
    await page.get_by_role("button", name="Dùng vị trí của tôi").click()
    await expect(page.get_by_text("Đã ghi vị trí")).to_be_visible()
    await page.get_by_label("Ảnh (tối đa 5)").set_input_files(
        [{"name": "IMG_1.jpg", "mimeType": "image/jpeg", "buffer": photo()}]
    )
    await expect(page.locator(".chosen li")).to_have_count(1)
    await page.get_by_label("Tôi đồng ý để").check()
    await page.get_by_role("button", name="Gửi", exact=True).click()
    await expect(page.get_by_text("Chưa có mạng. Nội dung đã lưu")).to_be_visible()
    assert await queue(hub.store, limit=9) == []
    await page.close()  # the battery died

    await context.set_offline(False)
    page = await context.new_page()
    await page.goto(f"{hub.url}/gui-phan-anh")  # what waited is sent by itself
    await expect(page.get_by_role("heading", name="Tổng đài đã nhận nội dung anh/chị gửi")).to_be_visible()
    await healthy(page)
    ticket = await only_ticket(hub)
    await expect(page.get_by_text(ticket.lookup_key)).to_be_visible()
    assert ticket.place is not None
    assert (ticket.place.lat, ticket.place.lon) == (10.36, 106.36)
    (message,) = [m for m in await hub.store.messages(ticket.conversation) if m.author == "citizen"]
    (one,) = message.attachments
    blob = await hub.store.blob(one.blob or "")
    assert blob is not None
    with Image.open(io.BytesIO(blob.data)) as kept:
        assert dict(kept.getexif()) == {}
    await page.reload()  # the same again is the same again
    assert (await only_ticket(hub)).id == ticket.id
    await page.goto(f"{hub.url}/gui-phan-anh")
    await expect(page.get_by_label("Nội dung *")).to_have_value("")


async def test_without_script_by_keyboard_from_the_form_to_the_score(
    hub: ConsoleHub, chromium: Browser
) -> None:
    context = await chromium.new_context(java_script_enabled=False)
    page = await context.new_page()
    await page.goto(f"{hub.url}/gui-phan-anh")
    await page.get_by_label("Nội dung *").focus()
    await page.keyboard.type("Đèn đường hỏng")
    await page.get_by_label("Tôi đồng ý để").focus()
    await page.keyboard.press("Space")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Tổng đài đã nhận nội dung anh/chị gửi")).to_be_visible()
    ticket = await only_ticket(hub)
    assert hub.hub.casework
    await hub.hub.casework.do(ticket.id, acts.Close(), LAN, "1", text="Đèn đã được thay.")
    await page.get_by_role("link", name="Xem kết quả").click()
    await page.get_by_label("Mã tra cứu").fill(ticket.lookup_key)
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("Đèn đã được thay.")).to_be_visible()
    await page.get_by_label("5 Rất hài lòng").focus()
    await page.keyboard.press("Space")
    await page.get_by_role("button", name="Gửi đánh giá").focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("Anh/chị đã đánh giá 5/5")).to_be_visible()
    closed = await hub.store.ticket(ticket.id)
    assert closed is not None
    assert closed.rating is not None
    assert closed.rating.score == 5


async def test_reports_and_public_pages_for_everybody(hub: ConsoleHub, chromium: Browser) -> None:
    for n in range(6):
        message = await hub.citizen_says("Mất điện", f"w-{n}")
        ticket = await hub.ticket(message.conversation, reason="report", category="dien-mat-dien")
    assert hub.hub.casework
    await hub.hub.casework.do(ticket.id, acts.Forward(agency="dt-dien-luc"), LAN, "1")
    context = await chromium.new_context(viewport={"width": 1366, "height": 768})
    page = await context.new_page()
    for path in ("/thong-ke", "/status"):
        await page.goto(hub.url + path)
        await healthy(page)
    await page.goto(f"{hub.url}/console/login?next=/console/reports")
    await page.get_by_label("Tên đăng nhập").fill("hoa")
    await page.get_by_label("Mật khẩu").fill(PASSWORD)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Báo cáo", exact=True)).to_be_visible()
    await healthy(page)
    await page.get_by_text("Bảng số liệu: theo giờ trong ngày").click()
    await expect(page.get_by_role("row", name="23 giờ")).to_be_visible()
    await page.get_by_role("row", name="Công ty Điện lực Đồng Tháp").get_by_role("link").click()
    await expect(page.get_by_role("link", name=ticket.code)).to_be_visible()
    await healthy(page)
    await page.goto(f"{hub.url}/console/reports/month")
    async with page.expect_download() as download:
        await page.get_by_role("link", name="Tải XLSX").click()
    assert (await download.value).suggested_filename.startswith("bao-cao-1022-")
    await healthy(page)
