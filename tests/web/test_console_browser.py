"""The console in a real browser: live inbox, keyboard, drafts, lost connections, two operators, a phone."""

import os
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, Request, async_playwright, expect

from connectors.email import parse
from handoff import accounts
from hub.clock import SystemClock
from hub.model import Ticket
from hub.store.sqlite import SqliteStore
from tests.contract.builders import arrive
from tests.web.console_hub import PASSWORD, ConsoleHub, console_hub

CHROMIUM = shutil.which("chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="chromium is not installed (apt-get install chromium)"
)

DESK = {"width": 1366, "height": 768}
MAILS = Path(__file__).parents[1] / "payloads" / "email"
PHONE = {"width": 390, "height": 844}

complaints: list[str] = []  # script errors and refused content: none may occur


@pytest.fixture
async def hub(store: SqliteStore, tmp_path: Path) -> AsyncIterator[ConsoleHub]:
    async with console_hub(store, SystemClock(), tmp_path) as running:
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


@pytest.fixture
async def ticket(hub: ConsoleHub) -> Ticket:
    message = await hub.citizen_says("Cho tôi gặp người")
    return await hub.ticket(message.conversation, "Cho tôi gặp người")


async def operator(
    chromium: Browser, hub: ConsoleHub, login: str = "lan", password: str = PASSWORD, **options: Any
) -> Page:
    """A page that has just logged in."""
    context = await chromium.new_context(viewport=options.pop("viewport", DESK), locale="vi-VN", **options)
    page = await context.new_page()
    page.set_default_timeout(15_000)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda m: complaints.append(m.text) if "Content Security Policy" in m.text else None)
    await page.goto(f"{hub.url}/console")
    await page.get_by_label("Tên đăng nhập").fill(login)
    await page.get_by_label("Mật khẩu").fill(password)
    async with page.expect_navigation():  # else the caller's reload meets a page that is still on its way
        await page.keyboard.press("Enter")
    return page


async def is_live(page: Page, conversation: str = "inbox") -> None:
    """The page's event stream is open, so nothing that happens from now on is missed."""
    await expect(page.locator(f'body[data-live="{conversation}"]')).to_have_count(1)


async def open_ticket(page: Page, ticket: Ticket) -> None:
    await page.locator(f"#row-{ticket.id}").click()
    await is_live(page, ticket.conversation)


async def test_from_the_first_login_to_the_first_answer_by_keyboard(
    hub: ConsoleHub, chromium: Browser
) -> None:
    one_time = await accounts.add_staff(hub.store, "moi", "Tổng đài viên Mới", "operator")
    page = await operator(chromium, hub, "moi", one_time)
    await expect(page.get_by_role("heading", name="Đổi mật khẩu")).to_be_visible()
    await page.get_by_label("Mật khẩu đang dùng").fill(one_time)
    await page.get_by_label("Mật khẩu mới (ít nhất").fill(PASSWORD)
    await page.get_by_label("Nhập lại mật khẩu mới").fill(PASSWORD)
    await page.get_by_role("button", name="Đổi mật khẩu").click()
    await expect(page.get_by_text("Không có phiếu nào đang mở")).to_be_visible()
    await is_live(page)

    message = await hub.citizen_says("Cho tôi gặp người")
    ticket = await hub.ticket(message.conversation, "Cho tôi gặp người")
    await expect(page.get_by_role("link", name=ticket.code)).to_be_visible()
    await expect(page).to_have_title("(1) Hộp thư · Tổng đài 1022")

    await page.keyboard.press("j")
    await page.keyboard.press("Enter")
    await is_live(page, ticket.conversation)
    await page.keyboard.press("r")
    await page.keyboard.type("Dạ, em chào anh/chị.")
    await page.keyboard.press("Shift+Enter")
    await page.keyboard.type("Em giúp được gì ạ?")
    await expect(page.get_by_text("bạn đang xử lý")).to_be_visible()  # typing took the conversation
    await page.keyboard.press("Enter")
    said = page.locator(".line.operator .text")
    await expect(said).to_have_text("Dạ, em chào anh/chị.\nEm giúp được gì ạ?")
    await expect(page.locator("#reply")).to_have_value("")
    await expect(page.locator("#reply")).to_be_focused()

    await hub.citizen_says("Cảm ơn em nhé")
    await expect(page.locator("#log").get_by_text("Cảm ơn em nhé")).to_be_in_viewport()
    assert len(await hub.texts(ticket.conversation, "operator")) == 1


