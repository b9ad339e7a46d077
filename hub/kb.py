"""``hub kb import``: an editor's file into the store. What was edited in the console stays, unless that is asked for."""

from dataclasses import dataclass
from pathlib import Path

from bot.knowledge import seed_docs
from bot.knowledge.entries import Entries
from bot.knowledge.importer import read_import
from hub.model import KnowledgeDoc, KnowledgeEdit, derived_id
from hub.ports import Store

#: Stands in the history for who ran the command.
IMPORTER = "import"


@dataclass(frozen=True)
class Imported:
    procedures: int
    kept: tuple[str, ...]  # ids that stay as editors left them
    replaced: tuple[str, ...]  # ids that editors had changed


async def import_file(store: Store, file: Path, *, over_edits: bool, now: int) -> Imported:
    """Everything of the file, or nothing.

    Raises:
        DataError: with a line per fault.
    """
    await store.put_knowledge(seed_docs(), now=now)
    present = {(doc.kind, doc.id): doc for doc in await store.knowledge()}
    known = {kind: {id_ for k, id_ in present if k == kind} for kind in ("agency", "source")}
    docs = read_import(file, known["agency"], known["source"])
    edited = [doc for doc in docs if present.get((doc.kind, doc.id), doc).origin == "editor"]
    taken = docs if over_edits else [doc for doc in docs if doc not in edited]
    Entries.of((present | {(doc.kind, doc.id): doc for doc in taken}).values())  # or nothing is stored
    await store.put_knowledge(docs, now=now)
    if over_edits:
        for doc in edited:
            await store.commit_edit(_replacing(present[doc.kind, doc.id], doc, file, now))
    ids = tuple(doc.id for doc in edited)
    return Imported(
        procedures=sum(doc.kind == "procedure" for doc in taken),
        kept=() if over_edits else ids,
        replaced=ids if over_edits else (),
    )


def _replacing(before: KnowledgeDoc, after: KnowledgeDoc, file: Path, now: int) -> KnowledgeEdit:
    """A line of the history, so that it can be undone as every other change."""
    return KnowledgeEdit(
        id=derived_id("e", IMPORTER, after.kind, after.id, str(now)),
        kind=after.kind,
        entry=after.id,
        before=before,
        after=after,
        state="applied",
        by=IMPORTER,
        at=now,
        note=f"Nhập từ tệp {file.name}",
    )
