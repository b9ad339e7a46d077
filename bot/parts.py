"""Several questions in one message, and the questions in a long one."""

import re

from bot.text import fold, normalize

#: Longer messages are given with their questions first: stories come before what is wanted.
LONG = 400
MOST_QUESTIONS = 4
#: A shorter piece names no question of its own ("phải không?").
SHORTEST = 3

_BREAK = re.compile(
    r"(?<=[?!])\s+|\n+|(?<=[^\W\d]{2})\.\s+|;\s+|,?\s+(?=(?:với lại|ngoài ra|sẵn (?:cho|tiện)|luôn tiện|tiện thể|cho hỏi thêm|hỏi thêm|voi lai|ngoai ra|san tien|tien the|hoi them)\b)",
    re.IGNORECASE,
)
_ASKS = re.compile(
    r"\?|\b(?:gi|sao|dau|nao|bao nhieu|nhieu tien|may ngay|bao lau|khi nao|chung nao|duoc khong|duoc hong|can gi|the nao|cho hoi|phai khong|co phai|hay la|ra sao|may tien)\b"
)


def questions_in(text: str) -> list[str]:
    """The pieces of a message that ask something, in order; a message that is one question gives one."""
    found = [piece.strip(" ,.-") for piece in _BREAK.split(text) if piece and piece.strip()]
    return [
        piece for piece in found if len(piece.split()) >= SHORTEST and _ASKS.search(fold(normalize(piece)))
    ]


def questions_first(text: str) -> str:
    """A long message with what it asks moved to its beginning."""
    asked = questions_in(text) if len(text) > LONG else []
    return " ".join([*asked, text]) if asked else text
