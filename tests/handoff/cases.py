"""Short ways to make tickets and acts."""

import datetime as dt
from typing import Any

from handoff import acts
from handoff.acts import Actor
from handoff.lifecycle import apply, deadlines, moment
from handoff.rules import Rules, product
from hub.clock import VIETNAM, local
from hub.model import Ticket, TicketEvent

LAN = Actor(id="s-lan", kind="staff")
MINH = Actor(id="s-minh", kind="staff")
POWER = "dt-dien-luc"
HEALTH = "dt-so-y-te"
AGENCY = Actor(id=f"agency:{POWER}", kind="agency", agencies=(POWER,))
HOUR = 3_600_000


def ms(text: str) -> int:
    return int(dt.datetime.fromisoformat(text).replace(tzinfo=VIETNAM).timestamp() * 1000)


def text(at: int | None) -> str | None:
    return local(at).strftime("%Y-%m-%d %H:%M") if at is not None else None


def opened(at: str = "2026-11-25T08:00", *, rules: Rules | None = None, **fields: Any) -> Ticket:
    when = ms(at)
    base: dict[str, Any] = {
        "id": "k-1", "code": "1022-2026-000001", "lookup_key": "ACDEFG", "conversation": "c-1", "state": "new",
        "reason": "report", "category": "dien-mat-dien", "summary": "Mất điện", "created_at": when,
        "received_at": when, "hours": 8, "history": (TicketEvent(at=when, actor="bot", state="new", action="open"),),
    }  # fmt: skip
    ticket = Ticket(**base | fields)
    return ticket.model_copy(update=deadlines(ticket, rules or product(), when))


def done(ticket: Ticket, act: acts.Act, actor: Actor, at: str | int, rules: Rules | None = None) -> Ticket:
    """The ticket after an act, as a store writes it."""
    when = moment(ticket, ms(at) if isinstance(at, str) else at)
    change = apply(ticket, act, actor, when, rules or product())
    return ticket if change is None else ticket.after(change, at=when, actor=actor.id)
