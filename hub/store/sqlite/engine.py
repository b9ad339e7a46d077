"""How the SQLite store reads and writes: one writer thread that commits what waits together, a pool of readers.

A write is a function of the connection, which may be called again after what it did was rolled back. The writer
runs all that wait inside one transaction, commits once (one fsync), and only then answers them: a call that returned
is on disk, and a call that failed left nothing.
"""

import asyncio
import contextlib
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

from hub.errors import StoreTooNew, StoreUnavailable

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]

READERS = 4
LARGEST_GROUP = 256  # writes per commit: bounds how long the first of a group waits
BUSY_TIMEOUT_S = 5.0  # for another hub process on the same file

#: One row for a statement. Rows of one statement that wait together go to SQLite in one call.
Row = tuple[str, tuple[Any, ...]]

#: What to do, and who waits for it. A plain tuple: one is made for every write.
_Job = tuple[Work[Any] | Row, asyncio.Future[Any]]


def migrations() -> list[str]:
    folder = files("hub.store.sqlite") / "migrations"
    return [
        file.read_text()
        for file in sorted(folder.iterdir(), key=lambda f: f.name)
        if file.name.endswith(".sql")
    ]


class Engine:
    def __init__(self, path: Path, migrations: list[str]) -> None:
        self._path = path
        self._migrations = migrations
        self._jobs: queue.SimpleQueue[list[_Job] | None] = queue.SimpleQueue()
        self._asked: list[_Job] = []  # by tasks that ran in this round of the event loop
        self._writer: threading.Thread | None = None
        self._readers: ThreadPoolExecutor | None = None
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []

    async def open(self) -> None:
        """Create or migrate the file and start the threads; once.

        Raises:
            StoreUnavailable: the file cannot be made, read or written.
            StoreTooNew: a newer hub has migrated it.
        """
        if self._writer is not None:
            return  # two writers would take each other's word that it is the end
        connection = await asyncio.to_thread(self._prepare)
        self._writer = threading.Thread(
            target=self._write_loop, args=(connection,), name="store-writer", daemon=True
        )
        self._writer.start()
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="store-reader")

    async def close(self) -> None:
        """Finish what was asked, then stop the threads."""
        if self._writer is not None:
            if self._asked:
                self._hand_over()
            self._jobs.put(None)
            await asyncio.to_thread(self._writer.join)
            self._writer = None
        if self._readers is not None:
            await asyncio.to_thread(self._readers.shutdown)
            self._readers = None
        for connection in self._connections:
            connection.close()
        self._connections.clear()

    async def write(self, work: Work[T]) -> T:
        future: asyncio.Future[T] = self._ask(work)
        return await future

    async def put(self, statement: str, row: tuple[Any, ...]) -> None:
        """Write one row, as cheaply as it can be done."""
        await self._ask((statement, row))

    def _ask(self, work: Work[Any] | Row) -> asyncio.Future[Any]:
        if self._writer is None:
            raise StoreUnavailable(f"the store {self._path} is not open")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        if not self._asked:
            loop.call_soon(self._hand_over)
        self._asked.append((work, future))
        return future

    def _hand_over(self) -> None:
        """All that was asked at once, at once: job by job, the writer and the event loop would wake each other."""
        jobs, self._asked = self._asked, []
        self._jobs.put(jobs)

    async def read(self, work: Work[T]) -> T:
        if self._readers is None:
            raise StoreUnavailable(f"the store {self._path} is not open")
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, work)

    # -- set-up

    def _prepare(self) -> sqlite3.Connection:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            connection = self._connect()
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            self._migrate(connection)
        except (sqlite3.Error, OSError) as error:
            raise StoreUnavailable(f"cannot open the store {self._path}: {error}") from error
        return connection

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path,
            timeout=BUSY_TIMEOUT_S,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=256,
        )
        connection.row_factory = sqlite3.Row
        self._connections.append(connection)
        return connection

    def _migrate(self, connection: sqlite3.Connection) -> None:
        def version() -> int:
            return int(connection.execute("PRAGMA user_version").fetchone()[0])

        newest = len(self._migrations)
        if version() > newest:
            raise StoreTooNew(
                f"the store {self._path} has schema {version()}, this hub knows {newest}: run the newer hub"
            )
        if version() == newest:
            return
        connection.execute("BEGIN IMMEDIATE")  # another process may be migrating: look again inside
        try:
            for number in range(version(), newest):
                for statement in self._migrations[number].split(";\n"):
                    if statement.strip():
                        connection.execute(statement)
            connection.execute(f"PRAGMA user_version={newest}")
            connection.execute("COMMIT")
        except BaseException:
            connection.execute("ROLLBACK")
            raise

    # -- reading

    def _read(self, work: Work[T]) -> T:
        try:
            connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
            if connection is None:
                connection = self._local.connection = self._connect()
                connection.execute("PRAGMA query_only=ON")
            connection.execute("BEGIN")  # one snapshot for the whole piece of work
            try:
                return work(connection)
            finally:
                connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise StoreUnavailable(f"cannot read the store {self._path}: {error}") from error

    # -- writing

    def _write_loop(self, connection: sqlite3.Connection) -> None:
        while (first := self._jobs.get()) is not None:
            waiting = first
            stop = False
            with contextlib.suppress(queue.Empty):
                while len(waiting) < LARGEST_GROUP:
                    more = self._jobs.get_nowait()
                    if more is None:
                        stop = True
                        break
                    waiting += more
            for start in range(0, len(waiting), LARGEST_GROUP):
                group = waiting[start : start + LARGEST_GROUP]
                self._answer(group, self._commit_together(connection, group))
            if stop:
                return

    def _commit_together(self, connection: sqlite3.Connection, group: list[_Job]) -> list[Any]:
        try:
            connection.execute("BEGIN IMMEDIATE")
            try:
                results = _carry_out(connection, (work for work, _ in group))
            except sqlite3.OperationalError:
                raise  # disk full, I/O error: nothing of the group can be trusted
            except Exception:  # one of them refuses: the others are done again without it
                connection.execute("ROLLBACK")
                connection.execute("BEGIN IMMEDIATE")
                results = [self._by_itself(connection, work) for work, _ in group]
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            with contextlib.suppress(sqlite3.Error):
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
            failure = StoreUnavailable(f"cannot write the store {self._path}: {error}")
            return [failure] * len(group)
        return results

    @staticmethod
    def _by_itself(connection: sqlite3.Connection, work: Work[Any] | Row) -> Any:
        """A savepoint for each costs as much as a small write, so it is only for groups in which one failed."""
        connection.execute("SAVEPOINT work")
        try:
            result = _carry_out(connection, (work,))[0]
        except sqlite3.OperationalError:
            raise
        except Exception as error:
            result = error
            connection.execute("ROLLBACK TO work")
        connection.execute("RELEASE work")
        return result

    @staticmethod
    def _answer(group: list[_Job], results: list[Any]) -> None:
        def settle(pairs: list[tuple[asyncio.Future[Any], Any]]) -> None:
            for future, result in pairs:
                if future.done():  # its caller was cancelled; the work is committed all the same
                    continue
                if isinstance(result, BaseException):
                    future.set_exception(result)
                else:
                    future.set_result(result)

        by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Any], Any]]] = {}
        for (_, future), result in zip(group, results, strict=True):
            by_loop.setdefault(future.get_loop(), []).append((future, result))
        for loop, pairs in by_loop.items():
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(settle, pairs)


def _carry_out(connection: sqlite3.Connection, group: Iterable[Work[Any] | Row]) -> list[Any]:
    """All of a group, in order; the results."""
    results: list[Any] = []
    rows: list[tuple[Any, ...]] = []  # that wait for their statement
    statement = ""
    for work in group:
        if rows and not (isinstance(work, tuple) and work[0] is statement):
            connection.executemany(statement, rows)
            rows = []
        if isinstance(work, tuple):
            statement = work[0]
            rows.append(work[1])
            results.append(None)
        else:
            results.append(work(connection))
    if rows:
        connection.executemany(statement, rows)
    return results
