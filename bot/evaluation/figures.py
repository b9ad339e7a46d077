"""A figure: a mean over sentences, with how much it would vary had other sentences of the kind been drawn."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

RESAMPLES = 500
SEED = 1022
PRECISION = 0.95
#: So many spreads may a figure fall: learning again with a dozen phrases more has moved figures by up to 1.3 spreads
#: in either direction (2026-11-26).
MARGIN = 2.0


@dataclass(frozen=True)
class Figure:
    """``spread`` is the standard deviation over bootstrap resamples: what the gate's margin is made of."""

    value: float
    n: int
    spread: float
    more_is_better: bool = True


def mean(values: Iterable[float], *, more_is_better: bool = True) -> Figure:
    seen = np.asarray(list(values), dtype=np.float64)
    if not len(seen):
        return Figure(0.0, 0, 0.0, more_is_better)
    draws = np.random.default_rng(SEED).integers(0, len(seen), (RESAMPLES, len(seen)))
    return Figure(
        round(float(seen.mean()), 4),
        len(seen),
        round(float(seen[draws].mean(axis=1).std()), 4),
        more_is_better,
    )


def coverage(answers: Sequence[tuple[float, bool]]) -> Figure:
    """The largest share of questions, surest first, of which 95 % are answered rightly; of (confidence, right)."""
    confidence = np.array([sure for sure, _ in answers])
    right = np.array([hit for _, hit in answers], dtype=np.float64)

    def covered(at: "np.typing.NDArray[np.int64]") -> float:
        order = at[np.argsort(-confidence[at], kind="stable")]
        precise = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
        enough = np.flatnonzero(precise >= PRECISION)
        return float(enough[-1] + 1) / len(order) if len(enough) else 0.0

    draws = np.random.default_rng(SEED).integers(0, len(answers), (RESAMPLES, len(answers)))
    return Figure(
        round(covered(np.arange(len(answers))), 4),
        len(answers),
        round(float(np.std([covered(draw) for draw in draws])), 4),
    )


def by(name: str, groups: Iterable[tuple[str, float]]) -> dict[str, Figure]:
    """One figure for each group, named ``name.group``."""
    values: dict[str, list[float]] = {}
    for group, value in groups:
        values.setdefault(group, []).append(value)
    return {f"{name}.{group}": mean(values[group]) for group in sorted(values)}


def fallen(now: Mapping[str, Figure], before: Mapping[str, Figure]) -> list[str]:
    """What became worse by more than its margin, one line each; only figures both runs have."""
    lines = []
    for name, was in before.items():
        if name not in now:
            continue
        worse = was.value - now[name].value if was.more_is_better else now[name].value - was.value
        margin = max(MARGIN * was.spread, 1 / max(was.n, 1))
        if worse > margin + 1e-9:
            lines.append(f"{name}: {now[name].value:.3f}, was {was.value:.3f} (margin {margin:.3f})")
    return lines
