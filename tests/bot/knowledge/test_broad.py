"""Broad names are asked back about; what says more, or plainly means one entry, is searched."""

import pytest

from bot.knowledge import seed_docs
from bot.knowledge.broad import _names, broad_name


def test_every_choice_is_an_entry_and_a_zalo_message_has_room_for_them() -> None:
    known = {(doc.kind, doc.id) for doc in seed_docs()}
    for name, choices in _names():
        assert 2 <= len(choices) <= 4, name  # with "khác" five
        assert set(choices) <= known, name


@pytest.mark.parametrize(
    "text",
    [
        "đăng ký xe", "dang ky xe", "dk xe", "cho em hỏi lệ phí đăng ký xe bao nhiêu", "giấy phép xây dựng", "hộ khẩu", "thủ tục đất đai",
        "tui muốn hỏi về bảo hiểm", "bhyt", "tiền trợ cấp", "mai táng phí", "cccd",
    ],
)  # fmt: skip
def test_a_broad_name(text: str) -> None:
    assert broad_name(text)


@pytest.mark.parametrize(
    "text",
    [
        "khai sinh", "kết hôn", "hộ chiếu", "sang tên xe", "đăng ký xe ở Campuchia", "trợ cấp thất nghiệp", "bảo hiểm xe máy", "thuê nhà",
        "cấp lại bằng lái xe", "mất giấy tờ xe", "làm căn cước", "", "x " * 500,
    ],
)  # fmt: skip
def test_no_broad_name(text: str) -> None:
    assert broad_name(text) == ()
