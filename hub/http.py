"""HTTP to the outside: one session for the platforms' APIs, and fetching of what citizens attach.

What a citizen sends may hold any address. It is fetched only over HTTP(S) from public addresses, looked at after
the name was resolved and again at every redirect, within limits of size and time.
"""

import ipaddress
import socket
from collections.abc import Collection
from urllib.parse import urljoin, urlsplit

from aiohttp import (
    ClientConnectorError,
    ClientError,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
    TCPConnector,
)
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

MAX_MEDIA_BYTES = 25 * 2**20
FETCH_TIMEOUT = ClientTimeout(total=60, connect=5, sock_read=15)
MAX_REDIRECTS = 3
CHUNK = 64 * 1024


class FetchRefused(Exception):
    """It will never be fetched; ``problem`` is the word kept with the attachment."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


class FetchFailed(Exception):
    """It was not fetched this time."""


def api_session() -> ClientSession:
    """For the platforms' own APIs. Every call gives its own time-out."""
    return ClientSession(cookie_jar=DummyCookieJar(), trust_env=False, timeout=ClientTimeout(total=30))


def public_session(private_hosts: Collection[str] = ()) -> ClientSession:
    """For addresses that somebody typed in: reaches public ones alone, besides the hosts named."""
    connector = TCPConnector(resolver=PublicOnly(private_hosts), limit=20, ttl_dns_cache=0)
    return ClientSession(connector=connector, cookie_jar=DummyCookieJar(), trust_env=False)


class NotPublic(OSError):
    """A name that stands for no public address."""


class PublicOnly(AbstractResolver):
    """Resolves names to public addresses alone, so that a name cannot point inside the house.

    Args:
        except_for: host names that may stand on a private address.
    """

    def __init__(self, except_for: Collection[str] = ()) -> None:
        self._names = ThreadedResolver()
        self._except = frozenset(except_for)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._names.resolve(host, port, family)
        allowed = [one for one in found if host in self._except or is_public(one["host"])]
        if not allowed:
            raise NotPublic(f"{host} has no public address")
        return allowed

    async def close(self) -> None:
        await self._names.close()


def is_literal(host: str) -> bool:
    """Whether it is an address and no name: names are looked at once they are resolved."""
    return host.replace(".", "").isdigit() or ":" in host


def is_public(address: str) -> bool:
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    return ip.is_global and not ip.is_multicast


class MediaFetcher:
    """Fetches attachments. Use as an async context manager."""

    def __init__(self, *, private_hosts: Collection[str] = (), max_bytes: int = MAX_MEDIA_BYTES) -> None:
        self._private_hosts = frozenset(private_hosts)
        self._max_bytes = max_bytes
        self._session: ClientSession | None = None

    async def __aenter__(self) -> "MediaFetcher":
        connector = TCPConnector(resolver=PublicOnly(self._private_hosts), limit=8, ttl_dns_cache=0)
        self._session = ClientSession(
            connector=connector, cookie_jar=DummyCookieJar(), trust_env=False, timeout=FETCH_TIMEOUT
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def fetch(self, url: str) -> bytes:
        """The content at ``url``.

        Raises:
            FetchRefused: ``blocked`` (not a public address), ``too_big``, ``gone`` (the platform says so).
            FetchFailed: no answer this time.
        """
        for _ in range(MAX_REDIRECTS + 1):
            self._check(url)
            found = await self._get(url)
            if isinstance(found, bytes):
                return found
            url = urljoin(url, found)
        raise FetchRefused("blocked")

    def _check(self, url: str) -> None:
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            raise FetchRefused("blocked") from None
        if parts.scheme not in ("http", "https") or not host or parts.username is not None or port == 0:
            raise FetchRefused("blocked")
        if is_literal(host) and not is_public(host) and host not in self._private_hosts:
            raise FetchRefused("blocked")

    async def _get(self, url: str) -> bytes | str:
        """The content, or where the redirect leads."""
        if self._session is None:
            raise RuntimeError("use `async with`")
        try:
            async with self._session.get(url, allow_redirects=False) as answer:
                if answer.status in (301, 302, 303, 307, 308):
                    return answer.headers.get("Location", "")
                if answer.status in (400, 401, 403, 404, 410):
                    raise FetchRefused("gone")
                if answer.status != 200:
                    raise FetchFailed(f"HTTP {answer.status}")
                if (answer.content_length or 0) > self._max_bytes:
                    raise FetchRefused("too_big")
                data = bytearray()
                async for chunk in answer.content.iter_chunked(CHUNK):
                    data += chunk
                    if len(data) > self._max_bytes:
                        raise FetchRefused("too_big")
                return bytes(data)
        except ClientConnectorError as error:
            if isinstance(error.os_error, NotPublic):
                raise FetchRefused("blocked") from None
            raise FetchFailed(type(error).__name__) from None
        except (OSError, ClientError) as error:
            raise FetchFailed(type(error).__name__) from None
