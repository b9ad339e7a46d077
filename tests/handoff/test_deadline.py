"""Deadlines, beside an oracle that walks minute by minute and knows nothing of spans.

``DEADLINE_EXAMPLES=5000`` looks longer, ``python -m tests.handoff.oracle --cases 100000`` much longer.
"""

import datetime as dt
import os

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from handoff.calendar import Calendar, Year, calendars, product_calendar
from handoff.deadline import Pause, deadline, due_at, next_opening, spoken
from hub.clock import VIETNAM, local
from tests.handoff.oracle import FIRST, WINDOW, walked, working_minutes

OFFICES = calendars(product_calendar())["offices"]
HOUR, MINUTE = 3_600_000, 60_000
EXAMPLES = settings(
    max_examples=int(os.environ.get("DEADLINE_EXAMPLES", "150")), deadline=None, derandomize=True
)


def ms(text: str) -> int:
    return int(dt.datetime.fromisoformat(text).replace(tzinfo=VIETNAM).timestamp() * 1000)


def text(at: int | None) -> str | None:
    return local(at).isoformat(timespec="seconds")[:-6] if at is not None else None


@pytest.mark.parametrize(
    ("received", "hours", "pauses", "due"),
    [
        ("2026-11-23T16:00", 8, [], "2026-11-25T16:00:00"),
        ("2026-01-09T15:00", 8, [], "2026-01-10T15:00:00"),
        ("2026-02-13T19:00", 48, [], "2026-03-02T17:00:00"),
        ("2026-11-23T11:30", 1, [], "2026-11-23T14:30:00"),
        ("2026-11-23T06:00", 8, [], "2026-11-23T17:00:00"),
        ("2026-11-25T07:00", 4.5, [], "2026-11-25T11:30:00"),
        ("2026-11-25T07:00:01", 4.5, [], "2026-11-25T13:30:01"),
        # pauses: in any order, one within another, on both sides of the night
        ("2026-11-25T08:00", 2, [("2026-11-25T10:00", "2026-11-25T11:00"), ("2026-11-25T08:30", "2026-11-25T09:30")],
         "2026-11-25T14:00:00"),
        ("2026-11-25T08:00", 2, [("2026-11-25T08:00", "2026-11-25T10:00"), ("2026-11-25T09:00", "2026-11-25T09:30")],
         "2026-11-25T14:00:00"),
        ("2026-11-25T16:00", 2, [("2026-11-25T16:30", "2026-11-26T08:00")], "2026-11-26T09:30:00"),
        ("2026-11-25T08:00", 2, [("2026-11-25T07:00", "2026-11-25T09:00")], "2026-11-25T11:00:00"),
        ("2026-11-25T08:00", 2, [("2026-11-25T10:00", "2026-11-25T10:00")], "2026-11-25T10:00:00"),
    ],
)  # fmt: skip
def test_known_deadlines(received: str, hours: float, pauses: list[tuple[str, str]], due: str) -> None:
    stops = [(ms(start), ms(end)) for start, end in pauses]
    assert text(due_at(OFFICES, ms(received), int(hours * HOUR), stops)) == due


def test_an_open_pause_leaves_no_deadline() -> None:
    found = deadline(OFFICES, ms("2026-11-25T08:00"), 8 * HOUR, [(ms("2026-11-25T09:00"), None)])
    assert found.due is None
    assert [step.counted_ms for step in found.steps] == [HOUR]
    assert "đang tạm dừng từ 09:00" in found.steps[-1].note


def test_a_pause_after_the_hours_were_counted_changes_nothing() -> None:
    found = due_at(OFFICES, ms("2026-11-25T08:00"), HOUR, [(ms("2026-11-26T09:00"), None)])
    assert text(found) == "2026-11-25T09:00:00"


def test_each_day_is_explained() -> None:
    found = deadline(OFFICES, ms("2026-11-23T16:00"), 8 * HOUR)
    assert [step.note for step in found.steps] == [
        "thứ Hai 23/11/2026; đếm 1 giờ (16:00–17:00), cộng dồn 1 giờ",
        "thứ Ba 24/11/2026; không đếm: Ngày Văn hóa Việt Nam",
        "thứ Tư 25/11/2026; đếm 7 giờ (07:00–11:30, 13:30–16:00), cộng dồn 8 giờ; hết hạn lúc 16:00",
    ]
    paused = deadline(
        OFFICES, ms("2026-01-09T19:00"), HOUR, [(ms("2026-01-10T07:30"), ms("2026-01-10T08:00"))]
    )
    assert [step.note for step in paused.steps] == [
        "thứ Sáu 09/01/2026; không đếm: ngoài giờ làm việc hoặc đang tạm dừng",
        "thứ Bảy 10/01/2026; ngày làm bù; đếm 1 giờ (07:00–07:30, 08:00–08:30), cộng dồn 1 giờ;"
        " tạm dừng 07:30–08:00; hết hạn lúc 08:30",
    ]


