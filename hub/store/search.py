"""What both stores make of words: how a text is looked for, and what of it. Nothing here reads or writes.

Everything is found with and without diacritics, numbers however they are grouped.
"""

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

from hub.model import Conversation, Message, Ticket, nfc

MOST_ASKED: Final = 8  # words of a question; more only narrow it
LONGEST: Final = 40  # characters of a word
_WORD: Final = re.compile(r"\w+")
_NUMBER: Final = re.compile(r"\+?\d(?:[ .\-]?\d){5,}")
#: Who else speaks repeats what the knowledge base says: whoever looks for a matter does not look for that.
SPEAKERS: Final = frozenset({"citizen", "operator"})


def folded(text: str) -> str:
    """As ``bot.text.fold``, which rooms beside this one use."""
    apart = unicodedata.normalize("NFD", nfc(text).lower().replace("đ", "d"))
    return unicodedata.normalize("NFC", "".join(c for c in apart if unicodedata.category(c) != "Mn"))


def words_of(*texts: str | None) -> list[str]:
    """The words by which texts are found, each once, in order."""
    found: dict[str, None] = {}
    for text in texts:
        plain = folded(text or "")
        for word in _WORD.findall(plain):
            found[word[:LONGEST]] = None
        for number in _NUMBER.findall(plain):
            found[_joined(number)[:LONGEST]] = None
    return list(found)


def asked(question: str) -> tuple[list[str], str | None]:
    """The whole words that must all be there, and what one more must begin with: a word still being typed."""
    plain = _NUMBER.sub(lambda number: f" {_joined(number.group())} ", folded(question))
    words = list(dict.fromkeys(word[:LONGEST] for word in _WORD.findall(plain)))[:MOST_ASKED]
    if words and len(words[-1]) > 1:
        return words[:-1], words[-1]
    return words, None


def _joined(number: str) -> str:
    """Digits alone, those of a Vietnamese number abroad as at home."""
    digits = "".join(c for c in number if c.isdigit())
    return f"0{digits[2:]}" if digits.startswith("84") and len(digits) == 11 else digits


def message_words(message: Message) -> list[str]:
    if message.author not in SPEAKERS:
        return []
    return words_of(message.text, *(one.name for one in message.attachments))


def ticket_words(ticket: Ticket) -> list[str]:
    place = ticket.place.text if ticket.place else None
    return words_of(
        ticket.code, ticket.code.partition("-")[2], ticket.summary, *ticket.details.values(), place
    )


def person_words(conversation: Conversation) -> list[str]:
    values: Iterable[str] = conversation.contact.values()
    return words_of(conversation.name, conversation.sender, *values)
