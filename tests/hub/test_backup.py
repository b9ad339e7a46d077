"""``hub backup`` of a hub at work, and ``hub restore`` of what it wrote."""

import asyncio
import tarfile
from pathlib import Path

import pytest

from hub.cli import main
from hub.model import Raw
from hub.spool import Spool
from hub.store.sqlite import SqliteStore
from tests.conftest import FakeClock

NOW = FakeClock().now()


def delivery(number: int) -> Raw:
    return Raw(id=f"r-{number}", channel="webchat", received_at=NOW, body=f"thư {number}".encode())


async def kept(data: Path) -> list[str]:
    store = SqliteStore(data / "hub.db")
    await store.open()
    try:
        found = []
        while raw := await store.lease_raw(now=NOW, until=NOW + 60_000):
            found.append(raw.id)
            await store.take_in(raw, [], refused=0, error=None, now=NOW, due_at=NOW)
        return found
    finally:
        await store.close()


async def save_while_writing(data: Path, archive: Path) -> tuple[int, str]:
    """How many deliveries were surely kept before the backup began, and the id of an attachment."""
    store = SqliteStore(data / "hub.db")
    await store.open()
    (data / "secret.key").write_text("khoa")
    blob = await store.put_blob("ảnh".encode(), media_type="text/plain", now=NOW)
    for number in range(50):
        await store.put_raw(delivery(number))
    saving = asyncio.create_task(asyncio.to_thread(main, ["backup", str(archive), "--data", str(data)]))
    number = 50
    while not saving.done():
        await store.put_raw(delivery(number))
        number += 1
    assert saving.result() == 0
    await store.close()
    return 50, blob


async def test_what_was_kept_before_is_there_after(tmp_path: Path) -> None:
    old, new, archive = tmp_path / "old", tmp_path / "new", tmp_path / "hub.tar.gz"
    before, blob = await save_while_writing(old, archive)
    assert archive.stat().st_mode & 0o777 == 0o600
    assert await asyncio.to_thread(main, ["restore", str(archive), "--data", str(new)]) == 0
    assert (new / "secret.key").read_text() == "khoa"
    store = SqliteStore(new / "hub.db")
    await store.open()
    content = await store.blob(blob)
    await store.close()
    assert content is not None
    assert content.data == "ảnh".encode()
    found = await kept(new)
    assert found[:before] == [f"r-{number}" for number in range(before)]
    assert found == [f"r-{number}" for number in range(len(found))], "a snapshot has no holes"


async def test_deliveries_that_wait_for_the_store_are_saved_too(tmp_path: Path) -> None:
    old, new, archive = tmp_path / "old", tmp_path / "new", tmp_path / "hub.tar.gz"
    await save_while_writing(old, tmp_path / "first.tar.gz")
    (old / "spool").mkdir()
    await Spool(old / "spool").put(delivery(9999))
    assert await asyncio.to_thread(main, ["backup", str(archive), "--data", str(old)]) == 0
    assert await asyncio.to_thread(main, ["restore", str(archive), "--data", str(new)]) == 0
    drained: list[str] = []

    async def put(raw: Raw) -> None:
        drained.append(raw.id)

    assert await Spool(new / "spool").drain(put) == 1
    assert drained == ["r-9999"]


async def test_nothing_is_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, archive = tmp_path / "data", tmp_path / "hub.tar.gz"
    await save_while_writing(data, archive)
    was = archive.read_bytes()
    assert await asyncio.to_thread(main, ["backup", str(archive), "--data", str(data)]) == 1
    assert archive.read_bytes() == was
    assert await asyncio.to_thread(main, ["restore", str(archive), "--data", str(data)]) == 1
    told = capsys.readouterr().err
    assert "exists already" in told
    assert "is there already" in told


async def test_a_damaged_backup_is_refused_and_leaves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, archive = tmp_path / "data", tmp_path / "hub.tar.gz"
    await save_while_writing(data, archive)
    folder, other = tmp_path / "unpacked", tmp_path / "other.tar.gz"
    with tarfile.open(archive) as tar:
        names = tar.getnames()
        tar.extractall(folder, filter="data")
    (folder / "secret.key").write_text("khac")
    with tarfile.open(other, "w:gz") as tar:
        for name in names:
            tar.add(folder / name, name)
    cut = tmp_path / "cut.tar.gz"
    cut.write_bytes(archive.read_bytes()[:-2000])
    alien = tmp_path / "alien.tar.gz"
    alien.write_bytes(b"day khong phai ban sao luu")
    for broken in (other, cut, alien, tmp_path / "missing.tar.gz"):
        new = tmp_path / f"new-{broken.name}"
        assert await asyncio.to_thread(main, ["restore", str(broken), "--data", str(new)]) == 1
        assert not any(new.iterdir())
    assert "damaged at secret.key" in capsys.readouterr().err


def test_a_mongodb_store_names_its_own_tools(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUB_STORE_URL", "mongodb://127.0.0.1:1/hub1022")
    assert main(["backup", str(tmp_path / "hub.tar.gz"), "--data", str(tmp_path)]) == 1
    assert "mongodump" in capsys.readouterr().err
