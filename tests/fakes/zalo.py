"""Zalo, played by a real local server: OA API v3, uploads, OAuth v4 and signed webhooks, with its rules.

It answers errors with HTTP 200 as Zalo does. What it is told with :attr:`faults` happens to the next calls that
send, one each; everything else follows from its state and the clock.
"""

import asyncio
import hashlib
import hmac
import json
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from connectors.zalo_oauth import challenge_of
from connectors.zalo_settings import ZaloSettings
from hub.clock import Clock

APP_ID, APP_SECRET = "1100220033004400550", "app-secret"
OA_ID, OA_SECRET_KEY = "300200100900800701", "oa-secret-key"
HOUR_MS = 3_600_000
ACCESS_MS = 25 * HOUR_MS
WINDOW_MS = 7 * 24 * HOUR_MS
MINUTE_MS = 60_000

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Fault:
    """What happens to one call: an error ``code``, an HTTP ``status``, an answer that is ``held`` until the event
    is set, or a connection ``dropped`` after the request was read. ``done``: it takes effect all the same."""

    code: int | None = None
    status: int | None = None
    held: asyncio.Event | None = None
    dropped: bool = False
    done: bool = False
    reached: asyncio.Event = field(default_factory=asyncio.Event, compare=False)


@dataclass
class FakeZalo:
    clock: Clock
    http: ClientSession
    base: str = ""
    webhook: str | None = None  # where the hub takes deliveries; echoes and receipts go there
    times: int = 1  # how often each delivery comes
    needs_proof: bool = True
    takes_buttons: bool = True
    per_minute: int = 4000

    access: str = "access-1"
    access_until: int = 0
    refresh: str = "refresh-1"
    codes: dict[str, str] = field(default_factory=dict)  # code → challenge

    interacted: dict[str, int] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    unreachable: dict[str, int] = field(default_factory=dict)  # user → code
    uploads: dict[str, bytes] = field(default_factory=dict)

    sent: list[dict[str, Any]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    refreshes: int = 0
    faults: list[Fault] = field(default_factory=list)
    oauth_faults: list[Fault] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)  # how the hub answered deliveries
    _minute: tuple[int, int] = (0, 0)  # minute, calls in it

    def __post_init__(self) -> None:
        self.access_until = self.clock.now() + ACCESS_MS

    def settings(self, **more: Any) -> ZaloSettings:
        given = {
            "app_id": APP_ID,
            "app_secret": APP_SECRET,
            "oa_id": OA_ID,
            "oa_secret_key": OA_SECRET_KEY,
            "access_token": "access-1",
            "refresh_token": "refresh-1",
            "api_base": self.base,
            "oauth_base": self.base,
        }
        return ZaloSettings(**(given | more))

    def app(self) -> web.Application:
        app = web.Application(client_max_size=8 * 2**20)
        app.add_routes(
            [
                web.get("/v4/oa/permission", self._permission),
                web.post("/v4/oa/access_token", self._token),
                web.post("/v3.0/oa/message/cs", self._api(self._message)),
                web.post("/v2.0/oa/upload/{kind}", self._api(self._upload)),
                web.get("/v3.0/oa/user/detail", self._api(self._user)),
            ]
        )
        return app

    # ---- OAuth -----------------------------------------------------------------------------------

    async def _permission(self, request: web.Request) -> web.StreamResponse:
        """An administrator opens the consent link and agrees at once."""
        asked = request.query
        if asked["app_id"] != APP_ID:
            raise web.HTTPBadRequest
        code = secrets.token_hex(8)
        self.codes[code] = asked["code_challenge"]
        back = urlencode({"code": code, "oa_id": OA_ID, "state": asked["state"]})
        raise web.HTTPFound(f"{asked['redirect_uri']}?{back}")

    async def _token(self, request: web.Request) -> web.StreamResponse:
        form = await request.post()
        fault = self.oauth_faults.pop(0) if self.oauth_faults else Fault()
        answer: dict[str, Any] = {}
        if fault.done or fault == Fault() or fault.held is not None:
            answer = self._new_pair(request, {key: str(value) for key, value in form.items()})
        return await self._faulty(request, fault) or web.json_response(answer)

    def _new_pair(self, request: web.Request, form: dict[str, str]) -> dict[str, Any]:
        if request.headers.get("secret_key") != APP_SECRET or form.get("app_id") != APP_ID:
            return {"error_name": "Invalid secret key", "error": -14004}
        if form.get("grant_type") == "refresh_token":
            if not hmac.compare_digest(form.get("refresh_token", ""), self.refresh):
                return {"error_name": "Invalid refresh token", "error": -14014}
            self.refreshes += 1
        elif self.codes.pop(form.get("code", ""), None) != challenge_of(form.get("code_verifier", "")):
            return {"error_name": "Invalid code", "error": -14003}
        self.access, self.refresh = f"access-{secrets.token_hex(4)}", f"refresh-{secrets.token_hex(4)}"
        self.access_until = self.clock.now() + ACCESS_MS
        return {"access_token": self.access, "refresh_token": self.refresh, "expires_in": "90000"}

    # ---- API -------------------------------------------------------------------------------------

    def _api(self, handler: Handler) -> Handler:
        async def checked(request: web.Request) -> web.StreamResponse:
            self.calls.append(request.path)
            await (request.post() if "upload" in request.path else request.read())
            minute = self.clock.now() // MINUTE_MS
            count = self._minute[1] + 1 if self._minute[0] == minute else 1
            self._minute = (minute, count)
            code = self._refusal(request, count)
            answer = _error(code) if code else await handler(request)
            answer.headers["X-RateLimit-Limit"] = str(self.per_minute)
            answer.headers["X-RateLimit-Remain"] = str(max(0, self.per_minute - count))
            return answer

        return checked

    def _refusal(self, request: web.Request, count: int) -> int:
        token = request.headers.get("access_token", "")
        if count > self.per_minute:
            return -32
        if token != self.access:
            return -216
        if self.clock.now() >= self.access_until:
            return -220
        proof = hmac.new(APP_SECRET.encode(), token.encode(), hashlib.sha256).hexdigest()
        if self.needs_proof and request.headers.get("appsecret_proof") != proof:
            return -242
        return 0

    async def _message(self, request: web.Request) -> web.StreamResponse:
        fault = self.faults.pop(0) if self.faults else Fault()
        asked = await request.json()
        answer: web.StreamResponse | None = None
        if fault.done or fault == Fault() or fault.held is not None:
            answer = await self._take(asked["recipient"]["user_id"], asked["message"])
        return await self._faulty(request, fault) or answer or _error(-200)

    async def _take(self, user: str, message: dict[str, Any]) -> web.StreamResponse:
        if code := self._objection(user, message):
            return _error(code)
        message_id = secrets.token_hex(8)
        self.sent.append({"user": user, "message": message, "message_id": message_id})
        await self._echo(user, message, message_id)
        return _done({"message_id": message_id, "user_id": user, "sent_time": str(self.clock.now())})

    def _objection(self, user: str, message: dict[str, Any]) -> int:
        payload = message.get("attachment", {}).get("payload", {})
        element = (payload.get("elements") or [{}])[0]
        last = self.interacted.get(user)
        held = element.get("attachment_id") or payload.get("token")
        if user in self.unreachable:
            return self.unreachable[user]
        if last is None:
            return -232
        if self.clock.now() - last >= WINDOW_MS:
            return -230
        if not message.get("text") and not message.get("attachment"):
            return -201
        if len(message.get("text", "")) > 2000:
            return -210
        if "buttons" in payload and not self.takes_buttons:
            return -233
        if not _fit(payload.get("buttons", []), element):
            return -201
        return -100 if held is not None and held not in self.uploads else 0

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        kind, form = request.match_info["kind"], await request.post()
        file = form.get("file")
        if not isinstance(file, web.FileField):
            return _error(-201)
        data, name = file.file.read(), file.filename.lower()
        types, most = (("jpg", "png"), 2**20) if kind == "image" else (("pdf", "doc", "docx"), 5 * 2**20)
        if not name.endswith(types):
            return _error(-201)
        if len(data) > most:
            return _error(-210)
        held = secrets.token_hex(8)
        self.uploads[held] = data
        return _done({"attachment_id" if kind == "image" else "token": held})

    async def _user(self, request: web.Request) -> web.StreamResponse:
        user = json.loads(request.query["data"])["user_id"]
        if user not in self.names:
            return _error(-201)
        return _done({"user_id": user, "display_name": self.names[user], "user_is_follower": True})

    async def _faulty(self, request: web.Request, fault: Fault) -> web.StreamResponse | None:
        fault.reached.set()
        if fault.held is not None:
            await fault.held.wait()
        if fault.dropped and request.transport is not None:
            request.transport.abort()
            return web.Response(status=500)
        if fault.status is not None:
            return web.Response(status=fault.status, text="<html>Bad gateway</html>")
        return _error(fault.code) if fault.code is not None else None

    # ---- webhooks --------------------------------------------------------------------------------

    async def says(self, user: str, text: str, **message: Any) -> dict[str, Any]:
        """A citizen writes to the OA."""
        self.interacted[user] = self.clock.now()
        said = {"text": text, "msg_id": secrets.token_hex(8)} | message
        return await self.deliver(self._event("user_send_text", user, OA_ID, said))

    async def staff_says(self, user: str, text: str) -> dict[str, Any]:
        """Somebody answers from OA Manager, past the hub."""
        event = self._event("oa_send_text", OA_ID, user, {"text": text, "msg_id": secrets.token_hex(8)})
        event["sender"]["admin_id"] = "555"
        return await self.deliver(event)

    async def receipt(self, user: str, *message_ids: str, seen: bool = True) -> dict[str, Any]:
        message = {"msg_ids": list(message_ids)} if seen else {"msg_id": message_ids[0]}
        name = "user_seen_message" if seen else "user_received_message"
        return await self.deliver(self._event(name, user, OA_ID, message))

    async def _echo(self, user: str, message: dict[str, Any], message_id: str) -> None:
        if self.webhook is not None:
            said = {"msg_id": message_id} | ({"text": message["text"]} if message.get("text") else {})
            await self.deliver(self._event("oa_send_text", OA_ID, user, said))
            await self.receipt(user, message_id, seen=False)

    def _event(self, name: str, sender: str, recipient: str, message: dict[str, Any]) -> dict[str, Any]:
        return {
            "app_id": APP_ID,
            "event_name": name,
            "sender": {"id": sender},
            "recipient": {"id": recipient},
            "message": message,
            "timestamp": str(self.clock.now()),
        }

    async def deliver(self, event: dict[str, Any]) -> dict[str, Any]:
        """Post an event, signed, as often as told; the event."""
        if self.webhook is not None:
            body, headers = signed(event)
            for _ in range(self.times):
                async with self.http.post(self.webhook, data=body, headers=headers) as answer:
                    self.answers.append(answer.status)
        return event


