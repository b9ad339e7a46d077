"""How good the bot is on sentences it has never seen: figures, comparison with the last run, report."""

from bot.evaluation.figures import Figure, fallen
from bot.evaluation.keep import LAST, as_json, load_last, save
from bot.evaluation.report import as_html
from bot.evaluation.search import search_figures
from bot.evaluation.sets import Sets, load_sets
from bot.evaluation.turns import Confusions, asked_lines, turn_figures

__all__ = [
    "LAST", "Confusions", "Figure", "Sets", "as_html", "as_json", "asked_lines", "fallen", "load_last", "load_sets",
    "save", "search_figures", "turn_figures",
]  # fmt: skip
