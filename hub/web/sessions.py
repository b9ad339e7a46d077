"""Signed cookies of the console. Nothing is kept on the server.

A session names a person and the epoch of their account; a new password or second factor ends every other one. Between
the password and the second factor a person is half-way in: that cookie opens nothing but the page that asks for the code.
"""

import hashlib
import hmac
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web
from itsdangerous import BadSignature, Signer, URLSafeSerializer

from hub.model import Staff
from hub.web.context import hub_of

SESSION_COOKIE: Final = "hub_session"
LOGIN_COOKIE: Final = "hub_login"  # ties a login form to the browser it was shown in
HALF_COOKIE: Final = "hub_half"

MINUTE_MS: Final = 60_000
SESSION_MS: Final = 12 * 60 * MINUTE_MS
HALF_MS: Final = 10 * MINUTE_MS


@dataclass(frozen=True)
class Session:
    staff: Staff
    nonce: str
    csrf: str
    issued_at: int


@dataclass(frozen=True)
class HalfWay:
    """Who has given their password and still owes the code."""

    staff: Staff
    target: str


def token(request: web.Request, purpose: str, nonce: str) -> str:
    """What a form carries to show that it was made for this browser."""
    secret = hub_of(request).settings.secret_key.get_secret_value()
    return Signer(secret, salt=purpose, digest_method=hashlib.sha256).get_signature(nonce).decode()


def same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())


async def read_session(request: web.Request) -> Session | None:
    values = _opened(request, SESSION_COOKIE, "console-session", SESSION_MS)
    if values is None:
        return None
    staff_id, epoch, nonce, issued_at = values
    staff = await _account(request, staff_id, epoch)
    return Session(staff, nonce, token(request, "console-form", nonce), issued_at) if staff else None


def start_session(request: web.Request, response: web.StreamResponse, staff: Staff, nonce: str) -> None:
    values = [staff.id, staff.session_epoch, nonce, hub_of(request).clock.now()]
    set_cookie(request, response, SESSION_COOKIE, _sealed(request, "console-session", values))
    response.del_cookie(HALF_COOKIE, path="/console/login")


async def read_half(request: web.Request) -> HalfWay | None:
    values = _opened(request, HALF_COOKIE, "console-half", HALF_MS)
    if values is None:
        return None
    staff_id, epoch, target, _ = values
    staff = await _account(request, staff_id, epoch)
    return HalfWay(staff, target) if staff else None


def start_half(request: web.Request, response: web.StreamResponse, staff: Staff, target: str) -> None:
    values = [staff.id, staff.session_epoch, target, hub_of(request).clock.now()]
    sealed = _sealed(request, "console-half", values)
    set_cookie(request, response, HALF_COOKIE, sealed, max_age_ms=HALF_MS, path="/console/login")


def set_cookie(
    request: web.Request,
    response: web.StreamResponse,
    name: str,
    value: str,
    *,
    max_age_ms: int = SESSION_MS,
    path: str = "/",
) -> None:
    response.set_cookie(
        name,
        value,
        max_age=max_age_ms // 1000,
        path=path,
        httponly=True,
        samesite="Lax",
        secure=hub_of(request).settings.base_url.startswith("https:"),
    )


async def _account(request: web.Request, staff_id: str, epoch: int) -> Staff | None:
    staff = await hub_of(request).store.staff(staff_id)
    return staff if staff and staff.active and staff.session_epoch == epoch else None


def _serializer(request: web.Request, purpose: str) -> URLSafeSerializer:
    secret = hub_of(request).settings.secret_key.get_secret_value()
    return URLSafeSerializer(secret, salt=purpose, signer_kwargs={"digest_method": hashlib.sha256})


def _sealed(request: web.Request, purpose: str, values: list[Any]) -> str:
    value = _serializer(request, purpose).dumps(values)
    return value if isinstance(value, str) else value.decode()


def _opened(request: web.Request, cookie: str, purpose: str, good_for_ms: int) -> list[Any] | None:
    """Four values, the last of them when they were signed."""
    try:
        values: list[Any] = _serializer(request, purpose).loads(request.cookies.get(cookie, ""))
    except BadSignature:
        return None
    return values if hub_of(request).clock.now() - values[3] <= good_for_ms else None
