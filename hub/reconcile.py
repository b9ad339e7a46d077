"""``hub reconcile``: do the books balance? Exit 1 if anything is missing, doubled or stuck; waiting alone is fine."""

import json

from hub.ports import Books

STUCK_AFTER_MS = 120_000  # past every lease and retry pause of a healthy hub


def as_json_lines(books: Books) -> list[str]:
    lines = [json.dumps({"type": "day", **line.model_dump()}, ensure_ascii=False) for line in books.lines]
    total = books.model_dump(exclude={"lines", "problems"})
    lines.append(json.dumps({"type": "total", **total, "balanced": not books.problems}))
    lines += [
        json.dumps({"type": "problem", "text": problem}, ensure_ascii=False) for problem in books.problems
    ]
    return lines


def as_table(books: Books) -> list[str]:
    columns = ("channel", "day", "ticketed", "answered", "no_reply_due", "waiting")
    rows = [columns] + [tuple(str(getattr(line, column)) for column in columns) for line in books.lines]
    widths = [max(len(row[i]) for row in rows) for i in range(len(columns))]
    table = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
    table.append(
        f"deliveries: {books.raw_items} items = {books.events} events + {books.duplicates} duplicates"
        f" + {books.refused} refused; {books.unparsed} deliveries wait for parsing"
    )
    table += [f"PROBLEM: {problem}" for problem in books.problems]
    table.append("the books do not balance" if books.problems else "the books balance")
    return table
