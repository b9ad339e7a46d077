"""The learned part of search: which entry people mean who do not know what it is called.

A softmax regression over words, word pairs and pieces of words, folded and with their marks, learned from the
need phrases, names and aliases of the entries and from requests for things that are *not* in the knowledge base
(the class ``UNKNOWN``). Plain stochastic gradient descent in numpy: some twenty seconds for 9,000 phrases, and
thirty microseconds for a question's product with the weights.
"""

import hashlib
import json
import math
import os
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bot.knowledge.wording import tokens
from bot.text import fold

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int32]
Vector = tuple[Ints, Floats]

UNKNOWN = ""
#: Learned weights are kept here by what they were learned from; safe to delete.
MODELS = Path(__file__).parent / "models"
KEPT = 3

EPOCHS = 5
RATE = 8.0
BIAS_RATE = 0.08
#: Share of a phrase's features that are left out each time it is learned from: other people leave out other words.
DROPPED = 0.3
#: The order of learning leaves its mark; the mean over several orders has less of it.
SEEDS = (1022, 1023, 1024)
#: A feature of one phrase alone tells nothing about other phrases.
FEWEST_PHRASES = 2
PIECES = range(2, 6)
#: Asked of anything, so it tells nothing apart: every second phrase is learned with one of these as well.
ASKED_OF_ANYTHING = (
    "cần giấy tờ gì", "hồ sơ gồm những gì", "lệ phí bao nhiêu", "tốn nhiêu tiền vậy", "mất bao lâu", "mấy ngày có",
    "nộp ở đâu", "làm ở đâu", "làm sao", "thủ tục thế nào", "làm online được không", "nộp qua mạng được hông",
    "xin mẫu đơn nào", "theo quy định nào", "điều kiện gì", "ai được làm", "trình tự ra sao", "can giay to gi",
    "bao nhieu tien", "o dau", "lam sao",
)  # fmt: skip
ASKED_BEFORE = ("cho hỏi", "dạ cho em hỏi", "muốn làm", "xin hỏi", "cho hoi")
ASKED_BEFORE_SHARE = 0.2
#: Part of every model's name: what is learned changes with the code that learns.
_CODE = ("ranker.py", "wording.py", "../text.py")


@lru_cache(maxsize=20_000)
def _pieces(word: str) -> tuple[str, ...]:
    padded = f" {word} "
    return tuple(
        dict.fromkeys(
            padded[at : at + size] for size in PIECES for at in range(max(len(padded) - size, 0) + 1)
        )
    )


def _views(text: str) -> tuple[Counter[str], Counter[str], Counter[str]]:
    """Words and pairs folded, pieces of words folded, words and pairs with their marks."""
    found = tokens(text)
    plain, marked, pieces = [t.word for t in found], [t.form for t in found], Counter[str]()
    if marked == plain:
        marked = []  # typed without marks: nothing is known of them, which is not that there are none
    for word in plain:
        pieces.update(_pieces(word))
    return (
        Counter(plain + [f"{a} {b}" for a, b in pairwise(plain)]),
        pieces,
        Counter(marked + [f"{a} {b}" for a, b in pairwise(marked)]),
    )


class Vocabulary:
    """Which features there are, and how telling each is."""

    def __init__(self, places: list[dict[str, int]], rarity: Floats) -> None:
        self.places = places
        self.rarity = rarity

    @classmethod
    def of(cls, viewed: Sequence[Sequence[Counter[str]]]) -> "Vocabulary":
        places: list[dict[str, int]] = []
        rarity: list[float] = []
        for view in zip(*viewed, strict=True):
            phrases = Counter(feature for counts in view for feature in counts)
            place: dict[str, int] = {}
            for feature, count in phrases.items():
                if count >= FEWEST_PHRASES:
                    place[feature] = len(rarity)
                    rarity.append(1 + math.log((1 + len(viewed)) / (1 + count)))
            places.append(place)
        return cls(places, np.asarray(rarity, dtype=np.float32))

    def vector(self, viewed: Sequence[Counter[str]]) -> Vector:
        """Places and values, of length 1 in all; each view there is has the same share."""
        at: list[Ints] = []
        values: list[Floats] = []
        for place, counts in zip(self.places, viewed, strict=True):
            known = [(place[feature], count) for feature, count in counts.items() if feature in place]
            if not known:
                continue
            where = np.array([one for one, _ in known], dtype=np.int32)
            value = 1 + np.log(np.array([count for _, count in known], dtype=np.float32))
            value *= self.rarity[where]
            at.append(where)
            values.append(value / np.sqrt(value @ value))
        if not at:
            return np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.float32)
        return np.concatenate(at), np.concatenate(values) / np.float32(np.sqrt(len(values)))


