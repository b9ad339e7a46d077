"""``hub ask`` as a script uses it: JSON lines in, JSON lines out, with a Rasa of its own."""

import asyncio
import json
import sys
from pathlib import Path

KEYS = {
    "id", "kind", "procedure", "aspect", "faq", "category", "code", "slots", "answer", "buttons", "handoff",
    "confidence", "candidates", "parts",
}  # fmt: skip

ASKED = [
    {"id": "1", "text": "làm giấy khai sinh cần giấy tờ gì", "conversation": "a"},
    {"id": 2, "text": "xin chào"},
    {"id": "3", "text": "lệ phí nhiêu vậy", "conversation": "a", "channel": "zalo"},
    {"id": "4", "text": "cho tui gặp cán bộ"},
    {"id": "5", "text": '/choose_procedure{"procedure": "dang-ky-ket-hon"}'},
]


async def test_lines_come_back_in_order_with_every_key(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "hub.cli", "ask", "--json", "--data", str(tmp_path),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    printed, _ = await process.communicate("\n".join(map(json.dumps, ASKED)).encode())
    assert process.returncode == 0
    birth, hello, fee, person, payload = (json.loads(line) for line in printed.splitlines())
    assert [line["id"] for line in (birth, hello, fee, person)] == ["1", 2, "3", "4"]
    assert all(set(line) == KEYS for line in (birth, hello, fee, person, payload))
    assert (birth["kind"], birth["procedure"], birth["aspect"]) == (
        "procedure",
        "dang-ky-khai-sinh",
        "documents",
    )
    assert (hello["kind"], hello["procedure"], hello["parts"]) == ("greet", None, [])
    assert (fee["procedure"], fee["aspect"]) == ("dang-ky-khai-sinh", "fee"), (
        "turns of one conversation follow"
    )
    assert (person["kind"], person["handoff"]) == ("human", True)
    assert (
        payload["kind"] != "procedure"
        or payload["procedure"] != "dang-ky-ket-hon"
        or payload["confidence"] < 1
    )
