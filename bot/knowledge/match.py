"""From chances to a decision: answer, ask which, or admit that it is not in the knowledge base."""

import math
from collections.abc import Mapping

from bot.knowledge.model import EntryKind, Hit, Match

# Chosen on need phrases, names and aliases held out of the training in turn (docs/nlu.md), never on the
# evaluation sets: from SURE on some 84 of 100 such answers are right, though these phrases are far harder
# than what citizens write.
SURE = 0.6
#: From this chance on a question may well be about something unknown: it is not answered, and not asked about.
UNKNOWN = 0.05
#: Asking which one needs this chance that it is among the first candidates.
AMONG = 0.6
MAX_CANDIDATES = 3
#: A candidate is offered when it has at least this share of the best one's chance.
SHARE = 0.1
#: Where several names were said nearly as well, or just as well, this share makes a rival.
RIVAL_SHARE, TIED_SHARE = 0.1, 0.01
#: What a question of mere aspect and talk words needs: it must be a known question word for word.
LITERAL = 0.95


def certainty(score: float) -> float:
    """A resemblance of words as a chance; 0.5 at the doubtful 0.56; set by hand, not fitted."""
    return 1 / (1 + math.exp(-14 * (score - 0.56)))


def decide(ranked: list[Hit], unknown: float, named: Mapping[tuple[EntryKind, str], bool] = {}) -> Match:
    """The outcome for hits in descending order, when with the chance ``unknown`` none of them is meant.

    Args:
        named: kinds and ids whose names were said about equally well, and whether as well as any; between them only
            a person can choose.
    """
    if not ranked:
        return Match("unknown", None, 0.0, ())
    best = ranked[0]
    needed = {name: TIED_SHARE if tied else RIVAL_SHARE for name, tied in named.items()}
    rivals = sum(hit.score >= needed.get((hit.kind, hit.id), math.inf) * best.score for hit in ranked)
    if best.score >= SURE and unknown < UNKNOWN and rivals < 2:
        return Match(best.kind, best.id, round(best.score, 3), tuple(ranked))
    if unknown < UNKNOWN and sum(hit.score for hit in ranked[:MAX_CANDIDATES]) >= AMONG:
        near = [hit for hit in ranked[:MAX_CANDIDATES] if hit.score >= SHARE * best.score]
        return Match("clarify", None, round(best.score, 3), tuple(near if len(near) > 1 else ranked[:2]))
    return Match("unknown", None, round(max(unknown, 1 - best.score), 3), tuple(ranked))
