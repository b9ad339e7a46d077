"""Content of attachments: files in a folder beside the database, named by what is in them; a row says type and size.

A file is whole before its row is there, and a row is marked before its file is removed. Names change only under the
database's write lock, so processes never get in each other's way.
"""

import asyncio
import contextlib
import os
import secrets
import sqlite3
from pathlib import Path

from hub.errors import StoreUnavailable
from hub.model import Blob, blob_id
from hub.store.sqlite.engine import Engine
from hub.store.sqlite.jobs import DAY_MS


class Blobs:
    def __init__(self, engine: Engine, database: Path) -> None:
        self._engine = engine
        self._folder = database.with_name(f"{database.name}.blobs")
        self._unfinished = self._folder / "new"

    async def put(self, data: bytes, media_type: str, now: int) -> str:
        id_ = await asyncio.to_thread(blob_id, data)
        if await self._engine.read(lambda c: self._is_there(c, id_)):
            return id_

        def name_it(c: sqlite3.Connection) -> None:
            path = self._path(id_)
            if part.exists() or not path.exists():  # else the writer calls this again: it has its name
                part.replace(path)
            _sync(path.parent)
            c.execute(
                "INSERT INTO blobs (id, media_type, size, created_at) VALUES (?,?,?,?)"
                " ON CONFLICT (id) DO UPDATE SET gone = 0",
                (id_, media_type, len(data), now),
            )

        try:
            part = await asyncio.to_thread(self._write, data, self._path(id_).parent)
            await self._engine.write(name_it)
        except OSError as error:
            raise StoreUnavailable(f"cannot write the store {self._folder}: {error}") from error
        return id_

    async def get(self, id_: str) -> Blob | None:
        def work(c: sqlite3.Connection) -> Blob | None:
            row = c.execute("SELECT * FROM blobs WHERE id = ? AND NOT gone", (id_,)).fetchone()
            if row is None:
                return None
            return Blob(
                id=id_, media_type=row["media_type"], size=row["size"], data=self._path(id_).read_bytes()
            )

        try:
            return await self._engine.read(work)
        except FileNotFoundError:  # removed this moment, or not restored with the database
            return None
        except OSError as error:
            raise StoreUnavailable(f"cannot read the store {self._folder}: {error}") from error

    async def clear(self, now: int) -> int:
        """Remove the files of what is gone, and what writers that died left unfinished; how many."""

        def work(c: sqlite3.Connection) -> int:
            gone = [row["id"] for row in c.execute("SELECT id FROM blobs WHERE gone").fetchall()]
            for id_ in gone:
                self._path(id_).unlink(missing_ok=True)
            c.execute("DELETE FROM blobs WHERE gone")
            return len(gone)

        try:
            return await self._engine.write(work) + await asyncio.to_thread(self._clear_unfinished, now)
        except OSError as error:
            raise StoreUnavailable(f"cannot write the store {self._folder}: {error}") from error

    def _clear_unfinished(self, now: int) -> int:
        old = 0
        for part in self._unfinished.glob("*"):
            with contextlib.suppress(FileNotFoundError):  # it is finished this moment
                if part.stat().st_mtime_ns // 1_000_000 < now - DAY_MS:
                    part.unlink()
                    old += 1
        return old

    def _path(self, id_: str) -> Path:
        name = id_.removeprefix("b_")
        return self._folder / name[:2] / name[2:]

    def _is_there(self, c: sqlite3.Connection, id_: str) -> bool:
        row = c.execute("SELECT 1 FROM blobs WHERE id = ? AND NOT gone", (id_,)).fetchone()
        return row is not None and self._path(id_).exists()

    def _write(self, data: bytes, home: Path) -> Path:
        """Write a file down to the disk, and make the folder in which it is to get its name."""
        for folder in (self._unfinished, home):
            folder.mkdir(parents=True, exist_ok=True)
        part = self._unfinished / secrets.token_hex(8)
        try:
            with part.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            _sync(self._folder)
            _sync(self._folder.parent)
        except OSError:
            part.unlink(missing_ok=True)
            raise
        return part


def forget(c: sqlite3.Connection, conversation: str) -> None:
    """A conversation shows nothing any more: what no other one shows is gone with the next ``clear``."""
    c.execute(
        "UPDATE blobs SET gone = 1 WHERE id IN (SELECT blob FROM blob_uses WHERE conversation = ?)"
        " AND NOT EXISTS (SELECT 1 FROM blob_uses WHERE blob = blobs.id AND conversation <> ?)",
        (conversation, conversation),
    )
    c.execute("DELETE FROM blob_uses WHERE conversation = ?", (conversation,))


def _sync(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
