"""The seed files, and what an editor is told when one of them is broken."""

import re
import shutil
from collections import Counter
from pathlib import Path

import pytest

from bot.knowledge import DATA, KnowledgeBase, check, seed_docs
from hub.errors import DataError
from hub.model import KnowledgeDoc


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DATA, tmp_path / "data"))


def edit(folder: Path, file: str, old: str, new: str) -> None:
    text = (folder / file).read_text(encoding="utf-8")
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1), encoding="utf-8")


def test_the_seed_is_whole(docs: list[KnowledgeDoc]) -> None:
    assert check() == []
    assert Counter(doc.kind for doc in docs) == {
        "procedure": 202, "faq": 82, "agency": 76, "commune": 102, "category": 74, "group": 18, "source": 20,
    }  # fmt: skip
    assert {doc.origin for doc in docs} == {"seed"}


def test_entries_keep_source_and_certainty(kb: KnowledgeBase) -> None:
    procedure = kb.procedure("dang-ky-khai-sinh")
    assert procedure is not None
    assert procedure.source == ["dvcqg-chi-tiet", "dt-nq26-2025"]
    assert procedure.as_of == "2026-07"
    assert procedure.verified
    assert "fee" in procedure.verified_fields
    assert "where_to_apply" not in procedure.verified_fields
    assert kb.revision == 7


def test_a_procedure_survives_the_store(docs: list[KnowledgeDoc]) -> None:
    again = [KnowledgeDoc.model_validate_json(doc.model_dump_json()) for doc in docs]
    assert KnowledgeBase.build(again).search("khai sinh") == KnowledgeBase.build(docs).search("khai sinh")


@pytest.mark.parametrize(
    ("file", "old", "new", "problem"),
    [
        ("procedures.yml", "vnd: 10000\n", "vnd: -1\n",
         "procedures.yml, mục 'dang-ky-khai-sinh', trường fee.items[1].vnd: phải là số không âm"),
        ("procedures.yml", "vnd: 10000\n", "vnd: mười nghìn\n",
         "procedures.yml, mục 'dang-ky-khai-sinh', trường fee.items[1].vnd: phải là số nguyên không âm"),
        ("procedures.yml", "field: Hộ tịch\n", "fiel: Hộ tịch\n",
         "procedures.yml, mục 'dang-ky-khai-sinh', trường fiel: tên trường lạ, không có trong mẫu"),
        ("procedures.yml", "agency: dt-ubnd-xa\n", "agency: dt-khong-co\n",
         "procedures.yml, mục 'dang-ky-khai-sinh', trường agency: 'dt-khong-co' không có trong dữ liệu"),
        ("procedures.yml", "as_of: 2026-07\n", "as_of: 2026\n",
         "procedures.yml, mục 'dang-ky-khai-sinh', trường as_of: phải là chữ (hãy đặt giá trị trong dấu nháy đơn)"),
        ("procedures.yml", "complete: true\n", "complete: false\n",
         "procedures.yml, mục 'dang-ky-khai-sinh': complete phải là true khi và chỉ khi có documents, "
         "processing_time, fee, where_to_apply"),
        ("procedures.yml", "      - làm giấy khai sinh\n      - khai sinh cho bé\n      - đăng ký khai sinh cho con\n",
         "", "procedures.yml, mục 'dang-ky-khai-sinh', trường aliases: phải có từ 3 đến 6 tên gọi"),
        ("procedures.yml", "level: xa\n", "level: thon\n",
         "procedures.yml, mục 'dang-ky-khai-sinh', trường level: phải là một trong: 'tinh', 'huyen', 'xa', 'other'"),
        ("procedures.yml", "id: khai-sinh-yeu-to-nuoc-ngoai", "id: dang-ky-khai-sinh",
         "procedures.yml, mục 'dang-ky-khai-sinh', trường id: mã bị trùng"),
        ("procedures.yml", "name: Thủ tục đăng ký khai sinh\n", "name: 'Thu\u0309 tục'\n",
         "procedures.yml, mục 'dang-ky-khai-sinh', trường name: chữ chưa ở dạng Unicode dựng sẵn (NFC)"),
        ("faq.yml", "category: thong-tin-chung\n", "category: khong-co\n",
         "faq.yml, mục 'tong-dai-la-gi', trường category: 'khong-co' không có trong dữ liệu"),
        ("faq.yml", "questions:\n", "question:\n", "faq.yml: thiếu danh sách 'questions'"),
        ("categories.yml", "sla_hours: 8\n", "sla_hours: 24\n", "trường sla_hours: phải là một trong: 8, 48"),
        ("agencies.yml", "name: Phường Mỹ Tho\n", "ten: Phường Mỹ Tho\n",
         "agencies.yml, mục 'phuong-my-tho', trường name: thiếu trường bắt buộc này"),
        ("calendar.yml", "- date: '2025-01-01'\n    weekday: 3", "- date: '2025-01-01'\n    weekday: 4",
         "calendar.yml, ngày 2025-01-01: weekday phải là 3"),
    ],
)  # fmt: skip
def test_a_fault_is_told_by_file_entry_and_field(
    folder: Path, file: str, old: str, new: str, problem: str
) -> None:
    edit(folder, file, old, new)
    assert any(problem in told for told in check(folder)), check(folder)


def test_a_key_written_twice_is_told_by_line(folder: Path) -> None:
    edit(folder, "faq.yml", "    verified: true\n", "    verified: true\n    verified: false\n")
    (problem,) = check(folder)
    assert re.fullmatch(r"faq\.yml, dòng \d+: YAML viết sai: khóa 'verified' bị ghi hai lần", problem)


@pytest.mark.parametrize(
    "damage", ["procedures: [", "procedures: {a: *b}", "- \t- x", "'", "x: !!python/object:os.system {}"]
)
def test_broken_yaml_is_one_line_with_its_place(folder: Path, damage: str) -> None:
    (folder / "procedures.yml").write_text(damage, encoding="utf-8")
    with pytest.raises(DataError) as caught:
        seed_docs(folder)
    (problem,) = caught.value.problems
    assert re.match(r"procedures\.yml, dòng [12]: YAML viết sai: ", problem)


def test_a_file_cut_short_anywhere_never_passes_for_whole(folder: Path) -> None:
    whole = (folder / "categories.yml").read_bytes()
    for part in range(1, 12):
        (folder / "categories.yml").write_bytes(whole[: len(whole) * part // 12])
        assert check(folder)


def test_missing_and_undecodable_files(folder: Path) -> None:
    (folder / "faq.yml").unlink()
    (folder / "agencies.yml").write_bytes(b"\xff\xfe\x00")
    problems = check(folder)
    assert any(line.startswith("faq.yml: không đọc được tệp") for line in problems)
    assert any(line.startswith("agencies.yml: tệp không ở dạng UTF-8") for line in problems)


def test_build_reports_every_fault_at_once(docs: list[KnowledgeDoc]) -> None:
    broken = [
        doc.model_copy(update={"body": {**doc.body, "level": "thon", "verified": "có"}})
        if doc.kind == "procedure"
        else doc
        for doc in docs[:200]
    ]
    with pytest.raises(DataError) as caught:
        KnowledgeBase.build(broken)
    faulty = sum(doc.kind == "procedure" for doc in broken)
    assert len(caught.value.problems) == 2 * faulty or not faulty
