"""Calls to Zalo's OA API: tokens, proof, rate limits, and one error for whatever goes wrong."""

import hashlib
import hmac
import json
import logging
from collections.abc import Mapping
from typing import Any

from aiohttp import ClientTimeout

from connectors.calls import CONNECT_S, Call, Refused, Upload
from connectors.zalo_errors import ACTIONS, WHY_STOPPED, Action, error_for, until_next_minute_s
from connectors.zalo_settings import ZaloSettings
from connectors.zalo_tokens import Tokens
from hub.errors import NotSent, SendError, SendRefused
from hub.ports import Tools

log = logging.getLogger(__name__)

STOPPED_ALARM = "zalo-stopped"
STOPPED = "Zalo không cho gửi tin (mã lỗi {code}: {why}). Tin gửi đi đang chờ; hãy xử lý trên trang quản lý của Zalo."
REMAINING = "X-RateLimit-Remain"


class ZaloApi:
    def __init__(self, settings: ZaloSettings, tools: Tools, tokens: Tokens) -> None:
        self._settings, self._tools, self._tokens = settings, tools, tokens
        self._base = settings.api_base.rstrip("/")
        self._paused_until = 0  # epoch ms: no calls are left in this minute
        self._well = False  # the last call of this process went through

    async def send(self, message: Mapping[str, Any], *, attempts: int) -> str | None:
        """Send one consultation message; its id at Zalo. Raises the ``SendError`` family."""
        call = Call("POST", "/v3.0/oa/message/cs", json=message, acts=True)
        found = (await self._do(call, attempts)).get("message_id")
        return str(found) if found is not None else None

    async def upload(self, kind: str, upload: Upload) -> dict[str, Any]:
        """What Zalo calls the content from now on (``attachment_id`` or ``token``). No message is sent by it."""
        return await self._do(Call("POST", f"/v2.0/oa/upload/{kind}", upload=upload))

    async def user(self, user: str) -> dict[str, Any]:
        asked = {"data": json.dumps({"user_id": user})}
        return await self._do(Call("GET", "/v3.0/oa/user/detail", params=asked))

    async def _do(self, call: Call, attempts: int = 1) -> dict[str, Any]:
        token = await self._tokens.current()
        code, data = await self._once(call, token)
        if ACTIONS.get(code) is Action.REFRESH:
            code, data = await self._once(call, await self._tokens.renewed(token))
        if code:
            raise await self._refusal(code, attempts)
        if not self._well:
            self._well = True
            await self._tools.clear_alarm(STOPPED_ALARM)
        return data

    async def _refusal(self, code: int, attempts: int) -> SendError:
        now, action = self._tools.clock.now(), ACTIONS.get(code, Action.FIX)
        log.warning("Zalo refused a call", extra={"facts": {"code": code, "action": action.value}})
        match action:
            case Action.RETRY:
                self._pause(now)
            case Action.STOP | Action.REFRESH:
                self._well = False
                why = WHY_STOPPED.get(code, "mã truy cập mới cũng bị từ chối")
                await self._tools.alarm(STOPPED_ALARM, STOPPED.format(code=code, why=why))
            case Action.FIX:
                return Refused(f"Zalo answered {code}")
        return error_for(code, now=now, attempts=attempts)

    async def _once(self, call: Call, token: str) -> tuple[int, dict[str, Any]]:
        """Zalo's code (0: done) and what it gave."""
        now = self._tools.clock.now()
        if now < self._paused_until:
            raise NotSent("no calls left this minute", retry_after_s=(self._paused_until - now) / 1000)
        # a connection of its own: one that Zalo closed while it was idle would leave the outcome open
        headers = {"access_token": token, "Connection": "close"}
        if self._settings.appsecret_proof:
            headers["appsecret_proof"] = self._proof(token)
        with call.under_way():
            async with self._tools.http.request(
                call.method,
                self._base + call.path,
                json=call.json,
                data=call.form(),
                params=call.params,
                headers=headers,
                timeout=ClientTimeout(total=self._settings.timeout_s, sock_connect=CONNECT_S),
                allow_redirects=False,
            ) as answer:
                if answer.headers.get(REMAINING, "").strip() == "0":
                    self._pause(now)
                return _read(call, answer.status, await answer.read())

    def _pause(self, now: int) -> None:
        self._paused_until = now + int(until_next_minute_s(now) * 1000)

    def _proof(self, token: str) -> str:
        secret = self._settings.app_secret.get_secret_value()
        return hmac.new(secret.encode(), token.encode(), hashlib.sha256).hexdigest()


def _read(call: Call, status: int, body: bytes) -> tuple[int, dict[str, Any]]:
    """Zalo says in the body what went wrong, with HTTP 200; other statuses come from what stands before it."""
    if status >= 500:
        raise call.unanswered(f"HTTP {status}")
    if status == 429:
        raise NotSent("HTTP 429")
    if status >= 300:
        raise SendRefused(f"HTTP {status}")
    try:
        content = json.loads(body)
        data = content.get("data")
        return int(content["error"]), data if isinstance(data, dict) else {}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise call.unanswered("the answer cannot be read") from None
