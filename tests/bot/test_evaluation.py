"""What `hub eval` counts, on answers that are known."""

from typing import Any

from bot.evaluation.sets import Sets
from bot.evaluation.turns import asked_lines, turn_figures


def test_clean_messages_are_asked_again_without_their_marks_and_what_is_lost_is_counted() -> None:
    fee = {"kind": "procedure", "procedure": "ket-hon", "aspect": "fee", "condition": "clean"}
    sets = Sets([fee | {"text": "Phí đăng ký kết hôn?"}, fee | {"text": "Cưới tốn nhiêu?"}], [], [])
    lines = asked_lines(sets)
    assert [line["text"] for line in lines[2:]] == ["phi dang ky ket hon?", "cuoi ton nhieu?"]

    def answer(id_: str, procedure: str | None) -> dict[str, Any]:
        kind = "procedure" if procedure else "clarify"
        common = {"faq": None, "confidence": 0.9, "handoff": False, "aspect": "fee"}
        return {"id": id_, "kind": kind, "procedure": procedure, **common}

    found = ["ket-hon", "ket-hon", "ket-hon", None]  # the second is lost without its marks
    answers = [answer(line["id"], procedure) for line, procedure in zip(lines, found, strict=True)]
    figures, confusions = turn_figures(sets, answers)
    assert figures["procedure"].value == 1.0
    assert figures["procedure.lost_without_marks"].value == 0.5
    assert figures["kind.lost_without_marks"].value == 0.5
    assert not figures["procedure.lost_without_marks"].more_is_better
    assert not confusions  # of the messages as they were written there is none
