"""Times that reports are made for. Days begin and end at midnight in Vietnam."""

import datetime as dt
from functools import cached_property
from typing import Final

from handoff.calendar import at_ms
from hub.clock import local
from hub.model import Value

LONGEST_DAYS: Final = 366


class Period(Value):
    """Whole days, both included."""

    first: dt.date
    last: dt.date

    @cached_property
    def since(self) -> int:
        return at_ms(self.first, dt.time())

    @cached_property
    def until(self) -> int:
        """The first instant after it."""
        return at_ms(self.last + dt.timedelta(days=1), dt.time())

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    @property
    def whole_month(self) -> bool:
        return self == month_of(self.first)

    def before(self) -> "Period":
        """The time it is compared with: the month before a month, else as many days."""
        if self.whole_month:
            return month_of(self.first - dt.timedelta(days=1))
        last = self.first - dt.timedelta(days=1)
        return Period(first=last - dt.timedelta(days=self.days - 1), last=last)


def today(now: int) -> dt.date:
    return local(now).date()


def month_of(day: dt.date) -> Period:
    first = day.replace(day=1)
    return Period(first=first, last=(first + dt.timedelta(days=31)).replace(day=1) - dt.timedelta(days=1))


def offered(now: int) -> list[tuple[str, Period]]:
    """What people ask for most, by name."""
    day = today(now)
    month, year = month_of(day), day.replace(month=1, day=1)
    quarter = day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)
    return [
        ("Hôm nay", Period(first=day, last=day)),
        ("7 ngày", Period(first=day - dt.timedelta(days=6), last=day)),
        ("Tháng này", month),
        ("Tháng trước", month_of(month.first - dt.timedelta(days=1))),
        ("Quý này", Period(first=quarter, last=day)),
        ("Năm nay", Period(first=year, last=day)),
    ]


def period_of(first: str, last: str) -> Period | None:
    """As typed (``2026-11-01``); None: these are no days, the wrong way round, or too many."""
    try:
        period = Period(first=dt.date.fromisoformat(first), last=dt.date.fromisoformat(last))
    except ValueError:
        return None
    sane = period.first.year >= 2000 and period.last.year <= 2200
    return period if sane and 1 <= period.days <= LONGEST_DAYS else None
