"""Stores that die at a chosen point: of MongoDB the n-th write never arrives, SQLite is stopped after n steps."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from pymongo.uri_parser import parse_uri

from hub.ports import Store
from hub.store import store_for
from hub.store.sqlite import SqliteStore

WRITES = (b"insert", b"update", b"delete", b"findAndModify")
OP_MSG = 2013
SQLITE_STEP = 20  # instructions of its virtual machine


class WireCutter:
    """Stands between the driver and its server; lets some writes through, then cuts every connection for good."""

    def __init__(self, url: str) -> None:
        parsed = parse_uri(url)
        self._server = parsed["nodelist"][0]
        self._url = url
        self._left: int | None = None
        self._cut = False

    def die_after(self, writes: int) -> None:
        self._left = writes

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        """The address to connect to instead."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        scheme, rest = self._url.split("://")
        login, _, hosts = rest.rpartition("@") if "@" in rest else ("", "", rest)
        path = hosts.partition("/")[2]
        join = "&" if "?" in path else "?"
        yield (
            f"{scheme}://{login + '@' if login else ''}127.0.0.1:{port}/{path}{join}"
            "directConnection=true&retryWrites=false&retryReads=false"
        )
        self._cut = True
        server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_server, to_server = await asyncio.open_connection(*self._server)
        answers = asyncio.create_task(self._pass_on(from_server, writer))
        try:
            while not self._cut:
                header = await reader.readexactly(16)
                body = await reader.readexactly(int.from_bytes(header[:4], "little") - 16)
                if self._left is not None and self._is_write(header, body):
                    if self._left == 0:
                        self._cut = True
                    self._left -= 1
                if not self._cut:
                    to_server.write(header + body)
                    await to_server.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            answers.cancel()
            for end in (to_server, writer):
                end.close()

    @staticmethod
    async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()

    @staticmethod
    def _is_write(header: bytes, body: bytes) -> bool:
        if int.from_bytes(header[12:16], "little") != OP_MSG:
            return False
        name = body[
            10 : body.index(b"\0", 10)
        ]  # flags 4, kind 1, length 4, type 1: the first key is the command
        return name in WRITES


@asynccontextmanager
async def dying(url: str, steps: int) -> AsyncIterator[Store]:
    """A store on ``url`` that lives for some steps; then it is unavailable for ever."""
    if url.startswith("sqlite"):
        store = store_for(url, Path())
        assert isinstance(store, SqliteStore)
        await store.open()
        left = steps

        def tick() -> int:
            nonlocal left
            left -= 1
            return int(left < 0)

        store._engine._connections[0].set_progress_handler(tick, SQLITE_STEP)
        yield store
        await store.close()
        return
    cutter = WireCutter(url)
    async with cutter.listening() as address:
        store = store_for(address, Path())
        await store.open()
        cutter.die_after(steps)
        yield store
        await store.close()
