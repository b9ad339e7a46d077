"""What may be shown to everybody: sums in which nobody can be found again. A count below ``LEAST`` is never shown, nor can
it be worked out from the others: small rows go together into one."""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, TypeVar

from handoff.reports.figures import Figures

K = TypeVar("K")

LEAST: Final = 5
OTHERS: Final = "Còn lại"


class Row(NamedTuple):
    name: str
    value: int


class Public(NamedTuple):
    """None stands for a count below ``LEAST``."""

    messages: int | None
    contacts: int | None
    tickets: int | None
    settled: int | None
    bot_share: int | None  # per cent of what called for an answer
    on_time_share: int | None
    solved_ms: int | None  # working time of half of the settled ones
    score: float | None
    rated_share: int | None
    channels: list[Row]
    fields: list[Row]
    communes: list[Row]


def public(
    found: Figures,
    channel: Callable[[str], str],
    group: Callable[[str | None], str],
    commune: Callable[[str | None], str],
) -> Public:
    total, flow, given = found.total, found.flow, found.satisfaction
    return Public(
        messages=shown(total.messages),
        contacts=shown(total.contacts),
        tickets=shown(flow.received),
        settled=shown(flow.settled),
        bot_share=_share(total.bot, total.bot + total.person + total.ticketed),
        on_time_share=_share(flow.on_time, flow.on_time + flow.late),
        solved_ms=found.solved.working.median if flow.settled >= LEAST else None,
        score=given.mean if given.answered >= LEAST else None,
        rated_share=_share(given.answered, given.asked),
        channels=rows({name: line.contacts for name, line in found.channels.items()}, channel),
        fields=rows(found.groups, group),
        communes=rows(found.communes, commune),
    )


def shown(count: int) -> int | None:
    return count if count >= LEAST else None


def rows(counts: Mapping[K, int], name: Callable[[K], str]) -> list[Row]:
    """Largest first; what is too small is put together, with the next larger one if that is still too small."""
    ordered = sorted(((n, name(key)) for key, n in counts.items() if n), reverse=True)
    kept = [(n, name_) for n, name_ in ordered if n >= LEAST]
    rest = sum(n for n, _ in ordered[len(kept) :])
    while kept and 0 < rest < LEAST:
        rest += kept.pop()[0]
    return [Row(name_, n) for n, name_ in kept] + ([Row(OTHERS, rest)] if rest >= LEAST else [])


def _share(part: int, whole: int) -> int | None:
    return round(100 * part / whole) if whole >= LEAST else None