async def test_what_comes_in_is_told_to_those_who_hear_the_page(
    hub: ConsoleHub, chromium: Browser, ticket: Ticket
) -> None:
    page = await operator(chromium, hub)
    await is_live(page)
    other = await hub.citizen_says("Xin chào", who="w-2")
    await hub.ticket(other.conversation, "Phiếu thứ hai")
    await expect(page.locator("#spoken")).to_have_text("Có phiếu mới chờ nhận.")
    await open_ticket(page, ticket)
    await hub.citizen_says("Đường trước nhà tôi hư rồi")
    spoken = page.locator("#spoken[aria-live=polite]")
    await expect(spoken).to_have_text(
        re.compile(r"^[^:]+: Đường trước nhà tôi hư rồi$")
    )  # what is new, not the log


async def test_commands_of_a_single_letter_can_be_turned_off(
    hub: ConsoleHub, chromium: Browser, ticket: Ticket
) -> None:
    page = await operator(chromium, hub)
    await open_ticket(page, ticket)
    await page.locator(".bar details.menu summary").click()
    await page.get_by_label("Phím tắt một chữ").uncheck()
    await page.reload()
    await is_live(page, ticket.conversation)
    await page.keyboard.press("n")
    await page.keyboard.press("?")
    await expect(page.locator("#note-form")).to_be_hidden()
    await expect(page.locator("#help")).to_be_hidden()
    await page.locator(".bar details.menu summary").click()
    await page.get_by_label("Phím tắt một chữ").check()
    await page.keyboard.press("Escape")
    await page.keyboard.press("n")
    await expect(page.locator("#note")).to_be_focused()


async def test_focus_text_and_place_stay_while_the_list_moves(
    hub: ConsoleHub, chromium: Browser, ticket: Ticket
) -> None:
    for n in range(40):
        await hub.citizen_says(f"Dòng {n}")
    page = await operator(chromium, hub)
    await open_ticket(page, ticket)
    await page.keyboard.press("n")
    await page.keyboard.type("Đã gọi cho")
    await page.locator("#scroller").evaluate("box => box.scrollTop = 0")
    other = await hub.citizen_says("Xin chào", who="w-2")
    second = await hub.ticket(other.conversation, "Phiếu thứ hai")
    await hub.citizen_says("Dòng cuối")
    await expect(page.locator(f"#row-{second.id}")).to_be_visible()
    await expect(page.get_by_role("button", name="Tin mới")).to_be_visible()
    assert await page.locator("#scroller").evaluate("box => box.scrollTop") == 0
    await expect(page.locator("#note")).to_be_focused()
    await page.keyboard.type(" xã.")
    await expect(page.locator("#note")).to_have_value("Đã gọi cho xã.")
    await page.get_by_role("button", name="Tin mới").click()
    await expect(page.get_by_text("Dòng cuối")).to_be_in_viewport()


async def test_older_lines_appear_above_what_is_being_read(
    hub: ConsoleHub, chromium: Browser, ticket: Ticket
) -> None:
    for n in range(70):
        await hub.citizen_says(f"Dòng {n}")
    page = await operator(chromium, hub)
    await open_ticket(page, ticket)
    await expect(page.get_by_text("Dòng 69")).to_be_in_viewport()
    await page.get_by_role("button", name="Xem tin cũ hơn").click()
    await expect(page.get_by_text("Dòng 0", exact=True)).to_be_attached()
    await expect(page.get_by_text("Dòng 20", exact=True)).to_be_in_viewport()
    await expect(page.locator(".line.citizen")).to_have_count(71)
    await expect(page.locator(".day")).to_have_count(1)


