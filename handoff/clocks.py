"""The two clocks of a ticket, read from its history alone: counting again gives the same minute.

The citizen's runs from receipt and stands still only while the case waits for the citizen; nothing starts it anew. The
agency's runs from each forwarding, while the case lies with the agency, until it answers or gives the case back."""

from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import Final, Literal

from handoff.calendar import not_quiet
from handoff.deadline import HOUR_MS, Deadline, Pause, deadline, due_at
from handoff.rules import Rules
from hub.model import Ticket, TicketEvent, TicketState, Value

FORWARD: Final = "forward"
AGENCY_ANSWER: Final = "agency_answer"

#: The citizen has been answered: nobody is late any more.
SETTLED: Final[frozenset[TicketState]] = frozenset({"answered", "closed", "spam"})
#: The agency's part is over.
_ENDED: Final[frozenset[TicketState]] = SETTLED | {"returned", "reopened", "new"}

#: Per cent of the time after which people are told; at 100 the supervisor is.
MARKS: Final = (50, 80, 100)

Whose = Literal["citizen", "agency"]


class Clock(Value):
    """One clock as it stands: when it began, how much is to be counted, what it did not count."""

    whose: Whose
    since: int
    work_ms: int
    pauses: tuple[Pause, ...]

    @property
    def paused(self) -> bool:
        return any(end is None for _, end in self.pauses)


def citizen_clock(ticket: Ticket) -> Clock | None:
    """None: nothing was promised."""
    if ticket.hours is None:
        return None
    since = ticket.created_at if ticket.received_at is None else ticket.received_at
    pauses = _pauses(ticket.history, lambda event: event.state == "waiting_citizen")
    return Clock(whose="citizen", since=since, work_ms=ticket.hours * HOUR_MS, pauses=tuple(pauses))


def agency_clock(ticket: Ticket) -> Clock | None:
    """That of the forwarding that stands; None: there is none."""
    if ticket.agency_hours is None:
        return None
    since: int | None = None
    for place, event in enumerate(ticket.history):
        if event.action == FORWARD:
            since = place
        elif since is not None and (event.state in _ENDED or event.action == AGENCY_ANSWER):
            since = None
    if since is None:
        return None
    pauses = _pauses(ticket.history[since:], lambda event: event.state != "forwarded")
    work_ms = ticket.agency_hours * HOUR_MS
    return Clock(whose="agency", since=ticket.history[since].at, work_ms=work_ms, pauses=tuple(pauses))


def running(ticket: Ticket) -> list[Clock]:
    """Those by which somebody may still be late."""
    if ticket.state in SETTLED:
        return []
    return [clock for clock in (citizen_clock(ticket), agency_clock(ticket)) if clock is not None]


def due(clock: Clock | None, rules: Rules) -> int | None:
    return None if clock is None else due_at(rules.offices, clock.since, clock.work_ms, clock.pauses)


def explained(clock: Clock, rules: Rules) -> Deadline:
    return deadline(rules.offices, clock.since, clock.work_ms, clock.pauses)


def alarm_name(whose: Whose, mark: int) -> str:
    return f"{whose}:{mark}"


def alarms_due(ticket: Ticket, rules: Rules) -> Iterator[tuple[str, int]]:
    """(name, when) of every warning that is not given yet and will come as things stand."""
    if ticket.merged_into is not None:
        return
    for clock in running(ticket):
        for mark in MARKS:
            name = alarm_name(clock.whose, mark)
            if name not in ticket.alarms:
                at = due_at(rules.offices, clock.since, clock.work_ms * mark // 100, clock.pauses)
                if at is not None:
                    yield name, at


def next_alarm(ticket: Ticket, rules: Rules, now: int) -> int | None:
    """When the scheduler has to look at the ticket: not in quiet hours, unless it is urgent."""
    first = min((at for _, at in alarms_due(ticket, rules)), default=None)
    if first is None or ticket.priority == "urgent":
        return first
    return not_quiet(rules.quiet, max(first, now))


def _pauses(history: Iterable[TicketEvent], stops: Callable[[TicketEvent], bool]) -> Iterator[Pause]:
    events = [*history]
    for event, following in pairwise(events):
        if stops(event) and following.at > event.at:
            yield event.at, following.at
    if events and stops(events[-1]):
        yield events[-1].at, None
