"""Content: kept once, whole or not at all."""

import asyncio
import hashlib
import os
import random
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from hub.errors import StoreUnavailable
from hub.ports import Store
from hub.store import store_for
from tests.contract.builders import T0
from tests.contract.test_crash import NOW, deaths, nothing, opened

MB = 2**20
DAY = 24 * 60 * 60 * 1000
CONTENT = random.Random(1022).randbytes(600_000)


@pytest.fixture
async def other(store_url: str, store: Store) -> AsyncIterator[Store]:
    """Another hub's store on the same data."""
    other = store_for(store_url, Path())
    await other.open()
    yield other
    await other.close()


@pytest.mark.parametrize("size", [0, 1, 9 * MB, 25 * MB], ids=["empty", "1B", "9MB", "25MB"])
async def test_content_comes_back(store: Store, other: Store, size: int) -> None:
    data = random.Random(size).randbytes(size)
    id_ = await store.put_blob(data, media_type="image/jpeg", now=T0)
    assert id_ == "b_" + hashlib.sha256(data).hexdigest()[:32]
    kept = await other.blob(id_)
    assert kept is not None
    assert (kept.id, kept.media_type, kept.size) == (id_, "image/jpeg", size)
    assert kept.data == data


async def test_the_same_content_again_changes_nothing(store: Store, other: Store) -> None:
    first = await store.put_blob(b"abc", media_type="text/plain", now=T0)
    kept = await store.blob(first)
    assert await other.put_blob(b"abc", media_type="image/png", now=T0 + 1) == first
    assert await store.put_blob(b"abd", media_type="text/plain", now=T0) != first
    assert await other.blob(first) == kept


@pytest.mark.parametrize("unknown", ["b_0", "", "b_../../x", "b_" + "0" * 32])
async def test_what_is_not_there_is_none(store: Store, unknown: str) -> None:
    assert await store.blob(unknown) is None


async def test_the_same_content_kept_by_many_at_once(store: Store, other: Store) -> None:
    ids = await asyncio.gather(
        *((store, other)[n % 2].put_blob(CONTENT, media_type="image/png", now=T0) for n in range(8))
    )
    assert len(set(ids)) == 1
    kept = await other.blob(ids[0])
    assert kept is not None
    assert kept.data == CONTENT


async def test_content_stays_when_the_store_is_opened_again(store: Store, store_url: str) -> None:
    id_ = await store.put_blob(CONTENT, media_type="image/png", now=T0)
    await store.close()
    with pytest.raises(StoreUnavailable):
        await store.blob(id_)
    with pytest.raises(StoreUnavailable):
        await store.put_blob(b"x", media_type="image/png", now=T0)
    async with opened(store_url) as again:
        kept = await again.blob(id_)
    assert kept is not None
    assert kept.data == CONTENT
    await store.open()


# ---- a writer that dies


async def keep(store: Store, _: Any) -> str:
    return await store.put_blob(CONTENT, media_type="image/png", now=NOW)


def folder_of(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///") + ".blobs")


def age(folder: Path, at: int) -> None:
    """Let the files that are not finished look as if they were written then."""
    for part in folder.glob("new/*"):
        os.utime(part, ns=(at * 1_000_000, at * 1_000_000))


def remains(url: str) -> int:
    """How much is stored, beside what can be asked for."""
    if url.startswith("sqlite"):
        return sum(path.stat().st_size for path in folder_of(url).rglob("*") if path.is_file())
    with MongoClient[dict[str, Any]](url) as client:
        chunks = client.get_default_database()["blobs.chunks"].find()
        return sum(len(chunk["data"]) for chunk in chunks)


async def test_content_is_there_whole_or_not_at_all(fresh_url: Callable[[], str]) -> None:
    id_ = "b_" + hashlib.sha256(CONTENT).hexdigest()[:32]
    async for death in deaths(fresh_url, nothing, keep):
        kept = await death.witness.blob(id_)
        assert kept is None or kept.data == CONTENT
        assert await keep(death.witness, None) == id_
        kept = await death.witness.blob(id_)
        assert kept is not None
        assert kept.data == CONTENT


async def test_what_a_dead_writer_left_is_swept_away(fresh_url: Callable[[], str]) -> None:
    async for death in deaths(fresh_url, nothing, keep):
        if death.url.startswith("sqlite"):
            age(folder_of(death.url), NOW)
        await death.witness.sweep(now=NOW + DAY)
        await keep(death.witness, None)
        await death.witness.sweep(now=NOW + DAY + 1)
        assert remains(death.url) == len(CONTENT)
        assert await death.witness.sweep(now=NOW + DAY + 1) == 0
        kept = await death.witness.blob(await keep(death.witness, None))
        assert kept is not None
        assert kept.data == CONTENT


# ---- only where content is in files


async def test_a_file_that_a_dead_process_left_is_swept_after_a_day(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/a.db"
    async with opened(url) as store:
        id_ = await store.put_blob(CONTENT, media_type="image/png", now=NOW)
        unfinished = tmp_path / "a.db.blobs" / "new" / "x"
        unfinished.write_bytes(b"half")
        age(folder_of(url), NOW)
        assert await store.sweep(now=NOW + DAY) == 0, "somebody may still be writing it"
        assert await store.sweep(now=NOW + DAY + 1) == 1
        assert remains(url) == len(CONTENT)
        name = tmp_path / "a.db.blobs" / id_[2:4] / id_[4:]
        assert name.read_bytes() == CONTENT
        name.unlink()
        assert await store.blob(id_) is None, "its file was not restored with the database"
        assert await store.put_blob(CONTENT, media_type="image/png", now=NOW) == id_
        assert name.read_bytes() == CONTENT


async def test_a_folder_that_cannot_be_written_is_a_store_that_is_away(tmp_path: Path) -> None:
    async with opened(f"sqlite:///{tmp_path}/a.db") as store:
        (tmp_path / "a.db.blobs").write_text("no folder")
        with pytest.raises(StoreUnavailable, match=r"a\.db\.blobs"):
            await store.put_blob(b"x", media_type="image/png", now=NOW)
