"""Tickets: how they are numbered, opened, and told to the citizen. Rules only; the store keeps them."""

import secrets
from collections.abc import Sequence
from typing import Literal

from handoff.lifecycle import deadlines
from handoff.rules import Rules, product
from hub.clock import local
from hub.model import (
    Conversation,
    Message,
    Owner,
    Place,
    Ticket,
    TicketChange,
    TicketEvent,
    TicketReason,
    TicketState,
    derived_id,
)
from hub.ports import TicketWish

#: No 0/O, 1/I/L, 2/Z, 5/S, 8/B: the key is read from a screen and dictated over the phone.
KEY_LETTERS = "ACDEFGHJKMNPQRTUVWXY34679"
KEY_LENGTH = 6
SUMMARY_LENGTH = 300

STATE_WORDS: dict[TicketState, str] = {
    "new": "đã tiếp nhận, đang chờ tổng đài viên xử lý",
    "assigned": "tổng đài viên đang xử lý",
    "forwarded": "đã chuyển cơ quan có trách nhiệm giải quyết",
    "answered": "đã trả lời",
    "closed": "đã hoàn tất",
    "waiting_citizen": "đang chờ anh/chị bổ sung thông tin",
    "returned": "đang được chuyển lại đúng cơ quan giải quyết",
    "reopened": "đã mở lại, đang xử lý",
    "spam": "đã đóng",
}

REASON_WORDS: dict[TicketReason, str] = {
    "asked_for_person": "Người dân muốn gặp tổng đài viên",
    "bot_failed": "Bot không trả lời được",
    "unanswerable": "Câu hỏi ngoài dữ liệu",
    "report": "Phản ánh, kiến nghị",
    "complaint": "Khiếu nại về cán bộ, cơ quan",
    "emergency": "Khẩn cấp",
    "send_failed": "Tin trả lời chưa tới người dân",
    "operator": "Tổng đài viên lập",
}

#: After these the bot goes on answering other questions while the ticket waits; after all others a person has the
#: conversation and the bot is silent.
BOT_STAYS: frozenset[TicketReason] = frozenset({"report", "complaint", "unanswerable"})


def ticket_code(year: int, number: int) -> str:
    return f"1022-{year}-{number:06d}"


def new_lookup_key() -> str:
    return "".join(secrets.choice(KEY_LETTERS) for _ in range(KEY_LENGTH))


def ticket_year(at: int) -> int:
    """The year a ticket opened at ``at`` is numbered in: Vietnam's, not UTC's."""
    return local(at).year


def open_ticket(
    wish: TicketWish,
    conversation: Conversation,
    *,
    turn: str,
    number: int,
    at: int,
    actor: Literal["bot", "system", "operator"],
    about: Sequence[Message] = (),
    rules: Rules | None = None,
) -> Ticket:
    """``about`` are the citizen's messages it is made of: the citizen's clock runs from receipt of the first."""
    rules = rules or product()
    place = wish.details.get("location")
    ticket = Ticket(
        id=derived_id("k", turn),
        code=ticket_code(ticket_year(at), number),
        lookup_key=new_lookup_key(),
        conversation=conversation.id,
        state="new",
        reason=wish.reason,
        priority=rules.priority(wish.category, wish.priority, at),
        category=wish.category,
        sensitive=rules.sensitive(wish.category),
        summary=wish.summary[:SUMMARY_LENGTH],
        details=wish.details,
        place=Place(text=place) if place else None,
        created_at=at,
        received_at=about[0].at if about else at,
        messages=tuple(message.id for message in about),
        hours=rules.hours(wish.category),
        history=(
            TicketEvent(at=at, actor=actor, state="new", note=REASON_WORDS[wish.reason], action="open"),
        ),
    )
    return ticket.model_copy(update=deadlines(ticket, rules, at))


def new_ticket_of(
    ticket: Ticket, *, id_: str, summary: str, category: str | None, number: int, at: int, actor: str, rules: Rules
) -> Ticket:  # fmt: skip
    """A second matter that was found in a ticket. What it needs of the first is taken along; its clock runs from the
    same receipt."""
    other = Ticket(
        id=id_,
        code=ticket_code(ticket_year(at), number),
        lookup_key=new_lookup_key(),
        conversation=ticket.conversation,
        state="new",
        reason=ticket.reason,
        priority=rules.priority(category, "normal", at),
        category=category,
        commune=ticket.commune,
        sensitive=ticket.sensitive or rules.sensitive(category),
        summary=summary[:SUMMARY_LENGTH],
        details=ticket.details,
        place=ticket.place,
        messages=ticket.messages,
        related=(ticket.id,),
        created_at=at,
        received_at=ticket.created_at if ticket.received_at is None else ticket.received_at,
        hours=rules.hours(category),
        history=(
            TicketEvent(at=at, actor=actor, state="new", note=f"Tách từ {ticket.code}", action="split"),
        ),
    )
    return other.model_copy(update=deadlines(other, rules, at))


def add_to_ticket(ticket: Ticket, wish: TicketWish) -> TicketChange:
    """A further wish while a ticket is open is noted on that ticket instead of opening another."""
    note = f"{REASON_WORDS[wish.reason]}: {wish.summary[:SUMMARY_LENGTH]}"
    return TicketChange(ticket=ticket.id, note=note, action="note")


def owner_after(reason: TicketReason) -> Owner | None:
    return None if reason in BOT_STAYS else "human"


def opened_text(ticket: Ticket, promise: str | None = None) -> str:
    """How the citizen is told of their new ticket; ``promise`` when nobody is there (``duty.promise``)."""
    lead = {
        "report": "Em đã ghi nhận phản ánh và chuyển tới tổng đài viên để phân công giải quyết.",
        "complaint": "Em đã ghi nhận ý kiến của anh/chị và chuyển tới tổng đài viên xem xét.",
        "emergency": "Em đã chuyển tin khẩn này tới tổng đài viên.",
    }.get(
        ticket.reason,
        "Em đã chuyển yêu cầu của anh/chị tới tổng đài viên"
        + ("." if promise else ", sẽ có người trả lời ngay tại đây."),
    )
    lines = [
        lead,
        *([promise] if promise else []),
        f"Mã phiếu: {ticket.code}",
        f"Mã tra cứu: {ticket.lookup_key}",
        "Anh/chị giữ hai mã này để tra cứu kết quả trên trang chủ của Tổng đài.",
    ]
    return "\n".join(lines)


def still_open_text(ticket: Ticket) -> str:
    return (
        f"Yêu cầu của anh/chị đang nằm trong phiếu {ticket.code} ({STATE_WORDS[ticket.state]}). "
        "Em đã ghi thêm nội dung này vào phiếu để tổng đài viên trả lời anh/chị."
    )


def closed_text(ticket: Ticket, solution: str | None) -> str:
    """How the citizen is told that their ticket is done."""
    done = f"Về phiếu {ticket.code}: {solution}\n" if solution else ""
    return (
        f"{done}Tổng đài đã đóng phiếu {ticket.code}. Cảm ơn anh/chị đã liên hệ. Nếu việc chưa được giải quyết thỏa đáng, "
        "anh/chị có thể mở lại phiếu."
    )
