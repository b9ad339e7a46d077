"""Tables of procedures: one row each, columns as in the template of ``docs/knowledge-import.md``."""

import csv
import io
import re
import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import openpyxl

from bot.text import fold
from hub.errors import DataError

MAX_UNPACKED_BYTES = 100_000_000
MAX_FILES_IN_ZIP = 500
MAX_COLUMNS = 60
MAX_LINES = 25_000

#: Field → the heading in the template. Either may stand in the first row; case and diacritics do not matter.
COLUMN_OF = {
    "id": "mã mục", "name": "tên thủ tục", "official_name": "tên chính thức", "aliases": "tên gọi khác",
    "field": "lĩnh vực", "level": "cấp", "agency": "cơ quan", "agency_2020": "cơ quan 2020",
    "national_code": "mã quốc gia", "documents": "hồ sơ", "forms": "biểu mẫu", "steps": "các bước",
    "eligibility": "điều kiện", "results": "kết quả", "processing_time_value": "thời hạn",
    "processing_time_unit": "đơn vị thời hạn", "processing_time_max": "thời hạn tối đa",
    "processing_time_note": "ghi chú thời hạn", "fee_summary": "lệ phí", "fee_items": "các mức phí",
    "fee_note": "ghi chú lệ phí", "where_to_apply": "nơi nộp", "online": "trực tuyến",
    "legal_basis": "căn cứ pháp lý", "notes": "lưu ý", "source": "nguồn", "source_url": "đường dẫn nguồn",
    "verified_fields": "phần đã kiểm chứng", "verified": "đã kiểm chứng", "as_of": "thời điểm",
    "catalog_as_of": "thời điểm danh mục", "review": "việc biên tập",
    "needs": "cách người dân hỏi", "owner": "cơ quan phụ trách nội dung", "review_by": "hạn rà soát",
}  # fmt: skip
_FIELD_OF = {fold(heading): name for name, title in COLUMN_OF.items() for heading in (name, title)}

LISTS = (
    "aliases",
    "documents",
    "steps",
    "eligibility",
    "results",
    "legal_basis",
    "source",
    "verified_fields",
    "review",
    "needs",
    "variants",
)
_YES, _NO = {"co", "true", "1", "x", "dung"}, {"khong", "false", "0", "sai"}
_UNITS = {
    "ngay lam viec": "working_day", "ngay": "day", "gio": "hour", "gio lam viec": "working_hour", "ngay lap tuc": "immediate",
    "giai quyet ngay": "immediate",
}  # fmt: skip
_LEVELS = {"tinh": "tinh", "huyen": "huyen", "xa": "xa", "khac": "other"}


def csv_rows(text: str, file: str) -> Iterator[tuple[int, dict[str, str]]]:
    """Rows below the heading with their line numbers; comma, semicolon or tab, whichever the heading uses."""
    heading = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=heading.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    columns: list[str] = []
    start = 1
    try:
        for cells in reader:
            number, start = start, reader.line_num + 1
            if not columns:
                columns = _columns(cells, file)
            elif any(cell.strip() for cell in cells):
                if len(cells) > len(columns):
                    raise _refused(
                        f"{file}, dòng {number}: có {len(cells)} ô nhưng chỉ có {len(columns)} cột"
                    )
                yield number, _cells(columns, cells, f"{file}, dòng {number}")
    except csv.Error as error:
        raise _refused(f"{file}, dòng {start}: CSV viết sai ({error})") from error


