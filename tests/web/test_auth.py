"""Signing in: sessions, forms, throttling, password change."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from handoff import accounts
from hub.store.sqlite import SqliteStore
from hub.web import auth, sessions
from tests.conftest import FakeClock
from tests.web.console_hub import PASSWORD, ConsoleHub, console_hub

NEW = "mot-mat-khau-moi"


@pytest.fixture
async def hub(store: SqliteStore, clock: FakeClock, tmp_path: Path) -> AsyncIterator[ConsoleHub]:
    async with console_hub(store, clock, tmp_path) as running:
        await running.person("lan", "Tổng đài viên Sen")
        yield running


async def test_a_stranger_is_sent_to_the_login_page_and_back(hub: ConsoleHub) -> None:
    browser = hub.browser()
    async with browser.client.get(f"{hub.url}/console?tab=closed", allow_redirects=False) as response:
        assert response.status == 303
        assert response.headers["Location"] == "/console/login?next=/console?tab=closed"
    answer = await browser.log_in("lan", next="/console?tab=closed")
    assert answer.status == 303
    assert answer.headers["Location"] == "/console?tab=closed"
    status, html = await browser.get("/console")
    assert status == 200
    assert "Tổng đài viên Sen" in html


async def test_the_session_cookie_is_for_this_site_and_not_for_scripts(hub: ConsoleHub) -> None:
    answer = await hub.browser().log_in("lan")
    cookie = answer.cookies[sessions.SESSION_COOKIE]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert cookie["path"] == "/"
    assert cookie["max-age"] == str(12 * 3600)
    assert not cookie["secure"]


async def test_on_https_the_cookie_is_secure(store: SqliteStore, clock: FakeClock, tmp_path: Path) -> None:
    async with console_hub(store, clock, tmp_path, public_url="https://1022.example") as running:
        await running.person("lan", "Lan")
        async with running.browser().client.get(f"{running.url}/console/login") as response:
            cookie = response.cookies[sessions.LOGIN_COOKIE]
            assert cookie["secure"]
            html = await response.text()
        token = re.search(r'name="csrf" value="([^"]+)"', html)
        assert token
        answer = await running.browser().post(
            "/console/login",
            {"csrf": token[1], "login": "lan", "password": PASSWORD},
            headers={"Cookie": f"{sessions.LOGIN_COOKIE}={cookie.value}"},
        )
        assert answer.status == 303
        assert answer.cookies[sessions.SESSION_COOKIE]["secure"]


async def test_pages_of_the_console_are_not_kept_and_run_no_foreign_code(hub: ConsoleHub) -> None:
    browser = await hub.signed_in("lan")
    for path in ("/console", "/console/password", "/console/conversations/none", "/console/login"):
        async with browser.client.get(hub.url + path) as response:
            assert response.headers["Cache-Control"] == "no-store", path
            assert "script-src 'self'" in response.headers["Content-Security-Policy"], path


@pytest.mark.parametrize(
    ("address", "leads_to"),
    [
        (
            "/console/conversations/c_1?ticket=k_1&tab=closed",
            "/console/conversations/c_1?ticket=k_1&tab=closed",
        ),
        ("/console", "/console"),
        ("//evil.example/console", "/console"),
        ("https://evil.example/console", "/console"),
        ("/console@evil.example", "/console"),
        ("/console/../chat", "/console"),
        ("/console/%2e%2e/chat", "/console"),
        ("/console\\evil", "/console"),
        ("/console/x\r\nSet-Cookie: a=b", "/console"),
        ("/console/login", "/console"),
        ("/consoles", "/console"),
        ("javascript:alert(1)", "/console"),
        ("", "/console"),
    ],
)
async def test_a_login_leads_only_into_the_console(hub: ConsoleHub, address: str, leads_to: str) -> None:
    answer = await hub.browser().log_in("lan", next=address)
    assert answer.headers["Location"] == leads_to


async def test_wrong_password_unknown_login_and_inactive_staff_look_the_same(hub: ConsoleHub) -> None:
    await hub.person("cu", "Đã nghỉ", active=False)
    pages = []
    for login, password in (("lan", "sai-mat-khau"), ("khong-co", PASSWORD), ("cu", PASSWORD)):
        browser = hub.browser()
        assert (await browser.log_in(login, password)).status == 401
        form = {"csrf": await browser.token("/console/login"), "login": login, "password": password}
        async with browser.client.post(f"{hub.url}/console/login", data=form) as response:
            html = re.sub(r'(name="csrf" value|name="login" value)="[^"]*"', "", await response.text())
            pages.append(html)
    assert pages[0] == pages[1] == pages[2]
    assert auth.WRONG in pages[0]


@pytest.mark.parametrize("login", ["lan", "khong-co"])
async def test_five_wrong_passwords_and_the_login_waits(
    hub: ConsoleHub, clock: FakeClock, login: str
) -> None:
    for _ in range(auth.TRIES_PER_LOGIN):
        assert (await hub.browser().log_in(login, "sai-mat-khau")).status == 401
    answer = await hub.browser().log_in(login.upper())  # also with the right password
    assert answer.status == 429
    assert auth.WAIT in await answer.text()
    clock.forward(auth.THROTTLE_MS + 1)
    assert (await hub.browser().log_in(login)).status == (303 if login == "lan" else 401)


async def test_a_good_login_clears_the_count(hub: ConsoleHub) -> None:
    for _ in range(2):
        for _ in range(auth.TRIES_PER_LOGIN - 1):
            assert (await hub.browser().log_in("lan", "sai-mat-khau")).status == 401
        assert (await hub.browser().log_in("lan")).status == 303


async def test_many_names_from_one_address_are_throttled_too(hub: ConsoleHub, clock: FakeClock) -> None:
    for _ in range(auth.TRIES_PER_ADDRESS):
        await hub.store.count_hit("login-from:127.0.0.1", now=clock.now(), window_ms=auth.THROTTLE_MS)
    assert (await hub.browser().log_in("lan")).status == 429


async def test_a_form_without_its_token_does_nothing(hub: ConsoleHub) -> None:
    browser = await hub.signed_in("lan")
    other = await hub.signed_in("lan")
    form = {"current": PASSWORD, "password": NEW, "again": NEW}
    for token in ({}, {"csrf": "wrong"}, {"csrf": await other.token()}):
        assert (await browser.post("/console/password", form | token)).status == 403
    assert (await hub.browser().log_in("lan", PASSWORD)).status == 303
    assert (await browser.post("/console/logout", {})).status == 403
    assert (await browser.get("/console"))[0] == 200


async def test_a_login_form_works_only_in_the_browser_it_was_shown_in(hub: ConsoleHub) -> None:
    token = await hub.browser().token("/console/login")
    answer = await hub.browser().post("/console/login", {"csrf": token, "login": "lan", "password": PASSWORD})
    assert answer.status == 403
    assert sessions.SESSION_COOKIE not in answer.cookies


async def test_a_changed_password_ends_the_other_sessions(hub: ConsoleHub) -> None:
    here, elsewhere = await hub.signed_in("lan"), await hub.signed_in("lan")
    form = {"csrf": await here.token(), "current": PASSWORD, "password": NEW, "again": NEW}
    assert (await here.post("/console/password", form)).status == 303
    assert (await here.get("/console"))[0] == 200
    async with elsewhere.client.get(f"{hub.url}/console", allow_redirects=False) as response:
        assert response.status == 303
    assert (await hub.browser().log_in("lan", PASSWORD)).status == 401
    assert (await hub.browser().log_in("lan", NEW)).status == 303


async def test_the_password_in_use_is_asked_for_and_throttled(hub: ConsoleHub) -> None:
    browser = await hub.signed_in("lan")
    form = {"csrf": await browser.token(), "current": "sai-mat-khau", "password": NEW, "again": NEW}
    statuses = [(await browser.post("/console/password", form)).status for _ in range(6)]
    assert statuses == [400] * 5 + [429]


async def test_a_one_time_password_opens_nothing_but_its_change(hub: ConsoleHub) -> None:
    one_time = await accounts.add_staff(hub.store, "moi", "Người mới", "operator")
    browser = hub.browser()
    answer = await browser.log_in("moi", one_time)
    assert answer.headers["Location"] == "/console/password"
    async with browser.client.get(f"{hub.url}/console", allow_redirects=False) as response:
        assert response.headers["Location"] == "/console/password"
    form = {"csrf": await browser.token(), "current": one_time, "password": NEW, "again": NEW}
    assert (await browser.post("/console/password", form)).status == 303
    assert (await browser.get("/console"))[0] == 200


async def test_sessions_end_after_twelve_idle_hours_and_are_renewed_by_use(
    hub: ConsoleHub, clock: FakeClock
) -> None:
    browser = await hub.signed_in("lan")
    for _ in range(3):
        clock.forward(sessions.SESSION_MS - 1)
        assert (await browser.get("/console"))[0] == 200
        async with browser.client.get(f"{hub.url}/console", allow_redirects=False) as response:
            assert response.status == 200
    clock.forward(sessions.SESSION_MS + 1)
    async with browser.client.get(f"{hub.url}/console", allow_redirects=False) as response:
        assert response.status == 303


async def test_logging_out_and_being_deactivated_end_the_session(hub: ConsoleHub) -> None:
    browser = await hub.signed_in("lan")
    assert (await browser.post("/console/logout", {"csrf": await browser.token()})).status == 303
    async with browser.client.get(f"{hub.url}/console", allow_redirects=False) as response:
        assert response.status == 303
    browser = await hub.signed_in("lan")
    staff = await hub.store.staff_by_login("lan")
    assert staff
    await hub.store.put_staff(staff.model_copy(update={"active": False}))
    async with browser.client.get(f"{hub.url}/console", allow_redirects=False) as response:
        assert response.status == 303


async def test_a_forged_session_is_no_session(hub: ConsoleHub) -> None:
    answer = await hub.browser().log_in("lan")
    value = answer.cookies[sessions.SESSION_COOKIE].value
    for cookie in (value[:-2] + "xx", value.split(".")[0], "", "[1,2]", "x" * 5000):
        async with hub.browser().client.get(
            f"{hub.url}/console",
            allow_redirects=False,
            headers={"Cookie": f"{sessions.SESSION_COOKIE}={cookie}"},
        ) as response:
            assert response.status == 303


async def test_parts_of_pages_and_streams_say_401_instead_of_a_login_page(hub: ConsoleHub) -> None:
    for headers in ({"HX-Request": "true"}, {"Accept": "text/event-stream"}):
        async with hub.browser().client.get(f"{hub.url}/console/queue", headers=headers) as response:
            assert response.status == 401
            assert response.headers["HX-Redirect"] == "/console/login"


async def test_huge_forms_are_refused(hub: ConsoleHub) -> None:
    answer = await hub.browser().post("/console/login", {"login": "x" * 100_000})
    assert answer.status == 413


async def test_without_the_store_the_console_says_so(hub: ConsoleHub) -> None:
    browser = await hub.signed_in("lan")
    await hub.store.close()
    status, text = await browser.get("/console")
    assert status == 503
    assert text == auth.AWAY
    assert (await hub.browser().get("/console/login"))[0] == 200
