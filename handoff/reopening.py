"""Opening a closed ticket again in one tap: the button under the closing message, and what pressing it does."""

from typing import Final

from handoff import acts
from handoff.acts import CITIZEN
from handoff.lifecycle import Refused, apply, moment
from handoff.rules import Rules
from hub.model import Button, Conversation, Draft, Message, Ticket, Turn, derived_id

PAYLOAD: Final = "reopen:"
TITLE: Final = "Chưa ổn, mở lại phiếu"
BY_CITIZEN: Final = "Người dân chưa hài lòng và mở lại phiếu"
REOPENED: Final = "Tổng đài đã mở lại phiếu {code} để xem xét tiếp cho anh/chị."
TELL_MORE: Final = (
    REOPENED + " Anh/chị vui lòng nhắn thêm điều chưa được giải quyết để tổng đài viên nắm rõ ạ."
)
STILL_OPEN: Final = "Phiếu {code} đang được xử lý. Có kết quả, Tổng đài sẽ báo anh/chị ngay tại đây ạ."
NOT_AGAIN: Final = (
    "Phiếu này không mở lại được. Anh/chị vui lòng nhắn lại việc cần hỗ trợ để em ghi nhận mới ạ."
)


def button(ticket: Ticket) -> Button:
    return Button(title=TITLE, payload=f"{PAYLOAD}{ticket.id}")


def asked(payload: str | None) -> str | None:
    """The id of the ticket that a pressed button wants opened again."""
    return payload.removeprefix(PAYLOAD) if payload and payload.startswith(PAYLOAD) else None


def turn(conversation: Conversation, ticket: Ticket | None, pressed: Message, at: int, rules: Rules) -> Turn:
    """What pressing the button decides. A ticket of somebody else is none."""
    fields = {
        "id": derived_id("t", conversation.id, str(pressed.seq)),
        "conversation": conversation.id,
        "handles": pressed.seq,
        "expects_epoch": conversation.epoch,
    }
    if ticket is None or ticket.conversation != conversation.id:
        return Turn(**fields, actor="bot", at=at, outcome="answered", says=(Draft(text=NOT_AGAIN),))
    at = moment(ticket, at)
    try:
        change = apply(ticket, acts.Reopen(reason=BY_CITIZEN), CITIZEN, at, rules)
    except Refused as refused:
        text = STILL_OPEN.format(code=ticket.code) if refused.code == "state" else NOT_AGAIN
        return Turn(**fields, actor="bot", at=at, outcome="answered", says=(Draft(text=text),))
    return Turn(
        **fields,
        actor="system",
        actor_id=CITIZEN.id,
        at=at,
        outcome="ticketed",
        says=(Draft(text=TELL_MORE.format(code=ticket.code)),),
        owner="human",  # what they say next is for people
        change=change,
    )
