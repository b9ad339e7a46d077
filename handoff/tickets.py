"""Tickets: how they are numbered, opened, and told to the citizen. Rules only; the store keeps them."""

import secrets
from typing import Literal

from hub.clock import local
from hub.model import (
    Conversation,
    Owner,
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
    actor: Literal["bot", "system"],
) -> Ticket:
    return Ticket(
        id=derived_id("k", turn),
        code=ticket_code(ticket_year(at), number),
        lookup_key=new_lookup_key(),
        conversation=conversation.id,
        state="new",
        reason=wish.reason,
        priority=wish.priority,
        category=wish.category,
        summary=wish.summary[:SUMMARY_LENGTH],
        details=wish.details,
        created_at=at,
        history=(TicketEvent(at=at, actor=actor, state="new", note=REASON_WORDS[wish.reason]),),
    )


def add_to_ticket(ticket: Ticket, wish: TicketWish) -> TicketChange:
    """A further wish while a ticket is open is noted on that ticket instead of opening another."""
    note = f"{REASON_WORDS[wish.reason]}: {wish.summary[:SUMMARY_LENGTH]}"
    return TicketChange(ticket=ticket.id, state=ticket.state, note=note)


def owner_after(reason: TicketReason) -> Owner | None:
    return None if reason in BOT_STAYS else "human"


def opened_text(ticket: Ticket) -> str:
    """How the citizen is told of their new ticket."""
    lead = {
        "report": "Em đã ghi nhận phản ánh và chuyển tới tổng đài viên để phân công giải quyết.",
        "complaint": "Em đã ghi nhận ý kiến của anh/chị và chuyển tới tổng đài viên xem xét.",
        "emergency": "Em đã chuyển tin khẩn này tới tổng đài viên.",
    }.get(
        ticket.reason, "Em đã chuyển yêu cầu của anh/chị tới tổng đài viên, sẽ có người trả lời ngay tại đây."
    )
    return (
        f"{lead}\n"
        f"Mã phiếu: {ticket.code}\n"
        f"Mã tra cứu: {ticket.lookup_key}\n"
        "Anh/chị giữ hai mã này để tra cứu kết quả trên trang chủ của Tổng đài."
    )


def still_open_text(ticket: Ticket) -> str:
    return (
        f"Yêu cầu của anh/chị đang nằm trong phiếu {ticket.code} ({STATE_WORDS[ticket.state]}). "
        "Em đã ghi thêm nội dung này vào phiếu để tổng đài viên trả lời anh/chị."
    )
