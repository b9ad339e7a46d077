"""What a citizen sent with the form is a ticket at once, without the bot: one turn, the same whoever carries it out first,
the page that took it or a worker."""

from collections.abc import Mapping
from typing import Any, Final

from handoff.duty import spoken_time
from handoff.rules import Rules
from handoff.tickets import open_ticket
from hub.model import Conversation, Draft, Message, Place, TicketReason, Turn, derived_id
from hub.ports import TicketWish

REASONS: Final[Mapping[str, TicketReason]] = {
    "report": "report", "question": "asked_for_person", "complaint": "complaint",
}  # fmt: skip

TAKEN: Final = "Tổng đài 1022 đã nhận nội dung anh/chị gửi.\nMã phiếu: {code}\nMã tra cứu: {key}"
PROMISED: Final = "\nAnh/chị được trả lời chậm nhất {due}."


def wish_of(message: Message) -> Mapping[str, Any] | None:
    """What the form said besides its text; None: this is no form."""
    wish = message.data.get("wish")
    return wish if isinstance(wish, dict) and wish.get("kind") in REASONS else None


def turn_id(message: Message) -> str:
    return derived_id("t", message.conversation, str(message.seq))


def turn(
    conversation: Conversation, message: Message, wish: Mapping[str, Any], number: int, at: int, rules: Rules
) -> Turn:
    """``number`` is the next one of tickets."""
    details = {str(name): str(value) for name, value in wish.get("details", {}).items()}
    if place := wish.get("place"):
        details["location"] = place
    known = TicketWish(
        reason=REASONS[wish["kind"]],
        priority=wish.get("priority", "normal"),
        category=wish.get("category"),
        summary=message.text or "",
        details=details,
    )
    ticket = open_ticket(
        known,
        conversation,
        turn=turn_id(message),
        number=number,
        at=at,
        actor="system",
        about=[message],
        rules=rules,
    ).model_copy(update={"commune": wish.get("commune"), "place": _place(wish)})
    text = TAKEN.format(code=ticket.code, key=ticket.lookup_key)
    if ticket.due_at is not None:
        text += PROMISED.format(due=spoken_time(ticket.due_at))
    return Turn(
        id=turn_id(message),
        conversation=conversation.id,
        actor="bot",  # as which a worker carries it out
        at=at,
        handles=message.seq,
        outcome="ticketed",
        says=(Draft(text=text),),
        owner="human",
        ticket=ticket,
        expects_epoch=conversation.epoch,
    )


def _place(wish: Mapping[str, Any]) -> Place | None:
    place = Place(text=wish.get("place"), lat=wish.get("lat"), lon=wish.get("lon"))
    return place if place != Place() else None
