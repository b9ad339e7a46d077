"""A whole installation as one file, and back: ``hub backup FILE`` while it runs, ``hub restore FILE`` into an empty place.

For the SQLite store; MongoDB has tools of its own (docs/stores.md). The order makes the copy consistent: the spool
first, because a delivery moves from there into the store and the store keeps each once; then the database as one
snapshot; then the attachments, whose files are there before their rows.
"""

import hashlib
import json
import shutil
import sqlite3
import tarfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from hub.errors import StoreError

DATABASE, BLOBS, SPOOL, SECRET, MANIFEST = "hub.db", "blobs", "spool", "secret.key", "manifest.json"
FORMAT = 1


@dataclass(frozen=True)
class Place:
    """Where an installation keeps what a backup holds."""

    database: Path
    data: Path

    @property
    def blobs(self) -> Path:
        return self.database.with_name(f"{self.database.name}.blobs")

    def holding(self, member: str) -> Path:
        """Where a member of the archive belongs."""
        folder, _, rest = member.partition("/")
        if member == DATABASE:
            return self.database
        if folder == BLOBS:
            return self.blobs / rest
        return self.data / member


@dataclass(frozen=True)
class Contents:
    """What was saved or brought back. ``unsent``: replies that wait, or whose sending had not been settled."""

    files: int
    size: int
    messages: int
    unsent: int


def backup(place: Place, archive: Path) -> Contents:
    """Write ``archive`` (mode 0600: it holds personal data and the secret key), whole or not at all.

    Raises:
        StoreError: there is nothing to save, the archive exists already, or a disk is full.
    """
    if not place.database.exists():
        raise StoreError(f"there is no store at {place.database}: nothing to back up")
    if archive.exists():
        raise StoreError(f"{archive} exists already: give another name")
    part = archive.with_name(f"{archive.name}.part")
    try:
        with TemporaryDirectory(dir=archive.parent) as folder:
            part.touch(mode=0o600)
            with tarfile.open(part, "w:gz", compresslevel=3) as tar:
                contents = _save(place, tar, Path(folder))
        part.rename(archive)
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"cannot write the backup {archive}: {error}") from error
    finally:
        part.unlink(missing_ok=True)
    return contents


def _save(place: Place, tar: tarfile.TarFile, folder: Path) -> Contents:
    digests: dict[str, str] = {}

    def add(path: Path, member: str) -> None:
        copy = folder / "copy"
        shutil.copyfile(path, copy)  # so that what is added is what was summed, though the file may grow
        digests[member] = _digest(copy)
        tar.add(copy, member)

    for path in [place.data / SECRET, *sorted((place.data / SPOOL).glob("*.jsonl"))]:
        if path.exists():
            add(path, str(path.relative_to(place.data)))
    snapshot = folder / DATABASE
    with closing(sqlite3.connect(place.database)) as live, closing(sqlite3.connect(snapshot)) as copy:
        live.backup(copy)  # in one read transaction
        copy.execute("PRAGMA journal_mode=DELETE")
        names = [name for (name,) in copy.execute("SELECT id FROM blobs WHERE NOT gone")]
        messages, unsent = _counts(copy)
    digests[DATABASE] = _digest(snapshot)
    tar.add(snapshot, DATABASE)
    for name in names:
        file = Path(name.removeprefix("b_")[:2], name.removeprefix("b_")[2:])
        if (place.blobs / file).exists():  # else it was erased since the snapshot
            add(place.blobs / file, f"{BLOBS}/{file}")
    manifest = folder / MANIFEST
    manifest.write_text(json.dumps({"format": FORMAT, "sha256": digests}, indent=1))
    tar.add(manifest, MANIFEST)
    size = sum(member.size for member in tar.getmembers())
    return Contents(len(digests), size, messages, unsent)


def restore(place: Place, archive: Path) -> Contents:
    """Bring an installation back to where none is. Everything is checked before anything gets its place.

    Raises:
        StoreError: something is there already, or the archive is not whole.
    """
    taken = [place.database, place.blobs, place.data / SECRET, *(place.data / SPOOL).glob("*.jsonl")]
    if found := next((path for path in taken if path.exists()), None):
        raise StoreError(f"{found} is there already: restore into an empty data folder (--data DIR)")
    try:
        place.data.mkdir(parents=True, exist_ok=True)
        place.database.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=place.database.parent) as name:
            folder = Path(name)
            members = _checked(archive, folder)
            with closing(sqlite3.connect(folder / DATABASE)) as copy:
                if copy.execute("PRAGMA integrity_check").fetchone()[0] != "ok":
                    raise StoreError(f"{archive}: the database in it is damaged")
                messages, unsent = _counts(copy)
            sizes = [(folder / member).stat().st_size for member in members]
            for member in sorted(
                members, key=lambda one: one == DATABASE
            ):  # the database last: now it is whole
                target = place.holding(member)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.move(folder / member, target)
                target.chmod(0o600)
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"cannot restore {archive}: {error}") from error
    return Contents(len(members), sum(sizes), messages, unsent)


def _checked(archive: Path, folder: Path) -> list[str]:
    """Unpack into ``folder``; the members, each as it was when it was saved."""
    with _opened(archive) as tar:
        tar.extractall(folder, filter="data")
    try:
        manifest = json.loads((folder / MANIFEST).read_text())
        digests: dict[str, str] = manifest["sha256"]
        if manifest["format"] != FORMAT:
            raise StoreError(f"{archive} has format {manifest['format']}, this hub knows {FORMAT}")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreError(f"{archive} is not a backup of this hub") from error
    for member, digest in digests.items():
        if not (folder / member).is_file() or _digest(folder / member) != digest:
            raise StoreError(f"{archive} is damaged at {member}: use another backup")
    return list(digests)


@contextmanager
def _opened(archive: Path) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(archive, "r:gz") as tar:
            yield tar
    except (tarfile.TarError, EOFError, OSError) as error:
        raise StoreError(f"cannot read the backup {archive}: {error}") from error


def _counts(c: sqlite3.Connection) -> tuple[int, int]:
    messages = c.execute("SELECT count(*) FROM messages").fetchone()[0]
    unsent = c.execute("SELECT count(*) FROM messages WHERE delivery IN ('queued', 'sending')").fetchone()[0]
    return int(messages), int(unsent)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
