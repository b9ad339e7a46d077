"""Back to what was talked of before: "quay lại cái khai sinh hồi nãy", "cái đầu tiên á", "còn cái kia?", "cả hai"."""

import re
from collections.abc import Sequence
from typing import cast

from actions.turn import Heard
from bot.knowledge import Topic
from bot.knowledge.wording import names_nothing
from bot.text import fold, normalize, words

#: Topics of a conversation that are remembered, the present one among them.
MOST_TOPICS = 3

_THING = "(?:cai|thu tuc|vu|viec|chuyen|muc|giay|cau|y)"
_FIRST = rf"{_THING} (?:vu |viec |chuyen )?(?:dau tien|dau het|thu nhat|luc dau|ban dau|hoi dau)"
_OTHER = rf"(?:{_THING} )+(?:kia|con lai|ben kia|truoc(?: do)?)"
_JUST_NOW = r"(?:hoi|ban|khi) (?:nay|nay gio)"
_RETURN = r"(?:quay|tro) (?:lai|ve)(?: (?:voi|cai))?"
_MARKED_JUST_NOW = re.compile(r"\b(?:hồi|ban|khi|lúc|hổi) nãy")
_BACK = re.compile(
    rf"(?<!\w)(?:(?P<first>{_FIRST})|(?P<other>{_OTHER})|(?P<now>{_JUST_NOW})|(?P<back>{_RETURN}))(?!\w)"
)
_GLUE = re.compile(rf"(?<!\w)(?:{_THING}|do|a|do do|thi|con|cho|hoi|noi|ve|muon|di|nha|ay)(?!\w)")

_COUNT = {"hai": 2, "2": 2, "ba": 3, "3": 3, "bon": 4, "4": 4}
_ALL = re.compile(
    rf"(?<!\w)(?:ca (hai|2|ba|3|bon|4)|(hai|2) cai(?= (?:luon|do|nay|kia|deu))|tat ca|het (?:luon|tron)|may cai do)(?: {_THING})?(?: (?:luon|do|nay|kia|deu|a|nha|di))*(?!\w)"
)
_PLACE = {
    "1": 0,
    "mot": 0,
    "nhat": 0,
    "dau": 0,
    "2": 1,
    "hai": 1,
    "nhi": 1,
    "3": 2,
    "ba": 2,
    "4": 3,
    "tu": 3,
    "bon": 3,
}
_SEVERAL = re.compile(
    r"(?:(?:da|chon|lay|cho|em|toi|tui|cai|so|muc|thu|y|xem|hoi) )*"
    r"((?:mot|1|hai|2|ba|3|bon|tu|4|nhat|nhi|dau)(?: (?:va|voi|cung|lan|cai|so|muc|thu|them|ca))*(?: (?:mot|1|hai|2|ba|3|bon|tu|4|nhat|nhi)(?: (?:va|voi|cai|so|thu))*)+)"
    r"(?: (?:do|nha|nhe|a|di|em|luon|giup|gium|dum))*"
)


def earlier(said: Heard) -> list[Topic]:
    """What was told in this conversation, the newest first."""
    return [cast(Topic, tuple(one.split(":", 1))) for one in said.slots.get("earlier", "").split()]


def remembered(said: Heard, *told: Topic) -> str:
    """The slot with what was just told put first."""
    order = [*reversed(told), *(topic for topic in earlier(said) if topic not in told)]
    return " ".join(f"{kind}:{id_}" for kind, id_ in order[:MOST_TOPICS])


class Back:
    """How a message goes back; ``rest`` is what it says beside that. Without marks "hồi nãy" is also "hỏi này"."""

    def __init__(self, text: str) -> None:
        written = " ".join(words(normalize(text).lower()))
        folded = fold(written)
        found = list(_BACK.finditer(folded))
        if not written.isascii():
            found = [one for one in found if not one["now"] or _MARKED_JUST_NOW.match(written, one.start())]
        if not found and (now := _MARKED_JUST_NOW.search(written)):
            folded = folded[: now.start()] + folded[now.end() :]
            found, written = [], written[: now.start()] + written[now.end() :]
            self.goes = True
        else:
            self.goes = bool(found)
        self.just_now = self.goes and (not found or any(one["now"] for one in found))
        self.first = any(one["first"] for one in found)
        self.other = any(one["other"] for one in found)
        for one in reversed(found):
            written = f"{written[: one.start()]} {written[one.end() :]}"
        self.rest = " ".join(words(written))

    @property
    def names(self) -> bool:
        """Whether it says which topic, beside what is asked of it."""
        rest = _GLUE.sub(" ", fold(self.rest))
        return bool(words(rest)) and not names_nothing(self.rest)


def back_to_nothing(said: Heard) -> str | None:
    """What a message names that goes back ("quay lại cái khai sinh hồi nãy") where nothing is remembered, as after a
    long time; empty where it names nothing, None where it does not go back."""
    back = Back(said.text)
    if earlier(said) or not back.just_now:
        return None
    return back.rest if back.names else ""


def goes_back(said: Heard) -> bool:
    return bool(earlier(said)) and Back(said.text).goes


def all_of(text: str, among: int) -> tuple[bool, str]:
    """Whether a message means all of ``among`` things, and what else it says ("cả hai cái phí bao nhiêu")."""
    folded = " ".join(words(fold(normalize(text))))
    found = _ALL.search(folded)
    count = found and (found[1] or found[2])
    if found is None or among < 2 or (count and _COUNT[count] != among):
        return False, text
    return True, f"{folded[: found.start()]} {folded[found.end() :]}".strip()


def places_named(text: str, among: int) -> Sequence[int]:
    """Several of ``among`` things by their places ("1 và 2"); empty when it is anything else."""
    found = _SEVERAL.fullmatch(" ".join(words(fold(normalize(text)))))
    if found is None:
        return ()
    places = list(dict.fromkeys(_PLACE[word] for word in found[1].split() if word in _PLACE))
    return places if len(places) > 1 and max(places) < among else ()
