"""What happened to somebody is told from things in a place, which are reported."""

import pytest

from actions.misfortune import CONDOLENCE, CONGRATULATION, misfortune_in, says_what_is_wanted


@pytest.mark.parametrize(
    "text",
    [
        "tui bị lừa đảo qua mạng",
        "hôm qua má em bị gạt chuyển tiền cho người lạ trên zalo",
        "lo chuyen khoan nham cho nguoi ta",
        "công ty nợ lương tụi em ba tháng nay rồi",
        "xưởng trốn đóng bảo hiểm cho công nhân",
        "con chó nhà kế bên cắn con tui",
        "hàng xóm lấn đất nhà tui",
        "nhà kế bên lấn ranh",
        "tui mua nhằm phải phân bón giả",
    ],
)
def test_what_others_did_may_be_reported_after_the_answer(text: str) -> None:
    found = misfortune_in(text)
    assert found is not None
    assert found.wrong


@pytest.mark.parametrize(
    "text",
    [
        "tui bị mất căn cước",
        "mới rớt cái bóp hồi sáng",
        "em bị mất sim",
        "thẻ bảo hiểm của má bị mất",
        "lam rot bang lai roi",
    ],
)
def test_lost_papers(text: str) -> None:
    found = misfortune_in(text)
    assert found is not None
    assert not found.wrong


@pytest.mark.parametrize(
    "text",
    [
        "ba em mới mất hôm qua",
        "ông nội tui mất bữa hổm",
        "mẹ tui vừa qua đời",
        "ma em vua mat",
        "anh hai tui mất rồi",
    ],
)
def test_a_death_is_met_with_sympathy(text: str) -> None:
    found = misfortune_in(text)
    assert found is not None
    assert found.opening == CONDOLENCE


def test_a_birth_is_met_with_joy() -> None:
    found = misfortune_in("vợ tui mới sanh em bé")
    assert found is not None
    assert found.opening == CONGRATULATION


@pytest.mark.parametrize(
    "text",
    [
        "đèn đường trước nhà tui hư",
        "nhà tui bị mất điện",
        "nước máy nhà tui có mùi hôi",
        "rác chất đống ngoài chợ",
        "đường ngập hết trơn",
        "nhà bị mất nắp cống trước cửa",
        "lúa bị ngập hết rồi",  # "lúa", not "lừa"
        "đau con mắt quá",  # "mắt", not "mất"
        "gà nhà tui chết hàng loạt",
        "tui muốn phản ánh công ty nợ lương",  # taken at their word
        "đang bị người ta lừa tiền",
        "cán bộ xã làm khó tui",
    ],
)
def test_reports_complaints_and_dangers_are_none(text: str) -> None:
    assert misfortune_in(text) is None


def test_a_wish_told_with_it_goes_before() -> None:
    assert says_what_is_wanted("ba tui mất rồi, muốn sang tên miếng ruộng")
    assert not says_what_is_wanted("ba tui mới mất hôm qua")
