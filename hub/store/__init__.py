"""Stores: one interface (``hub.ports.Store``), one contract suite (``tests/contract/``)."""

from pathlib import Path

from hub.errors import SettingsError
from hub.ports import Store
from hub.store.moving import Movable
from hub.store.sqlite import SqliteStore
from hub.store.sqlite.moving import MovableSqlite


def store_for(url: str, data: Path) -> Store:
    """The store a ``HUB_STORE_URL`` names; an empty one is ``hub.db`` in the data folder. Not opened yet."""
    if (path := file_of(url, data)) is not None:
        return SqliteStore(path)
    from hub.store.mongo import MongoStore  # only who uses MongoDB loads its driver

    return MongoStore(url)


def movable_for(url: str, data: Path) -> Movable:
    """The same, to be copied from or to."""
    if (path := file_of(url, data)) is not None:
        return MovableSqlite(path)
    from hub.store.mongo.moving import MovableMongo

    return MovableMongo(url)


def name_of(url: str, data: Path) -> str:
    """What tells a store from any other one, without its credentials."""
    if (path := file_of(url, data)) is not None:
        return f"sqlite:///{path.resolve()}"
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.partition('?')[0].rpartition('@')[2]}"


def file_of(url: str, data: Path) -> Path | None:
    """The file of a SQLite store; None if it is a MongoDB address."""
    if not url:
        return data / "hub.db"
    if url.startswith("sqlite:///"):
        return Path(url.removeprefix("sqlite:///"))
    if url.startswith(("mongodb://", "mongodb+srv://")):
        return None
    raise SettingsError(
        f"store_url: {url.split(':')[0]} is not a store this hub knows; use sqlite:///path or"
        " mongodb://host,host/database"
    )
