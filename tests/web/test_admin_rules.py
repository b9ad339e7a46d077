"""Agencies, routing, calendar and storms, as those in charge keep them: what they save is in force at once, here and in
other processes."""

import datetime as dt
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from handoff.rules import LiveRules
from hub.audit import AuditQuery
from hub.model import TicketQuery
from hub.store.sqlite import SqliteStore
from hub.web import admin_agencies, admin_routing, admin_storm
from tests.conftest import FakeClock
from tests.web.console_hub import Browser, ConsoleHub, console_hub
from tests.web.test_admin_users import send

ADMIN = "/console/admin"


@pytest.fixture
async def hub(store: SqliteStore, clock: FakeClock, tmp_path: Path) -> AsyncIterator[ConsoleHub]:
    async with console_hub(store, clock, tmp_path) as running:
        await running.person("quan.tri", "Quản Trị", role="admin")
        yield running


@pytest.fixture
async def admin(hub: ConsoleHub) -> Browser:
    return await hub.signed_in("quan.tri")


async def elsewhere(hub: ConsoleHub) -> LiveRules:
    """The rules as another process takes them over."""
    other = LiveRules(hub.store)
    await other.load()
    return other


async def logged(hub: ConsoleHub) -> list[str]:
    return [one.action for one in await hub.store.audit(AuditQuery(action="rules"), limit=99)]


# ---- agencies


async def test_an_agencys_contact_and_policy_hold_everywhere(hub: ConsoleHub, admin: Browser) -> None:
    unit = next(one for one in hub.hub.rules().agencies.all() if "@" in one.id)
    category = next(iter(hub.hub.rules().categories))
    status, html = await send(
        admin, f"{ADMIN}/agencies/{unit.id}", email="dau.moi@example.vn", phone="0277 3 851 000", own="on",
        category=category, hours="24",
    )  # fmt: skip
    assert status == 200
    assert "Đã lưu" in html
    for rules in (hub.hub.rules(), (await elsewhere(hub))()):
        assert rules.contact(unit.id).email == "dau.moi@example.vn"
        assert not rules.policy(unit.id).review
        assert rules.agency_hours(category, unit.id) == 24
        pattern = unit.id.partition("@")[0]
        assert rules.contact(pattern).email is None, "nobody else's"
        assert rules.policy(pattern).review
    status, html = await admin.get(f"{ADMIN}/agencies?q=" + unit.name)
    assert "dau.moi@example.vn" in html
    (entry,) = await hub.store.audit(AuditQuery(action="rules.agency"), limit=9)
    assert "example" not in entry.model_dump_json()
    await send(admin, f"{ADMIN}/agencies/{unit.id}")
    assert hub.hub.rules().contact(unit.id).email is None
    assert hub.hub.rules().policy(unit.id).review


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"email": "không phải"}, admin_agencies.BAD_EMAIL),
        ({"phone": "abc"}, admin_agencies.BAD_PHONE),
        ({"own": "on", "category": "dien", "hours": "0"}, None),
    ],
)
async def test_a_wrong_contact_is_not_kept(
    hub: ConsoleHub, admin: Browser, fields: dict[str, str], problem: str | None
) -> None:
    unit = hub.hub.rules().agencies.all()[0]
    category = next(iter(hub.hub.rules().categories))
    fields = fields | ({"category": category} if "category" in fields else {})
    status, html = await send(admin, f"{ADMIN}/agencies/{unit.id}", **fields)
    assert status == 422
    assert (problem or admin_agencies.BAD_HOURS) in html
    assert not hub.hub.rules().contacts
    assert not hub.hub.rules().policies


async def test_many_contacts_go_through_a_spreadsheet_and_back(hub: ConsoleHub, admin: Browser) -> None:
    one, two, three = [unit for unit in hub.hub.rules().agencies.all() if not unit.open][:3]
    await send(admin, f"{ADMIN}/agencies", table=f"{three.id},{three.name},cu@example.vn,")
    async with admin.client.get(f"{hub.url}{ADMIN}/agencies/table.csv") as answer:
        lines = (await answer.read()).decode("utf-8-sig").splitlines()
    assert lines[0] == "mã,tên,email,điện thoại"
    assert "cu@example.vn" in next(line for line in lines if line.startswith(f"{three.id},"))
    pasted = f"mã\ttên\temail\tđiện thoại\n{one.id}\t{one.name}\tmot@example.vn\t0277 3851000\n\n{two.id}\t\thai@example.vn\n"
    status, html = await send(admin, f"{ADMIN}/agencies", table=pasted.replace("\n", "\r\n"))
    assert (status, "Đã lưu" in html) == (200, True)
    rules = (await elsewhere(hub))()
    assert rules.contact(one.id).email == "mot@example.vn"
    assert rules.contact(one.id).phone == "0277 3851000"
    assert rules.contact(two.id).email == "hai@example.vn"
    assert rules.contact(three.id).email == "cu@example.vn", "what was not pasted stays"
    await send(admin, f"{ADMIN}/agencies", table=f"{one.id};;;")
    assert hub.hub.rules().contact(one.id).email is None


