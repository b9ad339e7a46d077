"""The Graph API of a Facebook Page, played by a real local server: messages, comments, uploads, subscriptions and
signed webhooks, with its rules.

What it is told with :attr:`faults` happens to the next calls that send, one each; everything else follows from its
state and the clock.
"""

import asyncio
import hmac
import json
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from connectors.facebook_settings import FIELDS, FacebookSettings
from hub.clock import Clock

PAGE_ID, APP_ID, APP_SECRET = "112233445566778899", "700800900100200", "app-secret"
PAGE_TOKEN, VERIFY_TOKEN = "page-token-1", "verify-me"
PAGE_INBOX = "263902037430900"
VERSION = "v26.0"
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
MOST_BYTES = 25 * 2**20

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Refusal = tuple[int, int]  # code, subcode
NONE: Refusal = (0, 0)
BAD, CLOSED = (100, 0), (10, 2018278)


@dataclass
class Fault:
    """What happens to one call: an error ``code``, an HTTP ``status``, an answer that is ``held`` until the event
    is set, or a connection ``dropped`` after the request was read. ``done``: it takes effect all the same."""

    code: int | None = None
    subcode: int = 0
    status: int | None = None
    held: asyncio.Event | None = None
    dropped: bool = False
    done: bool = False
    text: str = "refused"
    reached: asyncio.Event = field(default_factory=asyncio.Event, compare=False)


@dataclass
class Comment:
    author: str
    text: str
    at: int
    hidden: bool = False
    answered_privately: bool = False


