"""The deadline: the first instant at which the working hours have been counted, and how it was counted.

The clock counts while the calendar says that people work and nothing pauses it. Pauses come in any order, overlap,
and may be open (nobody knows yet when they end)."""

import datetime as dt
from collections.abc import Iterable, Iterator

from handoff.calendar import WEEKDAYS, Calendar, Span, at_ms
from hub.clock import local
from hub.model import Value

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
NEVER = 2**62
REACH_YEARS = 50  # a deadline farther off is a slip of the pen

#: From when to when the clock stood still; None: it still does.
Pause = tuple[int, int | None]


class Step(Value):
    """One day of the count."""

    date: str
    spans: tuple[Span, ...]  # what of it was counted, epoch ms
    counted_ms: int
    total_ms: int  # up to the end of this day
    note: str


class Deadline(Value):
    """``due`` is None while a pause that stops the clock is open."""

    due: int | None
    steps: tuple[Step, ...]
    unconfirmed_years: tuple[int, ...]


def deadline(calendar: Calendar, received: int, work_ms: int, pauses: Iterable[Pause] = ()) -> Deadline:
    """Count ``work_ms`` of working time from ``received`` on.

    Raises:
        ValueError: nothing to count, a pause that ends before it begins, or no end within the calendar's reach.
    """
    if work_ms <= 0:
        raise ValueError("the working time must be more than nothing")
    stops, open_from = _merged(pauses)
    stands_from = NEVER if open_from is None else max(open_from, received)
    steps: list[Step] = []
    total = 0
    due: int | None = None
    for day in _days(received):
        if at_ms(day, dt.time()) > stands_from:
            break
        spans: list[Span] = []
        for span in _free(calendar.spans(day), received, stands_from, stops):
            left = work_ms - total
            counted = min(span[1] - span[0], left)
            spans.append((span[0], span[0] + counted))
            total += counted
            if counted == left:
                due = span[0] + counted
                break
        steps.append(_step(calendar, day, spans, total, stops, open_from, due))
        if due is not None:
            break
    last = due if due is not None else stands_from
    years = calendar.unconfirmed(local(received).year, local(last).year)
    return Deadline(due=due, steps=tuple(steps), unconfirmed_years=years)


def due_at(calendar: Calendar, received: int, work_ms: int, pauses: Iterable[Pause] = ()) -> int | None:
    return deadline(calendar, received, work_ms, pauses).due


def next_opening(calendar: Calendar, at: int) -> int:
    """The first instant from ``at`` on at which people work."""
    for day in _days(at):
        for start, end in calendar.spans(day):
            if at < end:
                return max(at, start)
    raise ValueError("nobody ever works again")


def _days(received: int) -> Iterator[dt.date]:
    first = local(received).date()
    for number in range(REACH_YEARS * 366):
        yield first + dt.timedelta(days=number)
    raise ValueError(f"the deadline is more than {REACH_YEARS} years away")


def _merged(pauses: Iterable[Pause]) -> tuple[list[Span], int | None]:
    """Closed pauses in order without overlaps, and from when on an open one stops the clock for good."""
    given = list(pauses)
    if any(end is not None and end < start for start, end in given):
        raise ValueError("a pause ends before it begins")
    open_from = min((start for start, end in given if end is None), default=None)
    merged: list[Span] = []
    for start, end in sorted((start, end) for start, end in given if end is not None):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged, open_from


def _free(spans: list[Span], first: int, limit: int, stops: list[Span]) -> Iterator[Span]:
    """The parts of ``spans`` from ``first`` to ``limit`` that no stop covers."""
    for start, end in spans:
        start, end = max(start, first), min(end, limit)
        for stop, go in stops:
            if go <= start or stop >= end:
                continue
            if stop > start:
                yield start, stop
            start = go
        if start < end:
            yield start, end


# ---- in words --------------------------------------------------------------------------------------


def _step(
    calendar: Calendar, day: dt.date, spans: list[Span], total: int, stops: list[Span], open_from: int | None, due: int | None
) -> Step:  # fmt: skip
    counted = sum(end - start for start, end in spans)
    parts = [f"{WEEKDAYS[day.weekday()]} {day:%d/%m/%Y}"]
    if (why := calendar.closed_because(day)) is not None:
        parts.append(f"không đếm: {why}")
    else:
        if calendar.is_makeup(day):
            parts.append("ngày làm bù")
        if spans:
            hours = ", ".join(f"{_clock(start)}–{_clock(end)}" for start, end in spans)
            parts.append(f"đếm {spoken(counted)} ({hours}), cộng dồn {spoken(total)}")
        else:
            parts.append("không đếm: ngoài giờ làm việc hoặc đang tạm dừng")
        begin, end = at_ms(day, dt.time()), at_ms(day, dt.time()) + DAY_MS
        paused = [(max(a, begin), min(b, end)) for a, b in stops if a < end and b > begin]
        parts += [f"tạm dừng {_clock(a)}–{_clock(b, end_of_day=b == end)}" for a, b in paused]
    if due is not None:
        parts.append(f"hết hạn lúc {_clock(due)}")
    elif open_from is not None and local(open_from).date() <= day:
        parts.append(f"đang tạm dừng từ {_clock(open_from)} ngày {local(open_from):%d/%m/%Y}")
    return Step(
        date=day.isoformat(), spans=tuple(spans), counted_ms=counted, total_ms=total, note="; ".join(parts)
    )


def spoken(ms: int) -> str:
    """``4 giờ 30 phút``."""
    seconds = ms // 1000
    parts = [(seconds // 3600, "giờ"), (seconds // 60 % 60, "phút"), (seconds % 60, "giây")]
    return " ".join(f"{n} {unit}" for n, unit in parts if n) or "0 phút"


def _clock(at: int, *, end_of_day: bool = False) -> str:
    moment = local(at)
    if end_of_day:
        return "24:00"
    return f"{moment:%H:%M:%S}" if moment.second else f"{moment:%H:%M}"