def signed(event: dict[str, Any], *, key: str = OA_SECRET_KEY) -> tuple[bytes, dict[str, str]]:
    body = json.dumps(event, ensure_ascii=False).encode()
    marked = str(event.get("app_id", "")).encode() + body + str(event.get("timestamp", "")).encode()
    mark = hashlib.sha256(marked + key.encode()).hexdigest()
    return body, {"X-ZEvent-Signature": f"mac={mark}", "Content-Type": "application/json"}


def _fit(buttons: list[dict[str, Any]], element: dict[str, Any]) -> bool:
    titles = all(len(button["title"]) <= 100 and len(button["payload"]) <= 1000 for button in buttons)
    return len(buttons) <= 5 and titles and len(element.get("subtitle", "")) <= 500


def _done(data: dict[str, Any]) -> web.Response:
    return web.json_response({"data": data, "error": 0, "message": "Success"})


def _error(code: int) -> web.Response:
    return web.json_response({"error": code, "message": "refused"})


@asynccontextmanager
async def fake_zalo(clock: Clock, http: ClientSession) -> AsyncIterator[FakeZalo]:
    zalo = FakeZalo(clock, http)
    server = TestServer(zalo.app())
    await server.start_server()
    zalo.base = str(server.make_url("")).rstrip("/")
    try:
        yield zalo
    finally:
        await server.close()
