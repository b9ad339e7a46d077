"""Documents of the store as typed entries, with every reference between them checked."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from bot.knowledge.schema import (
    MODELS,
    Agency,
    Category,
    Commune,
    Entry,
    Example,
    Faq,
    Group,
    Procedure,
    Source,
    field_path,
    in_words,
    place,
)
from hub.errors import DataError
from hub.model import KnowledgeDoc, KnowledgeKind


def parse_entry(kind: KnowledgeKind, body: dict[str, Any], where: str) -> tuple[Entry | None, list[str]]:
    """The entry, or what is wrong with it."""
    try:
        return MODELS[kind].model_validate(body), []
    except ValidationError as error:
        problems = []
        for found in error.errors():
            path = field_path(found["loc"])
            problems.append(f"{where}{f', trường {path}' if path else ''}: {in_words(found)}")
        return None, problems


@dataclass(frozen=True)
class Entries:
    """All entries by kind and id, in the order they were given."""

    procedures: dict[str, Procedure] = field(default_factory=dict)
    faqs: dict[str, Faq] = field(default_factory=dict)
    agencies: dict[str, Agency] = field(default_factory=dict)
    communes: dict[str, Commune] = field(default_factory=dict)
    categories: dict[str, Category] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    sources: dict[str, Source] = field(default_factory=dict)
    examples: dict[str, Example] = field(default_factory=dict)

    @classmethod
    def of(cls, docs: Iterable[KnowledgeDoc]) -> "Entries":
        """Type and cross-check documents.

        Raises:
            DataError: with one problem per fault.
        """
        entries, problems = cls(), []
        for doc in docs:
            where = place(doc.kind, doc.id, "bản nhập" if doc.origin == "import" else None)
            entry, faults = parse_entry(doc.kind, doc.body, where)
            problems += faults
            if entry is None:
                continue
            shelf: dict[str, Any] = entries._shelf(doc.kind)
            if doc.body.get("id") != doc.id:
                problems.append(f"{where}, trường id: khác mã của mục")
            if doc.id in shelf:
                problems.append(f"{where}, trường id: mã bị trùng")
            shelf[doc.id] = entry
        if not problems:
            problems = list(entries._loose_ends())
        if problems:
            raise DataError(f"Dữ liệu tri thức có {len(problems)} chỗ sai", tuple(problems))
        return entries

    def _shelf(self, kind: KnowledgeKind) -> dict[str, Any]:
        shelves: dict[KnowledgeKind, dict[str, Any]] = {
            "procedure": self.procedures, "faq": self.faqs, "agency": self.agencies, "commune": self.communes,
            "category": self.categories, "group": self.groups, "source": self.sources, "example": self.examples,
        }  # fmt: skip
        return shelves[kind]

    def _loose_ends(self) -> Iterator[str]:
        """References that lead nowhere."""

        def missing(
            kind: KnowledgeKind, owner: str, name: str, ids: Iterable[str | None], target: Any
        ) -> Any:
            for one in ids:
                if one is not None and one not in target:
                    yield f"{place(kind, owner)}, trường {name}: '{one}' không có trong dữ liệu"

        for p in self.procedures.values():
            yield from missing("procedure", p.id, "agency", [p.agency], self.agencies)
            yield from missing("procedure", p.id, "agency_2020", [p.agency_2020], self.agencies)
            yield from missing("procedure", p.id, "owner", [p.owner], self.agencies)
            yield from missing("procedure", p.id, "source", p.source, self.sources)
        for q in self.faqs.values():
            yield from missing("faq", q.id, "category", [q.category], self.categories)
            yield from missing("faq", q.id, "source", q.source, self.sources)
            yield from missing("faq", q.id, "owner", [q.owner], self.agencies)
        names = {c.name for c in self.communes.values()}
        for a in self.agencies.values():
            yield from missing("agency", a.id, "parent", [a.parent], self.agencies)
            yield from missing("agency", a.id, "successors", a.successors, self.agencies)
            yield from missing("agency", a.id, "source", a.source, self.sources)
            yield from missing("agency", a.id, "communes_after_2025", a.communes_after_2025, names)
        for c in self.categories.values():
            yield from missing("category", c.id, "parent", [c.parent], self.groups)
            yield from missing("category", c.id, "agencies", c.agencies, self.agencies)
            yield from missing("category", c.id, "agencies_2020", c.agencies_2020, self.agencies)
        used = {c.parent for c in self.categories.values()}
        for g in self.groups:
            if g in self.categories:
                yield f"{place('group', g)}, trường id: trùng mã với một lĩnh vực"
            if g not in used:
                yield f"{place('group', g)}: nhóm không có lĩnh vực nào"
