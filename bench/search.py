"""Search in the knowledge base: build and query times at 202 and 6,000 procedures, beside SQLite's FTS5.

    uv run python -m bench.search

The larger set is grown from the real titles (another object or place is put behind each), so it is full of near
duplicates. The peer is FTS5 with the trigram tokenizer over the same folded names and aliases, ranked by bm25.
Query times are CPU times, so that what else runs on the machine does not count.
"""

import itertools
import random
import sqlite3
import statistics
import time
from collections.abc import Callable

from bot.knowledge import KnowledgeBase, seed_docs
from bot.knowledge.wording import tokens
from bot.text import fold
from hub.model import KnowledgeDoc

QUERIES = 400
LARGE = 6_000
GROWN_BY = (
    "cho hộ nghèo", "ở vùng biên giới", "đối với tổ chức", "cho người cao tuổi", "trong khu công nghiệp", "cấp tỉnh",
    "theo ủy quyền", "cho doanh nghiệp nhỏ", "ở đảo", "cho học sinh", "đối với cá nhân", "có thời hạn", "lần hai",
    "trong khu kinh tế", "cho hợp tác xã", "ngoài giờ hành chính", "cho người khuyết tật", "do sáp nhập", "trực tuyến",
    "qua bưu chính", "cho người lao động", "ở cửa khẩu", "đối với trường học", "cho cơ sở y tế", "bị hư hỏng",
    "do thay đổi tên", "theo bản án", "cho công trình tạm", "đối với phương tiện thủy", "cho vùng nuôi",
)  # fmt: skip


def grown(docs: list[KnowledgeDoc], count: int) -> list[KnowledgeDoc]:
    procedures = [doc for doc in docs if doc.kind == "procedure"]
    more = []
    for number, (tail, doc) in enumerate(itertools.product(GROWN_BY, procedures), 1):
        if len(procedures) + len(more) >= count:
            break
        body = {
            **doc.body,
            "id": f"{doc.id}-{number}"[-80:].strip("-"),
            "name": f"{doc.body['name']} {tail}",
            "aliases": [f"{alias} {tail}" for alias in doc.body["aliases"]],
        }
        more.append(doc.model_copy(update={"id": body["id"], "body": body}))
    return [*docs, *more]


def asked(docs: list[KnowledgeDoc], spoil: Callable[[str], str]) -> list[tuple[str, str]]:
    """(question, id of the procedure it is about)."""
    pick = random.Random(8022)
    procedures = [doc for doc in docs if doc.kind == "procedure"]
    chosen = pick.choices(procedures, k=QUERIES)
    return [(spoil(pick.choice([doc.body["name"], *doc.body["aliases"]])), doc.id) for doc in chosen]


def misspelt(text: str) -> str:
    """About one word in ten with two letters swapped."""
    pick = random.Random(text)
    words = text.split()
    for at, word in enumerate(words):
        if len(word) > 2 and pick.random() < 0.1:
            place = pick.randrange(len(word) - 1)
            words[at] = word[:place] + word[place + 1] + word[place] + word[place + 2 :]
    return " ".join(words)


class Peer:
    """SQLite FTS5, trigrams, bm25: what one gets without writing an index."""

    def __init__(self, docs: list[KnowledgeDoc]) -> None:
        self._db = sqlite3.connect(":memory:")
        self._db.execute("CREATE VIRTUAL TABLE entry USING fts5(id UNINDEXED, names, tokenize='trigram')")
        rows = [
            (doc.id, fold(" ; ".join([doc.body["name"], *doc.body["aliases"]])))
            for doc in docs
            if doc.kind == "procedure"
        ]
        self._db.executemany("INSERT INTO entry VALUES (?, ?)", rows)

    def search(self, query: str) -> list[str]:
        words = [token.word for token in tokens(query) if len(token.word) > 2] or ["xyz"]
        match = " OR ".join(f'"{word}"' for word in words)
        found = self._db.execute("SELECT id FROM entry WHERE entry MATCH ? ORDER BY rank LIMIT 10", (match,))
        return [row[0] for row in found]


def measure(
    search: Callable[[str], list[str]], questions: list[tuple[str, str]]
) -> tuple[float, float, float, float]:
    times, first, five = [], 0, 0
    for query, wanted in questions:
        start = time.thread_time()
        ids = search(query)
        times.append((time.thread_time() - start) * 1e3)
        first += ids[:1] == [wanted]
        five += wanted in ids[:5]
    p99 = statistics.quantiles(times, n=100)[98]
    return statistics.median(times), p99, 100 * first / len(questions), 100 * five / len(questions)


def main() -> None:
    seed = seed_docs()
    print("procedures | engine | build s | queries | p50 ms | p99 ms | hit@1 % | hit@5 %")
    for docs in (seed, grown(seed, LARGE)):
        count = sum(doc.kind == "procedure" for doc in docs)
        start = time.perf_counter()
        kb = KnowledgeBase.build(docs)
        built = time.perf_counter() - start
        start = time.perf_counter()
        peer = Peer(docs)
        peer_built = time.perf_counter() - start
        engines: list[tuple[str, float, Callable[[str], list[str]]]] = [
            ("ours", built, lambda query, kb=kb: [hit.id for hit in kb.search(query)]),  # type: ignore[misc]
            ("FTS5", peer_built, peer.search),
        ]
        for kind, spoil in (("clean", str), ("no marks", fold), ("typos", misspelt)):
            questions = asked(docs, spoil)
            for name, seconds, search in engines:
                p50, p99, first, five = measure(search, questions)
                print(
                    f"{count:>10} | {name} | {seconds:.2f} | {kind} | {p50:.2f} | {p99:.2f} | {first:.1f} | {five:.1f}"
                )


if __name__ == "__main__":
    main()
