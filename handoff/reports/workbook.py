"""The monthly report as an XLSX workbook: a sheet to print, one table below the other."""

import io
from typing import Any, Final

from openpyxl import Workbook
from openpyxl.styles import Alignment, Border, Font, Side
from openpyxl.utils import get_column_letter

from handoff.reports.monthly import Cell, Report, Table

FONT: Final = "Times New Roman"  # what offices write in
WIDTHS: Final = (8, 46, 13, 13, 13, 13, 13, 13, 13, 13)
_THIN: Final = Side(style="thin")
_BOX: Final = Border(left=_THIN, right=_THIN, top=_THIN, bottom=_THIN)


def workbook(report: Report) -> bytes:
    book = Workbook()
    sheet: Any = book.active
    sheet.title = "Báo cáo tháng"
    for n, width in enumerate(WIDTHS, start=1):
        sheet.column_dimensions[get_column_letter(n)].width = width
    sheet.page_setup.orientation, sheet.page_setup.paperSize = "landscape", sheet.PAPERSIZE_A4
    sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = 1, 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = True
    row = 1
    for text, bold, size in (
        (report.title, True, 14), (report.period, False, 12), (report.made_at, False, 12), (report.partly, False, 12),
    ):  # fmt: skip
        if text:
            _line(sheet, row, text, bold=bold, size=size)
            row += 1
    for table in report.tables:
        row = _table(sheet, row + 1, table)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _line(
    sheet: Any, row: int, text: str, *, bold: bool = False, size: int = 12, italic: bool = False
) -> None:
    cell = sheet.cell(row, 1, text)
    cell.font = Font(name=FONT, bold=bold, italic=italic, size=size)
    cell.alignment = Alignment(
        horizontal="center" if size > 12 or row <= 4 else "left", wrap_text=True, vertical="center"
    )
    sheet.merge_cells(start_row=row, start_column=1, end_row=row, end_column=len(WIDTHS))


def _table(sheet: Any, row: int, table: Table) -> int:
    """The first row after it."""
    _line(sheet, row, table.title, bold=True)
    shift = 0 if table.head[0] == "STT" else 1  # without numbers the first column would be too narrow
    _cells(sheet, row + 1, table.head, shift, bold=True, centred=True)
    sheet.row_dimensions[row + 1].height = 50 if len(table.head) > 4 else 20
    row += 2
    for cells in (*table.rows, *([table.sum] if table.sum and table.rows else [])):
        _cells(sheet, row, cells, shift, bold=cells is table.sum)
        row += 1
    if not table.rows:
        _line(sheet, row, "Không phát sinh trong kỳ.", italic=True)
        row += 1
    if table.note:
        _line(sheet, row, table.note, italic=True)
        row += 1
    return row


def _cells(
    sheet: Any, row: int, cells: tuple[Cell, ...], shift: int, *, bold: bool = False, centred: bool = False
) -> None:
    for n, value in enumerate(cells, start=1 + shift):
        cell = sheet.cell(row, n, value)
        if isinstance(value, str):
            cell.data_type = "s"  # a name that begins with "=" is a name
        cell.font = Font(name=FONT, bold=bold, size=12)
        cell.border = _BOX
        words = isinstance(value, str) and not centred and n == 2
        cell.alignment = Alignment(
            horizontal="left" if words else "center", vertical="center", wrap_text=True
        )
