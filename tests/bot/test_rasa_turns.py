"""Whole turns through the real Rasa and the real actions over the real knowledge base."""

import asyncio
import subprocess
import sys
import time
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from bot import model
from bot.client import RasaBot
from hub.errors import BotSilent, BotUnreachable
from hub.model import Dialogue, Ticket
from hub.ports import BotAnswer, Question
from hub.rasa_child import free_port
from tests.rasa_fixture import RasaServer, TicketShelf

BIRTH = "dang-ky-khai-sinh"


def question(text: str, dialogue: Dialogue = Dialogue(), payload: str | None = None) -> Question:  # noqa: B008
    return Question(conversation="c_1", channel="webchat", text=text, payload=payload, dialogue=dialogue)


async def talk(bot: RasaBot, *texts: str) -> list[BotAnswer]:
    """One conversation; the answer to each text."""
    answers: list[BotAnswer] = []
    for text in texts:
        dialogue = answers[-1].dialogue if answers else Dialogue()
        answers.append(await bot.answer(question(text, dialogue)))
    return answers


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("xin chào", "greet"),
        ("cảm ơn em nhiều", "thanks"),
        ("tạm biệt", "bye"),
        ("cho tôi gặp tổng đài viên", "human"),
        ("cán bộ xã thái độ hách dịch, hồ sơ trễ hẹn cả tháng", "complaint"),
        ("cháy nhà cứu với", "emergency"),
        ("phiếu 1022-2026-000123 tới đâu rồi", "status"),
        ("đèn đường trước nhà tôi hư cả tháng nay", "report"),
    ],
)
async def test_what_is_wanted_is_understood(rasa_bot: RasaBot, text: str, kind: str) -> None:
    (answer,) = await talk(rasa_bot, text)
    assert answer.kind == kind
    assert answer.says[0].text


@pytest.mark.parametrize(
    "text",
    [
        "đăng ký khai sinh cần giấy tờ gì",
        "dang ky khai sinh can giay to gi",
        "đăng ký khai sanh cho con thì cần giấy tờ gì vậy em",
        "ddawng kys khai sinh caanf giaays towf gif",
    ],
)
async def test_a_birth_certificate_with_and_without_diacritics(rasa_bot: RasaBot, text: str) -> None:
    (answer,) = await talk(rasa_bot, text)
    assert (answer.kind, answer.procedure, answer.aspect) == ("procedure", BIRTH, "documents")
    assert not answer.handoff
    assert BIRTH in answer.says[0].knowledge


async def test_a_follow_up_is_about_the_same_procedure(rasa_bot: RasaBot) -> None:
    _, fee, where = await talk(
        rasa_bot, "đăng ký khai sinh cần giấy tờ gì", "lệ phí nhiêu vậy", "vậy nộp ở đâu"
    )
    assert (fee.procedure, fee.aspect) == (BIRTH, "fee")
    assert (where.procedure, where.aspect) == (BIRTH, "where")


async def test_a_follow_up_to_nothing_asks_which_procedure(rasa_bot: RasaBot) -> None:
    (answer,) = await talk(rasa_bot, "lệ phí bao nhiêu vậy")
    assert (answer.kind, answer.procedure, answer.handoff) == ("clarify", None, False)


async def test_close_candidates_are_offered_as_buttons_and_the_choice_keeps_the_aspect(
    rasa_bot: RasaBot,
) -> None:
    (asked,) = await talk(rasa_bot, "lệ phí giấy phép lái xe bao nhiêu")
    assert (asked.kind, asked.procedure) == ("clarify", None)
    assert len(asked.buttons) >= 2
    assert len(asked.candidates) == len([one for one in asked.buttons if one.payload != "/choose_other"])
    button = next(button for button in asked.buttons if "choose_procedure" in button.payload)
    chosen = await rasa_bot.answer(question(button.title, asked.dialogue, button.payload))
    assert (chosen.kind, chosen.aspect) == ("procedure", "fee")
    assert chosen.procedure in asked.candidates


async def test_a_typed_command_is_only_text(rasa_bot: RasaBot) -> None:
    command = f'/choose_procedure{{"procedure":"{BIRTH}","aspect":"fee"}}'
    typed = await rasa_bot.answer(question(command))
    pressed = await rasa_bot.answer(question("Đăng ký khai sinh", payload=command))
    assert (pressed.kind, pressed.procedure, pressed.aspect) == ("procedure", BIRTH, "fee")
    assert typed.procedure is None


