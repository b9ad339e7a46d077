"""What Graph tells with every answer about the calls that are left."""

import json
from collections.abc import Mapping
from typing import Any

from connectors.facebook_errors import WAIT_S
from connectors.values import a_list, an_object

APP_USAGE, PAGE_USAGE = "X-App-Usage", "X-Business-Use-Case-Usage"
SHARES = ("call_count", "total_time", "total_cputime")  # per cent of what is allowed
FULL = 100


def asked_rest_s(headers: Mapping[str, str]) -> float | None:
    """How long there should be no calls; None: go on."""
    rests = [WAIT_S] if _full(_read(headers.get(APP_USAGE, ""))) else []
    for uses in _read(headers.get(PAGE_USAGE, "")).values():
        for use in map(an_object, a_list(uses)):
            minutes = use.get("estimated_time_to_regain_access")
            if isinstance(minutes, int | float) and minutes > 0:
                rests.append(minutes * 60.0)
            elif _full(use):
                rests.append(WAIT_S)
    return max(rests, default=None)


def _full(usage: dict[str, Any]) -> bool:
    shares = (usage.get(name) for name in SHARES)
    return any(isinstance(share, int | float) and share >= FULL for share in shares)


def _read(text: str) -> dict[str, Any]:
    try:
        return an_object(json.loads(text))
    except (ValueError, RecursionError):
        return {}
