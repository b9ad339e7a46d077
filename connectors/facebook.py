"""Facebook Page: Messenger and the comments on the Page's posts, over the Graph API; webhooks in.

On Messenger a machine may answer for 24 hours after the citizen last did something, a person for 7 days. Below a post
everybody reads along; one private message may follow each comment. See docs/channels/facebook.md.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from connectors import facebook_events as events
from connectors.calls import Refused, Upload
from connectors.facebook_api import GraphApi
from connectors.facebook_comments import thread_of
from connectors.facebook_events import SIGNATURE, parse
from connectors.facebook_forms import MAX_TEXT, forms, listed, marked
from connectors.facebook_settings import CHANNEL, FacebookSettings
from connectors.facebook_watch import Watch
from hub.clock import local
from hub.errors import SendError, SendRefused, Unreachable, Unsupported, WindowClosed
from hub.model import Conversation, Event, Message, Outgoing
from hub.ports import Capabilities, Job, Media, Reach, Sent, Tools

__all__ = ["CHANNEL", "FacebookConnector", "FacebookSettings", "parse"]

HOUR_MS = 3_600_000
WINDOW_MS = 24 * HOUR_MS
STAFF_WINDOW_MS = 7 * 24 * HOUR_MS
IMAGES = frozenset({"image/jpeg", "image/png", "image/gif"})

LATE = (
    "Đã quá 24 giờ kể từ lần cuối người dân nhắn qua Messenger: bot không trả lời được nữa, chỉ gửi được tin do tổng "
    "đài viên tự viết, đến {until}."
)
CLOSED = (
    "Đã quá {days} kể từ lần cuối người dân nhắn qua Messenger: Facebook không cho gửi tin nữa. Hãy liên hệ bằng kênh "
    "khác, hoặc chờ người dân nhắn lại."
)
PUBLIC = "Đây là bình luận công khai, ai cũng đọc được câu trả lời: không viết thông tin cá nhân, mã phiếu hay mã tra cứu."
NAMELESS = (
    "Facebook không cho biết ai đã bình luận (ứng dụng thiếu quyền đọc), nên bot không trả lời. Câu trả lời ở đây là "
    "công khai."
)
OTHER_PAGE = "Tin này đến từ một Trang Facebook khác, hệ thống không gửi trả lời được."


class FacebookConnector:
    name = CHANNEL
    keep_headers: tuple[str, ...] = (SIGNATURE,)

    def __init__(self, settings: FacebookSettings, tools: Tools) -> None:
        self._settings, self._tools = settings, tools
        self._api = GraphApi(settings, tools)
        self.watch = Watch(settings, tools, self._api)
        self.capabilities = Capabilities(
            max_text=MAX_TEXT,
            buttons=True,
            attachments=True,
            courtesies=False,
            interactions=settings.interactions,
        )

    def challenge(self, query: Mapping[str, str]) -> str | None:
        return events.challenge(query, verify_token=self._settings.verify_token.get_secret_value())

    def verify(self, headers: Mapping[str, str], body: bytes) -> None:
        events.verify(headers, body, app_secret=self._settings.app_secret.get_secret_value())

    def parse(self, body: bytes) -> list[Event]:
        return parse(body, account=self._settings.page_id, app_id=self._settings.app_id)

    def reach(self, conversation: Conversation, now: int) -> Reach:
        public = thread_of(conversation.key) is not None
        notice = conversation.unreachable
        if conversation.account != self._settings.page_id:
            notice = OTHER_PAGE
        if notice is not None:
            return Reach(staff=False, bot=False, notice=notice, public=public)
        if public:
            named = bool(conversation.sender)  # else the bot might be talking to itself
            return Reach(bot=named, notice=PUBLIC if named else NAMELESS, public=True)
        if conversation.interacted_at is None:
            return Reach()  # nobody knows since when: Facebook itself will say
        return self._window(conversation.interacted_at, now)

    def _window(self, since: int, now: int) -> Reach:
        if now < since + WINDOW_MS:
            return Reach(until=since + WINDOW_MS)
        until = since + STAFF_WINDOW_MS
        if self._settings.human_agent and now < until:
            return Reach(bot=False, until=until, notice=LATE.format(until=f"{local(until):%H:%M %d/%m/%Y}"))
        days = "7 ngày" if self._settings.human_agent else "24 giờ"
        return Reach(staff=False, bot=False, notice=CLOSED.format(days=days))

    async def send(self, item: Outgoing) -> Sent:
        """Send one message. Where Graph refuses its form (so nothing arrived), the same is said more plainly."""
        thread = thread_of(item.conversation.key)
        if thread is not None:
            return await self._send_comment(item, thread)
        made = await self._forms(item.message)
        for n, form in enumerate(made, start=1):
            # not the conversation's sender: where an echo began it, nobody has written yet
            message = {"recipient": {"id": item.conversation.key}, "message": form}
            try:
                return Sent(external_id=await self._send_in_window(item, message))
            except Refused:
                if n == len(made):
                    raise
        raise SendRefused("nothing to send")

    def part(self, body: bytes, part: str) -> Media | None:
        return None

    async def typing(self, conversation: Conversation) -> None:
        """Shows that the message was seen and that an answer is being made."""
        if thread_of(conversation.key) is None and self.reach(conversation, self._tools.clock.now()).bot:
            signs = ("mark_seen", "typing_on")
            await asyncio.gather(*(self._api.sign(conversation.key, sign) for sign in signs))

    def jobs(self) -> Sequence[Job]:
        name = f"facebook-subscription:{self._settings.page_id}"
        return (Job(name=name, role="work", run=self.watch.run),)

    async def name_of(self, conversation: Conversation) -> str | None:
        """How the person is called on Messenger; None while that cannot be learned."""
        if thread_of(conversation.key) is not None:
            return None
        try:
            found = await self._api.user(conversation.key)
        except SendError:
            return None
        parts = [
            found.get("last_name"),
            found.get("first_name"),
        ]  # the family's name comes first in Vietnamese
        return " ".join(part.strip() for part in parts if isinstance(part, str) and part.strip()) or None

    async def hide(self, comment: str, *, hidden: bool = True) -> None:
        """Hide a comment, or show it again.

        Raises the ``SendError`` family."""
        await self._api.hide(comment, hidden=hidden)

    # ---- how it is said --------------------------------------------------------------------------

    async def _send_in_window(self, item: Outgoing, message: Mapping[str, Any]) -> str | None:
        """As a response; what a person wrote, after 24 hours, as a human agent. Never what a machine wrote."""
        since, now = item.conversation.interacted_at, self._tools.clock.now()
        may_be_late = self._settings.human_agent and item.message.author == "operator"
        if not (may_be_late and since is not None and now >= since + WINDOW_MS):
            try:
                return await self._api.send({**message, "messaging_type": "RESPONSE"}, attempts=item.attempts)
            except WindowClosed:
                if not may_be_late:
                    raise
        tagged = {**message, "messaging_type": "MESSAGE_TAG", "tag": "HUMAN_AGENT"}
        return await self._api.send(tagged, attempts=item.attempts)

    async def _send_comment(self, item: Outgoing, thread: str) -> Sent:
        message = item.message
        if message.attachments:
            raise Unsupported("no files below a post")
        if not message.private:
            return Sent(external_id=await self._api.comment(thread, listed(message), attempts=item.attempts))
        if message.reply_to is None:  # others may have written below the first comment
            raise Unsupported("a private message needs the comment that it answers")
        asked = {
            "recipient": {"comment_id": message.reply_to},
            "messaging_type": "RESPONSE",
            "message": marked({"text": listed(message)}, message),
        }
        try:
            return Sent(external_id=await self._api.send(asked, attempts=item.attempts))
        except Unreachable as error:  # this one person: the thread goes on
            raise SendRefused(str(error)) from None

    async def _forms(self, message: Message) -> list[dict[str, Any]]:
        if message.attachments:
            return [marked(await self._attached(message), message)]
        if not message.text:
            raise Unsupported("nothing to say")
        return forms(message, self._settings.buttons)

    async def _attached(self, message: Message) -> dict[str, Any]:
        attachment, *more = message.attachments
        blob = await self._tools.blob(attachment.blob) if attachment.blob is not None else None
        if blob is None:
            raise Unsupported("the file is not there")
        if more or message.text:
            raise Unsupported("Messenger takes one file in a message, and no text with it")
        if blob.size > self._settings.file_max_bytes:
            raise Unsupported(f"Messenger takes no file of more than {self._settings.file_max_bytes} bytes")
        kind = _kind(blob.media_type)
        given = await self._api.upload(kind, Upload(blob.data, attachment.name or "tep", blob.media_type))
        return {"attachment": {"type": kind, "payload": {"attachment_id": given}}}


def _kind(media_type: str) -> str:
    family = media_type.partition("/")[0]
    return "image" if media_type in IMAGES else family if family in ("audio", "video") else "file"
