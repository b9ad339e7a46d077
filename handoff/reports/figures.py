"""All figures of a time, from the plain facts. What each means is told in ``docs/reports.md``; ``tests/handoff`` counts
them again another way.

A ticket counts as settled in the time in which the answer that stands was given. What happens later plays no part, so
the report of a past time stays as it was (but for scores, which citizens give later, and for corrected fields), and what
is pending at its end is what the next one begins with."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

from handoff.reports.life import Leg, Life, life
from handoff.reports.periods import Period
from handoff.reports.worktime import WorkTime
from handoff.rules import Rules
from hub.facts import Case, Heard
from hub.model import derived_id

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS
_VIETNAM_MS: Final = 7 * HOUR_MS  # without summer time since 1975
_THURSDAY: Final = 3  # 1 January 1970, when Monday is 0

#: Where a message may be: see :func:`place_of`.
PLACES: Final = ("bot", "person", "ticketed", "no_reply_due", "waiting")

#: What a person's wish or report is about does not make it a question the bot failed at.
_NO_QUESTION: Final = frozenset(
    {"report", "complaint", "human", "emergency", "status", "greet", "thanks", "bye"}
)


class Spread(NamedTuple):
    """Of durations: how many, and the least one that half (nine tenths) of them do not exceed; milliseconds."""

    n: int
    median: int | None
    p90: int | None


class Times(NamedTuple):
    clock: Spread
    working: Spread


class ChannelLine(NamedTuple):
    """What came in on a channel; the five places add up to ``messages``."""

    messages: int
    contacts: int  # people on a day
    bot: int
    person: int
    ticketed: int
    no_reply_due: int
    waiting: int
    tickets: int


class AgencyLine(NamedTuple):
    """Forwardings to an agency; a list of each kind is given by :func:`legs_of`."""

    received: int
    on_time: int
    late: int
    returned: int
    withdrawn: int
    pending: int
    overdue: int  # of the pending ones


class Flow(NamedTuple):
    """``carried + received + reopened = settled + pending``; spam is in none of them."""

    carried: int
    received: int
    reopened: int  # settled before the time, opened again in it
    settled: int
    on_time: int
    late: int
    unjudged: int  # settled ones that were promised nothing (older hubs)
    pending: int
    overdue: int  # of the pending ones
    spam: int  # opened in the time


class Satisfaction(NamedTuple):
    asked: int  # closed in the time
    scores: tuple[int, int, int, int, int]  # how many gave 1, 2, 3, 4, 5

    @property
    def answered(self) -> int:
        return sum(self.scores)

    @property
    def mean(self) -> float | None:
        total = sum(score * n for score, n in enumerate(self.scores, start=1))
        return total / self.answered if self.answered else None


class Topic(NamedTuple):
    """What the bot could not answer."""

    kind: str
    subject: str | None  # a procedure, a question or a category
    aspect: str | None


class Figures(NamedTuple):
    period: Period
    end: int  # what happened after it plays no part
    channels: dict[str, ChannelLine]
    hours: tuple[int, ...]  # messages by hour of the day, 24
    weekdays: tuple[int, ...]  # from Monday, 7
    days: tuple[int, ...]  # messages by day of the time
    categories: dict[str | None, int]  # tickets received
    groups: dict[str | None, int]
    communes: dict[str | None, int]
    flow: Flow
    first_reply: Times
    solved: Times
    agencies: dict[str, AgencyLine]
    satisfaction: Satisfaction
    topics: dict[Topic, int]

    @property
    def total(self) -> ChannelLine:
        rows = list(self.channels.values())
        return ChannelLine(*(sum(row[n] for row in rows) for n in range(len(ChannelLine._fields))))


def figures(heard: Sequence[Heard], cases: Sequence[Case], period: Period, rules: Rules, now: int) -> Figures:
    """``heard`` and ``cases`` are what the store gives for the period."""
    end = min(period.until, now + 1)
    everything = [one for case in cases if (one := life(case, end)) is not None]
    lives = [one for one in everything if one.state != "spam"]
    received = [one.case for one in lives if one.case.created_at >= period.since]
    category = Counter(case.category for case in received)
    work = WorkTime(rules.offices, min((one.case.received_at for one in lives), default=end), end)
    first, solved = _durations(lives, period, work)
    return Figures(
        period=period,
        end=end,
        channels=_channels(heard, received),
        hours=_counted(((one.at + _VIETNAM_MS) // HOUR_MS % 24 for one in heard), 24),
        weekdays=_counted((((one.at + _VIETNAM_MS) // DAY_MS + _THURSDAY) % 7 for one in heard), 7),
        days=_counted(((one.at - period.since) // DAY_MS for one in heard), period.days),
        categories=dict(category),
        groups=_grouped(category, rules),
        communes=dict(Counter(case.commune for case in received)),
        flow=_flow(everything, lives, period),
        first_reply=first,
        solved=solved,
        agencies=_agencies(lives, period),
        satisfaction=_satisfaction(lives, period),
        topics=dict(Counter(topic for topic, _ in unanswered(heard))),
    )


def lives_of(cases: Iterable[Case], end: int) -> list[Life]:
    """Those that were opened by then and are no spam."""
    return [one for case in cases if (one := life(case, end)) is not None and one.state != "spam"]


# ---- what citizens said ------------------------------------------------------------------------------


def place_of(one: Heard) -> str:
    """Which of the five places a message is in, as ``hub reconcile`` counts it."""
    if one.outcome is None:
        return "waiting"
    if one.outcome != "answered":
        return one.outcome
    if one.undelivered:
        return "ticketed"  # the outbox opens one
    return "bot" if one.by == "bot" else "person"


def _channels(heard: Iterable[Heard], received: Iterable[Case]) -> dict[str, ChannelLine]:
    places: Counter[tuple[str, str]] = Counter()
    people: set[tuple[str, str, int]] = set()
    for one in heard:
        places[one.channel, place_of(one)] += 1
        people.add((one.channel, one.conversation, (one.at + _VIETNAM_MS) // DAY_MS))
    contacts = Counter(channel for channel, _, _ in people)
    tickets = Counter(case.channel for case in received)
    lines = {}
    for channel in sorted(contacts.keys() | tickets.keys()):
        row = {name: places[channel, name] for name in PLACES}
        lines[channel] = ChannelLine(
            messages=sum(row.values()), contacts=contacts[channel], tickets=tickets[channel], **row
        )
    return lines


def unanswered(heard: Iterable[Heard]) -> list[tuple[Topic, str]]:
    """(topic, ticket) of each question that the bot passed on because it had no answer. The ticket may be an older
    one that the question was added to: then there is none of this id."""
    found = {}
    for one in heard:
        kind = one.facts.get("kind")
        if one.outcome == "ticketed" and one.by == "bot" and one.turn and kind and kind not in _NO_QUESTION:
            subject = one.facts.get("procedure") or one.facts.get("faq") or one.facts.get("category")
            topic = Topic(kind, subject, one.facts.get("aspect"))
            found[one.turn] = (topic, derived_id("k", one.turn))
    return list(found.values())


def _counted(places: Iterable[int], size: int) -> tuple[int, ...]:
    counts = Counter(places)
    return tuple(counts[place] for place in range(size))


def _grouped(categories: Counter[str | None], rules: Rules) -> dict[str | None, int]:
    groups: Counter[str | None] = Counter()
    for category, n in categories.items():
        known = rules.categories.get(category or "")
        groups[known.group if known else None] += n
    return dict(groups)


# ---- tickets -----------------------------------------------------------------------------------------


def settled_in(lives: Iterable[Life], period: Period) -> list[Life]:
    return [one for one in lives if one.settled_at is not None and one.settled_at >= period.since]


def pending(lives: Iterable[Life]) -> list[Life]:
    return [one for one in lives if one.settled_at is None]


def overdue(lives: Iterable[Life]) -> list[Life]:
    """Pending ones whose citizen has waited too long; what stands for a merged one is late for both."""
    return [one for one in pending(lives) if one.late]


def _flow(everything: Sequence[Life], lives: Sequence[Life], period: Period) -> Flow:
    received = carried = reopened = 0
    settled = settled_in(lives, period)
    open_ = pending(lives)
    for one in (*settled, *open_):
        if one.case.created_at >= period.since:
            received += 1
        elif _settled_before(one, period):
            reopened += 1
        else:
            carried += 1
    late = sum(one.late for one in settled)
    unjudged = sum(one.case.hours is None for one in settled)
    return Flow(
        carried=carried,
        received=received,
        reopened=reopened,
        settled=len(settled),
        on_time=len(settled) - late - unjudged,
        late=late,
        unjudged=unjudged,
        pending=len(open_),
        overdue=sum(one.late for one in open_),
        spam=sum(one.state == "spam" and one.case.created_at >= period.since for one in everything),
    )


def _settled_before(one: Life, period: Period) -> bool:
    before = life(one.case, period.since)
    return before is not None and before.settled_at is not None


def _durations(lives: Sequence[Life], period: Period, work: WorkTime) -> tuple[Times, Times]:
    replied = [
        (one.case.received_at, one.replied_at)
        for one in lives
        if one.replied_at is not None and one.replied_at >= period.since
    ]
    first = Times(
        spread(max(0, end - start) for start, end in replied),
        spread(max(0, work.between(start, end)) for start, end in replied),
    )
    solved = [(one, one.settled_at) for one in settled_in(lives, period) if one.settled_at is not None]
    return first, Times(
        spread(end - one.case.received_at - _waited(one, lambda a, b: b - a) for one, end in solved),
        spread(work.between(one.case.received_at, end) - _waited(one, work.between) for one, end in solved),
    )


def _waited(one: Life, between: Callable[[int, int], int]) -> int:
    """For the citizen, after they had been asked."""
    return sum(between(max(start, one.case.received_at), end) for start, end in one.pauses)


def spread(durations: Iterable[int]) -> Spread:
    ordered = sorted(durations)
    n = len(ordered)
    if not n:
        return Spread(0, None, None)
    return Spread(n, ordered[(n + 1) // 2 - 1], ordered[(9 * n + 9) // 10 - 1])


# ---- agencies ----------------------------------------------------------------------------------------


def kind_of(leg: Leg) -> str:
    if leg.how is None:
        return "overdue" if leg.late else "pending"
    if leg.how == "answered":
        return "late" if leg.late else "on_time"
    return leg.how


def legs_of(lives: Iterable[Life], period: Period) -> list[tuple[Life, Leg]]:
    """Those that ended in the time, or had not at its end."""
    return [(one, leg) for one in lives for leg in one.legs if leg.ended is None or leg.ended >= period.since]


def _agencies(lives: Sequence[Life], period: Period) -> dict[str, AgencyLine]:
    kinds: Counter[tuple[str, str]] = Counter()
    received: Counter[str] = Counter()
    for _, leg in legs_of(lives, period):
        kinds[leg.agency, kind_of(leg)] += 1
        received[leg.agency] += leg.since >= period.since
    return {
        agency: AgencyLine(
            received=received[agency],
            on_time=kinds[agency, "on_time"],
            late=kinds[agency, "late"],
            returned=kinds[agency, "returned"],
            withdrawn=kinds[agency, "withdrawn"],
            pending=kinds[agency, "pending"] + kinds[agency, "overdue"],
            overdue=kinds[agency, "overdue"],
        )
        for agency in sorted(received)
    }


# ---- satisfaction ------------------------------------------------------------------------------------


def closed_in(lives: Iterable[Life], period: Period) -> list[Life]:
    return [one for one in lives if one.closed_at is not None and one.closed_at >= period.since]


def rated_in(lives: Iterable[Life], period: Period) -> list[Life]:
    """Closed in the time, and scored since."""
    return [
        one
        for one in closed_in(lives, period)
        if one.case.scored_at is not None and one.case.scored_at >= (one.closed_at or 0)
    ]


def _satisfaction(lives: Sequence[Life], period: Period) -> Satisfaction:
    scores = Counter(one.case.score for one in rated_in(lives, period))
    counts = tuple(scores[score] for score in range(1, 6))
    asked = len(closed_in(lives, period))
    return Satisfaction(asked=asked, scores=(counts[0], counts[1], counts[2], counts[3], counts[4]))
