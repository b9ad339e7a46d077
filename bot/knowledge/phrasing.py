"""Money, durations, dates and names as Vietnamese says them."""

import re

from bot.knowledge.schema import Fee, Procedure, ProcessingTime

UNITS = {"working_day": "ngày làm việc", "day": "ngày", "hour": "giờ", "working_hour": "giờ làm việc"}
_DAY = re.compile(r"(?<![\d/-])(20\d\d)-(0[1-9]|1[0-2])-([0-2]\d|3[01])(?![\d-])")
_MONTH = re.compile(r"(?<![\d/-])(20\d\d)-(0[1-9]|1[0-2])(?![\d-])")


def money(vnd: int) -> str:
    """``10.000 đồng``; nothing to pay is ``miễn phí``."""
    return f"{vnd:,} đồng".replace(",", ".") if vnd else "miễn phí"


def when(date: str) -> str:
    """``2026-07-18`` → ``ngày 18/07/2026``, ``2026-07`` → ``tháng 07/2026``, ``2025`` → ``năm 2025``."""
    parts = date.split("-")
    return f"{('năm', 'tháng', 'ngày')[len(parts) - 1]} {'/'.join(reversed(parts))}"


def dates_in_words(text: str) -> str:
    """ISO dates inside a text as they are written in Vietnam."""
    return _MONTH.sub(r"\2/\1", _DAY.sub(r"\3/\2/\1", text))


def _number(value: float) -> str:
    return f"{value:g}".replace(".", ",")


def duration(time: ProcessingTime) -> list[str]:
    if time.unit == "immediate":
        lines = ["• Giải quyết ngay khi nhận hồ sơ"]
    else:
        unit = UNITS[time.unit]
        longest = f", tối đa {_number(time.max)} {unit}" if time.max and time.max != time.value else ""
        lines = [f"• {_number(time.value)} {unit}{longest}"]
    return [*lines, f"• Lưu ý: {time.note}"] if time.note else lines


def money_summary(fee: Fee) -> str:
    return dates_in_words(fee.summary)


def fees(fee: Fee) -> list[str]:
    lines = [f"• {item.label}: {money(item.vnd)}" for item in fee.items] or [f"• {fee.summary}"]
    return [*lines, f"• Lưu ý: {fee.note}"] if fee.note else lines


def short_name(procedure: Procedure) -> str:
    name = re.sub(r"^Thủ tục\s+", "", procedure.name)
    return name[0].upper() + name[1:]


def lower_first(text: str) -> str:
    """Lower case at the start, unless the first word is an abbreviation."""
    return text if text[:2].isupper() else text[0].lower() + text[1:]
