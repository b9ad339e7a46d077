"""OAuth v4 of Zalo: the consent link with PKCE, and calls that give a token pair. No state is kept here."""

import base64
import hashlib
import json
import secrets
import string
from typing import Any
from urllib.parse import urlencode

from aiohttp import ClientError, ClientSession, ClientTimeout
from pydantic import Field

from connectors.zalo_settings import ZaloSettings
from hub.model import Value

RATE_LIMITED = -32
VERIFIER_LENGTH = 43
DEFAULT_LIFE_S = 90_000  # 25 hours


class Granted(Value):
    """A new pair, as Zalo gave it."""

    access: str = Field(repr=False)
    refresh: str = Field(repr=False)
    expires_in_s: int


class TokenCallFailed(Exception):
    """No pair was given. ``definite``: Zalo said no, so asking again with the same code or token is no use."""

    def __init__(self, text: str, *, definite: bool) -> None:
        super().__init__(text)
        self.definite = definite


def new_verifier() -> str:
    letters = string.ascii_letters + string.digits
    return "".join(secrets.choice(letters) for _ in range(VERIFIER_LENGTH))


def challenge_of(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def consent_link(settings: ZaloSettings, *, redirect_uri: str, verifier: str, state: str) -> str:
    asked = {
        "app_id": settings.app_id,
        "redirect_uri": redirect_uri,
        "code_challenge": challenge_of(verifier),
        "state": state,
    }
    return f"{settings.oauth_base.rstrip('/')}/v4/oa/permission?{urlencode(asked)}"


async def exchange_code(http: ClientSession, settings: ZaloSettings, *, code: str, verifier: str) -> Granted:
    """Raises ``TokenCallFailed``. A code works once, for 10 minutes."""
    form = {"code": code, "grant_type": "authorization_code", "code_verifier": verifier}
    return await _ask(http, settings, form)


async def refresh_pair(http: ClientSession, settings: ZaloSettings, *, refresh_token: str) -> Granted:
    """Raises ``TokenCallFailed``. Success kills the token that was given."""
    return await _ask(http, settings, {"refresh_token": refresh_token, "grant_type": "refresh_token"})


async def _ask(http: ClientSession, settings: ZaloSettings, form: dict[str, str]) -> Granted:
    try:
        async with http.post(
            f"{settings.oauth_base.rstrip('/')}/v4/oa/access_token",
            data=form | {"app_id": settings.app_id},
            headers={"secret_key": settings.app_secret.get_secret_value()},
            timeout=ClientTimeout(total=settings.timeout_s),
            allow_redirects=False,
        ) as answer:
            status, body = answer.status, await answer.read()
    except (ClientError, OSError) as error:  # a time-out is an OSError too
        raise TokenCallFailed(type(error).__name__, definite=False) from None
    if status >= 500 or status == 429:
        raise TokenCallFailed(f"HTTP {status}", definite=False)
    return _granted(body)


def _granted(body: bytes) -> Granted:
    try:
        content: Any = json.loads(body)
        if content.get("access_token") and content.get("refresh_token"):
            return Granted(
                access=content["access_token"],
                refresh=content["refresh_token"],
                expires_in_s=int(content.get("expires_in") or DEFAULT_LIFE_S),
            )
        code = content.get("error")
    except (ValueError, TypeError, AttributeError, RecursionError):
        raise TokenCallFailed("the answer cannot be read", definite=False) from None
    raise TokenCallFailed(f"Zalo answered {code}", definite=str(code) != str(RATE_LIMITED))
