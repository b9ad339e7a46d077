"""The knowledge base as one immutable object: built from documents, replaced whole when they change."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from bot.knowledge.answer import Writer
from bot.knowledge.entries import Entries
from bot.knowledge.followup import seed_follow_ups
from bot.knowledge.match import LITERAL, SURE, certainty, decide
from bot.knowledge.model import Answer, Aspect, Hit, Match, Topic
from bot.knowledge.needs import Needs, seed_needs
from bot.knowledge.places import Gazetteer
from bot.knowledge.ranker import UNKNOWN, Ranker, model_name
from bot.knowledge.schema import Commune, Faq, Procedure
from bot.knowledge.search import Floats, Index, gist
from bot.knowledge.wording import names_nothing, split_words
from bot.text import fold, nfc, words
from hub.clock import Clock, SystemClock, local_day
from hub.model import KnowledgeDoc, KnowledgeKind

#: A report below this resemblance to any example is left to the operator's choice of category.
CATEGORY_FLOOR = 0.45
#: Citizens write pages at times; what they want stands at the beginning.
QUERY_CHARS = 400
#: What resemblance to names and aliases adds to the learned log-odds, and what makes the sum's softmax a chance:
#: both fitted on phrases held out of the training (docs/nlu.md).
INDEX_WEIGHT, SHARPNESS = 2.0, 1.15
#: Beyond this resemblance a name was as good as said, and resemblance counts for more.
NAMED, NAMED_WEIGHT = 0.6, 20.0
#: Names nearer than this to the best were said as well as it was, or very nearly so.
TIE, NEAR = 0.01, 0.05
#: Log-odds of an entry whose editor put down this very question.
PUT_DOWN = 12.0
#: The same where nothing was learned: the chance of the entries found by their names alone.
CLAIM_PUT_DOWN = 0.99
#: How steeply better resemblance is preferred among entries nothing was learned about.
STEEP = 14.0
#: How much likelier than others a neighbour (of the same field) of what was just talked of is what comes next.
NEIGHBOUR = 4.0
#: From this chance on a text is taken to name nothing of its own.
FOLLOWS, SURELY_FOLLOWS = 0.5, 0.9
#: … unless it resembles a name or a question this much.
SAID = 0.9


class KnowledgeBase:
    """Search, matching and answers over one revision of the knowledge."""

    def __init__(
        self, docs: Sequence[KnowledgeDoc], revision: int, needs: Needs, ranker: Ranker | None, clock: Clock
    ) -> None:
        self.revision = revision
        self.entries = entries = Entries.of(docs)
        self._docs = {(doc.kind, doc.id): doc for doc in docs}
        self._clock = clock
        self._hits = [
            *(Hit("procedure", p.id, p.name, 0.0) for p in entries.procedures.values()),
            *(Hit("faq", q.id, q.question, 0.0) for q in entries.faqs.values()),
        ]
        phrases = [
            *([*procedure_phrases(p), *p.needs] for p in entries.procedures.values()),
            *([q.question, *q.variants] for q in entries.faqs.values()),
        ]
        self._places = {(hit.kind, hit.id): place for place, hit in enumerate(self._hits)}
        groups = [
            *(p.field for p in entries.procedures.values()),
            *(q.category for q in entries.faqs.values()),
        ]
        self._groups = np.array(groups)
        self._follow_ups = seed_follow_ups()
        self._index = Index(phrases)
        self._learn(phrases, needs, ranker)
        self._put_down = self._what_editors_put_down()
        self._category_ids = list(entries.categories)
        self._categories = Index([[c.name, *c.examples] for c in entries.categories.values()])
        self._gazetteer = Gazetteer(entries.communes.values())
        self._writer = Writer(entries, lambda: local_day(clock.now()))

    @classmethod
    def build(
        cls,
        docs: Iterable[KnowledgeDoc],
        revision: int = 0,
        *,
        like: "KnowledgeBase | None" = None,
        clock: Clock | None = None,
    ) -> "KnowledgeBase":
        """Check and index documents.

        Args:
            like: take over what this one has learned, which is at once. Names, aliases and editors' phrases count
                all the same; ``behind`` tells whether there is more to learn.

        Raises:
            DataError: with one line per fault.
        """
        clock = clock or (like._clock if like else SystemClock())
        return cls(list(docs), revision, seed_needs(), like._ranker if like else None, clock)

    def changed(self, before: KnowledgeDoc | None, after: KnowledgeDoc | None) -> "KnowledgeBase":
        """As it would be with an entry changed, added (no ``before``) or gone (no ``after``), to try it out.

        Raises:
            DataError: with one line per fault.
        """
        docs = dict(self._docs)
        if after is not None:
            docs[after.kind, after.id] = after
        elif before is not None:
            del docs[before.kind, before.id]
        return self.build(docs.values(), self.revision, like=self)

    def _what_editors_put_down(self) -> dict[str, list[int]]:
        """Entries by the very questions that editors have put down for them. Names are not among these: several
        entries may share one, and then the citizen is asked which."""
        found: dict[str, list[int]] = defaultdict(list)
        for at, hit in enumerate(self._hits):
            said: Sequence[str] = []
            if hit.kind == "procedure":
                said = self.entries.procedures[hit.id].needs
            elif self._docs["faq", hit.id].origin == "editor":
                faq = self.entries.faqs[hit.id]
                said = [faq.question, *faq.variants]
            for phrase in {gist(spelling) for one in said for spelling in (one, fold(one))} - {""}:
                found[phrase].append(at)
        return found

    def learned(self) -> "KnowledgeBase":
        """The same entries, with all there is to learn from them: seconds of work, unless it is kept on disk."""
        return self.build(self._docs.values(), self.revision, clock=self._clock)

    def _learn(self, phrases: list[list[str]], needs: Needs, ranker: Ranker | None) -> None:
        """Entries that people's needs are known of are learned; others are found by their names alone."""
        to_learn = {
            f"{hit.kind} {hit.id}": [*said, *needs.of(hit.kind, hit.id)]
            for hit, said in zip(self._hits, phrases, strict=True)
            if needs.of(hit.kind, hit.id)
        }
        if to_learn:
            to_learn[UNKNOWN] = list(needs.unknown)
        self.to_learn = to_learn
        self.behind = ranker is not None and ranker.name != model_name(to_learn)
        self._ranker = ranker or (Ranker.of(to_learn) if to_learn else None)
        columns = {label: n for n, label in enumerate(self._ranker.labels)} if self._ranker else {}
        places = [columns.get(f"{hit.kind} {hit.id}", -1) for hit in self._hits]
        self._learned = np.array([at for at, place in enumerate(places) if place >= 0], dtype=np.int32)
        self._others = np.setdiff1d(np.arange(len(self._hits)), self._learned)
        self._columns = np.array(
            [place for place in places if place >= 0] + [len(columns) - 1], dtype=np.int32
        )

    def search(self, query: str, limit: int = 10) -> list[Hit]:
        """The ``limit`` procedures that are likeliest meant, best first; never abstains."""
        chances, _ = self._chances(query, self._scores(query))
        return self._best(chances[: len(self.entries.procedures)], limit)

    def ranked(self, query: str, limit: int = 10) -> list[Hit]:
        """The ``limit`` entries of both kinds that are likeliest meant, best first; never abstains."""
        chances, _ = self._chances(query, self._scores(query))
        return self._best(chances, limit)

    def doc(self, kind: KnowledgeKind, id_: str) -> KnowledgeDoc | None:
        """An entry as it was given."""
        return self._docs.get((kind, id_))

    def find(
        self, query: str, limit: int = 5, *, near: Topic | None = None, nearness: float = NEIGHBOUR
    ) -> Match:
        """What the query is about: one entry, several to ask about, or nothing that is known. Neighbours of
        ``near``, which was talked of before, are ``nearness`` times as likely as they would be otherwise."""
        scores = self._scores(query)
        if self._names_nothing(query[:QUERY_CHARS], scores):
            return Match("unknown", None, 0.0, ())
        chances, unknown = self._chances(query, scores)
        if near in self._places:
            chances *= np.where(self._groups == self._groups[self._places[near]], np.float32(nearness), 1)
            total = float(chances.sum()) + unknown
            chances, unknown = chances / np.float32(total), unknown / total
        named = {(self._hits[at].kind, self._hits[at].id): tied for at, tied in _named_alike(scores)}
        return decide(self._best(chances, limit), unknown, named)

    def find_of(self, topic: Topic, query: str) -> Match:
        """What the query is about when it only adds to what was talked of before ("mà chồng em người Đài Loan")."""
        return self.find(f"{self.title(topic)}, {query}")

    def among(self, query: str, offered: Iterable[Topic]) -> list[tuple[Topic, float]]:
        """The chance of each that was offered, best first, given that one of them is meant or none (the rest)."""
        known = [topic for topic in offered if topic in self._places]
        chances, _ = self._chances(query, self._scores(query))
        found = [(topic, float(chances[self._places[topic]])) for topic in known]
        return sorted(found, key=lambda one: -one[1])

    def follow_up(self, text: str) -> tuple[float, Aspect]:
        """The chance that the text goes on about what was talked of before, and the aspect it asks for then."""
        return self._follow_ups.read(self._gazetteer.outside(text[:QUERY_CHARS]) or text)

    def alike(self, one: Topic, other: Topic) -> bool:
        """Whether two entries are of the same field."""
        places = [self._places.get(topic) for topic in (one, other)]
        return None not in places and self._groups[places[0]] == self._groups[places[1]]

    def title(self, topic: Topic) -> str:
        """What the entry is called; empty when there is none."""
        place = self._places.get(topic)
        return re.sub(r"^Thủ tục\s+", "", self._hits[place].title) if place is not None else ""

    def answer(
        self, procedure_id: str, aspect: Aspect, *, commune: str | None = None, letter: bool = False
    ) -> Answer:
        """One aspect of a procedure in words; ``commune`` is an id; a ``letter`` is complete where a chat is short.

        Raises:
            KeyError: no such procedure.
        """
        return self._writer.procedure(self.entries.procedures[procedure_id], aspect, commune, letter=letter)

    def answer_faq(self, faq_id: str, *, letter: bool = False) -> Answer:
        """The answer to a common question.

        Raises:
            KeyError: no such question.
        """
        return self._writer.faq(self.entries.faqs[faq_id], letter=letter)

    def procedure(self, procedure_id: str) -> Procedure | None:
        return self.entries.procedures.get(procedure_id)

    def faq(self, faq_id: str) -> Faq | None:
        return self.entries.faqs.get(faq_id)

    def communes_in(self, text: str) -> list[Commune]:
        """Communes the text names, in order; folded names only where they are unique."""
        return self._gazetteer.communes_in(text)

    def only_communes(self, text: str) -> bool:
        """Whether the text names a commune and says nothing else."""
        rest = self._gazetteer.outside(text)
        return rest != " ".join(split_words(text)) and (not rest or names_nothing(rest))

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
        text = text[:QUERY_CHARS]
        scores = self._scores(text)
        if self._names_nothing(text, scores):
            return True
        whole = " ".join(split_words(text))
        rest = self._gazetteer.outside(text) or whole
        if (
            not words(text)
            or float(scores.max(initial=0.0)) >= SAID
            or self._follow_ups.read(rest)[0] < FOLLOWS
        ):
            return False
        return rest == whole or not self._asks_a_question(text, scores)

    def _names_nothing(self, text: str, scores: Floats) -> bool:
        whole = " ".join(split_words(text))
        rest = self._gazetteer.outside(text) or whole
        if not names_nothing(rest) or float(scores.max(initial=0.0)) >= LITERAL:
            return False
        follows = rest == whole and self._follow_ups.read(rest)[0] >= SURELY_FOLLOWS
        return follows or not self._asks_a_question(text, scores)

    def _asks_a_question(self, text: str, scores: Floats) -> bool:
        """Common questions are also about places and about ourselves: "Tràm Chim ở đâu", "tổng đài mấy giờ nghỉ"."""
        if self._gazetteer.only_where(text):
            return False
        chances = self._chances(text, scores)[0][len(self.entries.procedures) :]
        return float(chances.max(initial=0.0)) >= SURE and float(scores.max(initial=0.0)) >= NAMED

    def _scores(self, query: str) -> Floats:
        query = nfc(query[:QUERY_CHARS])
        scores = self._index.scores(query)
        elsewhere = self._gazetteer.outside(query)
        if elsewhere and len(elsewhere) < len(query):
            # Where a citizen lives is not what a procedure is about; questions about the province may be.
            procedures = len(self.entries.procedures)
            without_place = self._index.scores(elsewhere)[:procedures]
            scores[:procedures] = np.maximum(scores[:procedures], without_place)
        return scores

    def _chances(self, query: str, scores: Floats) -> tuple[Floats, float]:
        """The chance of each entry, and of none of them, given its resemblance to the query."""
        chances: Floats = np.zeros(len(self._hits), dtype=np.float32)
        unknown = 1.0
        put_down = self._put_down.get(gist(nfc(query[:QUERY_CHARS])), []) if self._put_down else []
        if self._ranker is not None:
            odds = self._ranker.logits(nfc(query[:QUERY_CHARS]))[self._columns]
            alike = scores[self._learned]
            odds[:-1][np.isin(self._learned, put_down)] += PUT_DOWN
            odds[:-1] += INDEX_WEIGHT * alike + NAMED_WEIGHT * np.maximum(alike - NAMED, 0)
            share = _softmax(np.float32(SHARPNESS) * odds)
            chances[self._learned], unknown = share[:-1], float(share[-1])
        if len(self._others):
            best = float(scores[self._others].max())
            rival = float(scores[self._learned].max(initial=0.0))
            claim = np.float32(certainty(best) / (1 + np.exp(-STEEP * (best - rival))))
            if np.isin(self._others, put_down).any():
                claim = np.float32(CLAIM_PUT_DOWN)
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


def _named_alike(scores: Floats) -> list[tuple[int, bool]]:
    """The entries whose names were said, when no other was said better, and whether as well as the best: "giấy phép
    lái xe" names several."""
    best = float(scores.max(initial=0.0))
    alike = np.flatnonzero(scores >= max(NAMED, best - NEAR))
    return [(int(at), bool(scores[at] >= best - TIE)) for at in alike]


def _softmax(odds: Floats) -> Floats:
    powers: Floats = np.exp(odds - odds.max())
    shares: Floats = powers / powers.sum()
    return shares


def procedure_phrases(procedure: Procedure) -> list[str]:
    """All a procedure is called: its name without the word "procedure", with and without remarks in brackets."""
    name = re.sub(r"^Thủ tục\s+", "", procedure.name)
    plain = re.sub(r"\s*\([^)]*\)", "", name)
    return list(dict.fromkeys([plain or name, name, *procedure.aliases]))
