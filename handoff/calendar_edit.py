"""What an administrator changes in the calendar: days off, make-up days, hours, and that a year is official.

Works on the calendar as JSON, so that notes and sources in it stay. A year that was only computed is written down,
as projected, with the first change of one of its days.
"""

import copy
import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any, Final

from handoff.calendar import HOTLINE, OFFICES, calendars, quiet_hours
from hub.errors import DataError

Data = dict[str, Any]
Edit = Callable[[Data], Data]

MAX_NAME: Final = 100
YEARS: Final = range(2020, 2100)

BAD_DAY: Final = "Ngày chưa đúng."
NO_NAME: Final = f"Vui lòng nhập tên ngày nghỉ, tối đa {MAX_NAME} ký tự."
BAD_HOURS: Final = (
    "Giờ làm việc chưa đúng: mỗi ca cần giờ bắt đầu trước giờ kết thúc, ca sáng trước ca chiều."
)
NO_DAYS: Final = "Vui lòng chọn ít nhất một ngày trong tuần và một ca."
UNKNOWN: Final = "Trang đã cũ. Vui lòng tải lại rồi thử lại."


class BadEdit(DataError):
    """Why it cannot be, in Vietnamese, for the administrator."""


def edit_of(form: Mapping[str, list[str]]) -> Edit:
    """The change a form asks for. Raises ``BadEdit``."""

    def one(name: str) -> str:
        return form.get(name, [""])[0].strip()

    match one("edit"):
        case "add-holiday":
            return add_holiday(_day(one("date")), one("name"))
        case "remove-holiday":
            return remove("holidays", _day(one("date")))
        case "add-makeup":
            return add_makeup(_day(one("date")))
        case "remove-makeup":
            return remove("makeup_workdays", _day(one("date")))
        case "confirm":
            return confirm(_year(one("year")))
        case "hours":
            room = one("room")
            if room not in (OFFICES, HOTLINE):
                raise BadEdit(UNKNOWN)
            shifts = {name: (one(f"{name}_from"), one(f"{name}_to")) for name in ("morning", "afternoon")}
            return hours(room, [int(day) for day in form.get("day", []) if day.isdigit()], shifts)
        case "quiet":
            return quiet(one("quiet_from"), one("quiet_to"))
        case _:
            raise BadEdit(UNKNOWN)


def add_holiday(day: dt.date, name: str) -> Edit:
    if not name or len(name) > MAX_NAME:
        raise BadEdit(NO_NAME)

    def edit(data: Data) -> Data:
        data = _without(_listed(data, day.year), "makeup_workdays", day)
        data = _without(data, "holidays", day)
        data["holidays"] = sorted([*data["holidays"], _entry(day, name)], key=lambda it: str(it["date"]))
        return data

    return edit


def add_makeup(day: dt.date) -> Edit:
    def edit(data: Data) -> Data:
        data = _without(_listed(data, day.year), "holidays", day)
        data = _without(data, "makeup_workdays", day)
        entry = _entry(day, "Làm bù")
        data["makeup_workdays"] = sorted([*data["makeup_workdays"], entry], key=lambda it: str(it["date"]))
        return data

    return edit


def remove(kind: str, day: dt.date) -> Edit:
    return lambda data: _without(_listed(data, day.year), kind, day)


def confirm(year: int) -> Edit:
    """What is listed for the year has been announced officially."""

    def edit(data: Data) -> Data:
        data = _listed(data, year)
        for kind in ("holidays", "makeup_workdays"):
            data[kind] = [
                it | {"status": "confirmed"} if str(it["date"]).startswith(f"{year}-") else it
                for it in data[kind]
            ]
        return data

    return edit


def hours(room: str, days: list[int], shifts: Mapping[str, tuple[str, str]]) -> Edit:
    def edit(data: Data) -> Data:
        data = copy.deepcopy(data)
        kept = {
            name: value
            for name, value in data["working_hours"].get(room, {}).items()
            if name not in ("hours",)
        }
        given = {name: list(shift) for name, shift in shifts.items() if any(shift)}
        if not days or not given:
            if room == OFFICES:
                raise BadEdit(NO_DAYS)
            days_now, given = None, {}
        else:
            days_now = sorted(set(days))
        kept |= {"days": days_now, "morning": given.get("morning"), "afternoon": given.get("afternoon")}
        data["working_hours"][room] = kept | {"status": "confirmed", "verified": True}
        try:
            calendars(data)
        except DataError:
            raise BadEdit(BAD_HOURS) from None
        return data

    return edit


def quiet(begins: str, ends: str) -> Edit:
    def edit(data: Data) -> Data:
        data = data | {"quiet_hours": [begins, ends]}
        try:
            quiet_hours(data)
        except DataError:
            raise BadEdit(BAD_HOURS) from None
        return data

    return edit


def _entry(day: dt.date, name: str) -> Data:
    return {"date": day.isoformat(), "name": name, "status": "projected", "source": ["quan-tri"]}


def _without(data: Data, kind: str, day: dt.date) -> Data:
    return data | {kind: [it for it in data[kind] if str(it["date"]) != day.isoformat()]}


def _listed(data: Data, year: int) -> Data:
    """The calendar with the year's days written down, if they were only computed so far."""
    data = copy.deepcopy(data)
    if any(str(it["date"]).startswith(f"{year}-") for it in data["holidays"]):
        return data
    known = calendars(data)[OFFICES].year(year)
    data["holidays"] += [_entry(day, name) for day, name in sorted(known.holidays.items())]
    made_up = {str(it["date"]) for it in data["makeup_workdays"]}
    data["makeup_workdays"] += [
        _entry(day, "Làm bù") for day in sorted(known.makeups) if day.isoformat() not in made_up
    ]
    return data


def _day(text: str) -> dt.date:
    try:
        day = dt.date.fromisoformat(text)
    except ValueError:
        raise BadEdit(BAD_DAY) from None
    if day.year not in YEARS:
        raise BadEdit(BAD_DAY)
    return day


def _year(text: str) -> int:
    if not text.isdigit() or int(text) not in YEARS:
        raise BadEdit(BAD_DAY)
    return int(text)