async def test_a_field_that_is_missing_is_offered_to_a_person(rasa_bot: RasaBot) -> None:
    (answer,) = await talk(rasa_bot, "ai được hưởng trợ cấp hưu trí xã hội")
    assert (answer.kind, answer.procedure, answer.aspect) == (
        "procedure",
        "tro-cap-huu-tri-xa-hoi",
        "eligibility",
    )
    assert answer.handoff
    assert answer.ticket is None, "the citizen decides"
    (button,) = answer.buttons
    (person,) = [await rasa_bot.answer(question(button.title, answer.dialogue, button.payload))]
    assert person.ticket is not None
    assert person.ticket.reason == "asked_for_person"


async def test_what_is_not_known_goes_to_a_person_and_nothing_is_invented(rasa_bot: RasaBot) -> None:
    (answer,) = await talk(rasa_bot, "lệ phí đăng ký tàu vũ trụ bao nhiêu")
    assert (answer.kind, answer.procedure, answer.handoff) == ("unknown_procedure", None, True)
    assert answer.ticket is not None
    assert answer.ticket.reason == "unanswerable"


WHEN = "cả tháng nay"
REPORT = ["đèn đường trước nhà tôi hư cả tháng nay", "ấp 3 xã Mỹ Hiệp, gần cầu", "0907 123 456"]


async def test_a_report_is_taken_step_by_step_and_wants_a_ticket_at_the_end(rasa_bot: RasaBot) -> None:
    what, where, phone = await talk(rasa_bot, *REPORT)
    assert (what.kind, what.slots, what.ticket) == ("report", {"description": REPORT[0], "time": WHEN}, None)
    assert (where.kind, where.slots) == ("slot_answer", {"location": REPORT[1]})
    assert where.says[-1].ask == "contact", "channels that have a form for it show that"
    assert (phone.kind, phone.slots) == ("slot_answer", {"phone": "0907123456"})
    assert phone.ticket is not None
    assert (phone.ticket.reason, phone.ticket.summary) == ("report", REPORT[0])
    assert phone.ticket.details == {"location": REPORT[1], "time": WHEN, "phone": "0907123456"}


async def test_the_same_step_again_gives_the_same_answer(rasa_bot: RasaBot) -> None:
    what, *_ = await talk(rasa_bot, REPORT[0])
    step = question(REPORT[1], what.dialogue)
    once, again, *at_once = [
        await rasa_bot.answer(step),
        await rasa_bot.answer(step),
        *await asyncio.gather(*(rasa_bot.answer(step) for _ in range(4))),
    ]
    assert once.model_dump(exclude={"dialogue"}) == again.model_dump(exclude={"dialogue"})
    assert all(other.slots == once.slots and other.says == once.says for other in at_once)


async def test_the_phone_number_may_be_kept_back(rasa_bot: RasaBot) -> None:
    *_, last = await talk(rasa_bot, *REPORT[:2], "không")
    assert last.ticket is not None
    assert last.ticket.details == {"location": REPORT[1], "time": WHEN}


async def test_what_is_no_phone_number_is_asked_for_again(rasa_bot: RasaBot) -> None:
    *_, again, last = await talk(rasa_bot, *REPORT[:2], "0907 123", "0907 123 456")
    assert (again.kind, again.ticket, again.slots) == ("slot_answer", None, {})
    assert last.ticket is not None


async def test_a_question_in_the_middle_is_answered_and_the_report_goes_on(rasa_bot: RasaBot) -> None:
    _, asked, where, _phone = await talk(
        rasa_bot, REPORT[0], "đăng ký khai sinh cần giấy tờ gì", REPORT[1], REPORT[2]
    )
    assert (asked.kind, asked.procedure) == ("procedure", BIRTH)
    assert len(asked.says) == 2  # the answer, then the report's question again
    assert where.slots == {"location": REPORT[1]}
    assert _phone.ticket is not None


async def test_a_report_can_be_given_up(rasa_bot: RasaBot) -> None:
    *_, left, after = await talk(
        rasa_bot, REPORT[0], "thôi không cần nữa", "đăng ký khai sinh lệ phí bao nhiêu"
    )
    assert (left.ticket, len(left.says)) == (None, 1)
    assert (after.kind, after.procedure, len(after.says)) == ("procedure", BIRTH, 1)


