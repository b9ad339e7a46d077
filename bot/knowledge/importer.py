"""Procedures from an editor's file (YAML, JSON, CSV or XLSX): all of them, or none and every fault by row.

A file may come from anywhere, so sizes are bounded before anything is unpacked and formulas are refused.
"""

import datetime as dt
import json
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from bot.knowledge.load import parse_yaml, read_text
from bot.knowledge.schema import Procedure, Source, field_path, in_words
from bot.knowledge.tables import COLUMN_OF, csv_rows, row_body, xlsx_rows
from bot.text import nfc
from hub.errors import DataError
from hub.model import KnowledgeDoc

MAX_BYTES = 10_000_000
MAX_ENTRIES = 20_000
MAX_DEPTH = 12
MAX_PROBLEMS = 100

#: Who stands behind an imported entry that names no source.
OWN_SOURCE = "don-vi-van-hanh"


@dataclass(frozen=True)
class Row:
    """One entry as found in the file; ``column`` turns a field path into what the editor sees."""

    where: str
    body: dict[str, Any]
    column: Callable[[tuple[int | str, ...]], str]


def read_import(
    path: Path,
    known_agencies: Collection[str] | None = None,
    known_sources: Collection[str] | None = None,
) -> list[KnowledgeDoc]:
    """The procedures of a file (and, in YAML and JSON, the sources they name).

    Args:
        path: a ``.yml``, ``.yaml``, ``.json``, ``.csv`` or ``.xlsx`` file.
        known_agencies: agency ids that may be referred to; not checked when None.
        known_sources: likewise for sources.

    Raises:
        DataError: with a line per fault; nothing of the file is to be used.
    """
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise _refused(f"{path.name}: chỉ nhận tệp {', '.join(_READERS)}")
    if not path.is_file():
        raise _refused(f"{path.name}: không thấy tệp này")
    if path.stat().st_size > MAX_BYTES:
        raise _refused(f"{path.name}: tệp lớn hơn {MAX_BYTES // 1_000_000} MB")
    rows, sources, problems = reader(path)
    if len(rows) > MAX_ENTRIES:
        raise _refused(f"{path.name}: có hơn {MAX_ENTRIES} mục")
    docs, own = _source_docs(path.name, sources, problems)
    if known_sources is not None:
        known_sources = {*known_sources, *own, OWN_SOURCE}
    seen: dict[str, str] = {}
    for row in rows:
        body = {"source": [OWN_SOURCE], "verified": False, "verified_fields": [], "aliases": [], **row.body}
        body.setdefault("complete", _complete(body))
        try:
            procedure = Procedure.model_validate(body)
        except ValidationError as error:
            for fault in error.errors():
                column = row.column(fault["loc"])
                problems.append(f"{row.where}{f', {column}' if column else ''}: {in_words(fault)}")
            continue
        if procedure.id in seen:
            problems.append(
                f"{row.where}, {row.column(('id',))}: mã '{procedure.id}' đã có ở {seen[procedure.id]}"
            )
        seen[procedure.id] = row.where
        for name in ("agency", "agency_2020", "owner"):
            agency = getattr(procedure, name)
            if known_agencies is not None and agency is not None and agency not in known_agencies:
                problems.append(f"{row.where}, {row.column((name,))}: không có cơ quan '{agency}'")
        for source in procedure.source:
            if known_sources is not None and source not in known_sources:
                problems.append(f"{row.where}, {row.column(('source',))}: không có nguồn '{source}'")
        docs.append(KnowledgeDoc(kind="procedure", id=procedure.id, body=body, origin="import"))
    if not rows and not problems:
        problems.append(f"{path.name}: không có thủ tục nào")
    if problems:
        shown = problems[:MAX_PROBLEMS]
        if len(problems) > len(shown):
            shown.append(f"… và {len(problems) - len(shown)} lỗi nữa")
        raise DataError(f"{path.name}: có {len(problems)} lỗi, chưa nhập mục nào", tuple(shown))
    return docs


def _complete(body: dict[str, Any]) -> bool:
    return all(body.get(name) for name in ("documents", "processing_time", "fee", "where_to_apply"))


def _source_docs(file: str, sources: list[Any], problems: list[str]) -> tuple[list[KnowledgeDoc], set[str]]:
    docs = []
    for number, body in enumerate(sources, 1):
        try:
            source = Source.model_validate(body)
        except ValidationError as error:
            problems += [
                f"{file}, nguồn thứ {number}, trường {field_path(fault['loc'])}: {in_words(fault)}"
                for fault in error.errors()
            ]
            continue
        docs.append(KnowledgeDoc(kind="source", id=source.id, body=body, origin="import"))
    return docs, {doc.id for doc in docs}


