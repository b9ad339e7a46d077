"""Storm mode in front of the bot: who writes about what everybody writes about gets the prepared answer at once.

Only once per conversation: who writes on about it is heard by the bot, which may hand over. Danger to life is never
answered from a drawer."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from bot.text import fold, normalize, words
from bot.urgent import urgent
from handoff.rules import Rules
from handoff.storm import Storm
from hub.model import Draft
from hub.ports import Bot, BotAnswer, Question, Store

LOOK_BACK: Final = 50
GO_ON: Final = "Nếu anh/chị cần báo thêm việc cụ thể tại chỗ mình, anh/chị cứ nhắn tiếp, em ghi nhận ngay."


@dataclass(frozen=True)
class StormBot:
    """``hub.ports.Bot``."""

    bot: Bot
    store: Store
    rules: Callable[[], Rules]

    async def answer(self, question: Question) -> BotAnswer:
        storm = self._about(question)
        if storm is None or await self._told(question.conversation, storm):
            return await self.bot.answer(question)
        said = Draft(text=f"{storm.answer}\n\n{GO_ON}", knowledge=(f"storm:{storm.id}",))
        return BotAnswer(kind="faq", says=(said,), dialogue=question.dialogue, confidence=1.0)

    def _about(self, question: Question) -> Storm | None:
        storms = [one for one in self.rules().storms_at(question.now) if one.answer and one.words]
        if not storms or question.payload or not question.text or urgent(question.text):
            return None
        if question.dialogue.events and _form_is_open(question):
            return None
        text = _spaced(question.text)
        return next((one for one in storms if any(_spaced(word) in text for word in one.words)), None)

    async def _told(self, conversation: str, storm: Storm) -> bool:
        before = await self.store.recent_messages(conversation, limit=LOOK_BACK)
        return any(
            f"storm:{storm.id}" in message.knowledge and message.at >= (storm.since or 0)
            for message in before
        )


def _form_is_open(question: Question) -> bool:
    """The bot is asking for something: what is said now is the answer to that."""
    last = [event for event in question.dialogue.events if event.get("event") == "active_loop"]
    return bool(last and last[-1].get("name"))


def _spaced(text: str) -> str:
    """Words folded, with a space around each: whole words are compared."""
    return f" {' '.join(words(fold(normalize(text))))} "
