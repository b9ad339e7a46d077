"""What both stores make of people's things: amended, noted, erased. Nothing here reads or writes."""

import json
from collections.abc import Mapping
from typing import Any

from hub.model import OPEN_STATES, PERSONAL, Conversation, Dialogue, Message, Ticket, TicketEvent, Turn, nfc

#: Stands in a ticket instead of what was said; operators see it.
ERASED = "Đã xóa dữ liệu cá nhân"


def amended(message: Message, text: str | None, data: Mapping[str, Any]) -> Message:
    new = json.loads(json.dumps(dict(data)))  # as it will be read back
    merged = {
        key: value for key, value in (message.data | new).items() if key not in new or value is not None
    }
    return message.model_copy(
        update={"text": message.text if text is None else nfc(text), "data": merged},
    )


def noted(
    conversation: Conversation,
    *,
    interacted_at: int | None,
    name: str | None,
    contact: Mapping[str, str],
    unreachable: str | None,
    reachable: bool,
) -> Conversation:
    known: dict[str, Any] = {"contact": conversation.contact | {key: nfc(contact[key]) for key in contact}}
    if interacted_at is not None:
        known["interacted_at"] = max(interacted_at, conversation.interacted_at or 0)
    if name is not None:
        known["name"] = nfc(name)
    if reachable or unreachable is not None:
        known["unreachable"] = unreachable
    return conversation.model_copy(update=known)


# ---- what is left when a person is erased: ids, times and counts


def erased_conversation(conversation: Conversation) -> Conversation:
    """As if nobody had spoken yet. ``sender`` comes back with the next thing the person says."""
    return conversation.model_copy(
        update={
            "sender": "",
            "name": None,
            "person": None,
            "contact": {},
            "unreachable": None,
            "dialogue": Dialogue(),
            "owner": "bot",
            "operator": None,
            "ticket": None,
            "handled_seq": conversation.last_seq,
            "staff_read_seq": conversation.last_seq,
        }
    )


def erased_message(message: Message) -> Message:
    return message.model_copy(update={"text": None, "buttons": (), "attachments": (), "data": {}})


def erased_turn(turn: Turn) -> Turn:
    change = turn.change and turn.change.model_copy(
        update={
            "note": None,
            "fields": {name: value for name, value in turn.change.fields.items() if name not in PERSONAL},
        }
    )
    return turn.model_copy(
        update={"says": (), "dialogue": None, "ticket": None, "change": change, "review": None}
    )


def erased_ticket(ticket: Ticket, now: int) -> Ticket:
    history = tuple(
        event if event.note in (None, ERASED) else event.model_copy(update={"note": None})
        for event in ticket.history
    )
    erased = ticket.model_copy(
        update={
            "summary": ERASED,
            "details": {},
            "place": None,
            "messages": (),
            "proposal": None,
            "solution": None,
            "rating": ticket.rating and ticket.rating.model_copy(update={"text": None}),
            "history": history,
        }
    )
    if ticket.state not in OPEN_STATES:
        return erased
    changes = {"state": (ticket.state, "closed")}
    closing = TicketEvent(
        at=now, actor="system", state="closed", note=ERASED, action="erase", changes=changes
    )
    return erased.model_copy(
        update={
            "state": "closed",
            "alarm_at": None,
            "link_epoch": ticket.link_epoch + 1,
            "version": ticket.version + 1,
            "history": (*history, closing),
        }
    )
