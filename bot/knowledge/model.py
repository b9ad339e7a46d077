"""What the knowledge base answers with."""

from dataclasses import dataclass
from typing import Literal

EntryKind = Literal["procedure", "faq"]
Aspect = Literal[
    "documents", "fee", "time", "where", "steps", "online", "form", "legal_basis", "eligibility", "general"
]
#: Kind and id of an entry.
Topic = tuple[Literal["procedure", "faq"], str]


@dataclass(frozen=True)
class Hit:
    """One entry that may be meant; ``score`` is the calibrated chance that it is."""

    kind: EntryKind
    id: str
    title: str
    score: float


@dataclass(frozen=True)
class Match:
    """What a question is about. ``id`` is set for ``procedure`` and ``faq``; ``clarify`` has 2-4 candidates."""

    outcome: Literal["procedure", "faq", "clarify", "unknown"]
    id: str | None
    confidence: float
    candidates: tuple[Hit, ...]


@dataclass(frozen=True)
class Answer:
    """A text for the chat. ``missing``: the entry has no data on what was asked; ``verified``: everything shown
    was read at its source; ``knowledge``: ids of the entries it was made of."""

    text: str
    missing: bool
    verified: bool
    knowledge: tuple[str, ...]
