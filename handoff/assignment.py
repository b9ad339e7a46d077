"""Giving cases to operators: who is there, may do it, has room, and has least to do. Nobody is a real answer.

Loads and what was just promised are read and written under one version of a small state, so that two hubs that assign at
the same moment do not both fill the last place; the ticket itself is assigned only while nobody has it."""

import json
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from handoff import acts
from handoff.acts import SYSTEM
from handoff.casework import Casework
from handoff.duty import on_duty
from handoff.lifecycle import LOOSE, Refused
from handoff.rules import Rules
from hub.errors import NotFound
from hub.model import Staff, Ticket, TicketQuery

STATE: Final = "assignment"
#: A promise that did not become an assignment by then is void: whoever made it has died.
PROMISE_MS: Final = 60_000
Promise = tuple[str, int, int]  # to whom, of which version of the ticket, when
LOOKS_AT: Final = 200
TRIES: Final = 50


def choose(
    ticket: Ticket, staff: list[Staff], loads: Mapping[str, int], rules: Rules, now: int = 0
) -> Staff | None:
    """Of those who may and have room, the one with least to do; one whose skill it is before one who does anything."""
    able = [
        one
        for one in staff
        if may_do(one, ticket, rules) and loads.get(one.id, 0) < rules.capacity(one.capacity, now)
    ]
    return min(able, key=lambda one: (loads.get(one.id, 0), not one.skills, one.id), default=None)


def may_do(staff: Staff, ticket: Ticket, rules: Rules) -> bool:
    if not staff.active or staff.role not in ("operator", "supervisor"):
        return False
    if not staff.skills:
        return True
    known = rules.categories.get(ticket.category or "")
    return ticket.category in staff.skills or (known is not None and known.group in staff.skills)


@dataclass(frozen=True)
class Dispatcher:
    casework: Casework

    async def run_once(self) -> int:
        """Give out what waits, urgent first; how many found somebody."""
        staff, loads = (
            await self._there(),
            Counter(who for who, _ in await self.casework.store.held_tickets()),
        )
        rules, now = self.casework.rules(), self.casework.clock.now()
        if not any(loads[one.id] < rules.capacity(one.capacity, now) for one in staff):
            return 0
        waiting = TicketQuery(states=tuple(sorted(LOOSE)), unassigned=True, merged=False)
        given = 0
        for ticket in await self.casework.store.find_tickets(waiting, limit=LOOKS_AT):
            if choose(ticket, staff, loads, rules, now) is None:
                continue
            chosen = await self.assign(ticket)
            if chosen is not None:
                loads[chosen] += 1
                given += 1
        return given

    async def _there(self) -> list[Staff]:
        there = {one.staff for one in await on_duty(self.casework.store, self.casework.clock.now())}
        return [one for one in await self.casework.store.everybody() if one.id in there]

    async def assign(self, ticket: Ticket) -> str | None:
        """Give one ticket to somebody; their id, or None: nobody is there, or somebody else was faster."""
        chosen = await self._promise(ticket)
        if chosen is None:
            return None
        act = acts.Assign(operator=chosen, only_if_free=True)
        try:
            now = await self.casework.do(ticket.id, act, SYSTEM, f"{ticket.version}:{chosen}")
        except (Refused, NotFound):
            return None
        return chosen if now.operator == chosen else None

    async def _promise(self, ticket: Ticket) -> str | None:
        """Choose somebody and write it down where others see it; who was chosen before stays."""
        store = self.casework.store
        for _ in range(TRIES):
            now = self.casework.clock.now()
            kept = await store.state(
                STATE
            )  # before the loads: what is assigned meanwhile is at worst counted twice
            promised: dict[str, Promise] = {
                id_: (who, version, at)
                for id_, (who, version, at) in (json.loads(kept.body) if kept else {}).items()
                if at > now - PROMISE_MS
            }
            before = promised.pop(ticket.id, None)
            if before is not None and before[1] == ticket.version:
                return before[0]
            held: defaultdict[str, set[str]] = defaultdict(set)
            for who, id_ in await store.held_tickets():
                held[who].add(id_)
                promised.pop(id_, None)
            for id_, (who, *_) in promised.items():
                if await self._still_free(id_):
                    held[who].add(id_)
            staff = await self._there()
            loads = {who: len(tickets) for who, tickets in held.items()}
            chosen = choose(ticket, staff, loads, self.casework.rules(), now)
            if chosen is None:
                return None
            body = json.dumps(promised | {ticket.id: (chosen.id, ticket.version, now)}).encode()
            if await store.put_state(STATE, body, expects=kept.version if kept else 0, now=now):
                return chosen.id
        return None

    async def _still_free(self, id_: str) -> bool:
        ticket = await self.casework.store.ticket(id_)
        return ticket is not None and ticket.operator is None and ticket.state in LOOSE
