"""The forms of a ticket: how each is called, and the act that was filled in."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, cast

from multidict import MultiMapping
from pydantic import ValidationError

from handoff import acts
from handoff.casework import ANSWER
from handoff.lifecycle import Refused
from handoff.tickets import SUMMARY_LENGTH, closed_text
from hub.model import Attachment, Place, Priority, Ticket

MAX_TEXT: Final = 4000
MAX_NOTE: Final = 1000
PRIORITIES: Final[tuple[Priority, ...]] = ("low", "normal", "high", "urgent")

EMPTY: Final = "Vui lòng nhập nội dung."
TOO_LONG: Final = "Nội dung dài quá {limit} ký tự."
NO_REASON: Final = "Vui lòng ghi lý do."
NO_AGENCY: Final = "Vui lòng chọn cơ quan."
NO_OPERATOR: Final = "Vui lòng chọn tổng đài viên."
NO_TICKET: Final = "Vui lòng chọn phiếu."
BAD_PLACE: Final = "Tọa độ gồm vĩ độ từ -90 đến 90 và kinh độ từ -180 đến 180."
NOTHING_WAITS: Final = "Không có nội dung nào của cơ quan chờ duyệt."
OLD: Final = "Trang đã cũ. Vui lòng tải lại."


@dataclass(frozen=True)
class Form:
    title: str
    button: str
    template: str = "text"
    lead: str = ""
    label: str = ""
    required: bool = False
    tells: bool = False  # something goes to the citizen


FORMS: Final[dict[str, Form]] = {
    "assign": Form("Giao phiếu", "Giao", "assign"),
    "release": Form("Trả phiếu về hàng chờ", "Trả về hàng chờ", "handed_on", lead="Phiếu không còn ai phụ trách; hệ thống sẽ giao cho người khác đang trực."),
    "classify": Form("Phân loại", "Lưu", "classify"),
    "forward": Form("Chuyển cơ quan giải quyết", "Chuyển", "forward"),
    "review": Form("Duyệt nội dung của cơ quan", "Gửi cho người dân", "review", tells=True),
    "ask": Form(
        "Hỏi thêm người dân", "Gửi câu hỏi", label="Cần người dân cho biết thêm", required=True, tells=True,
        lead="Câu hỏi được gửi ngay trên kênh người dân đang dùng. Đồng hồ tạm dừng cho đến khi họ trả lời.",
    ),
    "answer": Form(
        "Trả lời người dân", "Gửi trả lời", label="Nội dung trả lời", required=True, tells=True,
        lead="Được gửi ngay trên kênh người dân đang dùng, kèm mã phiếu.",
    ),
    "close": Form("Đóng phiếu", "Đóng phiếu", "close", tells=True),
    "spam": Form("Đánh dấu tin rác", "Đánh dấu tin rác", lead="Phiếu được đóng, không báo cho người gửi. Dùng khi nội dung là quảng cáo, quấy rối hoặc vô nghĩa."),
    "reopen": Form(
        "Mở lại phiếu", "Mở lại", label="Lý do", required=True, tells=True,
        lead="Đồng hồ trả lời người dân chạy tiếp từ lần tiếp nhận đầu, không tính lại từ đầu. Người dân được báo.",
    ),
    "split": Form("Tách việc thứ hai thành phiếu mới", "Tách phiếu", "split", tells=True),
    "merge": Form("Gộp phiếu", "Gộp", "merge"),
    "unmerge": Form("Tách khỏi phiếu chính", "Tách ra", lead="Phiếu đứng riêng trở lại và phải được giải quyết riêng."),
    "link": Form("Liên kết phiếu", "Liên kết", "link"),
    "unlink": Form("Bỏ liên kết", "Bỏ liên kết", "unlink"),
    "note": Form("Ghi chú vào phiếu", "Lưu ghi chú", label="Ghi chú, chỉ đồng nghiệp thấy", required=True),
    "remind": Form("Gửi lại thư cho cơ quan", "Gửi lại", lead="Cơ quan nhận thư nhắc kèm liên kết tới phiếu này."),
    "revoke": Form("Thu hồi liên kết", "Thu hồi", lead="Mọi liên kết đã gửi cơ quan cho phiếu này hết hiệu lực ngay. Muốn gửi lại, bấm “Gửi lại thư” hoặc chép liên kết mới."),
}  # fmt: skip

Filled = MultiMapping[object]


@dataclass(frozen=True)
class Wish:
    """The act, and what the citizen is told with it."""

    act: acts.Act
    text: str | None = None
    files: tuple[Attachment, ...] = ()


def read(name: str, form: Filled, ticket: Ticket) -> Wish:
    """What was filled in. Raises ``Refused`` with what is missing."""
    return _READERS[name](form, ticket)


def text_of(form: Filled, name: str, *, limit: int = MAX_TEXT, missing: str | None = None) -> str:
    """A text field. Raises ``Refused`` if it is too long, or empty where ``missing`` says so."""
    value = form.get(name, "")
    text = value.replace("\r\n", "\n").strip() if isinstance(value, str) else ""
    if missing and not text:
        raise Refused("empty", missing)
    if len(text) > limit:
        raise Refused("too_long", TOO_LONG.format(limit=limit))
    return text


def several(form: Filled, name: str) -> tuple[str, ...]:
    return tuple(value for value in form.getall(name, []) if isinstance(value, str) and value)


def _assign(form: Filled, ticket: Ticket) -> Wish:
    free = form.get("free") == "yes"
    return Wish(acts.Assign(operator=text_of(form, "operator", missing=NO_OPERATOR), only_if_free=free))


def _classify(form: Filled, ticket: Ticket) -> Wish:
    hours = text_of(form, "hours")
    priority = text_of(form, "priority")
    summary = text_of(form, "summary", limit=SUMMARY_LENGTH)
    act = acts.Classify(
        category=text_of(form, "category") or None,
        commune=text_of(form, "commune") or None,
        priority=priority if priority in PRIORITIES else None,
        sensitive=form.get("sensitive") == "yes",
        hours=cast("Literal[8, 48]", int(hours)) if hours in ("8", "48") else None,
        about=text_of(form, "about") or None,
        summary=summary if summary and summary != ticket.summary else None,
        place=_place(form),
        messages=_messages(form, ticket),
    )
    if act.category != ticket.category and act.hours == ticket.hours:
        act = act.model_copy(update={"hours": None})  # left as it was: the new category's are promised
    if act.category != ticket.category and act.priority == ticket.priority:
        act = act.model_copy(update={"priority": None})
    return Wish(act)


def _messages(form: Filled, ticket: Ticket) -> tuple[str, ...] | None:
    """Which messages' attachments belong to the ticket, of those that the form showed."""
    shown = several(form, "shown")
    if not shown:
        return None
    chosen = set(several(form, "message"))
    kept = [one for one in ticket.messages if one not in shown or one in chosen]
    return tuple(dict.fromkeys([*kept, *(one for one in shown if one in chosen)]))


