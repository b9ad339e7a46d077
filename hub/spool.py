"""The local spool: where verified deliveries go while the store is away.

An append-only file, one delivery per line, each with a checksum, synced to disk before the platform is answered.
:meth:`Spool.drain` hands them to the store in order and forgets them only when the store has them all. A file lock
lets several processes of one machine share the folder.
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

    @property
    def waiting_bytes(self) -> int:
        """How much waits for the store; 0 when nothing does."""
        try:
            return self._path.stat().st_size
        except (FileNotFoundError, NotADirectoryError):
            return 0

    async def put(self, raw: Raw) -> None:
        """Append and sync to disk.

        Raises:
            StoreUnavailable: neither the store nor the spool can be written; the platform must try again.
        """
        try:
            async with self._locked():
                await asyncio.to_thread(self._append, _line(raw))
        except OSError as error:
            raise StoreUnavailable(f"cannot write the spool {self._path}: {error.strerror}") from error

    async def drain(self, put_raw: Callable[[Raw], Awaitable[None]]) -> int:
        """Move everything into the store, oldest first. Stops at the first ``StoreUnavailable`` (raised on), with
        nothing forgotten; doing it again is harmless because the store keeps each id once."""
        async with self._locked():
            waiting = await asyncio.to_thread(_read, self._path)
            for raw in waiting:
                await put_raw(raw)
            await asyncio.to_thread(self._path.unlink, missing_ok=True)
            return len(waiting)

    @contextlib.asynccontextmanager
    async def _locked(self) -> AsyncIterator[None]:
        self._folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
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