# ---- files of entries ----------------------------------------------------------------------------

Read = tuple[list[Row], list[Any], list[str]]


def _read_yaml(path: Path) -> Read:
    text = read_text(path)
    _check_yaml(text, path.name)
    return _entries(path.name, parse_yaml(text, path.name))


def _check_yaml(text: str, file: str) -> None:
    """Refuse what could grow or recurse without end when it is constructed."""
    depth = 0
    try:
        for event in yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            where = f"{file}, dòng {event.start_mark.line + 1 if event.start_mark else 1}"
            if isinstance(event, yaml.AliasEvent):
                raise _refused(f"{where}: không dùng bí danh (*) trong tệp nhập")
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > MAX_DEPTH:
                raise _refused(f"{where}: lồng quá nhiều cấp")
    except yaml.YAMLError:
        return  # said with its line when it is constructed


def _read_json(path: Path) -> Read:
    def no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            twin = next(key for n, (key, _) in enumerate(pairs) if key in dict(pairs[:n]))
            raise ValueError(f"khóa '{twin}' bị ghi hai lần")
        return found

    def no_constant(name: str) -> Any:
        raise ValueError(f"'{name}' không phải là số")

    try:
        content = json.loads(read_text(path), object_pairs_hook=no_twins, parse_constant=no_constant)
    except json.JSONDecodeError as error:
        raise _refused(f"{path.name}, dòng {error.lineno}: JSON viết sai") from error
    except (ValueError, RecursionError) as error:
        reason = "lồng quá nhiều cấp" if isinstance(error, RecursionError) else str(error)
        raise _refused(f"{path.name}: JSON viết sai: {reason}") from error
    return _entries(path.name, content)


def _entries(file: str, content: Any) -> Read:
    problems: list[str] = []
    sources: Any = []
    if isinstance(content, dict):
        problems = [
            f"{file}: phần '{key}' không có trong mẫu"
            for key in content
            if key not in ("procedures", "sources", "meta")
        ]
        sources = content.get("sources") or []
        content = content.get("procedures")
    if not isinstance(content, list) or not isinstance(sources, list):
        raise _refused(f"{file}: phải là một danh sách thủ tục, hoặc có phần 'procedures' là danh sách")
    rows = []
    for number, body in enumerate(content, 1):
        where = f"{file}, mục thứ {number}"
        if not isinstance(body, dict) or not all(isinstance(key, str) for key in body):
            problems.append(f"{where}: phải là một nhóm trường có tên")
            continue
        if isinstance(body.get("id"), str):
            where += f" ('{body['id'][:80]}')"
        rows.append(Row(where, _tidy(body), lambda loc: f"trường {field_path(loc)}" if loc else ""))
    return rows, [_tidy(source) for source in sources], problems


def _tidy(value: Any) -> Any:
    """NFC text without invisible characters; dates as text."""
    if isinstance(value, str):
        return nfc(value).strip()
    if isinstance(value, dict):
        return {key: _tidy(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_tidy(one) for one in value]
    return value.isoformat() if isinstance(value, dt.date) else value


# ---- tables --------------------------------------------------------------------------------------


def _read_csv(path: Path) -> Read:
    return _table(path.name, csv_rows(read_text(path), path.name))


def _read_xlsx(path: Path) -> Read:
    return _table(path.name, xlsx_rows(path))


def _table(file: str, lines: Iterator[tuple[int, dict[str, str]]]) -> Read:
    rows: list[Row] = []
    problems: list[str] = []
    for number, cells in lines:
        if len(rows) > MAX_ENTRIES:
            break
        where = f"{file}, dòng {number}"
        body, faults = row_body({name: nfc(cell).strip() for name, cell in cells.items()})
        problems += [f"{where}, cột {COLUMN_OF[name]}: {fault}" for name, fault in faults]
        if not faults:
            rows.append(Row(where, body, _column))
    return rows, [], problems


def _column(loc: tuple[int | str, ...]) -> str:
    if not loc:
        return ""
    names = [part for part in loc if isinstance(part, str)]
    column = COLUMN_OF.get("_".join(names[:2])) or COLUMN_OF.get(names[0], names[0])
    item = next((f" (mục thứ {part + 1})" for part in loc if isinstance(part, int)), "")
    return f"cột {column}{item}"


def _refused(problem: str) -> DataError:
    return DataError(problem, (problem,))


_READERS: dict[str, Callable[[Path], Read]] = {
    ".yml": _read_yaml, ".yaml": _read_yaml, ".json": _read_json, ".csv": _read_csv, ".xlsx": _read_xlsx,
}  # fmt: skip
