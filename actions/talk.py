"""How people take back what they said, and how they choose from what was offered. Patterns over folded text."""

import re
from dataclasses import dataclass

from bot.patterns import find_entities
from bot.text import fold, nfc, normalize, words

_ME = "(?:toi|tui|em|con|minh|anh|chi|chu|co|bac|tao)"
_NOT = "(?:khong|hong|hok|hem|ko|hk|k|dau (?=phai)|dau co(?= phai))"
_WRONG = "(?:nham|lon|lom|sai|lac)(?: (?:roi|mat|de|do|rui|a))?"
#: Sounds before the correction itself.
_SOUND = r"(?:(?:a|ah|ua|da|o|oi|uh|um|u|ay|chet|xin loi|sorry|y|thoi|khoan|em oi|chi oi|anh oi|ad oi|roi)[\s,.!]+)*"
_TAKES_BACK = re.compile(
    rf"\A{_SOUND}(?:"
    rf"{_NOT}(?: phai)?(?: (?:roi|vay|do|dau|y do|cai do|cai nay|cai kia|thu tuc do|thu tuc nay|y {_ME}))?(?: dau)?\s*(?=[,.:;!]|\Z)"
    rf"|{_NOT} phai [^,.;!?]{{1,60}}(?=[,.;!]| ma (?:la )?)"
    rf"|(?:{_ME} )?(?:(?:bam|go|noi|viet|hoi|ghi|danh|nhan|lo|nghe|doc) )*{_WRONG}(?: (?:em|ad|chi|anh)(?: oi)?)?(?=\s*[,.:;!]|\Z)"
    rf"|(?:{_ME} )?(?:(?:bam|go|noi|viet|hoi|ghi|danh|nhan) )+{_WRONG}(?=\s)|(?:{_ME} )?(?:nham|lon) roi(?=\s)"
    rf"|y {_ME} (?:la|muon|hoi|noi|dinh)(?: (?:la|hoi|noi|muon))*"
    rf"|{_ME} (?:hoi|noi|can|muon hoi) (?:ve |la )?(?=[^,.;!?]{{1,60}} (?:chu|co ma|kia|co)\b)"
    r")[\s,.:;!]*(?:(?:ma la|ma|la|phai la|phai)\s+)?"
)
#: What follows the right word: "…, chứ không phải khai sinh", "… chứ tui bấm lộn", "… mới đúng".
_INSTEAD = re.compile(
    rf"[\s,]+(?:chu|co)(?: (?:{_NOT}|dau)(?: phai)? .*|\s*[,.!]*\s*(?:{_SOUND}{_ME} )?(?:\w+ )?{_WRONG}.*|[\s,.!]*(?:\s(?:em|anh|chi|ad|ban|a|nha))?[\s,.!]*\Z)"
    rf"|[\s,]+(?:{_ME} )?(?:bam|go|noi|viet|hoi|ghi|danh|nhan) (?:{_WRONG})[\s,.!]*\Z"
    r"|[\s,]+moi (?:dung|phai|chinh xac)(?: (?:a|nha|nghe|em|do))?[\s,.!]*\Z",
    re.DOTALL,
)
#: Openings that change nothing in what is meant.
_TURN = re.compile(
    r"\A(?:(?:(?:o|u|um|ua|da|ok|a|thoi|roi|khoan|em oi|chi oi|anh oi)(?: (?:thoi|roi|vay))?\s*[,.]+|quay lai|tro lai)\s*)+"
    r"(?:(?:cho \w+ |cho )?hoi (?:thu tuc |chuyen |ve |vu )?)?"
)

#: Words and endings of questions, folded.
_ASKS = re.compile(
    r"\?|(?<!\w)(?:gi|sao|dau|nao|bao nhieu|nhieu tien|bao lau|khi nao|chung nao|the nao|may ngay|may bua|may tuoi|"
    r"cho hoi|duoc khong|duoc hong|phai khong|(?:khong|hong|chua)(?: vay| a| em| ha| ad| chi| anh)?\Z)(?!\w)"
)

