"""How conversations go on, through the real Rasa: misfortunes, corrections of an answer, broad names."""

import pytest

from bot.client import RasaBot
from tests.bot.test_rasa_turns import question, talk


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("tui bị lừa đảo qua mạng", "lua-dao-qua-mang"),
        ("hôm qua má em bị gạt chuyển tiền cho người lạ", "lua-dao-qua-mang"),
        ("công ty nợ lương tụi em 3 tháng nay rồi", "no-luong-bao-hiem"),
        ("con chó nhà hàng xóm cắn con tui", "cho-can"),
        ("tui bị phạt nguội", "phat-nguoi"),
        ("tui bị mất căn cước rồi", "cap-lai-can-cuoc"),
    ],
)
async def test_what_happened_to_somebody_is_answered(rasa_bot: RasaBot, text: str, topic: str) -> None:
    (answer,) = await talk(rasa_bot, text)
    assert topic in (answer.procedure, answer.faq)
    assert answer.ticket is None


@pytest.mark.parametrize(
    "text",
    ["đèn đường trước nhà tui hư", "rác chất đống ngoài chợ hôi quá", "ổ gà to quá trời trên lộ", "đường ngập nước hết trơn", "karaoke kế bên hát ồn quá"],
)  # fmt: skip
async def test_a_thing_in_a_place_is_reported(rasa_bot: RasaBot, text: str) -> None:
    (answer,) = await talk(rasa_bot, text)
    assert answer.kind == "report"


async def test_a_report_offered_after_the_answer_holds_what_was_told(rasa_bot: RasaBot) -> None:
    for taken in ("có", "dạ làm phiếu giùm tui đi"):
        *_, begun, _, sent = await talk(rasa_bot, "tui bị lừa đảo qua mạng", taken, "ấp 2 xã Mỹ Quí", "không")
        assert begun.kind == "report"
        assert sent.ticket is not None
        assert sent.ticket.summary == "tui bị lừa đảo qua mạng"


async def test_a_report_offered_and_left_is_no_part_of_the_next_one(rasa_bot: RasaBot) -> None:
    *_, sent = await talk(
        rasa_bot,
        "tui bị lừa đảo qua mạng",
        "đăng ký khai sinh cần gì",
        "đèn đường trước chợ hư",
        "chợ Mỹ Trà",
        "không",
    )
    assert sent.ticket is not None
    assert "lừa" not in sent.ticket.summary


async def test_a_death_offers_what_is_to_be_done(rasa_bot: RasaBot) -> None:
    (asked,) = await talk(rasa_bot, "mẹ tui vừa qua đời")
    assert asked.kind == "clarify"
    assert "chia buồn" in asked.says[0].text
    assert "dang-ky-khai-tu" in asked.candidates


@pytest.mark.parametrize(
    ("before", "text"),
    [
        ("tui bị lừa chuyển tiền thì làm gì", "không phải bây giờ, hồi tối qua rồi"),
        ("bị chó cắn phải làm gì", "không phải tui, con tui hôm qua"),
    ],
)
async def test_who_and_when_put_right_is_not_answered_again(
    rasa_bot: RasaBot, before: str, text: str
) -> None:
    first, after = await talk(rasa_bot, before, text)
    assert after.kind == "clarify"
    assert after.says[0].text != first.says[0].text
    assert [button.payload for button in after.buttons] == ["/report_problem"]
    opened = await rasa_bot.answer(question("Ghi nhận phản ánh", after.dialogue, "/report_problem"))
    assert opened.kind == "report"


@pytest.mark.parametrize(
    "text",
    ["không phải bây giờ, hồi tối qua", "à không, hồi tối qua cháy, giờ tắt rồi", "dập xong rồi em", "nhầm, tui gửi lộn"],
)  # fmt: skip
async def test_an_alarm_taken_back_is_told_to_the_operator_and_not_repeated(
    rasa_bot: RasaBot, text: str
) -> None:
    for began in ((), ("xin chào",), ("đèn đường hư",)):
        *_, after = await talk(rasa_bot, *began, "cháy nhà kế bên cứu với", text)
        assert after.kind == "slot_answer"
        assert len(after.says) == 1
        assert after.ticket is not None
        assert after.ticket.addition


async def test_where_it_burns_is_added_to_the_alarm(rasa_bot: RasaBot) -> None:
    _, after = await talk(rasa_bot, "cháy nhà kế bên cứu với", "ấp 3 xã Tân Bình, 0907123456")
    assert after.ticket is not None
    assert (after.ticket.addition, after.ticket.details["phone"]) == (True, "0907123456")


async def test_a_broad_name_is_asked_back_and_something_else_may_be_said(rasa_bot: RasaBot) -> None:
    (asked,) = await talk(rasa_bot, "lệ phí đăng ký xe bao nhiêu")
    assert asked.kind == "clarify"
    assert len(asked.buttons) == len(asked.candidates) + 1
    chosen = await rasa_bot.answer(question("2", asked.dialogue))
    assert (chosen.procedure, chosen.aspect) == (asked.candidates[1], "fee")
    for other in (
        question("khác", asked.dialogue),
        question(asked.buttons[-1].title, asked.dialogue, asked.buttons[-1].payload),
    ):
        more = await rasa_bot.answer(other)
        assert (more.kind, more.candidates) == ("clarify", ())
