"""The whole way, in two real browsers, through the real hub and the real Rasa."""

import re
import shutil
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from tests.scenario.processes import HubUnderTest, hub_command

CHROMIUM = shutil.which("chromium")
ARGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
PASSWORD = "mật khẩu của tổng đài"

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed (apt install chromium)")


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        yield browser
        await browser.close()


async def ask(page: Page, text: str) -> str:
    """Type a question, press Enter; the first thing the bot answers."""
    bot = page.locator(".bot")
    before = await bot.count()
    box = page.get_by_role("textbox", name="Tin nhắn của anh/chị")
    await box.fill(text)
    await box.press("Enter")
    await expect(bot.nth(before)).to_be_visible(timeout=30_000)
    return await bot.nth(before).inner_text()


async def log_in(page: Page, url: str, one_time_password: str) -> None:
    await page.goto(f"{url}/console")
    await page.get_by_label("Tên đăng nhập").fill("admin")
    await page.get_by_label("Mật khẩu").fill(one_time_password)
    await page.keyboard.press("Enter")
    await page.get_by_label("Mật khẩu đang dùng").fill(one_time_password)
    await page.get_by_label(re.compile("^Mật khẩu mới")).fill(PASSWORD)
    await page.get_by_label("Nhập lại mật khẩu mới").fill(PASSWORD)
    await page.keyboard.press("Enter")


async def test_a_citizen_asks_the_bot_answers_a_person_takes_over(
    hub: HubUnderTest, browser: Browser
) -> None:
    citizen = await (
        await browser.new_context(viewport={"width": 390, "height": 800}, locale="vi-VN")
    ).new_page()
    await citizen.goto(f"{hub.url}/chat")
    await expect(citizen.locator("[data-owner]")).to_have_count(1)

    with_marks = await ask(citizen, "làm giấy khai sinh cần giấy tờ gì?")
    assert "Giấy chứng sinh" in with_marks
    without_marks = await ask(citizen, "lam giay khai sinh can giay to gi")
    assert "Giấy chứng sinh" in without_marks
    fee = await ask(citizen, "lệ phí nhiêu vậy")
    assert "khai sinh" in fee.lower()
    assert "10.000 đồng" in fee

    await ask(citizen, "cho tui gặp cán bộ")
    told = citizen.get_by_text(re.compile(r"1022-\d{4}-\d{6}")).last
    await expect(told).to_be_visible()
    code = re.search(r"1022-\d{4}-\d{6}", await told.inner_text())
    assert code is not None

    operator = await (
        await browser.new_context(viewport={"width": 1366, "height": 768}, locale="vi-VN")
    ).new_page()
    await log_in(operator, hub.url, hub.one_time_password())
    await operator.get_by_text(code[0]).first.click()
    await expect(operator.locator("#stage")).to_contain_text("cho tui gặp cán bộ")
    await operator.keyboard.press("r")
    await operator.keyboard.type("Dạ em là tổng đài viên, anh/chị cần hỗ trợ thêm gì ạ?")
    await operator.keyboard.press("Enter")
    await expect(citizen.locator(".operator").last).to_contain_text("em là tổng đài viên")

    # the bot is silent while the operator has the conversation
    box = citizen.get_by_role("textbox", name="Tin nhắn của anh/chị")
    bots = await citizen.locator(".bot").count()
    await box.fill("làm giấy khai sinh cần giấy tờ gì?")
    await box.press("Enter")
    await expect(operator.locator("#stage .citizen").last).to_contain_text("làm giấy khai sinh")
    await operator.keyboard.type("Em gửi lại danh sách ngay đây ạ.")
    await operator.keyboard.press("Enter")
    await expect(citizen.locator(".operator").last).to_contain_text("danh sách ngay đây")
    assert await citizen.locator(".bot").count() == bots

    await citizen.reload()
    history = citizen.get_by_role("log")
    for text in ("lệ phí nhiêu vậy", code[0], "em là tổng đài viên", "danh sách ngay đây"):
        await expect(history).to_contain_text(text)

    await operator.get_by_role("button", name="Trả lại cho bot").click()
    await expect(citizen.locator("[data-owner=bot]")).to_have_count(1)
    assert "Giấy chứng sinh" in await ask(citizen, "giấy khai sinh cần gì vậy")

    assert await hub.stop() == 0
    for said in ("khai sinh", "gặp cán bộ", "tổng đài viên", "nhiêu vậy"):
        assert said not in hub.printed, "nothing that people say belongs into a log"
    exit_code, _ = await hub_command("reconcile", data=hub.data)
    assert exit_code == 0
