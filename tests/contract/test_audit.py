"""The audit log: only ever grows, one chain for all processes; and accounts that two people change at once."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from hub.audit import NOTHING, AuditNote, AuditQuery, broken
from hub.model import Staff
from hub.ports import Store
from hub.store import store_for
from tests.contract.builders import T0


def note(n: int, **fields: object) -> AuditNote:
    return AuditNote.model_validate({"at": T0 + n, "actor": "s-1", "action": "login.ok"} | fields)


@pytest.fixture
async def other(store_url: str, store: Store) -> AsyncIterator[Store]:
    other = store_for(store_url, Path())
    await other.open()
    yield other
    await other.close()


async def test_each_entry_carries_the_hash_of_the_one_before(store: Store) -> None:
    assert await store.audit(AuditQuery(), limit=9) == []
    first = await store.append_audit(note(1, facts={"vai trò": "admin", "n": 1, "on": True, "was": None}))
    second = await store.append_audit(note(2, target="k-1"))
    assert (first.n, first.previous, second.n, second.previous) == (1, NOTHING, 2, first.hash)
    assert await store.audit_after(0, limit=9) == [first, second]
    assert await store.audit_after(1, limit=9) == [second]
    assert await store.audit(AuditQuery(), limit=9) == [second, first]
    assert broken([first, second]) is None


async def test_a_changed_removed_or_inserted_entry_shows(store: Store) -> None:
    entries = [await store.append_audit(note(n)) for n in range(4)]
    assert broken(entries) is None
    assert broken(entries[2:], (entries[1].n, entries[1].hash)) is None
    changed = entries[1].model_copy(update={"actor": "s-2"})
    assert broken([entries[0], changed, *entries[2:]]) == 2
    assert broken([entries[0], *entries[2:]]) == 2
    assert broken(entries[1:]) == 1
    assert broken([*entries[:2], entries[1], *entries[2:]]) == 3


async def test_many_who_write_at_once_make_one_chain_without_gaps(store: Store, other: Store) -> None:
    await asyncio.gather(*((store, other)[n % 2].append_audit(note(n)) for n in range(30)))
    entries = await store.audit_after(0, limit=99)
    assert [entry.n for entry in entries] == list(range(1, 31))
    assert broken(entries) is None
    assert {entry.at for entry in entries} == {T0 + n for n in range(30)}


async def test_entries_are_found_by_what_is_asked(store: Store) -> None:
    for n, (actor, action, target) in enumerate(
        [
            ("s-1", "login.ok", None),
            ("s-1", "rules.routing", None),
            ("s-2", "rules.storm", "storm-1"),
            ("s-2", "rulesets", "s-1"),
        ],
        1,
    ):
        await store.append_audit(note(n, actor=actor, action=action, target=target))

    async def found(**query: object) -> list[int]:
        return [entry.n for entry in await store.audit(AuditQuery.model_validate(query), limit=9)]

    assert await found(actor="s-1") == [2, 1]
    assert await found(action="rules") == [3, 2]
    assert await found(action="rules.storm") == [3]
    assert await found(target="s-1") == [4]
    assert await found(since=T0 + 2, until=T0 + 4) == [3, 2]
    assert await found(before=3, actor="s-1") == [2, 1]
    assert await found(before=2) == [1]
    assert [entry.n for entry in await store.audit(AuditQuery(), limit=2)] == [4, 3]


async def test_the_sqlite_file_itself_refuses_changes(tmp_path: Path) -> None:
    store = store_for("", tmp_path)
    await store.open()
    await store.append_audit(note(1))
    await store.close()
    with closing(sqlite3.connect(tmp_path / "hub.db")) as c:
        for statement in ("UPDATE audit SET actor = 'x'", "DELETE FROM audit"):
            with pytest.raises(sqlite3.IntegrityError, match="only grows"):
                c.execute(statement)


async def test_of_two_who_change_an_account_at_once_the_second_is_refused(store: Store, other: Store) -> None:
    before = Staff(id="s-1", login="lan", name="Lan", role="operator", password_hash="x")
    await store.put_staff(before)
    one, two = (before.model_copy(update={"name": name}) for name in ("Sen", "Cúc"))
    assert await store.swap_staff(before, one)
    assert not await other.swap_staff(before, two)
    assert await store.staff("s-1") == one
    assert await other.swap_staff(one, two)
    assert not await store.swap_staff(
        Staff(id="s-9", login="x", name="x", role="admin", password_hash=""), one
    )
    both = [two.model_copy(update={"capacity": n}) for n in range(10)]
    done = await asyncio.gather(*((store, other)[n % 2].swap_staff(two, new) for n, new in enumerate(both)))
    assert sum(done) == 1
    assert await store.staff("s-1") == both[done.index(True)]