def _place(form: Filled) -> Place | None:
    words = text_of(form, "place", limit=300) or None
    lat, lon = text_of(form, "lat").replace(",", "."), text_of(form, "lon").replace(",", ".")
    if not lat and not lon:
        return Place(text=words) if words else None
    try:
        place = Place(text=words, lat=float(lat), lon=float(lon))
    except (ValueError, ValidationError):
        raise Refused("place", BAD_PLACE) from None
    if not (-90 <= (place.lat or 0) <= 90 and -180 <= (place.lon or 0) <= 180):
        raise Refused("place", BAD_PLACE)
    return place


def _forward(form: Filled, ticket: Ticket) -> Wish:
    note = text_of(form, "note", limit=MAX_NOTE)
    agency = text_of(form, "agency", missing=NO_AGENCY)
    return Wish(acts.Forward(agency=agency, note=note or None, contact=form.get("contact") == "yes"))


def _review(form: Filled, ticket: Ticket) -> Wish:
    proposal = ticket.proposal
    if proposal is None:
        raise Refused("state", NOTHING_WAITS)
    if form.get("decision") == "decline":
        return Wish(acts.Decline(reason=text_of(form, "reason", limit=MAX_NOTE, missing=NO_REASON)))
    text = text_of(form, "text", missing=EMPTY)
    if proposal.kind == "question":
        return Wish(acts.Ask(), text, proposal.attachments)
    return Wish(acts.Answer(), ANSWER.format(code=ticket.code, text=text), proposal.attachments)


def _answer(form: Filled, ticket: Ticket) -> Wish:
    text = text_of(form, "text", missing=EMPTY)
    return Wish(acts.Answer(), ANSWER.format(code=ticket.code, text=text))


def _close(form: Filled, ticket: Ticket) -> Wish:
    solution = text_of(form, "text") or None
    told = closed_text(ticket, solution) if form.get("tell") == "yes" else None
    return Wish(acts.Close(solution=solution), told)


def _unlink(form: Filled, ticket: Ticket) -> Wish:
    return Wish(acts.Unlink(ticket=text_of(form, "other", missing=NO_TICKET)))


def _link(form: Filled, ticket: Ticket) -> Wish:
    """``other`` is an id by now: see ``console_cases``."""
    duplicate = form.get("duplicate") == "yes"
    return Wish(acts.Link(ticket=text_of(form, "other", missing=NO_TICKET), duplicate=duplicate))


_READERS: Final[dict[str, Callable[[Filled, Ticket], Wish]]] = {
    "assign": _assign,
    "release": lambda form, ticket: Wish(acts.Release()),
    "classify": _classify,
    "forward": _forward,
    "review": _review,
    "ask": lambda form, ticket: Wish(acts.Ask(), text_of(form, "text", missing=EMPTY)),
    "answer": _answer,
    "close": _close,
    "spam": lambda form, ticket: Wish(acts.Spam()),
    "reopen": lambda form, ticket: Wish(
        acts.Reopen(reason=text_of(form, "text", limit=MAX_NOTE, missing=NO_REASON))
    ),
    "unmerge": lambda form, ticket: Wish(acts.Unmerge()),
    "link": _link,
    "unlink": _unlink,
    "remind": lambda form, ticket: Wish(acts.Remind()),
    "revoke": lambda form, ticket: Wish(acts.Revoke()),
    "note": lambda form, ticket: Wish(acts.Note(text=text_of(form, "text", limit=MAX_NOTE, missing=EMPTY))),
}
