"""``hub deadline``: times in words to a deadline and its explanation, and back to words."""

import datetime as dt
import json
import math
from collections.abc import Iterable, Iterator
from typing import Any, Final

from handoff.calendar import Calendar
from handoff.deadline import HOUR_MS, Deadline, Pause, Step, deadline, spoken
from hub.clock import VIETNAM, local
from hub.errors import AlienPayload

MOST_HOURS: Final = 100_000
OPEN_ENDS: Final = ("", "..")


def asked(received: str, hours: float, paused: Iterable[str]) -> dict[str, Any]:
    """The arguments of the command as one line would have them; an open pause is ``ISO/`` or ``ISO/..``."""
    pauses = []
    for pause in paused:
        start, slash, end = pause.partition("/")
        if not slash:
            raise AlienPayload(f"--paused {pause}: must be ISO/ISO, or ISO/ while it is open")
        pauses.append([start, None if end in OPEN_ENDS else end])
    return {"received": received, "hours": hours, "paused": pauses}


def read_lines(lines: Iterable[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    """The objects asked about, with their line numbers. Raises ``AlienPayload`` for a line that is none."""
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            item = json.loads(line)
        except ValueError:
            item = None
        if not isinstance(item, dict) or "id" not in item:
            raise AlienPayload(f'line {number} must be a JSON object with "id", "received" and "hours"')
        yield number, item


def explained(calendar: Calendar, item: dict[str, Any], where: str) -> Deadline:
    """The deadline of one item. Raises ``AlienPayload``, which names ``where`` it stood."""
    try:
        hours = item.get("hours")
        if isinstance(hours, bool) or not isinstance(hours, int | float) or not 0 < hours <= MOST_HOURS:
            raise ValueError(f'"hours" must be a number above 0, at most {MOST_HOURS}')
        pauses = item.get("paused") or []
        if not isinstance(pauses, list):
            raise ValueError('"paused" must be a list of [from, to]')  # noqa: TRY004
        received = _moment(item.get("received"), "received")
        return deadline(calendar, received, round(hours * HOUR_MS), [_pause(pause) for pause in pauses])
    except (ValueError, OverflowError, OSError) as error:
        raise AlienPayload(f"{where}: {error}") from None


def as_json(found: Deadline) -> dict[str, Any]:
    return {
        "due": _iso(found.due),
        "steps": [_step(step) for step in found.steps],
        "unconfirmed_years": list(found.unconfirmed_years),
    }


def as_text(found: Deadline) -> Iterator[str]:
    yield from (step.note for step in found.steps)
    yield f"Hạn: {_iso(found.due) or 'chưa có, đồng hồ đang dừng'}"
    if found.unconfirmed_years:
        years = ", ".join(map(str, found.unconfirmed_years))
        yield f"Lịch nghỉ năm {years} chưa được xác nhận: hạn có thể thay đổi."


def _pause(value: Any) -> Pause:
    if not isinstance(value, list) or len(value) != 2:
        raise ValueError('"paused" must be a list of [from, to]')
    start, end = value
    return _moment(start, "paused"), None if end is None else _moment(end, "paused")


def _moment(value: Any, name: str) -> int:
    """Epoch ms of an ISO time; without an offset it is Vietnam's."""
    if not isinstance(value, str):
        raise ValueError(f'"{name}" must be an ISO time')  # noqa: TRY004 - one kind of error for bad input
    try:
        moment = dt.datetime.fromisoformat(value.strip())
    except ValueError:
        raise ValueError(f'"{name}": {value[:40]!r} is no ISO time') from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=VIETNAM)
    return round(moment.timestamp() * 1000)


def _iso(at: int | None) -> str | None:
    """To the second; a fraction is rounded up, because before that the hours have not been counted yet."""
    return local(math.ceil(at / 1000) * 1000).isoformat(timespec="seconds") if at is not None else None


def _step(step: Step) -> dict[str, Any]:
    return {
        "date": step.date,
        "spans": [[_iso(start), _iso(end)] for start, end in step.spans],
        "counted": spoken(step.counted_ms),
        "counted_s": step.counted_ms // 1000,
        "total_s": step.total_ms // 1000,
        "note": step.note,
    }
