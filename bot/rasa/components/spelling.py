"""How the same words are misspelt on phones: generated at training from the sentences people wrote.

Telex and chat abbreviations need no variants: the normaliser undoes them.
"""

from __future__ import annotations

import unicodedata
from random import Random
from typing import Callable, List, Tuple

from bot.rasa.components.features import Words, folded

#: Letters that sound alike in the south or are mixed up in writing, both ways.
_STARTS = [
    ("tr", "ch"),
    ("s", "x"),
    ("d", "gi"),
    ("d", "v"),
    ("qu", "w"),
    ("ngh", "ng"),
    ("gh", "g"),
    ("l", "n"),
]
_ENDS = [("n", "ng"), ("t", "c"), ("y", "i"), ("nh", "n"), ("iu", "iêu"), ("ưu", "ươu"), ("inh", "anh")]
_HOOK, _TILDE = "\u0309", "\u0303"
_TONES = "\u0300\u0301\u0303\u0309\u0323"
#: Share of the words of a sentence that are misspelt.
SHARE = 0.25


def misspelt(words: Words, random: Random) -> Words:
    """The sentence with about a quarter of its words misspelt."""
    return tuple(_misspell(word, random) if random.random() < SHARE else word for word in words)


def unmarked(words: Words) -> Words:
    """The sentence without diacritics."""
    return tuple(folded(word) for word in words)


def _misspell(word: str, random: Random) -> str:
    if len(word) < 2 or not word.isalpha():
        return word
    return random.choice(_SLIPS)(word, random)


def _start(word: str, random: Random) -> str:
    return _exchanged(word, _STARTS, str.startswith, lambda w, old, new: new + w[len(old) :], random)


def _end(word: str, random: Random) -> str:
    return _exchanged(word, _ENDS, str.endswith, lambda w, old, new: w[: -len(old)] + new, random)


def _exchanged(
    word: str,
    pairs: List[Tuple[str, str]],
    fits: Callable[[str, str], bool],
    exchange: Callable[[str, str, str], str],
    random: Random,
) -> str:
    both = [*pairs, *((new, old) for old, new in pairs)]
    possible = [(old, new) for old, new in both if fits(word, old)]
    return exchange(word, *random.choice(possible)) if possible else word


def _tone(word: str, random: Random) -> str:
    """Another tone or none; mostly the two that sound alike."""
    letters = unicodedata.normalize("NFD", word)
    tone = next((letter for letter in letters if letter in _TONES), None)
    if tone is None:
        return word
    other = {_HOOK: _TILDE, _TILDE: _HOOK}.get(tone) or random.choice(_TONES)
    return unicodedata.normalize("NFC", letters.replace(tone, random.choice([other, other, ""])))


def _bare(word: str, random: Random) -> str:
    return folded(word)


def _dropped(word: str, random: Random) -> str:
    at = random.randrange(len(word))
    return word[:at] + word[at + 1 :]


def _doubled(word: str, random: Random) -> str:
    at = random.randrange(len(word))
    return word[:at] + word[at] + word[at:]


def _swapped(word: str, random: Random) -> str:
    at = random.randrange(len(word) - 1)
    return word[:at] + word[at + 1] + word[at] + word[at + 2 :]


_SLIPS = (_start, _end, _start, _end, _tone, _tone, _bare, _dropped, _doubled, _swapped)
