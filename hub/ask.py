"""``hub ask``: the path a live message takes up to the answer; nothing is sent or kept."""

import json
from collections.abc import AsyncIterator, Container, Iterable
from typing import Any

from hub.clock import Clock
from hub.errors import AlienPayload
from hub.letters import as_letter
from hub.model import Conversation, Dialogue, Message, derived_id, nfc
from hub.ports import Bot, BotAnswer
from hub.questions import question_of
from hub.turn import ask

KEYS = ("kind", "procedure", "aspect", "faq", "category", "code", "slots")


def as_json(id_: Any, answer: BotAnswer) -> dict[str, Any]:
    """One output object of the contract: every key is always there."""
    fields = answer.model_dump(mode="json")
    said = "\n\n".join(draft.text for draft in answer.says)
    return {
        "id": id_,
        **{key: fields[key] for key in KEYS},
        "answer": said or None,
        "buttons": fields["buttons"],
        "handoff": answer.handoff,
        "confidence": round(answer.confidence, 4),
        "candidates": fields["candidates"],
        "parts": fields["parts"],
    }


def read_lines(lines: Iterable[str]) -> list[dict[str, Any]]:
    """The questions of a JSON-lines input.

    Raises:
        AlienPayload: names the line that is no ``{"id", "text", …}``.
    """
    asked = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            item = json.loads(line)
        except ValueError:
            raise AlienPayload(f"line {number} is not JSON") from None
        if not isinstance(item, dict) or not isinstance(item.get("text"), str) or "id" not in item:
            raise AlienPayload(f'line {number} must be an object with "id" and "text"')
        asked.append(item)
    return asked


async def answers(
    bot: Bot,
    asked: Iterable[dict[str, Any]],
    clock: Clock,
    budget_s: float,
    letters: Container[str] = (),
) -> AsyncIterator[tuple[dict[str, Any], BotAnswer]]:
    """Each question with its answer, in order; lines of one conversation are turns that follow each other.
    On the channels ``letters`` an answer is one letter."""
    dialogues: dict[str, Dialogue] = {}
    for place, item in enumerate(asked):
        name = item.get("conversation")
        key = (
            derived_id("c", "ask", str(name))
            if name is not None
            else derived_id("c", "ask-alone", str(place))
        )
        conversation, message = _one_message(key, item, dialogues.get(key, Dialogue()), clock.now())
        letter = conversation.channel in letters
        question = question_of(conversation, [message], clock.now(), letter=letter)
        answer, _ = await ask(bot, question, budget_s)
        if letter:
            answer = answer.model_copy(update={"says": as_letter(answer.says)})
        if name is not None:
            dialogues[key] = answer.dialogue
        yield item, answer


def _one_message(
    key: str, item: dict[str, Any], dialogue: Dialogue, now: int
) -> tuple[Conversation, Message]:
    channel = str(item.get("channel") or "webchat")
    conversation = Conversation(
        id=key,
        channel=channel,
        account="ask",
        key=key,
        sender=key,
        dialogue=dialogue,
        created_at=now,
        touched_at=now,
    )
    return conversation, Message(
        id=key, conversation=key, seq=1, author="citizen", text=nfc(item["text"]), at=now
    )
