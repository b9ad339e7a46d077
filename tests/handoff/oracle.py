"""The slow way to a deadline: walk minute by minute, count those in which people work and nothing pauses. It knows nothing
of spans, merged pauses or days, so it and ``handoff.deadline`` do not share their mistakes.

``python -m tests.handoff.oracle --cases 100000`` compares them on random calendars, receipts, hours and pauses."""

import argparse
import datetime as dt
import random
import sys
import time
from collections.abc import Iterable

from handoff.calendar import Calendar, Year
from handoff.deadline import deadline
from hub.clock import VIETNAM

FIRST = dt.date(2026, 3, 2)
WINDOW = 9  # days the random calendars and the walk reach
MINUTE = 60_000
DAY = 24 * 60
PER_CALENDAR = 50
#: In minutes from the window's first; the end may be open.
Pause = tuple[int, int | None]


def base_ms() -> int:
    return int(dt.datetime.combine(FIRST, dt.time(), VIETNAM).timestamp() * 1000)


def works(calendar: Calendar, moment: dt.datetime) -> bool:
    day, year = moment.date(), calendar.years[2026]
    if day not in year.makeups and (day in year.holidays or day.isoweekday() not in calendar.days):
        return False
    return any(start <= moment.time() < end for start, end in calendar.shifts)


def working_minutes(calendar: Calendar) -> list[bool]:
    first = dt.datetime.combine(FIRST, dt.time())
    return [works(calendar, first + dt.timedelta(minutes=minute)) for minute in range(WINDOW * DAY)]


def walked(open_: list[bool], received: int, work: int, pauses: Iterable[Pause]) -> int | None:
    """The minute at which ``work`` minutes have been counted; None: not within the window."""
    counted = 0
    for minute in range(received, WINDOW * DAY):
        if open_[minute] and not any(
            start <= minute and (end is None or minute < end) for start, end in pauses
        ):
            counted += 1
            if counted == work:
                return minute + 1
    return None


def agrees(calendar: Calendar, open_: list[bool], received: int, work: int, pauses: list[Pause]) -> bool:
    """Whether both ways come to the same minute."""
    base = base_ms()
    stops = [(base + start * MINUTE, None if end is None else base + end * MINUTE) for start, end in pauses]
    due = deadline(calendar, base + received * MINUTE, work * MINUTE, stops).due
    expected = walked(open_, received, work, pauses)
    if expected is None:
        return due is None or due > base + WINDOW * DAY * MINUTE - 1
    return due == base + expected * MINUTE


def some_calendar(rng: random.Random) -> Calendar:
    ends = sorted(rng.sample(range(DAY), 2 * rng.randint(1, 3)))
    shifts = tuple(
        (dt.time(a // 60, a % 60), dt.time(b // 60, b % 60))
        for a, b in zip(ends[::2], ends[1::2], strict=True)
    )
    off, made_up = (set(rng.sample(range(WINDOW + 1), rng.randint(0, 3))) for _ in range(2))
    year = Year(
        {FIRST + dt.timedelta(n): "nghỉ" for n in off - made_up},
        frozenset(FIRST + dt.timedelta(n) for n in made_up),
        confirmed=True,
    )
    days = frozenset(rng.sample(range(1, 8), rng.randint(1, 7)))
    return Calendar("random", days, shifts, {2026: year})


def some_pauses(rng: random.Random) -> list[Pause]:
    pauses: list[Pause] = []
    for _ in range(rng.randint(0, 5)):
        start = rng.randint(0, 4 * DAY)
        pauses.append((start, None if rng.random() < 0.08 else start + rng.randint(0, 600)))
    return pauses


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    rng, began = random.Random(asked.seed), time.monotonic()
    mismatches = open_ended = 0
    for case in range(asked.cases):
        if case % PER_CALENDAR == 0:
            calendar = some_calendar(rng)
            open_ = working_minutes(calendar)
        received, work, pauses = rng.randint(0, 4 * DAY), rng.randint(1, 12 * 60), some_pauses(rng)
        open_ended += any(end is None for _, end in pauses)
        if not agrees(calendar, open_, received, work, pauses):
            mismatches += 1
            sys.stdout.write(f"mismatch: case {case} of seed {asked.seed}\n")
    sys.stdout.write(
        f"{asked.cases} cases, seed {asked.seed}, {open_ended} with an open pause: {mismatches} mismatches,"
        f" {time.monotonic() - began:.0f} s\n"
    )
    raise SystemExit(1 if mismatches else 0)


if __name__ == "__main__":
    main()
