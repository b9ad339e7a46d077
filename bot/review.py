"""What the editors should look at: questions the bot could not answer, and answers somebody says are wrong."""

from collections.abc import Sequence

from bot.masking import masked
from bot.text import fold, words
from hub.model import Conversation, Message, ReviewItem, ReviewReason, derived_id
from hub.ports import BotAnswer

LONGEST_QUESTION, LONGEST_ANSWER = 1_000, 2_000  # characters


def unanswered(
    conversation: Conversation, turn: str, question: str, answer: BotAnswer, at: int
) -> ReviewItem | None:
    """The item of a turn that did not answer its question, or None."""
    reason = _reason(answer)
    if reason is None or not words(question):
        return None
    near = [id_ for id_ in (answer.procedure, answer.faq) if id_] or list(answer.candidates)
    return _item(
        conversation,
        derived_id("i", turn),
        question,
        [draft.text for draft in answer.says],
        at,
        reason=reason,
        knowledge=tuple(near),
    )


def marked_wrong(
    conversation: Conversation, answer: Message, question: str, by: str, note: str | None
) -> ReviewItem:
    """The item of an answer that somebody says is wrong; the same for every mark of it."""
    return _item(
        conversation,
        derived_id("i", answer.id),
        question,
        [answer.text or ""],
        answer.at,
        reason="wrong",
        knowledge=answer.knowledge,
        note=masked(note) if note else None,
        marked_by=by,
    )


def mark_id(message: str) -> str:
    """The id of the item of an answer that is marked."""
    return derived_id("i", message)


def question_key(question: str) -> str:
    """The same for questions that differ in case, marks and punctuation only."""
    return derived_id("q", " ".join(words(fold(question))))


def _reason(answer: BotAnswer) -> ReviewReason | None:
    if answer.kind == "unknown_procedure":
        return "unknown"
    if answer.kind == "clarify":
        return "clarify" if answer.candidates else "not_understood"
    return "missing" if answer.kind in ("procedure", "faq") and answer.handoff else None


def _item(
    conversation: Conversation, id_: str, question: str, answer: Sequence[str], at: int, **fields: object
) -> ReviewItem:
    asked = masked(question)[:LONGEST_QUESTION]
    return ReviewItem.model_validate(
        {
            "id": id_,
            "key": question_key(asked),
            "conversation": conversation.id,
            "channel": conversation.channel,
            "at": at,
            "question": asked,
            "answer": masked("\n\n".join(answer))[:LONGEST_ANSWER] or None,
        }
        | fields
    )
