"""The live chat as citizens use it: a real browser, a phone's screen, the keyboard."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import Browser, Locator, Page, WebSocketRoute, async_playwright, expect

from hub.model import Button
from tests.web.chat_hub import ChatHub, chat_hub

CHROMIUM = shutil.which("chromium")
ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PHONE: Any = {"width": 360, "height": 740}

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed (apt install chromium)"),
    pytest.mark.asyncio(loop_scope="module"),  # one browser for all
]


@pytest_asyncio.fixture(loop_scope="module")
async def hub(tmp_path: Path) -> AsyncIterator[ChatHub]:
    async with chat_hub(tmp_path) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        yield browser
        await browser.close()


@asynccontextmanager
async def phone(browser: Browser, url: str) -> AsyncIterator[Page]:
    """A page on a phone's screen. Nothing it does may break the content policy or throw."""
    context = await browser.new_context(viewport=PHONE, locale="vi-VN")
    page = await context.new_page()
    broken: list[str] = []
    page.on("pageerror", lambda error: broken.append(str(error)))
    page.on("console", lambda m: broken.append(m.text) if "Content Security Policy" in m.text else None)
    await page.goto(url)
    yield page
    await context.close()
    assert broken == []


def box(page: Page) -> Locator:
    return page.get_by_role("textbox", name="Tin nhắn của anh/chị")


def log(page: Page) -> Locator:
    return page.get_by_role("log")


async def ready(page: Page) -> None:
    await expect(page.locator("[data-owner]")).to_be_visible()


async def write(page: Page, text: str) -> None:
    await box(page).press_sequentially(text)
    await page.keyboard.press("Enter")


async def conversation(hub: ChatHub, page: Page) -> str:
    token = await page.evaluate("JSON.parse(localStorage.getItem('hub1022.session')).token")
    return hub.conversation_of(token)


async def test_a_citizen_asks_chooses_and_reloads_with_the_keyboard_alone(
    hub: ChatHub, browser: Browser
) -> None:
    async with phone(browser, f"{hub.url}/chat") as page:
        await ready(page)
        for _ in range(20):
            await page.keyboard.press("Tab")
            if await box(page).evaluate("node => node === document.activeElement"):
                break
        await page.keyboard.type("Làm khai sinh cần gì?")
        await page.keyboard.press("Shift+Enter")
        await page.keyboard.type("Con tôi 2 tháng.")
        await page.keyboard.press("Enter")
        await expect(log(page).get_by_text("Đã gửi")).to_be_visible()
        await expect(box(page)).to_have_value("")

        here = await conversation(hub, page)
        await hub.reply(here, "Chọn giúp em ạ", buttons=(Button(title="Lệ phí?", payload="/fee"),), handles=1)
        news = page.locator("p[aria-live=polite]")  # what a screen reader says: what is new, with its choices
        await expect(news).to_have_text("Trợ lý tự động: Chọn giúp em ạ Chọn: Lệ phí?.")
        button = page.get_by_role("button", name="Lệ phí?")
        await expect(button).to_be_enabled()
        await button.focus()
        await page.keyboard.press("Enter")
        await expect(button).to_be_disabled()
        await expect(log(page).locator(".mine", has_text="Lệ phí?")).to_contain_text("Đã gửi")
        asked, _, chosen = await hub.store.messages(here)
        assert asked.text == "Làm khai sinh cần gì?\nCon tôi 2 tháng."
        assert chosen.data == {"payload": "/fee"}

        await page.reload()
        await expect(log(page).locator(".msg:visible")).to_have_count(3)
        assert await conversation(hub, page) == here


async def test_what_is_written_without_a_connection_arrives_once_and_in_order(
    hub: ChatHub, browser: Browser
) -> None:
    async with phone(browser, f"{hub.url}/chat") as page:
        await ready(page)
        await write(page, "một")
        await expect(log(page).get_by_text("Đã gửi")).to_be_visible()
        await hub.stop()
        await expect(page.get_by_text("Mất kết nối")).to_be_visible()
        await write(page, "hai")
        await write(page, "ba")
        await expect(log(page).get_by_text("Chờ kết nối để gửi")).to_have_count(2)
        await hub.start()
        await page.get_by_role("button", name="Thử lại ngay").click()
        await expect(page.get_by_text("Mất kết nối")).to_be_hidden()
        await expect(log(page).locator(".pending")).to_have_count(0)
        stored = await hub.store.messages(await conversation(hub, page))
        assert [message.text for message in stored] == ["một", "hai", "ba"]


