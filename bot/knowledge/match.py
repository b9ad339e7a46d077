"""From scores to a decision: answer, ask which, or admit that it is not in the knowledge base."""

import math

from bot.knowledge.model import Hit, Match

# Chosen on tests/bot/knowledge/dev_queries.yml. In its first list what is known scores 0.64 and more, what is
# not mostly below 0.55; in the second the two overlap between 0.46 and 0.70, so expect that of new questions.
SURE = 0.66
#: From here on it is worth asking whether one of several was meant.
POSSIBLE = 0.54
#: Two entries nearer than this cannot be told apart by the question.
CLOSE = 0.03
#: How far behind the best a candidate may be when even the best is not sure.
NEAR = 0.1
#: What a question of mere aspect and talk words needs: it must be a known question word for word.
LITERAL = 0.95
MAX_CANDIDATES = 4


def certainty(score: float) -> float:
    """A score as a number between 0 and 1 that is 0.5 at the doubtful 0.56; set by hand, not fitted."""
    return 1 / (1 + math.exp(-14 * (score - 0.56)))


def decide(ranked: list[Hit], *, names_nothing: bool) -> Match:
    """The outcome for hits in descending order."""
    if not ranked:
        return Match("unknown", None, 0.0, ())
    best = ranked[0]
    if names_nothing and best.score < LITERAL:
        return Match("unknown", None, 0.0, ())
    ahead = best.score - ranked[1].score if len(ranked) > 1 else 1.0
    # Two equally good entries are a coin toss; a lead of 0.1 settles it.
    confidence = round(certainty(best.score) * (0.5 + 0.5 * min(ahead / 0.1, 1.0)), 3)
    if best.score >= SURE and ahead >= CLOSE:
        return Match(best.kind, best.id, confidence, tuple(ranked))
    if best.score >= POSSIBLE:
        reach = CLOSE if best.score >= SURE else NEAR
        near = [hit for hit in ranked if hit.score > best.score - reach][:MAX_CANDIDATES]
        return Match("clarify", None, confidence, tuple(near if len(near) > 1 else ranked[:2]))
    return Match("unknown", None, confidence, tuple(ranked))
