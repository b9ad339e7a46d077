"""The one normaliser of Vietnamese text. Standard library only and clean on Python 3.10: the hub and Rasa's
environment both import it, so that training, search and answers see the same words."""

import re
import unicodedata

_WORD = re.compile(r"\w+(?:[./-]\w+)*", re.UNICODE)


def nfc(text: str) -> str:
    """Canonical composition, with invisible characters (zero-width, soft hyphen, BOM) removed."""
    text = unicodedata.normalize("NFC", text)
    return "".join(c for c in text if c not in "\u200b\u200c\u200d\u2060\ufeff\u00ad")


def fold(text: str) -> str:
    """Lower case without diacritics: ``Đường Nguyễn`` → ``duong nguyen``. Same length as the NFC text for
    Vietnamese letters, so offsets stay right."""
    decomposed = unicodedata.normalize("NFD", nfc(text).lower().replace("đ", "d"))
    return unicodedata.normalize("NFC", "".join(c for c in decomposed if unicodedata.category(c) != "Mn"))


def words(text: str) -> list[str]:
    """Syllables and numbers, in order; punctuation is dropped, ``12/2026`` and ``a.b`` stay whole."""
    return _WORD.findall(text)
