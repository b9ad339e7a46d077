"""What citizens read: complete, sourced, honest about what is not certain."""

import re
from typing import get_args

import pytest

from bot.knowledge import Aspect, KnowledgeBase
from bot.knowledge.answer import ASK_A_PERSON, read_out
from bot.knowledge.phrasing import dates_in_words, duration, money, when
from bot.knowledge.schema import ProcessingTime
from hub.model import KnowledgeDoc

ASPECTS = get_args(Aspect)
FIELD = {"documents": "documents", "fee": "fee", "time": "processing_time", "where": "where_to_apply",
         "steps": "steps", "online": "online", "form": "forms", "legal_basis": "legal_basis",
         "eligibility": "eligibility"}  # fmt: skip


def procedures(docs: list[KnowledgeDoc]) -> list[KnowledgeDoc]:
    return [doc for doc in docs if doc.kind == "procedure"]


@pytest.mark.parametrize("aspect", ASPECTS)
def test_every_answer_holds_what_it_promises(
    kb: KnowledgeBase, docs: list[KnowledgeDoc], aspect: Aspect
) -> None:
    for doc in procedures(docs):
        answer = kb.answer(doc.id, aspect, commune="phuong-cao-lanh")
        assert len(answer.text) <= 1_500, doc.id
        assert answer.knowledge == (doc.id,)
        assert not any(note in answer.text for note in doc.body.get("review", ()))
        assert not re.search(r"20\d\d-[01]\d(?!\d)", re.sub(r"https?://\S+", "", answer.text)), answer.text
        assert "kiến thức nền" not in answer.text.lower()
        if aspect in FIELD:
            known = doc.body.get(FIELD[aspect])
            assert answer.missing == (known is None), doc.id
        assert answer.text.startswith("Dạ, ")
        if answer.missing:
            assert answer.text.endswith(ASK_A_PERSON)
        else:
            assert "Theo dữ liệu" in answer.text
        if not answer.verified and not answer.missing:
            assert "cần được xác nhận lại" in answer.text
            assert "gặp cán bộ" in answer.text
        if answer.verified:
            assert "cần được xác nhận lại" not in answer.text


def test_certainty_is_per_field(kb: KnowledgeBase, docs: list[KnowledgeDoc]) -> None:
    for doc in procedures(docs):
        for aspect, part in (("documents", "documents"), ("fee", "fee"), ("time", "processing_time")):
            answer = kb.answer(doc.id, aspect)  # type: ignore[arg-type]
            assert answer.verified == (part in doc.body["verified_fields"])


def test_fee(kb: KnowledgeBase) -> None:
    assert kb.answer("dang-ky-khai-sinh", "fee").text.splitlines() == [
        "Dạ, lệ phí thủ tục đăng ký khai sinh:",
        "• Đúng hạn (60 ngày từ ngày sinh): miễn phí",
        "• Không đúng hạn: 10.000 đồng",
        "• Bản sao giấy khai sinh (mỗi bản): 8.000 đồng",
        "• Lưu ý: Miễn lệ phí cho người thuộc gia đình có công, hộ nghèo, người khuyết tật. Nộp trực tuyến: lệ phí "
        "thuộc thẩm quyền HĐND tỉnh có thể là 0 đồng theo Nghị quyết 35/2025/NQ-HĐND (riêng lệ phí hộ tịch cần hỏi "
        "lại).",
        "",
        "Theo dữ liệu Cổng Dịch vụ công quốc gia, ngày 18/07/2026; Nghị quyết 26/2025/NQ-HĐND tỉnh Đồng Tháp về lệ phí "
        "hộ tịch (áp dụng từ 01/01/2026). Căn cứ (tham khảo): 60/2014/QH13; 123/2015/NĐ-CP…",
    ]  # fmt: skip


def test_time_and_online_are_one_sentence(kb: KnowledgeBase) -> None:
    time = kb.answer("dang-ky-khai-sinh", "time").text
    assert time.startswith("Dạ, thủ tục đăng ký khai sinh giải quyết trong 1 ngày làm việc.\n")
    online = kb.answer("dang-ky-khai-sinh", "online").text
    assert online.startswith("Dạ, thủ tục đăng ký khai sinh nộp trực tuyến được.\n")
    assert "https://dichvucong.gov.vn/" in online


@pytest.mark.parametrize("aspect", ASPECTS)
def test_a_letter_is_complete_and_asks_for_no_command(
    kb: KnowledgeBase, docs: list[KnowledgeDoc], aspect: Aspect
) -> None:
    for doc in procedures(docs):
        answer = kb.answer(doc.id, aspect, letter=True)
        assert "gặp cán bộ" not in answer.text
        assert "mục nữa" not in answer.text, doc.id
        if not answer.verified:
            assert "trả lời thư này" in answer.text
        if aspect == "general":
            listed = [*(doc.body.get("documents") or ()), *(doc.body.get("steps") or ())]
            assert all(dates_in_words(one) in answer.text for one in listed), doc.id
            assert all(item["label"] in answer.text for item in (doc.body.get("fee") or {}).get("items", ()))


