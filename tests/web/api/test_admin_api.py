"""Keys and webhooks, as an administrator gives them out."""

import re

import pytest

from hub.audit import AuditQuery
from hub.hooks import BAD_ADDRESS, HOOKS
from hub.web import admin_api
from hub.web.api.tokens import TOKENS
from tests.web.api.system import System, system
from tests.web.console_hub import Browser, ConsoleHub
from tests.web.test_admin_users import send

API = "/console/admin/api"


@pytest.fixture
async def admin(hub: ConsoleHub) -> Browser:
    await hub.person("quan.tri", "Quản Trị", role="admin")
    return await hub.signed_in("quan.tri")


async def test_a_key_is_shown_once_works_and_can_be_taken_back(hub: ConsoleHub, admin: Browser) -> None:
    status, html = await send(admin, f"{API}/tokens", name="Cổng tỉnh", scope="read", per_minute="60")
    shown = re.search(r"<code>(h1022_[\w-]+)</code>", html)
    assert status == 200
    assert shown
    (token,) = await TOKENS.all(hub.store)
    assert shown[1] not in (await admin.get(API))[1]
    portal = System(hub, token, shown[1])
    assert await portal.get("/tickets") == {"tickets": [], "next_cursor": None}
    assert "chưa dùng" not in (await admin.get(API))[1]
    await send(admin, f"{API}/tokens/{token.id}/revoke")
    assert (await portal.call("GET", "/tickets"))[0] == 401
    entries = await hub.store.audit(AuditQuery(action="api"), limit=9)
    assert [one.action for one in entries] == ["api.token_revoked", "api.token_created"]
    assert shown[1] not in "".join(one.model_dump_json() for one in entries)


async def test_a_webhook_is_made_with_its_secret_shown_once_and_removed(
    hub: ConsoleHub, admin: Browser
) -> None:
    status, html = await send(
        admin, f"{API}/hooks", url="https://he-thong.example.vn/nhan", event="ticket.closed"
    )
    assert status == 200
    assert re.search(r"<code>whsec_[\w+/=]+</code>", html)
    (hook,) = await HOOKS.all(hub.store)
    assert hook.events == ("ticket.closed",)
    assert "whsec_" not in (await admin.get(API))[1]
    await send(admin, f"{API}/hooks/{hook.id}/enable")
    await send(admin, f"{API}/hooks/{hook.id}/remove")
    assert await HOOKS.all(hub.store) == ()


@pytest.mark.parametrize(
    ("path", "fields", "problem"),
    [
        ("tokens", {"scope": "read"}, admin_api.NO_NAME),
        ("tokens", {"name": "x"}, admin_api.NO_SCOPE),
        ("tokens", {"name": "x", "scope": "read", "per_minute": "0"}, admin_api.BAD_PACE),
        ("hooks", {"url": "http://10.0.0.1/x", "event": "ticket.opened"}, BAD_ADDRESS),
        ("hooks", {"url": "https://example.vn/x"}, admin_api.NO_EVENT),
    ],
)
async def test_what_will_not_do_is_said(
    hub: ConsoleHub, admin: Browser, path: str, fields: dict[str, str], problem: str
) -> None:
    status, html = await send(admin, f"{API}/{path}", **fields)
    assert (status, problem in html) == (422, True)
    assert not await TOKENS.all(hub.store)
    assert not await HOOKS.all(hub.store)


async def test_what_a_system_did_stands_under_its_name(hub: ConsoleHub, admin: Browser) -> None:
    portal = await system(hub, "read", "write", "sensitive", name="Cổng dịch vụ công")
    category = next(id_ for id_, one in hub.hub.rules().categories.items() if one.sensitive)
    opened = await portal.post("/tickets", {"text": "Việc kín", "category": category})
    await portal.post(f"/tickets/{opened['code']}/notes", {"text": "đã xác minh"})
    ticket = await hub.store.ticket_by_code(opened["code"])
    assert ticket
    _, html = await admin.get(f"/console/tickets/{ticket.id}")
    assert "Hệ thống Cổng dịch vụ công" in html
    _, html = await admin.get("/console/admin/audit?action=ticket")
    assert "Hệ thống Cổng dịch vụ công" in html
