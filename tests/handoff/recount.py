"""The figures of a time counted once more, slowly and another way: minute by minute, from messages and tickets as a
store gives them to anybody. Knows nothing of ``handoff.reports``."""

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from handoff.rules import Rules
from hub.clock import local
from hub.model import OPEN_STATES, Message, Ticket, TicketState, Turn
from hub.ports import Store

MINUTE = 60_000
SETTLED = {"answered", "closed", "spam"}


@dataclass
class Raw:
    messages: list[tuple[str, Message]]  # with their channel
    turns: dict[str, Turn]
    tickets: list[Ticket]
    channels: dict[str, str]  # of conversations

    @classmethod
    async def of(cls, store: Store, conversations: Iterable[str], tickets: Iterable[str]) -> "Raw":
        messages, turns, channels = [], {}, {}
        for id_ in conversations:
            conversation = await store.conversation(id_)
            assert conversation is not None
            channels[id_] = conversation.channel
            for message in await store.messages(id_, limit=10_000):
                messages.append((conversation.channel, message))
                if message.turn and (turn := await store.turn(message.turn)):
                    turns[turn.id] = turn
        found = [await store.ticket(id_) for id_ in tickets]
        return cls(messages, turns, [one for one in found if one], channels)


class Minutes:
    """Which minutes of a time are worked."""

    def __init__(self, rules: Rules, first: int, last: int) -> None:
        self.first = first
        self.worked = bytearray((last - first) // MINUTE + 2)
        day = local(first).date()
        while day <= local(last).date():
            for start, end in rules.offices.spans(day):
                for at in range(max(start, first), min(end, last), MINUTE):
                    self.worked[(at - first) // MINUTE] = 1
            day += dt.timedelta(days=1)

    def __getitem__(self, at: int) -> int:
        return self.worked[(at - self.first) // MINUTE]


def state_at(ticket: Ticket, at: int) -> TicketState | None:
    found = [event.state for event in ticket.history if event.at <= at]
    return found[-1] if found else None


def minutely(ticket: Ticket, start: int, end: int) -> Iterator[tuple[int, TicketState | None]]:
    """Each minute, and the state the ticket was in."""
    place, state, history = 0, None, ticket.history
    for at in range(start, end, MINUTE):
        while place < len(history) and history[place].at <= at:
            state, place = history[place].state, place + 1
        yield at, state


def settled_since(ticket: Ticket, at: int) -> int | None:
    """From when on it was settled, if it was at ``at``."""
    since = None
    for event in ticket.history:
        if event.at > at:
            break
        since = (since or event.at) if event.state in SETTLED else None
    return since


def is_late(ticket: Ticket, end: int, minutes: Minutes) -> bool:
    """Whether there was a minute before ``end`` in which somebody should have answered already."""
    assert ticket.received_at is not None
    counted = 0
    for at, state in minutely(ticket, ticket.received_at, end):
        stands_still = state == "waiting_citizen"
        if counted >= ticket.hours * 60 and state in OPEN_STATES - {"answered"} and not stands_still:  # type: ignore[operator]
            return True
        counted += minutes[at] and not stands_still
    return False


def legs(ticket: Ticket, end: int, rules: Rules, minutes: Minutes) -> list[tuple[str, int, int | None, str]]:
    """(agency, from, to, how it went) of every forwarding."""
    agency, found, history = "", [], [event for event in ticket.history if event.at < end]
    for place, event in enumerate(history):
        agency = event.changes.get("agency", (None, agency))[1]
        if event.action != "forward":
            continue
        over, how = end, "pending"
        for later in history[place + 1 :]:
            if later.action == "agency_answer":
                over, how = later.at, "answered"
            elif later.state == "returned":
                over, how = later.at, "returned"
            elif later.action == "forward" or later.state in SETTLED | {"reopened", "new"}:
                over, how = later.at, "withdrawn"
            else:
                continue
            break
        counted, late = 0, False
        promised = rules.agency_hours(ticket.category, agency) * 60
        for at, state in minutely(ticket, event.at, over):
            if state == "forwarded":
                late = late or counted >= promised
                counted += minutes[at]
        if how == "answered":
            how = "late" if late else "on_time"
        elif how == "pending" and late:
            how = "overdue"
        found.append((agency, event.at, None if over == end else over, how))
    return found


def spread(values: list[int]) -> tuple[int, int | None, int | None]:
    def least(tenths: int) -> int | None:
        return min(
            (x for x in values if 10 * sum(y <= x for y in values) >= tenths * len(values)), default=None
        )

    return len(values), least(5), least(9)


def recount(raw: Raw, first: dt.date, last: dt.date, end: int, rules: Rules) -> dict[str, Any]:
    """Everything by name, for days ``first`` to ``last`` as things stood at ``end``."""
    kept = [ticket for ticket in raw.tickets if ticket.created_at < end]
    minutes = Minutes(rules, min(ticket.received_at or 0 for ticket in kept) - MINUTE, end + MINUTE)
    begin = int(dt.datetime.combine(first, dt.time(), dt.timezone(dt.timedelta(hours=7))).timestamp()) * 1000
    out: dict[str, Any] = _messages(raw, first, last)
    spam = [ticket for ticket in kept if state_at(ticket, end - 1) == "spam"]
    kept = [ticket for ticket in kept if ticket not in spam]
    received = [ticket for ticket in kept if begin <= ticket.created_at]
    done = {ticket.id: at for ticket in kept if (at := settled_since(ticket, end - 1)) is not None}
    settled = [ticket for ticket in kept if done.get(ticket.id, 0) >= begin]
    open_ = [ticket for ticket in kept if ticket.id not in done]
    older = [ticket for ticket in (*settled, *open_) if ticket.created_at < begin]
    late = {ticket.id for ticket in (*settled, *open_) if is_late(ticket, done.get(ticket.id, end), minutes)}
    out["categories"] = Counter(ticket.category for ticket in received)
    out["communes"] = Counter(ticket.commune for ticket in received)
    out["tickets"] = Counter(raw.channels[ticket.conversation] for ticket in received)
    out["flow"] = {
        "carried": sum(settled_since(ticket, begin - 1) is None for ticket in older),
        "received": len(received),
        "reopened": sum(settled_since(ticket, begin - 1) is not None for ticket in older),
        "settled": len(settled),
        "on_time": sum(ticket.id not in late for ticket in settled),
        "late": sum(ticket.id in late for ticket in settled),
        "unjudged": 0,
        "pending": len(open_),
        "overdue": sum(ticket.id in late for ticket in open_),
        "spam": sum(ticket.created_at >= begin for ticket in spam),
    }
    out["solved"] = [_took(ticket, done[ticket.id], minutes, waits=False) for ticket in settled]
    out["first_reply"] = [
        _took(ticket, at, minutes, waits=True)
        for ticket in kept
        if (at := _reply(raw, ticket, end)) is not None and at >= begin
    ]
    lines: dict[str, Counter[str]] = {}
    for ticket in kept:
        for agency, since, over, how in legs(ticket, end, rules, minutes):
            if over is None or over >= begin:
                line = lines.setdefault(agency, Counter())
                line[how] += 1
                line["received"] += since >= begin
    out["agencies"] = lines
    closed = [ticket for ticket in kept if (at := _closed(ticket, end)) is not None and at >= begin]
    out["asked"] = len(closed)
    out["scores"] = Counter(
        ticket.rating.score
        for ticket in closed
        if ticket.rating and ticket.rating.at >= (_closed(ticket, end) or 0)
    )
    return out


def _messages(raw: Raw, first: dt.date, last: dt.date) -> dict[str, Any]:
    out: dict[str, Any] = {"places": Counter(), "hours": Counter(), "weekdays": Counter(), "days": Counter()}
    people, topics = set(), {}
    for channel, message in raw.messages:
        when = local(message.at)
        if message.author != "citizen" or not first <= when.date() <= last:
            continue
        turn = raw.turns.get(message.turn or "")
        place = message.outcome or "waiting"
        if place == "answered":
            assert turn is not None
            place = "bot" if turn.actor == "bot" else "person"
        out["places"][channel, place] += 1
        out["hours"][when.hour] += 1
        out["weekdays"][when.weekday()] += 1
        out["days"][(when.date() - first).days] += 1
        people.add((channel, message.conversation, when.date()))
        if message.outcome == "ticketed" and turn and turn.actor == "bot" and turn.facts:
            topics[turn.id] = (turn.facts["kind"], turn.facts.get("procedure"), turn.facts.get("aspect"))
    out["contacts"] = Counter(channel for channel, *_ in people)
    out["topics"] = Counter(topic for topic in topics.values() if topic[0] != "report")
    return out


def _took(ticket: Ticket, end: int, minutes: Minutes, *, waits: bool) -> tuple[int, int]:
    """Clock and working milliseconds from receipt; those of waiting for the citizen count only with ``waits``."""
    assert ticket.received_at is not None
    counted = [
        at for at, state in minutely(ticket, ticket.received_at, end) if waits or state != "waiting_citizen"
    ]
    return len(counted) * MINUTE, sum(minutes[at] for at in counted) * MINUTE


def _reply(raw: Raw, ticket: Ticket, end: int) -> int | None:
    said = [
        message.at
        for _, message in raw.messages
        if message.conversation == ticket.conversation
        and message.author == "operator"
        and not message.internal
    ]
    over = min((event.at for event in ticket.history if event.state in ("closed", "spam")), default=end)
    said = [at for at in said if at <= over]
    told = [event.at for event in ticket.history if event.state in ("answered", "waiting_citizen")]
    return min((at for at in (*said, *told) if ticket.created_at <= at < end), default=None)


def _closed(ticket: Ticket, end: int) -> int | None:
    since = None
    for event in ticket.history:
        if event.at < end:
            since = (since or event.at) if event.state == "closed" else None
    return since
