"""Choices that come back as ordinary text. Where a platform gives no payload, or the choices were a numbered list, a
citizen answers with a button's title or its number: that is as good as pressing it."""

import re
from collections.abc import Sequence

from bot.text import fold, words
from hub.model import Button, Message

_NUMBER = re.compile(r"\s*#?\s*([0-9]{1,2})\s*[.)]?\s*")


def offered(before: Sequence[Message]) -> tuple[Button, ...]:
    """The buttons that stand open, given what came before (in order of ``seq``): those offered last, unless
    something else was said since."""
    turn = None
    for message in reversed(before):
        if message.internal or message.author == "citizen" or _in_passing(message):
            continue
        if message.author == "operator" and message.buttons:  # under the closing message
            return message.buttons
        if message.author not in ("bot", "system") or (turn is not None and message.turn != turn):
            return ()
        if message.buttons:
            return message.buttons
        turn = message.turn
    return ()


def _in_passing(message: Message) -> bool:
    """Who has come or gone: not a word that ends an offer."""
    return message.author == "system" and not message.buttons


def chosen(text: str | None, buttons: Sequence[Button]) -> Button | None:
    """The button whose title or number the whole text is; a text that only contains a title chooses nothing."""
    if not text or not buttons:
        return None
    if number := _NUMBER.fullmatch(text):
        place = int(number[1])
        return buttons[place - 1] if 1 <= place <= len(buttons) else None
    said = _folded(text)
    found = [button for button in buttons if said and _folded(button.title) == said]
    if len(found) > 1:  # titles that differ in their diacritics alone
        found = [button for button in found if button.title.strip().lower() == text.strip().lower()]
    return found[0] if len(found) == 1 else None


def _folded(text: str) -> list[str]:
    return words(fold(text))