async def test_a_draft_outlives_a_reload_and_a_double_click_sends_once(
    hub: ConsoleHub, chromium: Browser, ticket: Ticket
) -> None:
    page = await operator(chromium, hub)
    await open_ticket(page, ticket)
    await page.locator("#reply").fill("Câu trả lời đang soạn")
    await page.reload()
    await is_live(page, ticket.conversation)
    await expect(page.locator("#reply")).to_have_value("Câu trả lời đang soạn")
    await page.get_by_role("button", name="Gửi").dblclick()
    await expect(page.locator(".line.operator")).to_have_count(1)
    await page.reload()
    await expect(page.locator(".line.operator")).to_have_count(1)
    await expect(page.locator("#reply")).to_have_value("")


async def test_a_lost_connection_is_caught_up_with(
    hub: ConsoleHub, chromium: Browser, ticket: Ticket
) -> None:
    page = await operator(chromium, hub)
    await open_ticket(page, ticket)
    await page.context.set_offline(True)
    await hub.restart_web()
    await expect(page.get_by_text("Mất kết nối")).to_be_visible()
    await hub.citizen_says("Nhắn khi mất mạng")
    await page.context.set_offline(False)
    await is_live(page, ticket.conversation)
    await expect(page.locator("#log").get_by_text("Nhắn khi mất mạng")).to_have_count(1)
    await expect(page.locator("#link")).to_have_text("Đã nối lại, có 1 tin mới trong lúc mất kết nối.")


async def test_two_operators_see_each_other(hub: ConsoleHub, chromium: Browser, ticket: Ticket) -> None:
    await hub.person("minh", "Tổng đài viên Súng")
    lan, minh = await operator(chromium, hub), await operator(chromium, hub, "minh")
    await open_ticket(lan, ticket)
    await open_ticket(minh, ticket)
    await lan.get_by_role("button", name="Nhận xử lý").click()
    await expect(minh.locator("#gate")).to_contain_text("Tổng đài viên Sen đang xử lý hội thoại này.")
    await expect(minh.get_by_role("button", name="Gửi")).to_be_disabled()
    await lan.locator("#reply").press_sequentially("Dạ")
    await expect(minh.get_by_text("Tổng đài viên Sen đang soạn trả lời…")).to_be_visible()
    minh.on("dialog", lambda dialog: dialog.accept())
    await minh.get_by_role("button", name="Nhận thay").click()
    await expect(lan.locator("#gate")).to_contain_text("Tổng đài viên Súng đang xử lý hội thoại này.")
    await expect(lan.locator("#reply")).to_have_value("Dạ")


async def test_a_session_that_ended_leads_to_the_login_page(
    hub: ConsoleHub, chromium: Browser, ticket: Ticket
) -> None:
    page = await operator(chromium, hub)
    await open_ticket(page, ticket)
    await accounts.reset_password(hub.store, "lan")
    await hub.citizen_says("Alo")
    await expect(page.get_by_role("heading", name="Đăng nhập")).to_be_visible()


async def test_on_a_phone_the_list_leads_to_the_conversation_and_back(
    hub: ConsoleHub, chromium: Browser, ticket: Ticket
) -> None:
    for n in range(30):
        await hub.citizen_says(f"Dòng {n}")
    page = await operator(chromium, hub, viewport=PHONE, has_touch=True, is_mobile=True)
    await page.locator(f"#row-{ticket.id}").tap()
    await expect(page.locator("#reply")).to_be_visible()
    await expect(page.locator(f"#row-{ticket.id}")).to_be_hidden()
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await expect(page.get_by_text("Dòng 29")).to_be_in_viewport()
    await page.get_by_role("button", name="Xem phiếu").tap()
    await expect(page.get_by_role("heading", name=ticket.code)).to_be_in_viewport()
    await page.get_by_role("button", name="Đóng ✕").tap()
    await page.get_by_role("link", name="Về hộp thư").tap()
    await expect(page.locator(f"#row-{ticket.id}")).to_be_visible()
    await page.go_back()
    await expect(page.locator("#reply")).to_be_visible()


