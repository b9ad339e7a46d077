"""The audit log in the console: what is written into it by what people do, and how it is read."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hub.audit import AuditNote, AuditQuery, broken
from hub.store.sqlite import SqliteStore
from hub.web import admin_audit, trail
from tests.conftest import FakeClock
from tests.web.console_hub import PASSWORD, ConsoleHub, console_hub

AUDIT = "/console/admin/audit"


@pytest.fixture
async def hub(store: SqliteStore, clock: FakeClock, tmp_path: Path) -> AsyncIterator[ConsoleHub]:
    async with console_hub(store, clock, tmp_path) as running:
        await running.person("quan.tri", "Quản Trị", role="admin")
        await running.person("lan", "Nguyễn Lan")
        yield running


async def actions(hub: ConsoleHub) -> list[str]:
    return [one.action for one in reversed(await hub.store.audit(AuditQuery(), limit=99))]


async def test_logins_are_noted_without_what_was_typed(hub: ConsoleHub) -> None:
    await hub.browser().log_in("lan", "mat-khau-sai-cua-toi")
    await hub.browser().log_in("mat-khau-go-nham-vao-o-ten", "x")
    await hub.browser().log_in("lan", PASSWORD)
    entries = await hub.store.audit_after(0, limit=9)
    assert [one.action for one in entries] == ["login.failed", "login.failed", "login.ok"]
    lan = await hub.store.staff_by_login("lan")
    assert lan
    assert [one.target for one in entries] == [lan.id, None, None]
    assert entries[2].actor == lan.id
    assert broken(entries) is None
    written = "".join(one.model_dump_json() for one in entries)
    assert "mat-khau" not in written
    assert "127.0.0.1" not in written


async def test_who_looks_at_a_sensitive_case_is_noted_once_an_hour(hub: ConsoleHub, clock: FakeClock) -> None:
    message = await hub.citizen_says("Tố cáo việc kín")
    category = next(id_ for id_, one in hub.hub.rules().categories.items() if one.sensitive)
    plain = await hub.ticket((await hub.citizen_says("Đèn hỏng", who="w-2")).conversation)
    ticket = await hub.ticket(message.conversation, "Việc rất kín", category=category)
    assert ticket.sensitive
    browser = await hub.signed_in("lan")
    for _ in range(2):
        await browser.get(f"/console/conversations/{message.conversation}")
        await browser.get(f"/console/conversations/{plain.conversation}")
    assert (await actions(hub)).count("ticket.viewed") == 1
    clock.forward(trail.VIEW_MS + 1)
    await browser.get(f"/console/conversations/{message.conversation}")
    entries = await hub.store.audit(AuditQuery(action="ticket"), limit=9)
    assert [one.target for one in entries] == [ticket.id, ticket.id]
    assert "kín" not in "".join(one.model_dump_json() for one in entries)
    admin = await hub.signed_in("quan.tri")
    _, html = await admin.get(f"{AUDIT}?action=ticket")
    assert ticket.code in html
    assert "Nguyễn Lan" in html


async def test_an_exported_report_is_noted(hub: ConsoleHub) -> None:
    admin = await hub.signed_in("quan.tri")
    async with admin.client.get(f"{hub.url}/console/reports/month.xlsx") as answer:
        assert answer.status == 200
    assert (await actions(hub))[-1] == "export.report"


async def test_it_is_read_page_by_page_and_filtered(hub: ConsoleHub, clock: FakeClock) -> None:
    for n in range(admin_audit.SHOWN + 5):
        await hub.store.append_audit(
            AuditNote(at=clock.now() + n, actor="s-x", action="rules.routing", target=f"cq-{n}")
        )
    admin = await hub.signed_in("quan.tri")
    _, html = await admin.get(f"{AUDIT}?action=rules")
    assert f"cq-{admin_audit.SHOWN + 4}<" in html
    assert "cq-4<" not in html
    _, html = await admin.get(f"{AUDIT}?action=rules&before=6")
    assert "cq-4<" in html
    assert "Cũ hơn" not in html
    assert "Không có dòng nào" in (await admin.get(f"{AUDIT}?until=2020-01-01"))[1]
    assert (await admin.get(f"{AUDIT}?since=hom-qua&before=x&until=9999-12-31"))[0] == 200


def test_whatever_is_noted_has_a_name() -> None:
    pages = Path(admin_audit.__file__).parent.rglob("*.py")
    calls = [call for file in pages for call in re.findall(r"put_down\([^)]*", file.read_text())]
    noted = {name for call in calls for name in re.findall(r'"([a-z]+\.[a-z_]+)"', call)}
    assert {"canned.save", "rules.agency"} <= noted
    assert noted <= set(admin_audit.WORDS)
    assert {name.partition(".")[0] for name in admin_audit.WORDS} == set(admin_audit.ROOMS)
