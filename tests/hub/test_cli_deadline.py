"""``hub deadline`` as scripts use it."""

import asyncio
import io
import json
from pathlib import Path
from typing import Any

import pytest

from handoff.calendar import product_calendar
from handoff.rules import CALENDAR
from hub.cli import main
from hub.store.sqlite import SqliteStore


@pytest.fixture
def deadline(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    def run(*arguments: str, lines: list[Any] | None = None) -> Any:
        text = "".join(line if isinstance(line, str) else json.dumps(line) + "\n" for line in lines or [])
        monkeypatch.setattr("sys.stdin", io.StringIO(text))
        code = main(["deadline", *arguments, "--data", str(tmp_path)])
        out, err = capsys.readouterr()
        return code, out.splitlines(), err

    return run


def test_one_deadline_as_json(deadline: Any) -> None:
    code, (line,), _ = deadline("--received", "2026-11-23T16:00:00+07:00", "--hours", "8", "--json")
    found = json.loads(line)
    assert code == 0
    assert set(found) == {"due", "steps", "unconfirmed_years"}
    assert (found["due"], found["unconfirmed_years"]) == ("2026-11-25T16:00:00+07:00", [])
    assert [step["counted_s"] for step in found["steps"]] == [3600, 0, 7 * 3600]


def test_one_deadline_in_words(deadline: Any) -> None:
    code, lines, _ = deadline("--received", "2026-12-31T16:00", "--hours", "8")
    assert code == 0
    assert lines[-2] == "Hạn: 2027-01-04T16:00:00+07:00"
    assert "2027" in lines[-1]


def test_times_may_have_any_offset_and_pauses_may_be_open(deadline: Any) -> None:
    paused = [
        "--paused",
        "2026-11-25T03:00:00Z/2026-11-25T11:00",
        "--paused",
        "2026-11-25T08:30/2026-11-25T09:30",
    ]
    _, (line,), _ = deadline("--received", "2026-11-25T01:00:00Z", "--hours", "2", *paused, "--json")  # fmt: skip
    assert json.loads(line)["due"] == "2026-11-25T14:00:00+07:00"
    together = ["--paused", *paused[1::2]]
    _, (line,), _ = deadline("--received", "2026-11-25T01:00:00Z", "--hours", "2", *together, "--json")
    assert json.loads(line)["due"] == "2026-11-25T14:00:00+07:00"
    for still in ("2026-11-25T09:00/", "2026-11-25T09:00/.."):
        _, (line,), _ = deadline(
            "--received", "2026-11-25T08:00", "--hours", "2", "--paused", still, "--json"
        )
        assert json.loads(line)["due"] is None


def test_lines_keep_their_ids_and_order(deadline: Any) -> None:
    asked = [
        {"id": "a", "received": "2026-02-13T19:00:00+07:00", "hours": 48, "paused": []},
        {"id": 2, "received": "2026-11-25T08:00", "hours": 8},
        {"id": None, "received": "2026-11-25T08:00", "hours": 8, "paused": [["2026-11-25T08:00", None]]},
        {"id": "ms", "received": "2026-11-25T08:00:00.500", "hours": 1},
    ]
    code, lines, _ = deadline(lines=asked)
    found = [json.loads(line) for line in lines]
    assert code == 0
    assert [(one["id"], one["due"]) for one in found] == [
        ("a", "2026-03-02T17:00:00+07:00"),
        (2, "2026-11-26T08:00:00+07:00"),
        (None, None),
        ("ms", "2026-11-25T09:00:01+07:00"),
    ]
    assert deadline(lines=[]) == (0, [], "")


@pytest.mark.parametrize(
    "line",
    [
        "nonsense\n",
        [],
        {"received": "2026-11-25T08:00", "hours": 8},
        {"id": 1, "hours": 8},
        {"id": 1, "received": "hôm qua", "hours": 8},
        {"id": 1, "received": "2026-11-25T08:00"},
        {"id": 1, "received": "2026-11-25T08:00", "hours": 0},
        {"id": 1, "received": "2026-11-25T08:00", "hours": True},
        {"id": 1, "received": "2026-11-25T08:00", "hours": float("nan")},
        {"id": 1, "received": "2026-11-25T08:00", "hours": 8, "paused": [["2026-11-25T08:00"]]},
        {"id": 1, "received": "2026-11-25T08:00", "hours": 8, "paused": "x"},
        {
            "id": 1,
            "received": "2026-11-25T08:00",
            "hours": 8,
            "paused": [["2026-11-25T09:00", "2026-11-25T08:00"]],
        },
        {
            "id": 1,
            "received": "2026-11-25T08:00",
            "hours": 8,
            "paused": [["2026-11-25T09:00", "9998-11-25T08:00"]],
        },
    ],
)
def test_a_wrong_line_is_named(deadline: Any, line: Any) -> None:
    good = {"id": 0, "received": "2026-11-25T08:00", "hours": 8}
    code, lines, error = deadline(lines=[good, line])
    assert code == 2
    assert len(lines) == 1
    assert "line 2" in error
    assert len(error.splitlines()) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["--received", "2026-11-25T08:00"],
        ["--received", "x", "--hours", "8"],
        ["--received", "2026-11-25T08:00", "--hours", "8", "--paused", "2026-11-25T09:00"],
    ],
)
def test_wrong_arguments_are_one_line_on_stderr(deadline: Any, arguments: list[str]) -> None:
    code, lines, error = deadline(*arguments)
    assert (code, lines, len(error.splitlines())) == (2, [], 1)


def test_an_edited_calendar_is_the_one_that_counts(deadline: Any, tmp_path: Path) -> None:
    calendar = product_calendar()
    calendar["holidays"].append({"date": "2026-11-25", "name": "Nghỉ đột xuất", "status": "confirmed"})

    async def edit() -> None:
        store = SqliteStore(tmp_path / "hub.db")
        await store.open()
        await store.put_state(CALENDAR, json.dumps(calendar, default=str).encode(), expects=0, now=1)
        await store.close()

    asyncio.run(edit())
    _, (line,), _ = deadline("--received", "2026-11-23T16:00", "--hours", "8", "--json")
    assert json.loads(line)["due"] == "2026-11-26T16:00:00+07:00"