async def test_what_was_not_sent_survives_a_reload(hub: ChatHub, browser: Browser) -> None:
    async with phone(browser, f"{hub.url}/chat") as page:
        await ready(page)
        await page.context.set_offline(True)
        await hub.stop()
        await write(page, "đường hỏng trước chợ")
        await expect(log(page).get_by_text("Chờ kết nối để gửi")).to_be_visible()
        await hub.start()
        await page.context.set_offline(False)
        await page.reload()
        await expect(log(page).get_by_text("Đã gửi")).to_be_visible()
        stored = await hub.store.messages(await conversation(hub, page))
        assert [message.text for message in stored] == ["đường hỏng trước chợ"]


async def test_answers_appear_in_every_tab_and_an_officer_is_named(hub: ChatHub, browser: Browser) -> None:
    async with hub.echo_bot(), phone(browser, f"{hub.url}/chat") as page:
        await ready(page)
        await write(page, "xin chào")
        await expect(log(page).get_by_text("Em nhận: xin chào")).to_be_visible()
        other = await page.context.new_page()
        await other.goto(f"{hub.url}/")
        await expect(log(other).get_by_text("Em nhận: xin chào")).to_be_visible()
        await write(other, "từ thẻ hai")
        await expect(log(page).get_by_text("Em nhận: từ thẻ hai")).to_be_visible()
        await hub.reply(await conversation(hub, page), "Tôi giúp anh/chị", author="operator", owner="human")
        await expect(page.get_by_text("Đã chuyển tổng đài viên")).to_be_visible()
        await expect(log(page).locator(".operator .who")).to_have_text("Tổng đài viên")


async def test_an_answer_is_marked_read_when_it_is_seen(hub: ChatHub, browser: Browser) -> None:
    async with phone(browser, f"{hub.url}/chat") as page:
        await ready(page)
        await write(page, "xin chào")
        await expect(log(page).get_by_text("Đã gửi")).to_be_visible()
        here = await conversation(hub, page)
        with hub.hub.live.subscribe(here) as signals:
            await hub.reply(here, "Dạ", handles=1)
            async with asyncio.timeout(10):
                async for _ in signals:
                    if (await hub.store.messages(here))[-1].delivery == "read":
                        break


async def test_texts_are_texts_and_addresses_are_links(hub: ChatHub, browser: Browser) -> None:
    async with phone(browser, f"{hub.url}/chat") as page:
        await ready(page)
        await write(page, "<img src=x onerror=alert(1)> [b](javascript:alert(1))")
        await expect(log(page).get_by_text("<img src=x onerror=alert(1)>")).to_be_visible()
        assert await log(page).locator("img").count() == 0
        await expect(log(page).get_by_text("Đã gửi")).to_be_visible()
        await hub.reply(
            await conversation(hub, page),
            "Xem https://dichvucong.gov.vn/a?b=1. Phiếu 1022-2026-000042, gọi (0277) 1022, thư 1022@dongthap.gov.vn!",
        )
        links = log(page).locator(".bot .bubble a:visible")
        await expect(links).to_have_count(4)
        assert [await link.get_attribute("href") for link in await links.all()] == [
            "https://dichvucong.gov.vn/a?b=1",
            "/status?code=1022-2026-000042",
            "tel:02771022",
            "mailto:1022@dongthap.gov.vn",
        ]
        assert "noopener" in (await links.first.get_attribute("rel") or "")


async def test_enter_that_ends_a_composition_sends_nothing(hub: ChatHub, browser: Browser) -> None:
    async with phone(browser, f"{hub.url}/chat") as page:
        await ready(page)
        await box(page).fill("đườ")
        await box(page).dispatch_event("keydown", {"key": "Enter", "isComposing": True})
        await expect(box(page)).to_have_value("đườ")
        await expect(log(page).locator(".mine")).to_have_count(0)


async def test_a_conversation_can_be_deleted_on_this_machine(hub: ChatHub, browser: Browser) -> None:
    async with phone(browser, f"{hub.url}/chat") as page:
        await ready(page)
        await write(page, "chuyện riêng")
        await expect(log(page).get_by_text("Đã gửi")).to_be_visible()
        before = await conversation(hub, page)
        await page.get_by_label("Tùy chọn").press("Enter")
        await page.get_by_role("button", name="Xóa cuộc trò chuyện trên máy này").click()
        await page.get_by_role("dialog").get_by_role("button", name="Xóa", exact=True).click()
        await expect(log(page).get_by_text("chuyện riêng")).to_be_hidden()
        await expect(page.get_by_role("button", name="Tôi muốn gặp tổng đài viên")).to_be_visible()
        await write(page, "chuyện mới")
        await expect(log(page).get_by_text("Đã gửi")).to_be_visible()
        assert await conversation(hub, page) != before


