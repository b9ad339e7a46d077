"""Figures of a time: equal to a slow recount of random histories, and right in the cases people will ask about."""

import datetime as dt
import random
from collections import Counter
from typing import Any

import pytest

from handoff import acts
from handoff.acts import CITIZEN, Actor
from handoff.calendar import at_ms
from handoff.casework import Casework
from handoff.lifecycle import Refused
from handoff.reports.figures import PLACES, Figures, figures
from handoff.reports.periods import Period, month_of, period_of
from handoff.rules import product
from handoff.tickets import open_ticket
from hub.model import Draft, Turn
from hub.ports import Store, TicketWish
from tests.conftest import FakeClock
from tests.contract.builders import arrive, event
from tests.handoff.cases import LAN, MINH, ms
from tests.handoff.recount import Raw, recount, spread

MINUTE = 60_000
AGENCIES = ("dt-dien-luc", "dt-so-y-te", "dt-so-xay-dung")
CATEGORIES = ("dien-mat-dien", "chieu-sang", None)
COMMUNES = ("phuong-my-tho", "xa-my-hiep", None)
KINDS: tuple[dict[str, Any], ...] = (
    {"kind": "procedure", "procedure": "khai-sinh", "aspect": "fee"},
    {"kind": "unknown_procedure"},
    {"kind": "report"},
)


class Town:
    """Five weeks in which everything happens by chance, one thing after the other, on whole minutes."""

    def __init__(self, store: Store, clock: FakeClock, casework: Casework, seed: int) -> None:
        self.store, self.clock, self.casework = store, clock, casework
        self.dice = random.Random(seed)
        self.conversations: list[str] = []
        self.tickets: list[str] = []
        self.n = 0

    async def live(self, steps: int) -> None:
        for _ in range(steps):
            self.n += 1
            self.clock.forward(self.dice.randrange(1, 160) * MINUTE)
            await self.dice.choice((self.say, self.act, self.act, self.act))()

    async def say(self) -> None:
        channel = self.dice.choice(("webchat", "zalo", "phone"))
        said = event(
            f"x-{self.n}", conversation=f"{channel}-{self.dice.randrange(12)}", channel=channel,
            automatic=self.dice.random() < 0.05,
        )  # fmt: skip
        (message,) = await arrive(self.store, said, at=self.clock.now(), raw_id=f"r-{self.n}")
        where = str(message.conversation)
        if where not in self.conversations:
            self.conversations.append(where)
        conversation = await self.store.conversation(where)
        assert conversation is not None
        if message.outcome is not None or (fate := self.dice.random()) < 0.1:
            return
        turn: dict[str, Any] = {
            "id": f"t-{self.n}", "conversation": where, "at": self.clock.now(), "handles": message.seq,
            "actor": "operator" if channel == "phone" else "bot", "says": (Draft(text="Dạ"),),
        }  # fmt: skip
        if fate < 0.45:
            await self.store.commit_turn(Turn(**turn, outcome="answered"))
            return
        number = await self.store.next_ticket_number(2026)
        category = self.dice.choice(CATEGORIES)
        wish = TicketWish(reason="report", category=category, summary="Việc")
        ticket = open_ticket(
            wish,
            conversation,
            turn=turn["id"],
            number=number,
            at=self.clock.now(),
            actor="bot",
            about=[message],
        )
        facts = self.dice.choice(KINDS) if channel != "phone" else {}
        await self.store.commit_turn(Turn(**turn, outcome="ticketed", ticket=ticket, facts=facts))
        self.tickets.append(ticket.id)

    async def act(self) -> None:
        if not self.tickets:
            return
        ticket = await self.store.ticket(self.dice.choice(self.tickets))
        assert ticket is not None
        agency = Actor(id="x", kind="agency", agencies=(ticket.agency or "",))
        staff = self.dice.choice((LAN, MINH))
        doing: tuple[tuple[acts.Act, Actor, str | None], ...] = (
            (acts.Assign(operator=staff.id), staff, None),
            (acts.Classify(commune=self.dice.choice(COMMUNES[:2])), staff, None),
            (acts.Forward(agency=self.dice.choice(AGENCIES)), staff, None),
            (acts.Forward(agency=self.dice.choice(AGENCIES)), staff, None),
            (acts.Propose(kind="answer", text="Đã sửa"), agency, None),
            (acts.Propose(kind="answer", text="Đã sửa xong"), agency, None),
            (acts.Propose(kind="question", text="Ở đâu?"), agency, None),
            (acts.Return(reason="Không thuộc thẩm quyền"), agency, None),
            (acts.Decline(reason="Chưa rõ"), staff, None),
            (acts.Ask(), staff, "Ở đâu ạ?"),
            (acts.Heard(), CITIZEN, None),
            (acts.Answer(), staff, "Đã xong ạ"),
            (acts.Answer(), staff, "Đã xong"),
            (acts.Close(), staff, None),
            (acts.Close(), staff, None),
            (acts.Rate(score=self.dice.randrange(1, 6)), CITIZEN, None),
            (acts.Rate(score=self.dice.randrange(1, 6)), CITIZEN, None),
            (acts.Reopen(), CITIZEN, None),
            (acts.Note(text="Ghi"), staff, None),
            *([(acts.Spam(), staff, None)] if self.dice.random() < 0.1 else []),
        )
        act, actor, text = self.dice.choice(doing)
        try:
            await self.casework.do(ticket.id, act, actor, f"key-{self.n}", text=text)
        except Refused:
            return


