"""A MongoDB-compatible server for tests: ``TEST_MONGODB_URI``, else mongo-java-server started here.

The latter is not MongoDB: what is proven on it and what is not stands in docs/stores.md. Each test takes a
database name of its own. Without Java and Maven the tests are skipped, or fail when ``CI_NO_SKIP`` is set.
"""

import os
import secrets
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

import pytest
from pymongo import MongoClient

HERE = Path(__file__).parent / "fakes" / "mongo"
CACHE = Path.home() / ".cache" / "hub1022-tests" / "mongo-java-server-1.47.0"


def fetch_jars() -> Path:
    """The server's jars, from the cache or by Maven; whole or not at all, whoever else fetches them now."""
    if not CACHE.exists():
        part = CACHE.with_name(f"{CACHE.name}.{secrets.token_hex(4)}")
        subprocess.run(
            ["mvn", "-q", "-B", "-f", str(HERE / "pom.xml"), "dependency:copy-dependencies",
             "-DincludeScope=runtime", f"-DoutputDirectory={part}"],
            check=True, capture_output=True, timeout=300,
        )  # fmt: skip
        try:
            part.rename(CACHE)
        except OSError:  # somebody was faster
            shutil.rmtree(part)
    return CACHE


class MongoServer:
    """One server process that can be stopped and started again; with a file it then has its data still."""

    def __init__(self, file: Path | None = None) -> None:
        self._file = [str(file)] if file else []
        self._process: subprocess.Popen[str] | None = None
        self.port = 0

    def start(self) -> Self:
        self._process = subprocess.Popen(
            ["java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", f"{fetch_jars()}/*",
             str(HERE / "Server.java"), str(self.port), *self._file],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the test server did not start"
        self.port = int(line)
        return self

    def stop(self) -> None:
        if self._process is not None:
            try:
                self._process.communicate(
                    timeout=20
                )  # closes its standard input: it writes its file and ends
            except subprocess.TimeoutExpired:  # too much to write: nobody reads it again
                self._process.kill()
                self._process.communicate()
            self._process = None

    @property
    def uri(self) -> str:
        return f"mongodb://127.0.0.1:{self.port}"


def need_java() -> None:
    missing = [tool for tool in ("java", "mvn") if shutil.which(tool) is None]
    if missing:
        reason = f"MongoDB tests need {' and '.join(missing)}, or TEST_MONGODB_URI"
        if os.environ.get("CI_NO_SKIP") == "1":
            pytest.fail(reason)
        pytest.skip(reason)


@pytest.fixture(scope="session")
def mongodb_uri() -> Iterator[str]:
    """The address of a server, without a database."""
    if given := os.environ.get("TEST_MONGODB_URI"):
        yield given
        return
    need_java()
    server = MongoServer().start()
    yield server.uri
    server.stop()


def in_database(uri: str, name: str) -> str:
    """``uri`` with its database replaced by ``name``; options stay, and the login database with them."""
    scheme, rest = uri.split("://", 1)
    base, _, options = rest.partition("?")
    hosts, _, login = base.partition("/")
    if login and "authSource=" not in options:
        options = f"{options}&authSource={login}" if options else f"authSource={login}"
    return f"{scheme}://{hosts}/{name}" + (f"?{options}" if options else "")


@pytest.fixture
def mongodb_urls(mongodb_uri: str) -> Iterator[Callable[[], str]]:
    """Makes addresses (``HUB_STORE_URL``), each of an empty database, dropped afterwards."""
    names: list[str] = []

    def make() -> str:
        names.append(f"hub1022_test_{secrets.token_hex(6)}")
        return in_database(mongodb_uri, names[-1])

    yield make
    with MongoClient[dict[str, object]](mongodb_uri) as client:
        for name in names:
            client.drop_database(name)
