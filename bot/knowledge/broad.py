"""Names so broad that only the citizen can say which entry is meant: "đăng ký xe", "bảo hiểm"."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, cast

from bot.knowledge.load import DATA, parse_yaml, read_text
from bot.knowledge.model import Topic
from bot.knowledge.search import TELLING
from bot.knowledge.wording import Token, tokens, weighed

FILE = "broad-names.yml"
#: Longer messages say more than a name.
MOST_WORDS = 16
#: Words of asking about a name, which make it no narrower; "làm căn cước" does: that is a first one. Folded.
_ASKING = frozenset("can muon hoi thu tuc ve viec huong dan thong tin tim hieu tu van".split())  # noqa: SIM905


def broad_name(text: str) -> tuple[Topic, ...]:
    """What a message may mean that says such a name and no more; empty when it says anything else."""
    said = weighed(text)
    if len(said) > MOST_WORDS:
        return ()
    for name, choices in _names():
        for start in range(len(said) - len(name) + 1):
            rest = [*said[:start], *said[start + len(name) :]]
            if _same(said[start : start + len(name)], name) and all(map(_adds_nothing, rest)):
                return choices
    return ()


@lru_cache(maxsize=1)
def _names() -> list[tuple[list[Token], tuple[Topic, ...]]]:
    """Longest first.

    Raises:
        DataError: the file is broken.
    """
    rows: Any = parse_yaml(read_text(DATA / FILE), FILE)
    found = [(tokens(name), tuple(map(_topic, row["choices"]))) for row in rows for name in row["names"]]
    return sorted(found, key=lambda one: -len(one[0]))


def _topic(written: str) -> Topic:
    kind, _, id_ = written.rpartition(":")
    return cast(Topic, (kind or "procedure", id_))


def _same(said: Sequence[Token], name: Sequence[Token]) -> bool:
    """Without marks a word is any that is spelled so."""
    return all(
        one.word == other.word and one.form in (one.word, other.form)
        for one, other in zip(said, name, strict=True)
    )


def _adds_nothing(token: Token) -> bool:
    return token.weight <= TELLING or token.word in _ASKING
