"""Several questions in one message, and the questions in a letter."""

import pytest

from bot.parts import body, is_letter, questions_in

LETTER = """Kính gửi tổng đài 1022,
Tôi tên là Nguyễn Văn An. Gia đình tôi có thửa đất do ông bà để lại từ năm 1985, ở ổn định tới giờ không ai tranh chấp.
Nay tôi muốn làm sổ đỏ lần đầu, hôm trước có lên xã nhưng gặp lúc mọi người đi họp nên chưa nghe rõ.
Cho tôi hỏi cần chuẩn bị những giấy tờ gì? Lệ phí bao nhiêu và nộp ở đâu?
Xin chân thành cảm ơn.
SĐT: 0900 000 111"""


def _asked(text: str) -> list[str]:
    return [question.text for question in questions_in(text)]


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("vậy cho hỏi khai sinh cần gì và làm kết hôn tốn nhiêu", ["vậy cho hỏi khai sinh cần gì", "làm kết hôn tốn nhiêu"]),
        ("lam ho chieu can gi va mat bao lau vay em", ["lam ho chieu can gi", "mat bao lau vay em"]),
        ("đổi bằng lái ở đâu? hết nhiêu tiền vậy", ["đổi bằng lái ở đâu?", "hết nhiêu tiền vậy"]),
        ("tách thửa mấy ngày xong, với lại lệ phí bao nhiêu", ["tách thửa mấy ngày xong", "với lại lệ phí bao nhiêu"]),
    ],
)  # fmt: skip
def test_questions_joined_are_taken_apart(text: str, asked: list[str]) -> None:
    assert _asked(text) == asked


@pytest.mark.parametrize(
    "text",
    [
        "đăng ký khai sinh và nhập hộ khẩu cho con cần gì",
        "vợ và con tôi muốn nhập khẩu thì nộp ở đâu",
        "Mở lớp dạy nghề phải có bao nhiêu tiền ký quỹ và điều kiện gì",
    ],
)
def test_one_question_stays_one(text: str) -> None:
    assert _asked(text) == [text]


@pytest.mark.parametrize(
    "text", ["làm sổ đỏ lần đầu", "dang ky lan dau", "con đường trước nhà bị bể", "cảm ơn em"]
)
def test_what_asks_nothing_is_no_question(text: str) -> None:
    assert _asked(text) == []


def test_a_letter_gives_its_questions_with_what_they_are_about() -> None:
    assert is_letter(LETTER)
    first, fee, where = questions_in(LETTER)
    assert (first.text, first.said) == ("Cho tôi hỏi cần chuẩn bị những giấy tờ gì?", True)
    assert (fee.text, where.text) == ("Lệ phí bao nhiêu", "nộp ở đâu?")
    assert "sổ đỏ lần đầu" in first.in_context()
    assert "Kính gửi" not in first.before


def test_a_letter_without_its_formalities_keeps_the_number_to_call() -> None:
    told = body(LETTER)
    assert "Nguyễn Văn An" not in told
    assert "cảm ơn" not in told
    assert "0900 000 111" in told
    assert "sổ đỏ lần đầu" in told


def test_quick_questions_are_taken_apart_at_commas() -> None:
    assert [one.text for one in questions_in("vậy phí nhiêu, làm mấy ngày, ở đâu?")] == [
        "vậy phí nhiêu",
        "làm mấy ngày",
        "ở đâu?",
    ]


@pytest.mark.parametrize("text", ["cho em hỏi, khai sinh làm ở đâu", "còn hộ chiếu thì sao, cần giấy gì"])
def test_a_comma_within_one_question(text: str) -> None:
    assert len(questions_in(text)) == 1
