"""Stores: one interface (``hub.ports.Store``), one contract suite (``tests/contract/``)."""

from pathlib import Path

from hub.errors import SettingsError
from hub.ports import Store
from hub.store.sqlite import SqliteStore


def store_for(url: str, data: Path) -> Store:
    """The store a ``HUB_STORE_URL`` names; an empty one is ``hub.db`` in the data folder. Not opened yet."""
    if not url:
        return SqliteStore(data / "hub.db")
    if url.startswith("sqlite:///"):
        return SqliteStore(Path(url.removeprefix("sqlite:///")))
    if url.startswith(("mongodb://", "mongodb+srv://")):
        from hub.store.mongo import MongoStore  # only who uses MongoDB loads its driver

        return MongoStore(url)
    raise SettingsError(
        f"store_url: {url.split(':')[0]} is not a store this hub knows; use sqlite:///path or"
        " mongodb://host,host/database"
    )
