"""What each part of the intent model is worth: an ablation on the held-out sets.

Run in Rasa's environment, a minute for each line on an idle machine:

    bot/rasa/.venv/bin/python bench/nlu.py [NAME …]
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
import yaml

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bot.rasa.components.intents import (  # noqa: E402
    QUESTION,
    IntentModel,
    Needs,
    Options,
    kind_of,
    words_of,
)  # fmt: skip

WITHOUT = {
    "all": Options(),
    "no folded features": Options(views=("words",)),
    "no pieces of words": Options(views=("words", "folded words")),
    "no words with marks": Options(views=("folded words", "folded pieces")),
    "no copies without marks": Options(unmarked=False),
    "neither folded features nor copies": Options(views=("words",), unmarked=False),
    "no need phrases": Options(needs=False),
    "no exchanged subjects": Options(subjects=False),
    "no class weights": Options(kind_balance=0.0, aspect_balance=0.0),
    "no calibration": Options(calibrated=False),
}
#: What ``hub ask`` calls a kind, and the intent behind it.
INTENTS = {
    "procedure": QUESTION, "faq": QUESTION, "unknown_procedure": QUESTION, "report": "report_problem", "human": "ask_human",
    "status": "ticket_status",
}  # fmt: skip


def read(path: str) -> list:
    return yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))


def examples() -> list:
    return [
        (words_of(line[2:]), block["intent"])
        for path in sorted((ROOT / "nlu_data" / "nlu").glob("*.yml"))
        for block in yaml.safe_load(path.read_text(encoding="utf-8"))["nlu"]
        for line in block["examples"].splitlines()
    ]


def needs() -> Needs:
    procedures, others = [], []
    for path in sorted((ROOT / "bot" / "knowledge" / "data" / "needs").glob("*.yml")):
        found = others if path.name in ("faq.yml", "unknown.yml") else procedures
        found += [
            phrase for phrases in yaml.safe_load(path.read_text("utf-8")).values() for phrase in phrases
        ]
    return Needs(procedures, others)


def measured(model: IntentModel) -> dict:
    messages = read("bot/evaluation/sets/messages.yml")
    right, confidence, aspects, times = [], [], [], []
    for row in messages:
        before = time.perf_counter()
        kinds, asked = model.chances(words_of(row["text"]))
        times.append(time.perf_counter() - before)
        best = max(kinds, key=kinds.__getitem__)
        right.append(best == INTENTS.get(row["kind"], row["kind"]))
        confidence.append(kinds[best])
        if row["kind"] == "procedure":
            aspects.append(max(asked, key=asked.__getitem__) == row["aspect"])
    held = [(kind_of(row["intent"]), words_of(row["text"])) for row in read("tests/bot/nlu_dev.yml")]
    by = {
        name: np.mean([ok for ok, row in zip(right, messages, strict=True) if row["condition"] == name])
        for name in ("clean", "no_diacritics", "telex", "teencode", "typo")
    }
    return {
        "kind": np.mean(right),
        **by,
        "aspect": np.mean(aspects),
        "kind of nlu_dev": np.mean([kind_of(model.rank(words)[0][0]) == kind for kind, words in held]),
        "calibration error": _calibration_error(np.array(confidence), np.array(right)),
        "median ms": 1000 * np.median(times),
    }


def _calibration_error(confidence: np.ndarray, right: np.ndarray) -> float:
    """Mean gap between confidence and accuracy over ten bins."""
    bins = np.minimum((confidence * 10).astype(int), 9)
    gaps = [
        abs(confidence[bins == one].mean() - right[bins == one].mean()) * (bins == one).mean()
        for one in np.unique(bins)
    ]
    return float(np.sum(gaps))


def main() -> None:
    known, phrases = examples(), needs()
    for name in sys.argv[1:] or WITHOUT:
        before = time.perf_counter()
        model = IntentModel.learn(known, phrases, WITHOUT[name])
        took = time.perf_counter() - before
        figures = {key: round(float(value), 4) for key, value in measured(model).items()}
        print(json.dumps({"without": name, **figures, "training s": round(took)}), flush=True)


if __name__ == "__main__":
    main()
