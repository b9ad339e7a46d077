"""Several questions in one message, and the questions in a long one."""

import re
from dataclasses import dataclass

from bot.text import fold, normalize

#: A letter: its questions stand between a greeting, a story and a signature.
LONG = 250
MOST_QUESTIONS = 4
#: A shorter piece names no question of its own ("phải không?").
SHORTEST = 3
#: What stands before a question of a letter and may name its subject.
CONTEXT_CHARS = 300

_ASKING = (
    "gì", "sao", "đâu", "nào", "bao nhiêu", "nhiêu", "nhiều tiền", "nhiêu tiền", "mấy ngày", "mấy bữa", "mấy tiền", "bao lâu", "khi nào", "chừng nào",
    "được không", "được hông", "được chưa", "phải không", "có phải", "hay là", "cho hỏi", "xin hỏi",
)  # fmt: skip
#: After a question somebody may still be addressed.
_ADDRESS = "(?: (?:vậy|thế|ạ|a|em|anh|chị|cô|chú|ad|ha|hả|nhỉ|luôn|vay|the|chi|co|chu))*"
#: Words without marks that mean something else here ("lần đầu").
_NOT_WHERE = r"(?<!\blan )(?<!\bbat )(?<!\bban )"


def _any_of(phrases: tuple[str, ...], end: str = "") -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(phrases)})\b{end}")


_ASKING_PLAIN = tuple(_NOT_WHERE + "dau" if fold(phrase) == "dau" else fold(phrase) for phrase in _ASKING)
_ASKS, _ASKS_PLAIN = _any_of(_ASKING), _any_of(_ASKING_PLAIN)
#: A question that is over.
_ASKED, _ASKED_PLAIN = _any_of(_ASKING, _ADDRESS + "$"), _any_of(_ASKING_PLAIN, _ADDRESS + "$")
#: Somebody says that this is a question, whatever stands around it.
_SAID = re.compile(
    r"\b(?:cho (?:\w+ ){0,2}hoi|xin (?:\w+ )?hoi|muon hoi|(?:tu van|huong dan) (?:giup|gium|dum|cho)|hoi (?:ve|giup|dum|them))\b"
)
_BREAK = re.compile(
    r"(?<=[?!])\s+|\n+|(?<=[^\W\d]{2})\.\s+|;\s+|,?\s+(?=(?:với lại|ngoài ra|sẵn (?:cho|tiện)|luôn tiện|tiện thể|cho hỏi thêm|"
    r"hỏi thêm|voi lai|ngoai ra|san tien|tien the|hoi them)\b)",
    re.IGNORECASE,
)
#: These join two questions only where both sides are one.
_JOIN = re.compile(r",?\s+(?:và|còn|rồi|va|cùng với|cung voi)\s+|\s*[,;]\s+", re.IGNORECASE)
#: Of two words, these ask all the same ("ở đâu?", "phí nhiêu?"); what only opens a question is none.
_SHORT = re.compile(r"\w+ (?:dau|nhieu|lau|ngay|tien|bua)")
_OPENING = re.compile(
    r"(?:da |em oi |chi oi |anh oi |ad oi )*(?:cho|xin|muon)(?: \w+){0,3} hoi(?: \w+){0,2}|(?:co phai|hay la|phai khong)"
)
#: Lines and sentences of a letter that say who writes to whom, and farewell.
_FORMALITY = re.compile(
    r"(?:kinh (?:gui|thua|chao|mong)|tran trong|xin (?:chan thanh )?cam on|(?:toi|em|con) (?:xin )?(?:chan thanh )?cam on|cam on|than ai|thay mat|"
    r"nguoi (?:gui|viet|lam don)|ky ten|ho (?:va )?ten|dia chi|so dien thoai|dien thoai|sdt|dt|email|cccd|"
    r"(?:toi|em|con) (?:ten la|ten|la)|xin chao|chao (?:anh|chi|co|chu|em|tong dai|quy)|da (?:em|con) chao|chuc )\b"
)
_FORMALITY_WORDS = 14
#: "… thì sao, cần giấy gì": what comes after says what of it is asked.
_OF_THE_WHOLE = re.compile(r"\b(?:sao|the nao|lam gi)(?: (?:vay|the|a|em|anh|chi|co|chu|ad|ha|z))*$")


@dataclass(frozen=True)
class Asked:
    """A question as it was put, and what was said before it; ``said`` whether it is called a question."""

    text: str
    before: str
    said: bool

    def in_context(self) -> str:
        return f"{self.before[-CONTEXT_CHARS:]} {self.text}".strip()


def questions_in(text: str) -> list[Asked]:
    """The pieces of a message that ask something, in order; a message that is one question gives one."""
    found: list[Asked] = []
    told: list[str] = []
    for piece in _pieces(text):
        if _long_enough(piece) and _asks(piece):
            said = bool(_SAID.search(fold(normalize(piece))))
            found.append(Asked(piece, ". ".join(told), said))
        if not _is_formality(piece):
            told.append(piece)
    return found


def is_letter(text: str) -> bool:
    return len(text) > LONG


def body(text: str) -> str:
    """A letter without its greeting, its signature and thanks; numbers to call are left in it."""
    kept = [piece for piece in _pieces(text) if not _is_formality(piece)]
    return ". ".join(kept) or text


def _pieces(text: str) -> list[str]:
    pieces: list[str] = []
    for piece in _BREAK.split(text):
        pieces += _apart(piece or "")
    return [stripped for piece in pieces if (stripped := piece.strip(" ,.-"))]


def _long_enough(piece: str) -> bool:
    return len(piece.split()) >= SHORTEST or bool(_SHORT.fullmatch(_plain(piece)))


def _plain(piece: str) -> str:
    return fold(normalize(piece)).strip(" .,!?")


def _apart(piece: str) -> list[str]:
    """Two questions joined by "và" as two."""
    for join in _JOIN.finditer(piece):
        one, other = piece[: join.start()], piece[join.end() :]
        if join.group().strip() in (",", ";") and _OF_THE_WHOLE.search(_plain(one)):
            continue
        if _OPENING.fullmatch(_plain(one)) or _OPENING.fullmatch(_plain(other)):
            continue
        if _asks(one, _ASKED, _ASKED_PLAIN) and _asks(other):
            return [one, *_apart(other)]
    return [piece]


def _asks(piece: str, marked: re.Pattern[str] = _ASKS, plain: re.Pattern[str] = _ASKS_PLAIN) -> bool:
    """Without its marks a word may be another: ``đầu`` asks nothing, ``đâu`` does."""
    words = normalize(piece).lower().strip(" .,!?")
    return "?" in piece or bool(plain.search(fold(words)) if piece.isascii() else marked.search(words))


def _is_formality(piece: str) -> bool:
    folded = fold(normalize(piece))
    short = len(folded.split()) <= _FORMALITY_WORDS and not re.search(r"\d[\d .-]{6,}", folded)
    return short and bool(_FORMALITY.match(folded))
