"""Dialogues through the real Rasa and the real actions: each turn's kind, topic, aspect and filled slots."""

from pathlib import Path
from typing import Any

import yaml

from bot.client import RasaBot
from hub.ask import answers, as_json
from hub.clock import SystemClock

DIALOGUES: list[dict[str, Any]] = yaml.safe_load(
    Path(__file__).with_name("dialogues.yml").read_text(encoding="utf-8")
)
#: The model and the ranking are learned, so single turns may change with their data.
RIGHT = 0.93


def fits(turn: dict[str, Any], got: dict[str, Any], before: dict[str, Any] | None) -> bool:
    wanted = {name: turn[name] for name in ("kind", "procedure", "aspect", "faq", "code") if name in turn}
    if "pick" in turn:
        offered = before["candidates"] if before else []
        wanted["procedure"] = offered[turn["pick"] - 1] if len(offered) >= turn["pick"] else None
    return all(got[name] == value for name, value in wanted.items()) and set(turn.get("slots", ())) <= set(
        got["slots"]
    )


async def test_turns_of_dialogues(rasa_bot: RasaBot) -> None:
    turns = [(dialogue["id"], turn) for dialogue in DIALOGUES for turn in dialogue["turns"]]
    asked = [
        {"id": place, "text": turn["text"], "conversation": name} for place, (name, turn) in enumerate(turns)
    ]
    wrong: list[str] = []
    before: dict[str, Any] | None = None
    async for item, answer in answers(rasa_bot, asked, SystemClock(), 20):
        got, (name, turn) = as_json(item["id"], answer), turns[item["id"]]
        if not fits(turn, got, before):
            told = {key: got[key] for key in ("kind", "procedure", "aspect", "faq", "slots")}
            wrong.append(f"{name}: {turn['text']} → {told}")
        before = got
    assert len(wrong) <= (1 - RIGHT) * len(turns), "\n".join(wrong)


async def test_place_and_number_in_one_message_complete_a_report(rasa_bot: RasaBot) -> None:
    asked = [
        {"id": "1", "text": "đèn đường trước nhà tui hư cả tuần nay", "conversation": "den"},
        {"id": "2", "text": "ấp 3 xã Mỹ An Hưng, 0912 345 678", "conversation": "den"},
    ]
    *_, (_, last) = [pair async for pair in answers(rasa_bot, asked, SystemClock(), 20)]
    assert last.ticket is not None
    assert last.ticket.details["phone"] == "0912345678"
