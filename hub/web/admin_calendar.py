"""Administration: days off, make-up days, hours of the offices and of the hotline. Each change is shown first with
the deadlines it would move."""

import datetime as dt
from dataclasses import replace
from typing import Any, Final

from aiohttp import web

from handoff import calendar_edit, rules
from handoff.calendar import HOTLINE, OFFICES, WEEKDAYS, calendars, quiet_hours
from handoff.calendar_edit import BadEdit
from handoff.duty import spoken_time
from handoff.lifecycle import deadlines
from hub.clock import local
from hub.errors import DataError
from hub.model import OPEN_STATES, TicketQuery
from hub.web.admin import ADDRESS, CHIEFS, admin_page, refresh
from hub.web.auth import fields_of, guarded, see_other
from hub.web.context import hub_of
from hub.web.trail import put_down

HERE: Final = f"{ADDRESS}/calendar"
LOOKED_AT: Final = 5_000  # open tickets that a preview counts anew
SHOWN: Final = 50
EDITS: Final = {
    "add-holiday": "Thêm ngày nghỉ",
    "remove-holiday": "Bỏ ngày nghỉ",
    "add-makeup": "Thêm ngày làm bù",
    "remove-makeup": "Bỏ ngày làm bù",
    "confirm": "Xác nhận lịch cả năm theo thông báo chính thức",
    "hours": "Đổi giờ làm việc",
    "quiet": "Đổi giờ không làm phiền",
}
ROOMS: Final = {OFFICES: "Cơ quan (dùng để đếm thời hạn)", HOTLINE: "Tổng đài 1022 (giờ trực)"}


async def show(request: web.Request) -> web.StreamResponse:
    return await _page(request, 200)


async def preview(request: web.Request) -> web.StreamResponse:
    """What the change would do; nothing is changed yet."""
    form, hub = await fields_of(request), hub_of(request)
    try:
        after = calendar_edit.edit_of(form)(await rules.stored(hub.store, rules.CALENDAR))
        offices = calendars(after)[OFFICES]
    except BadEdit as error:
        return await _page(request, 422, problem=str(error))
    except DataError:
        return await _page(request, 422, problem=calendar_edit.BAD_HOURS)
    moved, looked_at = await _moved(request, offices)
    return admin_page(
        request,
        "console/admin/calendar_preview.html",
        fields=[(name, value) for name, values in form.items() if name != "csrf" for value in values],
        what=EDITS[form["edit"][0]],
        about=_about(form),
        moved=moved[:SHOWN],
        count=len(moved),
        looked_at=looked_at,
        back=f"{HERE}?year={_year_of(form)}",
    )


async def apply(request: web.Request) -> web.StreamResponse:
    form, hub = await fields_of(request), hub_of(request)
    try:
        await rules.change(hub.store, rules.CALENDAR, calendar_edit.edit_of(form), now=hub.clock.now())
    except DataError as error:
        return await _page(request, 422, problem=str(error))
    facts = {name: form[name][0][:40] for name in ("date", "year", "room") if name in form}
    await put_down(request, "rules.calendar", form["edit"][0], **facts)
    await refresh(request)
    return see_other(f"{HERE}?done&year={_year_of(form)}")


async def _moved(request: web.Request, offices: Any) -> tuple[list[tuple[str, str, str]], int]:
    """Open cases whose deadline would be another: code, before, after."""
    hub = hub_of(request)
    now, would_be = hub.clock.now(), replace(hub.rules(), offices=offices)
    open_ones = TicketQuery(states=tuple(sorted(OPEN_STATES)), order="due")
    tickets = await hub.store.find_tickets(open_ones, limit=LOOKED_AT)
    moved = []
    for ticket in tickets:
        due = deadlines(ticket, would_be, now)["due_at"]
        if due is not None and ticket.due_at is not None and due != ticket.due_at:
            moved.append((ticket.code, spoken_time(ticket.due_at), spoken_time(due)))
    return moved, len(tickets)


async def _page(request: web.Request, status: int, **more: Any) -> web.Response:
    hub = hub_of(request)
    data = await rules.stored(hub.store, rules.CALENDAR)
    today = local(hub.clock.now()).date()
    asked = request.query.get("year", "")
    year = int(asked) if asked.isdigit() and int(asked) in calendar_edit.YEARS else today.year
    known = calendars(data)[OFFICES].year(year)
    days = [(day, name, True) for day, name in known.holidays.items()]
    days += [(day, "Làm bù", False) for day in known.makeups]
    quiet = quiet_hours(data)
    return admin_page(
        request,
        "console/admin/calendar.html",
        status=status,
        year=year,
        years=range(today.year - 1, today.year + 3),
        days=sorted(days),
        known=known,
        listed=any(str(one["date"]).startswith(f"{year}-") for one in data["holidays"]),
        weekdays=WEEKDAYS,
        rooms=[(id_, name, _hours(data, id_)) for id_, name in ROOMS.items()],
        quiet=[f"{at:%H:%M}" for at in quiet],
        **more,
    )


def _hours(data: Any, room: str) -> dict[str, Any]:
    known = calendars(data).get(room)
    if known is None:
        return {"days": (), "shifts": {}}
    names = ("morning", "afternoon") if len(known.shifts) > 1 else (
        ("morning",) if data["working_hours"][room].get("morning") else ("afternoon",)
    )  # fmt: skip
    shifts = {name: [f"{at:%H:%M}" for at in shift] for name, shift in zip(names, known.shifts, strict=True)}
    return {"days": known.days, "shifts": shifts}


def _about(form: dict[str, list[str]]) -> str:
    if "date" in form:
        day = dt.date.fromisoformat(form["date"][0])
        name = form.get("name", [""])[0]
        return f"{WEEKDAYS[day.weekday()]} {day:%d/%m/%Y}" + (f": {name}" if name else "")
    return form.get("year", [""])[0] or ROOMS.get(form.get("room", [""])[0], "")


def _year_of(form: dict[str, list[str]]) -> str:
    return (form.get("year") or [form.get("date", [""])[0][:4]])[0]


def routes() -> list[web.RouteDef]:
    return guarded(
        [web.get(HERE, show), web.post(f"{HERE}/preview", preview), web.post(HERE, apply)], roles=CHIEFS
    )
