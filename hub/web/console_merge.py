"""Which tickets look like the same case: by the words of their summaries and places."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bot.text import fold, words
from hub.model import Ticket

#: From this share of common words on, two summaries probably speak of the same thing.
LOOKS_ALIKE: Final = 0.4


@dataclass(frozen=True)
class Candidate:
    ticket: Ticket
    likeness: float  # 0…1, of the summaries' words

    @property
    def suggested(self) -> bool:
        return self.likeness >= LOOKS_ALIKE


def by_likeness(ticket: Ticket, others: Sequence[Ticket]) -> list[Candidate]:
    """The most alike first; then those due first."""
    mine = _words(ticket)
    found = [Candidate(one, _likeness(mine, _words(one))) for one in others]
    return sorted(found, key=lambda one: (-round(one.likeness, 2), one.ticket.due_at or 0, one.ticket.id))


def _words(ticket: Ticket) -> frozenset[str]:
    place = ticket.place.text if ticket.place and ticket.place.text else ""
    return frozenset(words(fold(f"{ticket.summary} {place}")))


def _likeness(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / len(one | other) if one and other else 0.0
