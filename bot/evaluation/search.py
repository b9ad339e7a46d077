"""The part that needs no Rasa: which entry is found, and what is done with it. Seconds."""

from bot.evaluation.figures import Figure, by, coverage, mean
from bot.evaluation.sets import Row, Sets
from bot.knowledge import KnowledgeBase, Match

WITHIN = 10


def search_figures(knowledge: KnowledgeBase, sets: Sets) -> dict[str, Figure]:
    pairs = sets.retrieval
    questions = [row for row in sets.messages if row["kind"] in ("procedure", "faq")]
    strangers = [row for row in sets.messages if row["kind"] == "unknown_procedure"]
    ranks = [_rank(knowledge, row) for row in pairs]
    found = [(row, knowledge.find(row["text"])) for row in (*pairs, *questions)]
    faqs = [(row, match) for row, match in found if row.get("faq")]
    unknown = [knowledge.find(row["text"]) for row in strangers]
    return {
        "search.procedure@1": mean(float(rank < 1) for rank in ranks),
        "search.procedure@3": mean(float(rank < 3) for rank in ranks),
        "search.mrr": mean(1 / (rank + 1) if rank < WITHIN else 0.0 for rank in ranks),
        **by(
            "search.procedure@1",
            ((row["condition"], float(r < 1)) for row, r in zip(pairs, ranks, strict=True)),
        ),
        "find.faq@1": mean(float(bool(m.candidates) and m.candidates[0].id == row["faq"]) for row, m in faqs),
        "find.right": mean(float(m.id == _wanted(row)) for row, m in found),
        "find.wrong": mean((float(_wrong(row, m)) for row, m in found), more_is_better=False),
        "find.asked": mean(
            (float(m.outcome == "clarify" and _wanted(row) in _ids(m)) for row, m in found),
            more_is_better=False,
        ),
        "find.coverage_at_95": coverage([_best(row, match) for row, match in found]),
        "find.unknown_not_answered": mean(float(m.id is None) for m in unknown),
        "find.unknown_handed_over": mean(float(m.outcome == "unknown") for m in unknown),
    }


def _rank(knowledge: KnowledgeBase, row: Row) -> int:
    ids = [hit.id for hit in knowledge.search(row["text"], WITHIN)]
    return ids.index(row["procedure"]) if row["procedure"] in ids else WITHIN


def _wanted(row: Row) -> str:
    wanted: str = row.get("procedure") or row["faq"]
    return wanted


def _ids(match: Match) -> list[str]:
    return [hit.id for hit in match.candidates]


def _wrong(row: Row, match: Match) -> bool:
    return match.id is not None and match.id != _wanted(row)


def _best(row: Row, match: Match) -> tuple[float, bool]:
    best = match.candidates[0] if match.candidates else None
    return (best.score, best.id == _wanted(row)) if best else (0.0, False)
