"""A ticket as its panel and its page show it: what it is about, where it stands, what happened, what may be done."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from handoff import acts, clocks, history
from handoff.acts import Actor
from handoff.deadline import spoken
from handoff.duty import spoken_time
from handoff.history import PRIORITY_WORDS
from handoff.lifecycle import DONE, allows
from handoff.routing import Route
from handoff.rules import Rules
from hub.model import OPEN_STATES, Conversation, Notice, Staff, Ticket, TicketQuery
from hub.notices import officers_of
from hub.ports import SendsMail, Store
from hub.web.console_files import File, files_of
from hub.web.console_view import AUTHORS, CHANNELS, STATES, names_of
from hub.web.context import Hub

MOST_MERGED: Final = 200
MOST_LIKE: Final = 100
LIKE_WITHIN_MS: Final = 7 * 24 * 3_600_000

NO_MAIL: Final = "Hệ thống chưa cài đặt email, nên cơ quan chưa được báo bằng thư."
NO_URL: Final = "Chưa đặt địa chỉ công khai của Tổng đài, nên cơ quan chưa được báo bằng thư."
NO_ADDRESS: Final = "Chưa có địa chỉ email của cơ quan, nên cơ quan chưa được báo bằng thư."

ALARM_WORDS: Final = {
    "citizen:50": "Đã qua 50% thời hạn",
    "citizen:80": "Đã qua 80% thời hạn",
    "citizen:100": "Quá hạn trả lời người dân",
    "agency:50": "Cơ quan đã dùng 50% thời hạn",
    "agency:80": "Cơ quan đã dùng 80% thời hạn",
    "agency:100": "Cơ quan quá hạn",
}

#: What can be done, with a sample of it that shows whether it fits the ticket now.
OFFERS: Final[dict[str, acts.Act]] = {
    "assign": acts.Assign(operator=""),
    "release": acts.Release(),
    "classify": acts.Classify(),
    "forward": acts.Forward(agency=""),
    "review": acts.Decline(reason=""),
    "ask": acts.Ask(),
    "answer": acts.Answer(),
    "close": acts.Close(),
    "spam": acts.Spam(),
    "reopen": acts.Reopen(),
    "split": acts.Note(text=""),
    "merge": acts.Merge(into="", into_due_at=None, into_state="new"),
    "unmerge": acts.Unmerge(),
    "link": acts.Link(ticket=""),
    "unlink": acts.Unlink(ticket=""),
    "note": acts.Note(text=""),
    "remind": acts.Remind(),
    "revoke": acts.Revoke(),
}


class CaseNames:
    """How ids are called in sentences about a ticket."""

    def __init__(
        self, rules: Rules, staff: Mapping[str, str], tickets: Iterable[Ticket] = (), me: str = ""
    ) -> None:
        self._rules, self._staff, self._me = rules, staff, me
        self._codes = {ticket.id: ticket.code for ticket in tickets}

    def person(self, actor: str) -> str:
        if actor == self._me:
            return f"{self._staff.get(actor, AUTHORS['operator'])} (bạn)"
        if actor.startswith("agency:"):
            return self.agency(actor.removeprefix("agency:"))
        known = {"bot": AUTHORS["bot"], "system": AUTHORS["system"], "citizen": AUTHORS["citizen"]}
        return known.get(actor) or self._staff.get(actor, AUTHORS["operator"])

    def agency(self, id_: str) -> str:
        unit = self._rules.agencies.get(id_)
        return unit.name if unit else id_

    def category(self, id_: str) -> str:
        known = self._rules.categories.get(id_)
        return known.name if known else id_

    def commune(self, id_: str) -> str:
        return self._rules.agencies.commune(id_) or id_

    def ticket(self, id_: str) -> str:
        return self._codes.get(id_, "")


@dataclass(frozen=True)
class ClockView:
    """One of the two clocks: ``level`` is ``calm``, ``warned``, ``late``, ``paused`` or ``done``."""

    title: str
    level: str
    words: str
    due: int | None
    promise: str
    used: int  # per cent of the working time
    steps: tuple[str, ...]
    unconfirmed: tuple[int, ...]
    warned: tuple[str, ...]  # the warnings that were given


@dataclass(frozen=True)
class CaseFile:
    """Everything the pages show of one ticket."""

    ticket: Ticket
    conversation: Conversation
    names: CaseNames
    lines: list[history.Line]  # newest first
    clocks: list[ClockView]
    route: Route
    offers: frozenset[str]
    main: Ticket | None = None  # the case it was merged into
    merged: tuple[Ticket, ...] = ()
    related: tuple[Ticket, ...] = ()
    alike: tuple[Ticket, ...] = ()
    files: tuple[tuple[str, File], ...] = ()  # (message id, file)
    mails: tuple[Notice, ...] = ()  # to the agency with which the case lies, newest last
    unmailed: str | None = None  # why the agency gets no mail

    @property
    def open(self) -> bool:
        return self.ticket.state in OPEN_STATES

    @property
    def citizen(self) -> str:
        return self.conversation.name or f"Người dân …{self.conversation.sender[-4:]}"

    @property
    def channel(self) -> str:
        return CHANNELS.get(self.conversation.channel, self.conversation.channel)

    @property
    def state(self) -> str:
        return STATES[self.ticket.state]

    @property
    def priority(self) -> str:
        return PRIORITY_WORDS[self.ticket.priority]

    @property
    def proposal_asks(self) -> bool:
        return self.ticket.proposal is not None and self.ticket.proposal.kind == "question"

    @property
    def map_address(self) -> str | None:
        place = self.ticket.place
        if place is None or place.lat is None or place.lon is None:
            return None
        where = f"{place.lat:.6f}/{place.lon:.6f}"
        return f"https://www.openstreetmap.org/?mlat={place.lat:.6f}&mlon={place.lon:.6f}#map=17/{where}"


async def case_file(hub: Hub, ticket: Ticket, me: Staff, *, whole: bool = False) -> CaseFile:
    """``whole``: with what only the ticket's own page shows (attachments)."""
    store, rules, now = hub.store, hub.rules(), hub.clock.now()
    conversation = await store.conversation(ticket.conversation)
    assert conversation is not None  # noqa: S101 - told to the type checker: a ticket's conversation stays
    merged = tuple(await store.find_tickets(TicketQuery(merged_into=ticket.id), limit=MOST_MERGED))
    main = await store.ticket(ticket.merged_into) if ticket.merged_into else None
    around = await _named_in(store, ticket)
    known = {one.id: one for one in (*around, *merged, *([main] if main else []))}
    staff = await names_of(store, _people(ticket))
    names = CaseNames(rules, staff, known.values(), me.id)
    return CaseFile(
        ticket=ticket,
        conversation=conversation,
        names=names,
        lines=history.told(ticket, names)[::-1],
        clocks=clock_views(ticket, rules, now),
        route=rules.router.route(
            ticket.category, ticket.commune, complaint=ticket.reason == "complaint", about=ticket.about
        ),
        offers=offered(ticket, me),
        main=main,
        merged=merged,
        related=tuple(known[id_] for id_ in (*ticket.related, ticket.duplicate_of) if id_ in known),
        alike=tuple(await alike(store, ticket)) if ticket.merged_into is None else (),
        files=await _files(store, ticket) if whole else (),
        mails=tuple(one for one in await store.notices(ticket.id) if one.agency == ticket.agency)
        if ticket.state == "forwarded"
        else (),
        unmailed=await unmailed(hub, ticket),
    )


