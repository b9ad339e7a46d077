"""What happened to somebody, told without a question: "tui bị lừa qua mạng", "ba em mới mất", "công ty nợ lương".

The knowledge base often says what to do then, which is worth more to them than a form. A thing in a place (a lamp, a
hole in the road, noise) is none of these: it is reported. Patterns over folded text.
"""

import re
from dataclasses import dataclass

from bot.text import fold, normalize, words

_ME = "(?:toi|tui|em|con|minh|tao|chau|chung toi|tui em|tui tui)"
_KIN = "(?:ba|ma|me|cha|tia|bo|ong|chong|vo|con|anh|chi|em|noi|ngoai|co|chu|cau|di|bac|mo|thim|duong|chau|nguoi nha|nguoi than)"
_ELDER = "(?:ba|ma|me|cha|tia|ong|noi|ngoai|chong|vo|bac|ba ngoai|ba noi|nguoi nha|nguoi than)"
_RELATED = rf"(?:noi|ngoai|vo|chong|ruot|ho|hai|ba|tu|nam|sau|bay|tam|chin|muoi|ut|trai|gai|cua|dau|re|{_ME})"
_AFTER_DEATH = (
    "(?:hom|bua|roi|hoi|luc|ngay|dem|sang|chieu|toi qua|thang|nam|tuan|vi|do|o|tai|ma|gio|nay|duoc|a|ad|lau)"
)
_PAPERS = (
    "giay to|can cuoc|cccd|cmnd|chung minh|bang lai|gplx|giay phep|ca vet|cavet|dang ky xe|bien so|so do|so hong|so dat|"
    "ho chieu|passport|khai sinh|khai sanh|ket hon|hon thu|khai tu|bhyt|bao hiem|bhxh|bang cap|bang tot nghiep|the|"
    "sim|dien thoai|vneid|bop|vi(?! tri)|giay"
)
_LOST = (
    "(?:lam mat|lam rot|lam roi|danh mat|danh roi|that lac|bi mat|bi rot|bi roi|mat|rot|roi|lac mat|moc tui)"
)


@dataclass(frozen=True)
class Misfortune:
    """``wrong``: somebody has done it to them, so a report may be wanted; ``choices``: the broad name whose entries
    are offered where search finds none alone."""

    opening: str = ""
    wrong: bool = False
    choices: str = ""


SORRY = "Em rất tiếc về chuyện này ạ."
CONDOLENCE = "Em xin chia buồn cùng gia đình mình ạ."
CONGRATULATION = "Em chúc mừng gia đình mình ạ."

_DEATH = Misfortune(CONDOLENCE, choices="người thân mất")
_LOSS = Misfortune(SORRY)
_LOSS_OF_ALL = Misfortune(SORRY, choices="mất giấy tờ")
_WRONG = Misfortune(SORRY, wrong=True)
_CHANGE = Misfortune()
_BIRTH = Misfortune(CONGRATULATION)

#: Without their marks these are other words ("lúa", "mặt"); in a text that has marks they must be these.
_AS_WRITTEN = {"mat": "mất", "chet": "chết", "lua": "lừa", "gat": "gạt", "vi": "ví"}

