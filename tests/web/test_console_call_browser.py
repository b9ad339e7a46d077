"""Calls, attachments, closed windows and alarms in a real browser: by keyboard, on a phone, with nothing lost."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from bot.knowledge import KnowledgeBase, seed_docs
from connectors.phone import PhoneConnector
from hub.clock import SystemClock
from hub.model import Attachment
from hub.ports import Connector, Reach
from hub.store.sqlite import SqliteStore
from hub.tools import Alarms
from tests.contract.builders import arrive, event, queue
from tests.fakes.channels import PaperChannel
from tests.web.console_hub import ConsoleHub, console_hub
from tests.web.test_console_browser import CHROMIUM, FLAGS, PHONE, complaints, is_live, operator

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="chromium is not installed (apt-get install chromium)"
)
CLOSED = "Đã quá 7 ngày kể từ tin cuối của người dân: Zalo không nhận tin nữa."
QUESTION = "Làm giấy khai sinh cho con cần giấy tờ gì?"


@pytest.fixture(scope="module")
def knowledge() -> KnowledgeBase:
    return KnowledgeBase.build(seed_docs())


@pytest.fixture
async def hub(store: SqliteStore, tmp_path: Path, knowledge: KnowledgeBase) -> AsyncIterator[ConsoleHub]:
    connectors: dict[str, Connector] = {"phone": PhoneConnector(), "webchat": PaperChannel(name="webchat")}
    async with console_hub(
        store, SystemClock(), tmp_path, connectors=connectors, knowledge=knowledge
    ) as running:
        await running.person("lan", "Tổng đài viên Sen")
        yield running


@pytest.fixture
async def chromium(hub: ConsoleHub) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        complaints.clear()
        yield browser
        await browser.close()
    assert complaints == []


async def fits(page: Page) -> None:
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")


async def picture(page: Page) -> bytes:
    """A picture as a citizen's phone would send it."""
    data: list[int] = await page.evaluate(
        """async () => {
            const board = Object.assign(document.createElement("canvas"), {width: 640, height: 400});
            const pen = board.getContext("2d");
            pen.fillStyle = "#7a8b99"; pen.fillRect(0, 0, 640, 400);
            pen.fillStyle = "#2b2f33"; pen.beginPath(); pen.ellipse(330, 240, 160, 70, 0, 0, 7); pen.fill();
            const blob = await new Promise((done) => board.toBlob(done, "image/png"));
            return [...new Uint8Array(await blob.arrayBuffer())];
        }"""
    )
    return bytes(data)


async def test_files_a_closed_window_and_alarms_are_seen_before_writing(
    hub: ConsoleHub, chromium: Browser, tmp_path: Path
) -> None:
    page = await operator(chromium, hub)
    await is_live(page)
    png = await picture(page)
    blob = await hub.store.put_blob(png, media_type="image/png", now=1)
    files = (
        Attachment(type="image", name="o-ga-truoc-nha.png", blob=blob, media_type="image/png", size=len(png)),
        Attachment(
            type="file", name="phim.mp4", url="https://files.example/1", size=80 * 2**20, problem="too_big"
        ),
        Attachment(type="file", name="cai-dat.exe", url="https://files.example/2", problem="type"),
    )
    (said,) = await arrive(
        hub.store,
        event("x-1", "Ổ gà trước nhà tôi", conversation="w-1", attachments=files),
        at=hub.clock.now(),
    )
    ticket = await hub.ticket(said.conversation, "Ổ gà trước nhà", reason="report")
    alarms = Alarms(hub.store, hub.clock, hub.hub.metrics)
    await alarms.alarm("zalo-consent", "Cần đăng nhập lại Zalo OA trước 17:00 ngày 25/11/2026.")
    channel = hub.hub.connectors["webchat"]
    assert isinstance(channel, PaperChannel)
    channel.now_reached = Reach(staff=False, bot=False, notice=CLOSED)

    await page.goto(f"{hub.url}/console/conversations/{ticket.conversation}?ticket={ticket.id}")
    await expect(page.locator("#alarms")).to_contain_text("Cần đăng nhập lại Zalo OA")
    shown = page.locator(".picture img")
    await shown.scroll_into_view_if_needed()
    await expect(shown).to_have_js_property("naturalWidth", 640)
    await expect(page.get_by_text("Từ chối lưu: tệp là chương trình")).to_be_visible()
    await page.screenshot(path=tmp_path / "files.png")
    async with page.expect_download() as download:
        await page.get_by_role("link", name="Tải về").click()
    assert (await download.value).suggested_filename == "o-ga-truoc-nha.png"
    await expect(page.get_by_role("button", name="Gửi", exact=True)).to_be_disabled()
    await expect(page.locator("#why-not")).to_contain_text(CLOSED)

    await page.get_by_role("link", name="Ghi nhận đồng ý").click()
    await page.get_by_label("Số điện thoại, email").fill("0912 345 67x")
    await page.get_by_role("button", name="Ghi vào sổ").click()
    await expect(page.get_by_role("alert").filter(has_text="Số điện thoại gồm")).to_be_visible()
    await expect(page.get_by_label("Số điện thoại, email")).to_have_value("0912 345 67x")
    await page.get_by_label("Số điện thoại, email").fill("0912 345 678")
    await page.get_by_label("Người dân đồng ý trong").select_option(index=1)
    await page.get_by_role("button", name="Ghi vào sổ").press("Enter")
    await expect(page.get_by_role("row").filter(has_text="0912345678")).to_contain_text("Ổ gà trước nhà tôi")
    await page.screenshot(path=tmp_path / "consents.png")
    await page.get_by_role("link", name="← Về hội thoại").click()
    await expect(page.get_by_role("link", name="Gọi 0912345678")).to_have_attribute("href", "tel:0912345678")
    await expect(page.locator("#alarms")).to_contain_text("Zalo OA")
    await expect(page.locator(".line.note .meta")).to_be_in_viewport()
    await page.screenshot(path=tmp_path / "conversation.png")

    await page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    await page.reload()
    await expect(page.locator("#alarms")).to_contain_text("Zalo OA")
    await expect(page.locator(".line.note")).to_be_in_viewport(ratio=1)
    await fits(page)
    await page.screenshot(path=tmp_path / "conversation-phone.png")


