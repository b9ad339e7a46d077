"""Mails to agencies: which an act calls for, and what they say. Nothing of the matter itself stands in a mail, because
mail is read by many: the link leads to it."""

from typing import Final

from handoff import acts
from handoff.acts import Act
from handoff.duty import spoken_time
from handoff.rules import Rules
from hub.model import Notice, NoticeKind, Ticket, derived_id

_BY_ACT: Final[dict[type[Act], NoticeKind]] = {
    acts.Forward: "forwarded",
    acts.Remind: "reminded",
    acts.Heard: "heard",
    acts.Decline: "declined",
}
SUBJECTS: Final[dict[NoticeKind, str]] = {
    "forwarded": "Phiếu cần cơ quan xử lý",
    "reminded": "Nhắc phiếu cần cơ quan xử lý",
    "heard": "Người dân đã bổ sung thông tin",
    "declined": "Phiếu chuyển lại cơ quan",
    "warned": "Phiếu sắp đến hạn",
    "overdue": "Phiếu đã quá hạn",
}
LEADS: Final[dict[NoticeKind, str]] = {
    "forwarded": "Tổng đài 1022 chuyển tới cơ quan một phiếu của người dân.",
    "reminded": "Phiếu sau đang chờ cơ quan trả lời.",
    "heard": "Người dân đã trả lời câu hỏi của cơ quan. Thời hạn của cơ quan chạy tiếp.",
    "declined": "Tổng đài 1022 chưa gửi nội dung của cơ quan tới người dân. Lý do xem tại liên kết.",
    "warned": "Phiếu sau sắp đến hạn trả lời.",
    "overdue": "Phiếu sau đã quá hạn trả lời. Tổng đài 1022 đã báo bộ phận giám sát.",
}


def called_for(after: Ticket, act: Act, turn: str, at: int) -> tuple[Notice, ...]:
    """What the agency with which the case lies after an act is to be told."""
    if after.agency is None or after.state != "forwarded" or after.merged_into is not None:
        return ()
    kind = _warning(act) if isinstance(act, acts.Warn) else _BY_ACT.get(type(act))
    if kind is None:
        return ()
    return (
        Notice(
            id=derived_id("z", turn),
            ticket=after.id,
            agency=after.agency,
            kind=kind,
            link_epoch=after.link_epoch,
            at=at,
        ),
    )


def _warning(act: acts.Warn) -> NoticeKind | None:
    """Of the agency's clock alone; the last mark counts."""
    marks = [name for name in act.alarms if name.startswith("agency:")]
    if not marks:
        return None
    return "overdue" if "agency:100" in marks else "warned"


def stands(notice: Notice, ticket: Ticket | None) -> bool:
    """Whether it is still worth telling: the case lies with that agency, since the same forwarding."""
    return (
        ticket is not None
        and ticket.state == "forwarded"
        and ticket.merged_into is None
        and (ticket.agency, ticket.link_epoch) == (notice.agency, notice.link_epoch)
    )


def subject(notice: Notice, ticket: Ticket) -> str:
    urgent = "KHẨN: " if ticket.priority == "urgent" else ""
    return f"{urgent}[{ticket.code}] {SUBJECTS[notice.kind]}"


def text(notice: Notice, ticket: Ticket, rules: Rules, link: str) -> str:
    unit = rules.agencies.get(notice.agency)
    category = rules.categories.get(ticket.category or "")
    commune = rules.agencies.communes().get(ticket.commune or "")
    facts = [
        f"Mã phiếu: {ticket.code}",
        f"Lĩnh vực: {category.name}" if category else None,
        f"Xã, phường: {commune}" if commune else None,
        f"Hạn trả lời của cơ quan: {spoken_time(ticket.agency_due_at)}" if ticket.agency_due_at else None,
    ]
    lines = [
        f"Kính gửi {unit.name}," if unit else "Kính gửi cơ quan,",
        "",
        LEADS[notice.kind],
        "",
        *(fact for fact in facts if fact),
        "",
        "Xem nội dung và trả lời tại đây, không cần tài khoản:",
        link,
        "",
        "Liên kết chỉ dùng cho phiếu này, dành cho cơ quan được giao; vui lòng không chuyển tiếp ra ngoài. "
        "Thư gửi tự động, trả lời thư này không tới phiếu. Cần hỗ trợ: (0277) 1022.",
        "",
        "Tổng đài 1022 tỉnh Đồng Tháp",
    ]
    return "\n".join(lines)
