"""What editors change and look at, on every store: the history is whole, and nothing is overwritten unseen."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from hub.errors import KnowledgeMoved
from hub.model import KnowledgeDoc, KnowledgeEdit
from hub.ports import Store
from hub.store import store_for
from tests.contract.builders import T0, arrive, event, review, turn

SEED = KnowledgeDoc(kind="procedure", id="p", body={"name": "Tên gốc", "n": 1})
MINE = KnowledgeDoc(kind="procedure", id="p", body={"name": "Tên sửa"}, origin="editor")


def edit(id_: str, before: KnowledgeDoc | None, after: KnowledgeDoc | None, **fields: Any) -> KnowledgeEdit:
    one = before or after
    assert one is not None
    values = {"state": "applied", "by": "s-1", "at": T0} | fields
    return KnowledgeEdit(id=id_, kind=one.kind, entry=one.id, before=before, after=after, **values)


async def test_an_edit_changes_its_entry_and_stays_in_the_history(store: Store) -> None:
    first = await store.put_knowledge([SEED], now=T0)
    done = edit("e-1", SEED, MINE, note="tên mới", question="q-1")
    await store.commit_edit(done)
    assert await store.knowledge_revision() == first + 1
    assert await store.knowledge_entry("procedure", "p") == MINE
    assert await store.knowledge_entry("faq", "p") is None
    await store.commit_edit(done)  # the same form again
    assert await store.knowledge_revision() == first + 1
    assert await store.knowledge_edit("e-1") == done
    assert await store.knowledge_edit("e-2") is None
    assert await store.knowledge_edits(kind="procedure", entry="p", limit=9) == [done]


async def test_neither_the_seed_nor_an_import_overwrites_what_an_editor_changed(store: Store) -> None:
    await store.put_knowledge([SEED], now=T0)
    await store.commit_edit(edit("e-1", SEED, MINE))
    revision = await store.knowledge_revision()
    imported = SEED.model_copy(update={"origin": "import", "body": {"name": "Tên nhập"}})
    assert await store.put_knowledge([SEED, imported], now=T0 + 1) == revision
    assert await store.knowledge() == [MINE]


async def test_an_undone_edit_leaves_what_was_there_before_it(store: Store) -> None:
    """The seed's entry is the seed's again, and follows it; what was new is gone."""
    await store.put_knowledge([SEED], now=T0)
    await store.commit_edit(edit("e-1", SEED, MINE))
    await store.commit_edit(edit("e-2", MINE, SEED, undoes="e-1", at=T0 + 1))
    newer = SEED.model_copy(update={"body": {"name": "Tên gốc mới"}})
    await store.put_knowledge([newer], now=T0 + 2)
    assert await store.knowledge() == [newer]
    new = KnowledgeDoc(kind="faq", id="f", body={"q": 1}, origin="editor")
    await store.commit_edit(edit("e-3", None, new, at=T0 + 3))
    await store.commit_edit(edit("e-4", new, None, at=T0 + 4))
    assert await store.knowledge_entry("faq", "f") is None
    assert [one.id for one in await store.knowledge_edits(limit=9)] == ["e-4", "e-3", "e-2", "e-1"]
    assert [one.id for one in await store.knowledge_edits(limit=1)] == ["e-4"]


async def test_of_editors_of_two_hubs_at_once_one_is_told_nothing(store: Store, store_url: str) -> None:
    await store.put_knowledge([SEED], now=T0)
    other = store_for(store_url, Path())
    await other.open()
    names = [MINE.model_copy(update={"body": {"name": f"Tên {n}"}}) for n in range(6)]
    tried = [(store, other)[n % 2].commit_edit(edit(f"e-{n}", SEED, name)) for n, name in enumerate(names)]
    outcomes = await asyncio.gather(*tried, return_exceptions=True)
    await other.close()
    assert [type(one) for one in outcomes if one is not None] == [KnowledgeMoved] * 5
    (kept,) = await store.knowledge_edits(limit=9)
    assert await store.knowledge() == [kept.after]


async def test_a_proposal_changes_nothing_until_it_is_approved(store: Store) -> None:
    revision = await store.put_knowledge([SEED], now=T0)
    proposed = edit("e-1", SEED, MINE, state="proposed", by="s-officer")
    await store.commit_edit(proposed)
    assert (await store.knowledge_revision(), await store.knowledge()) == (revision, [SEED])
    assert await store.knowledge_edits(state="proposed", by="s-officer", limit=9) == [proposed]
    approved = proposed.model_copy(
        update={"state": "applied", "decided_by": "s-1", "decided_at": T0 + 5, "reason": "đúng"}
    )
    await store.commit_edit(approved, expects="proposed")
    assert await store.knowledge() == [MINE]
    assert await store.knowledge_edits(state="proposed", limit=9) == []
    assert await store.knowledge_edits(limit=9) == [approved]
    rejected = approved.model_copy(update={"state": "rejected"})
    with pytest.raises(KnowledgeMoved):  # somebody has decided already
        await store.commit_edit(rejected, expects="proposed")


async def test_a_rejected_proposal_stays_with_its_reason(store: Store) -> None:
    await store.put_knowledge([SEED], now=T0)
    proposed = edit("e-1", SEED, MINE, state="proposed")
    await store.commit_edit(proposed)
    rejected = proposed.model_copy(
        update={"state": "rejected", "decided_by": "s-1", "decided_at": T0 + 1, "reason": "thiếu căn cứ"}
    )
    await store.commit_edit(rejected, expects="proposed")
    await store.commit_edit(rejected, expects="proposed")
    assert await store.knowledge_edit("e-1") == rejected
    assert await store.knowledge() == [SEED]


# ---- what the editors should look at


async def test_a_turn_lays_its_question_before_the_editors_once(store: Store) -> None:
    (message,) = await arrive(store, event("a"))
    item = review("i-1", message.conversation)
    asked = turn(message.conversation, "t-1", handles=1, outcome="ticketed", review=item)
    await store.commit_turn(asked)
    await store.settle_reviews(item.key, "done", by="s-1", now=T0 + 1)
    await store.commit_turn(asked)  # a repeat brings nothing back
    (kept,) = await store.reviews(limit=9)
    assert (kept.state, kept.settled_by, kept.settled_at) == ("done", "s-1", T0 + 1)


async def test_equal_questions_are_counted_together(store: Store) -> None:
    for n, (question, reason) in enumerate(
        [("một", "unknown"), ("hai", "unknown"), ("một", "wrong"), ("ba", "clarify"), ("một", "unknown")]
    ):
        await store.put_review(review(f"i-{n}", f"c-{n}", question, reason=reason, at=T0 + n))
    groups = await store.review_groups("open", limit=9)
    assert [(one.newest.question, one.newest.id, one.count, one.wrong) for one in groups] == [
        ("một", "i-4", 3, 1), ("ba", "i-3", 1, 0), ("hai", "i-1", 1, 0),
    ]  # fmt: skip
    (wrong,) = await store.review_groups("open", reason="wrong", limit=9)
    assert (wrong.newest.id, wrong.count, wrong.wrong) == ("i-2", 1, 1)
    assert len(await store.review_groups("open", limit=2)) == 2
    assert [one.id for one in await store.reviews(key="q-một", limit=9)] == ["i-4", "i-2", "i-0"]
    assert [one.id for one in await store.reviews(conversation="c-3", limit=9)] == ["i-3"]


async def test_a_settled_question_comes_back_when_it_is_asked_again(store: Store) -> None:
    await store.put_review(review("i-1", "c-1", at=T0))
    key = (await store.reviews(limit=1))[0].key
    assert await store.settle_reviews(key, "dismissed", by="s-1", now=T0 + 1) == 1
    assert await store.settle_reviews(key, "done", by="s-2", now=T0 + 2) == 0
    await store.put_review(review("i-2", "c-2", at=T0 + 3))
    assert [one.newest.id for one in await store.review_groups("open", limit=9)] == ["i-2"]
    assert [one.newest.id for one in await store.review_groups("dismissed", limit=9)] == ["i-1"]
    assert await store.settle_reviews(key, "open", by="s-1", now=T0 + 4) == 1
    (both,) = await store.review_groups("open", limit=9)
    assert both.count == 2


async def test_a_mark_may_be_given_its_reason_later(store: Store) -> None:
    marked = review("i-1", "c-1", reason="wrong", marked_by="s-1")
    await store.put_review(marked)
    with_reason = marked.model_copy(update={"note": "phí đã đổi"})
    await store.put_review(with_reason)
    assert await store.reviews(limit=9) == [with_reason]