#: The first that fits is meant.
_CLASSES = tuple(
    (re.compile(rf"(?<!\w)(?:{pattern})(?!\w)"), misfortune)
    for pattern, misfortune in (
        (rf"(?:{_ELDER}(?: {_RELATED})*|{_KIN}(?: {_RELATED})* {_ME}|{_KIN}(?= (?:moi|vua))) (?:(?:moi|vua|da|bi|cung|benh|bi benh) )*"
         rf"(?:qua doi|tu tran|khuat nui|(?:mat|chet)(?=\W*\Z|[,.!;]| {_AFTER_DEATH}\b))", _DEATH),
        (rf"{_LOST} (?:\w+ ){{0,2}}(?:het |sach |tat ca |toan bo )*(?:giay to|bop|vi(?! tri))(?! (?:xe|dat|nha|kinh doanh))", _LOSS_OF_ALL),
        (rf"{_LOST} (?:\w+ ){{0,3}}(?:{_PAPERS})", _LOSS),
        (rf"(?:{_PAPERS})(?: \w+){{0,4}} (?:bi mat|bi rot|mat (?:roi|tieu|het)|that lac)", _LOSS),
        (rf"(?:bi|moi|vua|lo) (?:\w+ ){{0,4}}(?:lua(?! dao dang)|gat|du do|dan canh|chiem doat)|(?:lua|gat) (?:tien|lay tien|mat|het)|(?:lua|gat) {_ME}|(?:lua|gat) {_KIN} {_ME}"
         rf"|chuyen (?:tien |khoan )?(?:nham|lon)|(?:bi|moi) (?:\w+ )?(?:hack|chiem) (?:mat )?(?:\w+ )?(?:facebook|fb|zalo|tai khoan|nick)", _WRONG),
        (r"(?:no|thieu|giam|quit|cham|tre|khong (?:tra|phat|chiu tra|chiu phat)|chua (?:tra|phat)|hong (?:tra|phat)) (?:\w+ )?(?:luong|tien cong)(?! thuc)"
         r"|(?:no|khong dong|chua dong|tron dong|hong dong|khong chot|chua chot) (?:tien )?(?:so )?(?:bao hiem|bhxh)", _WRONG),
        (r"(?:bi|moi|vua) (?:\w+ ){0,3}(?:sa thai|duoi viec|cho nghi|mat viec|cho thoi viec)|(?:bi|moi|vua) (?:that nghiep|nghi viec|mat viec)", _CHANGE),
        (rf"(?:cho|meo)(?: \w+){{0,4}} can (?:{_ME}|{_KIN})|bi (?:\w+ )?(?:cho|meo)(?: \w+){{0,3}} can", _WRONG),
        (r"bi (?:\w+ )?(?:phat nguoi|tru (?:\w+ )?diem|giu bang|tuoc bang|giu xe|giam bang)|xe (?:\w+ ){0,2}bi (?:\w+ )?(?:giam|giu)", _CHANGE),
        (rf"(?:vo|con gai|con dau|em gai|chi|{_ME})(?: {_ME})? (?:moi|vua|da) (?:sinh|sanh|de)", _BIRTH),
        (r"(?:lan|chiem|lan chiem|lan qua|lan sang) (?:\w+ ){0,2}(?:dat|ranh) (?:\w+ )?(?:nha )?(?:toi|tui|em|minh|con)|tranh chap (?:ranh )?dat|(?:hang xom|nha ben|nha ke ben|nguoi ta) (?:\w+ ){0,3}(?:lan|chiem) (?:\w+ )?(?:dat|ranh)", _WRONG),
        (r"mua (?:\w+ )?(?:nham|phai|trung|lam) (?:\w+ ){0,4}(?:gia|dom|nhai|kem chat luong|het han)", _WRONG),
        (rf"(?:{_KIN} {_ME}|be|chau)(?: \w+){{0,3}} bi (?:\w+ )?(?:bao hanh|bat nat)", _WRONG),
    )
)  # fmt: skip
#: Who says that they report something, or that it goes on now, is taken at their word.
_TAKEN_AT_WORD = re.compile(
    r"(?<!\w)(?:phan anh|(?:muon|can|xin|cho|de) (?:\w+ )?bao|to giac|to cao|kien nghi|khieu nai|de nghi|yeu cau|dang (?:bi |cu )?\w+|khan cap|cuu)(?!\w)"
)
#: Who says what they want because of it is not asked what that might be.
_WISHES = re.compile(r"(?<!\w)(?:muon|can|xin|dinh|tinh|nho|lam (?:lai|thu tuc|giay))(?!\w)")


def says_what_is_wanted(text: str) -> bool:
    return bool(_WISHES.search(fold(normalize(text))))


def misfortune_in(text: str) -> Misfortune | None:
    """What a message tells that happened to somebody, where it does."""
    written = normalize(text).lower()
    folded = fold(written)
    if _TAKEN_AT_WORD.search(folded):
        return None
    found = ((pattern.search(folded), misfortune) for pattern, misfortune in _CLASSES)
    return next((one for match, one in found if match and _is_meant(written[slice(*match.span())])), None)


def _is_meant(written: str) -> bool:
    return all(word.isascii() or _AS_WRITTEN.get(fold(word), word) == word for word in words(written))
