"""Who may do what in the console: every registered route, asked as every role."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast, get_args

import pytest

from hub.model import Role
from hub.store.sqlite import SqliteStore
from hub.web import auth
from hub.web.admin import ADMIN, CHIEFS
from hub.web.auth import EVERYBODY, STAFF
from hub.web.knowledge_view import EDITORS
from hub.web.navigation import home_of, places_of
from tests.conftest import FakeClock
from tests.web.console_hub import Browser, ConsoleHub, console_hub

ROLES: tuple[Role, ...] = get_args(Role)

#: The longest prefix that fits decides. A room for certain roles adds its line.
WHO_MAY: dict[str, frozenset[Role]] = {
    "/console": STAFF,
    "/console/password": EVERYBODY,
    "/console/logout": EVERYBODY,
    "/console/second-factor": EVERYBODY,
    "/console/knowledge": EVERYBODY,
    **dict.fromkeys(
        (
            f"/console/knowledge/{kind}/{{entry}}/{act}"
            for kind in ("procedure", "faq")
            for act in ("edit", "preview")
        ),
        EDITORS | {"officer"},
    ),
    **dict.fromkeys(
        (f"/console/knowledge/{place}" for place in ("review", "history", "training", "training.yml")), STAFF
    ),
    **dict.fromkeys(
        (
            f"/console/knowledge/review/{{question}}/{act}"
            for act in ("phrase", "preview", "example", "settle")
        ),
        EDITORS,
    ),
    "/console/knowledge/training/{example}/remove": EDITORS,
    "/console/knowledge/new": EDITORS,
    "/console/knowledge/find": EDITORS,
    "/console/knowledge/edits/{edit}/undo": EDITORS,
    "/console/knowledge/edits/{edit}/approve": EDITORS,
    "/console/knowledge/edits/{edit}/reject": EDITORS | {"officer"},
    "/console/reports": CHIEFS,
    "/console/agency": frozenset({"officer"}),
    "/console/notices": frozenset({"operator", "supervisor", "admin"}),
    "/console/admin": CHIEFS,
    "/console/admin/users": ADMIN,
    "/console/admin/agencies": ADMIN,
    "/console/admin/audit": ADMIN,
    "/console/admin/api": ADMIN,
}
OPEN = {"/console/login", "/console/login/code"}


def who_may(path: str) -> frozenset[Role]:
    fitting = [one for one in WHO_MAY if path == one or path.startswith(one + "/")]
    return WHO_MAY[max(fitting, key=len)]


@pytest.fixture
async def hub(store: SqliteStore, clock: FakeClock, tmp_path: Path) -> AsyncIterator[ConsoleHub]:
    async with console_hub(store, clock, tmp_path) as running:
        yield running


async def enter(hub: ConsoleHub, role: Role) -> Browser:
    await hub.person(role, f"Người giữ vai trò {role}", role=role)
    return await hub.signed_in(role)


def console_routes(hub: ConsoleHub) -> list[tuple[str, str]]:
    assert hub.runner
    assert hub.runner.app
    found = []
    for route in hub.runner.app.router.routes():
        info = route.resource.get_info() if route.resource else {}
        path = info.get("path") or info.get("formatter") or ""
        if re.match(r"/console(/|$)", path) and path not in OPEN and route.method != "HEAD":
            found.append((route.method, path))
    return found


@pytest.mark.parametrize("role", ROLES)
async def test_every_route_of_the_console_lets_in_the_roles_of_the_table(hub: ConsoleHub, role: Role) -> None:
    browser = await enter(hub, role)
    routes = console_routes(hub)
    assert len(routes) > 15
    for method, path in routes:
        address = hub.url + re.sub(r"{[^}]+}", "1", path)
        # forms go without their token: who is let in fails at that, and nothing is done
        async with browser.client.request(method, address, allow_redirects=False) as answer:
            refused = answer.status == 403 and auth.FORGED not in await answer.text()
        assert refused == (role not in who_may(path)), (method, path, answer.status)


async def test_strangers_get_into_none_of_them(hub: ConsoleHub) -> None:
    for method, path in console_routes(hub):
        address = hub.url + re.sub(r"{[^}]+}", "1", path)
        async with hub.browser().client.request(method, address, allow_redirects=False) as answer:
            assert answer.status in (303, 401), (method, path)


async def test_who_may_not_come_in_is_told_so_politely(hub: ConsoleHub) -> None:
    browser = await enter(hub, "officer")
    async with browser.client.get(f"{hub.url}/console") as answer:
        assert answer.status == 403
        assert answer.headers["Cache-Control"] == "no-store"
        html = await answer.text()
    assert auth.NO_ENTRY in html
    assert 'href="/console/agency"' in html
    async with browser.client.get(f"{hub.url}/console/queue", headers={"HX-Request": "true"}) as answer:
        assert (answer.status, await answer.text()) == (403, auth.NO_ENTRY)


async def test_everybody_is_led_to_their_own_first_page(hub: ConsoleHub) -> None:
    for role in ("officer", "operator"):
        await hub.person(role, "Sen", role=role)
        answer = await hub.browser().log_in(role)
        assert answer.headers["Location"] == home_of(cast("Role", role))


def test_the_bar_offers_only_what_may_be_entered() -> None:
    for role in ROLES:
        for place in places_of(role, "/console"):
            assert role in who_may(place.path)


def test_the_bar_marks_where_one_is() -> None:
    def here(path: str) -> list[str]:
        return [one.name for one in places_of("admin", path) if one.here]

    assert here("/console") == here("/console/conversations/c_1") == ["Hộp thư"]
    assert here("/console/password") == []
