"""What reports are counted from: the plain facts of the history, as a store gives them for a time.

Tuples, not models: a busy year has a million of them, and a report reads them all. Nothing in them says who somebody
is or what they said."""

from typing import Any, NamedTuple

from hub.model import Author, Outcome, Priority, TicketReason, TicketState


class Heard(NamedTuple):
    """One thing a citizen said: a message, a comment, a mail, a call."""

    at: int  # receipt, epoch ms
    channel: str
    conversation: str
    outcome: Outcome | None  # None: it waits
    turn: str | None  # that dealt with it
    by: Author | None  # whose turn that was
    undelivered: bool  # something that turn said did not arrive
    facts: dict[str, Any]  # what the bot understood: kind, procedure, category…


class Step(NamedTuple):
    """One line of a ticket's history."""

    at: int
    actor: str
    state: TicketState
    action: str | None
    changes: dict[str, Any]  # field → [before, after]: only agency, due_at and agency_due_at


class Case(NamedTuple):
    """A ticket as it stands, with how it came there."""

    id: str
    code: str
    conversation: str
    channel: str
    reason: TicketReason
    priority: Priority
    category: str | None
    commune: str | None
    agency: str | None
    state: TicketState
    created_at: int
    received_at: int
    hours: int | None
    due_at: int | None
    replied_at: int | None  # when a person first wrote to the citizen after it was opened
    score: int | None  # how content the citizen was, 1 to 5
    scored_at: int | None
    steps: tuple[Step, ...]


#: The changes a :class:`Step` keeps.
KEPT = frozenset({"agency", "due_at", "agency_due_at"})


def kept(changes: dict[str, Any]) -> dict[str, Any]:
    return {name: changes[name] for name in KEPT if name in changes} if changes else {}
