"""Time: UTC epoch milliseconds inside, Asia/Ho_Chi_Minh at the edges. The clock is injected, never imported."""

import time
from datetime import UTC, datetime
from typing import Protocol
from zoneinfo import ZoneInfo

VIETNAM = ZoneInfo("Asia/Ho_Chi_Minh")


class Clock(Protocol):
    def now(self) -> int:
        """Now, as UTC epoch milliseconds."""
        ...


class SystemClock:
    def now(self) -> int:
        return time.time_ns() // 1_000_000


def local(at_ms: int) -> datetime:
    """The same instant as an aware datetime in Vietnam."""
    return datetime.fromtimestamp(at_ms / 1000, VIETNAM)


def iso_utc(at_ms: int) -> str:
    """RFC 3339 in UTC with milliseconds: ``2026-11-23T02:00:00.000Z``."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def local_day(at_ms: int) -> str:
    """The calendar day in Vietnam, ``YYYY-MM-DD``: what reports and the books count by."""
    return local(at_ms).date().isoformat()
