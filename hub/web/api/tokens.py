"""Keys of other systems: made by an administrator, shown once, kept as a digest; each with its scopes and its pace."""

import hashlib
import hmac
import secrets
from typing import Final, Literal
from weakref import WeakKeyDictionary

from aiohttp import web

from hub.kept import Kept
from hub.model import Value
from hub.ports import Store
from hub.web.chat_guard import Buckets
from hub.web.context import HUB, Hub

Scope = Literal["read", "write", "sensitive"]
SCOPES: Final[dict[Scope, str]] = {
    "read": "Đọc phiếu, hội thoại, danh mục",
    "write": "Tạo phiếu, ghi chú, thao tác trên phiếu",
    "sensitive": "Đọc cả nội dung phiếu nhạy cảm",
}
PREFIX: Final = "h1022"
ACTOR: Final = "token:"  # and the id: who acted, in histories and the audit log
PER_MINUTE: Final = 120
MAX_PER_MINUTE: Final = 6_000
NOTED_EVERY_MS: Final = 60_000


class Token(Value):
    id: str
    name: str
    digest: str  # of the secret part; it has 256 bits, so a plain hash is enough
    scopes: tuple[Scope, ...]
    per_minute: int = PER_MINUTE
    created_at: int
    created_by: str  # staff id
    revoked_at: int | None = None


TOKENS: Final = Kept("api-tokens", Token)


def new_token(
    name: str, scopes: tuple[Scope, ...], *, per_minute: int, now: int, by: str
) -> tuple[Token, str]:
    """A token and what is shown of it once."""
    id_, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    token = Token(
        id=id_,
        name=name,
        digest=_digest(secret),
        scopes=scopes,
        per_minute=per_minute,
        created_at=now,
        created_by=by,
    )
    return token, f"{PREFIX}_{id_}_{secret}"


async def token_of(store: Store, shown: str) -> Token | None:
    """Whose key this is; None: nobody's, or it was revoked."""
    prefix, _, rest = shown.partition("_")
    id_, _, secret = rest.partition("_")
    if prefix != PREFIX or not shown.isascii():
        return None
    found = next((one for one in await TOKENS.all(store) if one.id == id_), None)
    if found is None or found.revoked_at is not None:
        return None
    return found if hmac.compare_digest(found.digest, _digest(secret)) else None


async def system_names(store: Store) -> dict[str, str]:
    """How the holders of keys are called where they acted, revoked ones too: actor → name."""
    return {f"{ACTOR}{one.id}": f"Hệ thống {one.name}" for one in await TOKENS.all(store)}


async def note_use(hub: Hub, token: Token) -> None:
    """Remember when it was last used, to the minute. Another process noting it too is as good."""
    now, name = hub.clock.now(), f"api-used:{token.id}"
    kept = await hub.store.state(name)
    if kept is None or now - int(kept.body) >= NOTED_EVERY_MS:
        await hub.store.put_state(name, str(now).encode(), expects=kept.version if kept else 0, now=now)


async def last_used(store: Store, token: Token) -> int | None:
    kept = await store.state(f"api-used:{token.id}")
    return int(kept.body) if kept else None


class Paces:
    """How fast the callers of this process may go: by token, and by address for those without a good one."""

    def __init__(self, hub: Hub) -> None:
        self._clock = hub.clock
        self._by_token: dict[tuple[str, int], Buckets] = {}
        self.strangers = Buckets(hub.clock, per_s=1, burst=30)
        self.readers = Buckets(hub.clock, per_s=5, burst=100)  # of open data, by address

    def may(self, token: Token) -> bool:
        key = (token.id, token.per_minute)
        if key not in self._by_token:
            burst = max(1, token.per_minute // 2)
            self._by_token[key] = Buckets(self._clock, per_s=token.per_minute / 60, burst=burst, keys=1)
        return self._by_token[key].take("")


_paces: WeakKeyDictionary[web.Application, Paces] = WeakKeyDictionary()


def paces_of(request: web.Request) -> Paces:
    if request.app not in _paces:
        _paces[request.app] = Paces(request.app[HUB])
    return _paces[request.app]


def address_of(request: web.Request) -> str:
    return request.remote or "?"


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
