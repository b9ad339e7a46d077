"""The second factor, as a person with an authenticator app meets it."""

import html
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pyotp import TOTP

from handoff import rules
from hub.audit import AuditQuery
from hub.store.sqlite import SqliteStore
from hub.web import auth, second_factor
from tests.conftest import FakeClock
from tests.web.console_hub import PASSWORD, Browser, ConsoleHub, console_hub

OWN = "/console/second-factor"
STEP_MS = 30_000


@pytest.fixture
async def hub(store: SqliteStore, clock: FakeClock, tmp_path: Path) -> AsyncIterator[ConsoleHub]:
    async with console_hub(store, clock, tmp_path) as running:
        await running.person("lan", "Tổng đài viên Sen", role="admin")
        yield running


async def set_up(hub: ConsoleHub, browser: Browser) -> tuple[TOTP, list[str]]:
    """Scan, type the code: the app, and the recovery codes shown."""
    _, shown = await browser.get(OWN)
    assert "data:image/svg+xml" in shown
    fields = dict(re.findall(r'name="(\w+)" value="([^"]+)"', shown))
    secret = re.search(r'class="secret">(\w+)<', shown)
    assert secret
    app = TOTP(secret[1])
    form = {name: html.unescape(fields[name]) for name in ("csrf", "sealed")} | {"code": now_code(hub, app)}
    async with browser.client.post(hub.url + OWN, data=form) as answer:
        assert answer.status == 200
        codes = re.findall(r"<li><code>([\w-]+)</code>", await answer.text())
    assert len(codes) == 10
    return app, codes


def now_code(hub: ConsoleHub, app: TOTP) -> str:
    return app.at(hub.clock.now() // 1000)


async def type_code(browser: Browser, code: str) -> int:
    form = {"csrf": await browser.token("/console/login/code"), "code": code}
    return (await browser.post("/console/login/code", form)).status


async def test_who_has_one_gets_in_only_with_password_and_code(hub: ConsoleHub, clock: FakeClock) -> None:
    here = await hub.signed_in("lan")
    elsewhere = await hub.signed_in("lan")
    app, codes = await set_up(hub, here)
    assert (await here.get("/console"))[0] == 200
    assert "Đăng nhập" in (await elsewhere.get("/console"))[1], "sessions without the code have ended"

    browser = hub.browser()
    answer = await browser.log_in("lan", next="/console?tab=closed")
    assert answer.headers["Location"] == "/console/login/code"
    assert auth.SESSION_COOKIE not in answer.cookies
    assert "Đăng nhập" in (await browser.get("/console"))[1], "half-way in opens nothing"
    assert await type_code(browser, "000000") == 401
    clock.forward(STEP_MS)
    code = now_code(hub, app)
    form = {"csrf": await browser.token("/console/login/code"), "code": f"{code[:3]} {code[3:]}"}
    answer = await browser.post("/console/login/code", form)
    assert (answer.status, answer.headers["Location"]) == (303, "/console?tab=closed")
    assert (await browser.get("/console"))[0] == 200

    again = hub.browser()
    await again.log_in("lan")
    assert await type_code(again, code) == 401, "the same code a second time"
    assert await type_code(again, codes[3].upper().replace("-", " ")) == 303
    third = hub.browser()
    await third.log_in("lan")
    assert await type_code(third, codes[3]) == 401, "recovery codes are good once"
    assert "Còn 9 trên 10" in (await again.get(OWN))[1]


async def test_the_store_has_neither_the_secret_nor_the_codes(hub: ConsoleHub) -> None:
    app, codes = await set_up(hub, await hub.signed_in("lan"))
    staff = await hub.store.staff_by_login("lan")
    assert staff
    kept = staff.model_dump_json()
    assert app.secret not in kept
    assert not any(code in kept or code.replace("-", "") in kept for code in codes)
    log = "".join(entry.model_dump_json() for entry in await hub.store.audit(AuditQuery(), limit=99))
    assert "account.second_factor_on" in log
    assert app.secret not in log
    assert PASSWORD not in log


async def test_guessing_codes_is_throttled_until_time_has_passed(hub: ConsoleHub, clock: FakeClock) -> None:
    app, _ = await set_up(hub, await hub.signed_in("lan"))
    browser = hub.browser()
    await browser.log_in("lan")
    for _ in range(second_factor.TRIES):
        assert await type_code(browser, "000000") == 401
    clock.forward(STEP_MS)
    assert await type_code(browser, now_code(hub, app)) == 429
    clock.forward(auth.THROTTLE_MS)
    await browser.log_in("lan")
    assert await type_code(browser, now_code(hub, app)) == 303


async def test_who_was_asked_for_the_code_too_long_ago_begins_anew(hub: ConsoleHub, clock: FakeClock) -> None:
    app, _ = await set_up(hub, await hub.signed_in("lan"))
    browser = hub.browser()
    await browser.log_in("lan")
    token = await browser.token("/console/login/code")
    clock.forward(11 * 60_000)
    form = {"csrf": token, "code": now_code(hub, app)}
    answer = await browser.post("/console/login/code", form)
    assert (answer.status, answer.headers["Location"]) == (303, "/console/login")


async def test_where_it_is_required_nothing_else_opens_before(hub: ConsoleHub) -> None:
    await rules.save(hub.store, rules.SECURITY, {"second_factor": ["admin"]}, now=1)
    await hub.hub.reload_rules()
    browser = await hub.signed_in("lan")
    async with browser.client.get(f"{hub.url}/console", allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (303, OWN)
    await set_up(hub, browser)
    assert (await browser.get("/console"))[0] == 200
    form = {"csrf": await browser.token(OWN), "password": PASSWORD}
    assert (await browser.post(f"{OWN}/off", form)).status == 400, "it cannot be turned off"


async def test_turning_it_off_and_new_codes_need_the_password(hub: ConsoleHub) -> None:
    browser = await hub.signed_in("lan")
    _, codes = await set_up(hub, browser)
    for act in ("off", "codes"):
        form = {"csrf": await browser.token(OWN), "password": "sai"}
        assert (await browser.post(f"{OWN}/{act}", form)).status == 400
    form = {"csrf": await browser.token(OWN), "password": PASSWORD}
    assert (await browser.post(f"{OWN}/codes", form)).status == 200
    other = hub.browser()
    await other.log_in("lan")
    assert await type_code(other, codes[0]) == 401, "the old codes are void"
    form = {"csrf": await browser.token(OWN), "password": PASSWORD}
    assert (await browser.post(f"{OWN}/off", form)).status == 303
    assert (await hub.browser().log_in("lan")).headers["Location"] == "/console"


async def test_a_secret_of_another_hub_or_none_is_refused(hub: ConsoleHub) -> None:
    browser = await hub.signed_in("lan")
    form = {"csrf": await browser.token(OWN), "sealed": "x" * 50, "code": "123456"}
    assert (await browser.post(OWN, form)).status == 400
