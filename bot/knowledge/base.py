"""The knowledge base as one immutable object: built from documents, replaced whole when they change."""

import re
from collections.abc import Iterable

import numpy as np

from bot.knowledge.answer import Writer
from bot.knowledge.entries import Entries
from bot.knowledge.match import certainty, decide
from bot.knowledge.model import Answer, Aspect, Hit, Match
from bot.knowledge.places import Gazetteer
from bot.knowledge.schema import Commune, Faq, Procedure
from bot.knowledge.search import Floats, Index
from bot.knowledge.wording import names_nothing
from bot.text import nfc
from hub.model import KnowledgeDoc

#: A report below this resemblance to any example is left to the operator's choice of category.
CATEGORY_FLOOR = 0.45
#: Citizens write pages at times; what they want stands at the beginning.
QUERY_CHARS = 400


class KnowledgeBase:
    """Search, matching and answers over one revision of the knowledge."""

    def __init__(self, entries: Entries, revision: int) -> None:
        self.revision = revision
        self._entries = entries
        self._hits = [
            *(Hit("procedure", p.id, p.name, 0.0) for p in entries.procedures.values()),
            *(Hit("faq", q.id, q.question, 0.0) for q in entries.faqs.values()),
        ]
        self._index = Index(
            [
                *(procedure_phrases(p) for p in entries.procedures.values()),
                *([q.question, *q.variants] for q in entries.faqs.values()),
            ]
        )
        self._category_ids = list(entries.categories)
        self._categories = Index([[c.name, *c.examples] for c in entries.categories.values()])
        self._gazetteer = Gazetteer(entries.communes.values())
        self._writer = Writer(entries)

    @classmethod
    def build(cls, docs: Iterable[KnowledgeDoc], revision: int = 0) -> "KnowledgeBase":
        """Check and index documents.

        Raises:
            DataError: with one line per fault.
        """
        return cls(Entries.of(docs), revision)

    def search(self, query: str, limit: int = 10) -> list[Hit]:
        """The ``limit`` procedures that resemble the query most, best first; never abstains."""
        return self._best(self._scores(query)[: len(self._entries.procedures)], limit)

    def find(self, query: str, limit: int = 5) -> Match:
        """What the query is about: one entry, several to ask about, or nothing that is known."""
        return decide(self._best(self._scores(query), limit), names_nothing=self.bare(query))

    def answer(self, procedure_id: str, aspect: Aspect, *, commune: str | None = None) -> Answer:
        """One aspect of a procedure in words; ``commune`` is an id.

        Raises:
            KeyError: no such procedure.
        """
        return self._writer.procedure(self._entries.procedures[procedure_id], aspect, commune)

    def answer_faq(self, faq_id: str) -> Answer:
        """The answer to a common question.

        Raises:
            KeyError: no such question.
        """
        return self._writer.faq(self._entries.faqs[faq_id])

    def procedure(self, procedure_id: str) -> Procedure | None:
        return self._entries.procedures.get(procedure_id)

    def faq(self, faq_id: str) -> Faq | None:
        return self._entries.faqs.get(faq_id)

    def communes_in(self, text: str) -> list[Commune]:
        """Communes the text names, in order; folded names only where they are unique."""
        return self._gazetteer.communes_in(text)

    def category_for(self, text: str) -> tuple[str, float] | None:
        """The category whose examples resemble a report most, and how likely it is."""
        if not self._category_ids:
            return None
        scores = self._categories.scores(text[:QUERY_CHARS])
        best = int(np.argmax(scores))
        if scores[best] < CATEGORY_FLOOR:
            return None
        return self._category_ids[best], round(certainty(float(scores[best])), 3)

    def bare(self, text: str) -> bool:
        """Whether the text names no subject of its own, so that it must be about what was talked of before."""
        return names_nothing(self._gazetteer.outside(text[:QUERY_CHARS]) or text)

    def _scores(self, query: str) -> Floats:
        query = nfc(query[:QUERY_CHARS])
        scores = self._index.scores(query)
        elsewhere = self._gazetteer.outside(query)
        if elsewhere and len(elsewhere) < len(query):
            # Where a citizen lives is not what a procedure is about; questions about the province may be.
            procedures = len(self._entries.procedures)
            without_place = self._index.scores(elsewhere)[:procedures]
            scores[:procedures] = np.maximum(scores[:procedures], without_place)
        return scores

    def _best(self, scores: Floats, limit: int) -> list[Hit]:
        # Rounded, so that equal resemblance is equal on every machine and the order of the data decides.
        rounded = np.round(scores, 4)
        if 0 < limit < len(rounded):
            worst = np.partition(rounded, -limit)[-limit]
            among = np.flatnonzero(rounded >= worst)
        else:
            among = np.arange(len(rounded))
        order = among[np.argsort(-rounded[among], kind="stable")][:limit]
        return [
            Hit(hit.kind, hit.id, hit.title, round(float(scores[at]), 4))
            for at in order
            for hit in [self._hits[at]]
        ]


def procedure_phrases(procedure: Procedure) -> list[str]:
    """All a procedure is called: its name without the word "procedure", with and without remarks in brackets."""
    name = re.sub(r"^Thủ tục\s+", "", procedure.name)
    plain = re.sub(r"\s*\([^)]*\)", "", name)
    return list(dict.fromkeys([plain or name, name, *procedure.aliases]))
