"""The live chat: its page, the launcher for other sites, and the WebSocket.

The page says ``hello`` with its token and the last sequence number it has; the hub answers ``welcome`` and from
then on pushes what the conversation has after that number. Signals only say that there is something to read,
so a lost connection loses nothing and repeats nothing. What the citizen writes carries an id made by the page and is
acknowledged once it is durable; until then the page keeps it and says it again.
"""

import asyncio
import json
from contextlib import suppress
from typing import Any

from aiohttp import WSCloseCode, WSMsgType, web
from pydantic import ValidationError

from connectors.webchat import CHANNEL, MAX_TEXT, client_id
from hub.errors import AlienPayload, StoreError
from hub.live import Subscription, Typing
from hub.model import Conversation, Delivery, Message
from hub.web.chat_frames import FRAMES, Choose, Hello, Older, Say, Signal, UpTo
from hub.web.chat_guard import Buckets, ChatRoom, Session, own_or_allowed_origin, room_of
from hub.web.context import Hub, hub_of, storms_now
from hub.web.pages import STATIC, render

HEARTBEAT_S = 25
HELLO_WITHIN_S = 10
MAX_FRAME_BYTES = 64 * 1024
HISTORY = 50  # messages shown at once; older ones on demand
STORE_RETRY_S = 1.0
TYPING_EVERY_MS = 3_000

BUSY = "Hệ thống đang bận, tin nhắn sẽ được gửi lại sau ít giây."
SLOW = "Anh/chị gửi hơi nhanh, tin nhắn sẽ được gửi sau ít giây."
REFUSED = f"Tin nhắn trống hoặc dài quá {MAX_TEXT} ký tự nên chưa gửi được."
UNREADABLE = "Trang trò chuyện đã cũ, anh/chị vui lòng tải lại trang."


