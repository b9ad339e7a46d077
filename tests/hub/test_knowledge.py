"""Knowledge that changes in the store is live without a restart."""

from bot.knowledge import seed_docs
from hub.model import KnowledgeEdit
from hub.store.sqlite import SqliteStore
from hub.wiring import LiveKnowledge
from tests.conftest import FakeClock

ASKED = "gắn bảng hiệu trước quán cơm"
TARGET = "dang-ky-ho-kinh-doanh"


async def test_an_edit_is_live_at_once_and_learned_later(store: SqliteStore, clock: FakeClock) -> None:
    docs = seed_docs()
    procedures = [doc for doc in docs if doc.kind == "procedure"]
    few = [doc for doc in procedures if doc.id == TARGET] + procedures[:5]  # learned in a moment
    await store.put_knowledge([*few, *(doc for doc in docs if doc.kind not in ("procedure", "faq"))], now=1)
    live = LiveKnowledge(store, clock)
    assert await live.load()
    before = await store.knowledge_entry("procedure", TARGET)
    assert before is not None
    after = before.model_copy(update={"body": before.body | {"needs": [ASKED]}, "origin": "editor"})
    await store.commit_edit(
        KnowledgeEdit(
            id="e-1",
            kind="procedure",
            entry=TARGET,
            before=before,
            after=after,
            state="applied",
            by="s-1",
            at=1,
        )
    )
    assert await live.load()
    assert not await live.load()
    assert live().find(ASKED).id == TARGET
    assert live().behind
    await live.learn()
    assert not live().behind
    assert live().find(ASKED).id == TARGET
    assert live().revision == await store.knowledge_revision()
