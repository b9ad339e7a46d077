"""The client against a server that answers as Rasa's channel does, or fails as a network does."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from bot.client import HEAD_CHARS, NO_NUMBER, TAIL_CHARS, RasaBot, answer_from, message_for
from hub.errors import BotSilent, BotUnreachable
from hub.model import Dialogue
from hub.ports import Question

ASKED = Question(conversation="c_1", channel="webchat", text="xin chào")


def turn(*messages: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "messages": list(messages),
        "events": [],
        "intent": {"name": "greet", "confidence": 0.9, "ranking": []},
        "entities": [],
    } | more


@asynccontextmanager
async def rasa(handle: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> AsyncIterator[RasaBot]:
    app = web.Application()
    app.router.add_post("/webhooks/hub/turn", handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    bot = RasaBot("s", timeout_s=0.5, url=f"http://127.0.0.1:{runner.addresses[0][1]}")
    try:
        yield bot
    finally:
        await bot.close()
        await runner.cleanup()


async def test_an_answer_is_translated() -> None:
    seen: list[dict[str, Any]] = []

    async def handle(request: web.Request) -> web.Response:
        assert request.headers["X-Hub-Secret"] == "s"
        seen.append(await request.json())
        return web.json_response(turn({"text": "Chào anh/chị", "custom": {"kind": "greet"}}))

    async with rasa(handle) as bot:
        answer = await bot.answer(ASKED)
    assert (answer.kind, answer.confidence, [d.text for d in answer.says]) == ("greet", 0.9, ["Chào anh/chị"])
    assert seen == [
        {
            "sender": "c_1",
            "message": "xin chào",
            "metadata": {"channel": "webchat", "letter": False},
            "events": [],
        }
    ]


@pytest.mark.parametrize(("public", "said"), [(False, ["xin chào"]), (True, ["xin chào", NO_NUMBER])])
async def test_in_public_no_number_is_asked_for(public: bool, said: list[str]) -> None:
    asking = turn({"text": "Số điện thoại ạ?", "custom": {"kind": "slot_answer", "ask": "contact"}})
    noted = turn({"text": "Đã ghi nhận", "custom": {"kind": "slot_answer"}})
    seen: list[dict[str, Any]] = []

    async def handle(request: web.Request) -> web.Response:
        seen.append(await request.json())
        answer = noted if seen[-1]["message"] == NO_NUMBER else asking
        return web.json_response(answer | {"events": [{"event": "active_loop", "name": "report_form"}]})

    async with rasa(handle) as bot:
        answer = await bot.answer(ASKED.model_copy(update={"public": public}))
    assert [one["message"] for one in seen] == said
    assert [bool(one["events"]) for one in seen] == [False, True][: len(seen)], (
        "it goes on from what was asked"
    )
    assert answer.says[0].ask == (None if public else "contact")


async def test_no_connection_is_unreachable() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # bound, but nobody listens
        bot = RasaBot("s", url=f"http://127.0.0.1:{held.getsockname()[1]}")
        with pytest.raises(BotUnreachable):
            await bot.answer(ASKED)
        assert not await bot.healthy()
        await bot.close()


async def test_not_started_yet_is_unreachable() -> None:
    bot = RasaBot("s")
    with pytest.raises(BotUnreachable):
        await bot.answer(ASKED)
    assert not await bot.healthy()


async def test_a_connection_that_breaks_off_is_unreachable() -> None:
    async def handle(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    async with rasa(handle) as bot:
        with pytest.raises(BotUnreachable):
            await bot.answer(ASKED)


async def test_slow_is_silent() -> None:
    forever = asyncio.Event()

    async def handle(request: web.Request) -> web.Response:
        await forever.wait()
        return web.Response()

    async with rasa(handle) as bot:
        with pytest.raises(BotSilent):
            await bot.answer(ASKED)
        forever.set()


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, turn({"text": "a", "custom": {"kind": "greet"}})),
        (401, {}),
        (200, turn()),
        (200, turn({"text": "nothing decided"})),
        (200, turn({"custom": {"kind": "greet"}})),
        (200, turn({"text": "a", "custom": {"kind": "unheard of"}})),
        (200, {"messages": [{"text": "a"}]}),
        (200, []),
    ],
)
async def test_whatever_is_no_full_answer_is_silent(status: int, body: Any) -> None:
    async def handle(request: web.Request) -> web.Response:
        return web.json_response(body, status=status)

    async with rasa(handle) as bot:
        with pytest.raises(BotSilent):
            await bot.answer(ASKED)


async def test_a_message_without_words_needs_no_rasa() -> None:
    dialogue = Dialogue(events=({"event": "slot", "name": "procedure", "value": "x"},))
    answer = await RasaBot("s").answer(ASKED.model_copy(update={"text": "👍 !", "dialogue": dialogue}))
    assert (answer.kind, answer.dialogue) == ("clarify", dialogue)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('/choose_procedure{"procedure":"x"}', 'choose_procedure{"procedure":"x"}'),
        ("  //restart", "restart"),
        ("/ /greet", "greet"),
        ("\u200b/greet", "greet"),
        ("1/2 mẫu đất", "1/2 mẫu đất"),
        ("kha\u0300i", "khài"),
    ],
)
def test_typed_text_is_never_a_command(text: str, message: str) -> None:
    assert message_for(ASKED.model_copy(update={"text": text})) == message


@given(st.text(max_size=50))
def test_no_text_at_all_is_a_command(text: str) -> None:
    assert not message_for(ASKED.model_copy(update={"text": "/" + text})).strip().startswith("/")


@pytest.mark.parametrize(
    ("payload", "passes"),
    [
        ('/choose_faq{"faq":"x"}', True),
        ("/ask_human", True),
        ("/choose_faq{broken", False),
        ("/choose_faq[1]", False),
        ("hello", False),
    ],
)
def test_only_a_well_formed_payload_of_a_button_is_passed(payload: str, passes: bool) -> None:
    question = ASKED.model_copy(update={"text": "Chọn", "payload": payload})
    assert message_for(question) == (payload if passes else "Chọn")


def test_a_long_text_keeps_its_beginning_and_end() -> None:
    message = message_for(ASKED.model_copy(update={"text": "đầu " + "x" * 20_000 + " cuối"}))
    assert len(message) <= HEAD_CHARS + TAIL_CHARS + 3
    assert message.startswith("đầu")
    assert message.endswith("cuối")


def test_the_first_decision_names_the_turn_and_none_is_lost() -> None:
    wish = {"reason": "unanswerable", "summary": "phí"}
    answer = answer_from(
        ASKED,
        turn(
            {
                "text": "Phí…",
                "custom": {"kind": "procedure", "procedure": "p", "handoff": True, "ticket": wish},
            },
            {"text": "Ở đâu ạ?", "custom": {"kind": "slot_answer"}},
            events=[{"event": "slot", "name": "report_location", "value": "Mỹ Trà"}],
            entities=[{"entity": "phone", "value": "0907123456"}],
        ),
    )
    assert (answer.kind, answer.procedure, answer.handoff) == ("procedure", "p", True)
    assert [draft.text for draft in answer.says] == ["Phí…", "Ở đâu ạ?"]
    assert answer.ticket is not None
    assert answer.slots == {"location": "Mỹ Trà", "phone": "0907123456"}
