"""One ticket as it stood at the end of a time, read from its history alone.

What was due when is in the history: every change of a deadline is recorded there. A clock is late from the first instant
at which it ran and was past its deadline; what happened after the end of the time plays no part."""

from collections.abc import Iterator
from typing import Final, Literal, NamedTuple, TypeVar

from handoff.clocks import AGENCY_ANSWER, FORWARD, SETTLED
from hub.facts import Case, Step
from hub.model import TicketState

T = TypeVar("T")
How = Literal["answered", "returned", "withdrawn"]

#: The case no longer lies with the agency.
_GONE: Final[frozenset[TicketState]] = SETTLED | {"returned", "reopened", "new"}


class Leg(NamedTuple):
    """One forwarding to an agency."""

    agency: str
    since: int
    ended: int | None  # None: it still lies there
    how: How | None
    late: bool


class Life(NamedTuple):
    case: Case
    state: TicketState
    settled_at: int | None  # since when the citizen has been answered; None: they have not
    closed_at: int | None  # since when it has been closed
    late: bool  # the citizen's clock had run out by then
    pauses: tuple[tuple[int, int], ...]  # it waited for the citizen, up to ``settled_at`` or the end
    replied_at: int | None  # a person's first word to the citizen
    reopened: tuple[int, ...]  # when what was settled was opened again
    legs: tuple[Leg, ...]


class _Span(NamedTuple):
    """Between two lines of the history."""

    step: Step
    end: int
    due: int | None
    agency: str | None
    agency_due: int | None


def life(case: Case, end: int) -> Life | None:
    """None: it was not opened yet."""
    spans = list(_spans(case, end))
    if not spans:
        return None
    settled_at: int | None = None
    closed_at: int | None = None
    late, pauses, reopened = False, [], []
    for span in spans:
        state = span.step.state
        closed_at = (span.step.at if closed_at is None else closed_at) if state == "closed" else None
        if state in SETTLED:
            settled_at = span.step.at if settled_at is None else settled_at
            continue
        if settled_at is not None:
            reopened.append(span.step.at)
            settled_at = None
        if state == "waiting_citizen":
            pauses.append((span.step.at, span.end))
        elif span.due is not None and span.end > span.due:
            late = True
    return Life(
        case=case,
        state=spans[-1].step.state,
        settled_at=settled_at,
        closed_at=closed_at,
        late=late,
        pauses=tuple(pauses),
        replied_at=_replied_at(case, spans, end),
        reopened=tuple(reopened),
        legs=tuple(_legs(spans)),
    )


def _spans(case: Case, end: int) -> Iterator[_Span]:
    due = _at_first(case, "due_at", case.due_at)
    agency, agency_due = _at_first(case, "agency", case.agency), None
    steps = [step for step in case.steps if step.at < end]
    for place, step in enumerate(steps):
        due = step.changes["due_at"][1] if "due_at" in step.changes else due
        agency = step.changes["agency"][1] if "agency" in step.changes else agency
        agency_due = step.changes["agency_due_at"][1] if "agency_due_at" in step.changes else agency_due
        stop = steps[place + 1].at if place + 1 < len(steps) else end
        yield _Span(step, stop, due, agency, agency_due)


def _at_first(case: Case, name: str, now: T) -> T:
    """What a field was when the ticket was opened."""
    for step in case.steps:
        if name in step.changes:
            before: T = step.changes[name][0]
            return before
    return now


def _replied_at(case: Case, spans: list[_Span], end: int) -> int | None:
    said = [span.step.at for span in spans if span.step.state in ("answered", "waiting_citizen")][:1]
    over = next((span.step.at for span in spans if span.step.state in ("closed", "spam")), end - 1)
    if case.replied_at is not None and case.replied_at <= over:  # later words are about something else
        said.append(case.replied_at)
    return min(said, default=None)


def _legs(spans: list[_Span]) -> Iterator[Leg]:
    agency: str | None = None
    since, late = 0, False
    for span in spans:
        step = span.step
        if agency is not None and (how := _end_of(step)) is not None:
            yield Leg(agency, since, step.at, how, late)
            agency = None
        if step.action == FORWARD and span.agency is not None:
            agency, since, late = span.agency, step.at, False
        if agency is not None and step.state == "forwarded" and span.agency_due is not None:
            late = late or span.end > span.agency_due
    if agency is not None:
        yield Leg(agency, since, None, None, late)


def _end_of(step: Step) -> How | None:
    if step.action == AGENCY_ANSWER:
        return "answered"
    if step.state == "returned":
        return "returned"
    return "withdrawn" if step.action == FORWARD or step.state in _GONE else None