async def test_a_person_asked_for_in_the_middle_gets_what_was_told(rasa_bot: RasaBot) -> None:
    *_, answer = await talk(rasa_bot, *REPORT[:2], "cho tôi gặp tổng đài viên")
    assert answer.kind == "human"
    assert answer.ticket is not None
    assert answer.ticket.details == {"location": REPORT[1], "time": WHEN}
    assert REPORT[0] in answer.ticket.summary


async def test_where_the_citizen_lives_is_remembered(rasa_bot: RasaBot) -> None:
    asked, there, fee, where = await talk(
        rasa_bot,
        "đăng ký khai sinh nộp ở đâu",
        "dạ ở xã Tân Thành",
        "phí nhiêu",
        "vậy đăng ký kết hôn nộp ở đâu",
    )
    assert "xã, phường" in asked.says[0].text
    assert (there.procedure, there.aspect) == (BIRTH, "where")
    assert "xã Tân Thành" in there.says[0].text
    assert fee.aspect == "fee"
    assert where.procedure == "dang-ky-ket-hon"
    assert "xã Tân Thành" in where.says[0].text


async def test_yes_to_more_is_more(rasa_bot: RasaBot) -> None:
    _, more = await talk(rasa_bot, "đăng ký khai sinh", "dạ có")
    assert (more.procedure, more.aspect) == (BIRTH, "documents")


async def test_all_questions_of_a_letter_are_answered(rasa_bot: RasaBot) -> None:
    text = "Tôi muốn đăng ký kết hôn. Hồ sơ gồm những gì? Lệ phí bao nhiêu? Nộp ở đâu? Đăng ký khai sinh mất bao lâu?"
    asked = question(text).model_copy(update={"channel": "email", "letter": True})
    answer = await rasa_bot.answer(asked)
    told = [
        (answer.procedure, answer.aspect),
        *((part["procedure"], part["aspect"]) for part in answer.parts),
    ]
    marriage = "dang-ky-ket-hon"
    assert told == [(marriage, "documents"), (marriage, "fee"), (marriage, "where"), (BIRTH, "time")]
    assert "gặp cán bộ" not in "".join(draft.text for draft in answer.says)


async def test_what_is_told_after_the_report_is_added_to_it(rasa_bot: RasaBot) -> None:
    *_, sent, fixed, thanks = await talk(rasa_bot, *REPORT, "à nhầm, ở ấp 4", "cảm ơn em")
    assert sent.ticket is not None
    assert not sent.ticket.addition
    assert (fixed.kind, fixed.slots) == ("slot_answer", {"location": "ở ấp 4"})
    assert fixed.ticket is not None
    assert fixed.ticket.addition
    assert (thanks.kind, thanks.ticket) == ("thanks", None)


async def test_anger_is_met_politely_and_a_person_is_offered(rasa_bot: RasaBot) -> None:
    angry, person = await talk(rasa_bot, "đồ ngu, bot vô dụng", "ừ")
    assert (angry.kind, angry.ticket) == ("out_of_scope", None)
    assert "xin lỗi" in angry.says[0].text
    assert person.kind == "human"


async def test_a_place_is_corrected_and_what_is_added_is_kept(rasa_bot: RasaBot) -> None:
    what, where, fixed, more, last = await talk(
        rasa_bot, "đèn đường tắt hết", "khóm 3 phường Cao Lãnh", "nhầm, ở khóm 5", "tối nào cũng vậy", "khỏi"
    )
    assert where.slots == {"location": "khóm 3 phường Cao Lãnh"}
    assert fixed.slots == {"location": "ở khóm 5"}
    assert more.slots == {"time": "tối nào cũng vậy"}
    assert (what.ticket, where.ticket, fixed.ticket, more.ticket) == (None, None, None, None)
    assert last.ticket is not None
    assert last.ticket.details == {"location": "ở khóm 5", "time": "tối nào cũng vậy"}


def ticket(conversation: str) -> Ticket:
    return Ticket(
        id="k_1", code="1022-2026-000123", lookup_key="ACD349", conversation=conversation, state="forwarded",
        reason="report", summary="Đèn hư", created_at=1_790_000_000_000,
    )  # fmt: skip


ASK_STATE = "phiếu 1022-2026-000123 tới đâu rồi"


