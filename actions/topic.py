"""What a message is about, given what was talked of before: the same, something near it, one of what was offered,
or something new."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, cast, get_args

from actions.earlier import MOST_TOPICS, Back, all_of, back_to_nothing, earlier, places_named
from actions.talk import (
    corrected,
    elliptic,
    none_of_them,
    only_a_number,
    place_named,
    without_opening,
    without_phones,
)
from actions.turn import FALLBACK, Heard
from bot.knowledge import Aspect, Hit, KnowledgeBase, Match, Topic
from bot.knowledge.broad import broad_name
from bot.knowledge.wording import names_nothing, tokens
from bot.text import words

ASPECT_OF_INTENT: dict[str, Aspect] = {
    f"ask_{aspect}": aspect for aspect in get_args(Aspect) if aspect != "general"
}
QUESTIONS = frozenset({"ask_procedure", "ask_faq", *ASPECT_OF_INTENT})
#: Intents that say nothing about what is wanted: the knowledge base decides alone.
VAGUE = frozenset({"inform", "affirm", "deny", FALLBACK})
#: An aspect is taken from an intent that is at least this likely.
LIKELY_ASPECT = 0.35
#: Where the likeliest intent asks nothing, one behind it may still say what is asked.
PERHAPS_ASPECT = 0.15
#: After a topic, a text that may well go on about it does, unless it names something else clearly.
MAY_FOLLOW = 0.3
#: Words of talk alone go on about the topic from this chance on; below it they may belong to another one.
FOLLOWS_AT_ALL = 0.1
#: A common question that is found without much certainty gives way to a follow-up as likely as this.
FOLLOWS_BEFORE_A_QUESTION = 0.15
#: So surely a follow-up, it is none of the common questions it may resemble.
SURELY_FOLLOWS = 0.9
#: Whether something is needed or allowed sounds alike: a follow-up as sure as the first tells better what it asks than
#: an intent less sure than the second.
TELLING_FOLLOW_UP, DOUBTFUL_ASPECT = 0.6, 0.85
#: A question as surely about something unknown as this is not read as one about the topic.
SURELY_UNKNOWN = 0.97
#: How much likelier a neighbour is what somebody means who corrects themselves.
CORRECTING = 40.0
#: A correction is followed from this chance on, and asked about from the lower one.
CORRECTED, PERHAPS_CORRECTED = 0.45, 0.15
#: A remark as surely about something else as this is no remark about the topic.
ELSEWHERE = 0.95
#: How far the best of what was offered must be ahead, and how likely one of them must be at all.
AHEAD, AMONG = 0.4, 0.02
#: In so few words one of the titles' own is enough to choose by.
FEW_WORDS = 4
#: Longer messages tell something; "hồi nãy" is only when it was.
LONGEST_WAY_BACK = 8
#: A new subject named as surely as this is no choice from what was offered.
NEW_SUBJECT = 0.8

CHOOSE = "choose"


@dataclass(frozen=True)
class Meant:
    """``topic``: one entry, and ``aspect`` of it; ``which``: one of ``match``'s candidates; ``unknown``: nothing that
    is known; ``unnamed``: a question without what it is about; ``retracted``: not what the bot took it for;
    ``offered``: still one of what was offered; ``broad``: a name of all the ``choices``; ``several``: each of them."""

    outcome: Literal["topic", "which", "broad", "several", "unknown", "unnamed", "retracted", "offered"]
    aspect: Aspect
    topic: Topic | None = None
    confidence: float = 1.0
    match: Match | None = None
    choices: tuple[Topic, ...] = ()


def topic_of(said: Heard) -> Topic | None:
    """What was talked of last."""
    for kind in ("faq", "procedure"):
        if id_ := said.slots.get(kind):
            return kind, id_
    return None


def offered_to(said: Heard) -> list[Topic]:
    """The entries among which the bot's last message asked to choose."""
    state, *ids = said.slots.get("pending", "").split() or [""]
    return [cast(Topic, tuple(one.split(":", 1))) for one in ids] if state == CHOOSE else []


def waiting_aspect(said: Heard) -> Aspect:
    waiting = said.slots.get("aspect", "general")
    return cast(Aspect, waiting) if waiting in get_args(Aspect) else "general"


def meaning(knowledge: KnowledgeBase, said: Heard) -> Meant:
    """What a message that may be a question is about."""
    return _Reading(knowledge, said).meant()


