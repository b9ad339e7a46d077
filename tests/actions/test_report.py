"""When a first message already tells what is wrong."""

import pytest

from actions.report import describes
from actions.status import keys_in


@pytest.mark.parametrize(
    "text", ["đèn đường hư", "rac khong ai gom", "tôi muốn phản ánh đường ngập nước", "cầu sập rồi"]
)
def test_a_problem_is_a_description(text: str) -> None:
    assert describes(text)


@pytest.mark.parametrize(
    "text",
    ["tôi muốn phản ánh", "cho em báo cáo sự cố", "em ơi tui cần gửi kiến nghị", "phan anh hien truong"],
)
def test_the_wish_alone_is_none(text: str) -> None:
    assert not describes(text)


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("mã acd349 nha", ["ACD349"]),
        ("1022-2026-000123", []),
        ("phiếu 1022-2026-334679 ACDEFG", ["ACDEFG"]),
        ("xacd349x", []),
    ],
)
def test_look_up_keys_stand_alone(text: str, keys: list[str]) -> None:
    assert keys_in(text) == keys
