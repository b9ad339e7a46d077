"""What both stores mean by an operator's work, and by a conversation's ticket."""

from typing import Final

from hub.model import TicketState, Turn

#: Somebody has to do something: it does not lie with an agency or the citizen, and is not answered yet.
WORK: Final[tuple[TicketState, ...]] = ("new", "assigned", "returned", "reopened")


def ticket_after(before: str | None, turn: Turn) -> str | None:
    """The open ticket of a conversation, which was ``before``, after a turn."""
    if turn.ticket is not None:
        return turn.ticket.id
    change = turn.change
    if change is None:
        return before
    if change.state in ("closed", "spam") and before == change.ticket:
        return None
    if change.state == "reopened" and before is None:
        return change.ticket
    return before
