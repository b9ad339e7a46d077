"""Words that go back to what was talked of before, and words that mean several things at once."""

import pytest

from actions.earlier import Back, all_of, places_named


@pytest.mark.parametrize(
    "text",
    ["quay lại cái khai sinh hồi nãy", "thủ tục hồi nãy phí bao nhiêu", "lúc nãy á", "cái đầu tiên á", "còn cái kia?", "hoi nay cai tach thua"],
)  # fmt: skip
def test_going_back(text: str) -> None:
    assert Back(text).goes


@pytest.mark.parametrize(
    "text", ["cho hỏi này", "lúc này làm được không", "đăng ký kết hôn lần đầu", "hôm nay có làm không"]
)
def test_not_going_back(text: str) -> None:
    assert not Back(text).goes


def test_what_is_named_beside_going_back() -> None:
    assert Back("quay lại cái khai sinh hồi nãy").names
    assert not Back("thủ tục hồi nãy phí bao nhiêu").names


def test_all_of_what_was_offered() -> None:
    assert all_of("cả hai", 2) == (True, "")
    assert all_of("cả hai cái phí bao nhiêu", 2) == (True, "phi bao nhieu")
    assert not all_of("cả hai", 3)[0]
    assert not all_of("cả ba", 1)[0]


@pytest.mark.parametrize(
    ("text", "among", "places"),
    [("1 và 2", 4, [0, 1]), ("cái 1 với cái 3 đi", 4, [0, 2]), ("1,2", 3, [0, 1]), ("1 và 5", 4, ()), ("2", 4, ()), ("1 2 3", 4, [0, 1, 2])],
)  # fmt: skip
def test_several_places(text: str, among: int, places: list[int]) -> None:
    assert list(places_named(text, among)) == list(places)
