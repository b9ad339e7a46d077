"""Need phrases: how people ask for an entry without knowing what it is called, and what they ask for in vain."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from bot.knowledge.load import DATA, parse_yaml, read_text

FAQ_FILE, UNKNOWN_FILE = "faq.yml", "unknown.yml"


@dataclass(frozen=True)
class Needs:
    """Phrases by entry; ``unknown`` are requests for what is not in the knowledge base."""

    procedures: Mapping[str, Sequence[str]] = field(default_factory=dict)
    faqs: Mapping[str, Sequence[str]] = field(default_factory=dict)
    unknown: Sequence[str] = ()

    def of(self, kind: str, id_: str) -> Sequence[str]:
        return (self.faqs if kind == "faq" else self.procedures).get(id_, ())


@lru_cache(maxsize=1)
def seed_needs(folder: Path = DATA / "needs") -> Needs:
    """The product's own phrases.

    Raises:
        DataError: a file is broken.
    """
    procedures: dict[str, Sequence[str]] = {}
    faqs: dict[str, Sequence[str]] = {}
    unknown: Sequence[str] = ()
    for path in sorted(folder.glob("*.yml")):
        content = parse_yaml(read_text(path), path.name)
        if path.name == FAQ_FILE:
            faqs = content
        elif path.name == UNKNOWN_FILE:
            unknown = content["unknown"]
        else:
            procedures |= content
    return Needs(procedures, faqs, unknown)