async def test_a_table_with_a_fault_is_not_taken_at_all(hub: ConsoleHub, admin: Browser) -> None:
    one, two = [unit for unit in hub.hub.rules().agencies.all() if not unit.open][:2]
    table = f"{one.id},,mot@example.vn,\nkhong-co,,x@example.vn,\n{two.id},,khong phai,\n{one.id},,,\n{two.id},,,2773851000"
    status, html = await send(admin, f"{ADMIN}/agencies", table=table)
    assert status == 422
    for line in ("Dòng 2", "Dòng 3", "Dòng 4", "Dòng 5: Số điện thoại thiếu số 0"):
        assert line in html
    assert "Dòng 1:" not in html
    assert not hub.hub.rules().contacts
    assert (await send(admin, f"{ADMIN}/agencies", table=" \n"))[0] == 422


# ---- routing


async def test_a_rule_decides_and_the_try_out_says_so(hub: ConsoleHub, admin: Browser) -> None:
    rules = hub.hub.rules()
    category = next(one for one in rules.categories.values() if len(one.agencies) > 1)
    unit = next(one for one in rules.agencies.all() if "@" not in one.id and not one.open)
    commune, name = next(iter(rules.agencies.communes().items()))
    asked = f"{ADMIN}/routing?category={category.id}&commune={commune}&about="
    assert "Tổng đài viên chọn cơ quan" in (await admin.get(asked))[1]
    rule = {"category": category.group, "commune": commune, "agency": f"{unit.name} ({unit.id})"}
    status, html = await send(admin, f"{ADMIN}/routing", **rule)
    assert (status, name in html) == (200, True)
    assert (await elsewhere(hub))().router.route(category.id, commune).agency == unit.id
    assert f"Chuyển cho <b>{unit.name}</b>" in (await admin.get(asked))[1]
    status, html = await send(admin, f"{ADMIN}/routing", **rule)
    assert (status, admin_routing.KNOWN in html) == (422, True)
    complaint = await admin.get(f"{asked}{unit.id}&complaint=on")
    assert "Không chuyển cho chính cơ quan bị phản ánh" in complaint[1]
    await send(admin, f"{ADMIN}/routing/remove", **rule)
    assert hub.hub.rules().router.route(category.id, commune).agency != unit.id
    assert await logged(hub) == ["rules.routing"] * 2


async def test_a_rule_to_nowhere_is_refused(hub: ConsoleHub, admin: Browser) -> None:
    for fields in ({"agency": "khong-co"}, {"category": "khong-co"}, {"commune": "khong-co"}):
        good = {"category": "*", "commune": "*", "agency": hub.hub.rules().agencies.all()[0].id}
        assert (await send(admin, f"{ADMIN}/routing", **good | fields))[0] == 422
    assert await logged(hub) == []


# ---- calendar


async def test_a_day_off_is_previewed_with_the_deadlines_it_moves_then_applied(
    hub: ConsoleHub, admin: Browser
) -> None:
    message = await hub.citizen_says("Đèn đường hỏng")
    ticket = await hub.ticket(message.conversation)
    assert ticket.due_at
    day = "2026-11-23"  # the clock stands before it, the deadline after it
    edit = {"edit": "add-holiday", "date": day, "name": "Nghỉ theo thông báo"}
    status, html = await send(admin, f"{ADMIN}/calendar/preview", **edit)
    assert status == 200
    assert ticket.code in html
    assert "1 trên 1 phiếu đang mở sẽ đổi hạn" in html
    assert day not in (await admin.get(f"{ADMIN}/calendar?year=2026"))[1], "nothing has changed yet"
    status, html = await send(admin, f"{ADMIN}/calendar", **edit)
    assert "Nghỉ theo thông báo" in html
    assert (await elsewhere(hub))().offices.closed_because(
        dt.date.fromisoformat(day)
    ) == "Nghỉ theo thông báo"
    await send(admin, f"{ADMIN}/calendar", edit="remove-holiday", date=day)
    assert hub.hub.rules().offices.closed_because(dt.date.fromisoformat(day)) is None
    assert await logged(hub) == ["rules.calendar"] * 2


