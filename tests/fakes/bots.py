"""Bots that say what a test tells them to. They stand in for Rasa where Rasa is not what is tested."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from hub.model import Dialogue, Draft
from hub.ports import BotAnswer, Question, TicketWish


def echo(question: Question) -> BotAnswer:
    """Repeats the question; counts its turns in the dialogue; "gặp người" asks for a person."""
    turns = len(question.dialogue.events) + 1
    wish = (
        TicketWish(reason="asked_for_person", summary=question.text) if "gặp người" in question.text else None
    )
    return BotAnswer(
        kind="human" if wish else "faq",
        says=(Draft(text=f"[{turns}] {question.text}"),),
        dialogue=Dialogue(events=(*question.dialogue.events, {"event": "turn"})),
        handoff=wish is not None,
        ticket=wish,
    )


@dataclass
class ScriptedBot:
    """Answers with ``reply``; ``failure`` is raised instead when set; ``gate`` holds answers back while clear."""

    reply: Callable[[Question], BotAnswer] = echo
    failure: Exception | None = None
    asked: list[Question] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    thinking: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.gate.set()

    async def answer(self, question: Question) -> BotAnswer:
        self.asked.append(question)
        self.thinking.set()
        await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        return self.reply(question)
