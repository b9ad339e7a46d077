"""Reading what platforms send, whatever it really is: ids are strings, texts can be written, times lie in this era."""

import math
from typing import Any

LATEST_MS = 253_402_300_799_999  # 9999-12-31


def an_object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def a_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def an_id(value: Any) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return a_text(value)


def a_text(value: Any) -> str | None:
    return clean(value) or None if isinstance(value, str) else None


def clean(text: str) -> str:
    """JSON may carry half of a surrogate pair, which nothing that writes UTF-8 can keep."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def strings(found: dict[str, Any]) -> dict[str, str]:
    pairs = ((key, an_id(value)) for key, value in found.items())
    return {clean(key): value for key, value in pairs if value is not None}


def a_moment(value: Any, *, unit_ms: int = 1) -> int | None:
    """Epoch ms of a stamp that counts in ``unit_ms``."""
    stamp = an_id(value)
    if stamp is None or not (stamp.isascii() and stamp.isdecimal()) or len(stamp) > 15:
        return None
    moment = int(stamp) * unit_ms
    return moment if 0 < moment <= LATEST_MS else None


def degrees(value: Any, limit: int) -> float | None:
    """A latitude or longitude."""
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return found if math.isfinite(found) and abs(found) <= limit else None