async def test_a_computed_year_is_written_down_and_confirmed(hub: ConsoleHub, admin: Browser) -> None:
    year = 2029
    before = hub.hub.rules().offices.year(year)
    assert not before.confirmed
    await send(admin, f"{ADMIN}/calendar", edit="add-makeup", date=f"{year}-03-03")
    after = hub.hub.rules().offices.year(year)
    assert after.holidays == before.holidays, "the computed days stay"
    assert len(after.makeups) == len(before.makeups) + 1
    await send(admin, f"{ADMIN}/calendar", edit="confirm", year=str(year))
    assert hub.hub.rules().offices.year(year).confirmed
    _, html = await admin.get(f"{ADMIN}/calendar?year={year}")
    assert "đã được xác nhận" in html


async def test_hours_of_the_hotline_and_quiet_hours(hub: ConsoleHub, admin: Browser) -> None:
    assert hub.hub.rules().hotline is None
    hours = {"edit": "hours", "room": "hotline_1022", "morning_from": "07:00", "morning_to": "11:30"}
    await send(admin, f"{ADMIN}/calendar", **hours, day="1")
    hotline = hub.hub.rules().hotline
    assert hotline
    assert hotline.days == {1}
    await send(admin, f"{ADMIN}/calendar", edit="quiet", quiet_from="22:00", quiet_to="05:30")
    assert [f"{at:%H:%M}" for at in hub.hub.rules().quiet] == ["22:00", "05:30"]
    for wrong in ({"morning_to": "06:00"}, {"morning_to": ""}, {"room": "nowhere"}):
        assert (await send(admin, f"{ADMIN}/calendar/preview", **hours | wrong, day="1"))[0] == 422
    assert (await send(admin, f"{ADMIN}/calendar/preview", **hours | {"room": "offices"}))[0] == 422, (
        "no days"
    )
    await send(admin, f"{ADMIN}/calendar", **hours)
    assert hub.hub.rules().hotline is None, "without days nobody is promised anything"


@pytest.mark.parametrize("edit", ["add-holiday", "nonsense", "confirm", "add-makeup"])
async def test_nonsense_changes_no_calendar(hub: ConsoleHub, admin: Browser, edit: str) -> None:
    for step in ("", "/preview"):
        form = {"edit": edit, "date": "2026-02-31", "year": "1", "name": "x"}
        assert (await send(admin, f"{ADMIN}/calendar{step}", **form))[0] == 422
    assert await logged(hub) == []


# ---- storms


STORM = {"topic": "Mất điện diện rộng", "banner": "Đang mất điện ở nhiều nơi.", "priority": "urgent"}


async def test_a_storm_is_on_in_two_clicks_and_off_by_itself(
    hub: ConsoleHub, admin: Browser, clock: FakeClock
) -> None:
    await send(admin, f"{ADMIN}/storm", **STORM, answer="Đang khắc phục.", words="mất điện\ncúp điện")
    (storm,) = hub.hub.rules().storms
    assert storm.words == ("mất điện", "cúp điện")
    citizen = hub.browser()
    assert STORM["banner"] not in (await citizen.get("/"))[1]
    await send(admin, f"{ADMIN}/storm/{storm.id}/on", hours="2")
    for page in ("/", "/chat"):
        assert STORM["banner"] in (await citizen.get(page))[1]
    assert (await elsewhere(hub))().storms_at(clock.now())
    await send(admin, f"{ADMIN}/storm/{storm.id}", **STORM | {"topic": "Đổi tên"})
    assert hub.hub.rules().storms_at(clock.now())[0].topic == "Đổi tên", "it stays on while it is edited"
    clock.forward(2 * admin_storm.HOUR_MS)
    assert STORM["banner"] not in (await citizen.get("/"))[1]
    await send(admin, f"{ADMIN}/storm/{storm.id}/on", hours="2")
    await send(admin, f"{ADMIN}/storm/{storm.id}/off")
    assert STORM["banner"] not in (await citizen.get("/"))[1]
    await send(admin, f"{ADMIN}/storm/{storm.id}/remove")
    assert not hub.hub.rules().storms
    assert await hub.store.count_tickets(TicketQuery()) == 0


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"topic": ""}, admin_storm.NO_TOPIC),
        ({"answer": "Dạ"}, admin_storm.NO_WORDS),
        ({"answer": "Dạ", "words": "điện"}, admin_storm.NO_WORDS),
        ({"banner": "x" * 301}, admin_storm.TOO_LONG),
    ],
)
async def test_a_storm_that_will_not_do(
    hub: ConsoleHub, admin: Browser, fields: dict[str, str], problem: str
) -> None:
    status, html = await send(admin, f"{ADMIN}/storm", **STORM | fields)
    assert (status, problem in html) == (422, True)
    assert not hub.hub.rules().storms
