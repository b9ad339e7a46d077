"""What the bot cannot answer becomes an answer: asked, gathered, put down by an editor, live for the next citizen, and
taken back. Real browsers, the real hub, the real Rasa."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from tests.scenario.processes import HubUnderTest
from tests.scenario.test_walk import ARGS, CHROMIUM, ask, log_in
from tests.web.test_console_axe import check

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed (apt install chromium)")

ASKED = "tui tính cho mướn phao bơi ngoài cồn thì xin giấy tờ gì"
NAME = "Đăng ký thành lập hộ kinh doanh"
PHONE = {"width": 390, "height": 844}


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        yield browser
        await browser.close()


async def citizen(browser: Browser, hub: HubUnderTest) -> Page:
    context = await browser.new_context(viewport=PHONE, locale="vi-VN")  # type: ignore[arg-type]
    page = await context.new_page()
    await page.goto(f"{hub.url}/chat")
    await expect(page.locator("[data-owner]")).to_have_count(1)
    return page


async def fits(page: Page) -> None:
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")


async def test_from_a_question_asked_in_vain_to_an_answer_and_back(
    hub: HubUnderTest, browser: Browser, tmp_path: Path
) -> None:
    first = await citizen(browser, hub)
    assert NAME not in await ask(first, ASKED)

    editor = await (
        await browser.new_context(viewport={"width": 1366, "height": 900}, locale="vi-VN")
    ).new_page()
    await log_in(editor, hub.url, hub.one_time_password())
    await editor.get_by_role("link", name="Tri thức").first.click()
    await editor.get_by_role("link", name="Cần xem lại").click()
    await editor.screenshot(path=tmp_path / "review.png", full_page=True)
    await editor.get_by_role("link", name=ASKED).press("Enter")
    await expect(editor.get_by_role("heading", name=ASKED)).to_be_visible()
    await editor.screenshot(path=tmp_path / "item.png", full_page=True)

    await editor.get_by_label("Tìm mục").press_sequentially("thành lập hộ kinh doanh")
    await editor.get_by_label(NAME).first.check()
    await editor.get_by_role("button", name="Xem trước").press("Enter")
    after = editor.locator("section.finding").nth(1)
    await expect(after).to_contain_text("Trả lời từ", timeout=30_000)
    await expect(after).to_contain_text("hộ kinh doanh")
    await check(editor, "a question with its preview")
    await editor.screenshot(path=tmp_path / "preview.png", full_page=True)
    await editor.get_by_role("button", name="Thêm và áp dụng").press("Enter")
    await expect(editor.get_by_role("status").first).to_contain_text("Đã xử lý", timeout=30_000)

    second = await citizen(browser, hub)
    answer = await ask(second, ASKED)
    assert "hộ kinh doanh" in answer.lower()

    await editor.get_by_role("link", name="Sửa:").click()
    await editor.screenshot(path=tmp_path / "change.png", full_page=True)
    await editor.get_by_role("button", name="Hoàn tác thay đổi này").press("Enter")
    await expect(editor.get_by_role("heading", name="Lịch sử thay đổi")).to_be_visible(timeout=30_000)
    await expect(editor.locator(".changes li")).to_have_count(2)
    await editor.screenshot(path=tmp_path / "entry.png", full_page=True)
    third = await citizen(browser, hub)
    assert NAME not in await ask(third, ASKED)

    await editor.set_viewport_size(PHONE)  # type: ignore[arg-type]
    for place in ("", "/review", "/history", "/training", "/proposals", "/new"):
        await editor.goto(f"{hub.url}/console/knowledge{place}")
        await expect(editor.get_by_role("heading", level=1)).to_be_visible()
        await fits(editor)
        await check(editor, place)
        await editor.screenshot(path=tmp_path / f"phone{place.replace('/', '-')}.png", full_page=True)
    await editor.goto(f"{hub.url}/console/knowledge?q=ho+kinh+doanh")
    await editor.get_by_role("link", name=NAME).first.click()
    await fits(editor)
    await editor.get_by_role("link", name="Sửa mục này").click()
    await expect(editor.get_by_role("textbox", name="Tên thủ tục")).not_to_have_value("")
    await fits(editor)
    await editor.screenshot(path=tmp_path / "phone-edit.png", full_page=True)
    await editor.get_by_label("Lệ phí (tóm tắt)").fill("")
    await editor.get_by_label("Các mức phí").fill("Miễn phí")
    await editor.get_by_role("button", name="Lưu thay đổi").click()
    await expect(editor.get_by_label("Các mức phí")).to_have_attribute("aria-invalid", "true")
    await fits(editor)
    await check(editor, "a form with faults")
    await editor.screenshot(path=tmp_path / "phone-faults.png", full_page=True)
