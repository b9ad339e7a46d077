"""One case through everybody's hands, in a real browser: a citizen reports, an operator forwards, the agency answers by
its link on a phone, the operator reviews, the citizen reads the answer in the same chat and opens the case again."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

from handoff import accounts
from handoff.rules import CONTACTS, save
from hub.model import Draft
from hub.ports import BotAnswer, Question, TicketWish
from hub.wiring import HubProcess, read_settings
from tests.fakes.bots import ScriptedBot
from tests.fakes.smtp_server import MailExchange, mail_exchange
from tests.handoff.cases import POWER
from tests.web.console_hub import PASSWORD
from tests.web.test_console_axe import check
from tests.web.test_console_browser import CHROMIUM, DESK, FLAGS, PHONE

pytestmark = pytest.mark.skipif(
    CHROMIUM is None or shutil.which("chromium") is None, reason="chromium is not installed"
)

ANSWER = "Sự cố đường dây đã khắc phục, điện có lại lúc 15 giờ."
complaints: list[str] = []


def report(question: Question) -> BotAnswer:
    wish = TicketWish(reason="report", category="dien-mat-dien", summary=question.text)
    return BotAnswer(kind="report", says=(Draft(text="Dạ"),), dialogue=question.dialogue, ticket=wish)


@pytest.fixture
async def exchange() -> AsyncIterator[MailExchange]:
    async with mail_exchange() as exchange:
        yield exchange


@pytest.fixture
async def hub(
    tmp_path: Path, exchange: MailExchange, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[HubProcess]:
    monkeypatch.setenv("HUB_EMAIL__ADDRESS", "1022@1022.example.vn")
    monkeypatch.setenv("HUB_EMAIL__IMAP_URL", "imap://127.0.0.1:1/INBOX")
    monkeypatch.setenv("HUB_EMAIL__SMTP_URL", exchange.url)
    monkeypatch.setenv("HUB_REPLY_PAUSE_MS", "0")
    monkeypatch.setenv("HUB_PUBLIC_URL", "http://1022.example.vn")
    settings = read_settings(data=tmp_path, port=0)
    hub = HubProcess(settings, bot=ScriptedBot(reply=report), mail=False)
    await hub.start()
    await accounts.add_staff(hub.store, "lan", "Tổng đài viên Sen", "operator")
    staff = await hub.store.staff_by_login("lan")
    assert staff
    await hub.store.put_staff(accounts.with_password(staff, PASSWORD))
    await save(hub.store, CONTACTS, {POWER: {"email": "dienluc@example.vn"}}, now=hub.clock.now())
    await hub.rules.load()
    yield hub
    await hub.stop()


@pytest.fixture
async def chromium(hub: HubProcess) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        complaints.clear()
        yield browser
        await browser.close()
    assert complaints == []


async def page_of(context: BrowserContext) -> Page:
    page = await context.new_page()
    page.set_default_timeout(20_000)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda m: complaints.append(m.text) if "Content Security Policy" in m.text else None)
    return page


async def mailed_link(exchange: MailExchange, base: str) -> str:
    """Where the first mail leads, on this hub."""
    async with asyncio.timeout(30):
        await exchange.got_one.wait()
    body = exchange.taken[0].get_body(("plain",))
    assert body
    (link,) = [line for line in body.get_content().splitlines() if line.startswith("http")]
    return base + urlsplit(link).path


async def test_a_case_from_the_citizen_to_the_agency_and_back(
    hub: HubProcess, chromium: Browser, exchange: MailExchange
) -> None:
    base = f"http://127.0.0.1:{hub.port}"
    citizen = await page_of(await chromium.new_context(viewport=PHONE, locale="vi-VN"))
    await citizen.goto(f"{base}/chat")
    await expect(citizen.locator("[data-owner]")).to_be_visible()
    await citizen.get_by_role("textbox", name="Tin nhắn của anh/chị").fill("Mất điện cả xóm từ sáng")
    await citizen.keyboard.press("Enter")
    await expect(citizen.get_by_role("log").get_by_text("Mã phiếu:")).to_be_visible(timeout=20_000)

    operator = await page_of(await chromium.new_context(viewport=DESK, locale="vi-VN"))
    await operator.goto(f"{base}/console")
    await operator.get_by_label("Tên đăng nhập").fill("lan")
    await operator.get_by_label("Mật khẩu").fill(PASSWORD)
    await operator.keyboard.press("Enter")
    await operator.locator("a.ticket").first.click()
    panel = operator.locator("#panel")
    await panel.get_by_role("link", name="Phân loại", exact=True).click()
    dialog = operator.locator("#act-dialog")
    await dialog.get_by_role("combobox", name="Xã, phường").fill("my tho")
    await operator.keyboard.press("Enter")
    await dialog.get_by_role("button", name="Lưu").click()
    await expect(panel).to_contain_text("Phường Mỹ Tho")
    await panel.get_by_text("Thêm", exact=True).click()
    await panel.get_by_role("link", name="Liên kết phiếu").click()
    await dialog.get_by_label("Mã phiếu kia").fill("1022-2020-999999")
    await dialog.get_by_role("button", name="Liên kết").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("Không có phiếu 1022-2020-999999")
    await expect(dialog.get_by_label("Mã phiếu kia")).to_have_value("1022-2020-999999")
    await dialog.get_by_role("link", name="Bỏ qua").click()
    await expect(dialog).to_be_hidden()
    await panel.get_by_role("link", name="Chuyển cơ quan").click()
    await expect(dialog).to_contain_text("Đề xuất: Công ty Điện lực")
    await dialog.get_by_label("Lời nhắn cho cơ quan").fill("Nhờ điện lực kiểm tra")
    await dialog.get_by_role("button", name="Chuyển", exact=True).dblclick()
    await expect(panel).to_contain_text("Đã chuyển cơ quan")

    link = await mailed_link(exchange, base)
    officer = await page_of(
        await chromium.new_context(viewport=PHONE, locale="vi-VN", has_touch=True, is_mobile=True)
    )
    await officer.goto(link)
    await expect(officer.get_by_text("Nhờ điện lực kiểm tra").first).to_be_visible()
    assert await officer.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await check(officer, "the case behind the link")
    await officer.get_by_label("Nội dung trả lời người dân").fill(ANSWER)
    await officer.get_by_role("button", name="Gửi trả lời").tap()
    await expect(officer.get_by_text("Đã gửi câu trả lời tới Tổng đài 1022")).to_be_visible()
    await officer.goto(link)
    await expect(officer.get_by_text("Cơ quan đã trả lời phiếu này")).to_be_visible()
    await check(officer, "a link that has ended")
    await expect(citizen.get_by_text(ANSWER)).to_have_count(0)  # not before somebody has read it

    await panel.get_by_role("link", name="Duyệt nội dung cơ quan gửi").click()
    await expect(dialog.get_by_label("Câu trả lời gửi người dân")).to_have_value(ANSWER)
    await dialog.get_by_role("button", name="Gửi cho người dân").click()
    await expect(citizen.get_by_role("log").get_by_text(ANSWER)).to_have_count(1)

    await expect(
        panel.locator(".state-answered")
    ).to_be_visible()  # what is clicked now is not drawn anew meanwhile
    await expect(dialog).to_be_hidden()
    await panel.page.get_by_role("link", name="Đóng phiếu").click()
    await dialog.get_by_role("button", name="Đóng phiếu").click()
    again = citizen.get_by_role("button", name="Chưa ổn, mở lại phiếu")
    await again.click()
    await expect(citizen.get_by_role("log").get_by_text("Tổng đài đã mở lại phiếu")).to_be_visible()
    await expect(panel).to_contain_text("Mở lại")