def test_unconfirmed_years_are_named() -> None:
    assert deadline(OFFICES, ms("2026-11-23T16:00"), 8 * HOUR).unconfirmed_years == ()
    assert deadline(OFFICES, ms("2026-12-30T08:00"), 48 * HOUR).unconfirmed_years == (2027,)
    assert deadline(OFFICES, ms("2027-12-30T08:00"), 48 * HOUR).unconfirmed_years == (2027, 2028)


@pytest.mark.parametrize(
    ("work", "pauses"), [(0, []), (-1, []), (HOUR, [(ms("2026-11-25T09:00"), ms("2026-11-25T08:00"))])]
)
def test_what_cannot_be_counted_is_refused(work: int, pauses: list[Pause]) -> None:
    with pytest.raises(ValueError, match=r"."):
        deadline(OFFICES, ms("2026-11-25T08:00"), work, pauses)


def test_the_next_opening() -> None:
    for at, opens in [
        ("2026-11-23T08:00", "2026-11-23T08:00:00"),
        ("2026-11-23T11:30", "2026-11-23T13:30:00"),
        ("2026-11-23T17:00", "2026-11-25T07:00:00"),
    ]:
        assert text(next_opening(OFFICES, ms(at))) == opens


def test_spoken_durations() -> None:
    assert [spoken(n) for n in (0, 90_000, 8 * HOUR)] == ["0 phút", "1 phút 30 giây", "8 giờ"]


# ---- beside the oracle ------------------------------------------------------------------------------


@st.composite
def shifts(draw: st.DrawFn) -> tuple[tuple[dt.time, dt.time], ...]:
    ends = sorted(draw(st.sets(st.integers(0, 24 * 60 - 1), min_size=2, max_size=6)))
    pairs = list(zip(ends[::2], ends[1::2], strict=False))
    return tuple((dt.time(a // 60, a % 60), dt.time(b // 60, b % 60)) for a, b in pairs)


days_of_window = st.sets(st.integers(0, WINDOW), max_size=3)
some_calendars = st.builds(
    lambda days, shifts, off, made_up: Calendar(
        "random",
        frozenset(days),
        shifts,
        {2026: Year({FIRST + dt.timedelta(n): "nghỉ" for n in off - made_up},
                    frozenset(FIRST + dt.timedelta(n) for n in made_up), confirmed=True)},
    ),
    st.sets(st.integers(1, 7), min_size=1),
    shifts(),
    days_of_window,
    days_of_window,
)  # fmt: skip
minutes = st.integers(0, 4 * 24 * 60)
some_pauses = st.lists(
    st.builds(
        lambda start, length: (start, None if length is None else start + length),
        minutes,
        st.none() | st.integers(0, 600) | st.integers(0, 600) | st.integers(0, 600),
    ),
    max_size=5,
)


@EXAMPLES
@given(some_calendars, minutes, st.integers(1, 12 * 60), some_pauses)
@example(OFFICES, 7 * 60, 8 * 60, [])
def test_deadlines_are_the_oracles(
    calendar: Calendar, received: int, work: int, pauses: list[tuple[int, int | None]]
) -> None:
    base = ms(FIRST.isoformat())

    def at(minute: int) -> int:
        return base + minute * MINUTE

    expected = walked(working_minutes(calendar), received, work, pauses)
    stops = [(at(start), None if end is None else at(end)) for start, end in pauses]
    found = deadline(calendar, at(received), work * MINUTE, stops)
    if expected is not None:
        assert found.due == at(expected)
        assert found.steps[-1].total_ms == work * MINUTE == sum(step.counted_ms for step in found.steps)
    else:
        assert found.due is None or found.due > at(WINDOW * 24 * 60) - 1
    assert deadline(calendar, at(received), work * MINUTE, stops[::-1]) == found, "the order is no matter"
    assert deadline(calendar, at(received), work * MINUTE, stops + stops[:1]).due == found.due, (
        "twice is once"
    )
