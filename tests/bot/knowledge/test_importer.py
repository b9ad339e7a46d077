"""Files of editors: read whole or refused with the row and the column."""

import csv
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.knowledge import KnowledgeBase
from bot.knowledge.importer import read_import
from bot.knowledge.tables import split_cell
from hub.errors import DataError
from hub.model import KnowledgeDoc

AGENCIES = {"dt-ubnd-xa", "dt-so-tu-phap"}
ROW = {
    "mã mục": "cap-phep-thu", "tên thủ tục": "Cấp phép thử", "tên gọi khác": "xin phép thử; giấy phép thử",
    "lĩnh vực": "Thử nghiệm", "cấp": "xã", "cơ quan": "dt-ubnd-xa",
    "hồ sơ": "Đơn đề nghị; theo mẫu\nBản sao giấy tờ", "thời hạn": "3", "đơn vị thời hạn": "ngày làm việc",
    "lệ phí": "Theo mức", "các mức phí": "Trực tiếp | 10.000 đồng\nTrực tuyến | 0", "nơi nộp": "UBND xã",
    "trực tuyến": "có", "thời điểm": "2026-10", "biểu mẫu": "Đơn đề nghị | M01", "căn cứ pháp lý": "01/2026/NĐ-CP",
}  # fmt: skip
BODY: dict[str, Any] = {
    "id": "cap-phep-thu", "name": "Cấp phép thử", "aliases": ["xin phép thử"], "field": "Thử nghiệm", "level": "xa",
    "agency": "dt-ubnd-xa", "as_of": "2026-10",
}  # fmt: skip


