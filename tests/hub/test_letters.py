"""One turn as one letter."""

from hub.letters import CLOSING, GREETING, THANKS, as_letter
from hub.model import Button, Draft

FEE = Draft(text="Dạ, lệ phí thủ tục A:\n• miễn phí", knowledge=("a",))
TIME = Draft(
    text="Dạ, thủ tục B giải quyết trong 3 ngày.",
    knowledge=("b",),
    buttons=(Button(title="x", payload="/x"),),
)
CODE = Draft(text="Mã phiếu: 1022-2026-000001")
NOTE = Draft(text="ghi chú", internal=True)


def test_several_answers_are_one_numbered_letter() -> None:
    letter, note = as_letter([FEE, TIME, CODE, NOTE])
    assert letter.text.split("\n\n") == [
        GREETING,
        THANKS,
        "1. Lệ phí thủ tục A:\n• miễn phí",
        "2. Thủ tục B giải quyết trong 3 ngày.",
        CODE.text,
        CLOSING,
    ]
    assert (letter.knowledge, letter.buttons) == (("a", "b"), TIME.buttons)
    assert note is NOTE


def test_one_answer_has_no_number_and_a_ticket_no_thanks_for_a_question() -> None:
    (letter,) = as_letter([FEE])
    assert "\n\nLệ phí thủ tục A:" in letter.text
    (letter,) = as_letter([CODE])
    assert THANKS not in letter.text


def test_nothing_open_is_no_letter() -> None:
    assert as_letter([NOTE]) == (NOTE,)