def test_an_operator_reads_no_offer_of_a_person(kb: KnowledgeBase) -> None:
    assert "gặp cán bộ" not in read_out(kb.answer("dang-ky-khai-sinh", "where"))
    assert "tổng đài viên" not in read_out(kb.answer("cap-giay-phep-lai-xe", "fee"))


def test_a_source_is_named_only_for_what_it_vouches_for(kb: KnowledgeBase) -> None:
    time = kb.answer("dang-ky-khai-sinh", "time")
    assert "Nghị quyết 26/2025" not in time.text  # that one is about fees
    unsure = kb.answer("doi-giay-phep-lai-xe", "fee")
    assert not unsure.verified
    assert "Theo dữ liệu tham khảo của Tổng đài 1022, năm 2025." in unsure.text
    assert "Cổng Dịch vụ công" not in unsure.text


def test_where_with_a_commune(kb: KnowledgeBase) -> None:
    text = kb.answer("dang-ky-khai-sinh", "where", commune="xa-tan-thanh").text
    assert "• Trung tâm Phục vụ hành chính công xã Tân Thành" in text
    assert "Cơ quan giải quyết: Ủy ban nhân dân xã Tân Thành." in text
    assert "xã Tân Thành" not in kb.answer("dang-ky-khai-sinh", "where", commune="khong-co").text


def test_steps_are_numbered(kb: KnowledgeBase) -> None:
    lines = kb.answer("dang-ky-ket-hon", "steps").text.splitlines()
    assert [line[:2] for line in lines[1:8]] == ["1.", "2.", "3.", "4.", "5.", "6.", "7."]


def test_a_list_too_long_is_cut_between_points(docs: list[KnowledgeDoc]) -> None:
    long = []
    for doc in docs:
        if doc.id == "dang-ky-khai-sinh":
            body = {**doc.body, "documents": [f"Giấy tờ số {n} " + "x" * 80 for n in range(40)]}
            doc = doc.model_copy(update={"body": body})
        long.append(doc)
    text = KnowledgeBase.build(long).answer("dang-ky-khai-sinh", "documents").text
    assert len(text) <= 1_500
    shown = text.count("• Giấy tờ số")
    assert f"… còn {40 - shown} mục nữa" in text
    assert "https://dichvucong.gov.vn/" in text
    assert "Theo dữ liệu" in text


def test_faq(kb: KnowledgeBase, docs: list[KnowledgeDoc]) -> None:
    for doc in docs:
        if doc.kind != "faq":
            continue
        answer = kb.answer_faq(doc.id)
        assert answer.knowledge == (doc.id,)
        if doc.body.get("needs_operator_input"):
            assert answer.missing
            assert doc.body["answer"] not in answer.text
            assert answer.text.endswith(ASK_A_PERSON)
        else:
            assert answer.text.startswith(doc.body["answer"])
            assert "Theo dữ liệu" in answer.text
            assert (
                ("cần được xác nhận lại" in answer.text)
                == (not doc.body["verified"])
                == (not answer.verified)
            )


def test_unknown_ids(kb: KnowledgeBase) -> None:
    assert kb.procedure("khong-co") is None
    assert kb.faq("khong-co") is None
    with pytest.raises(KeyError):
        kb.answer("khong-co", "fee")
    with pytest.raises(KeyError):
        kb.answer_faq("khong-co")


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ({"value": 1, "unit": "working_day"}, "• 1 ngày làm việc"),
        ({"value": 3, "unit": "working_day", "max": 8}, "• 3 ngày làm việc, tối đa 8 ngày làm việc"),
        ({"value": 0.5, "unit": "day"}, "• 0,5 ngày"),
        ({"value": 12, "unit": "hour"}, "• 12 giờ"),
        ({"value": 8, "unit": "working_hour", "max": 8}, "• 8 giờ làm việc"),
        ({"value": 0, "unit": "immediate"}, "• Giải quyết ngay khi nhận hồ sơ"),
    ],
)
def test_durations(body: dict[str, object], line: str) -> None:
    assert duration(ProcessingTime.model_validate(body)) == [line]


def test_money_and_dates() -> None:
    assert [money(n) for n in (0, 500, 10_000, 1_500_000)] == [
        "miễn phí",
        "500 đồng",
        "10.000 đồng",
        "1.500.000 đồng",
    ]
    assert [when(d) for d in ("2025", "2026-07", "2026-07-18")] == [
        "năm 2025",
        "tháng 07/2026",
        "ngày 18/07/2026",
    ]
    assert dates_in_words("Từ 2025-07-01, năm học 2025-2026, trước 2026-07; mã 2025-13") == (
        "Từ 01/07/2025, năm học 2025-2026, trước 07/2026; mã 2025-13"
    )