def xlsx_rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Rows of the first sheet below the heading, with their numbers."""
    _check_zip(path)
    try:
        with path.open("rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about styles and extensions that do not concern us
            book = openpyxl.load_workbook(file, read_only=True, keep_links=False)
            try:
                yield from _sheet_rows(book.worksheets[0], path.name)
            finally:
                book.close()
    except DataError:
        raise
    except Exception as error:  # openpyxl lets any error of its XML and ZIP layers through
        raise _refused(f"{path.name}: không phải tệp XLSX đọc được ({type(error).__name__})") from error


def _sheet_rows(sheet: Any, file: str) -> Iterator[tuple[int, dict[str, str]]]:
    columns: list[str] = []
    sheet.reset_dimensions()  # what the file says of its own size need not be true
    for number, cells in enumerate(sheet.iter_rows(), 1):
        if number > MAX_LINES or len(cells) > MAX_COLUMNS:
            raise _refused(f"{file}: bảng lớn hơn {MAX_LINES} dòng hoặc {MAX_COLUMNS} cột")
        formula = next((n for n, cell in enumerate(cells) if getattr(cell, "data_type", "") == "f"), None)
        if formula is not None:
            raise _refused(f"{file}, dòng {number}, cột thứ {formula + 1}: ô chứa công thức; hãy dán giá trị")
        values = [_shown(cell.value) for cell in cells]
        if not columns:
            while values and not values[-1]:
                values.pop()
            columns = _columns(values, file)
        elif any(value.strip() for value in values):
            yield number, _cells(columns, values, f"{file}, dòng {number}")


def _check_zip(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            files = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise _refused(f"{path.name}: không phải tệp XLSX") from error
    if len(files) > MAX_FILES_IN_ZIP or sum(file.file_size for file in files) > MAX_UNPACKED_BYTES:
        raise _refused(f"{path.name}: nội dung nén quá lớn")


def _shown(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if hasattr(value, "strftime"):
        return str(value)[:10]
    return str(value)


def _columns(headings: list[str], file: str) -> list[str]:
    columns = []
    for number, heading in enumerate(headings, 1):
        name = _FIELD_OF.get(fold(heading).strip())
        if name is None:
            raise _refused(f"{file}, dòng 1, cột thứ {number}: tiêu đề '{heading[:60]}' không có trong mẫu")
        if name in columns:
            raise _refused(f"{file}, dòng 1, cột thứ {number}: cột '{heading[:60]}' có hai lần")
        columns.append(name)
    if "id" not in columns or "name" not in columns:
        raise _refused(f"{file}, dòng 1: phải có ít nhất cột '{COLUMN_OF['id']}' và '{COLUMN_OF['name']}'")
    return columns


def _cells(columns: list[str], cells: list[str], where: str) -> dict[str, str]:
    for name, cell in zip(columns, cells, strict=False):
        if cell.lstrip().startswith("="):
            raise _refused(f"{where}, cột {COLUMN_OF[name]}: ô chứa công thức; hãy dán giá trị")
    return {name: cell for name, cell in zip(columns, cells, strict=False) if cell.strip()}


def split_cell(cell: str) -> list[str]:
    """Items of a list cell: by line breaks if there are any, else by semicolons; leading bullets go."""
    items = cell.splitlines() if "\n" in cell.strip() else cell.split(";")
    return [item for item in (re.sub(r"^\s*[•*-]\s+", "", one).strip() for one in items) if item]


def row_body(
    cells: Mapping[str, str], split: Callable[[str], list[str]] = split_cell
) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """The entry of a row, and (field, fault) for cells that cannot be read. ``split`` makes a cell a list."""
    faults: list[tuple[str, str]] = []
    body: dict[str, Any] = {}
    time: dict[str, Any] = {}
    fee: dict[str, Any] = {}
    for name, cell in cells.items():
        try:
            if name in LISTS:
                body[name] = split(cell)
            elif name == "forms":
                body["forms"] = [_form(item) for item in split(cell)]
            elif name == "fee_items":
                fee["items"] = [_fee_item(item) for item in split(cell)]
            elif name in ("online", "verified", "needs_operator_input"):
                body[name] = _yes_or_no(cell)
            elif name == "level":
                body[name] = _LEVELS.get(fold(cell), cell)
            elif name in ("processing_time_value", "processing_time_max"):
                time[name.removeprefix("processing_time_")] = _number(cell)
            elif name == "processing_time_unit":
                time["unit"] = _UNITS.get(fold(cell), cell)
            elif name == "processing_time_note":
                time["note"] = cell
            elif name.startswith("fee_"):
                fee[name.removeprefix("fee_")] = cell
            else:
                body[name] = cell
        except ValueError as error:
            faults.append((name, str(error)))
    if time:
        body["processing_time"] = time
    if fee:
        body["fee"] = fee
    return body, faults


def _yes_or_no(cell: str) -> bool:
    word = fold(cell)
    if word not in _YES | _NO:
        raise ValueError("phải là 'có' hoặc 'không'")
    return word in _YES


def _number(cell: str) -> float:
    try:
        value = float(cell.replace(",", "."))
    except ValueError:
        raise ValueError("phải là số không âm") from None
    if not 0 <= value < 10_000:
        raise ValueError("phải là số không âm")
    return value


def _form(item: str) -> dict[str, str]:
    name, _, code = (part.strip() for part in item.partition("|"))
    return {"name": name, "code": code} if code else {"name": name}


def _fee_item(item: str) -> dict[str, Any]:
    label, _, amount = (part.strip() for part in item.rpartition("|"))
    digits = re.sub(
        r"(?<=\d)[.,\s](?=\d{3}\b)", "", re.sub(r"\s*(đồng|đ|vnd|vnđ)\s*$", "", amount, flags=re.IGNORECASE)
    )
    if not label or not digits.isascii() or not digits.isdigit() or len(digits) > 12:
        raise ValueError(f"'{item[:60]}' phải có dạng 'tên mức | số tiền'")
    return {"label": label, "vnd": int(digits)}


def _refused(problem: str) -> DataError:
    return DataError(problem, (problem,))
