"""What people type on phones, and things of a fixed shape in it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.masking import MASK, masked
from bot.patterns import find_entities, find_quantities
from bot.text import fold, normal_words, normalize


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("lamf giaays khai sinh caanf gif", "làm giấy khai sinh cần gì"),
        ("dduwowngf hoar", "đường hỏa"),
        ("quyeenf suwr dungj ddaats", "quyền sử dụng đất"),
        ("thur tucj nhaapj khaaur", "thủ tục nhập khẩu"),
        ("hoaf nguyeenx vawn", "hòa nguyễn văn"),
        ("làm giaays khai tuwr cho ông nooij maays ngayf có", "làm giấy khai tử cho ông nội mấy ngày có"),
        ("mai có cúp ddieenj không", "mai có cúp điện không"),
        ("lệ phí bn z", "lệ phí bao nhiêu vậy"),
        ("làm online dc ko", "làm online được không"),
        ("đk kết hôn ntn", "đăng ký kết hôn như thế nào"),
    ],
)
def test_abbreviations_and_raw_telex_are_written_out(typed: str, meant: str) -> None:
    assert normalize(typed) == meant


@pytest.mark.parametrize(
    "text",
    [
        "làm giấy khai sinh",
        "lam giay khai sinh can giay to gi",
        "cho hoi form online zalo wifi o dau",
        "hộ chiếu hạng A, khu E",
        "con tôi bị down, xin trợ cấp",
        "quyền of người mua max bao nhiêu",
        "so 12/2026 ngay 1.1",
    ],
)
def test_what_is_already_plain_stays(text: str) -> None:
    assert normalize(text) == text


@given(st.text(max_size=80))
def test_words_keep_their_place(text: str) -> None:
    places = [(start, end) for _, start, end in normal_words(text)]
    assert places == sorted(places)
    assert all(0 <= start < end <= len(text) for start, end in places)


@given(st.text(alphabet="abcdeghiklmnopqrstuvxyáàảãạăâđêôơưfjwz ", max_size=60))
def test_normalizing_twice_changes_no_letters_of_accented_text(text: str) -> None:
    once = normalize(text + " ạ")  # accents show that the input method was on
    assert fold(normalize(once)) == fold(once)


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("phiếu 1022-2026-000123 tới đâu", "ticket_code", "1022-2026-000123"),
        ("phieu 1022 2026 000123", "ticket_code", "1022-2026-000123"),
        ("hồ sơ h21.15-261101-0005", "dossier_code", "H21.15-261101-0005"),
        ("gọi 0907 123 456 nha", "phone", "0907123456"),
        ("+84 907.123.456", "phone", "0907123456"),
        ("nhà 0277 3898 989", "phone", "02773898989"),
        ("căn cước 087000000001 của em", "id_number", "087000000001"),
        ("cmnd 340000001", "id_number", "340000001"),
    ],
)
def test_entities_have_a_plain_value_and_their_place(text: str, kind: str, value: str) -> None:
    (found,) = find_entities(text)
    assert (found.kind, found.value) == (kind, value)
    assert "".join(c for c in text[found.start : found.end] if c.isdigit())[-6:] in value.replace("-", "")


@pytest.mark.parametrize("text", ["năm 2026", "1022", "số 12345", "12/11/2026", "0123456789012", "999999999"])
def test_other_numbers_are_no_entities(text: str) -> None:
    assert find_entities(text) == []


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("nộp ngày 5/11", "date", "05/11"),
        ("hen 12/11/2026 lay", "date", "12/11/2026"),
        ("họ đòi 500 ngàn", "money", "500000"),
        ("hết 2,5 triệu đồng", "money", "2500000"),
        ("dong 200k thoi", "money", "200000"),
        ("phí 3.000.000đ", "money", "3000000"),
    ],
)
def test_dates_and_sums_have_a_plain_value(text: str, kind: str, value: str) -> None:
    (found,) = find_quantities(text)
    assert (found.kind, found.value) == (kind, value)


@pytest.mark.parametrize("text", ["số 5/11 hẻm 3", "nhà 45/6", "2 khung giờ", "3 tổ 5", "1022-2026-000123"])
def test_other_numbers_are_neither_dates_nor_sums(text: str) -> None:
    assert find_quantities(text) == []


def test_identity_numbers_are_masked_and_sums_are_not() -> None:
    told = masked("cccd 087000000001, cmnd 340000001, sđt 0900000111, nộp 500.000 đồng ngày 5/11/2026")
    assert told == f"cccd {MASK}, cmnd {MASK}, sđt {MASK}, nộp 500.000 đồng ngày 5/11/2026"