async def test_a_call_is_logged_by_keyboard_with_what_is_known_beside_it(
    hub: ConsoleHub, chromium: Browser, tmp_path: Path
) -> None:
    page = await operator(chromium, hub)
    await is_live(page)
    await page.keyboard.press("c")
    await expect(page.get_by_label("Số điện thoại người gọi")).to_be_focused()
    await page.keyboard.type("0912 345 678")
    await page.keyboard.press("Tab")
    await page.keyboard.type("Cô Sáu")
    await page.keyboard.press("Tab")
    await page.keyboard.type(QUESTION)
    await expect(page.locator("#found summary").first).to_contain_text("khai sinh")
    await page.screenshot(path=tmp_path / "call.png")

    await page.reload()  # the draft outlives it, its own key included
    await expect(page.get_by_text("Đã khôi phục bản nháp")).to_be_visible()
    await expect(page.get_by_label("Nội dung hỏi hoặc phản ánh")).to_have_value(QUESTION)

    await page.get_by_role("button", name="Chèn vào phần trả lời").first.press("Enter")
    await expect(page.get_by_label("Đã trả lời người dân")).to_be_focused()
    await expect(page.get_by_label("Đã trả lời người dân")).not_to_have_value("")
    await page.get_by_label("Đã nối máy tới cơ quan khác").press("Space")
    await page.get_by_label("Nối máy tới", exact=True).press_sequentially("trung tam phuc vu")
    await page.get_by_role("button", name="Chọn Trung tâm Phục vụ hành chính công tỉnh").press("Enter")
    await expect(page.get_by_label("Người nghe máy")).to_be_focused()
    await page.keyboard.type("Chị trực máy")
    await page.keyboard.press("Control+Enter")
    await expect(page.locator("#result-fault")).to_be_visible()
    await expect(page.locator("#outcome-fault")).to_be_visible()
    await expect(page.get_by_label("Kết quả nối máy")).to_be_focused()
    await expect(page.get_by_label("Người nghe máy")).to_have_value("Chị trực máy")
    await page.screenshot(path=tmp_path / "call-refused.png", full_page=True)
    await page.get_by_label("Kết quả nối máy").select_option("reached")
    await page.get_by_label("Đã giải đáp xong").press("Space")
    await page.get_by_label("Họ tên").press("Control+Enter")
    await expect(page.get_by_role("heading", name="Đã ghi cuộc gọi")).to_be_visible()

    await page.get_by_role("link", name="Mở hội thoại").click()
    await expect(page.locator("#log")).to_contain_text("Nối máy tới Trung tâm Phục vụ hành chính công tỉnh")
    await expect(page.locator(".line.operator .source")).to_be_attached()
    await page.goto(f"{hub.url}/console/call")
    await expect(page.get_by_label("Số điện thoại người gọi")).to_have_value("")  # the draft is gone


async def test_a_call_on_a_phone_becomes_a_ticket(hub: ConsoleHub, chromium: Browser, tmp_path: Path) -> None:
    page = await operator(chromium, hub, viewport=PHONE, has_touch=True, is_mobile=True)
    await page.get_by_role("link", name="Ghi cuộc gọi").tap()
    await page.get_by_label("Số điện thoại người gọi").fill("0912345678")
    await page.get_by_label("Nội dung hỏi hoặc phản ánh").fill("Đường ngập, xe không qua được")
    await page.get_by_text("Chưa xong: lập phiếu").tap()
    await expect(page.get_by_label("Lĩnh vực")).to_be_visible()
    await fits(page)
    await page.screenshot(path=tmp_path / "call-phone.png", full_page=True)
    await page.get_by_role("button", name="Lưu cuộc gọi").tap()
    await expect(page.get_by_role("heading", name="Đã ghi cuộc gọi")).to_be_visible()
    ((ticket, _),) = await queue(hub.store, limit=9)
    await expect(page.get_by_text(ticket.code)).to_be_visible()
    await fits(page)
    await page.screenshot(path=tmp_path / "call-done-phone.png")