async def test_another_site_embeds_the_chat(tmp_path: Path, browser: Browser) -> None:
    pages = {"html": ""}

    async def other_site(_: web.Request) -> web.Response:
        return web.Response(text=pages["html"], content_type="text/html", charset="utf-8")

    app = web.Application()
    app.add_routes([web.get("/", other_site)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    site = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        async with chat_hub(tmp_path, other_site=site) as hub, hub.echo_bot():
            pages["html"] = f'<!doctype html><h1>Sở</h1><script async src="{hub.url}/embed.js"></script>'
            async with phone(browser, site) as page:
                launcher = page.get_by_role("button", name="Hỏi Tổng đài 1022")
                await launcher.press("Enter")
                frame = page.frame_locator("iframe")
                field = frame.get_by_role("textbox", name="Tin nhắn của anh/chị")
                await expect(field).to_be_focused()
                size = await page.locator("iframe").bounding_box()
                assert size
                assert (size["width"], size["height"]) == (PHONE["width"], PHONE["height"])
                await page.keyboard.type("chào")
                await page.keyboard.press("Enter")
                await expect(frame.get_by_role("log").get_by_text("Em nhận: chào")).to_be_visible()
                await page.keyboard.press("Escape")
                await expect(page.locator("iframe")).to_be_hidden()
                await expect(launcher).to_be_focused()
                (message, *_) = await hub.store.messages(await open_conversation(hub))
                await hub.reply(message.conversation, "Em còn một ý ạ")
                await expect(page.get_by_label("1 tin mới")).to_be_visible()
                await launcher.press("Enter")
                await expect(frame.get_by_role("log").get_by_text("Em còn một ý ạ")).to_be_visible()
    finally:
        await runner.cleanup()


async def open_conversation(hub: ChatHub) -> str:
    ((conversation, _),) = await hub.store.touched_since(0)
    return conversation


async def test_nothing_is_wider_than_the_screen_or_too_small_to_hit(hub: ChatHub, browser: Browser) -> None:
    async with phone(browser, f"{hub.url}/chat") as page:
        await ready(page)
        await write(page, "Nghiêng" * 40)
        await expect(log(page).get_by_text("Đã gửi")).to_be_visible()
        for path in ("/", "/chat", "/status"):
            await page.goto(hub.url + path)
            if path != "/status":
                await expect(log(page).get_by_text("Đã gửi")).to_be_visible()
            for width in (320, 640, 1280):
                await page.set_viewport_size({"width": width, "height": 568})
                wide = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
                small = await page.evaluate(
                    """[...document.querySelectorAll('button, input, textarea, summary, nav a')]
                    .map((node) => [node.outerHTML.slice(0, 60), node.getBoundingClientRect()])
                    .filter(([, size]) => size.width && (size.width < 24 || size.height < 24)).map(([html]) => html)"""
                )
                assert (path, width, wide, small) == (path, width, min(wide, 0), [])


async def test_a_line_that_died_silently_is_noticed_and_replaced(hub: ChatHub, browser: Browser) -> None:
    async with phone(browser, "about:blank") as page:
        lines: list[dict[str, bool]] = []

        def carry(client: WebSocketRoute) -> None:
            line = {"dead": False}
            lines.append(line)
            server = client.connect_to_server()
            client.on_message(lambda frame: None if line["dead"] else server.send(frame))
            server.on_message(lambda frame: None if line["dead"] else client.send(frame))

        await page.route_web_socket("**/chat/ws", carry)
        await page.clock.install()
        await page.goto(f"{hub.url}/chat")
        await ready(page)
        lines[0]["dead"] = True
        await write(page, "có ai không?")
        await expect(log(page).get_by_text("Đang gửi…")).to_be_visible()
        await page.clock.run_for(25_000)  # the ping
        await page.clock.run_for(10_000)  # its answer does not come
        await expect(log(page).get_by_text("Chờ kết nối để gửi")).to_be_visible()
        await page.clock.run_for(1_000)  # the first pause
        await expect(log(page).get_by_text("Đã gửi")).to_be_visible()
        assert len(lines) == 2
        stored = await hub.store.messages(await conversation(hub, page))
        assert [message.text for message in stored] == ["có ai không?"]
