"""What citizens said since the last turn, as the one question that the bot is asked."""

import re
from collections.abc import Sequence

from hub.model import Button, Conversation, Message
from hub.ports import Question

_PREFIX = re.compile(r"(?:\s*(?:re|fwd?|tl|trả lời|chuyển tiếp)\s*:)+", re.I)


def next_batch(waiting: Sequence[Message], pressed: Button | None = None) -> list[Message]:
    """The messages one turn answers: quick messages typed in a row are one question; a button is one by itself, and
    so is what a machine wrote."""
    if waiting and (pressed is not None or waiting[0].kind == "postback"):
        return [waiting[0]]
    batch: list[Message] = []
    for message in waiting:
        if message.kind == "postback" or (batch and message.automatic != batch[0].automatic):
            break
        batch.append(message)
    return batch


def payload_of(batch: Sequence[Message], pressed: Button | None) -> str | None:
    """Of the button that the batch is."""
    if pressed is not None:
        return pressed.payload
    return batch[-1].data.get("payload") if batch[-1].kind == "postback" else None


def question_of(
    conversation: Conversation,
    batch: Sequence[Message],
    now: int,
    pressed: Button | None = None,
    *,
    public: bool = False,
    letter: bool = False,
) -> Question:
    text = pressed.title if pressed is not None else "\n".join(filter(None, map(_said, batch)))
    return Question(
        conversation=conversation.id,
        channel=conversation.channel,
        text=text,
        payload=payload_of(batch, pressed),
        attachments=sum(len(message.attachments) for message in batch),
        dialogue=conversation.dialogue,
        now=now,
        public=public,
        letter=letter,
    )


def _said(message: Message) -> str:
    """The text; before it the heading of what a conversation begins with, where people often write what it is about."""
    text, subject = message.text or "", str(message.data.get("subject") or "")
    subject = _PREFIX.sub("", subject).strip()
    if message.seq > 1 or subject.lower() in text.lower():
        return text
    return f"{subject}\n{text}".strip()


def unreadable(batch: Sequence[Message]) -> str | None:
    """Why what was sent cannot be read, in the words of ``Message.data["unreadable"]``."""
    return next((str(why) for message in batch if (why := message.data.get("unreadable"))), None)