_LEAD = (
    "da|vay|thi|chon|lay|cho|em|toi|tui|hoi|cai|so|muc|thu tuc|loai|truong hop|o|phuong an|dong|y|"
    "ve|xin|minh|nham|muon|la|anh|chi|a|u|uh|ok"
)
_PICK = re.compile(
    rf"(?:(?:{_LEAD}) )*(?:thu )?(dau tien|dau|nhat|mot|1|nhi|hai|2|ba|3|tu|4|cuoi cung|cuoi|sau cung|duoi cung|tren cung)"
    r"(?: (?:do|day|nha|nhe|a|di|em|anh|chi|luon|nghe|tren|o tren|kia|ay|ad|thoi|dum|giup|gium|vay|z|nhen|hen))*"
)
_PLACES = {
    "dau tien": 0, "dau": 0, "nhat": 0, "mot": 0, "1": 0, "tren cung": 0,
    "nhi": 1, "hai": 1, "2": 1, "ba": 2, "3": 2, "tu": 3, "4": 3,
}  # fmt: skip
_NONE = re.compile(
    rf"\b(?:{_NOT} (?:phai|dung|co) (?:cai nao|may cai|nhung cai|cai gi|muc nao|thu tuc nao)|{_NOT} cai nao|khac het|cai khac|thu tuc khac|viec khac|chuyen khac|\A(?:da |o |a )?khac(?: (?:a|em|co|nha))?\Z|"
    rf"{_NOT} (?:co )?trong (?:do|may|so))\b"
)


@dataclass(frozen=True)
class Correction:
    """What stays when the words of correcting are taken away; empty when nothing was put in the place."""

    rest: str
    takes_back: bool


def corrected(text: str) -> Correction:
    """A message without what it takes back: "à không, khai tử chứ không phải khai sinh" means "khai tử"."""
    text = nfc(text).strip()
    folded = fold(text)
    found = _TAKES_BACK.match(folded)
    start = found.end() if found else 0
    instead = _INSTEAD.search(folded, start)
    end = instead.start() if instead else len(text)
    rest = text[start:end].strip(" ,.;:!")
    return Correction(rest, bool(found) or bool(instead))


def without_opening(text: str) -> str:
    """A message without the sounds it begins with: "ờ thôi, hỏi…" means what comes after."""
    text = nfc(text).strip()
    found = _TURN.match(fold(text))
    rest = text[found.end() :] if found else text
    return rest or text


#: "mà bằng của tui là bằng nước ngoài", "nếu vợ tôi người Hàn": said about what was talked of before.
_ELLIPTIC = re.compile(
    r"\A(?:(?:da|o|u|a|ua|roi|vay|con)[\s,]+)*(?:nhung ma|nhung|ma|neu nhu|neu|lo|gia su|truong hop|con neu)\s"
)


def elliptic(text: str) -> bool:
    """Whether a message is put as an addition to what was said before."""
    return bool(_ELLIPTIC.match(fold(text).strip()))


_RUDE = re.compile(
    r"(?<!\w)(?:ngu|ngu ngoc|oc cho|oc lon|do dien|do khung|do ngu|vo dung|vo tich su|vo hoc|mat day|khon nan|do toi|cho chet|do cho|"
    r"dm|dkm|dcm|dmm|vcl|vl|clgt|cut|cam mom|im mom|may la|tao|lu ngoc|dan don|lao toet|xao loz|nhu cc|nhu lol)(?!\w)"
)


def rude(text: str) -> bool:
    """Whether somebody vents anger rather than asking for something else."""
    return bool(_RUDE.search(fold(text)))


def asks(text: str) -> bool:
    """Whether a message has the words of a question."""
    return bool(_ASKS.search(fold(normalize(text)).strip(" .!")))


def without_phones(text: str) -> str:
    """A message without the phone numbers in it: they name no subject."""
    text = nfc(text)
    for entity in reversed(find_entities(text)):
        if entity.kind == "phone":
            text = f"{text[: entity.start]} {text[entity.end :]}"
    return text.strip()


def place_named(text: str, among: int) -> int | None:
    """Which of ``among`` things that were listed a message names by its place ("cái thứ hai", "2", "cái cuối")."""
    found = _PICK.fullmatch(" ".join(words(fold(normalize(text)))))
    if found is None or among < 1:
        return None
    place = _PLACES.get(found[1], among - 1)
    return place if place < among else None


def none_of_them(text: str) -> bool:
    """Whether a message says that what is meant is not among what was offered."""
    return bool(_NONE.search(" ".join(words(fold(normalize(text))))))