def table(path: Path, rows: list[dict[str, str]], delimiter: str = ",", encoding: str = "utf-8") -> Path:
    buffer = io.StringIO(newline="")
    writer = csv.DictWriter(buffer, fieldnames=list(rows[0]), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    path.write_text(buffer.getvalue(), encoding=encoding, newline="")
    return path


def sheet(path: Path, rows: list[list[Any]]) -> Path:
    book = openpyxl.Workbook()
    assert book.active is not None
    for row in rows:
        book.active.append(row)
    book.save(path)
    return path


def problems(path: Path, **known: Any) -> tuple[str, ...]:
    with pytest.raises(DataError) as caught:
        read_import(path, **known)
    return caught.value.problems


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv(tmp_path: Path, encoding: str, delimiter: str) -> None:
    (doc,) = read_import(table(tmp_path / "a.csv", [ROW], delimiter, encoding), AGENCIES)
    assert (doc.kind, doc.id, doc.origin) == ("procedure", "cap-phep-thu", "import")
    assert doc.body["aliases"] == ["xin phép thử", "giấy phép thử"]
    assert doc.body["documents"] == ["Đơn đề nghị; theo mẫu", "Bản sao giấy tờ"]
    assert doc.body["fee"]["items"] == [
        {"label": "Trực tiếp", "vnd": 10_000},
        {"label": "Trực tuyến", "vnd": 0},
    ]
    assert doc.body["forms"] == [{"name": "Đơn đề nghị", "code": "M01"}]
    assert doc.body["processing_time"] == {"value": 3, "unit": "working_day"}
    assert doc.body["complete"] is True
    assert doc.body["online"] is True


def test_all_formats_give_the_same(tmp_path: Path) -> None:
    rows = [ROW, {**ROW, "mã mục": "cap-phep-hai"}]
    from_csv = read_import(table(tmp_path / "a.csv", rows))
    from_xlsx = read_import(sheet(tmp_path / "a.xlsx", [list(ROW), *([*row.values()] for row in rows)]))
    bodies = [doc.body for doc in from_csv]
    (tmp_path / "a.json").write_text(json.dumps({"procedures": bodies}, ensure_ascii=False), encoding="utf-8")
    (tmp_path / "a.yml").write_text(json.dumps(bodies), encoding="utf-8")  # JSON is YAML
    assert from_csv == from_xlsx == read_import(tmp_path / "a.json") == read_import(tmp_path / "a.yml")


def test_imported_entries_are_found_and_answered(tmp_path: Path, docs: list[KnowledgeDoc]) -> None:
    kb = KnowledgeBase.build([*docs, *read_import(table(tmp_path / "a.csv", [ROW]), AGENCIES)])
    assert kb.find("xin phép thử").id == "cap-phep-thu"
    answer = kb.answer("cap-phep-thu", "fee")
    assert "• Trực tiếp: 10.000 đồng" in answer.text
    assert "cần được xác nhận lại" in answer.text


def test_a_vouched_import_names_who_stands_behind_it(tmp_path: Path, docs: list[KnowledgeDoc]) -> None:
    row = {**ROW, "phần đã kiểm chứng": "fee"}
    kb = KnowledgeBase.build([*docs, *read_import(table(tmp_path / "a.csv", [row]), AGENCIES)])
    assert "Theo dữ liệu Đơn vị vận hành Tổng đài 1022" in kb.answer("cap-phep-thu", "fee").text


def test_sources_come_along_in_yaml(tmp_path: Path, docs: list[KnowledgeDoc]) -> None:
    source = {
        "id": "qd-moi",
        "label": "Quyết định 1/QĐ-UBND",
        "citation": "Quyết định 1/QĐ-UBND",
        "date": "2026-10-01",
    }
    content = {"sources": [source], "procedures": [{**BODY, "source": ["qd-moi"]}]}
    (tmp_path / "a.json").write_text(json.dumps(content), encoding="utf-8")
    read = read_import(tmp_path / "a.json", AGENCIES, {"kien-thuc"})
    assert [doc.kind for doc in read] == ["source", "procedure"]
    KnowledgeBase.build([*docs, *read])


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"thời hạn": "ba"}, "a.csv, dòng 3, cột thời hạn: phải là số không âm"),
        ({"thời hạn": "nan"}, "a.csv, dòng 3, cột thời hạn: phải là số không âm"),
        ({"đơn vị thời hạn": "tuần"}, "a.csv, dòng 3, cột đơn vị thời hạn: phải là một trong:"),
        ({"các mức phí": "Trực tiếp: nhiều"}, "a.csv, dòng 3, cột các mức phí: 'Trực tiếp: nhiều' phải có dạng"),
        ({"các mức phí": "Trực tiếp | -5"}, "a.csv, dòng 3, cột các mức phí:"),
        ({"cơ quan": "so-la"}, "a.csv, dòng 3, cột cơ quan: không có cơ quan 'so-la'"),
        ({"cơ quan": ""}, "a.csv, dòng 3, cột cơ quan: thiếu trường bắt buộc này"),
        ({"cấp": "thôn"}, "a.csv, dòng 3, cột cấp: phải là một trong:"),
        ({"trực tuyến": "chắc có"}, "a.csv, dòng 3, cột trực tuyến: phải là 'có' hoặc 'không'"),
        ({"thời điểm": "tháng 10"}, "a.csv, dòng 3, cột thời điểm: 'tháng 10' sai dạng"),
        ({"hồ sơ": "x" * 300}, "a.csv, dòng 3, cột hồ sơ (mục thứ 1): dài quá 260 ký tự"),
        ({"mã mục": "cap-phep-thu"}, "a.csv, dòng 3, cột mã mục: mã 'cap-phep-thu' đã có ở a.csv, dòng 2"),
        ({"tên thủ tục": "=HYPERLINK(1)"}, "a.csv, dòng 3, cột tên thủ tục: ô chứa công thức"),
    ],
)  # fmt: skip
def test_a_fault_is_told_by_row_and_column_and_nothing_is_read(
    tmp_path: Path, change: dict[str, str], told: str
) -> None:
    one_line = {**ROW, "hồ sơ": "Đơn; Bản sao", "các mức phí": "Mức | 5"}
    path = table(tmp_path / "a.csv", [one_line, {**one_line, "mã mục": "muc-hai", **change}])
    (problem,) = problems(path, known_agencies=AGENCIES)
    assert problem.startswith(told), problem


