"""Administration in a real browser: the paths that matter, every page at both widths, and what axe says of them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, async_playwright, expect
from pyotp import TOTP

from hub.store.sqlite import SqliteStore
from tests.conftest import FakeClock
from tests.web.console_hub import PASSWORD, ConsoleHub, console_hub
from tests.web.test_console_browser import CHROMIUM, DESK, FLAGS, PHONE

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")

BANNER = "Đang mất điện diện rộng. Không lại gần dây điện đứt."


@pytest.fixture
async def hub(store: SqliteStore, clock: FakeClock, tmp_path: Path) -> AsyncIterator[ConsoleHub]:
    async with console_hub(store, clock, tmp_path) as running:
        await running.person("quan.tri", "Phạm Quản Trị", role="admin")
        yield running


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        await browser.close()


async def signed_in(hub: ConsoleHub, page: Page) -> None:
    await page.goto(f"{hub.url}/console/login?next=/console/admin")
    await page.fill("#login", "quan.tri")
    await page.fill("#password", PASSWORD)
    await page.click("button.primary")


async def test_an_administrator_sets_up_the_second_factor_and_a_storm(
    hub: ConsoleHub, chromium: Browser, clock: FakeClock
) -> None:
    page = await chromium.new_page(viewport=DESK)
    page.on("dialog", lambda dialog: dialog.accept())
    await signed_in(hub, page)

    await page.click(".menu summary")
    await page.click("text=Xác thực hai lớp")
    await page.click("text=Không quét được?")
    app = TOTP(await page.inner_text(".secret"))
    await page.fill("#code", app.at(clock.now() // 1000))
    await page.click("text=Bật xác thực hai lớp")
    await expect(page.locator(".codes li")).to_have_count(10)
    async with page.expect_navigation():
        await page.click("text=Đã cất")
    await page.goto(
        "about:blank"
    )  # else the inbox notices that it is signed out, and leads to another log-in page
    await page.context.clear_cookies()
    await signed_in(hub, page)
    clock.forward(30_000)
    await page.fill("#code", app.at(clock.now() // 1000))
    await page.press("#code", "Enter")
    await expect(page.locator("h1")).to_have_text("Quản trị")

    await page.click(".rooms-list >> text=Tình huống khẩn")
    await page.click("text=Thêm tình huống")
    await page.fill("#topic", "Mất điện diện rộng")
    await page.fill("#banner", BANNER)
    await page.click("button:text('Lưu')")
    await page.click("button:text-is('Bật')")
    await expect(page.locator(".badge.urgent")).to_contain_text("Đang bật")
    citizen = await chromium.new_page(viewport=PHONE)
    await citizen.goto(hub.url)
    await expect(citizen.locator(".storm-banner")).to_have_text(BANNER)
    await citizen.goto(f"{hub.url}/chat")
    await expect(citizen.locator(".storm-banner")).to_be_in_viewport()
    await expect(citizen.get_by_placeholder("Nhắn cho tổng đài")).to_be_in_viewport(ratio=1)
    await page.click("text=Tắt ngay")
    await citizen.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # as once a minute
    await expect(citizen.locator(".storm-banner")).to_have_count(0)


async def test_every_page_fits_both_widths_and_axe_finds_nothing_serious(
    hub: ConsoleHub, chromium: Browser
) -> None:
    page = await chromium.new_page(viewport=DESK)
    await signed_in(hub, page)
    addresses = await page.eval_on_selector_all(
        ".menu-list a", "links => links.map(a => a.getAttribute('href'))"
    )
    assert len(addresses) >= 8
    unit = hub.hub.rules().agencies.all()[0]
    more = ["/console/admin/users/new", "/console/admin/storm/new", f"/console/admin/agencies/{unit.id}"]
    for address in [*addresses, *more, "/console/second-factor"]:
        for viewport in (DESK, PHONE):
            await page.set_viewport_size(viewport)
            await page.goto(hub.url + address)
            wide = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert wide <= 0, (address, viewport)
        found = await Axe().run(page)
        serious = [
            (one["id"], [node["html"][:120] for node in one["nodes"]][:3])
            for one in found.response["violations"]
            if one["impact"] in ("serious", "critical")
        ]
        assert serious == [], address
