"""The connection: the client and its time-outs, what its errors mean, indexes, the schema's version."""

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from bson.errors import InvalidDocument
from gridfs import AsyncGridFSBucket
from pymongo import AsyncMongoClient
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import (
    ConfigurationError,
    DuplicateKeyError,
    InvalidURI,
    OperationFailure,
    PyMongoError,
)

from hub.errors import SettingsError, StoreError, StoreTooNew, StoreUnavailable

Document = dict[str, Any]
Collection = AsyncCollection[Document]
#: One step forward: brings the schema from its number to the next. May run twice, or in two hubs at once.
Migration = Callable[[AsyncDatabase[Document]], Awaitable[None]]


async def _people(_: AsyncDatabase[Document]) -> None:
    """A state of deliveries and fields of people that older hubs do not know; documents without them are read as
    they are."""


async def _tickets(database: AsyncDatabase[Document]) -> None:
    from hub.store.mongo.tickets import bring_forward  # which needs this module

    await bring_forward(database["tickets"])


async def _desk(database: AsyncDatabase[Document]) -> None:
    from hub.store.mongo.tickets import name_channels

    await name_channels(database["tickets"], database["conversations"])


async def _editors(_: AsyncDatabase[Document]) -> None:
    """An origin of entries, and a carried edit, that older hubs do not know."""


async def _words(database: AsyncDatabase[Document]) -> None:
    from hub.store.mongo.search import write_words

    await write_words(database)


async def _notices(_: AsyncDatabase[Document]) -> None:
    """Turns that decide mails to agencies, which older hubs do not know."""


MIGRATIONS: tuple[Migration, ...] = (_people, _tickets, _desk, _editors, _words, _notices)  # from schema 1 on
DEFAULT_DATABASE = "hub1022"
BLOBS = "blobs"  # the bucket of GridFS

FIND_SERVER_MS = 1_000  # a fail-over takes longer: who calls meanwhile hears "away" and tries again
CALL_MS = 10_000
MAJORITY_MS = 8_000  # for a write to reach the majority: an answer still comes before the call is given up

_REFUSED = {18: "AuthenticationFailed", 13: "Unauthorized"}
#: The server is there but cannot do it now: fail-over, shutdown, a full disk, a write that no majority has yet.
_LATER = {6, 7, 50, 64, 89, 91, 100, 112, 189, 262, 9001, 10107, 11600, 11602, 13435, 13436, 14031}

_UP, _DOWN = 1, -1
INDEXES: tuple[tuple[str, str, Document, Document], ...] = (
    ("raw", "waiting", {"state": _UP, "received_at": _UP, "order": _UP}, {}),
    ("raw", "conversations", {"conversations": _UP}, {"sparse": True}),
    ("conversations", "due", {"due_at": _UP}, {}),
    ("conversations", "touched", {"touched_at": _UP}, {}),
    ("conversations", "spoken", {"interacted_at": _DOWN, "_id": _UP}, {}),
    ("conversations", "person", {"person": _UP}, {}),
    ("conversations", "sender", {"sender": _UP}, {}),
    ("conversations", "words", {"words": _UP}, {}),
    ("messages", "words", {"words": _UP}, {}),
    ("tickets", "words", {"words": _UP}, {}),
    ("conversations", "pending", {"pending.at": _UP}, {"sparse": True}),
    ("messages", "place", {"conversation": _UP, "seq": _UP}, {"unique": True}),
    ("messages", "turn", {"turn": _UP}, {}),
    ("messages", "external", {"external_id": _UP}, {}),
    ("messages", "unsent", {"unsent_at": _UP}, {"sparse": True}),
    ("messages", "untold", {"untold.at": _UP}, {"sparse": True}),
    ("messages", "media", {"media.at": _UP, "media.due_at": _UP}, {"sparse": True}),
    ("messages", "heard", {"author": _UP, "at": _UP}, {}),
    ("messages", "blobs", {"blobs": _UP}, {"sparse": True}),
    ("events", "conversation", {"conversation": _UP}, {}),
    ("turns", "conversation", {"conversation": _UP, "at": _UP}, {}),
    ("tickets", "code", {"code": _UP}, {"unique": True}),
    ("tickets", "conversation", {"conversation": _UP}, {}),
    ("tickets", "open", {"state": _UP, "rank": _UP, "created_at": _UP}, {}),
    ("tickets", "closed", {"state": _UP, "changed_at": _UP}, {}),
    ("tickets", "agency", {"agency": _UP, "state": _UP}, {}),
    ("tickets", "operator", {"operator": _UP, "state": _UP}, {}),
    ("tickets", "merged", {"merged_into": _UP}, {}),
    ("tickets", "alarm", {"alarm_at": _UP}, {}),
    ("tickets", "due", {"due_at": _UP}, {}),
    ("tickets", "created", {"created_at": _UP}, {}),
    ("tickets", "changed", {"changed_at": _UP}, {}),
    ("presence", "seen", {"seen_at": _UP}, {}),
    ("staff", "login", {"login": _UP}, {"unique": True}),
    ("audit", "target", {"target": _UP}, {}),
    ("hits", "key", {"key": _UP, "at": _UP}, {}),
    ("knowledge", "revision", {"revision": _UP, "writer": _UP}, {}),
    ("knowledge_edits", "entry", {"kind": _UP, "entry": _UP, "moved_at": _UP}, {}),
    ("knowledge_edits", "state", {"state": _UP, "moved_at": _UP}, {}),
    ("reviews", "key", {"key": _UP, "at": _UP}, {}),
    ("reviews", "conversation", {"conversation": _UP}, {}),
    ("reviews", "state", {"state": _UP, "key": _UP}, {}),
    ("notices", "due", {"due_at": _UP}, {}),
    ("notices", "ticket", {"ticket": _UP, "at": _UP}, {}),
    (f"{BLOBS}.files", "filename_1_uploadDate_1", {"filename": _UP, "uploadDate": _UP}, {}),  # GridFS's own
    (f"{BLOBS}.chunks", "files_id_1_n_1", {"files_id": _UP, "n": _UP}, {"unique": True}),
    ("uploads", "at", {"at": _UP}, {}),
)  # fmt: skip


