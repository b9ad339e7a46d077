"""The main pages as a blind person hears them: Orca reads, and there is only the keyboard.

    uv run python -m tests.scenario.screen_reader [--keep FILE]

A citizen asks in the live chat and picks a choice; an operator logs in, hears of a ticket, reads, answers and closes it.
What has to be said is asserted; all that was said is printed, or kept as a page.
"""

import argparse
import asyncio
import os
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from playwright.async_api import Browser, async_playwright

from hub.clock import SystemClock
from hub.model import Button, ConversationQuery
from hub.store import store_for
from tests.scenario.orca import Desk, desk, in_a_session, keys
from tests.web.chat_hub import chat_hub
from tests.web.console_hub import PASSWORD, console_hub

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--force-renderer-accessibility",
    "--lang=vi",  # else it offers to translate
]  # fmt: skip


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path="/usr/bin/chromium", headless=False, args=FLAGS
        )
        yield browser
        await browser.close()


async def citizen(here: Desk, browser: Browser, folder: Path) -> None:
    """Asks in the live chat, hears the answer and its choices, and picks one."""
    async with chat_hub(folder) as hub:
        page = await (await browser.new_context(no_viewport=True, locale="vi-VN")).new_page()
        await page.goto(f"{hub.url}/chat")
        await here.hear("1022", what="the live chat opens")
        await here.go("F6", "document web", most=6)  # out of the browser's own bar
        await here.go("Tab", "Tin nhắn của anh/chị")
        await here.write("lam khai sinh can gi")
        keys("key", "Return")
        await page.get_by_role("log").get_by_text("lam khai sinh can gi").wait_for()
        (conversation,) = [c.id for c in await hub.store.find_conversations(ConversationQuery(), limit=1)]
        await hub.reply(
            conversation,
            "Anh/chị đăng ký khai sinh cho ai ạ?",
            buttons=(Button(title="Con mới sinh", payload="/a"), Button(title="Người lớn", payload="/b")),
            outcome="answered",
        )
        await here.hear("Anh/chị đăng ký khai sinh cho ai ạ?", what="the bot answers")
        await here.go("shift+Tab", "Người lớn")
        await here.go("shift+Tab", "Con mới sinh")
        await here.press("Return", "Tin nhắn của anh/chị")
        await page.context.close()


async def operator(here: Desk, browser: Browser, folder: Path) -> None:
    """Logs in, hears of a ticket, opens and answers it."""
    store = store_for("", folder)
    await store.open()
    async with console_hub(store, SystemClock(), folder) as hub:
        await hub.person("lan", "Tổng đài viên Sen")
        page = await (await browser.new_context(no_viewport=True, locale="vi-VN")).new_page()
        await page.goto(f"{hub.url}/console")
        await here.hear("Đăng nhập", what="the console asks who one is")
        await here.go("F6", "Tên đăng nhập", most=6)  # out of the browser's own bar
        await here.write("lan")
        await here.press("Tab", "Mật khẩu")
        await here.write(PASSWORD)
        await here.press("Return", "Hộp thư")
        message = await hub.citizen_says("Cho tôi gặp người")
        ticket = await hub.ticket(message.conversation, "Cho tôi gặp người")
        await here.hear("phiếu", what="a ticket comes in")
        await here.go("Tab", ticket.code)
        await here.press("Return", "Đã mở hội thoại")
        await here.go("Tab", "Trả lời người dân")
        await here.write("Dạ em nghe")
        await here.press("Return", "Dạ em nghe")
        await hub.citizen_says("Đường trước nhà tôi hư rồi")
        await here.hear("Đường trước nhà tôi hư rồi", what="the citizen writes again")
        await page.context.close()
    await store.close()


WALKS = {"A citizen in the live chat": citizen, "An operator in the console": operator}


async def walk(only: str | None) -> list[str]:
    lines: list[str] = []
    async with desk() as here, chromium() as browser:
        for name, way in WALKS.items():
            if only and only not in name:
                continue
            here.transcript = lines
            lines += ["", f"## {name}", "", "| what happens | what Orca says |", "|---|---|"]
            with tempfile.TemporaryDirectory() as folder:
                try:
                    await way(here, browser, Path(folder))
                except BaseException:
                    sys.stdout.write("\n".join(lines) + "\n")
                    raise
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--keep", type=Path, metavar="FILE", help="write what was said as a page")
    parser.add_argument("--only", metavar="WORD", help="the walk with this word in its name")
    asked = parser.parse_args()
    if "ORCA_DESK" not in os.environ:
        with tempfile.TemporaryDirectory(prefix="orca-") as folder:
            sys.exit(in_a_session("tests.scenario.screen_reader", Path(folder), *sys.argv[1:]))
    lines = asyncio.run(walk(asked.only))
    if asked.keep:
        head = [
            "# What a screen reader says",
            "",
            f"Orca and Chromium, {datetime.now(UTC):%Y-%m-%d}; written by `uv run python -m tests.scenario.screen_reader --keep FILE`.",
            "Single letters that only echo what is typed are left out. Voice and braille were not judged, nor were NVDA, TalkBack or VoiceOver.",
        ]
        asked.keep.write_text("\n".join([*head, *lines]) + "\n")
    else:
        sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