async def test_closing_and_the_closed_tab(hub: ConsoleHub, chromium: Browser, ticket: Ticket) -> None:
    page = await operator(chromium, hub)
    await open_ticket(page, ticket)
    await page.get_by_role("link", name="Đóng phiếu").click()
    await page.get_by_role("dialog").get_by_role("button", name="Đóng phiếu").click()
    await expect(page.get_by_text("Phiếu này đã đóng.")).to_be_visible()
    await expect(page.get_by_text("Không có phiếu nào đang mở")).to_be_visible()
    await page.get_by_text("Xem khác").click()
    await page.get_by_role("link", name="Đã đóng", exact=True).click()
    await open_ticket(page, ticket)
    await expect(page.locator("#panel").get_by_text("Đã đóng").first).to_be_visible()


async def test_all_of_a_mail_is_one_click_away_and_loads_nothing(hub: ConsoleHub, chromium: Browser) -> None:
    (mail,) = parse((MAILS / "html_gmail_quote.eml").read_bytes())
    loads = (
        "<p>Định dạng</p><img src='https://theo-doi.example.org/p.gif'><script>document.title = 'x'</script>"
    )
    (message,) = await arrive(hub.store, mail.model_copy(update={"data": mail.data | {"html": loads}}))
    page = await operator(chromium, hub, viewport=PHONE)
    await is_live(page)
    asked: list[Request] = []
    page.context.on("request", lambda request: asked.append(request))  # noqa: PLW0108 - no built-in
    await page.goto(f"{hub.url}/console/conversations/{message.conversation}")
    await page.get_by_text("Xem toàn bộ thư").click()
    await expect(page.locator(".held")).to_contain_text("Cần Giấy chứng sinh.")
    await picture(page, "mail-whole")
    async with page.context.expect_page() as opened:
        await page.get_by_text("Xem bản có định dạng").click()
    formatted = await opened.value
    await expect(formatted.get_by_text("Định dạng")).to_be_visible()
    assert await formatted.title() == "Hoi thu tuc"
    assert {one.failure for one in asked if "theo-doi" in one.url} <= {"csp"}, "it never left the browser"


async def picture(page: Page, name: str) -> None:
    """For whoever wants to look: PICTURES names a folder."""
    if folder := os.environ.get("PICTURES"):
        await page.screenshot(path=f"{folder}/{name}.png")


