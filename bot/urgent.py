"""Life, fire and crime: what must be seen even when the intent model is unsure or away.

Patterns over what was written, no model: a message that says that somebody is in danger *now* is answered at
once. Talk of papers, courses, money and things past is left to the rest of the bot.
"""

import re

from bot.text import fold, nfc, normalize

_WATER = "(?:song|kenh|rach|ao|muong|gieng|ho ga|ho nuoc|duoi (?:song|kenh|rach))"
_BOAT = "(?:ghe|tau|pha|thuyen|ca no|vo lai)"

#: Clear without diacritics as well.
_FOLDED = (
    # fire
    r"(?:dam|vu) chay(?! chua| hang)", r"boc chay", r"boc khoi", r"hoa hoan", r"lua (?:\w+ ){0,2}(?:chay|boc|lan)",
    r"chay (?:nha|cho|kho|rung|xuong|quan|phong tro|cua hang|cay xang)(?! may)", r"chay (?:to|lon|du|du doi|ngun ngut|bung|phung phung)\b",
    r"(?:nha|cho|kho|quan|xuong|tiem|phong|rung|bep) (?:\w+ ){0,5}(?:dang|bi) chay(?! xe)", r"no (?:binh|ga|gas|xang|tram bien ap)",
    r"(?:binh|tram|lo) (?:\w+ ){0,2}(?:phat no|bi no|no roi|no lon)", r"(?:ro|xi) (?:ri )?(?:khi )?ga[sz]?\b", r"khoi (?:den )?mu mit",
    # water
    r"(?:bi |sap |dang )?(?:duoi nuoc|chet duoi)", rf"(?:te|roi|nga|lot|rot|sut chan|truot chan|nhay) (?:xuong |vo )?{_WATER}\b(?! do| hong)",
    r"nhay (?:cau|lau|song)\b", rf"(?:lat|chim) {_BOAT}\b", rf"{_BOAT} (?:\w+ ){{0,3}}(?:bi |dang )?(?:chim|lat)\b",
    r"(?:nuoc|lu) cuon (?:troi )?(?:nguoi|em|be|chau|con|ba|ong|anh|chi|xe)", r"dang chim",
    # crime
    r"an cuop", r"(?:bi|dang) (?:\w+ )?cuop", r"cuop giat", r"(?:dang|bi) (?:\w+ ){0,3}(?:danh dap|chem|dam chem|hanh hung|hanh ha)",
    r"chem (?:nhau|nguoi|loan)", r"dam (?:nhau|nguoi|chem)", r"danh nhau", r"(?:cam|mang|xach|vac) (?:dao|ma tau|sung|hung khi|rua)",
    r"hiep dam", r"bat coc", r"khong che", r"con tin", r"giet nguoi", r"doi giet|doa giet|hu giet", r"an mang", r"cuop (?:tiem|ngan hang|vang|tui|dien thoai|xe|cua)", r"xac (?:nguoi|chet)", r"ban (?:nhau|nguoi|chet)\b", r"luu dan", r"lot vo nha|leo (?:rao|tuong) (?:vo|vao)", r"(?:bi|dang) xam hai", r"(?:co|bat) trom", r"(?:nguoi ta|nguoi la|ai|no|bi) bat (?:coc|di mat|con)", r"au da", r"chem lon|danh lon", r"dang danh (?:me|vo|ba|con|toi|tui|em|cha|nguoi|be)", r"duong danh|danh gan chet|danh bam", r"dot nhap", r"hon chien",
    r"(?:an )?trom (?:\w+ ){0,3}(?:dang|vo nha|vao nha|leo rao|cay cua)", r"(?:dang|co) (?:\w+ ){0,4}(?:cay|pha|can) (?:cua|khoa) nha",
    r"danh (?:vo|con|me|ba|nguoi|toi|tui|em) (?:\w+ ){0,4}(?:chay mau|da man|du qua|gan chet|bat tinh|toi tap)",
    r"chong (?:\w+ ){0,3}danh (?:toi|tui|em|con|vo)", r"dang (?:bi )?(?:\w+ )?(?:danh|dap|bop co|dam) (?:toi|tui|em|be|vo|con|nguoi|nhau)",
    # injured, ill
    r"tai nan (?:\w+ ){0,12}(?:chay mau|bat tinh|bi thuong|thuong nang|nam|nang|chet|gay|ngat|ket|cap cuu|nguy kich)",
    r"(?:tong|dam|dung|va|can|tung) (?:xe|trung|nguoi|vao|vo|chet|nhau) (?:\w+ ){0,12}(?:chay mau|bat tinh|bi thuong|nam|chet|gay|ngat|nang)",
    r"bat tinh", r"ngat xiu|xiu (?:giua|tren|ngoai|roi)|ngat (?:giua|tren|ngoai|roi)", r"(?:cong an|cuu thuong|cuu hoa|113|114|115) (?:\w+ ){0,2}(?:toi|den) (?:gap|lien|ngay|mau)", r"nguy hiem tinh mang", r"(?:ngung|ngat|kho|khong) tho(?! duong)", r"tim ngung|ngung tim",
    r"co giat", r"dot quy", r"nhoi mau", r"chay mau (?:\w+ )?(?:nhieu|qua|khong|dau|tai|mui|me|roi)", r"(?:mau me|mat mau|ra mau) (?:\w+ )?(?:tum lum|nhieu|day|be bet)", r"mau (?:me )?(?:chay|ra) (?:nhieu|lenh lang|qua)", r"hoc (?:di vat|hat|keo)",
    r"ngo doc (?:nang|hang loat|tap the|dang|ngat|non|oi)", r"soc phan ve", r"dau tim", r"tai bien", r"di lac (?:mat|tu)", r"(?:lac|that lac) (?:mat )?(?:con|be|chau)", r"nguoi bi thuong", r"co nguoi (?:sap |dang )?(?:chet|ngat|xiu|nga|chim|guc)", r"nam (?:guc|giua|bat dong)", r"(?:xe|container|tau) (?:\w+ )?(?:can|tong|dung) (?:trung |chet )?(?:nguoi|em|be|chau|ba|ong)\b", r"tai nan (?:lien hoan|nghiem trong|giao thong (?:nghiem trong|roi|lon)|chet nguoi)", r"cho (?:di )?cap cuu", r"xe (?:cuu thuong|cuu hoa|chua chay) (?:\w+ ){0,2}(?:gap|toi|den|nhanh|ngay)", r"cuu hoa", r"sap (?:sanh|sinh|de) (?:\w+ ){0,3}(?:xe|roi|giua)", r"set danh (?:trung|chet)", r"dong vat can", r"(?:uong|nuot) (?:\w+ ){0,2}(?:thuoc (?:sau|co|chuot|ngu|tru sau|diet)|diet co|thuoc ray)", r"ran (?:\w+ ){0,3}can",
    r"(?:goi|can|keu) (?:xe )?cap cuu", r"nguy kich", r"hap hoi", r"dau (?:de|bung de) (?:\w+ ){0,4}(?:gap|khong kip)", r"lao xuong (?:song|kenh|muong|ruong|vuc)",
    # things that kill
    r"dien giat", r"(?:day|tru|tram) (?:bien ap|dien) (?:\w+ ){0,5}(?:dut|roi|rot|nga|no|toe lua|xet lua)", r"(?:dut|roi|rot) day dien", r"chap dien", r"xet lua", r"cay (?:\w+ )?(?:nga|do|de) (?:de |len )?trung (?:nguoi|xe|nha)", r"lot (?:xuong )?cong", r"ngo doc (?:ca|nam la liet)", r"khong nhuc nhich",
    r"sap (?:nha|cau|gian giao|tuong|cong trinh|ham)\b(?! tre)", r"(?:nha|bo song|bo ke) (?:\w+ ){0,4}(?:dang )?(?:sup|sut) xuong", r"vo de\b(?! tai)", r"loc xoay (?:\w+ ){0,6}(?:bi thuong|sap|toc mai)", r"vui lap", r"de trung (?:nguoi|em|be|chau|con|xe|ong|ba)\b",
    r"sat lo (?:\w+ ){0,6}(?:nguoi|nha (?:dang|sap|roi|sup|troi)|cuon)", r"(?:ket|mac ket) (?:\w+ ){0,3}(?:trong|duoi|tren noc) (?:\w+ )?(?:thang may|nha|xe|dam chay|mai)",
    r"nguoi (?:\w+ ){0,3}(?:mac ket|bi ket)", r"(?:bom|min) (?:\w+ ){0,4}(?:chua no|sot lai|phat hien)|phat hien (?:\w+ ){0,3}(?:bom|min|dau dan)",
    # life given up
    r"tu sat", r"(?:muon|dinh|doi|tinh|dang|sap) (?:\w+ )?(?:tu tu|treo co|cat co tay|ket lieu)", r"khong (?:muon|thiet) song", r"muon chet",
    r"treo co", r"ket lieu (?:cuoc doi|doi)", r"chet (?:cho xong|quach)", r"dinh nhay",
    # cries
    r"cuu (?:toi|tui|em|con|me|ba|nguoi|voi|mang|dum|giup)", r"keu cuu|cau cuu", r"chet nguoi",
)  # fmt: skip
#: Without their diacritics these would be other words ("chạy", "từ từ"), so they are looked for as written.
_MARKED = (
    r"đang cháy", r"cháy rồi", r"(?:đè|đè lên) (?:người|em|bé|cháu|con|tôi|xe)", r"cháy (?:tiệm|trường|trạm|bãi|chung cư|bệnh viện|lớn|dữ)", r"đẻ rơi", r"hóc xương", r"tự vẫn", r"bị cướp", r"cướp (?:giật|tiệm|của|xe)", r"bị cháy", r"cháy (?:ở|trên|gần|sát|bên|xe)", r"tự tử", r"bị đâm", r"bị chém", r"nổ (?:ở|rồi|lớn)",
    r"xe (?:\w+ ){0,3}cháy",
)  # fmt: skip
#: Talk about such things, not from the middle of them.
_CALM = re.compile(
    r"\b(?:thu tuc|ho so|giay to|giay phep|phong chay|chua chay(?! dum| giup| gap| nhanh| ngay)|pccc|tap huan|dien tap|huong dan|quy dinh|luat|nghi dinh|muc phat|xu phat|phat "
    r"bao nhieu|bao nhieu tien|dang ky|(?:thi|can) (?:phai )?(?:lam (?:gi|sao|j)|xu ly)|(?:phai|de) lam (?:gi|sao|j)|bao (?:ai|dau|co quan)|lien he (?:dau|ai)|(?:co|duoc) (?:duoc )?(?:\w+ ){1,4}(?:khong|hong) (?:a|vay|z)?|tro cap|giay cuoi|so goc|the|bang lai|ho chieu|bien so|bao huy|cap lai|khong con gi|thi goi (?:ai|dau)|hoi de biet|duong day|bao chua|mai tang|tien tang|tan tat|giay chung|xin (?:giay|so)|so cuop|gan (?:lop|nha) hoc|quay clip|nha khoi|xay|gach|xu ly cach nao|cho can|co duoc|xet|nghi|bi meo|mien phi|lanh|lam giay|tro cap|che do|boi thuong|bao hiem|tien ho tro|muc ho tro|ho tro (?:mai tang|tien|kinh phi|lop)|khai tu|mai tang|giay chung tu|cap lai|"
    r"lam lai|xin lai|xac nhan|phong ngua|phong chong|phong tranh|day boi|hoc boi|lop boi|chay hang|nam ngoai|nam truoc|nam 20\d\d|"
    r"thang truoc|tuan truoc|tuan roi|thang roi|hom (?:qua|kia|bua)|bua (?:hom|truoc|kia)|hoi nam|may nam|da dap tat|da tat|khieu nai|to cao|don kien|kien nghi|"
    r"de (?:phong|tranh)|so (?:bi|se|rang)|lo (?:bi|se|rang)|co the|de gay|de xay ra|nguy co|coi chung|lo (?:xay|co chuyen)|camera|phim|bai hat|tro choi|game|deadline|cong suat|"
    r"bong den|den duong|may tinh|tu lanh|quat|chay may|mo to|sach|truyen|bao dua tin|nghe noi|nghe don|so may|so dien thoai nao|goi so nao|so nao)\b"
)
_NOW = re.compile(
    r"\b(?:dang (?:bi |cu |rat )?(?:chay|chim|chem|danh|dap|dam|cuop|hap hoi|chay mau|mac ket|troi|de|boc)|cuu (?:toi|tui|em|con|voi|nguoi|mang)|khan cap|mau len|"
    r"nhanh len|lam on|ngay bay gio|le len|gap gap|toi lien|toi ngay|den ngay|toi gap|den gap|qua gap|ra gap|xuong gap)\b"
)
_FOLDED_RE = re.compile(rf"(?<!\w)(?:{'|'.join(_FOLDED)})(?!\w)")
_MARKED_RE = re.compile(rf"(?<!\w)(?:{'|'.join(map(nfc, _MARKED))})(?!\w)")
#: Whole messages of a word or two: there is no time to write more.
_SHORT = re.compile(
    r"(?:(?:co|cuu|gap|o day|troi oi|em oi|chay|cuop|tai nan|cap cuu|khan cap|nguy hiem|sos|trom|xiu|bat tinh|mat tich|lac mat|xac chet|te song|danh nhau|dam nhau|chem nhau|sat lo|loc xoay|giao thong|xe tong|dung xe|113|114|115|keu|goi|gium|voi|roi|nguoi) ?){1,4}"
)
_CRY = re.compile(
    r"\b(?:chay chay|cuu|cuop|tai nan|cap cuu|khan cap|sos|trom|xiu|bat tinh|xe tong|dung xe|115|114|113|mat tich|loc xoay)\b"
)
_SPACE = re.compile(r"[^\w]+")

EMERGENCY = (
    "Nếu đang nguy hiểm, anh/chị gọi NGAY:\n"
    "• 113 – Công an\n"
    "• 114 – Cháy, nổ, cứu nạn cứu hộ\n"
    "• 115 – Cấp cứu y tế\n"
    "Em cũng báo khẩn cho tổng đài viên. Anh/chị nhắn thêm địa chỉ và số điện thoại nếu có thể ạ."
)


def urgent(text: str) -> bool:
    """Whether a message says that a life, a fire or a crime cannot wait."""
    written = _SPACE.sub(" ", normalize(text).lower()).strip()
    folded = fold(written)
    if written == "cháy" or (_SHORT.fullmatch(folded) and _CRY.search(folded)):
        return True
    if not (_FOLDED_RE.search(folded) or _MARKED_RE.search(written)):
        return False
    return not _CALM.search(folded) or bool(_NOW.search(folded))
