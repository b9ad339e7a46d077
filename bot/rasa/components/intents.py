"""What a message wants: a linear model with two heads over the same features.

The first tells the *kind*: a question about public services, a report, a complaint, a greeting… It learns from
the examples and from the need phrases of the knowledge base, thousands of ways in which people ask for things. The
second tells *what about it* is asked (documents, fee, time…, or ``general``). It learns from examples whose
subject is exchanged for any need, so that what is asked for does not decide what is asked about it.

Nothing of Rasa in here, so that ``bench/nlu.py`` measures the very code that Rasa runs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from random import Random
from typing import Dict, Iterable, List, Sequence, Tuple

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.sparse import csr_matrix
from scipy.special import log_softmax, softmax
from sklearn.svm import LinearSVC

from bot.rasa.components.features import VIEWS, Features, Words, unmarked
from bot.text import normal_words

QUESTION, GENERAL = "question", "general"
#: The one intent ``ask_…`` that is no question about an entry of the knowledge base.
_TO_A_PERSON = "ask_human"
#: Questions without an aspect: of a procedure as a whole, and of anything else.
_WHOLE, _COMMON = "ask_procedure", "ask_faq"
_DIGIT = re.compile(r"\d")
#: A short question of an aspect names no subject, so that one can be put before it.
LONGEST_TAIL = 7
JOINTS = (", ", " ", ". ", " thì ")
#: How many subjects each is put behind.
SUBJECTS = 2
#: A need with one of these words may ask for an aspect already.
_ASKS = re.compile(
    r"\b(?:gi|sao|dau|nao|nhieu|bao lau|may|khong|hong|chua|duoc|mau|don|online|onl|phi|tien|luat|dieu kien|the nao|truc "
    r"tuyen|qua mang)\b"
)
#: A missed emergency is worse than a false alarm: its odds are raised by this.
EMERGENCY, EMERGENCY_ODDS = "emergency", 2.0
#: Every fifth sentence is held out for the temperatures.
FOLD = 5


@dataclass(frozen=True)
class Options:
    """What ``bench/nlu.py`` switches off one at a time."""

    C: float = 0.3
    views: Tuple[str, ...] = VIEWS
    unmarked: bool = True
    needs: bool = True
    subjects: bool = True
    calibrated: bool = True
    #: How much a need phrase counts beside an example.
    need_weight: float = 0.5
    #: How far rare labels are raised: 1 as much as all, 0 not at all.
    kind_balance: float = 1.0
    aspect_balance: float = 0.5
    tolerance: float = 0.1
    seed: int = 1022


@dataclass(frozen=True)
class Needs:
    """Phrases of the knowledge base: of ``procedures``, and ``others`` (common questions, unknown things)."""

    procedures: Sequence[str] = ()
    others: Sequence[str] = ()


@dataclass(frozen=True)
class _Row:
    words: Words
    label: str
    weight: float
    sentence: int


def words_of(text: str) -> Words:
    return in_words(normal for normal, _, _ in normal_words(text))


def in_words(normal_forms: Iterable[str]) -> Words:
    """Lower case, one word each, digits made equal."""
    return tuple(_DIGIT.sub("0", word) for form in normal_forms for word in form.lower().split())


def kind_of(intent: str) -> str:
    return QUESTION if intent.startswith("ask_") and intent != _TO_A_PERSON else intent


def aspect_of(intent: str) -> str:
    """The aspect an intent of the kind ``QUESTION`` asks for."""
    return GENERAL if intent in (_WHOLE, _COMMON) else intent[len("ask_") :]


def intent_of(kind: str, aspect: str) -> str:
    if kind != QUESTION:
        return kind
    return _WHOLE if aspect == GENERAL else f"ask_{aspect}"


class IntentModel:
    """Immutable; ``scales`` are the temperatures that make margins chances."""

    def __init__(
        self,
        features: Features,
        kinds: Sequence[str],
        aspects: Sequence[str],
        weights: np.ndarray,
        bias: np.ndarray,
        scales: Tuple[float, float],
    ) -> None:
        self._features = features
        self._kinds = tuple(kinds)
        self._aspects = tuple(aspects)
        self._weights = weights
        self._bias = bias
        self._scales = scales

    def chances(self, words: Words) -> Tuple[Dict[str, float], Dict[str, float]]:
        """The chance of each kind, and of each aspect should it be a question."""
        places, values = self._features.vector(words)
        margins = values @ self._weights[places] + self._bias
        cut = len(self._kinds)
        kinds = softmax(self._scales[0] * margins[:cut])
        aspects = softmax(self._scales[1] * margins[cut:])
        return dict(zip(self._kinds, kinds.tolist(), strict=True)), dict(
            zip(self._aspects, aspects.tolist(), strict=True)
        )

    def rank(self, words: Words) -> List[Tuple[str, float]]:
        """Intents, likeliest first, each with the chance of its kind."""
        kinds, aspects = self.chances(words)
        aspect = max(aspects, key=aspects.__getitem__)
        ordered = sorted(kinds.items(), key=lambda one: -one[1])
        return [(intent_of(kind, aspect), chance) for kind, chance in ordered]

    @classmethod
    def learn(
        cls, examples: Sequence[Tuple[Words, str]], needs: Needs, options: Options = Options()
    ) -> IntentModel:
        """Learn sentences and their intents; the same sentences give the same model."""
        kind_rows = _kind_rows(examples, needs, options)
        aspect_rows = _aspect_rows(examples, needs, options)
        features = Features.of([row.words for row in kind_rows], options.views)
        kinds, kind_scale = _fit(features, kind_rows, options, options.kind_balance)
        aspects, aspect_scale = _fit(features, aspect_rows, options, options.aspect_balance)
        weights = np.vstack([kinds.coef_, aspects.coef_]).T.astype(np.float32)
        bias = np.concatenate([kinds.intercept_, aspects.intercept_]).astype(np.float32)
        names = [kinds.classes_.tolist(), aspects.classes_.tolist()]
        if EMERGENCY in names[0]:
            bias[names[0].index(EMERGENCY)] += np.log(EMERGENCY_ODDS) / kind_scale
        return cls(features, *names, np.ascontiguousarray(weights), bias, (kind_scale, aspect_scale))


def _kind_rows(examples: Sequence[Tuple[Words, str]], needs: Needs, options: Options) -> List[_Row]:
    rows = [_Row(words, kind_of(intent), 1.0, place) for place, (words, intent) in enumerate(examples)]
    if options.needs:
        rows += [
            _Row(words_of(text), QUESTION, options.need_weight, len(rows) + place)
            for place, text in enumerate([*needs.procedures, *needs.others])
        ]
    return _distinct(_without_marks(rows, options))


def _aspect_rows(examples: Sequence[Tuple[Words, str]], needs: Needs, options: Options) -> List[_Row]:
    random = Random(options.seed)  # noqa: S311 - variety, not secrecy
    asked = [
        _Row(words, aspect_of(intent), 1.0, place)
        for place, (words, intent) in enumerate(examples)
        if kind_of(intent) == QUESTION and intent != _COMMON
    ]
    rows = list(asked)
    if options.subjects:
        known = map(words_of, needs.procedures)
        plain = [words for words in known if not _ASKS.search(" ".join(unmarked(words)))]
        rows += [_Row(words, GENERAL, 1.0, len(examples) + place) for place, words in enumerate(plain)]
        rows += [
            replace(row, words=random.choice(plain) + words_of(random.choice(JOINTS)) + row.words)
            for row in asked * SUBJECTS
            if row.label != GENERAL and len(row.words) <= LONGEST_TAIL
        ]
    return _distinct(_without_marks(rows, options))


def _without_marks(rows: Sequence[_Row], options: Options) -> List[_Row]:
    """Every sentence also without diacritics."""
    return (
        [*rows, *(replace(row, words=unmarked(row.words)) for row in rows)] if options.unmarked else [*rows]
    )


def _distinct(rows: Sequence[_Row]) -> List[_Row]:
    """No sentence twice; the first of equal ones stays."""
    return list({row.words: row for row in reversed(rows)}.values())


def _fit(
    features: Features, rows: Sequence[_Row], options: Options, balance: float
) -> Tuple[LinearSVC, float]:
    """A fitted machine, and the temperature that suits sentences it has not seen."""
    vectors = features.matrix([row.words for row in rows])
    labels = np.array([row.label for row in rows])
    weights = np.array([row.weight for row in rows])
    machine = _machine(options, labels, balance).fit(vectors, labels, sample_weight=weights)
    if not options.calibrated:
        return machine, 1.0
    held = np.array([row.sentence % FOLD == 0 for row in rows])
    other = _machine(options, labels, balance).fit(
        vectors[~held], labels[~held], sample_weight=weights[~held]
    )
    return machine, _temperature(other, vectors[held], labels[held])


def _machine(options: Options, labels: np.ndarray, balance: float) -> LinearSVC:
    names, counts = np.unique(labels, return_counts=True)
    raised = (len(labels) / len(names) / counts) ** balance
    return LinearSVC(
        C=options.C,
        class_weight=dict(zip(names, raised, strict=True)),
        random_state=options.seed,
        tol=options.tolerance,
    )


def _temperature(machine: LinearSVC, vectors: csr_matrix, labels: np.ndarray) -> float:
    margins = machine.decision_function(vectors)
    right = np.searchsorted(machine.classes_, labels)
    found = minimize_scalar(
        lambda scale: -log_softmax(scale * margins, axis=1)[np.arange(len(right)), right].mean(),
        bounds=(0.1, 50),
        method="bounded",
    )
    return float(found.x)
