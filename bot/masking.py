"""Texts that outlive the conversation they come from, without what names a person or a case."""

import re

from bot.patterns import find_entities

MASK = "[đã che]"

_MAIL = re.compile(r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_PLATE = re.compile(r"(?<!\w)\d{2}\s?-?\s?[A-Z]{1,2}\d?\s?[-. ]\s?\d{3}[. ]?\d{2}(?!\d)", re.IGNORECASE)
#: Eight digits or more belong to somebody: phones, identity cards, accounts.
_LONG_NUMBER = re.compile(r"(?<![\w.])\+?\d(?:[ .-]?\d){7,}(?!\w)")
_MONEY = re.compile(r"\d{1,3}(?:[ .]\d{3})*[ .]000")


def masked(text: str) -> str:
    """The text without phone and identity numbers, codes of tickets and dossiers, plates and e-mail addresses."""
    for entity in reversed(find_entities(text)):
        text = text[: entity.start] + MASK + text[entity.end :]
    for pattern in (_MAIL, _PLATE):
        text = pattern.sub(MASK, text)
    return _LONG_NUMBER.sub(lambda hit: hit.group() if _MONEY.fullmatch(hit.group()) else MASK, text)
