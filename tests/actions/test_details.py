"""Where, when and whom to call, out of what people write."""

import pytest

from actions.details import declines, phone_in, pieces_of
from bot.knowledge import KnowledgeBase


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0907 123 456", "0907123456"),
        ("số em là 0907-123-456 nha", "0907123456"),
        ("+84 907.123.456", "0907123456"),
        ("84907123456", "0907123456"),
        ("o9o7 123 456", "0907123456"),
        ("(0277) 3851 234", "02773851234"),
        ("không chín không bảy một hai ba bốn năm sáu", "0907123456"),
        ("0907 123", None),
        ("ấp 3 số nhà 12", None),
    ],
)
def test_a_phone_number_however_it_is_written(text: str, number: str | None) -> None:
    assert phone_in(text) == number


@pytest.mark.parametrize(
    "text",
    [
        "không",
        "dạ k ạ",
        "thôi khỏi",
        "không có số",
        "tôi không muốn để lại số",
        "mai tui gửi sau nha",
        "giấu tên giúp tôi",
    ],
)
def test_a_number_may_be_kept_back(text: str) -> None:
    assert declines(text)


@pytest.mark.parametrize("text", ["hẻm 12 đường Lê Lợi", "đèn hư từ hôm qua"])
def test_what_is_no_refusal(text: str) -> None:
    assert not declines(text)


@pytest.mark.parametrize(
    ("text", "place", "time"),
    [
        ("đèn đường hư ấp 3 xã Mỹ Hiệp", "ấp 3 xã Mỹ Hiệp", None),
        ("rác tràn ra đường Nguyễn Huệ, mấy ngày nay không ai dọn", "đường Nguyễn Huệ", "mấy ngày nay"),
        ("ap tan loi xa my hiep", "ap tan loi xa my hiep", None),
        ("ngã tư chợ Lấp Vò", "ngã tư chợ Lấp Vò", None),
        ("bãi rác cạnh kênh Nguyễn Văn Tiếp bốc mùi cả tuần rồi", "cạnh kênh Nguyễn Văn Tiếp", "cả tuần rồi"),
        ("nha toi cup nuoc 2 ngay nay", None, "2 ngay nay"),
        ("xa rac bua bai ra song", None, None),
        ("cầu bị sập một bên", None, None),
        ("hàng xóm nuôi chó thả rông", None, None),
        ("chua ai dung len", None, None),
        ("tối qua lúc 9h", None, "tối qua, lúc 9h"),
    ],
)
def test_where_and_when(knowledge: KnowledgeBase, text: str, place: str | None, time: str | None) -> None:
    told = pieces_of(text, lambda part: bool(knowledge.communes_in(part)))
    assert (told.place, told.time) == (place, time)


def test_several_pieces_in_one_message(knowledge: KnowledgeBase) -> None:
    text = "nước máy đục ngầu 3 ngày nay, ở ấp Tân Bình xã Tân Dương, sđt 0907.111.222"
    told = pieces_of(text, lambda part: bool(knowledge.communes_in(part)))
    assert told.place == "ở ấp Tân Bình xã Tân Dương"
    assert told.time == "3 ngày nay"
    assert told.phone == "0907111222"
    assert told.rest == "nước máy đục ngầu 3 ngày nay"
