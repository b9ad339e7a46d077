"""The seed files as documents of the store."""

import datetime as dt
from pathlib import Path
from typing import Any

import yaml

from bot.knowledge.entries import Entries, parse_entry
from bot.knowledge.schema import FILE_OF, place
from hub.errors import DataError
from hub.model import KnowledgeDoc, KnowledgeKind

DATA = Path(__file__).parent / "data"
CALENDAR = "calendar.yml"

#: kind of entry → the list it stands in, in its file
SECTIONS: dict[KnowledgeKind, str] = {
    "source": "sources", "group": "groups", "category": "categories", "agency": "agencies",
    "commune": "communes", "procedure": "procedures", "faq": "questions",
}  # fmt: skip
#: Enough names for search to find an entry, few enough to keep them apart.
FEWEST_ALIASES, MOST_ALIASES = 3, 6
NOTES = {"meta", "communes_meta"}  # about the file; not loaded

_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Base):  # type: ignore[misc]
    """Safe YAML in which a key written twice is an error instead of the last one winning."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"khóa '{key.value}' bị ghi hai lần", key.start_mark
                    )
                seen.add(key.value)
        return super().construct_mapping(node, deep)  # type: ignore[no-any-return]


def parse_yaml(text: str, file: str) -> Any:
    """Parsed YAML.

    Raises:
        DataError: naming file and line.
    """
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506  (a safe loader)
    except yaml.MarkedYAMLError as error:
        line = f", dòng {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise _broken(f"{file}{line}: YAML viết sai: {error.problem}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise _broken(f"{file}: YAML viết sai: {str(error).splitlines()[0]}") from error


def read_text(path: Path) -> str:
    """A UTF-8 file, with or without byte order mark.

    Raises:
        DataError: it is not there or not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise _broken(f"{path.name}: không đọc được tệp ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise _broken(f"{path.name}: tệp không ở dạng UTF-8 (byte thứ {error.start + 1})") from error


def seed_docs(folder: Path = DATA) -> list[KnowledgeDoc]:
    """Documents of the seed files, each entry checked by itself.

    Raises:
        DataError: a file is missing or broken, or an entry does not fit.
    """
    docs, problems = _gather(folder)
    if problems:
        raise DataError(f"Dữ liệu tri thức có {len(problems)} chỗ sai", tuple(problems))
    return docs


def check(folder: Path = DATA) -> list[str]:
    """Everything that is wrong with the seed files; empty when all is well."""
    docs, problems = _gather(folder)
    if not problems:
        problems += _seed_habits(docs)
        try:
            Entries.of(docs)
        except DataError as error:
            problems += error.problems
    try:
        problems += _calendar_problems(parse_yaml(read_text(folder / CALENDAR), CALENDAR))
    except DataError as error:
        problems += error.problems
    return problems


def _gather(folder: Path) -> tuple[list[KnowledgeDoc], list[str]]:
    docs: list[KnowledgeDoc] = []
    problems: list[str] = []
    for file in dict.fromkeys(FILE_OF[kind] for kind in SECTIONS):
        kinds = {SECTIONS[kind]: kind for kind in SECTIONS if FILE_OF[kind] == file}
        try:
            content = parse_yaml(read_text(folder / file), file)
        except DataError as error:
            problems += error.problems
            continue
        if not isinstance(content, dict):
            problems.append(f"{file}: phải có các phần {', '.join(kinds)}")
            continue
        problems += [
            f"{file}: phần '{key}' không có trong mẫu" for key in content if key not in {*kinds, *NOTES}
        ]
        for section, kind in kinds.items():
            rows = content.get(section)
            if not isinstance(rows, list):
                problems.append(f"{file}: thiếu danh sách '{section}'")
                continue
            for number, row in enumerate(rows, 1):
                doc, faults = _doc(kind, row, number)
                problems += faults
                if doc:
                    docs.append(doc)
    return docs, problems


def _seed_habits(docs: list[KnowledgeDoc]) -> list[str]:
    """What we ask of our own entries beyond the schema."""
    return [
        f"{place('procedure', doc.id)}, trường aliases: phải có từ {FEWEST_ALIASES} đến {MOST_ALIASES} tên gọi"
        for doc in docs
        if doc.kind == "procedure" and not FEWEST_ALIASES <= len(doc.body["aliases"]) <= MOST_ALIASES
    ]


def _doc(kind: KnowledgeKind, row: Any, number: int) -> tuple[KnowledgeDoc | None, list[str]]:
    if not isinstance(row, dict):
        return None, [
            f"{FILE_OF[kind]}, mục thứ {number} của '{SECTIONS[kind]}': phải là một nhóm trường có tên"
        ]
    name = row.get("id")
    where = place(kind, name if isinstance(name, str) else f"thứ {number} của {SECTIONS[kind]}")
    entry, faults = parse_entry(kind, row, where)
    return (KnowledgeDoc(kind=kind, id=str(name), body=row), []) if entry else (None, faults)


def _calendar_problems(calendar: Any) -> list[str]:
    """What is wrong with the days off and the days worked instead."""
    problems: list[str] = []
    off: set[dt.date] = set()
    try:
        for holiday in calendar["holidays"]:
            day = dt.date.fromisoformat(holiday["date"])
            if holiday["weekday"] != day.isoweekday():
                problems.append(f"{CALENDAR}, ngày {day}: weekday phải là {day.isoweekday()}")
            if day in off:
                problems.append(f"{CALENDAR}, ngày {day}: ghi hai lần")
            if holiday["status"] not in ("confirmed", "projected"):
                problems.append(f"{CALENDAR}, ngày {day}: status phải là confirmed hoặc projected")
            off.add(day)
        for makeup in calendar["makeup_workdays"]:
            day = dt.date.fromisoformat(makeup["date"])
            if day in off:
                problems.append(f"{CALENDAR}, ngày {day}: vừa nghỉ vừa làm bù")
            if dt.date.fromisoformat(makeup["in_place_of"]) not in off:
                problems.append(f"{CALENDAR}, ngày {day}: in_place_of không phải ngày nghỉ")
        for part in ("morning", "afternoon"):
            start, end = (dt.time.fromisoformat(at) for at in calendar["working_hours"]["offices"][part])
            if start >= end:
                problems.append(
                    f"{CALENDAR}, working_hours.offices.{part}: giờ bắt đầu phải trước giờ kết thúc"
                )
    except (KeyError, TypeError, ValueError) as error:
        problems.append(f"{CALENDAR}: thiếu hoặc sai trường ({error})")
    return problems


def _broken(problem: str) -> DataError:
    return DataError(problem, (problem,))