async def test_answers_are_put_together_by_keyboard(
    hub: ConsoleHub, chromium: Browser, ticket: Ticket
) -> None:
    await hub.person("minh", "Tổng đài viên Súng")
    page, other = await operator(chromium, hub), await operator(chromium, hub, "minh")
    await open_ticket(other, ticket)
    await open_ticket(page, ticket)
    await expect(other.locator("#viewers")).to_contain_text("Tổng đài viên Sen cũng đang xem")
    await page.keyboard.press("r")
    await page.keyboard.type("/")
    await page.keyboard.type("dia diem")
    await expect(page.locator("#helper-list li")).to_have_count(1)
    await page.keyboard.press("Enter")
    await expect(page.locator("#reply")).to_be_focused()
    await expect(page.locator("#reply")).to_have_value(re.compile("cho em xin địa điểm cụ thể"))
    await page.locator("#reply").fill("")
    await page.keyboard.press("/")
    await page.keyboard.type("chuyen co quan")
    await page.keyboard.press("Enter")
    await expect(page.locator("#reply")).to_have_value(re.compile("chuyển tới"))
    chosen = "box => box.value.slice(box.selectionStart, box.selectionEnd)"
    assert await page.locator("#reply").evaluate(chosen) == "[cơ quan đang xử lý]", "to be written"
    await page.locator("#reply").fill("")
    await page.keyboard.press("/")
    await page.keyboard.press("Escape")
    await expect(page.locator("#reply")).to_have_value("")
    await page.keyboard.type("//")
    await expect(page.locator("#reply")).to_have_value("/")
    await page.locator("#reply").fill("12")
    await page.keyboard.type("/2026")
    await expect(page.locator("#reply")).to_have_value("12/2026")
    await expect(page.locator("#helper")).to_be_hidden()

    await page.get_by_role("tab", name="Ghi chú nội bộ").click()
    await page.keyboard.type("Nhờ @")
    await page.keyboard.type("sung")
    await expect(page.locator("#helper-list li")).to_have_text("Tổng đài viên Súng")
    await page.keyboard.press("Enter")
    await page.keyboard.type("xem giúp")
    await page.keyboard.press("Enter")
    await expect(page.locator(".line.note .text")).to_have_text("Nhờ @Tổng đài viên Súng xem giúp")
    await expect(other.locator("#news")).to_have_attribute("data-named", re.compile("[01]"))


async def test_light_and_dark_and_being_there_are_remembered(hub: ConsoleHub, chromium: Browser) -> None:
    page = await operator(chromium, hub)
    await is_live(page)
    await page.locator("summary .avatar").click()
    await page.get_by_label("Tối", exact=True).check()
    await page.get_by_label("Bận").check()
    await expect(page.locator("#status-dot.busy")).to_be_visible()
    await page.keyboard.press("Escape")
    await page.reload()
    await expect(page.locator("html[data-theme=dark]")).to_have_count(1)
    await expect(page.locator("#status-dot.busy")).to_be_visible()
    background = "getComputedStyle(document.body).backgroundColor"
    assert await page.evaluate(background) == "rgb(15, 21, 25)"


async def test_who_is_elsewhere_is_called_without_showing_what_was_said(
    hub: ConsoleHub, chromium: Browser, ticket: Ticket
) -> None:
    page = await operator(chromium, hub)
    await page.context.grant_permissions(["notifications"])
    await page.add_init_script(
        "window.shown = []; document.hasFocus = () => false;"
        "window.Notification = class { static permission = 'granted'; static requestPermission = async () => 'granted';"
        " constructor(title, options) { window.shown.push(options.body); } };"
    )
    await page.reload()
    await is_live(page)
    await page.locator("summary .avatar").click()
    await page.get_by_label("Thông báo trên màn hình").check()
    message = await hub.citizen_says("Nội dung riêng", who="w-2")
    await hub.ticket(message.conversation, "Nội dung riêng")
    await expect(page.locator("body[data-called=free]")).to_have_count(1)
    assert await page.evaluate("window.shown") == ["Có phiếu mới chờ nhận."]


async def test_what_was_found_is_there_again_after_looking(
    hub: ConsoleHub, chromium: Browser, ticket: Ticket
) -> None:
    for n in range(60):
        await hub.citizen_says("Cây ngã chắn đường" if n == 3 else f"Dòng {n}")
    page = await operator(chromium, hub)
    await is_live(page)
    await page.keyboard.press("/")
    await page.locator("#q").fill("cay nga")
    await page.locator(".found a").click()
    await is_live(page, ticket.conversation)
    await expect(page.locator(".wanted .text")).to_have_text("Cây ngã chắn đường")
    await expect(page.locator(".wanted")).to_be_in_viewport()
    await expect(page.get_by_text("Dòng 59")).to_be_attached()  # the page goes on to the newest
    await page.go_back()
    await expect(page.locator("#q")).to_have_value("cay nga")
    await expect(page.locator(".found a")).to_have_count(1)
    assert "cay" not in page.url
