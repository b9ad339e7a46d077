"""A message as Messenger takes it, best form first: quick replies or a button template within their limits, else a
numbered list. Every form carries our mark, which the echo brings back."""

from collections.abc import Mapping
from typing import Any

from connectors.facebook_events import MARK
from hub.model import Button, Message
from hub.pieces import numbered

MAX_TEXT = 2000
MAX_QUICK_REPLIES = 13
MAX_TITLE = 20
MAX_PAYLOAD = 1000
MAX_BUTTONS = 3
MAX_TEMPLATE_TEXT = 640
ORDER = ("quick_replies", "template", "list")


def forms(message: Message, preferred: str) -> list[dict[str, Any]]:
    """The forms of a message without a file that Messenger can take, from the preferred one on."""
    made = {
        "quick_replies": _quick_replies(message),
        "template": _template(message),
        "list": {"text": listed(message)},
    }
    wanted = ORDER[ORDER.index(preferred) :] if message.buttons else ("list",)
    return [marked(form, message) for kind in wanted if (form := made[kind]) is not None]


def marked(form: Mapping[str, Any], message: Message) -> dict[str, Any]:
    return {**form, "metadata": f"{MARK}{message.id}"}


def listed(message: Message) -> str:
    """The text with its choices as a numbered list, as long as both fit in one message."""
    text = message.text or ""
    whole = numbered(text, message.buttons)
    return whole if len(whole) <= MAX_TEXT else text


def _quick_replies(message: Message) -> dict[str, Any] | None:
    """Titles too long for quick replies stand in the text, and what is pressed is their number."""
    text, titles = message.text or "", [button.title for button in message.buttons]
    if not all(0 < len(title) <= MAX_TITLE for title in titles):
        text = numbered(text, message.buttons)
        titles = [str(n) for n in range(1, len(titles) + 1)]
    if not (0 < len(titles) <= MAX_QUICK_REPLIES and 0 < len(text) <= MAX_TEXT and _payloads_fit(message)):
        return None
    replies = [
        {"content_type": "text", "title": title, "payload": button.payload}
        for title, button in zip(titles, message.buttons, strict=True)
    ]
    return {"text": text, "quick_replies": replies}


def _template(message: Message) -> dict[str, Any] | None:
    text, count = message.text or "", len(message.buttons)
    fits = all(0 < len(button.title) <= MAX_TITLE for button in message.buttons) and _payloads_fit(message)
    if not (fits and 0 < count <= MAX_BUTTONS and 0 < len(text) <= MAX_TEMPLATE_TEXT):
        return None
    payload = {
        "template_type": "button",
        "text": text,
        "buttons": [_postback(one) for one in message.buttons],
    }
    return {"attachment": {"type": "template", "payload": payload}}


def _postback(button: Button) -> dict[str, str]:
    return {"type": "postback", "title": button.title, "payload": button.payload}


def _payloads_fit(message: Message) -> bool:
    return all(0 < len(button.payload) <= MAX_PAYLOAD for button in message.buttons)
