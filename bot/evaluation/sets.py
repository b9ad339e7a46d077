"""The held-out sets. Nothing of them is trained on, and no threshold is chosen on them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.knowledge.load import parse_yaml, read_text

FOLDER = Path(__file__).parent / "sets"
Row = dict[str, Any]


@dataclass(frozen=True)
class Sets:
    """``messages`` stand alone, ``dialogues`` have turns, ``retrieval`` pairs a need with a procedure."""

    messages: list[Row]
    dialogues: list[Row]
    retrieval: list[Row]


def load_sets(folder: Path = FOLDER) -> Sets:
    """Raises ``DataError`` when a file is broken."""

    def rows(name: str) -> list[Row]:
        found: list[Row] = parse_yaml(read_text(folder / name), name)
        return found

    return Sets(rows("messages.yml"), rows("dialogues.yml"), rows("retrieval.yml"))