_NOW = "(?:bay gio|luc nay|hien gio|hien tai|hien nay|hom nay|ngay day|moi day|dang xay ra)"
_NOT_NOW = re.compile(rf"(?<!\w){_NOT}(?: phai)?(?: la)?(?: (?:moi|dang|o|ngay))? {_NOW}(?!\w)")
_NOT_ME = re.compile(rf"(?<!\w){_NOT} phai (?:la )?{_ME}(?: dau)?(?= *[,.;]| ma\b)")
_BEFORE = re.compile(
    r"(?<!\w)(?:(?:sang|trua|chieu|toi|dem|khuya|hom|ngay|bua) (?:qua|kia|hom|truoc)|(?:tuan|thang|nam) (?:truoc|roi|ngoai|qua)|hoi (?:sang|trua|chieu|toi|khuya|dem|hom|xua)|"
    r"(?:may|vai|hai|ba|\d+) (?:hom|ngay|bua|tuan|thang|nam) (?:truoc|roi|nay)|lau roi|qua roi)(?!\w)"
)
_OVER = re.compile(
    r"(?<!\w)(?:tat|dap|xong|het|on|yen|giai tan|bo di|ve|tim (?:thay|duoc|ra)|gap lai|bat duoc|cuu duoc|tinh lai)(?: (?:het|xong|chay|nha|no|be|chau|lua|hoan toan|ca))* (?:roi|rui|r)(?!\w)"
    r"|(?<!\w)(?:khong|hong|ko|het) (?:sao|nguy hiem|con gi)(?: (?:nua|dau|het|ca))?(?!\w)"
)
_BY_MISTAKE = re.compile(
    rf"(?<!\w)(?:(?:gui|nhan|bam|go|nhan tin) (?:nham|lon|lom)|{_WRONG}(?= *[,.!]*\Z)|(?:gion|choi|thu|test|dua|nghich|pha|gheo|choc)(?: (?:thoi|choi|ma|xiu|ti|em))+)(?!\w)"
)


def not_now(text: str) -> bool:
    """Whether a message takes back that something happens now, or to who writes ("không phải bây giờ, hồi tối qua")."""
    folded = fold(normalize(text))
    return bool(_NOT_NOW.search(folded) or _NOT_ME.search(folded))


def happened_before(text: str) -> bool:
    """Whether a message names a time that is over."""
    return bool(_BEFORE.search(fold(normalize(text))))


def is_over(text: str) -> bool:
    """Whether a message says, after an alarm, that the danger has passed."""
    return not_now(text) or bool(_OVER.search(fold(normalize(text))))


def by_mistake(text: str) -> bool:
    """Whether a message says that the one before it was not meant."""
    return bool(_BY_MISTAKE.search(fold(normalize(text))))


_TAKES_UP = re.compile(
    r"(?<!\w)(?:(?:lap|lam|ghi|tao|viet|mo) (?:\w+ ){0,2}(?:phieu|nhan|phan anh|don|lai)|(?:bao|phan anh|ghi nhan|gui|chuyen|trinh bao) (?:\w+ ){0,2}(?:giup|gium|dum|luon|di|lien|ngay|len|qua)|"
    r"(?:muon|can|xin|cho|de|nho) (?:\w+ )?(?:bao|phan anh|ghi nhan|gui phan anh|trinh bao)(?= *[,.!]*\Z| (?:luon|ngay|lien|di|ne|nha|a|vu|viec|cai|chuyen)))(?!\w)"
)


def takes_up_report(text: str) -> bool:
    """Whether a message asks for a report of what was just talked about ("báo giùm tui luôn đi")."""
    return bool(_TAKES_UP.search(fold(normalize(text)))) and not asks(text)


#: Words of English that are no syllables of Vietnamese typed without marks, as "can", "do", "the" and "my" are.
_ENGLISH = frozenset(
    """
    is are was were how what where when why who which your their you they could should would will does did have has had need
    want with from about this there please help lost register birth license passport report and of hello thank thanks
    apply application office open for child certificate card marriage
    """.split()  # noqa: SIM905
)
_FEWEST_ENGLISH, _SHARE_OF_ENGLISH = 2, 0.3


def english(text: str) -> bool:
    """Whether a message is written in English."""
    said = words(nfc(text).lower())
    if not text.isascii() or len(said) <= _FEWEST_ENGLISH:
        return False
    known = sum(word in _ENGLISH for word in said)
    return known >= _FEWEST_ENGLISH and known >= _SHARE_OF_ENGLISH * len(said)


def only_a_number(text: str) -> bool:
    """Whether a message has digits and no letter."""
    return any(one.isdigit() for one in text) and not any(one.isalpha() for one in text)


_GIVES_UP = re.compile(
    rf"(?:(?:da|thoi|a|u|vay) )*(?:khoi|thoi|bo di|bo qua|{_NOT} (?:can|hoi|muon))(?: (?:can|hoi|nua|dau|em|nha|a|di|roi|luon|ad|vay))*"
)


def gives_up(text: str) -> bool:
    """Whether a message says that nothing is wanted any more."""
    return bool(_GIVES_UP.fullmatch(" ".join(words(fold(normalize(text))))))
