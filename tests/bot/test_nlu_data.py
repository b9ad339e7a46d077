"""The training sentences: readable by Rasa's schema, one intent each, and apart from the held-out ones."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from bot.text import fold, nfc, words

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "nlu_data" / "nlu").glob("*.yml"))

ASPECTS = {
    f"ask_{aspect}"
    for aspect in (
        "documents",
        "fee",
        "time",
        "where",
        "steps",
        "online",
        "form",
        "legal_basis",
        "eligibility",
    )
}
LARGE = ASPECTS | {
    "ask_procedure",
    "ask_faq",
    "report_problem",
    "complaint",
    "emergency",
    "ticket_status",
    "ask_human",
    "out_of_scope",
    "inform",
}
SMALL = {"greet", "thanks", "bye", "affirm", "deny", "cancel"}


def _key(text: str) -> str:
    """What stays of a sentence when case, diacritics and punctuation are gone."""
    return " ".join(words(fold(text)))


def _training() -> Iterator[tuple[str, str]]:
    for path in FILES:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        assert document["version"] == "3.1", path.name
        for block in document["nlu"]:
            for line in block["examples"].splitlines():
                assert line.startswith("- "), f"{path.name}: {line!r}"
                yield line.removeprefix("- "), block["intent"]


def _held_out() -> list[tuple[str, str]]:
    path = Path(__file__).with_name("nlu_dev.yml")
    return [(row["text"], row["intent"]) for row in yaml.safe_load(path.read_text(encoding="utf-8"))]


TRAINING = list(_training())
HELD_OUT = _held_out()


def test_intents_are_the_known_ones_with_enough_examples() -> None:
    counts = Counter(intent for _, intent in TRAINING)
    assert set(counts) == LARGE | SMALL
    assert {i: n for i, n in counts.items() if n < (150 if i in LARGE else 70)} == {}
    assert {intent for _, intent in HELD_OUT} == LARGE | SMALL


@pytest.mark.parametrize("sentences", [TRAINING, HELD_OUT], ids=["training", "held_out"])
def test_sentences_are_composed_trimmed_and_not_empty(sentences: list[tuple[str, str]]) -> None:
    assert [text for text, _ in sentences if text != nfc(text).strip() or not _key(text)] == []


def test_no_sentence_could_be_read_as_entity_markup_or_a_payload() -> None:
    assert [text for text, _ in TRAINING if re.search(r"[\[\]{}<>]|^/", text)] == []


def test_every_training_sentence_is_distinct_and_has_one_intent() -> None:
    seen: dict[str, tuple[str, str]] = {}
    clashes = []
    for text, intent in TRAINING:
        first = seen.setdefault(_key(text), (text, intent))
        if first != (text, intent):
            clashes.append((first, (text, intent)))
    assert clashes == []
    assert len(seen) == len(TRAINING)


def test_held_out_sentences_are_distinct_and_not_trained_on() -> None:
    held_out = [_key(text) for text, _ in HELD_OUT]
    assert len(set(held_out)) == len(held_out)
    assert set(held_out) & {_key(text) for text, _ in TRAINING} == set()


def test_phone_numbers_are_fictitious() -> None:
    numbers = [
        re.sub(r"\D", "", match)
        for text, _ in TRAINING + HELD_OUT
        for match in re.findall(r"(?<!\d)0[35789]\d(?:[ .]?\d){7}(?!\d)", text)
    ]
    assert numbers
    assert [n for n in numbers if not n.startswith("0900000")] == []
