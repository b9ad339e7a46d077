"""Working time between two instants, quickly: a report asks for tens of thousands of pairs."""

import datetime as dt
from bisect import bisect_right

from handoff.calendar import Calendar
from hub.clock import local


class WorkTime:
    """Args: the calendar, and the times between which it will be asked."""

    def __init__(self, calendar: Calendar, first: int, last: int) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._before: list[int] = []  # worked before each span
        day, end, total = local(first).date(), local(max(first, last)).date(), 0
        while day <= end:
            for start, stop in calendar.spans(day):
                self._starts.append(start)
                self._ends.append(stop)
                self._before.append(total)
                total += stop - start
            day += dt.timedelta(days=1)

    def between(self, start: int, end: int) -> int:
        """Working milliseconds of ``start ≤ t < end``."""
        return self._until(end) - self._until(start)

    def _until(self, at: int) -> int:
        place = bisect_right(self._starts, at) - 1
        if place < 0:
            return 0
        return self._before[place] + min(at, self._ends[place]) - self._starts[place]
