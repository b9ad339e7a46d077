"""The embedded store: one SQLite file (WAL, ``synchronous=FULL``), one writer with group commit, many readers."""

from hub.store.sqlite.store import SqliteStore

__all__ = ["SqliteStore"]
