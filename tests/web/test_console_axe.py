"""The console's main pages as axe-core sees them: light and dark, at a desk and on a phone."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, ViewportSize, async_playwright, expect

from bot.knowledge import KnowledgeBase, seed_docs
from handoff import acts
from hub.clock import SystemClock
from hub.store.sqlite import SqliteStore
from tests.handoff.cases import LAN, POWER
from tests.web.console_hub import ConsoleHub, console_hub
from tests.web.test_console_browser import CHROMIUM, DESK, FLAGS, PHONE, is_live, open_ticket, operator

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")


@pytest.fixture
async def hub(store: SqliteStore, tmp_path: Path) -> AsyncIterator[ConsoleHub]:
    knowledge = KnowledgeBase.build(seed_docs())
    async with console_hub(store, SystemClock(), tmp_path, knowledge=knowledge) as running:
        await running.person("lan", "Tổng đài viên Sen", role="supervisor")
        yield running


@pytest.fixture
async def chromium(hub: ConsoleHub) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        await browser.close()


async def check(page: Page, what: str) -> None:
    found = (await Axe().run(page)).response["violations"]
    bad = [(one["id"], [node["target"] for node in one["nodes"]]) for one in found if one["impact"] in BAD]
    assert bad == [], what


BAD = ("serious", "critical")


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_nothing_serious_on_the_main_pages(hub: ConsoleHub, chromium: Browser, theme: str) -> None:
    said = await hub.citizen_says("Đèn đường hỏng ba hôm nay")
    ticket = await hub.ticket(
        said.conversation, "Đèn đường hỏng ba hôm nay", reason="report", priority="urgent"
    )
    other = await hub.citizen_says("Hỏi thêm", who="w-2")
    for id_ in (said.conversation, other.conversation):
        await hub.store.note_person(
            id_, now=hub.clock.now(), name="Người dân A", contact={"phone": "0900000001"}
        )
    page = await operator(chromium, hub, color_scheme=theme)
    await is_live(page)
    await check(page, "inbox")
    await page.locator("details.more-views summary").click()
    await expect(page.get_by_role("link", name="Mọi hội thoại")).to_be_visible()
    await check(page, "views")
    await page.keyboard.press("Escape")
    await page.keyboard.press("g")
    await check(page, "filter")
    await page.keyboard.press("Escape")
    await open_ticket(page, ticket)
    await expect(page.get_by_text("Có thể là cùng một người")).to_be_visible()
    await check(page, "conversation")
    await page.locator("[data-helper=knowledge]").click()
    await expect(page.locator("#helper-list li").first).to_be_visible()
    await check(page, "helper")
    await page.keyboard.press("Escape")
    await page.keyboard.press("Escape")
    await page.keyboard.press("?")
    await check(page, "help")
    await page.goto(f"{hub.url}/console/search")
    await page.locator("#q").fill("den duong")
    await expect(page.locator("mark").first).to_be_visible()
    await check(page, "search")
    for address in ("call", f"tickets/{ticket.id}", f"tickets/{ticket.id}/do/classify", "notices"):
        await page.goto(f"{hub.url}/console/{address}")
        await check(page, address)


async def test_every_main_page_fits_a_phone(hub: ConsoleHub, chromium: Browser) -> None:
    said = await hub.citizen_says("Đèn đường hỏng ba hôm nay")
    ticket = await hub.ticket(said.conversation, "Đèn đường hỏng")
    page = await operator(chromium, hub, viewport=PHONE, has_touch=True, is_mobile=True)
    await is_live(page)
    fits = "document.documentElement.scrollWidth <= innerWidth"
    for address in (
        "/console",
        "/console?tab=talks",
        "/console/search",
        f"/console/tickets/{ticket.id}",
        f"/console/tickets/{ticket.id}/do/forward",
        f"/console/tickets/{ticket.id}/do/merge",
        "/console/notices",
        f"/console/conversations/{ticket.conversation}",
    ):
        await page.goto(hub.url + address)
        assert await page.evaluate(fits), address
        await check(page, address)
    await page.locator("[data-helper=canned]").tap()
    await page.locator("#helper-list li").first.tap()
    await expect(page.locator("#reply")).not_to_have_value("")


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
async def test_nothing_serious_on_the_pages_of_an_agency(
    hub: ConsoleHub, chromium: Browser, viewport: ViewportSize
) -> None:
    await hub.person("tho", "Cán bộ Thơ", role="officer", agencies=(POWER,))
    said = await hub.citizen_says("Mất điện ở ấp 3")
    ticket = await hub.ticket(said.conversation, "Mất điện ở ấp 3", reason="report", category="dien-mat-dien")
    assert hub.hub.casework
    await hub.hub.casework.do(ticket.id, acts.Forward(agency=POWER, note="Nhờ kiểm tra"), LAN, "1")
    page = await operator(chromium, hub, "tho", viewport=viewport)
    await expect(page.locator("#password")).to_have_count(0)
    for address in ("/console/agency", f"/console/agency/cases/{ticket.id}"):
        await page.goto(hub.url + address)
        await expect(page.get_by_text("Mất điện ở ấp 3").first).to_be_visible()
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), address
        await check(page, address)
