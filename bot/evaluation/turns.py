"""The whole bot: what ``hub ask`` answers to messages and dialogues."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from bot.evaluation.figures import Figure, by, coverage, mean
from bot.evaluation.sets import Row, Sets
from bot.text import fold

Line = dict[str, Any]
Confusions = Counter[tuple[str, str]]
ANSWERED = ("procedure", "faq")


def asked_lines(sets: Sets) -> list[Line]:
    """The sets as input of ``hub ask``: messages first, clean ones once more without their marks, then each dialogue's
    turns."""
    alone = [{"id": f"m{place}", "text": row["text"]} for place, row in enumerate(sets.messages)]
    folded = [
        {"id": f"folded{place}", "text": fold(row["text"])}
        for place, row in enumerate(sets.messages)
        if row["condition"] == "clean"
    ]
    turns = [
        {"id": f"{dialogue['id']}.{place}", "text": turn["text"], "conversation": dialogue["id"]}
        for dialogue in sets.dialogues
        for place, turn in enumerate(dialogue["turns"])
    ]
    return alone + folded + turns


def turn_figures(sets: Sets, answers: Sequence[Line]) -> tuple[dict[str, Figure], Confusions]:
    """Figures, and how often which kind (procedure, aspect) was taken for which."""
    given = {line["id"]: line for line in answers}
    pairs = [(row, given[f"m{place}"]) for place, row in enumerate(sets.messages)]
    turns = [
        (turn, given[f"{dialogue['id']}.{place}"], given.get(f"{dialogue['id']}.{place - 1}"))
        for dialogue in sets.dialogues
        for place, turn in enumerate(dialogue["turns"])
    ]
    procedures = [(row, got) for row, got in pairs if row["kind"] == "procedure"]
    located = [(row, got) for row, got in procedures if got["procedure"] == row["procedure"]]
    questions = [(row, got) for row, got in pairs if row["kind"] in ANSWERED]
    twice = [
        (row, given[f"m{place}"], given[f"folded{place}"])
        for place, row in enumerate(sets.messages)
        if row["condition"] == "clean"
    ]
    strangers = [got for row, got in pairs if row["kind"] == "unknown_procedure"]
    figures = {
        "kind": mean(_kind(row, got) for row, got in pairs),
        **by("kind", ((row["kind"], _kind(row, got)) for row, got in pairs)),
        **by("kind.condition", ((row["condition"], _kind(row, got)) for row, got in pairs)),
        "procedure": mean(float(got["procedure"] == row["procedure"]) for row, got in procedures),
        **by(
            "procedure.condition",
            ((row["condition"], float(got["procedure"] == row["procedure"])) for row, got in procedures),
        ),
        "kind.lost_without_marks": mean(
            (_kind(row, clean) - _kind(row, folded) for row, clean, folded in twice), more_is_better=False
        ),
        "procedure.lost_without_marks": mean(
            (
                float(clean["procedure"] == row["procedure"]) - float(folded["procedure"] == row["procedure"])
                for row, clean, folded in twice
                if row["kind"] == "procedure"
            ),
            more_is_better=False,
        ),
        "aspect": mean(float(got["aspect"] == row["aspect"]) for row, got in located),
        "faq": mean(float(got["faq"] == row["faq"]) for row, got in pairs if row["kind"] == "faq"),
        "wrong_answer": mean((float(_wrong(row, got)) for row, got in questions), more_is_better=False),
        "coverage_at_95": coverage([_sure(row, got) for row, got in questions]),
        "unknown_handed_over": mean(float(got["handoff"] and got["procedure"] is None) for got in strangers),
        "unknown_answered": mean((float(got["kind"] in ANSWERED) for got in strangers), more_is_better=False),
        "dialogue_turn": mean(float(_turn_right(*turn)) for turn in turns),
    }
    confusions: Confusions = Counter()
    for row, got in (*pairs, *((turn, got) for turn, got, _ in turns)):
        if row["kind"] != got["kind"]:
            confusions[row["kind"], got["kind"]] += 1
    for row, got in procedures:
        if got["procedure"] is not None and got["procedure"] != row["procedure"]:
            confusions[row["procedure"], got["procedure"]] += 1
    for row, got in located:
        if got["aspect"] != row["aspect"]:
            confusions[f"{row['aspect']} (aspect)", f"{got['aspect']}"] += 1
    return figures, confusions


def _kind(row: Row, got: Line) -> float:
    return float(row["kind"] == got["kind"])


def _right(row: Row, got: Line) -> bool:
    name = row["kind"]
    return bool(got["kind"] == name and got[name] == row[name])


def _wrong(row: Row, got: Line) -> bool:
    return got["kind"] in ANSWERED and not _right(row, got)


def _sure(row: Row, got: Line) -> tuple[float, bool]:
    return (got["confidence"] if got["kind"] in ANSWERED else 0.0), _right(row, got)


def _turn_right(turn: Row, got: Line, before: Line | None) -> bool:
    if turn["kind"] != got["kind"]:
        return False
    wanted = {name: turn[name] for name in ("procedure", "aspect", "faq", "code") if name in turn}
    if "pick" in turn:
        offered = before["candidates"] if before else []
        if len(offered) < turn["pick"]:
            return False
        wanted["procedure"] = offered[turn["pick"] - 1]
    if any(got[name] != value for name, value in wanted.items()):
        return False
    return "slots" not in turn or set(turn["slots"]) <= set(got["slots"])
