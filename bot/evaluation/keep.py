"""The last run that was kept: what the next one is compared with."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bot.evaluation.figures import Figure
from bot.evaluation.turns import Confusions

LAST = Path(__file__).parent / "last.json"


def as_json(figures: Mapping[str, Figure], confusions: Confusions) -> dict[str, Any]:
    return {
        "figures": {name: asdict(figure) for name, figure in figures.items()},
        "confusions": [[a, b, n] for (a, b), n in confusions.most_common(40)],
    }


def load_last(path: Path = LAST) -> dict[str, Figure]:
    """The figures of the last run that was kept; none before the first."""
    if not path.exists():
        return {}
    kept = json.loads(path.read_text(encoding="utf-8"))
    return {name: Figure(**fields) for name, fields in kept["figures"].items()}


def save(figures: Mapping[str, Figure], confusions: Confusions, path: Path = LAST) -> None:
    text = json.dumps(as_json(figures, confusions), ensure_ascii=False, indent=1)
    path.write_text(text + "\n", encoding="utf-8")
