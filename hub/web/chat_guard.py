"""Who may talk to the live chat, as whom, and how fast."""

import asyncio
import secrets
from collections import OrderedDict
from dataclasses import dataclass
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from aiohttp import WSCloseCode, web
from itsdangerous import BadSignature, URLSafeSerializer

from connectors.webchat import conversation_of, sender_id
from hub.clock import Clock
from hub.settings import Settings
from hub.web.context import HUB, Hub

SESSION_DAYS = 30
_DAY_MS = 24 * 3600 * 1000


@dataclass(frozen=True)
class Session:
    """One citizen's browser. ``key`` is secret and travels only inside the signed token."""

    key: str
    fresh: bool  # just made: whatever the page remembers belongs to another session

    @property
    def sender(self) -> str:
        return sender_id(self.key)

    @property
    def conversation(self) -> str:
        return conversation_of(self.sender)


class Sessions:
    """Signed tokens. A forged or outdated one is no error: its bearer starts anew."""

    def __init__(self, secret: str, clock: Clock) -> None:
        self._signer = URLSafeSerializer(secret, salt="chat")
        self._clock = clock

    def open(self, token: str | None) -> Session:
        try:
            key, issued_at = self._signer.loads(token or "")
        except (BadSignature, TypeError, ValueError):
            return self._new()
        if self._clock.now() - issued_at > SESSION_DAYS * _DAY_MS:
            return self._new()
        return Session(key, fresh=False)

    def token(self, session: Session) -> str:
        """A token that is good for the next 30 days."""
        token = self._signer.dumps([session.key, self._clock.now()])
        return token if isinstance(token, str) else token.decode()

    def _new(self) -> Session:
        return Session(secrets.token_urlsafe(24), fresh=True)


class Buckets:
    """Token buckets by key. The keys used longest ago are forgotten, which only ever forgives."""

    def __init__(self, clock: Clock, *, per_s: float, burst: int, keys: int = 20_000) -> None:
        self._clock, self._per_ms, self._burst, self._keys = clock, per_s / 1000, burst, keys
        self._levels: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def take(self, key: str) -> bool:
        now = self._clock.now()
        level, at = self._levels.pop(key, (float(self._burst), now))
        level = min(self._burst, level + max(0, now - at) * self._per_ms)
        allowed = level >= 1
        self._levels[key] = (level - 1 if allowed else level, now)
        if len(self._levels) > self._keys:
            self._levels.popitem(last=False)
        return allowed


def own_or_allowed_origin(request: web.Request, settings: Settings) -> bool:
    """Browsers do not keep other sites' scripts from opening a WebSocket here; this does."""
    origin = request.headers.get("Origin", "").rstrip("/").lower()
    if origin in {o.rstrip("/").lower() for o in (settings.base_url, *settings.chat_origins)}:
        return True
    parts = urlsplit(origin)
    return parts.scheme in ("http", "https") and parts.netloc == request.host.lower()


class ChatRoom:
    """What all open chats of this process share: sessions, rate limits, and the sockets to close at the end.

    The limits by address are wide, because many citizens share one (mobile networks, a proxy in front of the hub).
    """

    def __init__(self, hub: Hub) -> None:
        self.sessions = Sessions(hub.settings.secret_key.get_secret_value(), hub.clock)
        self.sockets: set[web.WebSocketResponse] = set()
        self.connects = Buckets(hub.clock, per_s=10, burst=200)
        self.by_address = Buckets(hub.clock, per_s=50, burst=200)
        self.by_session = Buckets(hub.clock, per_s=1, burst=5)

    def may_say(self, session: Session, address: str) -> bool:
        return self.by_session.take(session.sender) and self.by_address.take(address)

    async def close(self) -> None:
        """Send the pages away politely: they come back by themselves."""
        goodbyes = (ws.close(code=WSCloseCode.GOING_AWAY, message=b"restart") for ws in list(self.sockets))
        await asyncio.gather(*goodbyes, return_exceptions=True)


_rooms: WeakKeyDictionary[web.Application, ChatRoom] = WeakKeyDictionary()


def room_of(app: web.Application) -> ChatRoom:
    if app not in _rooms:
        _rooms[app] = ChatRoom(app[HUB])
    return _rooms[app]
