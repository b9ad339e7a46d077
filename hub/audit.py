"""The audit log: who did what to what, when. Entries are only ever added, and each carries the hash of the one before,
so that a changed, removed or inserted one shows.

No personal contents: ids of staff, tickets and rules, never what was said or by which citizen.
"""

import hashlib
import json
from collections.abc import Iterable
from typing import Any, Final

from hub.model import Value

#: What the first entry follows.
NOTHING: Final = "0" * 64


class AuditNote(Value):
    """What is to be written down. ``action`` is ``room.what``: login.ok, staff.role, rules.routing…"""

    at: int
    actor: str  # a staff id, "system", "token:<id>", or "?" where nobody is known
    action: str
    target: str | None = None  # id of what it was done to
    facts: dict[str, str | int | bool | None] = {}


class AuditEntry(AuditNote):
    n: int  # 1, 2, 3… without gaps
    previous: str
    hash: str


class AuditQuery(Value):
    """Which entries; what is None does not matter."""

    actor: str | None = None
    action: str | None = None  # itself, or the room before the dot
    target: str | None = None
    since: int | None = None
    until: int | None = None  # before this instant
    before: int | None = None  # n: older ones only


def chained(previous: tuple[int, str] | None, note: AuditNote) -> AuditEntry:
    """The entry that follows the one with this number and hash (None: the first)."""
    n, hash_ = previous or (0, NOTHING)
    fields = note.model_dump(include=set(AuditNote.model_fields)) | {"n": n + 1, "previous": hash_}
    return AuditEntry(**fields, hash=_digest(fields))


def broken(entries: Iterable[AuditEntry], previous: tuple[int, str] | None = None) -> int | None:
    """The number of the first of consecutive entries that does not follow from the one before; None: all do."""
    n, hash_ = previous or (0, NOTHING)
    for entry in entries:
        fields = entry.model_dump(exclude={"hash"})
        if entry.n != n + 1 or entry.previous != hash_ or entry.hash != _digest(fields):
            return n + 1
        n, hash_ = entry.n, entry.hash
    return None


def _digest(fields: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(fields, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
