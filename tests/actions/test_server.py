"""The route Rasa calls actions by."""

from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web

from actions.server import action_app
from bot.knowledge import KnowledgeBase, seed_docs
from hub.model import Ticket

SECRET = "shared"


class NoTickets:
    async def ticket_by_code(self, code: str) -> Ticket | None:
        return None


@pytest.fixture(scope="module")
def knowledge() -> KnowledgeBase:
    return KnowledgeBase.build(seed_docs())


@pytest.fixture
async def url(knowledge: KnowledgeBase) -> AsyncIterator[str]:
    runner = web.AppRunner(action_app(lambda: knowledge, NoTickets(), SECRET))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/actions"
    await runner.cleanup()


def call(action: str) -> dict[str, object]:
    return {
        "next_action": action,
        "sender_id": "c_1",
        "version": "3.6.21",
        "tracker": {
            "sender_id": "c_1",
            "slots": {},
            "latest_message": {"text": "gặp người thật", "intent": {"name": "ask_human", "confidence": 0.9}},
            "events": [],
            "paused": False,
            "latest_input_channel": "hub",
            "latest_action_name": "action_listen",
            "followup_action": None,
            "active_loop": {},
        },
    }


async def post(url: str, body: object, secret: str | None = SECRET) -> tuple[int, dict[str, object]]:
    headers = {} if secret is None else {"X-Hub-Secret": secret}
    async with aiohttp.ClientSession() as session, session.post(url, json=body, headers=headers) as response:
        return response.status, await response.json()


async def test_an_action_decides_without_a_domain_in_the_call(url: str) -> None:
    status, body = await post(url, call("action_hand_over"))
    assert status == 200
    (response,) = body["responses"]  # type: ignore[misc]
    assert response["custom"]["kind"] == "human"


@pytest.mark.parametrize("secret", [None, "", "wrong", SECRET + "x"])
async def test_a_wrong_secret_is_refused(url: str, secret: str | None) -> None:
    assert (await post(url, call("action_hand_over"), secret))[0] == 401


async def test_an_unknown_action_is_not_found(url: str) -> None:
    status, body = await post(url, call("action_of_somebody_else"))
    assert (status, body["action_name"]) == (404, "action_of_somebody_else")


async def test_a_failing_action_says_nothing_of_the_message(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    broken = call("action_answer")
    broken["tracker"]["latest_message"] = {  # type: ignore[index]
        "text": "riêng tư",
        "intent": {"name": "choose_procedure"},
        "entities": [{"entity": "procedure", "value": "riêng tư"}],
    }
    status, body = await post(url, broken)
    assert (status, body) == (500, {"error": "action failed"})
    assert "riêng tư" not in caplog.text