def test_rows_are_counted_as_the_editor_sees_them(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", [ROW, {**ROW, "mã mục": "hai", "cấp": "thôn"}])  # ROW spans three lines
    assert problems(path)[0].startswith("a.csv, dòng 5, cột cấp")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            {"fee": {"summary": "x", "items": [{"label": "a", "vnd": 1.5}]}},
            "trường fee.items[0].vnd: phải là số nguyên",
        ),
        ({"documents": "một tờ"}, "trường documents: phải là một danh sách"),
        ({"la": 1}, "trường la: tên trường lạ"),
        ({"verified": True}, "verified là true thì verified_fields phải có"),
        ({"source": ["khong-co"]}, "trường source: không có nguồn 'khong-co'"),
    ],
)
def test_faults_in_json(tmp_path: Path, change: dict[str, Any], told: str) -> None:
    (tmp_path / "a.json").write_text(json.dumps([{**BODY, **change}]), encoding="utf-8")
    (problem,) = problems(tmp_path / "a.json", known_sources=set())
    assert problem.startswith("a.json, mục thứ 1 ('cap-phep-thu')")
    assert told in problem


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "mã mục,tên thủ tục,cột lạ\nx,y,z\n"),
        ("a.csv", "mã mục,mã mục\nx,y\n"),
        ("a.csv", "tên thủ tục\nx\n"),
        ("a.csv", "mã mục,tên thủ tục\nx,y,z,t\n"),
        ("a.csv", 'mã mục,tên thủ tục\n"x,y\n'),
        ("a.csv", "mã mục,tên thủ tục\nx," + "y" * 200_000 + "\n"),
        ("a.csv", "mã mục,tên thủ tục\n\x00,\x00\n"),
        ("a.csv", "mã mục,tên thủ tục\n"),
        ("a.csv", ""),
        ("a.json", ""),
        ("a.json", "[1, 2]"),
        ("a.json", "{}"),
        ("a.json", "[]"),
        ("a.json", '[{"id": "a", "id": "b"}]'),
        ("a.json", '[{"id": NaN}]'),
        ("a.json", "[" * 100_000),
        ("a.yml", "[" * 100_000),
        ("a.yml", "- id: a\n  id: b\n"),
        ("a.yml", "a: &a [x,x,x,x]\nb: &b [*a,*a,*a,*a]\nc: [*b,*b,*b,*b]\n"),
        ("a.yml", "- !!python/object/apply:os.system ['true']\n"),
        ("a.yml", "? [1, 2]\n: 3\n"),
        ("a.yml", "- {1: 2}\n"),
        ("a.yml", "\x07"),
        ("a.xlsx", "không phải zip"),
        ("a.txt", "x"),
    ],
)
def test_hostile_and_broken_files_are_refused_in_words(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    found = problems(tmp_path / name)
    assert found
    assert all(line.startswith(name) and len(line) < 400 for line in found)


def test_wrong_encodings_missing_files_and_folders(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("mã mục,tên thủ tục\n", encoding="utf-16")
    assert "UTF-8" in problems(tmp_path / "a.csv")[0]
    assert "không thấy tệp" in problems(tmp_path / "b.csv")[0]
    (tmp_path / "c.csv").mkdir()
    assert "không thấy tệp" in problems(tmp_path / "c.csv")[0]


def test_huge_files_are_not_opened(tmp_path: Path) -> None:
    with (tmp_path / "a.csv").open("wb") as file:
        file.truncate(11_000_000)
    assert problems(tmp_path / "a.csv") == ("a.csv: tệp lớn hơn 10 MB",)


def test_formulas_in_a_sheet(tmp_path: Path) -> None:
    path = sheet(tmp_path / "a.xlsx", [["mã mục", "tên thủ tục"], ["cap-phep", "=A1"]])
    assert problems(path) == ("a.xlsx, dòng 2, cột thứ 2: ô chứa công thức; hãy dán giá trị",)


def test_zip_bombs(tmp_path: Path) -> None:
    path = sheet(tmp_path / "a.xlsx", [["mã mục", "tên thủ tục"]])
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/bomb.xml", b" " * 101_000_000)
    assert path.stat().st_size < 1_000_000
    assert problems(path) == ("a.xlsx: nội dung nén quá lớn",)


def test_a_zip_that_is_no_workbook(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.xlsx", "w") as archive:
        archive.writestr("x", "y")
    (problem,) = problems(tmp_path / "a.xlsx")
    assert problem.startswith("a.xlsx: không phải tệp XLSX đọc được")


def test_entity_expansion_in_a_sheet(tmp_path: Path) -> None:
    path = sheet(tmp_path / "a.xlsx", [["mã mục", "tên thủ tục"]])
    bomb = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(tmp_path / "b.xlsx", "w") as new:
        for item in old.infolist():
            data = old.read(item)
            if item.filename == "xl/worksheets/sheet1.xml":
                data = f'<!DOCTYPE x [<!ENTITY a0 "x">{bomb}]><worksheet>&a9;</worksheet>'.encode()
            new.writestr(item, data)
    (problem,) = problems(tmp_path / "b.xlsx")
    assert problem.startswith("b.xlsx: ")


def test_many_faults_are_counted_not_poured_out(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", [{"mã mục": f"Muc {n}", "tên thủ tục": "x"} for n in range(500)])
    found = problems(path)
    assert len(found) == 101
    assert found[-1].startswith("… và ")


@pytest.mark.parametrize(
    ("cell", "items"),
    [
        ("a; b;c", ["a", "b", "c"]),
        ("a; b\nc", ["a; b", "c"]),
        ("• a\r\n- b\n\n* c", ["a", "b", "c"]),
        ("a", ["a"]),
        (" ; ", []),
    ],
)
def test_split_cell(cell: str, items: list[str]) -> None:
    assert split_cell(cell) == items


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    suffix=st.sampled_from([".csv", ".json", ".yml", ".xlsx"]),
    content=st.binary(max_size=400) | st.text(max_size=200).map(str.encode),
)
def test_any_bytes_end_in_entries_or_a_clear_error(tmp_path: Path, suffix: str, content: bytes) -> None:
    path = tmp_path / f"any{suffix}"
    path.write_bytes(content)
    told: tuple[str, ...] = ()
    try:
        docs = read_import(path)
    except DataError as error:
        docs, told = [], error.problems
    assert docs or told