@dataclass
class FakeGraph:
    clock: Clock
    http: ClientSession
    base: str = ""
    webhook: str | None = None  # where the hub takes deliveries; echoes and receipts go there
    times: int = 1  # how often each delivery comes
    needs_proof: bool = True
    has_human_agent: bool = True
    takes_quick_replies: bool = True
    takes_templates: bool = True

    token: str = PAGE_TOKEN
    token_until: int = 2**62
    owner: str = APP_ID  # of all threads
    app_usage: dict[str, Any] | None = None
    page_usage: dict[str, Any] | None = None
    known_fields: frozenset[str] = frozenset(FIELDS)
    subscribed: list[str] = field(default_factory=lambda: list(FIELDS))

    interacted: dict[str, int] = field(default_factory=dict)
    names: dict[str, tuple[str, str]] = field(default_factory=dict)  # user → first name, last name
    unreachable: dict[str, Refusal] = field(default_factory=dict)
    uploads: dict[str, tuple[str, bytes]] = field(default_factory=dict)  # id → type, content
    comments: dict[str, Comment] = field(default_factory=dict)

    sent: list[dict[str, Any]] = field(default_factory=list)
    signs: list[tuple[str, str]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    urls: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)  # how the hub answered deliveries
    renewed: asyncio.Event = field(default_factory=asyncio.Event)  # somebody subscribed

    def settings(self, **more: Any) -> FacebookSettings:
        return FacebookSettings(**(self.given() | more))

    def given(self) -> dict[str, str]:
        return {
            "page_id": PAGE_ID,
            "app_id": APP_ID,
            "app_secret": APP_SECRET,
            "verify_token": VERIFY_TOKEN,
            "page_token": PAGE_TOKEN,
            "api_base": self.base,
        }

    def app(self) -> web.Application:
        app = web.Application(client_max_size=32 * 2**20)
        page = f"/{VERSION}/{PAGE_ID}"
        app.add_routes(
            [
                web.post(f"{page}/messages", self._api(self._message)),
                web.post(f"{page}/message_attachments", self._api(self._upload)),
                web.get(f"{page}/subscribed_apps", self._api(self._subscriptions)),
                web.post(f"{page}/subscribed_apps", self._api(self._subscribe)),
                web.post(f"/{VERSION}/{{comment}}/comments", self._api(self._answer)),
                web.post(f"/{VERSION}/{{comment}}", self._api(self._hide)),
                web.get(f"/{VERSION}/{{user}}", self._api(self._user)),
            ]
        )
        return app

    # ---- API -------------------------------------------------------------------------------------

    def _api(self, handler: Handler) -> Handler:
        async def checked(request: web.Request) -> web.StreamResponse:
            self.calls.append(f"{request.method} {request.path}")
            self.urls.append(str(request.url))
            await (request.post() if "attachments" in request.path else request.read())
            refusal, text = self._refusal(request)
            answer = _error(*refusal, text=text) if refusal != NONE else await handler(request)
            for name, usage in (
                ("X-App-Usage", self.app_usage),
                ("X-Business-Use-Case-Usage", self.page_usage),
            ):
                if usage is not None:
                    answer.headers[name] = json.dumps(usage)
            return answer

        return checked

    def _refusal(self, request: web.Request) -> tuple[Refusal, str]:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if token != self.token or self.clock.now() >= self.token_until:
            return (190, 463), "Error validating access token"
        proof = hmac.digest(APP_SECRET.encode(), token.encode(), "sha256").hex()
        given = request.query.get("appsecret_proof")
        if (given is None and self.needs_proof) or (given is not None and given != proof):
            return BAD, "Invalid appsecret_proof provided in the API argument"
        return NONE, ""

    async def _message(self, request: web.Request) -> web.StreamResponse:
        asked = await request.json()
        if sign := asked.get("sender_action"):
            self.signs.append((asked["recipient"]["id"], sign))
            return web.json_response({"recipient_id": asked["recipient"]["id"]})
        return await self._sending(request, lambda: self._take(asked))

    async def _sending(
        self, request: web.Request, take: Callable[[], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        fault = self.faults.pop(0) if self.faults else Fault()
        answer = await take() if fault.done or fault == Fault() or fault.held is not None else None
        fault.reached.set()
        if fault.held is not None:
            await fault.held.wait()
        if fault.dropped and request.transport is not None:
            request.transport.abort()
        if fault.status is not None:
            return web.Response(status=fault.status, text="<html>Bad gateway</html>")
        if fault.code is not None:
            return _error(fault.code, fault.subcode, text=fault.text)
        return answer or web.Response(status=500)

    async def _take(self, asked: dict[str, Any]) -> web.StreamResponse:
        recipient, message = asked["recipient"], asked["message"]
        comment = self.comments.get(recipient.get("comment_id", ""))
        refusal = self._objection(recipient, comment, message, asked)
        if refusal != NONE:
            return _error(*refusal)
        if comment is not None:
            comment.answered_privately = True
        user = comment.author if comment is not None else recipient["id"]
        mid = f"m_{secrets.token_hex(8)}"
        self.sent.append({"user": user, "mid": mid} | asked)
        await self._echo(user, mid, message)
        return web.json_response({"recipient_id": user, "message_id": mid})

    def _objection(
        self,
        recipient: dict[str, Any],
        comment: Comment | None,
        message: dict[str, Any],
        asked: dict[str, Any],
    ) -> Refusal:
        user, now = recipient.get("id", ""), self.clock.now()
        if "comment_id" in recipient:
            if comment is None:
                return (100, 2018292)
            if comment.answered_privately:
                return (10900, 0)
            return CLOSED if now - comment.at >= 7 * DAY_MS else _misfit(message, self)
        if user in self.unreachable:
            return self.unreachable[user]
        if self.owner != APP_ID:
            return (10, 2018300)
        match asked.get("messaging_type"), asked.get("tag"):
            case "RESPONSE", None:
                window = DAY_MS
            case "MESSAGE_TAG", "HUMAN_AGENT":
                if not self.has_human_agent:
                    return (10, 0)
                window = 7 * DAY_MS
            case _:
                return BAD
        if user not in self.interacted:
            return (100, 2018001)
        return CLOSED if now - self.interacted[user] >= window else _misfit(message, self)

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        form = await request.post()
        file, message = form.get("filedata"), form.get("message")
        if not isinstance(file, web.FileField) or not isinstance(message, str):
            return _error(*BAD)
        wanted, data = json.loads(message)["attachment"], file.file.read()
        if wanted["type"] not in ("image", "audio", "video", "file") or not wanted["payload"]["is_reusable"]:
            return _error(*BAD)
        if len(data) > MOST_BYTES:
            return _error(100, 2018109)
        held = str(secrets.randbelow(10**15))
        self.uploads[held] = (wanted["type"], data)
        return web.json_response({"attachment_id": held})

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        parent, text = request.match_info["comment"], (await request.json()).get("message", "")

        async def take() -> web.StreamResponse:
            if parent not in self.comments or not text:
                return _error(100, 33)
            comment = await self.comments_on(PAGE_ID, text, parent=parent)
            self.sent.append({"comment": parent, "text": text, "id": comment})
            return web.json_response({"id": comment})

        return await self._sending(request, take)

    async def _hide(self, request: web.Request) -> web.StreamResponse:
        comment = self.comments.get(request.match_info["comment"])
        if comment is None:
            return _error(100, 33)
        comment.hidden = (await request.json())["is_hidden"]
        return web.json_response({"success": True})

    async def _user(self, request: web.Request) -> web.StreamResponse:
        user = request.match_info["user"]
        if user not in self.names:
            return _error(230, 0)
        first, last = self.names[user]
        return web.json_response({"first_name": first, "last_name": last, "id": user})

    async def _subscriptions(self, request: web.Request) -> web.StreamResponse:
        apps = [{"id": "1", "name": "another", "subscribed_fields": ["messages"]}]
        if self.subscribed:
            apps.append({"id": APP_ID, "name": "1022", "subscribed_fields": self.subscribed})
        return web.json_response({"data": apps})

    async def _subscribe(self, request: web.Request) -> web.StreamResponse:
        fields = (await request.json())["subscribed_fields"].split(",")
        if not self.known_fields.issuperset(fields):
            return _error(*BAD)
        self.subscribed = fields
        self.renewed.set()
        return web.json_response({"success": True})

    # ---- webhooks --------------------------------------------------------------------------------

    async def says(self, user: str, text: str, **message: Any) -> dict[str, Any]:
        """A citizen writes to the Page."""
        self.interacted[user] = self.clock.now()
        said = {"mid": f"m_{secrets.token_hex(8)}", "text": text} | message
        return await self.deliver(self.messaging(user, PAGE_ID, message=said))

    async def staff_says(self, user: str, text: str) -> dict[str, Any]:
        """Somebody answers from the Page's inbox, past the hub."""
        said = {"mid": f"m_{secrets.token_hex(8)}", "is_echo": True, "app_id": int(PAGE_INBOX), "text": text}
        return await self.deliver(self.messaging(PAGE_ID, user, message=said))

    async def comments_on(
        self, author: str, text: str, *, parent: str | None = None, name: str = "Anh Mẫu"
    ) -> str:
        """Somebody comments on a post, or answers the comment ``parent``; the comment's id."""
        comment, post = f"900_{secrets.randbelow(10**12)}", f"{PAGE_ID}_900"
        self.comments[comment] = Comment(author, text, self.clock.now())
        await self.deliver(
            self.change(
                item="comment",
                verb="add",
                comment_id=comment,
                post_id=post,
                parent_id=parent or post,
                created_time=self.clock.now() // 1000,
                message=text,
                **{"from": {"id": author, "name": "Trang" if author == PAGE_ID else name}},
            )
        )
        return comment

    async def _echo(self, user: str, mid: str, message: dict[str, Any]) -> None:
        if self.webhook is not None:
            kept = {key: message[key] for key in ("text", "metadata") if key in message}
            echo = {"mid": mid, "is_echo": True, "app_id": int(APP_ID)} | kept
            await self.deliver(self.messaging(PAGE_ID, user, message=echo))
            receipt = {"mids": [mid], "watermark": self.clock.now()}
            await self.deliver(self.messaging(user, PAGE_ID, delivery=receipt))

    def messaging(self, sender: str, recipient: str, **what: Any) -> dict[str, Any]:
        now = self.clock.now()
        update = {"sender": {"id": sender}, "recipient": {"id": recipient}, "timestamp": now} | what
        return {"object": "page", "entry": [{"id": PAGE_ID, "time": now, "messaging": [update]}]}

    def change(self, **value: Any) -> dict[str, Any]:
        change = {"field": "feed", "value": value}
        entry = {"id": PAGE_ID, "time": self.clock.now() // 1000, "changes": [change]}
        return {"object": "page", "entry": [entry]}

    async def deliver(self, content: dict[str, Any]) -> dict[str, Any]:
        """Post a delivery, signed, as often as told; what was delivered."""
        if self.webhook is not None:
            body, headers = signed(content)
            for _ in range(self.times):
                async with self.http.post(self.webhook, data=body, headers=headers) as answer:
                    self.answers.append(answer.status)
        return content


def signed(content: Any, *, key: str = APP_SECRET) -> tuple[bytes, dict[str, str]]:
    """A body as Meta writes it (``\\uXXXX``), and its mark."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    mark = hmac.digest(key.encode(), body, "sha256").hex()
    return body, {"X-Hub-Signature-256": f"sha256={mark}", "Content-Type": "application/json"}


def _misfit(message: dict[str, Any], graph: FakeGraph) -> Refusal:
    """What is wrong with a message's form."""
    text, attachment = message.get("text"), message.get("attachment")
    replies = message.get("quick_replies", [])
    if (text is None) == (attachment is None) or text == "" or len(text or "") > 2000:
        return BAD
    if replies and not (graph.takes_quick_replies and len(replies) <= 13 and _titles_fit(replies)):
        return BAD
    if attachment is None:
        return NONE
    payload = attachment["payload"]
    if attachment["type"] == "template":
        buttons = payload["buttons"]
        fits = 1 <= len(buttons) <= 3 and len(payload["text"]) <= 640 and _titles_fit(buttons)
        return NONE if fits and graph.takes_templates else BAD
    return NONE if graph.uploads.get(payload.get("attachment_id"), ("",))[0] == attachment["type"] else BAD


def _titles_fit(buttons: list[dict[str, Any]]) -> bool:
    return all(0 < len(one["title"]) <= 20 and len(one["payload"]) <= 1000 for one in buttons)


def _error(code: int, subcode: int, *, text: str = "refused") -> web.Response:
    error = {"message": f"(#{code}) {text}", "type": "OAuthException", "code": code, "fbtrace_id": "A1"}
    return web.json_response(
        {"error": error | ({"error_subcode": subcode} if subcode else {})}, status=401 if code == 190 else 400
    )


@asynccontextmanager
async def fake_graph(clock: Clock, http: ClientSession) -> AsyncIterator[FakeGraph]:
    graph = FakeGraph(clock, http)
    server = TestServer(graph.app())
    await server.start_server()
    graph.base = str(server.make_url("")).rstrip("/")
    try:
        yield graph
    finally:
        await server.close()