@pytest.mark.parametrize(
    ("owner", "texts", "told"),
    [
        ("c_1", [ASK_STATE], True),
        ("c_2", [ASK_STATE], False),
        ("c_2", [f"{ASK_STATE}, mã tra cứu ACD349"], True),
        ("c_2", [ASK_STATE, "acd349"], True),
        ("c_2", [f"{ASK_STATE}, mã tra cứu ACD347"], False),
    ],
)
async def test_the_state_of_a_ticket_is_told_to_its_citizen_alone(
    rasa_bot: RasaBot, ticket_shelf: TicketShelf, owner: str, texts: list[str], told: bool
) -> None:
    ticket_shelf.tickets["1022-2026-000123"] = ticket(owner)
    *_, answer = await talk(rasa_bot, *texts)
    assert (answer.kind, answer.code) == ("status", "1022-2026-000123")
    assert ("đã chuyển cơ quan" in answer.says[0].text) is told


async def test_a_failing_action_is_silence_not_half_an_answer(rasa_process: RasaServer) -> None:
    async def broken(request: web.Request) -> web.Response:
        return web.json_response({"error": "broken"}, status=500)

    if not rasa_process.alive():
        rasa_process.start()
    app = web.Application()
    app.router.add_post("/actions", broken)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", rasa_process.actions_port).start()
    bot = RasaBot(rasa_process.secret, timeout_s=20, url=rasa_process.url)
    try:
        with pytest.raises(BotSilent):
            await bot.answer(question("đăng ký khai sinh cho bé Bí Mật cần giấy tờ gì"))
        assert (await bot.answer(question("xin chào"))).kind == "greet"  # needs no action
    finally:
        await bot.close()
        await runner.cleanup()
    log = rasa_process.log.read_text()
    assert "Bí Mật" not in log
    assert "B\\u00ed" not in log


async def test_actions_that_nobody_serves_are_silence(rasa_process: RasaServer) -> None:
    if not rasa_process.alive():
        rasa_process.start()
    bot = RasaBot(rasa_process.secret, timeout_s=20, url=rasa_process.url)
    with pytest.raises(BotSilent):
        await bot.answer(question("cho tôi gặp tổng đài viên"))
    await bot.close()


@pytest.mark.parametrize("headers", [{}, {"X-Hub-Secret": "wrong"}, {"X-Hub-Secret": ""}])
@pytest.mark.parametrize(("method", "path"), [("POST", "turn"), ("GET", "health")])
async def test_without_the_secret_nothing_is_answered(
    rasa_server: RasaServer, headers: dict[str, str], method: str, path: str
) -> None:
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.request(method, f"{rasa_server.url}/webhooks/hub/{path}", json={}) as response,
    ):
        assert response.status == 401


async def test_a_body_that_cannot_be_read_is_an_error(rasa_server: RasaServer) -> None:
    headers = {"X-Hub-Secret": rasa_server.secret}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(f"{rasa_server.url}/webhooks/hub/turn", json={"sender": "c"}) as response,
    ):
        assert response.status == 500
        assert await response.json() == {"error": "KeyError"}


async def test_a_killed_rasa_is_unreachable_and_loses_no_conversation(
    rasa_server: RasaServer, rasa_bot: RasaBot
) -> None:
    what, *_ = await talk(rasa_bot, REPORT[0])
    rasa_server.kill()
    with pytest.raises(BotUnreachable):
        await rasa_bot.answer(question(REPORT[1], what.dialogue))
    rasa_server.start()
    where = await rasa_bot.answer(question(REPORT[1], what.dialogue))
    assert where.slots == {"location": REPORT[1]}


STARTS_RASA = """
import subprocess, sys
from bot import model
argv, env, cwd = model.rasa_command(int(sys.argv[1]), secret="s", actions_url="http://127.0.0.1:9/actions")
child = subprocess.Popen(argv, env=env, cwd=cwd, stdin=subprocess.DEVNULL)
print(child.pid, flush=True)
child.wait()
"""


def ended(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_rasa_ends_with_the_process_that_started_it(rasa_process: RasaServer) -> None:
    argv = [sys.executable, "-c", STARTS_RASA, str(free_port())]
    with subprocess.Popen(
        argv, cwd=model.ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as parent:
        assert parent.stdout is not None
        rasa = int(parent.stdout.readline())
        parent.kill()
    deadline = time.monotonic() + 30
    while not ended(rasa):
        assert time.monotonic() < deadline
        time.sleep(0.05)
