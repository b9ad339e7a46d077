"""Charts as plain geometry for inline SVG. What belongs to this time is filled with a pattern, the time before is an
outline: they are told apart without colour, on paper too."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

WIDTH: Final = 720
HEIGHT: Final = 190
TOP: Final = 22  # room for the values
BOTTOM: Final = 24  # and for the labels
MOST_LABELS: Final = 24  # of hours; days have longer ones
MOST_DAYS: Final = 11


@dataclass(frozen=True)
class Column:
    label: str  # of the axis; empty where there is no room
    name: str  # in full
    value: int
    before: int | None
    x: float
    width: float
    y: float
    height: float
    before_y: float


@dataclass(frozen=True)
class Columns:
    columns: list[Column]
    compared: bool
    width: int = WIDTH
    height: int = HEIGHT

    @property
    def floor(self) -> int:
        return self.height - BOTTOM


def columns(
    names: Sequence[str], values: Sequence[int], before: Sequence[int] | None, labels: Sequence[str]
) -> Columns:
    """``before`` may be shorter or longer than ``values`` (months are): what has no partner is left out."""
    most = max((*values, *(before or ()), 1))
    room = HEIGHT - TOP - BOTTOM
    step = WIDTH / len(values)
    every = 1 if len(values) <= MOST_LABELS else -(-len(values) // MOST_DAYS)

    def top(value: int) -> float:
        return round(HEIGHT - BOTTOM - value / most * room, 1)

    made = []
    for n, value in enumerate(values):
        past = before[n] if before is not None and n < len(before) else None
        made.append(
            Column(
                label=labels[n] if n % every == 0 else "",
                name=names[n],
                value=value,
                before=past,
                x=round(n * step + step * 0.14, 1),
                width=round(step * 0.72, 1),
                y=top(value),
                height=round(HEIGHT - BOTTOM - top(value), 1),
                before_y=top(past or 0),
            )
        )
    return Columns(made, before is not None)


@dataclass(frozen=True)
class Bar:
    """One line of a table with a bar in it; lengths are per cent."""

    id: str | None
    name: str
    value: int
    before: int | None
    length: float
    before_length: float
    inner: bool = False  # a part of the line above


def bars(rows: Sequence[tuple[str | None, str, int, int | None, bool]]) -> list[Bar]:
    """Rows are (id, name, value, value before, whether it is a part of the one above)."""
    most = max((*(row[2] for row in rows), *(row[3] or 0 for row in rows), 1))
    return [
        Bar(
            id_,
            name,
            value,
            before,
            round(100 * value / most, 1),
            round(100 * (before or 0) / most, 1),
            inner,
        )
        for id_, name, value, before, inner in rows
    ]


@dataclass(frozen=True)
class Part:
    """A piece of one bar that is a whole."""

    name: str
    pattern: str
    value: int
    share: float  # per cent
    start: float


def parts(rows: Sequence[tuple[str, str, int]]) -> list[Part]:
    """Rows are (name, pattern, value)."""
    total = sum(row[2] for row in rows) or 1
    shares = [100 * row[2] / total for row in rows]
    starts = [0.0, *accumulate(shares)]
    return [
        Part(name, pattern, value, round(share, 2), round(start, 2))
        for (name, pattern, value), share, start in zip(rows, shares, starts, strict=False)
    ]