class Chat:
    """One open page of one citizen."""

    def __init__(
        self, hub: Hub, room: ChatRoom, ws: web.WebSocketResponse, session: Session, address: str
    ) -> None:
        self.hub, self.room, self.ws, self.session, self.address = hub, room, ws, session, address
        self.conversation = session.conversation
        self.pushed = 0  # the page has everything up to here
        self.marks = {"received": 0, "read": 0}  # as the page says
        self.carried = dict(self.marks)  # as the store knows
        self.typed_at = 0
        self.state: dict[str, Any] = {}
        self.names: dict[str, str | None] = {}

    async def welcome(self, hello: Hello) -> None:
        """Raises StoreError, when nothing was said yet and the page may simply come back."""
        conversation = await self.hub.store.conversation(self.conversation)
        last = conversation.last_seq if conversation else 0
        # A page that knows more than the store remembers another session (or a store before its restore).
        self.pushed = hello.last_seq if not self.session.fresh and hello.last_seq <= last else 0
        recent = [] if self.pushed else await self.hub.store.recent_messages(self.conversation, limit=HISTORY)
        self.state = await self._state(conversation)
        await self._say(
            type="welcome",
            token=self.room.sessions.token(self.session),
            session=self.session.sender[:18],  # tells sessions apart, opens none
            after=self.pushed,
            last_seq=last,
            **self.state,
        )
        await self._push(recent, older=bool(recent) and recent[0].seq > 1)

    async def listen(self) -> None:
        """Read what the page says until it goes away."""
        frames = Buckets(self.hub.clock, per_s=20, burst=100)
        async for message in self.ws:
            if message.type is not WSMsgType.TEXT or not frames.take(""):
                await self.ws.close(code=WSCloseCode.POLICY_VIOLATION)
                return
            try:
                frame = FRAMES.validate_json(message.data)
            except ValidationError:
                await self._say(type="error", code="unreadable", text=UNREADABLE)
                continue
            match frame:
                case Say():
                    await self._take(frame.id, frame.text, None)
                case Choose():
                    await self._take(frame.id, frame.title, frame.payload)
                case UpTo():
                    await self._mark(frame)
                case Older():
                    await self._older(frame.before)
                case Signal(type="ping"):
                    await self._say(type="pong")
                case Signal(type="typing"):
                    self._typing()
                case Hello():
                    pass  # once was enough

    async def follow(self, subscription: Subscription) -> None:
        """Push what happens in the conversation until cancelled."""
        with suppress(ConnectionResetError):  # the page went away: `listen` notices, too
            await self._catch_up()
            async for signal in subscription:
                if isinstance(signal, str):
                    await self._catch_up()
                elif isinstance(signal, Typing) and signal.author != "citizen":
                    await self._say(type="typing", **{"from": signal.author})

    # -- in

    async def _take(self, id_: str, text: str, payload: str | None) -> None:
        text = text.strip()
        if not text or len(text) > MAX_TEXT:
            await self._say(type="nack", id=id_, code="refused", text=REFUSED)
            return
        if not self.room.may_say(self.session, self.address):
            await self._say(type="nack", id=id_, code="slow", text=SLOW)
            return
        body = {"session": self.session.sender, "id": id_, "kind": "message", "text": text}
        try:
            if payload and await self._offered(payload):
                body |= {"kind": "postback", "payload": payload}
            delivery = json.dumps(body | {"at": self.hub.clock.now()}, ensure_ascii=False).encode()
            intake = await self.hub.stream.receive_now(CHANNEL, delivery)
        except StoreError:
            await self._say(type="nack", id=id_, code="busy", text=BUSY)
            return
        except AlienPayload:
            await self._say(type="nack", id=id_, code="refused", text=REFUSED)
            return
        await self._say(type="ack", id=id_, seq=intake.messages[0].seq)

    async def _offered(self, payload: str) -> bool:
        """Whether one of the messages since the citizen's last one has this button: a payload steers the bot, so the
        page may not make one up."""
        for message in reversed(await self.hub.store.recent_messages(self.conversation, limit=HISTORY)):
            if message.author == "citizen":
                return False
            if not message.internal and any(button.payload == payload for button in message.buttons):
                return True
        return False

    async def _mark(self, frame: UpTo) -> None:
        self.marks[frame.type] = max(self.marks[frame.type], min(frame.seq, self.pushed))
        with suppress(StoreError):  # the next mark, or the next change, covers this one
            await self._carry_marks()

    async def _carry_marks(self) -> None:
        """Record how far the page is. The outbox may still hold a message that the page already shows; then the mark
        waits for the change that ends that."""
        wanted = dict(self.marks)
        if wanted == self.carried:
            return
        shown = await self.hub.store.messages(self.conversation, after=max(wanted.values()) - 1, limit=1)
        if any(message.delivery in ("queued", "sending") for message in shown):
            return
        deliveries: dict[str, Delivery] = {"received": "delivered", "read": "read"}
        for mark, delivery in deliveries.items():
            if wanted[mark] > self.carried[mark]:
                await self.hub.store.mark_delivered(
                    self.conversation, wanted[mark], delivery, now=self.hub.clock.now()
                )
        self.carried = wanted
        self.hub.live.poke(self.conversation)

    async def _older(self, before: int) -> None:
        with suppress(StoreError):  # the button stays, to be pressed again
            items = await self.hub.store.recent_messages(self.conversation, before=before, limit=HISTORY)
            more = bool(items) and items[0].seq > 1
            await self._say(type="history", items=await self._items(items), older=more)

    def _typing(self) -> None:
        now = self.hub.clock.now()
        if now - self.typed_at >= TYPING_EVERY_MS:
            self.typed_at = now
            self.hub.live.typing(self.conversation, "citizen")

    # -- out

    async def _catch_up(self) -> None:
        while True:
            try:
                conversation = await self.hub.store.conversation(
                    self.conversation
                )  # never newer than the lines
                items = await self.hub.store.messages(self.conversation, after=self.pushed)
                await self._push(items)
                await self._carry_marks()
                state = await self._state(conversation)
            except StoreError:
                await asyncio.sleep(STORE_RETRY_S)
                continue
            if state != self.state:
                self.state = state
                await self._say(type="state", **state)
            if not items:
                return

    async def _push(self, messages: list[Message], *, older: bool = False) -> None:
        items = await self._items(messages)
        if items:
            await self._say(type="messages", items=items, older=older)
        if messages:
            self.pushed = messages[-1].seq

    async def _items(self, messages: list[Message]) -> list[dict[str, Any]]:
        """The lines as the citizen may see them: notes among operators stay in the house."""
        return [
            {
                "seq": m.seq,
                "id": client_id(m.external_id) if m.author == "citizen" and m.external_id else None,
                "from": m.author,
                "name": await self._name(m.author_id),
                "text": m.text,
                "buttons": [button.model_dump() for button in m.buttons],
                "at": m.at,
                "delivery": m.delivery,
            }
            for m in messages
            if not m.internal
        ]

    async def _state(self, conversation: Conversation | None) -> dict[str, Any]:
        if conversation is None:
            return {"owner": "bot", "operator": None, "staff_read_seq": 0}
        return {
            "owner": conversation.owner,
            "operator": await self._name(conversation.operator),
            "staff_read_seq": conversation.staff_read_seq,
        }

    async def _name(self, staff: str | None) -> str | None:
        if staff is None:
            return None
        if staff not in self.names:
            person = await self.hub.store.staff(staff)
            self.names[staff] = person.name if person else None
        return self.names[staff]

    async def _say(self, **frame: Any) -> None:
        await self.ws.send_str(json.dumps(frame, ensure_ascii=False))