async def unmailed(hub: Hub, ticket: Ticket) -> str | None:
    """Why the agency that has the case hears of it by nothing but the link; None: it does hear, or there is none."""
    if ticket.state != "forwarded" or ticket.agency is None:
        return None
    if await officers_of(hub.store, ticket.agency):
        return None
    if not any(isinstance(one, SendsMail) for one in hub.connectors.values()):
        return NO_MAIL
    if not hub.settings.public_url:
        return NO_URL
    return None if hub.rules().contact(ticket.agency).email else NO_ADDRESS


def offered(ticket: Ticket, me: Staff) -> frozenset[str]:
    """The acts that fit the ticket now."""
    actor = Actor(id=me.id, kind="staff")
    fits = {name for name, sample in OFFERS.items() if allows(ticket, sample, actor)}
    if ticket.operator is None:
        fits.discard("release")
    if not ticket.related and ticket.duplicate_of is None:
        fits.discard("unlink")
    if ticket.state in DONE:
        fits -= {"split", "revoke"}
    if ticket.state != "forwarded":
        fits.discard("revoke")
    return frozenset(fits)


def clock_views(ticket: Ticket, rules: Rules, now: int) -> list[ClockView]:
    views = []
    if (citizens := clocks.citizen_clock(ticket)) is not None:
        views.append(_clock("Trả lời người dân", citizens, ticket.due_at, ticket, rules, now))
    if (agencys := clocks.agency_clock(ticket)) is not None:
        views.append(_clock("Thời hạn của cơ quan", agencys, ticket.agency_due_at, ticket, rules, now))
    return views