class Ranker:
    """Immutable; ``labels`` in the order of the log-odds it gives."""

    def __init__(
        self, labels: Sequence[str], vocabulary: Vocabulary, weights: Floats, bias: Floats, name: str = ""
    ) -> None:
        self.labels = tuple(labels)
        self.name = name
        self._vocabulary = vocabulary
        self._weights = weights
        self._bias = bias

    def logits(self, text: str) -> Floats:
        """Unnormalised log-probability of each label."""
        at, values = self._vocabulary.vector(_views(text))
        found: Floats = values @ self._weights[at] + self._bias
        return found

    @classmethod
    def learn(cls, phrases: Mapping[str, Sequence[str]]) -> "Ranker":
        """Learn the phrases of each label; the same phrases give the same ranker."""
        labels = list(phrases)
        rows = [(number, text) for number, label in enumerate(labels) for text in _as_asked(phrases[label])]
        viewed = [_views(text) for _, text in rows]
        vocabulary = Vocabulary.of(viewed)
        vectors = [vocabulary.vector(one) for one in viewed]
        wanted = [number for number, _ in rows]
        shape = (len(vocabulary.rarity), len(labels))
        weights, bias = np.zeros(shape, dtype=np.float32), np.zeros(len(labels), dtype=np.float32)
        for seed in SEEDS:
            one, one_bias = _descend(vectors, wanted, shape, seed)
            weights += one / len(SEEDS)
            bias += one_bias / len(SEEDS)
        return cls(labels, vocabulary, weights, bias, model_name(phrases))

    # ---- kept on disk -----------------------------------------------------------------------------

    @classmethod
    def of(cls, phrases: Mapping[str, Sequence[str]], folder: Path = MODELS) -> "Ranker":
        """The ranker of these phrases: learned once, then read from ``folder``."""
        path = folder / f"{model_name(phrases)}.npz"
        try:
            return cls._read(path)
        except (OSError, ValueError, KeyError):
            ranker = cls.learn(phrases)
        ranker._keep(path)
        return ranker._rounded()

    @classmethod
    def _read(cls, path: Path) -> "Ranker":
        with np.load(path, allow_pickle=False) as kept:
            described = json.loads(str(kept["described"]))
            places = [
                {feature: first + n for n, feature in enumerate(names)} for first, names in described["views"]
            ]
            vocabulary = Vocabulary(places, kept["rarity"])
            weights = kept["weights"].astype(np.float32)
            ranker = cls(described["labels"], vocabulary, weights, kept["bias"], path.stem)
        os.utime(path)
        return ranker

    def _rounded(self) -> "Ranker":
        """As it will be when it is read again, so that the first answer is no other than the next."""
        weights = self._weights.astype(np.float16).astype(np.float32)
        return Ranker(self.labels, self._vocabulary, weights, self._bias, self.name)

    def _keep(self, path: Path) -> None:
        views = [[min(place.values(), default=0), list(place)] for place in self._vocabulary.places]
        described = json.dumps({"labels": self.labels, "views": views}, ensure_ascii=False)
        try:
            path.parent.mkdir(exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as part:
                np.savez(
                    part,
                    described=np.array(described),
                    rarity=self._vocabulary.rarity,
                    weights=self._weights.astype(np.float16),
                    bias=self._bias,
                )
            Path(part.name).replace(path)
            for old in sorted(path.parent.glob("*.npz"), key=lambda one: -one.stat().st_mtime)[KEPT:]:
                old.unlink(missing_ok=True)
        except OSError:
            return  # a read-only installation learns at each start


def _as_asked(phrases: Sequence[str]) -> list[str]:
    """The phrases, every second one without its marks, and every second one within a question."""
    chance = np.random.default_rng(len(phrases))
    asked = [*phrases, *(fold(phrase) for phrase in phrases[1::2])]
    for phrase in phrases[::2]:
        if chance.random() < ASKED_BEFORE_SHARE:
            asked.append(f"{chance.choice(ASKED_BEFORE)} {phrase}")
        else:
            asked.append(f"{phrase} {chance.choice(ASKED_OF_ANYTHING)}")
    return asked


def _descend(
    vectors: Sequence[Vector], wanted: Sequence[int], shape: tuple[int, int], seed: int
) -> tuple[Floats, Floats]:
    """Weights and bias after stochastic gradient descent in one random order."""
    weights, bias = np.zeros(shape, dtype=np.float32), np.zeros(shape[1], dtype=np.float32)
    random = np.random.default_rng(seed)
    for epoch in range(EPOCHS):
        rate = np.float32(RATE * (1 - epoch / EPOCHS))
        for row in random.permutation(len(vectors)):
            at, values = vectors[row]
            kept = random.random(len(at)) >= DROPPED
            at, values = at[kept], values[kept] / np.float32(1 - DROPPED)
            error = values @ weights[at] + bias
            np.exp(error - error.max(), out=error)
            error /= error.sum()
            error[wanted[row]] -= 1
            bias -= np.float32(BIAS_RATE) * error
            weights[at] -= (rate * values)[:, None] * error
    return weights, bias


def model_name(phrases: Mapping[str, Sequence[str]]) -> str:
    """Sixteen hex digits that change with anything that is learned from."""
    digest = hashlib.sha256(json.dumps(list(phrases.items()), ensure_ascii=False, default=list).encode())
    for file in _CODE:
        digest.update((Path(__file__).parent / file).read_bytes())
    return digest.hexdigest()[:16]
