"""Corrections and choices, as people type them."""

import pytest

from actions.talk import (
    Correction,
    asks,
    corrected,
    elliptic,
    english,
    is_over,
    none_of_them,
    place_named,
    rude,
    without_opening,
)
from bot.text import fold


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("à không, khai tử", "khai tử"),
        ("ủa lộn, hộ chiếu", "hộ chiếu"),
        ("khong phai khai sinh, khai tu", "khai tu"),
        ("không phải khai sinh mà là khai tử", "khai tử"),
        ("khai tử chứ không phải khai sinh", "khai tử"),
        ("tui hỏi tạm trú chứ em", "tạm trú"),
        ("ý em là cái tách hộ đó", "cái tách hộ đó"),
        ("dạ em nhầm, tạm trú ạ", "tạm trú ạ"),
        ("lộn rồi em ơi, tạm vắng", "tạm vắng"),
        ("nhầm, ở ấp 3", "ở ấp 3"),
        ("k phải cái này, cái gia hạn", "cái gia hạn"),
        ("sai rồi", ""),
        ("không phải cái đó", ""),
    ],
)
def test_a_correction_keeps_what_is_meant(text: str, rest: str) -> None:
    assert corrected(text) == Correction(rest, takes_back=True)


@pytest.mark.parametrize(
    "text",
    [
        "không cần giấy gì hả",
        "không biết nộp ở đâu",
        "sai tên trong giấy khai sinh thì sửa sao",
        "nhầm năm sinh trên căn cước thì làm sao",
        "khai sinh cần gì",
        "o dau",
        "đâu có mất tiền phải không",
    ],
)
def test_what_only_sounds_like_one_takes_nothing_back(text: str) -> None:
    assert corrected(text) == Correction(text, takes_back=False)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("cai thu hai", 1),
        ("2", 1),
        ("số 2 nha em", 1),
        ("dạ cái đầu tiên ạ", 0),
        ("cái cuối", 2),
        ("chọn 1 đi ad", 0),
        ("4", None),
        ("ba tôi", None),
        ("hai vợ chồng", None),
    ],
)
def test_a_place_in_the_list_is_a_choice(text: str, place: int | None) -> None:
    assert place_named(text, 3) == place


def test_none_of_what_was_offered() -> None:
    assert none_of_them("hông phải mấy cái đó")
    assert none_of_them("không cái nào đúng hết")
    assert not none_of_them("cái thứ hai")


def test_openings_are_not_the_question() -> None:
    assert without_opening("ờ thôi, hỏi làm hộ chiếu") == "làm hộ chiếu"
    assert without_opening("con tôi học lớp 9") == "con tôi học lớp 9"


def test_questions_are_told_from_remarks() -> None:
    assert asks("vậy có được không")
    assert asks("lam o dau")
    assert not asks("đèn hư rồi")


def test_additions_to_what_was_said() -> None:
    assert elliptic("mà chồng em là người nước ngoài")
    assert elliptic("nếu mất rồi thì sao")
    assert not elliptic("mấy ngày có")


def test_anger_is_told_from_other_talk() -> None:
    assert rude("đồ ngu, bot vô dụng")
    assert rude("may la do ngu")
    assert not rude("bữa nay trời mưa không em")


@pytest.mark.parametrize(
    "text",
    ["how to register a birth?", "I lost my passport, what should I do?", "where can I get a passport"],
)
def test_english(text: str) -> None:
    assert english(text)


@pytest.mark.parametrize(
    "text",
    ["can bo do dat sai hai lan", "the can cuoc cua me con mat", "lam passport o dau", "hello em", "my tho co lam khong", "đăng ký khai sinh"],
)  # fmt: skip
def test_vietnamese_without_marks_is_no_english(text: str) -> None:
    assert not english(text)


@pytest.mark.parametrize(
    "text",
    [
        "không có ai bị sao mà nước lên tới mái rồi",
        "xe chữa cháy không có chạy vô được",
        "cháy lan qua nhà kế rồi",
        "nước lên tới mái nhà rồi, có hai người già",
    ],
)
def test_danger_that_goes_on_is_not_over(text: str) -> None:
    assert not is_over(text)
    assert not is_over(fold(text))