class Database:
    def __init__(self, url: str, migrations: Sequence[Migration] = MIGRATIONS) -> None:
        self._url = url
        self._migrations = migrations
        self._client: AsyncMongoClient[Document] | None = None
        self._database: AsyncDatabase[Document] | None = None

    async def open(self) -> None:
        """Connect, check the schema and the indexes, make what is missing.

        Raises:
            SettingsError: the address is no MongoDB address.
            StoreUnavailable: the server is away, too old, or refuses the credentials.
            StoreTooNew: a newer hub has migrated the database.
            StoreError: an index is there that is not the one needed.
        """
        if self._client is not None:
            return  # a second client would stay open when this one is closed
        try:
            self._client = AsyncMongoClient(
                self._url,
                w="majority",
                appname="hub1022",
                wTimeoutMS=MAJORITY_MS,
                serverSelectionTimeoutMS=FIND_SERVER_MS,
                connectTimeoutMS=FIND_SERVER_MS,
                waitQueueTimeoutMS=CALL_MS,
                socketTimeoutMS=CALL_MS,
            )
            self._database = self._client.get_default_database(DEFAULT_DATABASE)
        except (InvalidURI, ConfigurationError, ValueError) as error:
            raise SettingsError(f"store_url is no MongoDB address: {error}") from error
        try:
            await self.ping()
            await self._migrate(self._database)
            await self._index(self._database)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()
            self._client = self._database = None

    async def ping(self) -> None:
        """One write that changes nothing."""
        await self["meta"].update_one({"_id": "ping"}, {"$set": {"ok": True}}, upsert=True)

    def bucket(self) -> AsyncGridFSBucket:
        if self._database is None:
            raise StoreUnavailable("the MongoDB store is not open")
        return AsyncGridFSBucket(self._database, BLOBS)

    def __getitem__(self, collection: str) -> Collection:
        if self._database is None:
            raise StoreUnavailable("the MongoDB store is not open")
        return self._database[collection]

    async def _migrate(self, database: AsyncDatabase[Document]) -> None:
        meta, newest = database["meta"], 1 + len(self._migrations)
        schema = await meta.find_one({"_id": "schema"})
        if schema is None:
            await put_new(meta, {"_id": "schema", "version": newest})
            return
        version = int(schema["version"])
        if version > newest:
            raise StoreTooNew(
                f"the database {database.name} has schema {version}, this hub knows {newest}: run the newer hub"
            )
        for number in range(version, newest):
            await self._migrations[number - 1](database)
            await meta.update_one({"_id": "schema", "version": number}, {"$set": {"version": number + 1}})

    async def _index(self, database: AsyncDatabase[Document]) -> None:
        there = {
            name: await database[name].index_information()
            for name in {collection for collection, *_ in INDEXES}
        }
        for collection, name, keys, options in INDEXES:
            found = there[collection].get(name)
            if found is None:
                try:
                    await database[collection].create_index(list(keys.items()), name=name, **options)
                except OperationFailure as error:
                    raise self._bad_index(database.name, collection, name, str(error.details)) from error
                continue
            is_ = {option: True for option in ("unique", "sparse") if found.get(option)}
            if dict(found["key"]) != keys or is_ != options:
                raise self._bad_index(database.name, collection, name, f"{dict(found['key'])} {is_}")

    @staticmethod
    def _bad_index(database: str, collection: str, name: str, found: str) -> StoreError:
        return StoreError(
            f"index {name} of {database}.{collection} is not the one this hub needs ({found}):"
            f' drop it with db.{collection}.dropIndex("{name}") and start again'
        )


async def put_new(collection: Collection, document: Document) -> bool:
    """Insert, unless its ``_id`` or another unique key is there already; False then."""
    try:
        await collection.insert_one(document)
    except DuplicateKeyError:
        return False
    return True


def meaning(error: PyMongoError | InvalidDocument) -> StoreError:
    """The hub's error for one of the driver's, as a line that says what to do. Never shows the address given."""
    if isinstance(error, OperationFailure):
        if error.code in _REFUSED:
            return StoreUnavailable(
                "MongoDB refuses the hub: check user, password and authSource in store_url, and that the user has the"
                " role readWrite on the hub's database"
            )
        if not (error.code in _LATER or error.has_error_label("RetryableWriteError") or error.timeout):
            return StoreError(f"MongoDB cannot do this: {error}")
    if isinstance(error, InvalidDocument):
        return StoreError(f"MongoDB cannot keep this: {error}")
    if isinstance(error, ConfigurationError) and "wire version" in str(error):
        return StoreUnavailable(f"this MongoDB server is too old or too new for the hub: {error}")
    return StoreUnavailable(f"MongoDB is away: {str(error).split(' (configured timeouts')[0]}")


S = TypeVar("S")
P = ParamSpec("P")
T = TypeVar("T")


def reaching(
    method: Callable[Concatenate[S, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[S, P], Coroutine[Any, Any, T]]:
    """Make a store's method raise only the hub's errors."""

    @wraps(method)
    async def wrapped(self: S, /, *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await method(self, *args, **kwargs)
        except (PyMongoError, InvalidDocument) as error:
            raise meaning(error) from error

    return wrapped
