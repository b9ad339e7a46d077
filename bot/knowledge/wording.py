"""How citizens word things: abbreviations and southern words written out, and which words carry a subject.

Works on top of ``bot.text.normalize`` (chat abbreviations, Telex); here are only the words of public services.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from bot.text import fold, normalize, words

_COUNTRIES = (
    "hàn quốc",
    "trung quốc",
    "đài loan",
    "nhật",
    "nhật bản",
    "mỹ",
    "pháp",
    "úc",
    "campuchia",
    "thái lan",
)

#: One meaning, several words. The right side is what both questions and entries are brought to.
_SAME = {
    "cccd": "căn cước", "căn cước công dân": "căn cước", "thẻ căn cước công dân": "thẻ căn cước",
    "cmnd": "chứng minh nhân dân", "cmt": "chứng minh nhân dân", "giấy cmnd": "chứng minh nhân dân",
    "gplx": "giấy phép lái xe", "bằng lái": "giấy phép lái xe", "bằng lái xe": "giấy phép lái xe",
    "hktt": "hộ khẩu", "kí": "ký", "lí": "lý", "cty": "công ty", "sao y": "chứng thực bản sao", "1 thành viên": "một thành viên", "2 thành viên": "hai thành viên",
    "1 lần": "một lần", "lần 2": "lần hai", "lần 1": "lần đầu", "trung tâm hành chính công": "trung tâm phục vụ hành chính công", "shk": "sổ hộ khẩu", "shkt": "sổ hộ khẩu", "nhập khẩu cho": "nhập hộ khẩu cho",
    "khai sanh": "khai sinh", "sanh": "sinh", "giấy ks": "giấy khai sinh", "hôn thú": "kết hôn",
    "bhyt": "bảo hiểm y tế", "bhxh": "bảo hiểm xã hội", "bhtn": "bảo hiểm thất nghiệp", "gpxd": "giấy phép xây dựng",
    "sổ hồng": "sổ đỏ", "bìa đỏ": "sổ đỏ", "qsdđ": "quyền sử dụng đất", "gcn": "giấy chứng nhận",
    "giấy chứng nhận quyền sử dụng đất": "sổ đỏ giấy chứng nhận quyền sử dụng đất",
    "passport": "hộ chiếu", "pastport": "hộ chiếu", "hkd": "hộ kinh doanh", "gpkd": "giấy phép kinh doanh",
    "đkkd": "đăng ký kinh doanh", "mst": "mã số thuế", "tncn": "thu nhập cá nhân", "lltp": "lý lịch tư pháp",
    "pccc": "phòng cháy chữa cháy", "attp": "an toàn thực phẩm", "vsattp": "vệ sinh an toàn thực phẩm",
    "nvqs": "nghĩa vụ quân sự", "ubnd": "ủy ban nhân dân", "ủy ban": "ủy ban nhân dân", "tthc": "thủ tục hành chính",
    "htx": "hợp tác xã", "dntn": "doanh nghiệp tư nhân", "ctcp": "công ty cổ phần", "xklđ": "xuất khẩu lao động",
    "gplđ": "giấy phép lao động", "bvtv": "bảo vệ thực vật", "nơxh": "nhà ở xã hội",
    "tnmt": "tài nguyên môi trường", "dvc": "dịch vụ công", "hcc": "hành chính công", "tt hcc": "trung tâm hành chính công",
    "thứ 7": "thứ bảy", "thứ 2": "thứ hai", "cúp điện": "mất điện", "cúp nước": "mất nước",
    "dò": "tra cứu", "giấy đăng ký xe": "đăng ký xe", "cà vẹt": "giấy đăng ký xe", "cavet": "giấy đăng ký xe",
    "cavet xe": "đăng ký xe", "xe honda": "xe máy", "chích ngừa": "tiêm ngừa", "mướn": "thuê",
    "lấy chồng": "kết hôn", "lấy vợ": "kết hôn", "cưới vợ": "kết hôn", "cưới chồng": "kết hôn",
    "đẻ": "sinh", "cất nhà": "xây nhà", "mần": "làm", "đi bộ đội": "nghĩa vụ quân sự", "hư": "hỏng", "bịnh": "bệnh",
    "lãnh": "nhận", "thủ tục đăng ký": "đăng ký", **{f"người {country}": "người nước ngoài" for country in _COUNTRIES},
    "work permit": "giấy phép lao động",
}  # fmt: skip

#: Words that belong to any talk: they name no subject. Typed without marks they count too, but with other
#: marks they are other words (``đang`` is talk, ``đảng`` is not).
_TALK = set(
    """
    a ạ à ah ak alo dạ da vâng ừ ừm ơi ôi ồ hi hello ok oke okie chào xin hỏi biết muốn cần phải nên đang sẽ đã vậy thế sao như nào
    gì ai đâu mấy bao nhiêu khi lúc hay hoặc không hông hổng hong hok chưa nữa thêm còn các những một cái chiếc thì là
    có và của tại được bị rồi với này đó kia ấy nha nhé nhe hen há hả hén nghe luôn giùm dùm giúp em anh chị chú bác cô
    mình tui tôi tao bạn mẹ má ba bố con cho ông bà cậu mợ dì đi đến tới ra vào vô để theo về trong trên dưới nhưng mà
    nếu vì do chẳng chỉ cũng đều rất quá lun zậy nè cảm ơn nhiều kính thưa quý admin shop hiện nay bây giờ hôm ngày
    mai trước sau xong hết nói rõ cụ thể xíu tí chút loại kiểu chuyện nhờ phiền tiện khoan kể nhỉ tổng đài người dạng
    vẫn bên ở tháng vừa lắm ta họ nó đứa thằng nhóc nít cháu nội ngoại hồi lâu gấp quan tâm
    """.split()  # noqa: SIM905
)

#: What one can ask about anything: the aspects of a procedure. Folded; longest first when matched.
_ASPECT_PHRASES = tuple(
    sorted(
        (
            "le phi", "phi", "chi phi", "ton phi", "mat phi", "mien phi", "bao nhieu tien", "nhieu tien", "may tien",
            "het bao nhieu", "het nhieu", "ton bao nhieu", "ton nhieu", "ton tien", "mat tien", "mat bao nhieu",
            "mat nhieu", "dong bao nhieu", "gia bao nhieu", "bao nhieu", "nhieu", "tien", "gia", "phi bao nhieu",
            "bao lau", "mat bao lau", "bao nhieu ngay", "may ngay", "mat may ngay", "mat bao nhieu ngay", "may bua",
            "may hom", "thoi gian", "thoi han giai quyet", "thoi han", "bao gio", "khi nao", "chung nao", "lau khong",
            "co lau khong", "mat lau khong", "bao gio co", "khi nao co", "ngay nao co", "may tuan", "may thang",
            "giay to gi", "giay to nao", "giay to", "can gi", "can nhung gi", "gom nhung gi", "gom gi", "ho so", "ho so gi",
            "giay gi", "nhung giay gi", "chuan bi gi", "chuan bi", "mang theo gi", "mang theo", "dem theo", "may bo",
            "o dau", "cho nao", "noi nao", "noi nop", "nop o dau", "den dau", "toi dau", "dia chi", "dia diem",
            "co quan nao", "ben nao", "nop dau", "lam dau", "o xa", "o phuong", "o tinh", "o huyen", "tai xa",
            "tai phuong", "len xa", "len tinh", "ra xa", "ra phuong", "ngoai xa", "ngoai phuong",
            "cac buoc", "may buoc", "trinh tu", "quy trinh", "lam sao", "lam the nao", "lam nhu the nao", "nhu the nao",
            "the nao", "thu tuc", "huong dan", "cach lam", "cach", "lam gi", "phai lam gi", "bat dau tu dau", "thu tuc gi",
            "online", "truc tuyen", "qua mang", "tren mang", "nop qua mang", "dich vu cong", "tai nha", "onl", "buu dien",
            "cong dich vu cong", "qua app", "tren app", "qua buu dien",
            "mau don", "mau to khai", "to khai", "mau nao", "mau gi", "mau", "bieu mau", "tai mau", "don tu", "xin mau",
            "can cu", "can cu phap ly", "phap ly", "luat nao", "luat gi", "quy dinh", "quy dinh nao", "van ban nao",
            "van ban", "nghi dinh", "nghi dinh nao", "thong tu", "thong tu nao", "co so phap ly", "theo luat",
            "dieu kien", "dieu kien gi", "doi tuong", "doi tuong nao", "ai duoc", "du dieu kien", "yeu cau gi", "yeu cau",
            "ket qua", "nhan ket qua", "lay ket qua", "tra ket qua",
        ),
        key=lambda phrase: -len(phrase.split()),
    )
)  # fmt: skip
_ASPECT = re.compile(rf"(?<!\w)(?:{'|'.join(_ASPECT_PHRASES)})(?!\w)")

#: Actions and papers any procedure has: alone they name no subject, beside one they help to tell entries apart.
_COMMON = set(
    """
    làm xin nộp lấy nhận đăng ký cấp giấy tờ đơn thủ tục mang đem gửi trả đóng bổ bản sao hồ sơ gặp bằng qua xã phường
    huyện tỉnh nơi tiền phí miễn giảm trực tiếp khai viết tên kèm lại mới việc việt nam hướng dẫn thông tin ngoài
    """.split()  # noqa: SIM905
)

TALK_WEIGHT = 0.05
#: Typed without marks, a word of talk may be another word: ``tu`` is "từ" or "tử", ``the`` is "thế" or "thẻ".
UNMARKED_TALK_WEIGHT = 0.15
ASPECT_WEIGHT = 0.08
COMMON_WEIGHT = 0.5


@dataclass(frozen=True)
class Token:
    """A word brought to its common form. ``form`` tells ``mà`` from ``má`` but not ``hoà`` from ``hòa``,
    nor the tones ``hỏi`` and ``ngã``, which sound alike in the south."""

    word: str
    form: str
    weight: float = 1.0


def _form(word: str) -> str:
    letters = unicodedata.normalize("NFD", word.lower().replace("đ", "d\u0335"))
    marks = sorted(c for c in letters if unicodedata.category(c) == "Mn")
    return fold(word) + "".join(marks).replace("\u0303", "\u0309")


def split_words(text: str) -> list[str]:
    """Words as they stand; ``cha/mẹ`` and ``tuần-tra`` are two."""
    return [part for word in words(text) for part in re.split(r"[/-]", word) if part]


def spelled(text: str) -> list[Token]:
    """Words as they stand, each with its folded spelling and its marks."""
    return [_token(word) for word in split_words(text)]


@lru_cache(maxsize=20_000)
def _token(word: str) -> Token:
    return Token(fold(word), _form(word))


_ACCENTED = frozenset({"mần", "hư", "bịnh", "đẻ", "lãnh", "dò", "mướn"})  # other words without their marks
_REPLACE = {
    tuple(t.word for t in spelled(a)): tuple(spelled(b)) for a, b in _SAME.items() if a not in _ACCENTED
}
_REPLACE_FORM = {_form(a): tuple(spelled(b)) for a, b in _SAME.items() if a in _ACCENTED}
_TALK_FORMS = frozenset(map(_form, _TALK))
_TALK_UNMARKED = frozenset(map(fold, _TALK)) - set(map(fold, _COMMON))
_COMMON_FORMS = frozenset(map(_form, _COMMON)) | frozenset(map(fold, _COMMON))
_LONGEST: dict[str, int] = {}  # by first word
for _key in _REPLACE:
    _LONGEST[_key[0]] = max(len(_key), _LONGEST.get(_key[0], 0))


def tokens(text: str) -> list[Token]:
    """The words of a text in common form, all with weight 1."""
    given = spelled(normalize(text))
    out: list[Token] = []
    at = 0
    while at < len(given):
        if given[at].form in _REPLACE_FORM:
            out += _REPLACE_FORM[given[at].form]
            at += 1
            continue
        for size in range(min(_LONGEST.get(given[at].word, 0), len(given) - at), 0, -1):
            replacement = _REPLACE.get(tuple(t.word for t in given[at : at + size]))
            if replacement:
                out += replacement
                at += size
                break
        else:
            out.append(given[at])
            at += 1
    return out


def weighed(text: str) -> list[Token]:
    """``tokens`` with a weight by how much each says about the subject."""
    plain = tokens(text)
    marked = any(token.form != token.word for token in plain)
    line, starts = "", {}
    for number, token in enumerate(plain):
        starts[len(line)] = number
        line += token.word + " "
    aspects: set[int] = set()
    for found in _ASPECT.finditer(line):
        first = starts[found.start()]
        aspects.update(range(first, first + len(found.group().split())))
    return [
        Token(t.word, t.form, ASPECT_WEIGHT if number in aspects else _weight(t, marked))
        for number, t in enumerate(plain)
    ]


def _weight(token: Token, marked: bool) -> float:
    if token.form in _TALK_FORMS:
        return TALK_WEIGHT
    if not marked and token.form in _TALK_UNMARKED:
        return UNMARKED_TALK_WEIGHT
    return COMMON_WEIGHT if token.form in _COMMON_FORMS else 1.0


def names_nothing(text: str) -> bool:
    """Whether a text has only words of talk, aspects and common actions."""
    found = weighed(text)
    return bool(found) and all(token.weight <= COMMON_WEIGHT for token in found)
