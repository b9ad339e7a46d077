"""Working time: which hours of which days count.

``calendar.yml`` says it, with swapped and make-up days; an administrator may replace it. For years it does not list,
the ``holidays`` library is asked, and the year is reported as unconfirmed: what it gives is computed, not decided.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import Any, Final

import yaml

from hub.clock import VIETNAM, local
from hub.errors import DataError

OFFICES: Final = "offices"
HOTLINE: Final = "hotline_1022"

WEEKEND = "nghỉ cuối tuần"
WEEKDAYS: Final = ("thứ Hai", "thứ Ba", "thứ Tư", "thứ Năm", "thứ Sáu", "thứ Bảy", "Chủ nhật")

Shift = tuple[dt.time, dt.time]
Span = tuple[int, int]  # epoch ms, from ≤ t < to

#: When people are not to be disturbed, unless the calendar file says otherwise (``quiet_hours``).
QUIET: Final[Shift] = (dt.time(21), dt.time(6))


@dataclass(frozen=True)
class Year:
    """The days of one year that are not as its weekdays say."""

    holidays: Mapping[dt.date, str]
    makeups: frozenset[dt.date]
    confirmed: bool


@dataclass(frozen=True)
class Calendar:
    """The hours that count, by name. ``days`` are ISO weekdays (1 is Monday)."""

    name: str
    days: frozenset[int]
    shifts: tuple[Shift, ...]
    years: Mapping[int, Year] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.days <= set(range(1, 8)) or not self.days or not self.shifts:
            raise DataError(f"calendar {self.name}: it needs weekdays (1 to 7) and shifts")
        ends = [at for shift in self.shifts for at in shift]
        if any(a >= b for a, b in pairwise(ends)):
            raise DataError(f"calendar {self.name}: shifts must be in order and must not overlap")
        for year in self.years.values():
            if both := sorted(year.makeups & year.holidays.keys()):
                raise DataError(f"calendar {self.name}: {both[0]} is a holiday and a make-up day")

    def year(self, number: int) -> Year:
        return self.years.get(number) or _computed(number)

    def closed_because(self, day: dt.date) -> str | None:
        """Why nobody works that day; None: it is a working day."""
        year = self.year(day.year)
        if day in year.makeups:
            return None
        if holiday := year.holidays.get(day):
            return holiday
        return None if day.isoweekday() in self.days else WEEKEND

    def is_makeup(self, day: dt.date) -> bool:
        return day in self.year(day.year).makeups

    def spans(self, day: dt.date) -> list[Span]:
        """The working hours of a day, in order."""
        if self.closed_because(day) is not None:
            return []
        return [(at_ms(day, start), at_ms(day, end)) for start, end in self.shifts]

    def unconfirmed(self, first: int, last: int) -> tuple[int, ...]:
        """Those of the years from ``first`` to ``last`` that nobody has confirmed."""
        return tuple(number for number in range(first, last + 1) if not self.year(number).confirmed)


def at_ms(day: dt.date, at: dt.time) -> int:
    """A time of day in Vietnam as epoch ms."""
    return int(dt.datetime.combine(day, at, VIETNAM).timestamp()) * 1000


def calendars(data: Any, origin: str = "calendar.yml") -> dict[str, Calendar]:
    """All calendars of a calendar file whose hours are known, by name. They share the days off.

    Raises:
        DataError: it is not of that shape.
    """
    try:
        years = _years(data)
        return {
            str(name): Calendar(
                name=str(name),
                days=frozenset(int(day) for day in hours["days"]),
                shifts=tuple(_shift(hours[part]) for part in ("morning", "afternoon") if hours.get(part)),
                years=years,
            )
            for name, hours in data["working_hours"].items()
            if hours.get("days") and (hours.get("morning") or hours.get("afternoon"))
        }
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"{origin}: not a calendar ({type(error).__name__}: {error})") from None


def quiet_hours(data: Any) -> Shift:
    """Those of a calendar file; they may go over midnight. Raises ``DataError``."""
    try:
        return _shift(data["quiet_hours"]) if "quiet_hours" in data else QUIET
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"calendar.yml: quiet_hours must be two times ({error})") from None


def not_quiet(quiet: Shift, at: int) -> int:
    """The first instant from ``at`` on that is not in the quiet hours."""
    moment = local(at)
    begins, ends = quiet
    time, tomorrow = moment.time(), moment.date() + dt.timedelta(days=1)
    if begins <= ends:
        return at_ms(moment.date(), ends) if begins <= time < ends else at
    if time >= begins:
        return at_ms(tomorrow, ends)
    return at_ms(moment.date(), ends) if time < ends else at


def product_calendar() -> Any:
    """The product's own calendar file, as data. It lies with the other data files, in ``bot/knowledge/data``."""
    path = files("bot") / "knowledge" / "data" / "calendar.yml"
    return yaml.safe_load(path.read_text("utf-8"))


def _years(data: Any) -> dict[int, Year]:
    """A year is confirmed when it is listed and none of its days is only projected."""
    days_off: dict[int, dict[dt.date, str]] = {}
    makeups: dict[int, set[dt.date]] = {}
    projected: set[int] = set()
    for entry in data["holidays"]:
        day = _day(entry["date"])
        days_off.setdefault(day.year, {})[day] = str(entry["name"])
        if entry["status"] != "confirmed":
            projected.add(day.year)
    for entry in data["makeup_workdays"]:
        day = _day(entry["date"])
        makeups.setdefault(day.year, set()).add(day)
        if entry["status"] != "confirmed":
            projected.add(day.year)
    years = {
        number: Year(off, frozenset(makeups.get(number, ())), confirmed=number not in projected)
        for number, off in days_off.items()
    }
    for number in makeups.keys() - years.keys():  # made up for a day of the year before
        guess = _computed(number)
        off = {day: name for day, name in guess.holidays.items() if day not in makeups[number]}
        years[number] = Year(off, guess.makeups | makeups[number], confirmed=False)
    return years


def _day(value: Any) -> dt.date:
    return value if isinstance(value, dt.date) else dt.date.fromisoformat(str(value))


def _shift(value: Any) -> Shift:
    start, end = value
    return _time(start), _time(end)


def _time(value: Any) -> dt.time:
    if isinstance(value, int):  # YAML reads an unquoted 13:30 as a number to the base of 60
        return dt.time(value // 60, value % 60)
    return dt.time.fromisoformat(str(value))


@cache
def _computed(number: int) -> Year:
    from holidays.countries.vietnam import Vietnam  # takes most of a second: only for years not listed

    found = Vietnam(years=number, language="vi")  # type: ignore[no-untyped-call]
    makeups = frozenset(day for day in found.weekend_workdays if day.year == number)
    return Year(dict(found.items()), makeups, confirmed=False)
