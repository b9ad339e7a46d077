"""Zalo Official Account: consultation messages over OA API v3, webhooks in.

The person is known by their user id at this OA, in both directions. What Zalo allows depends on when the citizen
last did something: free for 48 hours, billed up to 7 days, then nothing. See docs/channels/zalo.md.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from connectors.calls import Refused, Upload
from connectors.zalo_api import ZaloApi
from connectors.zalo_events import ANONYMOUS, SIGNATURE, parse, verify
from connectors.zalo_pages import Answer, head_tags, pages
from connectors.zalo_settings import CHANNEL, ZaloSettings
from connectors.zalo_tokens import LoginFailed, Tokens
from hub.errors import SendError, SendRefused, Unreachable, Unsupported
from hub.model import Attachment, Blob, Conversation, Event, Message, Outgoing
from hub.pieces import numbered
from hub.ports import Capabilities, Job, Media, Reach, Sent, Tools

__all__ = [
    "CHANNEL",
    "LoginFailed",
    "Tokens",
    "ZaloConnector",
    "ZaloSettings",
    "parse",
]

MAX_TEXT = 2000
MAX_BUTTONS = 5
MAX_TITLE = 100
MAX_SUBTITLE = 500
HOUR_MS = 3_600_000
FREE_MS = 48 * HOUR_MS
WINDOW_MS = 7 * 24 * HOUR_MS
PROFILE_MS = 24 * HOUR_MS
PROFILES = 5000
IMAGES = {"image/jpeg": "jpg", "image/png": "png"}
FILES = {
    "application/pdf": "pdf",
    "application/msword": "doc",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
}

CLOSED = (
    "Đã quá 7 ngày kể từ lần cuối người dân nhắn qua Zalo: Zalo không cho gửi tin nữa. Hãy liên hệ bằng kênh khác, "
    "hoặc chờ người dân nhắn lại."
)
BILLED = "Đã quá 48 giờ kể từ lần cuối người dân nhắn qua Zalo: mỗi tin gửi lúc này Zalo tính phí."
NO_ANONYMOUS = (
    "Người dân nhắn ẩn danh (chưa đăng nhập Zalo): hệ thống không gửi được tin trả lời. Hãy trả lời trên trang quản "
    "lý OA của Zalo."
)
CONTACT_TITLE = "Chia sẻ thông tin liên hệ"


class ZaloConnector:
    name = CHANNEL
    keep_headers: tuple[str, ...] = (SIGNATURE, "num_retry")

    def __init__(self, settings: ZaloSettings, tools: Tools) -> None:
        self._settings, self._tools = settings, tools
        self.tokens = Tokens(settings, tools)
        self._api = ZaloApi(settings, tools, self.tokens)
        self._profiles: dict[str, tuple[int, dict[str, Any]]] = {}  # user → good until, as Zalo told it
        self.capabilities = Capabilities(
            max_text=MAX_TEXT,
            buttons=True,
            attachments=True,
            courtesies=False,
            interactions=settings.interactions,
        )

    def verify(self, headers: Mapping[str, str], body: bytes) -> None:
        key = self._settings.oa_secret_key.get_secret_value()
        verify(headers, body, app_id=self._settings.app_id, oa_secret_key=key)

    def parse(self, body: bytes) -> list[Event]:
        return parse(body, account=self._settings.oa_id)

    def reach(self, conversation: Conversation, now: int) -> Reach:
        if conversation.key.startswith(ANONYMOUS):
            return Reach(staff=False, bot=False, notice=NO_ANONYMOUS)
        if conversation.unreachable is not None:
            return Reach(staff=False, bot=False, notice=conversation.unreachable)
        if conversation.interacted_at is None:
            return Reach()  # nobody knows since when: Zalo itself will say
        until = conversation.interacted_at + WINDOW_MS
        if now >= until:
            return Reach(staff=False, bot=False, notice=CLOSED)
        billed = now >= conversation.interacted_at + FREE_MS
        return Reach(until=until, notice=BILLED if billed else None)

    async def send(self, item: Outgoing) -> Sent:
        """Send one message. Where Zalo refuses its form (so nothing arrived), the same is said as plain text."""
        if item.conversation.key.startswith(ANONYMOUS):
            raise Unreachable(NO_ANONYMOUS)
        forms = await self._forms(item.message)
        for n, form in enumerate(forms, start=1):
            # not the conversation's sender: where an echo began it, nobody has written yet
            message = {"recipient": {"user_id": item.conversation.key}, "message": form}
            try:
                return Sent(external_id=await self._api.send(message, attempts=item.attempts))
            except Refused:
                if n == len(forms):
                    raise
        raise SendRefused("nothing to send")

    def part(self, body: bytes, part: str) -> Media | None:
        return None

    async def typing(self, conversation: Conversation) -> None:
        """Zalo has no such sign."""

    def jobs(self) -> Sequence[Job]:
        return (Job(name=f"zalo-tokens:{self._settings.oa_id}", role="work", run=self.tokens.run),)

    def pages(self) -> Mapping[str, Answer]:
        return pages(self._settings, self.tokens)

    def head_tags(self) -> Mapping[str, str]:
        return head_tags(self._settings)

    # ---- who writes ------------------------------------------------------------------------------

    async def name_of(self, conversation: Conversation) -> str | None:
        """How the person is called on Zalo; None while that cannot be learned."""
        if conversation.key.startswith(ANONYMOUS):
            return None
        try:
            found = await self.profile(conversation.key)
        except SendError:
            return None
        name = found.get("display_name")
        return name if isinstance(name, str) and name.strip() else None

    async def profile(self, user: str) -> dict[str, Any]:
        """What Zalo tells about a person, asked at most once a day. Raises the ``SendError`` family."""
        now = self._tools.clock.now()
        until, known = self._profiles.get(user, (0, {}))
        if now < until:
            return known
        found = await self._api.user(user)
        self._profiles.pop(user, None)
        while len(self._profiles) >= PROFILES:
            del self._profiles[next(iter(self._profiles))]  # the one asked longest ago
        self._profiles[user] = now + PROFILE_MS, found
        return found

    # ---- how it is said --------------------------------------------------------------------------

    async def _forms(self, message: Message) -> list[dict[str, Any]]:
        """The message as Zalo takes it, best form first."""
        if message.attachments:
            return [await self._attached(message)]
        plain = {"text": _numbered(message)}
        if message.data.get("ask") == "contact" and len(message.text or "") <= MAX_SUBTITLE:
            return [self._contact_request(message.text or ""), plain]
        if self._settings.buttons and 0 < len(message.buttons) <= MAX_BUTTONS and _titles_fit(message):
            return [_with_buttons(message), plain]
        if message.reply_to is not None:
            return [plain | {"quote_message_id": message.reply_to}, plain]
        return [plain]

    def _contact_request(self, text: str) -> dict[str, Any]:
        element = {"title": CONTACT_TITLE, "subtitle": text}
        if self._settings.contact_image_url:
            element["image_url"] = self._settings.contact_image_url
        return _template({"template_type": "request_user_info", "elements": [element]})

    async def _attached(self, message: Message) -> dict[str, Any]:
        attachment, *more = message.attachments
        blob = await self._tools.blob(attachment.blob) if attachment.blob is not None else None
        if blob is None:
            raise Unsupported("the file is not there")
        if more or (message.text and blob.media_type not in IMAGES):
            raise Unsupported("Zalo takes one file in a message, and text only with a picture")
        if blob.media_type in IMAGES:
            given = await self._uploaded("image", attachment, blob, IMAGES, self._settings.image_max_bytes)
            element = {"media_type": "image", "attachment_id": given["attachment_id"]}
            said = {"text": message.text} if message.text else {}
            return said | _template({"template_type": "media", "elements": [element]})
        given = await self._uploaded("file", attachment, blob, FILES, self._settings.file_max_bytes)
        return {"attachment": {"type": "file", "payload": {"token": given["token"]}}}

    async def _uploaded(
        self, kind: str, attachment: Attachment, blob: Blob, types: Mapping[str, str], most: int
    ) -> dict[str, Any]:
        if blob.media_type not in types:
            raise Unsupported(f"Zalo takes no {blob.media_type}")
        if blob.size > most:
            raise Unsupported(f"Zalo takes no {kind} of more than {most} bytes")
        name = attachment.name or f"tep.{types[blob.media_type]}"
        given = await self._api.upload(kind, Upload(blob.data, name, blob.media_type))
        if not given.get("attachment_id" if kind == "image" else "token"):
            raise SendRefused("Zalo gave no id for the file")
        return given


def _template(payload: dict[str, Any]) -> dict[str, Any]:
    return {"attachment": {"type": "template", "payload": payload}}


def _with_buttons(message: Message) -> dict[str, Any]:
    # what comes back is an ordinary text, seen by the citizen: so it is the title, never the payload
    buttons = [
        {"title": button.title, "type": "oa.query.show", "payload": button.title}
        for button in message.buttons
    ]
    return {"text": message.text or "", **_template({"buttons": buttons})}


def _titles_fit(message: Message) -> bool:
    return all(0 < len(button.title) <= MAX_TITLE for button in message.buttons)


def _numbered(message: Message) -> str:
    """The text with its choices as a numbered list, as long as both fit in one message."""
    text = message.text or ""
    listed = numbered(text, message.buttons)
    return listed if len(listed) <= MAX_TEXT else text
