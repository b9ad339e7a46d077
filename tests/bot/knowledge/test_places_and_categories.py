import pytest

from bot.knowledge import KnowledgeBase


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("tôi ở phường Cao Lãnh", ["phuong-cao-lanh"]),
        ("o cao lanh", ["phuong-cao-lanh"]),
        ("xã Tân Thạnh", ["xa-tan-thanh-thanh-binh"]),
        ("xã Tân Thành", ["xa-tan-thanh"]),
        ("xa tan thanh", []),  # two communes once the marks are gone
        ("Mỹ Tho", ["phuong-my-tho"]),
        ("my tho", []),
        ("xa my tho", ["xa-my-tho"]),  # the kind tells them apart
        ("p my tho", ["phuong-my-tho"]),
        ("khách sạn ba sao", []),
        ("xã Ba Sao", ["xa-ba-sao"]),
        ("Tân Phú Đông", ["xa-tan-phu-dong"]),  # not Tân Phú
        ("từ Thạnh Phú qua Phú Thành rồi về Thạnh Phú", ["xa-thanh-phu", "xa-phu-thanh"]),
        ("xã Thanh Hoà", []),  # Thanh Hòa is a ward
        ("phường Thanh Hoà", ["phuong-thanh-hoa"]),  # the place of the tone does not matter
        ("tân phươc 2", ["xa-tan-phuoc-2"]),
        ("", []),
    ],
)
def test_communes_in(kb: KnowledgeBase, text: str, found: list[str]) -> None:
    assert [commune.id for commune in kb.communes_in(text)] == found


@pytest.mark.parametrize(
    ("report", "category"),
    [
        ("cháy nhà ở chợ", "khan-cap-114"),
        ("hem nha toi toi thui den duong hu", "chieu-sang"),
        ("rác mấy ngày không lấy", "moi-truong-rac"),
        ("quán karaoke hát tới khuya ồn quá", "moi-truong-tieng-on"),
        ("heo chết hàng loạt", "dich-benh-cay-con"),
    ],
)
def test_category_for(kb: KnowledgeBase, report: str, category: str) -> None:
    found = kb.category_for(report)
    assert found is not None
    assert found[0] == category
    assert 0 <= found[1] <= 1


def test_no_category_for_nonsense(kb: KnowledgeBase) -> None:
    assert kb.category_for("xyzzy plugh") is None
