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


# ---- what people type on phones ------------------------------------------------------------------

#: Common abbreviations of chat. Only those with one likely reading at a public-service desk.
_TEENCODE = {
    "ko": "không", "kg": "không", "hk": "không", "hok": "không", "khg": "không", "k": "không",
    "dc": "được", "đc": "được", "đcc": "được", "dk": "đăng ký", "đk": "đăng ký", "đkkh": "đăng ký kết hôn",
    "ntn": "như thế nào", "nhiu": "nhiêu", "bn": "bao nhiêu", "bnh": "bao nhiêu", "vs": "với", "cx": "cũng",
    "lm": "làm", "mún": "muốn", "mk": "mình", "sđt": "số điện thoại", "sdt": "số điện thoại",
    "gks": "giấy khai sinh", "gkh": "giấy kết hôn", "tks": "cảm ơn", "thks": "cảm ơn", "thanks": "cảm ơn",
    "j": "gì", "z": "vậy", "v": "vậy", "r": "rồi", "e": "em", "trc": "trước", "ng": "người", "bít": "biết",
    "hnay": "hôm nay", "hqua": "hôm qua", "đt": "điện thoại", "ad": "em", "wá": "quá",
}  # fmt: skip

_ONSET = "(?:ngh|ng|nh|gh|gi|kh|ph|th|tr|ch|qu|[bcdđghklmnpqrstvx])?"
_RIMES = (
    "a ac ach ai am an ang anh ao ap at au ay e ec ech em en eng enh eo ep et eu i ia ich iec iem ien ieng iep "
    "iet ieu im in inh ip it iu o oa oac oach oai oam oan oang oanh oap oat oay oc oe oen oeo oet oi om on ong "
    "op ot u ua uan uang uat uay uc ue uech uenh ui um un ung uo uoc uoi uom uon uong uop uot uou up ut uu uy "
    "uya uych uyen uyet uynh uyt uyu y yem yen yet yeu"
)
_SYLLABLE = re.compile(f"{_ONSET}(?:{'|'.join(sorted(_RIMES.split(), key=len, reverse=True))})")
_TELEX_MARKS = [
    ("dd", "đ"), ("uow", "ươ"), ("uwow", "ươ"), ("aa", "â"), ("ee", "ê"), ("oo", "ô"), ("aw", "ă"), ("ow", "ơ"),
    ("uw", "ư"),
]  # fmt: skip
_TELEX_TONES = {"s": "\u0301", "f": "\u0300", "r": "\u0309", "x": "\u0303", "j": "\u0323"}
#: What only Telex explains.
_UNMISTAKABLE = re.compile("dd|aa|ee|[aou]w")
#: Foreign words that would be Telex for a syllable.
_FOREIGN = frozenset({"down", "how", "law", "low", "now", "row", "saw", "see", "too", "zoo"})
_TONE_KEY = re.compile(r"(?<!^)[sfrxj]")
_VOWELS = "aăâeêioôơuưy"


def normalize(text: str) -> str:
    """NFC text with chat abbreviations written out and raw Telex typing turned into letters:
    ``lamf giaays ks ko dc`` → ``làm giấy ks không được``. Meant for understanding, never for showing."""
    text = nfc(text)
    telex = _is_telex(text)
    return _WORD.sub(lambda found: _normal_word(found.group(), telex), text)


def normal_words(text: str) -> "list[tuple[str, int, int]]":
    """The words of ``normalize`` with the place (start, end) in ``text`` each was made of."""
    telex = _is_telex(text)
    return [(_normal_word(nfc(found.group()), telex), *found.span()) for found in _WORD.finditer(text)]


def _normal_word(word: str, telex: bool) -> str:
    if len(word) == 1 and word.isupper():
        return word  # "khu A", "hạng E"
    low = word.lower()
    if low in _TEENCODE:
        return _TEENCODE[low]
    return (_from_telex(low) if telex else None) or word


def _is_telex(text: str) -> bool:
    """An input method that was off shows in several words, or in one that only Telex explains."""
    decoded = [word for word in map(str.lower, _WORD.findall(text)) if _from_telex(word)]
    plain = sum(_UNMISTAKABLE.search(word) is not None for word in decoded)
    if text.isascii():
        return len(decoded) > 1 or plain > 0
    # it was off for some of the words only; a foreign word alone ("of", "max") looks like one such
    return plain > 0 or len(decoded) > 2


def _from_telex(word: str) -> "str | None":
    """The syllable that was meant, or None when the word is one already or can be none."""
    if (
        not word.isascii()
        or not word.isalpha()
        or len(word) > 10
        or word in _FOREIGN
        or _SYLLABLE.fullmatch(word)
    ):
        return None
    for key in [None, *_TONE_KEY.finditer(word)]:
        plain = word if key is None else word[: key.start()] + word[key.end() :]
        for typed, letter in _TELEX_MARKS:
            plain = plain.replace(typed, letter)
        if _SYLLABLE.fullmatch(fold(plain)):
            return _with_tone(plain, _TELEX_TONES[key.group()]) if key else plain
    return None


def _with_tone(syllable: str, tone: str) -> str:
    start = 2 if re.match("gi[aăâeêoôơuư]|qu", syllable) else 0
    places = [i for i, letter in enumerate(syllable) if letter in _VOWELS and i >= start]
    marked = [i for i in places if syllable[i] in "ăâêôơư"]
    if marked:
        place = marked[-1]
    elif len(places) == 3 or (len(places) == 2 and places[-1] < len(syllable) - 1):
        place = places[1]
    elif len(places) == 2 and syllable[places[0] : places[1] + 1] in ("oa", "oe", "uy"):
        place = places[1] if places[-1] < len(syllable) - 1 else places[0]
    else:
        place = places[0]
    return unicodedata.normalize("NFC", syllable[: place + 1] + tone + syllable[place + 1 :])
