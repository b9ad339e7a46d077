"""Moving a whole installation from one store to another: ``hub store copy FROM TO``.

Both stores give and take the same plain rows, section by section. How far it got stands in the target, so an
interrupted copy goes on where it was; until every section has been compared, row by row, the target says that it is being
filled and no hub opens it. Leases and holds are not copied: what was leased is due again, and a send that was under
way counts as interrupted, as after the death of its worker.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from hub.errors import StoreError
from hub.model import Blob, blob_id

#: One thing of a section. ``_id`` names it in every store; the values are JSON or bytes.
Row = dict[str, Any]
#: Where reading a section goes on: whatever JSON a store likes.
Place = Any

#: In the order of copying. Content comes first and deliveries last, so that nothing points at what is not there yet.
SECTIONS = (
    "blobs", "counters", "knowledge", "knowledge_edits", "states", "staff", "conversations", "messages", "events",
    "turns", "tickets", "notices", "reviews", "audit", "raw",
)  # fmt: skip
#: Rows at once: content and deliveries may have many megabytes each.
_PAGES = {"blobs": 1, "raw": 20}
_PAGE = 500
PROGRESS = "being filled"  # the state that marks a target


@dataclass(frozen=True)
class Section:
    """What a finished copy tells of one section."""

    name: str
    rows: int
    digest: str  # of all rows, whatever their order


class Movable(Protocol):
    """What a store offers besides ``hub.ports.Store`` so that it can be moved."""

    async def open(self) -> None: ...
    async def close(self) -> None: ...
    async def busy(self, *, now: int) -> list[str]:
        """Who works on it now: jobs that are held and conversations that are leased."""
        ...

    async def rows(self, section: str, after: Place, limit: int) -> list[tuple[Place, Row]]:
        """The next rows of a section, from the start if ``after`` is None."""
        ...

    async def put_rows(self, section: str, rows: Sequence[Row]) -> None:
        """Add rows; those that are there already stay as they are."""
        ...

    async def progress(self) -> dict[str, Any] | None:
        """How far a copy into this store got; None: it is whole."""
        ...

    async def set_progress(self, progress: dict[str, Any] | None) -> None: ...


async def copy(
    source: Movable,
    target: Movable,
    *,
    name: str,
    now: int,
    tell: Callable[[str], None],
) -> list[Section]:
    """Copy everything, compare everything, and only then release the target. Both are opened by the caller.

    Args:
        name: what the source is called, so that a copy is never gone on with from another one.

    Raises:
        StoreError: with what to do; run again, it goes on where it was.
    """
    for store, what in ((source, "the source"), (target, "the target")):
        if busy := await store.busy(now=now):
            raise StoreError(f"{what} is in use ({', '.join(busy[:3])}): stop every hub on it and try again")
    if await source.progress() is not None:
        raise StoreError("the source is itself being filled by a copy that has not been finished")
    progress = await _begin(target, name)
    for section in SECTIONS:
        if progress["at"].get(section) != "done":
            await _fill(source, target, section, progress, tell)
    sections = [await _compare(source, target, section, tell) for section in SECTIONS]
    await target.set_progress(None)
    return sections


async def _begin(target: Movable, name: str) -> dict[str, Any]:
    progress = await target.progress()
    if progress is None:
        for section in SECTIONS:
            if await target.rows(section, None, 1):
                raise StoreError(f"the target is not empty (it has {section}): give a new one")
        progress = {"from": name, "at": {}}
        await target.set_progress(progress)
    elif progress["from"] != name:
        raise StoreError(
            f"the target is being filled from {progress['from']}: finish that, or give a new one"
        )
    return progress


async def _fill(
    source: Movable, target: Movable, section: str, progress: dict[str, Any], tell: Callable[[str], None]
) -> None:
    limit, copied = _PAGES.get(section, _PAGE), 0
    after = progress["at"].get(section)
    while page := await source.rows(section, after, limit):
        await target.put_rows(section, [row for _, row in page])
        after, copied = page[-1][0], copied + len(page)
        progress["at"][section] = after
        await target.set_progress(progress)
        if copied % 10_000 < limit <= copied:
            tell(f"{section}: {copied:,}…")
    progress["at"][section] = "done"
    await target.set_progress(progress)


async def _compare(source: Movable, target: Movable, section: str, tell: Callable[[str], None]) -> Section:
    ours, theirs = await _sum(source, section), await _sum(target, section)
    if ours != theirs:
        raise StoreError(
            f"{section} differ after copying, first at {await _first_difference(source, target, section)}: if somebody"
            " wrote to the source meanwhile, give a new target and copy again"
        )
    tell(f"{section}: {ours.rows:,} rows, {ours.digest[:16]}, equal")
    return ours


async def _sum(store: Movable, section: str) -> Section:
    total, rows, after = 0, 0, None
    while page := await store.rows(section, after, _PAGES.get(section, _PAGE)):
        total += sum(int(_digest(row), 16) for _, row in page)
        after, rows = page[-1][0], rows + len(page)
    return Section(section, rows, f"{total % 2**256:064x}")


async def _first_difference(source: Movable, target: Movable, section: str) -> str:
    digests: dict[str, str] = {}
    for store in (source, target):
        after = None
        while page := await store.rows(section, after, _PAGES.get(section, _PAGE)):
            for _, row in page:
                if digests.pop(row["_id"], None) != (digest := _digest(row)):
                    digests[row["_id"]] = digest
            after = page[-1][0]
    return min(digests, default="nothing: it changes while it is compared")


def blob_row(id_: str, blob: Blob | None) -> Row:
    """The row of some content.

    Raises:
        StoreError: it is not there, or is not what it was.
    """
    if blob is None or blob_id(blob.data) != id_:
        raise StoreError(f"content {id_} is missing or damaged: restore it from a backup, then copy again")
    return {"_id": id_, "media_type": blob.media_type, "data": blob.data}


def _digest(row: Row) -> str:
    return hashlib.sha256(json.dumps(row, sort_keys=True, default=_hex).encode()).hexdigest()


def _hex(value: object) -> str:
    if isinstance(value, bytes):
        return value.hex()
    raise TypeError(f"a row holds {type(value).__name__}")