class _Reading:
    def __init__(self, knowledge: KnowledgeBase, said: Heard) -> None:
        self._knowledge = knowledge
        self._said = said
        self._topic = topic_of(said)
        self._near = self._topic or next(iter(offered_to(said)), None)
        self._correction = corrected(said.text)
        whole = without_phones(self._correction.rest if self._correction.takes_back else said.text)
        self._lost = back_to_nothing(said)
        self._text = self._lost or without_opening(whole)
        self._follows, follow_aspect = knowledge.follow_up(whole)
        self._bare = knowledge.bare(whole)
        self._aspect = self._aspect_asked(follow_aspect)

    def _aspect_asked(self, follow_aspect: Aspect) -> Aspect:
        named = ASPECT_OF_INTENT.get(self._said.intent)
        if self._follows >= TELLING_FOLLOW_UP and self._said.confidence < DOUBTFUL_ASPECT:
            return follow_aspect
        if named and (self._said.sure or self._said.confidence >= LIKELY_ASPECT):
            return named
        if self._bare or self._follows >= MAY_FOLLOW:
            return follow_aspect
        if self._said.intent in QUESTIONS:
            return "general"
        likely = [name for name, chance in self._said.ranking if chance >= PERHAPS_ASPECT]
        return next((ASPECT_OF_INTENT[name] for name in likely if name in ASPECT_OF_INTENT), "general")

    def meant(self) -> Meant:
        offered = offered_to(self._said)
        if several := self._several(offered):
            return several
        if offered and (chosen := self._chosen(offered)):
            return chosen
        if not offered and (back := self._back()):
            return back
        if self._lost == "" and self._topic is None and len(words(self._text)) <= LONGEST_WAY_BACK:
            return Meant("unnamed", self._aspect)
        if broad := self._broad():
            return Meant("broad", self._aspect, choices=broad)
        if self._correction.takes_back:
            return self._corrected()
        if self._names_only_a_place() and self._topic and self._topic[0] == "procedure":
            return Meant("topic", waiting_aspect(self._said), self._topic)
        if self._topic is not None and self._follows >= SURELY_FOLLOWS and not self._names_a_place():
            return self._more()
        if self._bare and self._topic is not None and self._follows >= FOLLOWS_AT_ALL:
            return self._more()
        alone = self._knowledge.find(self._text, near=self._near)
        if self._topic is None:
            lost = alone.outcome == "unknown" and (self._bare or self._follows >= MAY_FOLLOW)
            lost = lost or (self._bare and alone.outcome == "clarify")
            return self._more() if lost else self._found(alone)
        if self._said.intent in VAGUE or elliptic(self._said.text):
            return self._remark(alone)
        doubtful = alone.outcome == "faq" and alone.confidence < SURELY_FOLLOWS
        if doubtful and self._topic[0] == "procedure" and self._follows >= FOLLOWS_BEFORE_A_QUESTION:
            return self._more()
        if alone.outcome in ("procedure", "faq"):
            return self._found(alone)
        if self._follows >= MAY_FOLLOW:
            return self._more()
        if alone.outcome == "unknown" and alone.confidence >= SURELY_UNKNOWN:
            return self._found(alone)
        within = self._knowledge.find_of(self._topic, self._text)
        if within.outcome not in ("procedure", "faq"):
            if within.outcome == "clarify" and self._topic in map(_topic_of_hit, within.candidates):
                return self._found(within)
            return self._more() if self._bare else self._found(alone)
        here = _topic(within) == self._topic
        named = alone.outcome == "clarify" and alone.confidence >= CORRECTED
        elsewhere = named and self._topic not in map(_topic_of_hit, alone.candidates)
        return self._found(alone) if here and elsewhere else self._found(within)

    def _several(self, offered: Sequence[Topic]) -> Meant | None:
        """ "1 và 2", "cả hai": of what was offered, else of what was talked of last."""
        last = list(reversed(earlier(self._said)[:2]))
        among = list(offered) or last
        if offered and (places := places_named(self._text, len(offered))):
            chosen = [offered[place] for place in places]
        else:
            meant, rest = all_of(self._text, len(among))
            if (
                offered
                and any(all_of(self._text, count) == (True, "") for count in range(2, 5))
                and not meant
            ):
                return Meant("offered", self._aspect)  # "cả hai" of three
            if not meant or (words(rest) and not names_nothing(rest)):
                return None
            chosen = among
        aspect = waiting_aspect(self._said) if self._aspect == "general" else self._aspect
        return Meant("several", aspect, choices=tuple(chosen[:MOST_TOPICS]))

    def _back(self) -> Meant | None:
        """To what was talked of before the present topic, or named among it."""
        before, back = earlier(self._said), Back(self._text)
        if not before or not back.goes:
            return None
        others = [topic for topic in before if topic != self._topic] or before
        if back.first:
            return self._returned(before[-1])
        if back.names:
            return self._named_before(back.rest, before)
        if back.other or len(others) == 1:
            return self._returned(others[0])
        hits = tuple(Hit(kind, id_, self._knowledge.title((kind, id_)), 0.0) for kind, id_ in others)
        return Meant("which", self._aspect, match=Match("clarify", None, 0.5, hits), confidence=0.5)

    def _named_before(self, text: str, before: Sequence[Topic]) -> Meant | None:
        told = _words_of_one(text, [*map(self._knowledge.title, before), ""])[:-1]
        chances = dict(self._knowledge.among(text, before))
        total = sum(chances.values())
        share = [chances.get(topic, 0.0) / total if total >= AMONG else 0.0 for topic in before]
        scores = [words_told + part for words_told, part in zip(told, share, strict=True)]
        best = max(range(len(before)), key=scores.__getitem__)
        return self._returned(before[best]) if scores[best] >= AHEAD else None

    def _returned(self, topic: Topic) -> Meant:
        aspect = waiting_aspect(self._said) if self._aspect == "general" else self._aspect
        return Meant("topic", aspect if topic[0] == "procedure" else "general", topic)

    def _broad(self) -> tuple[Topic, ...]:
        """A choice needs two at least that are still in the knowledge base."""
        known = tuple(topic for topic in broad_name(self._text) if self._knowledge.title(topic))
        return known if len(known) > 1 else ()

    def _names_a_place(self) -> bool:
        return bool(self._knowledge.communes_in(self._text))

    def _names_only_a_place(self) -> bool:
        """ "dạ xã Tân Thành": where the citizen is, after what was asked before."""
        return self._said.intent in VAGUE and self._knowledge.only_communes(self._text)

    def _found(self, match: Match) -> Meant:
        if match.outcome == "clarify":
            return Meant("which", self._aspect, confidence=match.confidence, match=match)
        if match.outcome == "unknown":
            return Meant("unknown", self._aspect, confidence=match.confidence, match=match)
        return self._about(_topic(match), match.confidence)

    def _about(self, topic: Topic, confidence: float = 1.0) -> Meant:
        """After "which one?" and after a correction the name alone answers what was asked before."""
        aspect = self._aspect
        waits = self._correction.takes_back or offered_to(self._said) or "procedure" not in self._said.slots
        if aspect == "general" and waits:
            aspect = waiting_aspect(self._said)
        return Meant("topic", aspect, topic, confidence)

    def _more(self) -> Meant:
        """A question that names nothing: about what was talked of before."""
        if self._topic is None:
            return Meant("unnamed", self._aspect, confidence=self._said.confidence)
        if self._topic[0] == "faq":
            return self._after_faq(self._topic)
        return Meant("topic", self._aspect, self._topic, max(self._said.confidence, self._follows))

    def _after_faq(self, faq: Topic) -> Meant:
        """An aspect belongs to a procedure: the one the common question is about, or the one before it."""
        if self._aspect == "general":
            return Meant("topic", self._aspect, faq, self._follows)
        within = self._knowledge.find_of(faq, self._text)
        if within.outcome == "procedure":
            return self._found(within)
        near = self._knowledge.search(self._knowledge.title(faq), 1)
        if near and near[0].score >= CORRECTED:
            return Meant("topic", self._aspect, _topic_of_hit(near[0]), near[0].score)
        if before := self._said.slots.get("procedure"):
            return Meant("topic", self._aspect, ("procedure", before), self._follows)
        return Meant("unnamed", self._aspect, confidence=self._said.confidence)

    def _remark(self, alone: Match) -> Meant:
        """No question, but something that was said after a topic: it may make it another one."""
        assert self._topic is not None  # noqa: S101 - the caller knows
        within = self._knowledge.find_of(self._topic, self._text)
        named, added = _answerable(alone), _answerable(within)
        if added and added != self._topic and self._knowledge.alike(added, self._topic):
            return self._found(within)
        if named and (self._knowledge.alike(named, self._topic) or alone.confidence >= ELSEWHERE):
            return self._found(alone)
        if added == self._topic and self._follows >= MAY_FOLLOW:
            return self._more()
        if added == self._topic and alone.outcome != "unknown" and len(words(self._text)) > 2:
            return Meant("topic", waiting_aspect(self._said), self._topic, within.confidence)
        return self._found(alone)

    def _corrected(self) -> Meant:
        if not words(self._text):
            return Meant("retracted", waiting_aspect(self._said))
        if self._names_only_a_place() and self._topic and self._topic[0] == "procedure":
            return Meant("topic", waiting_aspect(self._said), self._topic)
        if self._topic is not None and self._follows >= SURELY_FOLLOWS and not self._names_a_place():
            return self._more()
        if self._bare and self._topic is not None and self._follows >= MAY_FOLLOW:
            return self._more()
        alone = self._knowledge.find(self._text, near=self._topic, nearness=CORRECTING)
        if self._topic is None or (_answerable(alone) == self._topic and alone.confidence >= ELSEWHERE):
            return self._found(alone)
        within = self._knowledge.find_of(self._topic, self._text)
        best: dict[Topic, Hit] = {}
        for hit in (*alone.candidates, *within.candidates):
            topic = _topic_of_hit(hit)
            if topic != self._topic and (topic not in best or hit.score > best[topic].score):
                best[topic] = hit
        ranked = sorted(best.values(), key=lambda hit: -hit.score)
        if ranked and ranked[0].score >= CORRECTED:
            return self._about(_topic_of_hit(ranked[0]), ranked[0].score)
        if len(ranked) > 1 and ranked[0].score >= PERHAPS_CORRECTED:
            near = [hit for hit in ranked[:3] if hit.score >= PERHAPS_CORRECTED]
            match = Match("clarify", None, ranked[0].score, tuple(near if len(near) > 1 else ranked[:2]))
            return Meant("which", self._aspect, confidence=ranked[0].score, match=match)
        return self._found(alone) if alone.outcome == "unknown" else Meant("retracted", self._aspect)

    def _chosen(self, offered: Sequence[Topic]) -> Meant | None:
        """Which of what was offered is meant: by its place, by words of its title, by another way of saying it."""
        place = place_named(self._text, len(offered))
        if place is not None:
            return self._about(offered[place])
        if only_a_number(self._text):
            return Meant("offered", self._aspect)
        if none_of_them(self._said.text) or (self._correction.takes_back and not words(self._text)):
            return Meant("retracted", waiting_aspect(self._said))
        chances = dict(self._knowledge.among(self._text, offered))
        told = _words_of_one(self._text, [self._knowledge.title(topic) for topic in offered])
        likely, named = sum(chances.values()), sum(told)
        scores = [
            (chances.get(topic, 0.0) / likely if likely >= AMONG else 0.0) + (count / named if named else 0.0)
            for topic, count in zip(offered, told, strict=True)
        ]
        order = sorted(range(len(offered)), key=lambda one: -scores[one])
        best, second = order[0], order[1] if len(order) > 1 else order[0]
        ahead = scores[best] - (scores[second] if second != best else 0.0)
        if not named and (self._bare or self._said.intent in ("affirm", "deny")):
            return Meant("offered", self._aspect)
        if sum(count == max(told) for count in told) == 1 and len(words(self._text)) <= FEW_WORDS:
            return self._about(offered[told.index(max(told))], 0.5 + ahead / 4)
        alone = self._knowledge.find(self._text, near=self._near, nearness=CORRECTING)
        new = _answerable(alone)
        if new and new not in offered and alone.confidence >= NEW_SUBJECT:
            return self._about(new, alone.confidence)
        if ahead >= AHEAD:
            return self._about(offered[best], max(chances.get(offered[best], 0.0), 0.5))
        return None


def _words_of_one(text: str, titles: Sequence[str]) -> list[int]:
    """How many words of the text each title has, of those that not all titles have."""
    split = [{token.word for token in tokens(title)} for title in titles]
    spread = Counter(word for title in split for word in title)
    said = {token.word for token in tokens(text) if spread[token.word] < len(titles)}
    return [len(said & title) for title in split]


def _answerable(match: Match) -> Topic | None:
    return _topic(match) if match.outcome in ("procedure", "faq") else None


def _topic(match: Match) -> Topic:
    return _topic_of_hit(match.candidates[0])


def _topic_of_hit(hit: Hit) -> Topic:
    return hit.kind, hit.id
