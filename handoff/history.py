"""A ticket's history as sentences for the people who work on it. Pure: whoever shows it says how things are called."""

from collections.abc import Callable
from typing import Any, Final, Protocol

from handoff.duty import spoken_time
from hub.model import Priority, Ticket, TicketEvent, TicketState, Value

PRIORITY_WORDS: Final[dict[Priority, str]] = {
    "low": "thấp",
    "normal": "bình thường",
    "high": "cao",
    "urgent": "khẩn",
}


class Names(Protocol):
    """How ids are called."""

    def person(self, actor: str) -> str:
        """Of a staff id, ``agency:<id>``, ``bot``, ``system`` or ``citizen``."""
        ...

    def agency(self, id_: str) -> str: ...
    def category(self, id_: str) -> str: ...
    def commune(self, id_: str) -> str: ...
    def ticket(self, id_: str) -> str: ...


class Line(Value):
    """One event: ``who`` did ``what``; ``note`` is what they wrote; ``extra`` what followed from it."""

    at: int
    who: str
    what: str
    note: str | None = None
    extra: tuple[str, ...] = ()
    state: TicketState


def told(ticket: Ticket, names: Names) -> list[Line]:
    """In the order in which it happened."""
    return [_line(event, names) for event in ticket.history]


def _line(event: TicketEvent, names: Names) -> Line:
    shape = _SENTENCES.get(event.action or "")
    what, note = shape(event, names) if shape else _plain(event)
    extra = tuple(_followed(event))
    return Line(
        at=event.at, who=names.person(event.actor), what=what, note=note, extra=extra, state=event.state
    )


Sentence = Callable[[TicketEvent, Names], tuple[str, str | None]]


def _says(what: str) -> Sentence:
    return lambda event, _: (what, event.note)


def _opened(event: TicketEvent, names: Names) -> tuple[str, str | None]:
    return f"mở phiếu ({event.note})" if event.note else "mở phiếu", None


def _assigned(event: TicketEvent, names: Names) -> tuple[str, str | None]:
    before, after = event.changes.get("operator", (None, None))
    if after is None:
        return "giao phiếu", event.note
    if after == event.actor:
        whose = f", thay {names.person(before)}" if before else ""
        return f"nhận phiếu{whose}", event.note
    whose = f" (trước đó: {names.person(before)})" if before else ""
    return f"giao phiếu cho {names.person(after)}{whose}", event.note


def _classified(event: TicketEvent, names: Names) -> tuple[str, str | None]:
    changed = [_CHANGED[field](*pair, names) for field, pair in event.changes.items() if field in _CHANGED]
    return "; ".join(changed) or "cập nhật phiếu", event.note


def _forwarded(event: TicketEvent, names: Names) -> tuple[str, str | None]:
    agency = event.changes.get("agency", (None, None))[1]
    what = f"chuyển phiếu cho {names.agency(agency)}" if agency else "chuyển lại cho cơ quan"
    if event.changes.get("contact_shown") == (False, True):
        what += ", kèm tên và cách liên lạc của người dân"
    return what, event.note


def _other(what: str, field: str) -> Sentence:
    """What names another ticket in one of its fields."""

    def sentence(event: TicketEvent, names: Names) -> tuple[str, str | None]:
        before, after = event.changes.get(field, (None, None))
        before, after = _ids(before), _ids(after)
        codes = ", ".join(names.ticket(one) for one in sorted(after ^ before))
        return f"{what} {codes}".rstrip(), event.note

    return sentence


def _linked(event: TicketEvent, names: Names) -> tuple[str, str | None]:
    if "duplicate_of" in event.changes:
        return _other("đánh dấu có thể trùng với", "duplicate_of")(event, names)
    return _other("liên kết với", "related")(event, names)


def _unlinked(event: TicketEvent, names: Names) -> tuple[str, str | None]:
    field = "duplicate_of" if "duplicate_of" in event.changes else "related"
    return _other("bỏ liên kết với", field)(event, names)


def _ids(value: Any) -> set[str]:
    return {value} if isinstance(value, str) else set(value or ())


_SENTENCES: Final[dict[str, Sentence]] = {
    "open": _opened,
    "split": _says("tách thành phiếu mới"),
    "note": _says("ghi chú"),
    "assign": _assigned,
    "release": _says("trả phiếu về hàng chờ"),
    "classify": _classified,
    "forward": _forwarded,
    "accept": lambda event, _: ("tiếp nhận phiếu", None),
    "agency_answer": _says("gửi nội dung trả lời"),
    "agency_ask": _says("đề nghị hỏi thêm người dân"),
    "return": _says("trả lại phiếu"),
    "decline": _says("không duyệt nội dung của cơ quan"),
    "ask": _says("hỏi thêm người dân, đồng hồ tạm dừng"),
    "heard": _says("đã bổ sung thông tin, đồng hồ chạy tiếp"),
    "answer": _says("trả lời người dân"),
    "close": _says("đóng phiếu"),
    "reopen": _says("mở lại phiếu"),
    "spam": _says("đánh dấu tin rác"),
    "merge": _other("gộp vào phiếu", "merged_into"),
    "unmerge": _other("tách khỏi phiếu", "merged_into"),
    "link": _linked,
    "unlink": _unlinked,
    "warn": lambda event, _: (f"nhắc hạn: {event.note}" if event.note else "nhắc hạn", None),
    "recount": _says("tính lại hạn theo lịch làm việc mới"),
    "revoke": _says("thu hồi liên kết đã gửi cơ quan"),
    "remind": _says("gửi lại thông báo cho cơ quan"),
    "erase": _says("xóa dữ liệu cá nhân theo yêu cầu"),
}


def _plain(event: TicketEvent) -> tuple[str, str | None]:
    """Of older hubs: only a state and a note."""
    return event.note or "cập nhật phiếu", None


def _named(what: str, called: Callable[[Names], Callable[[str], str]]) -> Callable[[Any, Any, Names], str]:
    def changed(before: Any, after: Any, names: Names) -> str:
        if after is None:
            return f"bỏ {what}"
        if before is None:
            return f"ghi {what}: {called(names)(after)}"
        return f"đổi {what} từ “{called(names)(before)}” thành “{called(names)(after)}”"

    return changed


def _always(what: str) -> Callable[[Any, Any, Names], str]:
    return lambda before, after, names: what


_CHANGED: Final[dict[str, Callable[[Any, Any, Names], str]]] = {
    "category": _named("lĩnh vực", lambda names: names.category),
    "commune": _named("xã, phường", lambda names: names.commune),
    "about": _named("cơ quan bị phản ánh", lambda names: names.agency),
    "priority": lambda before, after, names: (
        f"đổi mức ưu tiên từ {PRIORITY_WORDS[before]} thành {PRIORITY_WORDS[after]}"
    ),
    "sensitive": lambda before, after, names: "đánh dấu nhạy cảm" if after else "bỏ đánh dấu nhạy cảm",
    "hours": lambda before, after, names: f"đặt thời hạn {after} giờ làm việc",
    "summary": _always("sửa nội dung"),
    "place": _always("sửa địa điểm"),
    "messages": _always("chọn lại tệp đính kèm"),
}

_DUE: Final = {"due_at": "Hạn trả lời người dân", "agency_due_at": "Hạn của cơ quan"}


def _followed(event: TicketEvent) -> list[str]:
    """What became of the deadlines. Where a clock stands still there is none."""
    lines = []
    for field, words in _DUE.items():
        if (moved := event.changes.get(field)) and moved[1] is not None:
            lines.append(f"{words}: {spoken_time(moved[1])}.")
    return lines
