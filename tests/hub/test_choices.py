"""Choices that come back as ordinary text."""

import pytest

from hub.choices import chosen, offered
from hub.model import Button, Message

BUTTONS = (
    Button(title="Đăng ký khai sinh", payload='/choose_procedure{"procedure": "1"}'),
    Button(title="Khai sinh có yếu tố nước ngoài", payload='/choose_procedure{"procedure": "2"}'),
    Button(title="Gặp tổng đài viên", payload="/ask_human"),
)


def line(
    seq: int, author: str, *, buttons: tuple[Button, ...] = (), turn: str = "t", **more: object
) -> Message:
    fields = {"id": f"m-{seq}", "conversation": "c", "seq": seq, "author": author, "at": seq, "turn": turn}
    return Message.model_validate(fields | {"buttons": buttons} | more)


@pytest.mark.parametrize(
    ("typed", "place"),
    [
        ("Đăng ký khai sinh", 0),
        ("  đăng  ký khai sinh.", 0),
        ("dang ky khai sinh", 0),
        ("GẶP TỔNG ĐÀI VIÊN", 2),
        ("1", 0),
        ("2.", 1),
        ("#3", 2),
        (" 3) ", 2),
    ],
)
def test_a_title_or_its_number_is_as_good_as_pressing(typed: str, place: int) -> None:
    assert chosen(typed, BUTTONS) == BUTTONS[place]


@pytest.mark.parametrize(
    "typed",
    [
        "",
        None,
        "?",
        "0",
        "4",
        "1 2",
        "tôi muốn đăng ký khai sinh",
        "đăng ký khai sinh cần gì",
        "khai sinh",
        "số 1 Lê Lợi",
    ],
)
def test_a_text_that_only_contains_a_title_chooses_nothing(typed: str | None) -> None:
    assert chosen(typed, BUTTONS) is None


def test_titles_that_fold_alike_are_told_apart_by_their_diacritics() -> None:
    pair = (Button(title="Tân Thành", payload="/a"), Button(title="Tân Thạnh", payload="/b"))
    assert chosen("tân thạnh", pair) == pair[1]
    assert chosen("tan thanh", pair) is None
    assert chosen("2", pair) == pair[1]


def test_the_bot_s_last_buttons_stand_open() -> None:
    asked, picked = line(1, "citizen"), line(2, "bot", buttons=BUTTONS)
    assert offered([asked, picked]) == BUTTONS
    assert offered([asked, picked, line(3, "citizen")]) == BUTTONS
    assert offered([asked, picked, line(3, "operator", internal=True), line(4, "system")]) == BUTTONS
    assert offered([asked, picked, line(3, "bot")]) == BUTTONS, "the same turn said more"


def test_buttons_are_gone_once_somebody_has_said_something_else() -> None:
    picked = line(1, "bot", buttons=BUTTONS)
    assert offered([picked, line(2, "citizen"), line(3, "bot", turn="t-2")]) == ()
    assert offered([picked, line(2, "operator")]) == ()
    assert offered([line(1, "citizen")]) == ()
    assert offered([]) == ()
