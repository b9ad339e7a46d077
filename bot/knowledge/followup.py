"""Questions that go on about what was talked of before: "vậy phí nhiêu?", "còn nộp ở đâu".

A small ranker like that of the entries, learned on follow-ups by what they ask for, against everything that names
a subject of its own: the names, needs and questions of the entries, and requests for things that are not there.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import cycle, islice
from typing import Any, cast

import numpy as np

from bot.knowledge.load import DATA, parse_yaml, read_text, seed_docs
from bot.knowledge.model import Aspect
from bot.knowledge.needs import seed_needs
from bot.knowledge.ranker import MODELS, Ranker
from bot.text import fold

FILE = "follow-ups.yml"
#: The label of what names a subject of its own.
SUBJECT = ""
#: How a question is begun and ended differs from how it is put: each is learned with some of both.
DRESSINGS = 3
#: What is asked about names as well, so that the words of an aspect alone make no follow-up.
ASKED_OF_NAMES = 2


class FollowUps:
    """Whether a text names nothing of its own, and what it asks."""

    def __init__(
        self, asked: Mapping[str, Sequence[str]], names: Sequence[str], subjects: Sequence[str]
    ) -> None:
        cores = dict(asked)
        openers, closers = cores.pop("openers"), cores.pop("closers")
        phrases: dict[str, Sequence[str]] = {
            aspect: list(_dressed(core, openers, closers)) for aspect, core in cores.items()
        }
        questions = [one for core in cores.values() for one in core]
        phrases[SUBJECT] = [*names, *subjects, *_asked_of(names, questions)]
        self._ranker = Ranker.of(phrases, MODELS / "follow-ups")

    def read(self, text: str) -> tuple[float, Aspect]:
        """The chance that the text goes on about what was talked of before, and the aspect it asks for then."""
        odds = self._ranker.logits(text)
        powers = np.exp(odds - odds.max())
        shares = dict(zip(self._ranker.labels, powers / powers.sum(), strict=True))
        alone = float(shares.pop(SUBJECT))
        return 1 - alone, cast(Aspect, max(shares, key=lambda aspect: shares[aspect]))


@lru_cache(maxsize=1)
def seed_follow_ups() -> FollowUps:
    """Learned on the product's own files: what editors change teaches nothing about how people go on.

    Raises:
        DataError: a file is broken.
    """
    asked: Any = parse_yaml(read_text(DATA / FILE), FILE)
    bodies = [doc.body for doc in seed_docs()]
    names = [name for body in bodies if "aliases" in body for name in (body["name"], *body["aliases"])]
    questions = [
        one for body in bodies if "question" in body for one in (body["question"], *body.get("variants", ()))
    ]
    needs = seed_needs()
    wanted = [one for of in (needs.procedures, needs.faqs) for said in of.values() for one in said]
    return FollowUps(asked, names, [*questions, *wanted, *needs.unknown])


def _dressed(asked: Sequence[str], openers: Sequence[str], closers: Sequence[str]) -> Iterable[str]:
    before, after = cycle(openers), cycle(closers)
    for core in asked:
        yield core
        yield fold(core)
        for opener, closer in islice(zip(before, after, strict=False), DRESSINGS):
            yield f"{opener} {core}"
            yield f"{core} {closer}"
            yield f"{opener} {core} {closer}"
        next(after)


def _asked_of(names: Sequence[str], asked: Sequence[str]) -> Iterable[str]:
    questions = cycle(asked)
    for name in names:
        for question in islice(questions, ASKED_OF_NAMES):
            yield f"{name} {question}"
            yield f"{question} {name}"
