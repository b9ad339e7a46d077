"""The knowledge base as one immutable object: built from documents, replaced whole when they change."""

import re
from collections.abc import Iterable

import numpy as np

from bot.knowledge.answer import Writer
from bot.knowledge.entries import Entries
from bot.knowledge.match import LITERAL, certainty, decide
from bot.knowledge.model import Answer, Aspect, Hit, Match
from bot.knowledge.needs import Needs, seed_needs
from bot.knowledge.places import Gazetteer
from bot.knowledge.ranker import UNKNOWN, Ranker
from bot.knowledge.schema import Commune, Faq, Procedure
from bot.knowledge.search import Floats, Index
from bot.knowledge.wording import names_nothing
from bot.text import nfc
from hub.model import KnowledgeDoc

#: A report below this resemblance to any example is left to the operator's choice of category.
CATEGORY_FLOOR = 0.45
#: Citizens write pages at times; what they want stands at the beginning.
QUERY_CHARS = 400
#: What resemblance to names and aliases adds to the learned log-odds, and what makes the sum's softmax a chance:
#: both fitted on phrases held out of the training (docs/nlu.md).
INDEX_WEIGHT, SHARPNESS = 2.0, 1.15
#: Beyond this resemblance a name was as good as said, and resemblance counts for more.
NAMED, NAMED_WEIGHT = 0.6, 20.0
#: Names nearer than this to the best were said as well as it was.
TIE = 0.05
#: How steeply better resemblance is preferred among entries nothing was learned about.
STEEP = 14.0


class KnowledgeBase:
    """Search, matching and answers over one revision of the knowledge."""

    def __init__(self, entries: Entries, revision: int, needs: Needs) -> None:
        self.revision = revision
        self._entries = entries
        self._hits = [
            *(Hit("procedure", p.id, p.name, 0.0) for p in entries.procedures.values()),
            *(Hit("faq", q.id, q.question, 0.0) for q in entries.faqs.values()),
        ]
        phrases = [
            *(procedure_phrases(p) for p in entries.procedures.values()),
            *([q.question, *q.variants] for q in entries.faqs.values()),
        ]
        self._index = Index(phrases)
        self._learn(phrases, needs)
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
        return cls(Entries.of(docs), revision, seed_needs())

    def _learn(self, phrases: list[list[str]], needs: Needs) -> None:
        """Entries that people's needs are known of are learned; others are found by their names alone."""
        learned = {
            number: [*phrases[number], *needs.of(hit.kind, hit.id)]
            for number, hit in enumerate(self._hits)
            if needs.of(hit.kind, hit.id)
        }
        self._learned = np.fromiter(learned, dtype=np.int32)
        self._others = np.setdiff1d(np.arange(len(self._hits)), self._learned)
        labels = {
            f"{self._hits[number].kind} {self._hits[number].id}": said for number, said in learned.items()
        }
        self._ranker = Ranker.of(labels | {UNKNOWN: list(needs.unknown)}) if learned else None

    def search(self, query: str, limit: int = 10) -> list[Hit]:
        """The ``limit`` procedures that are likeliest meant, best first; never abstains."""
        chances, _ = self._chances(query, self._scores(query))
        return self._best(chances[: len(self._entries.procedures)], limit)

    def find(self, query: str, limit: int = 5) -> Match:
        """What the query is about: one entry, several to ask about, or nothing that is known."""
        scores = self._scores(query)
        if self.bare(query) and scores.max(initial=0.0) < LITERAL:
            return Match("unknown", None, 0.0, ())
        chances, unknown = self._chances(query, scores)
        named = {(self._hits[at].kind, self._hits[at].id) for at in _named_alike(scores)}
        return decide(self._best(chances, limit), unknown, named)

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

    def _chances(self, query: str, scores: Floats) -> tuple[Floats, float]:
        """The chance of each entry, and of none of them, given its resemblance to the query."""
        chances: Floats = np.zeros(len(self._hits), dtype=np.float32)
        unknown = 1.0
        if self._ranker is not None:
            odds = self._ranker.logits(nfc(query[:QUERY_CHARS]))
            alike = scores[self._learned]
            odds[:-1] += INDEX_WEIGHT * alike + NAMED_WEIGHT * np.maximum(alike - NAMED, 0)
            share = _softmax(np.float32(SHARPNESS) * odds)
            chances[self._learned], unknown = share[:-1], float(share[-1])
        if len(self._others):
            best = float(scores[self._others].max())
            rival = float(scores[self._learned].max(initial=0.0))
            claim = np.float32(certainty(best) / (1 + np.exp(-STEEP * (best - rival))))
            chances *= 1 - claim
            unknown *= 1 - float(claim)
            chances[self._others] = claim * _softmax(np.float32(STEEP) * scores[self._others])
        return chances, unknown

    def _best(self, chances: Floats, limit: int) -> list[Hit]:
        if 0 < limit < len(chances):
            worst = np.partition(chances, -limit)[-limit]
            among = np.flatnonzero(chances >= worst)
        else:
            among = np.arange(len(chances))
        order = among[np.argsort(-chances[among], kind="stable")][:limit]
        return [
            Hit(hit.kind, hit.id, hit.title, round(float(chances[at]), 4))
            for at in order
            for hit in [self._hits[at]]
        ]


def _named_alike(scores: Floats) -> list[int]:
    """The entries whose names were said, when no other was said better: "giấy phép lái xe" names several."""
    return [int(at) for at in np.flatnonzero(scores >= max(NAMED, float(scores.max(initial=0.0)) - TIE))]


def _softmax(odds: Floats) -> Floats:
    powers: Floats = np.exp(odds - odds.max())
    shares: Floats = powers / powers.sum()
    return shares


def procedure_phrases(procedure: Procedure) -> list[str]:
    """All a procedure is called: its name without the word "procedure", with and without remarks in brackets."""
    name = re.sub(r"^Thủ tục\s+", "", procedure.name)
    plain = re.sub(r"\s*\([^)]*\)", "", name)
    return list(dict.fromkeys([plain or name, name, *procedure.aliases]))
