"""Life, fire and crime: what must be seen even when the intent model is unsure or away.

Patterns over what was written, no model: a message that says that somebody is in danger *now* is answered at
once. Talk of papers, courses, money and things past is left to the rest of the bot.
"""

import re

from bot.text import fold, nfc, normalize

_WATER = "(?:song|kenh|rach|ao|muong|gieng|ho ga|ho nuoc|duoi (?:song|kenh|rach))"
_BOAT = "(?:ghe|tau|pha|thuyen|ca no|vo lai)"
_WEAPON = "(?:dao|keo|bua|ma tau|sung|kiem|gay sat|hung khi|rua)"

#: Clear without diacritics as well.
_FOLDED = (
    # fire
    r"(?:dam|vu) chay(?! chua| hang)", r"boc chay", r"boc khoi", r"hoa hoan", r"lua (?:\w+ ){0,2}(?:chay(?! la\b)|boc|lan)",
    r"chay (?:nha|cho|kho|xuong|quan|phong tro|cua hang|cay xang)(?! may)", r"chay (?:to|lon|du|du doi|ngun ngut|bung|phung phung)\b",
    r"(?:nha|cho|kho|quan|xuong|tiem|phong|rung|bep) (?:\w+ ){0,5}(?:dang|bi) chay(?! xe)", r"no (?:binh|ga|gas|xang|tram bien ap)",
    r"(?:binh|tram|lo) (?:\w+ ){0,2}(?:phat no|bi no|no roi|no lon)", r"(?:ro|xi) (?:ri )?(?:khi )?ga[sz]?\b", r"khoi (?:den )?mu mit",
    # water
    r"(?:bi |sap |dang )?(?:duoi nuoc|chet duoi)", rf"(?:te|roi|nga|lot|rot|sut chan|truot chan|nhay) (?:xuong |vo )?{_WATER}\b(?! do| hong)",
    r"nhay (?:cau|lau|song)\b", rf"(?:lat|chim) {_BOAT}\b", rf"{_BOAT} (?:\w+ ){{0,3}}(?:bi |dang )?(?:chim|lat)\b",
    r"(?:nuoc|lu) cuon (?:troi )?(?:nguoi|em|be|chau|con|ba|ong|anh|chi|xe)", r"dang chim",
    # crime
    r"an cuop", r"(?:bi|dang) (?:\w+ )?cuop", r"cuop giat", r"(?:dang|bi) (?:\w+ ){0,3}(?:danh dap|chem|dam chem|hanh hung|hanh ha)",
    r"chem (?:nhau|nguoi|loan)", r"dam (?:nhau|nguoi|chem)", r"danh nhau", rf"(?:cam|mang|xach|vac|ke|lay|rut) {_WEAPON}", r"co dao\b", r"(?<!roi )(?<!rot )(?<!mat )bop co|siet co|xiet co|kep co", r"danh hoi dong", r"doi (?:giet|chem|dot) ",
    r"hiep dam", r"bat coc", r"khong che (?:co|ba|con|nguoi|em|chi|chu|tiem|khach)", r"con tin", r"giet nguoi", r"doi giet|doa giet|hu giet", r"an mang", r"cuop (?:tiem|ngan hang|vang|tui|dien thoai|xe|cua)", r"xac (?:nguoi|chet)", r"ban (?:nhau|nguoi|chet)\b", r"luu dan", r"lot vo nha|leo (?:rao|tuong) (?:vo|vao)", r"(?:bi|dang) xam hai", r"(?:co|bat) trom", r"(?:nguoi ta|nguoi la|ai|no|bi) bat (?:coc|di mat|con)", r"au da", r"chem lon|danh lon(?! ten| so| chu)", r"dang danh (?:me|vo|ba|con|toi|tui|em|cha|nguoi|be)", r"duong danh|danh gan chet|danh bam", r"dot nhap", r"hon chien",
    r"(?:an )?trom (?:\w+ ){0,3}(?:dang|vo nha|vao nha|leo rao|cay cua)", r"(?:dang|co) (?:\w+ ){0,4}(?:cay|pha|can) (?:cua|khoa) nha",
    r"danh (?:vo|con|me|ba|nguoi|toi|tui|em) (?:\w+ ){0,4}(?:chay mau|da man|du qua|gan chet|bat tinh|toi tap)",
    r"chong (?:\w+ ){0,3}danh (?:toi|tui|em|con|vo)", r"dang (?:bi )?(?:\w+ )?(?:danh|dap|bop co|dam) (?:toi|tui|em|be|vo|con|nguoi|nhau)",
    # injured, ill
    r"tai nan (?:\w+ ){0,12}(?:chay mau|bat tinh|bi thuong|thuong nang|nam (?:im|bat|la|giua|tren|duong|mot|guc)|nang|chet|gay|ngat|ket|cap cuu|nguy kich)",
    r"(?:tong|dam|dung|va|can|tung) (?:xe|trung|nguoi|vao|vo|chet|nhau) (?:\w+ ){0,12}(?:chay mau|bat tinh|bi thuong|nam|chet|gay|ngat|nang)",
    r"bat tinh", r"ngat xiu|xiu (?:giua|tren|ngoai|roi)|ngat (?:giua|tren|ngoai|roi)", r"(?:cong an|cuu thuong|cuu hoa|113|114|115) (?:\w+ ){0,2}(?:toi|den) (?:gap|lien|ngay|mau)", r"nguy hiem tinh mang", r"(?:ngung|ngat|kho|khong) tho(?! duong)", r"tim ngung|ngung tim",
    r"co giat", r"dot quy", r"nhoi mau", r"chay mau (?:\w+ )?(?:nhieu|qua|khong|dau|tai|mui|me|roi)", r"(?:mau me|mat mau|ra mau) (?:\w+ )?(?:tum lum|nhieu|day|be bet)", r"mau (?:me )?(?:chay|ra) (?:nhieu|lenh lang|qua)", r"hoc (?:di vat|hat|keo)",
    r"ngo doc (?:nang|hang loat|tap the|dang|ngat|non|oi)", r"soc phan ve", r"dau tim", r"tai bien", r"di lac (?:mat|tu)", r"(?:lac|that lac) (?:mat )?(?:con|be|chau)", r"nguoi bi thuong", r"co nguoi (?:sap |dang )?(?:chet|ngat|xiu|nga|chim|guc)", r"nam (?:guc|giua|bat dong)", r"(?:xe|container|tau) (?:\w+ )?(?:can|tong|dung) (?:trung |chet )?(?:nguoi|em|be|chau|ba|ong)\b", r"tai nan (?:lien hoan|nghiem trong|giao thong (?:nghiem trong|roi|lon)|chet nguoi)", r"cho (?:di )?cap cuu", r"xe (?:cuu thuong|cuu hoa|chua chay) (?:\w+ ){0,2}(?:gap|toi|den|nhanh|ngay)", r"cuu hoa", r"sap (?:sanh|sinh|de) (?:\w+ ){0,3}(?:xe|roi|giua)", r"set danh (?:trung|chet)", r"dong vat can", r"(?:uong|nuot) (?:\w+ ){0,2}(?:thuoc (?:sau|co|chuot|ngu|tru sau|diet)|diet co|thuoc ray)", r"ran (?:\w+ ){0,3}can",
    r"(?:goi|can|keu) (?:xe )?cap cuu", r"nguy kich", r"hap hoi", r"dau (?:de|bung de) (?:\w+ ){0,4}(?:gap|khong kip)", r"lao xuong (?:song|kenh|muong|ruong|vuc)",
    # things that kill
    r"dien giat", r"(?:day|tru|tram) (?:bien ap|dien) (?:\w+ ){0,5}(?:dut|roi|rot|nga|no|toe lua|xet lua)", r"(?:dut|roi|rot) day dien", r"chap dien", r"xet lua", r"cay (?:\w+ )?(?:nga|do|de) (?:de |len )?trung (?:nguoi|xe|nha)", r"lot (?:xuong )?cong", r"ngo doc (?:ca|nam la liet)", r"khong nhuc nhich",
    r"sap (?:nha|cau|gian giao|tuong|cong trinh|ham)\b(?! tre)", r"(?:nha|bo song|bo ke) (?:\w+ ){0,4}(?:dang )?(?:sup|sut) xuong", r"vo de (?:nuoc|roi)", r"loc xoay (?:\w+ ){0,6}(?:bi thuong|sap|toc mai)", r"vui lap", r"de trung (?:nguoi|em|be|chau|con|xe|ong|ba)\b",
    r"sat lo (?:\w+ ){0,6}(?:nguoi|nha (?:dang|sap|roi|sup|troi)|cuon)", r"(?:ket|mac ket) (?:\w+ ){0,3}(?:trong|duoi|tren noc) (?:\w+ )?(?:thang may|nha|xe|dam chay|mai)",
    r"nguoi (?:\w+ ){0,3}(?:mac ket|bi ket)", r"(?:bom|min) (?:\w+ ){0,4}(?:chua no|sot lai|phat hien)|phat hien (?:\w+ ){0,3}(?:bom|min|dau dan)",
    r"co bom|bom (?:phat )?no|no bom", r"nha sap de|sap de trung", r"(?:giat|giut) (?:day chuyen|tui|gio|bong)", r"dam vao (?:dam|nguoi|doan)", r"mau qua tr", r"(?:sup|cuon|nuot) (?:mat )?(?:\w+ )?can nha", r"danh ba (?:goi|keu)|keu 11[345]|goi (?:gium )?xe cuu thuong",
    # trapped, swallowed, run over
    r"con (?:\w+ ){0,2}nguoi (?:ket |o )?(?:ben )?trong", r"mac ket", r"con (?:\w+ ){0,3}ket (?:trong|ben|tren|duoi|lai)", r"ket (?:trong|duoi|trong) (?:gam|cabin|xe|cong|dam)",
    r"bi vui|vui duoi", r"hut chan", r"nuot (?:trung|phai|pin|dong xu|nham)", r"uong (?:nham|lon) ", r"bi xe (?:\w+ )?(?:can|tong)", r"bi tong (?:\w+ ){0,4}(?:gay|nam|tho|chet|nang)",
    r"cuon (?:chan|tay)", r"(?<!de )(?:dut|cut|dap) (?:\w+ ){0,2}(?:tay|chan|ngon)\b", r"lao xuong|lat xuong (?:song|kenh|muong|ruong|vuc)", r"xong chuong|song chuong",
    # a body that fails
    r"thoi thop|mach yeu|soc thuoc|sui bot mep|bang huyet|ngung tim|khong cu dong|khong tra loi duoc nua", r"(?:nghen|ngop|het) tho", r"tim (?:tai|ngat)\b", r"(?:meo|lech) mieng|mieng (?:bi )?meo|liet (?:nua|mot ben) nguoi",
    r"phun mau|mau (?:phun|xoi xa|lai lang)|ra huyet", r"(?:ro|xi) (?:ri )?(?:khi|amoniac|clo)\b|khi (?:doc|amoniac|clo) ", r"nam (?:la liet|lan lon)", r"khong tho (?:duoc|noi|nua)",
    # life given up
    r"tu sat", r"(?:muon|dinh|doi|tinh|dang|sap) (?:\w+ )?(?:tu tu|treo co|cat co tay|ket lieu)", r"khong (?:muon|thiet) song", r"muon chet",
    r"treo co", r"tu thieu|(?:tuoi|tat) xang", r"(?:doi|doa|tinh|muon) nhay (?:cau|lau|song|xuong)", r"vinh biet|tran troi", r"khong con (?:ly do|thiet) song", r"ket lieu (?:cuoc doi|doi)", r"chet (?:cho xong|quach)", r"dinh nhay",
    # cries
    r"cuu (?:toi|tui|em|con|me|ba|nguoi|voi|mang|dum|giup)", r"keu cuu|cau cuu", r"chet nguoi",
)  # fmt: skip
#: Without their diacritics these would be other words ("chạy", "từ từ"), so they are looked for as written.
_MARKED = (
    r"đang cháy", r"cháy r[ồo]i", r"cháy rừng", r"vỡ đê", r"đau (?:bụng )?đẻ|trở dạ", r"(?:đập|phá|cạy) cửa nhà", r"(?:đè|đè lên) (?:người|em|bé|cháu|con|tôi|xe|ông|bà|mấy)", r"cháy (?:tiệm|trường|trạm|bãi|chung cư|bệnh viện|lớn|dữ|ghe|xe|ký túc xá|lan|kho|xưởng)", r"đẻ rơi|sanh rớt|chuyển dạ|(?:vỡ|nước) ối", r"hóc xương", r"tự vẫn", r"bị cướp", r"cướp (?:giật|tiệm|của|xe)", r"bị cháy", r"cháy (?:ở|trên|gần|sát|bên|xe)", r"tự tử", r"bị đâm", r"bị chém", r"nổ (?:ở|rồi|lớn)",
    r"xe (?:\w+ ){0,3}cháy", r"(?:bốc|bắt|có) lửa|phát hỏa|lửa (?:lớn|tới|lan)", r"(?:kề|kè|gí|dí|chĩa) (?:dao|súng)", r"trấn lột|lột đồ|chặn đường (?:cướp|đánh)", r"đòi (?:đánh|đập|đốt|chém|giết|nhảy)",
    r"(?:lật|chìm) (?:xuồng|đò|ghe|phà|tàu|thuyền)", r"(?:xuồng|đò|ghe|phà|tàu|sà lan)(?: \w+){0,4} (?:lật|chìm)", r"chìm (?:mất|dưới|rồi)", r"mất (?:lái|thắng|phanh)", r"ói (?:mửa|ra máu|hàng loạt)|(?:ói|xỉu) hết", r"(?<!muốn )(?<!mệt )(?<!sợ )xỉu (?:mấy|cả|rồi|trên|giữa|trong|ngoài|dưới)", r"tím (?:môi|mặt|đen|tái)",
    r"(?:rớt|té|ngã|lọt) (?:\w+ )?(?:xuống|vô) (?:\w+ )?(?:sông|kênh|mương|ao|giếng|cống|hầm cầu|hố ga)", r"đổ máu", r"xẹt lửa", r"bị giật (?:điện|đang|dính|nằm)", r"dính (?:cứng|trên|vô) (?:\w+ )?(?:điện|cột|trụ)", r"bị (?:vùi|đè|nhốt|bắt cóc|trói)", r"(?<!gần )(?<!sắp )sập (?:rồi|đè|xuống|mấy)", r"ngất (?:trong|giữa|tại)",
    r"đánh (?:\w+ )?(?:chảy máu|gần chết|bất tỉnh)", r"(?<!tra )(?<!châm )(?<!nghiên )cứu+(?: (?:với|giùm|dùm|em|tôi|tui|con|mẹ|ba|người|mạng|vs))?$",
)  # fmt: skip
#: Talk about such things, not from the middle of them.
_CALM = re.compile(
    r"\b(?:thu tuc|ho so|giay to|giay phep|giay chung|lam giay|xin (?:giay|so|lai)|cap lai|lam lai|xac nhan|dang ky|bao huy|bang lai|ho chieu|bien so|so goc|giay cuoi|"
    r"the (?:bao hiem|can cuoc|atm|bhyt)|mien phi|co duoc|tro cap|che do|boi thuong|bao hiem|tien (?:ho tro|tang)|muc ho tro|ho tro (?:mai tang|tien|kinh phi|lop)|khai tu|mai tang|tan tat|"
    r"phong chay|chua chay(?! dum| giup| gap| nhanh| ngay| toi)|pccc|tap huan|dien tap|huong dan|quy dinh|luat|nghi dinh|muc phat|xu phat|phat bao nhieu|bao nhieu tien|phong (?:ngua|chong|tranh)|"
    r"(?:day|hoc|lop) boi|(?:thi|can|nen) (?:phai )?(?:lam (?:gi|sao|j)|xu ly|cho di|cho den|toi benh vien)|thi (?:cho|cho di|den) (?:\w+ )?benh vien|(?:phai|de|nen) lam (?:gi|sao|j)|bao (?:ai|dau|co quan)|lien he (?:dau|ai)|"
    r"(?:co|duoc) (?:duoc )?(?:\w+ ){1,4}(?:khong|hong) (?:a|vay|z)|thi goi (?:ai|dau)|hoi de biet|co phai bao|khai voi|duong day|bao chua|xu ly cach nao|so may|so dien thoai nao|goi so nao|so nao|la (?:so )?gi|"
    r"nam ngoai|nam truoc|nam 20\d\d|thang truoc|tuan truoc|tuan roi|thang roi|hom (?:qua|kia|bua|truoc)|bua (?:hom|hon|truoc|kia|roi)|toi qua|hoi nam|may nam|nam nao|da dap (?:tat|xong)|dap (?:tat )?(?:xong|roi|het)|(?:da|gio) tat|tat (?:het )?roi|(?:khong|hong|ko) phai (?:la )?(?:bay gio|luc nay|dang|hom nay)|chay xong|may ma|"
    r"khong con gi|khieu nai|to cao|don kien|kien nghi|de nghi|de (?:phong|tranh|bi|te|tong)|so (?:bi|se|rang|lam)|lo (?:bi|se|rang|xay|co chuyen)|co the|de gay|de xay ra|nguy co|coi chung|"
    r"camera|phim|bai hat|tro choi|game|deadline|cong suat|bong den|den duong|cau dao|may tinh|tu lanh|cam sung|chay may|truyen|bao dua tin|nghe noi|nghe don|bao chay|com chay|do chay|an chay|lo gach|(?:the|giay|so|bang) (?:\w+ ){0,2}bi chay|quay clip|chay hang|so cuop|gan (?:lop|nha) hoc|xay gach)\b"
)
_NOW = re.compile(
    r"\b(?:dang (?:bi |cu |rat )?(?:chay|chim|chem|danh|dap|dam|cuop|hap hoi|chay mau|mac ket|troi|boc)|cuu (?:toi|tui|em|con|voi|nguoi|mang)|khan cap|mau len|"
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
