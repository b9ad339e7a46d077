"""Sentences as sparse vectors: words and pairs of words as written, the same folded, and pieces of folded words.

Nothing of Rasa in here, so that ``bench/nlu.py`` measures the very code that Rasa runs.
"""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from itertools import pairwise
from typing import Dict, List, Sequence, Tuple

import numpy as np
from scipy.sparse import csr_matrix

from bot.text import fold

#: Words of one sentence in their normal form, with marks where they were typed.
Words = Tuple[str, ...]

VIEWS = ("words", "folded words", "folded pieces")
PIECES = range(2, 6)
#: What one sentence alone has tells nothing about others.
FEWEST_SENTENCES = 2


@lru_cache(maxsize=50_000)
def _pieces(word: str) -> Tuple[str, ...]:
    padded = f" {word} "
    return tuple(padded[at : at + size] for size in PIECES for at in range(max(len(padded) - size, 0) + 1))


@lru_cache(maxsize=50_000)
def folded(word: str) -> str:
    return fold(word)


def unmarked(words: Words) -> Words:
    """A sentence without diacritics."""
    return tuple(folded(word) for word in words)


def _with_pairs(words: Sequence[str]) -> List[str]:
    return [*words, *(f"{one} {next_}" for one, next_ in pairwise(words))]


class Features:
    """Which features there are and how rare each is; immutable once learned."""

    def __init__(self, places: Dict[str, Dict[str, int]], rarity: np.ndarray) -> None:
        self._places = places
        self._rarity = rarity

    @classmethod
    def of(cls, sentences: Sequence[Words], views: Sequence[str] = VIEWS) -> Features:
        places: Dict[str, Dict[str, int]] = {}
        rarity: List[float] = []
        for view in views:
            within = Counter(feature for words in sentences for feature in set(_view(view, words)))
            places[view] = {}
            for feature, count in within.items():
                if count >= FEWEST_SENTENCES:
                    places[view][feature] = len(rarity)
                    rarity.append(1 + np.log((1 + len(sentences)) / (1 + count)))
        return cls(places, np.array(rarity, dtype=np.float32))

    def vector(self, words: Words) -> Tuple[np.ndarray, np.ndarray]:
        """Places and values of a sentence's features; every view is of length 1."""
        places: List[np.ndarray] = []
        values: List[np.ndarray] = []
        for view, known in self._places.items():
            found = Counter(known[feature] for feature in _view(view, words) if feature in known)
            if found:
                place = np.fromiter(found, dtype=np.int32, count=len(found))
                value = 1 + np.log(np.fromiter(found.values(), dtype=np.float32, count=len(found)))
                value *= self._rarity[place]
                places.append(place)
                values.append(value / np.sqrt(value @ value))
        if not places:
            return np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.float32)
        return np.concatenate(places), np.concatenate(values)

    def matrix(self, sentences: Sequence[Words]) -> csr_matrix:
        """One row per sentence."""
        vectors = [self.vector(words) for words in sentences]
        ends = np.cumsum([0, *(len(places) for places, _ in vectors)])
        return csr_matrix(
            (np.concatenate([v for _, v in vectors]), np.concatenate([p for p, _ in vectors]), ends),
            shape=(len(sentences), len(self._rarity)),
        )


def _view(view: str, words: Words) -> List[str]:
    if view == "words":
        return _with_pairs(words)
    plain = [folded(word) for word in words]
    if view == "folded words":
        return _with_pairs(plain)
    if view == "folded pieces":
        return [piece for word in plain for piece in _pieces(word)]
    raise ValueError(f"no such view: {view}")
