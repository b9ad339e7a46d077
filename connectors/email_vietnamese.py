"""Vietnamese from before Unicode: which reading of the bytes makes Vietnamese words of them.

TCVN3 and VNI texts carry no label: they looked right through their font alone. So every reading is tried, and one
counts when nearly all words with marks are Vietnamese syllables in it.
"""

import re
import unicodedata

ENOUGH = 0.75  # of the words with marks must be Vietnamese
LOOKED_AT = 5000  # characters
#: What the bytes from 0xA1 (TCVN3) and from 0x80 (VISCII) stand for.
_TCVN3 = (
    "ĂÂÊÔƠƯĐăâêôơưđẰ\u0300\u0309\u0303\u0301\u0323àảãáạẲằẳẵắẴẮẦẨẪẤỀặầẩẫấậèỂẻẽéẹềểễếệìỉỄẾỒĩíịòỔ"
    "ỏõóọồổỗốộờởỡớợùỖủũúụừửữứựỳỷỹýỵỐ"
)
_VISCII = (
    "ẠẮẰẶẤẦẨẬẼẸẾỀỂỄỆỐỒỔỖỘỢỚỜỞỊỎỌỈỦŨỤỲÕắằặấầẩậẽẹếềểễệốồổỗỠƠộờởịỰỨỪỬơớƯ"
    "ÀÁÂÃẢĂẳẵÈÉÊẺÌÍĨỳĐứÒÓÔạỷừửÙÚỹỵÝỡưàáâãảăữẫèéêẻìíĩỉđựòóôõỏọụùúũủýợỮ"
)
#: VNI writes a letter and its mark apart: letter → pairs of mark and what both are.
_VNI_PAIRS = {
    "a": "ùáøàûảõãïạêăéắèằúẳüẵëặââáấàầåẩãẫäậ",
    "e": "ùéøèûẻõẽïẹâêáếàềåểãễäệ",
    "o": "ùóøòûỏõõïọâôáốàồåổãỗäộ",
    "u": "ùúøùûủõũïụ",
    "y": "ùýøỳûỷõỹ",
    "ô": "ùớøờûởõỡïợ",
    "ö": "ùứøừûửõữïự",
}
_VNI_LETTERS = dict(zip("æóòîñôö", "ỉĩịỵđơư", strict=True))
_INITIALS = "b c ch d đ g gh gi h k kh l m n ng ngh nh p ph q r s t th tr v x"
_RHYMES = (
    "a ac ach ai am an ang anh ao ap at au ay ăc ăm ăn ăng ăp ăt âc âm ân âng âp ât âu ây e ec em en eng eo ep et ê êch"
    " êm ên êng ênh êp êt êu i ia ich iêc iêm iên iêng iêp iêt iêu im in inh ip it iu o oa oac oach oai oam oan oang"
    " oanh oao oap oat oay oc oe oen oeo oet oi om on ong op ot oăc oăm oăn oăng oăt ô ôc ôi ôm ôn ông ôp ôt ơ ơi ơm ơn"
    " ơp ơt u ua uc ui um un ung up ut uy uya uych uyên uyêt uynh uyt uyu uân uâng uât uây uê uêch uênh uôc uôi uôm uôn"
    " uông uôt uơ uă uăng uăn uai uan uang uanh uao uat uay ue uen ueo uet uên uêt ư ưa ưc ưi ưng ưt ưu ươc ươi ươm ươn"
    " ương ươp ươt ươu y yêm yên yêt yêu"
)
_SYLLABLE = re.compile(
    f"(?:{'|'.join(sorted(_INITIALS.split(), key=len, reverse=True))})?"
    f"(?:{'|'.join(sorted(_RHYMES.split(), key=len, reverse=True))})"
)
_TONES = dict.fromkeys(map(ord, "\u0300\u0301\u0303\u0309\u0323"))
_WORD = re.compile(r"[^\s!-/:-@\[-`{-~\u2013-\u2026]+")
_VNI = re.compile(
    "|".join(f"{letter}[{pairs[::2]}]" for letter, pairs in _VNI_PAIRS.items()) + "|[æóòîñôö]", re.I
)


def share(text: str) -> float:
    """The share of Vietnamese syllables among the words with marks; 0 when there are none."""
    words = [word for word in _WORD.findall(text[:LOOKED_AT]) if not word.isascii()]
    return sum(map(_vietnamese, words)) / len(words) if words else 0.0


def read_old(data: bytes) -> str | None:
    """The bytes as TCVN3, VNI or VISCII, if one of them makes Vietnamese of them."""
    western = data.decode("latin-1")
    best = max((tcvn3(western), vni(western), viscii(western)), key=share)
    return best if share(best) >= ENOUGH else None


def reread(text: str) -> str:
    """The text, or what it was meant to be where somebody pasted TCVN3 or VNI into a mail of today."""
    head = text[:LOOKED_AT]
    if head.isascii():
        return text
    try:
        western = text.encode("cp1252").decode("latin-1")
    except UnicodeError:  # letters that neither of them has
        return text
    if len([word for word in _WORD.findall(head) if not word.isascii()]) < 3 or share(head) > 1 - ENOUGH:
        return text
    best = max((tcvn3(western), vni(western)), key=share)
    return best if share(best) >= ENOUGH else text


def tcvn3(western: str) -> str:
    return unicodedata.normalize("NFC", western.translate(_FROM_TCVN3))


def viscii(western: str) -> str:
    return western.translate(_FROM_VISCII)


def vni(western: str) -> str:
    return _VNI.sub(_joined, western)


def _joined(found: re.Match[str]) -> str:
    letter, mark = found[0][0].lower(), found[0][1:].lower()
    pairs = _VNI_PAIRS.get(letter, "") if mark else ""
    meant = pairs[pairs[::2].index(mark) * 2 + 1] if mark else _VNI_LETTERS[letter]
    return meant if found[0][0].islower() else meant.upper()


def _vietnamese(word: str) -> bool:
    plain = unicodedata.normalize("NFD", word.lower()).translate(_TONES)
    return _SYLLABLE.fullmatch(unicodedata.normalize("NFC", plain)) is not None


_FROM_TCVN3 = {0xA1 + n: letter for n, letter in enumerate(_TCVN3)}
_FROM_VISCII = {0x80 + n: letter for n, letter in enumerate(_VISCII)} | {
    2: "Ẳ",
    5: "Ẵ",
    6: "Ẫ",
    20: "Ỷ",
    25: "Ỹ",
    30: "Ỵ",
}
