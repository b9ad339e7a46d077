"""The gate before the intent model: danger now is seen in every spelling, talk about danger is not danger."""

import pytest

from bot.urgent import urgent

NOW = [
    "cháy nhà rồi", "nhà hàng xóm tôi đang cháy lớn lắm", "nha ben canh dang chay lon qua", "cháy", "CHÁY CHÁY", "có đám cháy sau chợ",
    "quán cà phê bốc cháy, còn người bên trong", "bình gas nhà tôi xì gas nồng nặc", "chap dien boc khoi mu mit", "no binh gas co nguoi bi thuong",
    "có đứa bé té sông chưa vớt được", "be gai te xuong kenh", "thằng nhỏ bị đuối nước ngoài bến", "ghe chìm giữa sông có ba người",
    "lat ghe o vam song", "nhảy cầu, có người nhảy cầu", "nước cuốn người đi mất rồi", "dduoois nuowcs roif", "cứu người với, chết đuối",
    "đang bị cướp", "bi cuop giat tui xach truoc cho", "có hai nhóm chém nhau trước cổng", "no cam dao doi giet vo con", "trộm đang cạy cửa nhà tôi",
    "chồng tôi đang đánh tôi, cứu", "co nguoi bat coc con nit", "đâm nhau ngoài quán nhậu", "hiếp dâm", "cuop tiem vang",
    "tai nạn xe, người nằm bất tỉnh", "tai nan giao thong co nguoi chay mau nhieu", "xe tải tông xe máy có người bị thương nặng", "ba tôi ngưng thở",
    "me toi dot quy goi giup cap cuu", "co nguoi ngat xiu giua duong", "con em bị co giật tím tái", "rắn hổ cắn chân tôi", "em tôi uống thuốc sâu",
    "bị điện giật nằm im", "day dien dut roi xuong duong co nguoi", "sập giàn giáo đè người", "cây đè người đi đường", "ngộ độc nặng cả lớp học",
    "xe buýt mất thắng lao vô chợ", "nó kề dao vô cổ cô chủ tiệm", "bà nội méo miệng không nói được", "co nguoi bi vui duoi dat", "bep bắt lửa dập không nổi",
    "em bé nuốt trúng đồng xu tím tái", "ho danh hoi dong dua nho truoc truong", "có ông kia đòi tự thiêu", "đò chở khách sắp chìm, còn người mắc kẹt", "chays roofi cuwsu vowsi",
    "em muốn tự tử", "tôi không muốn sống nữa", "co nguoi dinh treo co", "muốn chết cho xong", "bạn em cắt cổ tay đòi tự tử", "SOS", "cứu tôi với", "cap cuu",
]  # fmt: skip
CALM = [
    "thủ tục phòng cháy chữa cháy cho quán karaoke", "thẩm duyệt pccc mất bao lâu", "shop dạo này cháy hàng", "đang chạy xe ngoài đường tí em nhắn lại",
    "dang chay xe chut nua nhan lai", "từ từ tôi coi lại đã", "tu tu toi gui ho so", "bóng đèn đường bị cháy hai bữa nay chưa ai thay", "giấy khai sinh bị cháy xin cấp lại",
    "cháy nhà hồi năm ngoái mất hết giấy tờ, giờ làm lại căn cước sao", "lớp học bơi chống đuối nước cho trẻ em đăng ký ở đâu", "trợ cấp cho gia đình có người chết đuối",
    "mức phạt hành vi đánh nhau là bao nhiêu tiền", "bảo hiểm tai nạn chi trả thế nào", "hồ sơ hưởng chế độ tai nạn lao động", "dây điện võng xuống thấp sợ nguy hiểm",
    "tập huấn sơ cấp cứu đăng ký sao", "để người thân nộp thay được không", "de nguoi nha nop thay duoc khong", "trường học xuống cấp", "xuống trường nộp hồ sơ",
    "tôi muốn được tư vấn thủ tục", "cho tôi gặp người trực", "đường hư ổ gà", "khai tử cho cha bị tai nạn mất tháng trước", "lửa trại tổ chức xin phép ai",
    "xin giấy xác nhận nhà bị cháy", "phạt bao nhiêu nếu đốt rác", "xe cháy rồi giờ hủy đăng ký thủ tục sao", "đăng ký kết hôn", "",
]  # fmt: skip


@pytest.mark.parametrize("text", NOW)
def test_danger_now(text: str) -> None:
    assert urgent(text)


@pytest.mark.parametrize("text", CALM)
def test_talk_about_danger(text: str) -> None:
    assert not urgent(text)
