"""Things of a fixed shape in a text: codes and numbers that belong to somebody, dates, sums of money. Like
``bot.text`` standard library only and clean on Python 3.10: Rasa's environment imports it too."""

import re
from dataclasses import dataclass

_TICKET = re.compile(r"(?<!\w)1022\s*[-–./ ]\s*(20\d\d)\s*[-–./ ]\s*(\d{6})(?!\d)")
#: Dossier numbers of the one-stop shops: agency code, date, running number ("H21.15-261101-0005").
_DOSSIER = re.compile(
    r"(?<!\w)([A-Z]\d{2}(?:\.\d{1,3}){1,4})\s*-\s*(\d{6})\s*-\s*(\d{3,6})(?!\d)", re.IGNORECASE
)
_PHONE = re.compile(r"(?<![\w.])(?:\+?84|0)(?:[ .-]?\d){8,10}(?!\d)")
#: After the leading 0: a mobile number has nine digits more, a land line (02…) ten.
_NATIONAL = re.compile(r"0(?:[35789]\d{8}|2\d{9})")

#: Identity numbers: twelve digits of which the first is 0, or nine of the old card where it is named.
_ID_NUMBER = re.compile(r"(?<![\w.])0\d{2}[ .]?\d{3}[ .]?\d{3}[ .]?\d{3}(?!\d)")
_OLD_ID_NUMBER = re.compile(
    r"(?:cmnd|cmt|cccd|căn cước|can cuoc)(?: số| so|:)? ?(\d{9})(?!\d)", re.IGNORECASE
)
_DATE = re.compile(
    r"(?<![\w/.-])(?:(ngày|ngay|hôm|hom|bữa|bua|sáng|sang|chiều|chieu|tối|toi) )?"
    r"(0?[1-9]|[12]\d|3[01])([/.-])(0?[1-9]|1[0-2])(?:\3(20\d\d|\d\d))?(?![\w/.-]*\d)",
    re.IGNORECASE,
)
_MONEY = re.compile(
    r"(?<![\w.,])(\d{1,3}(?:[. ]\d{3})+|\d+(?:,\d+)?) ?"
    r"(tỷ|tỉ|ty|triệu|trieu|tr|ngàn|ngan|nghìn|nghin|k|đồng|dong|đ|vnđ|vnd)(?: đồng| dong)?(?!\w)",
    re.IGNORECASE,
)
_UNITS = {"tỷ": 10**9, "tỉ": 10**9, "ty": 10**9, "tr": 10**6, "k": 10**3}


@dataclass(frozen=True)
class Entity:
    """``kind`` is ``ticket_code``, ``dossier_code``, ``phone`` or ``id_number``, or ``date`` (``12/11/2026``, without
    the year where none was named) or ``money`` (đồng); ``value`` its plain form."""

    kind: str
    value: str
    start: int
    end: int


def find_entities(text: str) -> "list[Entity]":
    """What belongs to somebody, in the order it stands in ``text``."""
    found = [Entity("ticket_code", f"1022-{hit[1]}-{hit[2]}", *hit.span()) for hit in _TICKET.finditer(text)]
    found += [
        Entity("dossier_code", f"{hit[1].upper()}-{hit[2]}-{hit[3]}", *hit.span())
        for hit in _DOSSIER.finditer(text)
    ]
    for hit in _PHONE.finditer(text):
        number = re.sub(r"^\+?84", "0", re.sub(r"[ .-]", "", hit.group()))
        if _NATIONAL.fullmatch(number) and not any(
            e.start < hit.end() and hit.start() < e.end for e in found
        ):
            found.append(Entity("phone", number, *hit.span()))
    for hit in _ID_NUMBER.finditer(text):
        if not any(e.start < hit.end() and hit.start() < e.end for e in found):
            found.append(Entity("id_number", re.sub(r"[ .]", "", hit.group()), *hit.span()))
    found += [Entity("id_number", hit[1], *hit.span(1)) for hit in _OLD_ID_NUMBER.finditer(text)]
    return sorted(found, key=lambda entity: entity.start)


def find_quantities(text: str) -> "list[Entity]":
    """Dates and sums of money, in the order they stand in ``text``."""
    found = [Entity("money", str(_sum(hit[1], hit[2].lower())), *hit.span()) for hit in _MONEY.finditer(text)]
    for hit in _DATE.finditer(text):
        if hit[5] or hit[1]:  # "5/11" alone may be a house number
            year = hit[5] and f"/20{hit[5][-2:]}"
            found.append(
                Entity("date", f"{int(hit[2]):02}/{int(hit[4]):02}{year or ''}", hit.start(2), hit.end())
            )
    return sorted(found, key=lambda entity: entity.start)


def _sum(number: str, unit: str) -> int:
    value = float(re.sub(r"[. ]", "", number).replace(",", "."))
    times = _UNITS.get(unit) or (10**6 if unit.startswith("tri") else 10**3 if unit[:2] == "ng" else 1)
    return round(value * times)
