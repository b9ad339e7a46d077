"""Which days and hours count."""

import datetime as dt
from typing import Any

import pytest

from handoff.calendar import Calendar, calendars, not_quiet, product_calendar, quiet_hours
from hub.clock import VIETNAM
from hub.errors import DataError

OFFICES = calendars(product_calendar())["offices"]


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def data(**changes: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "working_hours": {"offices": {"days": [1, 2, 3, 4, 5], "morning": ["07:00", "11:30"]}},
        "holidays": [{"date": "2026-01-01", "name": "Tết Dương lịch", "status": "confirmed"}],
        "makeup_workdays": [],
    }
    return base | changes


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("2026-11-23", None),
        ("2026-11-24", "Ngày Văn hóa Việt Nam"),
        ("2026-11-28", "nghỉ cuối tuần"),
        ("2026-01-02", "Nghỉ hoán đổi"),
        ("2026-01-10", None),
        ("2026-02-18", "Tết Nguyên đán Bính Ngọ"),
    ],
)
def test_days_off_and_swapped_days(text: str, why: str | None) -> None:
    assert OFFICES.closed_because(day(text)) == why


def test_a_working_day_has_its_two_shifts() -> None:
    (morning, afternoon) = OFFICES.spans(day("2026-11-23"))
    assert (morning[1] - morning[0]) + (afternoon[1] - afternoon[0]) == 8 * 3_600_000
    assert dt.datetime.fromtimestamp(morning[0] / 1000, dt.UTC).hour == 0, "07:00 in Vietnam is midnight UTC"


def test_hours_that_nobody_knows_make_no_calendar() -> None:
    assert set(calendars(product_calendar())) == {"offices"}


def test_a_year_that_is_not_listed_is_computed_and_unconfirmed() -> None:
    assert OFFICES.closed_because(day("2024-02-12")) is not None, "Tết by the lunar calendar"
    assert OFFICES.closed_because(day("2024-05-04")) is None, "a make-up Saturday the library knows"
    assert OFFICES.closed_because(day("2024-05-11")) == "nghỉ cuối tuần"
    assert OFFICES.unconfirmed(2024, 2028) == (2024, 2027, 2028), "2027 is listed, but only projected"


def test_a_makeup_day_of_the_next_year_counts_although_that_year_is_not_listed() -> None:
    made_up = data(makeup_workdays=[{"date": "2027-01-09", "status": "confirmed"}])
    offices = calendars(made_up)["offices"]
    assert offices.closed_because(day("2027-01-09")) is None
    assert offices.closed_because(day("2027-01-01")) is not None
    assert offices.unconfirmed(2026, 2027) == (2027,)


def test_unquoted_times_are_read_as_they_were_meant() -> None:
    hours = {"x": {"days": [1], "morning": [420, 690]}}  # YAML's reading of 7:00 and 11:30
    assert calendars(data(working_hours=hours))["x"].shifts == ((dt.time(7), dt.time(11, 30)),)


@pytest.mark.parametrize(
    "broken",
    [
        {},
        [],
        data(holidays=[{"date": "31/12"}]),
        data(working_hours={"x": {"days": [9], "morning": ["07:00", "11:30"]}}),
        data(working_hours={"x": {"days": [1], "morning": ["07:00", "11:30"], "afternoon": ["11:00", "12:00"]}}),
        data(working_hours={"x": {"days": [1], "morning": ["11:00", "07:00"]}}),
        data(makeup_workdays=[{"date": "2026-01-01", "status": "confirmed"}]),
    ],
)  # fmt: skip
def test_a_broken_calendar_is_refused(broken: Any) -> None:
    with pytest.raises(DataError):
        calendars(broken)


def test_a_calendar_needs_hours() -> None:
    with pytest.raises(DataError):
        Calendar("empty", frozenset({1}), ())


@pytest.mark.parametrize(
    ("quiet", "at", "first"),
    [
        (("21:00", "06:00"), "2026-11-25T20:59", "2026-11-25T20:59"),
        (("21:00", "06:00"), "2026-11-25T21:00", "2026-11-26T06:00"),
        (("21:00", "06:00"), "2026-11-26T05:59", "2026-11-26T06:00"),
        (("21:00", "06:00"), "2026-11-26T06:00", "2026-11-26T06:00"),
        (("12:00", "13:00"), "2026-11-26T12:30", "2026-11-26T13:00"),
        (("12:00", "13:00"), "2026-11-26T22:00", "2026-11-26T22:00"),
    ],
)
def test_quiet_hours_may_go_over_midnight(quiet: tuple[str, str], at: str, first: str) -> None:
    hours = quiet_hours({"quiet_hours": list(quiet)})
    moment, expected = (
        int(dt.datetime.fromisoformat(one).replace(tzinfo=VIETNAM).timestamp() * 1000) for one in (at, first)
    )
    assert not_quiet(hours, moment) == expected


def test_broken_quiet_hours_are_refused() -> None:
    with pytest.raises(DataError):
        quiet_hours({"quiet_hours": "đêm"})
