"""The search index: every name, alias, question and variant is a phrase; an entry is as good as its best phrase.

Three views of a phrase, all folded: its words (which of the question's words does it cover, and how much of the
phrase does the question cover), its word pairs and character trigrams (order, typos, run-together words).
Everything is vector sums over postings, so 6,000 entries take about a millisecond.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from bot.knowledge.wording import Token, weighed

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int32]

#: How sure we are that an unknown word is a misspelling of a known one.
TYPO_CREDIT = 0.75
#: Share of a word's credit that needs the same diacritics, when the question has any.
MARKS_SHARE = 0.2
#: A feature in more than this share of phrases tells nothing apart and is left out of the similarity.
TOO_COMMON = 0.04
#: Features of a question that are looked at.
MAX_FEATURES = 32
#: Tokens lighter than this are talk.
TELLING = 0.1
#: Share of the coverage that any phrase of the entry may give.
ENTRY_SHARE = 0.45
#: A word that exists, but never with these marks, weighs at least this and keeps this share of credit.
OTHER_WORD, OTHER_WORD_CREDIT = 0.6, 0.3


@dataclass(frozen=True)
class Postings:
    """Rows a feature occurs in, with its weight there."""

    rows: Ints
    weights: Floats


class Marked:
    """The rows (of ``size``) something occurs in; as a mask where there are many, which is faster to add."""

    def __init__(self, rows: Ints, size: int) -> None:
        self.rows = rows
        self._mask: Floats | None = None
        if len(rows) > size // 32:
            self._mask = np.zeros(size, dtype=np.float32)
            self._mask[rows] = 1

    def add(self, target: Floats, weight: float) -> None:
        if self._mask is None:
            target[self.rows] += np.float32(weight)
        else:
            target += self._mask * np.float32(weight)


def gist(text: str) -> str:
    """The words that tell something, folded: the same for a question with and without its courtesies."""
    return " ".join(token.word for token in weighed(text) if token.weight > TELLING)


def trigrams(found: Sequence[Token]) -> list[str]:
    line = f" {' '.join(token.word for token in found)} "
    return [line[i : i + 3] for i in range(len(line) - 2)]


def features(found: Sequence[Token]) -> dict[str, float]:
    counts: dict[str, float] = defaultdict(float)
    for left, right in pairwise(found):
        counts[f"{left.word}_{right.word}"] += 1.0
    for gram in trigrams(found):
        counts[gram] += 0.5
    return counts


def deletes(word: str) -> set[str]:
    """The word and all it becomes when one letter is left out: two words that share one are a typo apart."""
    return {word} | {word[:i] + word[i + 1 :] for i in range(len(word))}


class Index:
    """Immutable index over entries, each given as its phrases."""

    def __init__(self, entries: Iterable[Sequence[str]]) -> None:
        starts: list[int] = []
        phrases: list[list[Token]] = []
        for entry in entries:
            starts.append(len(phrases))
            phrases += [weighed(phrase) for phrase in entry]
        self.size = len(starts)
        self._starts = np.asarray(starts, dtype=np.int64)
        self._rows = len(phrases)
        owner = np.zeros(self._rows, dtype=np.int32)
        owner[self._starts[1:]] = 1
        self._owner: Ints = np.cumsum(owner, dtype=np.int32)
        self._index_words(phrases)
        self._index_features(phrases)

    def _index_words(self, phrases: list[list[Token]]) -> None:
        rows: dict[str, dict[int, None]] = defaultdict(dict)
        forms: dict[tuple[str, str], dict[int, None]] = defaultdict(dict)
        for row, phrase in enumerate(phrases):
            for token in phrase:
                rows[token.word][row] = None
                forms[token.word, token.form][row] = None
        top = float(np.log(1 + 2 * self.size))
        self._rarity: dict[str, float] = {}
        self._word_rows: dict[str, Marked] = {}
        self._word_entries: dict[str, Marked] = {}
        for word, found in rows.items():
            at = np.fromiter(found, dtype=np.int32)
            entries = np.unique(self._owner[at])
            spread = len(entries)
            self._word_rows[word] = Marked(at, self._rows)
            self._word_entries[word] = Marked(entries, self.size)
            self._rarity[word] = float(np.log(1 + self.size / spread)) / top
        # Where a word stands, but never with these marks.
        self._other_marks: dict[str, Marked] = {}
        for (word, form), found in forms.items():
            same = np.fromiter(found, dtype=np.int32)
            other = np.setdiff1d(self._word_rows[word].rows, same, assume_unique=True)
            self._other_marks[form] = Marked(other, self._rows)
        self._weight = np.zeros(self._rows, dtype=np.float32)
        for row, phrase in enumerate(phrases):
            self._weight[row] = sum({t.word: t.weight * self._rarity[t.word] for t in phrase}.values()) or 1.0
        self._typos: dict[str, list[str]] = defaultdict(list)
        for word in rows:
            if len(word) > 2 and word.isalpha():
                for shape in deletes(word):
                    self._typos[shape].append(word)
        joined: dict[str, tuple[str, str]] = {}
        for phrase in phrases:
            for left, right in pairwise(phrase):
                joined.setdefault(left.word + right.word, (left.word, right.word))
        self._joined = {pair: parts for pair, parts in joined.items() if pair not in rows}

    def _index_features(self, phrases: list[list[Token]]) -> None:
        found: dict[str, tuple[list[int], list[float]]] = defaultdict(lambda: ([], []))
        for row, phrase in enumerate(phrases):
            for feature, count in features(phrase).items():
                rows, counts = found[feature]
                rows.append(row)
                counts.append(count)
        norm = np.zeros(self._rows, dtype=np.float64)
        kept: dict[str, tuple[Ints, Floats, float]] = {}
        for feature, (rows, counts) in found.items():
            if len(rows) > max(50, TOO_COMMON * self._rows):
                continue
            idf = float(np.log(1 + self._rows / len(rows)))
            at, value = np.asarray(rows, dtype=np.int32), np.asarray(counts, dtype=np.float32) * idf
            norm[at] += value**2
            kept[feature] = (at, value, idf)
        scale = 1 / np.sqrt(np.maximum(norm, 1e-9)).astype(np.float32)
        self._features = {
            f: (Postings(at, (value * scale[at]).astype(np.float32)), idf)
            for f, (at, value, idf) in kept.items()
        }

    def scores(self, query: str) -> Floats:
        """How well each entry fits the query, 0 to 1."""
        asked = self._known(weighed(query))
        covered, of_phrase, of_entry = self._coverage(asked)
        similar = self._similarity([token for token, _, _ in asked])
        # The whole question answered counts most; a phrase that says more than was asked is a worse fit.
        covered = (1 - ENTRY_SHARE) * covered + ENTRY_SHARE * of_entry[self._owner]
        phrase = 0.82 * covered * (0.7 + 0.3 * of_phrase) + 0.18 * similar
        return np.maximum.reduceat(phrase, self._starts) if self.size else phrase

    def _known(self, found: list[Token]) -> list[tuple[Token, tuple[str, ...], float]]:
        """Each word of the question, the indexed words it stands for, and how surely."""
        out: list[tuple[Token, tuple[str, ...], float]] = []
        for token in found:
            if token.word in self._word_rows:
                out.append((token, (token.word,), 1.0))
            elif token.word in self._joined:
                out += [(Token(part, "", token.weight), (part,), 1.0) for part in self._joined[token.word]]
            else:
                out.append((token, self._misspelt(token.word), TYPO_CREDIT))
        return out

    def _misspelt(self, word: str) -> tuple[str, ...]:
        if len(word) < 2 or not word.isalpha():
            return ()
        near: dict[str, None] = {}
        for shape in sorted(deletes(word)):
            for known in self._typos.get(shape, ()):
                # Short syllables all look alike: only a letter too many, too few or swapped is a typo there.
                if len(word) > 4 or len(known) != len(word) or sorted(known) == sorted(word):
                    near[known] = None
        return tuple(near)

    def _coverage(self, asked: list[tuple[Token, tuple[str, ...], float]]) -> tuple[Floats, Floats, Floats]:
        """Per phrase the share of the question and of the phrase that are covered; per entry, over all phrases,
        the share of the question."""
        phrase: Floats = np.zeros(self._rows, dtype=np.float32)
        astray: Floats = np.zeros(self._rows, dtype=np.float32)  # what other marks take away
        entry: Floats = np.zeros(self.size, dtype=np.float32)
        total = 0.0
        seen: set[str] = set()
        for token, stands_for, surely in asked:
            if token.word in seen:
                continue
            seen.add(token.word)
            weight = token.weight * max((self._rarity[w] for w in stands_for), default=1.0)
            marks = MARKS_SHARE if token.form != token.word and token.form and surely == 1.0 else 0.0
            if marks and token.form not in self._other_marks:
                weight, surely = max(weight, token.weight * OTHER_WORD), OTHER_WORD_CREDIT
                marks = 0.0
            total += weight
            if not stands_for:
                continue
            rows, entries = self._rows_of(stands_for)
            rows.add(phrase, weight * surely)
            entries.add(entry, weight * surely)
            if marks:
                self._other_marks[token.form].add(astray, weight * surely * marks)
        total = total or 1.0
        return (phrase - astray) / total, np.minimum(phrase / self._weight, 1.0), entry / total

    def _rows_of(self, words: tuple[str, ...]) -> tuple[Marked, Marked]:
        """Phrases and entries with any of these words."""
        if len(words) == 1:
            return self._word_rows[words[0]], self._word_entries[words[0]]
        return (
            _any_of([self._word_rows[word] for word in words], self._rows),
            _any_of([self._word_entries[word] for word in words], self.size),
        )

    def _similarity(self, found: Sequence[Token]) -> Floats:
        """Cosine of word pairs and trigrams, without the talk before and after the subject."""
        values: Floats = np.zeros(self._rows, dtype=np.float32)
        telling = [number for number, token in enumerate(found) if token.weight > TELLING]
        told = found[telling[0] : telling[-1] + 1] if telling else found
        counted = features(told)
        norm = sum(count**2 for feature, count in counted.items() if feature not in self._features)
        known = [(count, *self._features[f]) for f, count in counted.items() if f in self._features]
        # A long title has far more features than are needed to tell it from all others: the rarest will do.
        for count, postings, idf in sorted(known, key=lambda one: -one[2])[:MAX_FEATURES]:
            norm += (count * idf) ** 2
            values[postings.rows] += postings.weights * np.float32(count * idf)
        return values / np.float32(np.sqrt(norm) or 1.0)


def _any_of(marked: Sequence[Marked], size: int) -> Marked:
    """The rows in any of them; by a mask, since sorting so many is what a misspelt question would wait for."""
    found = np.zeros(size, dtype=np.bool_)
    for one in marked:
        found[one.rows] = True
    return Marked(np.flatnonzero(found).astype(np.int32), size)
