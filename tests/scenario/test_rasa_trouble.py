"""Rasa dies: in the middle of a form's step, and for longer than a citizen waits."""

import asyncio
import json
import os
import re
import signal

import aiohttp
import pytest

from hub.store.sqlite import SqliteStore
from tests.scenario.processes import HubUnderTest, hub_command
from tests.scenario.talk import Talk

CODE = re.compile(r"1022-\d{4}-\d{6}")


@pytest.mark.parametrize("hub", [{"HUB_BOT_BUDGET_S": "60"}], indirect=True, ids=["patient"])
async def test_rasa_killed_in_a_forms_step_does_not_take_it_twice(hub: HubUnderTest) -> None:
    async with Talk(hub.url) as talk:
        await talk.ask("đèn đường trước nhà tôi hư cả tuần nay")
        rasa = hub.rasa_pid()
        os.kill(rasa, signal.SIGSTOP)  # it holds the step in its hands…
        await talk.say("số 12 đường Lý Thường Kiệt, phường Cao Lãnh")
        await talk.thinking.wait()
        os.kill(rasa, signal.SIGKILL)  # …and dies with it
        after = await talk.answer()
        assert len(after) == 1, f"one step, one question: {after}"
        await talk.ask("0900 000 123")
        told = "\n".join(await talk.answer(count=2))
    code = CODE.search(told)
    assert code is not None, told
    store = SqliteStore(hub.data / "hub.db")
    await store.open()
    ticket = await store.ticket_by_code(code[0])
    await store.close()
    assert ticket is not None
    assert ticket.reason == "report"
    assert "Lý Thường Kiệt" in ticket.details["location"]
    assert "đèn đường" in ticket.summary
    assert re.sub(r"\D", "", ticket.details["phone"]) == "0900000123"
    exit_code, _ = await hub_command("reconcile", data=hub.data)
    assert exit_code == 0


async def test_while_rasa_is_down_citizens_are_handed_over_and_it_comes_back_by_itself(
    hub: HubUnderTest,
) -> None:
    os.kill(hub.rasa_pid(), signal.SIGKILL)
    async with Talk(hub.url) as talk, asyncio.timeout(10):
        await talk.say("làm giấy khai sinh cần gì")
        told = "\n".join(await talk.answer(count=2))
    assert CODE.search(told), told
    async with aiohttp.ClientSession() as http, asyncio.timeout(90):
        bot = ""
        while bot != "up":
            async with http.get(f"{hub.url}/readyz") as response:
                assert response.status == 200, "a proxy must not drop webhooks for it"
                bot = (await response.json())["bot"]
            await asyncio.sleep(0.2)
    async with Talk(hub.url) as talk:
        assert "khai sinh" in (await talk.ask("làm giấy khai sinh cần gì")).lower()
    exit_code, printed = await hub_command("reconcile", "--json", data=hub.data)
    (day,) = [line for line in map(json.loads, printed.splitlines()) if line["type"] == "day"]
    assert (exit_code, day["ticketed"], day["answered"]) == (0, 1, 1)
