"""Access to a mailbox by OAuth: the access token is renewed with the refresh token, for all processes, before it runs out."""

import asyncio
import hashlib
import json
import logging
from dataclasses import dataclass, field
from typing import Any

from aiohttp import ClientError, ClientTimeout

from connectors.email_settings import EmailSettings
from hub.errors import SecretUnreadable
from hub.ports import Tools

log = logging.getLogger(__name__)

EARLY_MS = 5 * 60_000  # so long before its end a token is renewed
DEFAULT_LIFE_S = 3600
CONSENT = (
    "Máy chủ cấp quyền không gia hạn được quyền truy cập hộp thư {address} ({why}): hãy cấp quyền lại và đặt "
    "HUB_EMAIL__REFRESH_TOKEN mới."
)


class ConsentNeeded(Exception):
    """The refresh token is worth nothing any more: people have to get a new one."""


class RenewalFailed(Exception):
    """No new token this time."""


@dataclass(frozen=True)
class _Grant:
    access: str = ""
    until: int = 0  # epoch ms
    refresh: str = ""
    origin: str = ""  # of which configured refresh token it comes: a new one replaces it
    version: int = 0


@dataclass
class MailTokens:
    settings: EmailSettings
    tools: Tools
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def name(self) -> str:
        return f"email-token:{self.settings.address}"

    async def current(self, *, refused: str | None = None) -> str | None:
        """An access token, another than the one that was ``refused``; None where passwords are used.

        Raises:
            ConsentNeeded, RenewalFailed.
        """
        fixed = self.settings.access_token.get_secret_value()
        if not self.settings.token_url:
            return fixed if fixed and fixed != refused else None
        async with self._lock:
            grant = await self._kept()
            if grant.access and grant.access != refused and self.tools.clock.now() < grant.until - EARLY_MS:
                return grant.access
            return await self._renewed(grant)

    async def _kept(self) -> _Grant:
        given = self.settings.refresh_token.get_secret_value()
        origin = hashlib.sha256(given.encode()).hexdigest()
        try:
            kept = await self.tools.recall(self.name)
        except SecretUnreadable as error:  # another HUB_SECRET_KEY: begin with what is configured
            return _Grant(refresh=given, origin=origin, version=error.version)
        found = _Grant(**json.loads(kept.body), version=kept.version) if kept else _Grant()
        if found.origin == origin:
            return found
        return _Grant(refresh=given, origin=origin, version=found.version)

    async def _renewed(self, grant: _Grant) -> str:
        told = await self._ask(grant.refresh)
        access, refresh = told.get("access_token"), told.get("refresh_token") or grant.refresh
        if not isinstance(access, str) or not isinstance(refresh, str):
            raise RenewalFailed("the answer holds no token")
        until = self.tools.clock.now() + _life_ms(told.get("expires_in"))
        body = {"access": access, "until": until, "refresh": refresh, "origin": grant.origin}
        if not await self.tools.remember(self.name, json.dumps(body).encode(), expects=grant.version):
            access = (await self._kept()).access or access  # another process was first: its token is as good
        await self.tools.clear_alarm(f"{self.name}:consent")
        log.info("mail token renewed")
        return access

    async def _ask(self, refresh: str) -> dict[str, Any]:
        section = self.settings
        form = {"grant_type": "refresh_token", "refresh_token": refresh, "client_id": section.client_id}
        if secret := section.client_secret.get_secret_value():
            form["client_secret"] = secret
        if section.token_scope:
            form["scope"] = section.token_scope
        try:
            async with self.tools.http.post(
                section.token_url,
                data=form,
                timeout=ClientTimeout(total=section.timeout_s),
                allow_redirects=False,
            ) as answer:
                status, body = answer.status, await answer.read()
        except (ClientError, OSError) as error:  # a time-out is an OSError too
            raise RenewalFailed(type(error).__name__) from None
        try:
            content = json.loads(body)
        except (ValueError, RecursionError):
            content = None
        told = content if isinstance(content, dict) else {}
        if status == 200:
            return told
        why = str(told.get("error", ""))[:60]
        if status in (400, 401, 403) and why not in ("", "temporarily_unavailable", "slow_down"):
            await self.tools.alarm(f"{self.name}:consent", CONSENT.format(address=section.address, why=why))
            raise ConsentNeeded(why)
        raise RenewalFailed(f"HTTP {status}")


def _life_ms(told: Any) -> int:
    try:
        return max(60, int(told)) * 1000
    except (TypeError, ValueError):
        return DEFAULT_LIFE_S * 1000
