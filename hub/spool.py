"""The local spool: where verified deliveries go while the store is away.

An append-only file, one delivery per line, each with a checksum, synced to disk before the platform is answered.
:meth:`Spool.drain` takes the file aside, hands what is in it to the store in order, and forgets it only when the store
has it all. File locks let several processes of one machine share the folder.
"""

import asyncio
import base64
import contextlib
import fcntl
import hashlib
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from hub.errors import StoreUnavailable
from hub.model import Raw


class Spool:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / "deliveries.jsonl"
        self._leaving = folder / "draining.jsonl"  # older than all of the above
        # One thread of this process waits for each file lock, however many deliveries come in: if they all did, no
        # thread would be left for the one that has it.
        self._putting = asyncio.Lock()
        self._draining = asyncio.Lock()

    @property
    def waiting_bytes(self) -> int:
        """How much waits for the store; 0 when nothing does."""
        return _size(self._path) + _size(self._leaving)

    async def put(self, raw: Raw) -> None:
        """Append and sync to disk.

        Raises:
            StoreUnavailable: neither the store nor the spool can be written; the platform must try again.
        """
        line = _line(raw)
        try:
            async with self._putting, self._locked("lock"):
                await asyncio.to_thread(self._append, line)
        except OSError as error:
            raise StoreUnavailable(f"cannot write the spool {self._path}: {error.strerror}") from error

    async def drain(self, put_raw: Callable[[Raw], Awaitable[None]]) -> int:
        """Move everything into the store, oldest first; how many deliveries. Stops at the first
        ``StoreUnavailable`` (raised on), with nothing forgotten; doing it again is harmless because the store keeps
        each id once. Deliveries that arrive meanwhile are not kept waiting."""
        moved = 0
        async with self._draining, self._locked("drain.lock"):
            while self.waiting_bytes:
                if not self._leaving.exists():
                    async with self._putting, self._locked("lock"):
                        await asyncio.to_thread(self._path.rename, self._leaving)
                for raw in await asyncio.to_thread(_read, self._leaving):
                    await put_raw(raw)
                    moved += 1
                await asyncio.to_thread(self._leaving.unlink)
        return moved

    @contextlib.asynccontextmanager
    async def _locked(self, name: str) -> AsyncIterator[None]:
        self._folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._folder / name, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            await asyncio.to_thread(fcntl.flock, descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)  # gives the lock back

    def _append(self, line: bytes) -> None:
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            before = os.fstat(descriptor).st_size
            try:
                if os.write(descriptor, line) != len(line):
                    raise OSError(28, "disk is full")
                os.fsync(descriptor)
            except OSError:
                os.ftruncate(descriptor, before)  # half a line must not spoil the next
                raise
        finally:
            os.close(descriptor)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except (FileNotFoundError, NotADirectoryError):
        return 0


def _line(raw: Raw) -> bytes:
    fields = raw.model_dump(exclude={"body"}) | {"body": base64.b64encode(raw.body).decode()}
    text = json.dumps(fields)
    return f"{hashlib.sha256(text.encode()).hexdigest()} {text}\n".encode()


def _read(path: Path) -> list[Raw]:
    """The deliveries in the file. A torn last line (power lost while writing it) was never acknowledged and is
    passed over."""
    found = []
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return []
    for line in lines:
        digest, _, text = line.partition(b" ")
        if hashlib.sha256(text).hexdigest().encode() != digest:
            continue
        fields = json.loads(text)
        fields["body"] = base64.b64decode(fields["body"])
        found.append(Raw(**fields))
    return found