async def counted(store: Store, period: Period, now: int) -> Figures:
    heard = await store.heard(since=period.since, until=period.until)
    cases = await store.cases(since=period.since, until=period.until)
    return figures(heard, cases, period, product(), now)


@pytest.mark.parametrize("seed", [2])
async def test_figures_equal_a_recount_of_the_raw_history(
    store: Store, clock: FakeClock, casework: Casework, seed: int
) -> None:
    clock.forward(ms("2026-10-12T06:00") - clock.now())
    town = Town(store, clock, casework, seed)
    await town.live(450)
    raw = await Raw.of(store, town.conversations, town.tickets)
    seen: Counter[str] = Counter()
    for first, last in (
        ("2026-10-01", "2026-10-31"),
        ("2026-11-01", "2026-11-08"),
        ("2026-11-09", "2026-11-30"),
    ):
        period = period_of(first, last)
        assert period is not None
        end = min(period.until, clock.now() + MINUTE)
        found = await counted(store, period, end - 1)
        expected = recount(raw, period.first, period.last, end, product())
        seen.update(compare(found, expected))
        flow = found.flow
        assert flow.carried + flow.received + flow.reopened == flow.settled + flow.pending
        assert flow.settled == flow.on_time + flow.late + flow.unjudged
        assert all(line.messages == sum(line[2:7]) for line in found.channels.values())
    assert {name for name, n in seen.items() if not n} == set(), "every kind of thing has happened"


def compare(found: Figures, expected: dict[str, Any]) -> Counter[str]:
    """Everything is the same; how often each thing was there."""
    places = {
        (channel, place): getattr(line, place) for channel, line in found.channels.items() for place in PLACES
    }
    assert {key: n for key, n in places.items() if n} == dict(expected["places"])
    assert {channel: line.contacts for channel, line in found.channels.items() if line.contacts} == expected[
        "contacts"
    ]
    assert {channel: line.tickets for channel, line in found.channels.items() if line.tickets} == expected[
        "tickets"
    ]
    for name in ("hours", "weekdays", "days"):
        assert list(getattr(found, name)) == [expected[name][n] for n in range(len(getattr(found, name)))], (
            name
        )
    assert found.categories == expected["categories"]
    assert found.communes == expected["communes"]
    assert found.flow._asdict() == expected["flow"]
    for name in ("first_reply", "solved"):
        times, wanted = getattr(found, name), expected[name]
        assert tuple(times.clock) == spread([clock for clock, _ in wanted]), name
        assert tuple(times.working) == spread([worked for _, worked in wanted]), name
    lines = {
        agency: {
            "received": line.received, "on_time": line.on_time, "late": line.late, "returned": line.returned,
            "withdrawn": line.withdrawn, "overdue": line.overdue, "pending": line.pending - line.overdue,
        }
        for agency, line in found.agencies.items()
    }  # fmt: skip
    assert {agency: {k: n for k, n in line.items() if n} for agency, line in lines.items()} == {
        agency: {k: n for k, n in line.items() if n} for agency, line in expected["agencies"].items()
    }
    assert found.satisfaction.asked == expected["asked"]
    assert list(found.satisfaction.scores) == [expected["scores"][score] for score in range(1, 6)]
    assert {tuple(topic): n for topic, n in found.topics.items()} == expected["topics"]
    seen = Counter(found.flow._asdict()) - Counter(unjudged=1)
    del seen["unjudged"]
    for line in lines.values():
        seen.update({f"leg {name}": n for name, n in line.items()})
    for (_, place), n in places.items():
        seen[place] += n
    return seen | Counter({"scores": found.satisfaction.answered, "topics": len(found.topics)})


def test_days_begin_at_midnight_in_vietnam() -> None:
    month = month_of(dt.date(2026, 12, 9))
    assert (month.since, month.until) == (ms("2026-12-01T00:00"), ms("2027-01-01T00:00"))
    assert month.before() == month_of(dt.date(2026, 11, 1))
    week = Period(first=dt.date(2026, 11, 9), last=dt.date(2026, 11, 15))
    assert week.before() == Period(first=dt.date(2026, 11, 2), last=dt.date(2026, 11, 8))
    assert at_ms(week.first, dt.time()) == ms("2026-11-09T00:00")


@pytest.mark.parametrize(
    ("first", "last"), [("", ""), ("2026-02-30", "2026-03-01"), ("2026-03-02", "2026-03-01"), ("2024-01-01", "2026-01-01")]
)  # fmt: skip
def test_what_is_no_period(first: str, last: str) -> None:
    assert period_of(first, last) is None


async def test_nothing_happened(store: Store) -> None:
    found = await counted(store, month_of(dt.date(2026, 11, 1)), ms("2026-11-25T08:00"))
    assert (found.total.messages, found.flow.pending, found.satisfaction.mean, found.solved.clock.median) == (
        0,
        0,
        None,
        None,
    )