async def socket(request: web.Request) -> web.StreamResponse:
    hub, room = hub_of(request), room_of(request.app)
    if not own_or_allowed_origin(request, hub.settings):
        raise web.HTTPForbidden(text="this site may not open the live chat")
    address = request.remote or ""
    if not room.connects.take(address):
        raise web.HTTPTooManyRequests(text="too many connections from this address")
    ws = web.WebSocketResponse(heartbeat=HEARTBEAT_S, max_msg_size=MAX_FRAME_BYTES)
    await ws.prepare(request)
    room.sockets.add(ws)
    hub.metrics.chats.inc()
    try:
        await _serve(hub, room, ws, address)
    except ConnectionResetError:
        pass  # the page went away in the middle of a word
    finally:
        hub.metrics.chats.dec()
        room.sockets.discard(ws)
    return ws


async def _serve(hub: Hub, room: ChatRoom, ws: web.WebSocketResponse, address: str) -> None:
    try:
        hello = FRAMES.validate_json(await ws.receive_str(timeout=HELLO_WITHIN_S))
    except (ValidationError, TypeError, TimeoutError):
        hello = None
    if not isinstance(hello, Hello):
        await ws.close(code=WSCloseCode.POLICY_VIOLATION)
        return
    chat = Chat(hub, room, ws, room.sessions.open(hello.token), address)
    with hub.live.subscribe(chat.conversation) as subscription:
        try:
            await chat.welcome(hello)
        except StoreError:
            await ws.close(code=WSCloseCode.TRY_AGAIN_LATER)
            return
        async with asyncio.TaskGroup() as tasks:
            follower = tasks.create_task(chat.follow(subscription))
            with suppress(ConnectionResetError):
                await chat.listen()
            follower.cancel()


async def page(request: web.Request) -> web.StreamResponse:
    return render(request, "chat.html", storms=storms_now(request))


async def launcher(request: web.Request) -> web.StreamResponse:
    """Other sites put this address into a page once and for good, so it is asked for again now and then."""
    headers = {"Cache-Control": "public, max-age=600", "Cross-Origin-Resource-Policy": "cross-origin"}
    return web.FileResponse(STATIC / "chat" / "embed.js", headers=headers)


def routes() -> list[web.AbstractRouteDef]:
    return [web.get("/chat", page), web.get("/chat/ws", socket), web.get("/embed.js", launcher)]


async def close_all(app: web.Application) -> None:
    """Belongs into the application's ``on_shutdown``: open sockets would hold it up."""
    await room_of(app).close()
