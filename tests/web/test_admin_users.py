"""Accounts, as an administrator keeps them."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from handoff import people
from hub.audit import AuditQuery
from hub.model import Staff
from hub.store.sqlite import SqliteStore
from tests.conftest import FakeClock
from tests.web.console_hub import PASSWORD, Browser, ConsoleHub, console_hub

USERS = "/console/admin/users"


@pytest.fixture
async def hub(store: SqliteStore, clock: FakeClock, tmp_path: Path) -> AsyncIterator[ConsoleHub]:
    async with console_hub(store, clock, tmp_path) as running:
        await running.person("quan.tri", "Quản Trị", role="admin")
        yield running


async def send(browser: Browser, path: str, **fields: str) -> tuple[int, str]:
    """Post as the page's form would; the page that comes back."""
    form = {"csrf": await browser.token("/console/password")} | fields
    async with browser.client.post(browser.url + path, data=form) as answer:
        return answer.status, await answer.text()


async def account(hub: ConsoleHub, login: str) -> Staff:
    found = await hub.store.staff_by_login(login)
    assert found
    return found


async def log(hub: ConsoleHub) -> list[tuple[str, str | None]]:
    return [(one.action, one.target) for one in await hub.store.audit(AuditQuery(), limit=99)]


async def test_a_new_officer_signs_in_once_with_the_password_shown(hub: ConsoleHub) -> None:
    admin = await hub.signed_in("quan.tri")
    agency = hub.hub.rules().agencies.all()[0]
    status, html = await send(
        admin, USERS, login="Lan.Nguyen", name="Nguyễn Lan", role="officer", capacity="7",
        more=f"{agency.name} ({agency.id})",
    )  # fmt: skip
    assert status == 200
    password = re.search(r"<code>([\w-]{19})</code>", html)
    assert password
    staff = await account(hub, "lan.nguyen")
    assert (staff.role, staff.agencies, staff.capacity) == ("officer", (agency.id,), 7)
    assert ("staff.created", staff.id) in await log(hub)
    browser = hub.browser()
    answer = await browser.log_in("lan.nguyen", password[1])
    assert answer.headers["Location"] == "/console/password"
    assert agency.name in (await admin.get(USERS))[1]


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"login": "quan.tri"}, people.TAKEN),
        ({"login": "có dấu"}, people.BAD_LOGIN),
        ({"name": " "}, people.NO_NAME),
        ({"role": "officer"}, people.NO_AGENCY),
        ({"role": "officer", "more": "khong-co"}, people.NO_AGENCY),
        ({"capacity": "nhiều"}, people.BAD_CAPACITY),
        ({"role": "king"}, "Vui lòng chọn vai trò."),
    ],
)
async def test_what_will_not_do_is_said_and_nothing_is_made(
    hub: ConsoleHub, fields: dict[str, str], problem: str
) -> None:
    admin = await hub.signed_in("quan.tri")
    good = {"login": "lan", "name": "Lan", "role": "operator", "capacity": "5"}
    status, html = await send(admin, USERS, **good | fields)
    assert status == 422
    assert problem in html
    assert await hub.store.count_staff() == 1


async def test_a_changed_account_is_changed_at_once_and_noted(hub: ConsoleHub) -> None:
    lan = await hub.person("lan", "Lan")
    admin, operator = await hub.signed_in("quan.tri"), await hub.signed_in("lan")
    status, html = await send(
        admin, f"{USERS}/{lan.id}", name="Nguyễn Thị Lan", role="supervisor", capacity="9", skill="tthc"
    )
    assert status == 200
    assert "Đã lưu" in html
    staff = await account(hub, "lan")
    assert (staff.name, staff.role, staff.capacity, staff.skills) == (
        "Nguyễn Thị Lan",
        "supervisor",
        9,
        ("tthc",),
    )
    assert (await operator.get("/console/admin"))[0] == 200, "the new role counts in the open session"
    (entry,) = await hub.store.audit(AuditQuery(action="staff.changed"), limit=9)
    assert entry.facts["role"] == "supervisor"
    assert "Lan" not in entry.model_dump_json()


async def test_a_locked_account_is_out_at_once_and_may_come_back(hub: ConsoleHub) -> None:
    lan = await hub.person("lan", "Lan")
    admin, operator = await hub.signed_in("quan.tri"), await hub.signed_in("lan")
    await send(admin, f"{USERS}/{lan.id}/deactivate")
    assert "Đăng nhập" in (await operator.get("/console"))[1]
    assert (await hub.browser().log_in("lan")).status == 401
    await send(admin, f"{USERS}/{lan.id}/activate")
    assert (await hub.browser().log_in("lan")).status == 303


async def test_the_last_administrator_stays(hub: ConsoleHub) -> None:
    admin = await hub.signed_in("quan.tri")
    me = await account(hub, "quan.tri")
    status, html = await send(admin, f"{USERS}/{me.id}", name="Quản Trị", role="operator", capacity="5")
    assert (status, people.LAST_ADMIN in html) == (422, True)
    status, html = await send(admin, f"{USERS}/{me.id}/deactivate")
    assert status == 422
    assert (await account(hub, "quan.tri")).role == "admin"


async def test_two_administrators_who_remove_each_other_leave_one(hub: ConsoleHub, clock: FakeClock) -> None:
    one, other = await account(hub, "quan.tri"), await hub.person("hai", "Hai", role="admin")

    async def remove(who: Staff) -> bool:
        try:
            await people.change(hub.store, clock, who.id, lambda it: it.model_copy(update={"active": False}))
        except people.NotPossible:
            return False
        return True

    assert sum(await asyncio.gather(remove(one), remove(other))) == 1
    assert sum(it.active for it in await hub.store.everybody()) == 1


async def test_a_reset_password_ends_sessions_and_works_once(hub: ConsoleHub) -> None:
    lan = await hub.person("lan", "Lan")
    admin, operator = await hub.signed_in("quan.tri"), await hub.signed_in("lan")
    _, html = await send(admin, f"{USERS}/{lan.id}/password")
    password = re.search(r"<code>([\w-]{19})</code>", html)
    assert password
    assert "Đăng nhập" in (await operator.get("/console"))[1]
    assert (await hub.browser().log_in("lan", PASSWORD)).status == 401
    answer = await hub.browser().log_in("lan", password[1])
    assert answer.headers["Location"] == "/console/password"
    assert ("staff.password_reset", lan.id) in await log(hub)


async def test_required_second_factor_is_a_policy_of_roles(hub: ConsoleHub) -> None:
    await hub.person("lan", "Lan")
    admin = await hub.signed_in("quan.tri")
    await send(admin, f"{USERS}/require", role="operator")
    operator = await hub.signed_in("lan")
    async with operator.client.get(f"{hub.url}/console", allow_redirects=False) as answer:
        assert answer.headers["Location"] == "/console/second-factor"
    assert "Bắt buộc, chưa bật" in (await admin.get(USERS))[1]
    await send(admin, f"{USERS}/require")
    assert (await operator.get("/console"))[0] == 200


async def test_a_lost_phone_is_helped_by_an_administrator(hub: ConsoleHub) -> None:
    lan = await hub.person("lan", "Lan", second_factor="sealed", recovery=("x",))
    admin = await hub.signed_in("quan.tri")
    assert (await hub.browser().log_in("lan")).headers["Location"] == "/console/login/code"
    await send(admin, f"{USERS}/{lan.id}/second-factor")
    assert (await hub.browser().log_in("lan")).headers["Location"] == "/console"
    assert ("staff.second_factor_reset", lan.id) in await log(hub)
