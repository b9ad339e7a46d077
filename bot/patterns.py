"""Things of a fixed shape in a text: ticket codes, dossier numbers, phone numbers. Like ``bot.text`` standard
library only and clean on Python 3.10: Rasa's environment imports it too."""

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


@dataclass(frozen=True)
class Entity:
    """``kind`` is ``ticket_code``, ``dossier_code`` or ``phone``; ``value`` its plain form."""

    kind: str
    value: str
    start: int
    end: int


def find_entities(text: str) -> "list[Entity]":
    """All entities in the order they stand in ``text``."""
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
    return sorted(found, key=lambda entity: entity.start)
