"""The pieces of a report in what people write: where, when, a phone number, and the rest. Patterns, no model: over
folded text, with the capitals of the original, because names of places are written with them."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from actions.talk import corrected
from bot.patterns import find_entities
from bot.text import fold, nfc, words

# ---- phone numbers ---------------------------------------------------------------------------------

_NUMBER_WORDS = {
    "khong": "0", "mot": "1", "hai": "2", "ba": "3", "bon": "4", "tu": "4", "nam": "5", "lam": "5", "sau": "6",
    "bay": "7", "tam": "8", "chin": "9", "o": "0",
}  # fmt: skip
_DIGITS = re.compile(r"\d(?:[\s./()_-]*\d){7,11}")
_MOBILE_OR_LINE = re.compile(r"0(?:[35789]\d{8}|2\d{9})")
_LONGEST_SPELLED = 16  # words
_DECLINES = re.compile(
    r"\A(?:(?:da|thoi|a|toi|tui|em|minh|anh|chi|xin loi|ad|uh|u|nhung|ma|hien|con|bay gio) )*(?:"
    r"(?:khong|ko|k|hong|hk|hok|no|khoi|thoi|chua|bo qua|mien)(?: \w+){0,9}"
    r"|(?:de|hen|cho) (?:\w+ ){0,2}(?:mai|sau|chut|lat|mot|bua|toi|khi|hom)(?: \w+){0,9}|(?:mai|sau|chut|lat) (?:\w+ ){0,2}(?:gui|cho|nhan|bao)(?: \w+){0,6}"
    r"|(?:giu|giau|giu kin|bao mat|an|nac) (?:ten|danh|danh tinh|bi mat|so)(?: \w+){0,6}|ngai(?: \w+){0,6}|so (?:thi )?(?:khoi|thoi|khong)(?: \w+){0,6}"
    r"|(?:khong|ko|k|hong) (?:co|muon|tien|can|xai|dung|nho)(?: \w+){0,12})\Z"
)


def phone_in(text: str) -> str | None:
    """A phone number, however it is written: with dots, spaces, brackets, +84, a letter O, or in words."""
    found = [entity.value for entity in find_entities(text) if entity.kind == "phone"]
    if found:
        return found[-1]
    plain = re.sub(r"(?<=[\d\s.])[oO](?=[\d\s.])|\b[oO](?=\d)", "0", fold(text))
    for run in [*_DIGITS.findall(plain), _spelled(plain)]:
        number = re.sub(r"\D", "", run)
        number = re.sub(r"\A(?:0?0?84)(?=[1-9])", "0", number)
        if _MOBILE_OR_LINE.fullmatch(number):
            return number
    return None


def _spelled(folded: str) -> str:
    """The digits of a number that was written out ("không chín không…")."""
    run = ""
    for word in words(folded):
        digit = word if word.isdigit() else _NUMBER_WORDS.get(word)
        run = run + digit if digit else (run if len(run) >= 10 else "")
    return run


def declines(text: str) -> bool:
    """Whether somebody who was asked for a number would rather not give one, or not now."""
    return bool(_DECLINES.match(" ".join(words(fold(text)))))


# ---- times -----------------------------------------------------------------------------------------

_COUNT = r"(?:\d+|mot|hai|ba|bon|nam|sau|bay|tam|chin|muoi|may|vai|ca|hon|gan|nua|nhieu)"
_UNIT = r"(?:ngay|bua|hom|tuan(?: le)?|thang|nam|tieng|gio|dem|phut)"
_PART = r"(?:sang|trua|chieu|toi|dem|khuya|rang sang)"
_TIME = re.compile(
    r"(?<!\w)(?:(?:tu|hoi|luc|khoang|vao|tam|suot|trong|moi|may|ca) )*(?:"
    rf"{_COUNT}(?: {_COUNT})? {_UNIT}(?: (?:nay|roi|qua|lien|lien tuc|truoc|hon|nua))*"
    rf"|\d{{1,2}} ?(?:h|g|gio)(?: ?\d{{1,2}})?(?: {_PART})?(?: (?:nay|qua|hom qua|mai))?"
    rf"|{_PART} (?:nay|qua|hom qua|hom nay|hom kia|hom truoc|nao(?: cung)?(?: vay)?|som|khuya|mai)"
    rf"|(?:ngay|dem|toi|sang|chieu|tuan|thang|bua|hom) nao(?: cung)?(?: vay)?|moi {_PART}|moi (?:ngay|dem|tuan)|hang (?:ngay|dem|tuan)"
    r"|hom (?:qua|nay|kia|bua|truoc|kia kia)|bua (?:qua|nay|hom|truoc|kia|gio|ni)|(?:tuan|thang|nam) (?:nay|truoc|roi|ngoai|qua)"
    r"|thu (?:hai|ba|tu|nam|sau|bay|[2-7])(?= |\Z)(?! nha)|chu nhat|cuoi tuan|dau (?:tuan|thang|nam)|cuoi (?:thang|nam)|ngay \d{1,2}(?:[/-]\d{1,2})?|\d{1,2}/\d{1,2}(?:/\d{2,4})?"
    r"|mung \w+|lau nay|bay lau nay|lau lam roi|lau roi|nay gio|bay gio|vua (?:nay|moi|xong)|moi (?:day|nay|xay ra)|hoi (?:nay|hom|sang|trua|chieu|toi|khuya|dem)|luc nay|nua dem|gan sang"
    r")(?: (?:toi|den|cho toi|cho den) (?:gio|nay|bay gio|hom nay|sang|khuya|trua|chieu|toi))?(?!\w)"
)

# ---- places ----------------------------------------------------------------------------------------

#: What has a name or a number of its own.
_NAMED_KINDS = (
    "ap|khom|thon|khu pho|khu vuc|to dan pho|to|hem|ngo|kiet|duong|tuyen duong|tuyen|dai lo|quoc lo|tinh lo|huong lo|duong tinh|duong huyen|lo|ql|dt|tl|hl|"
    "so nha|nha so|so|km|cot moc|cau|kenh|kinh|rach|song|vam|cho|truong tieu hoc|truong trung hoc|truong mam non|truong mau giao|truong cap|truong thcs|truong thpt|truong th|truong mn|truong|benh vien|bv|tram y te|tram|cong vien|"
    "nga ba|nga tu|vong xoay|bung binh|cum dan cu|khu dan cu|kdc|cum|chung cu|nha tho|chua|dinh|mieu|den|cay xang|tram xang|ben xe|ben pha|ben do|pha|cong|dap|be ke|bo ke|"
    "khu cong nghiep|kcn|ccn|sieu thi|buu dien|ubnd|uy ban|cong an|quan|nha hang|khach san|cong ty|cty|nha may|tiem|day tro|nha tro|xom|xa|phuong|thi tran|huyen|thi xa|thanh pho|tp|tt|"
    "cua hang|quang truong|nghia trang|san bong|san van dong|nha van hoa|tru so|cau cang|bai rac|cot dien|tru dien|tru|x|p|f|k"
)
_LEADS = (
    "o|tai|ngay|gan|canh|ke|sat|ben|doi dien|truoc|sau|duoi|tren|dau|cuoi|giua|trong|ngoai|doan|khuc|quanh|gan ngay|dau duong|cuoi duong|"
    "phia truoc|phia sau|ben canh|ke ben|tu|chan|goc|mat tien|khu vuc|thuoc|dia chi|cach"
)
_KINDS = "|".join(sorted(_NAMED_KINDS.split("|"), key=len, reverse=True))
_NAMED = re.compile(
    rf"(?<!\w)(?:(?:{_LEADS}) )*(?:(?:nga ba|nga tu|duong|hem|cau|quan|so nha) )*(?:{_KINDS}) (?=(\S+))"
)
#: After a kind of place: no name, but what is the matter with it, or whose it is.
_NO_NAMES = frozenset(
    """
    bi dang hu hong nga sap gay nghet ngap co khong la ma thi nay do kia nha toi tui em ho lon nho cu moi qua rat van cung nhieu di ra vo
    vao len lai roi hoai chinh lang hoc cho cua va voi de nuoc rac thai den cay dien cap xe oto o to phan chung cong xuong xong toan day
    boc thoi ban uot nat lo lom mat ca chi duoc dau dia to nguoi con gi sao nao minh ong ba anh chi ay o tai hay nen het tat truoc sau
    gan canh tren duoi trong ngoai phia ben ngay suot hom may hai ba bon nam mot tre goc ven di vua hen lac chay tac thuong bung van
    ta thang mien lung tung sat lun treo rong dai ngan hep trang ngang doc dung yen binh ai ve hat nuoi nhau
    """.split()  # noqa: SIM905
)
#: Folded, these are also other words ("xả rác", "tổ chức"), so a name after them needs a capital or a number.
_NEED_CAPITAL = frozenset(
    "xa to so cho truong cau cong lo kinh den dinh pha tram quan tiem tru cum x p f k tt dap ngo song chua".split()  # noqa: SIM905
)
#: These, in small letters without a number, name nothing even after "ở".
_NEVER_ALONE = frozenset({"so", "xa", "to", "x", "p", "f", "k", "xom", "chua"})
_LOOSE = re.compile(
    rf"(?<!\w)(?:(?:{_LEADS}) (?:\w+ ){{0,2}})?(?:{_KINDS}|nha|cong nha|hang rao|dau xom|cuoi xom|dau hem)(?!\w)"
)
_LEADING = re.compile(rf"\A(?:(?:da|no|thi|la|tren|chinh|ngay) )*(?:{_LEADS}) ")
#: What is wrong rather than where.
_PROBLEM = re.compile(
    r"(?<!\w)(?:bi|hu|hong|gay|nga|sap|ngap|nghet|tat|chay|ro ri|vo|lun|sut|sat lo|dut|mat dien|mat nuoc|cup|xa thai|xa rac|xa nuoc|xa phan|boc mui|hoi|thui|on ao|on|ket xe|"
    r"lan chiem|do rac|dot rac|danh|ban|nguy hiem|toi thui|toi om|toi hu|khong (?:ai|co|sang|chay|chiu)|chua (?:ai|sua|thay)|nhap nhay|keu|sua|chet|chan|bui|nut|mui|lam|om|dung len|tong|dung|de|nuoi|"
    r"hat|nhau|karaoke|rac|o ga|lun|thung|rot|mut|mat|duc|ban|cam|phong|goi|bao|gui|noi|thay)(?!\w)"
)
_STOP = re.compile(
    r"(?<!\w)(?:bi|dang|hu|hong|gay|nga|sap|ngap|nghet|khong|chua|ma|va|rat|qua|nhieu|thi|lam|cua|gay|boc|chay|tat|da|cu|van|cung|do|rac|xa (?:rac|nuoc|thai|phan|khoi)|nen|de|toan|mong|xin|nho|vi|do|roi|suot|hoai|may|ca|co|moi|tu hom|tu sang|tu toi|tu tuan|hom|may ngay)(?!\w)"
)
_BREAK = re.compile(r"[,;\n!?…]+|\.(?=\s|\Z)|\s+-\s+")
#: An answer to "where?" without any word of place is a name if it is this short.
_SHORTEST_NAME, _LONGEST_NAME = 3, 7  # words


@dataclass(frozen=True)
class Pieces:
    """What one message tells. ``place`` names a place for certain; ``placeish`` may be one, if that
    was asked for."""

    place: str | None = None
    placeish: str | None = None
    where: str | None = None  # both, in the order they were told
    time: str | None = None
    phone: str | None = None
    rest: str | None = None  # what is neither
    takes_back: bool = False


def pieces_of(text: str, names_commune: Callable[[str], bool]) -> Pieces:
    """Take a message apart; ``names_commune`` says whether a text names one."""
    correction = corrected(text)
    said = correction.rest if correction.takes_back else nfc(text).strip()
    phone = phone_in(said)
    places, maybe, both, times, rest = [], [], [], [], []
    for segment in filter(None, (one.strip(" .:-") for one in _BREAK.split(said))):
        folded = fold(segment)
        if (
            phone
            and (phone_in(segment) or _is_about_number(folded))
            and len(words(segment)) <= _LONGEST_SPELLED
        ):
            continue
        time, place = _times(segment, folded), place_in(segment, names_commune)
        if time:
            times.append(time)
        if place and not _PROBLEM.search(folded):
            place = segment  # nothing but where
        if place:
            places.append(place)
            both.append(place)
        elif time and len(words(segment)) - len(words(time)) <= 2:
            continue
        elif _loosely(folded):
            maybe.append(segment)
            both.append(segment)
        if not place or len(words(segment)) - len(words(place)) >= 3:
            rest.append(segment)
    loose = [segment for segment in rest if segment not in maybe]
    return Pieces(
        place=", ".join(places) or None,
        where=", ".join(both) or None,
        placeish=", ".join(maybe) or None,
        time=", ".join(times) or None,
        phone=phone,
        rest=", ".join(loose) or None,
        takes_back=correction.takes_back,
    )


def place_in(segment: str, names_commune: Callable[[str], bool]) -> str | None:
    """The part of one clause that names a place: its kind with a name or a number, or a commune."""
    folded = fold(segment)
    capitals = segment != segment.lower()
    starts = [found for found in _NAMED.finditer(folded) if _names(found, segment, folded, capitals)]
    if not starts:
        return segment if names_commune(segment) and len(words(segment)) <= _LONGEST_NAME * 2 else None
    start = starts[0].start()
    stops = (found.start() for found in _STOP.finditer(folded, starts[-1].end(1)))
    # a capital belongs to the name: "kênh Nguyễn Văn Tiếp", "xã Tân Hồng"
    stop = next((at for at in stops if not segment[at].isupper()), len(segment))
    return segment[start:stop].strip(" ,.")


def _names(found: re.Match[str], segment: str, folded: str, capitals: bool) -> bool:
    """Whether the word after a kind of place is a name or a number."""
    at = found.start(1)
    word = folded[at : found.end(1)].strip(".,")
    if any(letter.isdigit() for letter in word):
        return True
    if segment[at].isupper() and not segment.isupper():
        return True
    kind = found.group().split()[-1]
    if capitals or (kind in _NEED_CAPITAL and not _LEADING.match(found.group())):
        return False
    return word not in _NO_NAMES and kind not in _NEVER_ALONE


def _times(segment: str, folded: str) -> str | None:
    found = [segment[hit.start() : hit.end()] for hit in _TIME.finditer(folded)]
    return ", ".join(found) or None


def _loosely(folded: str) -> bool:
    """Whether a clause may say where, when nothing else was asked for."""
    if _PROBLEM.search(folded):
        return bool(_LEADING.match(folded)) and len(words(folded)) <= _LONGEST_NAME
    return bool(_LOOSE.search(folded) or _LEADING.match(folded)) or len(words(folded)) <= _SHORTEST_NAME


def _is_about_number(folded: str) -> bool:
    return bool(re.match(r"(?:so|sdt|dt|dien thoai|goi|lien he|zalo|phone|alo)\b", folded))