def _clock(
    title: str, clock: clocks.Clock, due: int | None, ticket: Ticket, rules: Rules, now: int
) -> ClockView:
    found = clocks.explained(clock, rules)
    hours = clock.work_ms // 3_600_000
    until_now = clocks.explained(
        clock.model_copy(update={"pauses": (*clock.pauses, (max(now, clock.since), None))}), rules
    )
    counted = until_now.steps[-1].total_ms if until_now.steps else 0
    used = min(100, counted * 100 // clock.work_ms)
    settled = ticket.state in clocks.SETTLED
    if settled:
        level, words = "done", "Đã trả lời"
    elif due is None:
        level, words = "paused", "Đang tạm dừng, còn " + spoken((clock.work_ms - counted) // 60_000 * 60_000)
    elif now >= due:
        level, words = "late", f"Quá hạn từ {spoken_time(due)}"
    else:
        level = "warned" if used >= 80 else "calm"
        words = f"Còn {spoken((clock.work_ms - counted) // 60_000 * 60_000)} làm việc"
    return ClockView(
        title=title,
        level=level,
        words=words,
        due=due,
        promise=f"{hours} giờ làm việc, tính từ {spoken_time(clock.since)}",
        used=used,
        steps=tuple(step.note for step in found.steps),
        unconfirmed=found.unconfirmed_years,
        warned=tuple(
            f"{name.partition(':')[2]}%" for name in ticket.alarms if name.startswith(f"{clock.whose}:")
        ),
    )


async def alike(store: Store, ticket: Ticket) -> list[Ticket]:
    """Open tickets of the same category and commune from about the same time: perhaps the same case."""
    if ticket.category is None or ticket.commune is None or ticket.state not in OPEN_STATES:
        return []
    query = TicketQuery(
        category=ticket.category,
        commune=ticket.commune,
        states=tuple(sorted(OPEN_STATES)),
        merged=False,
        order="due",
    )
    found = await store.find_tickets(query, limit=MOST_LIKE)
    near = [one for one in found if abs(one.created_at - ticket.created_at) <= LIKE_WITHIN_MS]
    return [one for one in near if one.id != ticket.id]


async def _named_in(store: Store, ticket: Ticket) -> list[Ticket]:
    """The other tickets that its fields and its history name."""
    ids = {*ticket.related, *filter(None, (ticket.duplicate_of,))}
    for event in ticket.history:
        for name in ("merged_into", "related", "duplicate_of"):
            for value in event.changes.get(name, ()):
                ids |= {value} if isinstance(value, str) else set(value or ())
    found = [await store.ticket(id_) for id_ in sorted(ids)]
    return [one for one in found if one is not None]


def _people(ticket: Ticket) -> set[str | None]:
    people: set[str | None] = {ticket.operator, *(event.actor for event in ticket.history)}
    for event in ticket.history:
        people.update(event.changes.get("operator", ()))
    if ticket.proposal is not None:
        people.add(ticket.proposal.by)
    return people


async def _files(store: Store, ticket: Ticket) -> tuple[tuple[str, File], ...]:
    messages = [await store.message(id_) for id_ in ticket.messages]
    return tuple((one.id, file) for one in messages if one is not None for file in files_of(one))
