"""E-mail: a mailbox read over IMAP, answers over SMTP. See docs/channels/email.md."""

from collections.abc import Mapping, Sequence

from connectors import email_events
from connectors.email_compose import compose, notice, own_id
from connectors.email_events import parse
from connectors.email_imap import Mailbox
from connectors.email_oauth import MailTokens
from connectors.email_settings import CHANNEL, EmailSettings
from connectors.email_smtp import deliver
from hub.errors import ChannelStopped, Forged, Unreachable, Unsupported
from hub.model import Blob, Conversation, Event, Outgoing
from hub.ports import Capabilities, Job, Media, Reach, Sent, Tools

__all__ = ["CHANNEL", "EmailConnector", "EmailSettings", "parse"]

MAX_TEXT = 50_000
LONGEST_NAME = 80
NOBODY = "Thư này không có địa chỉ người gửi nên không trả lời được."
STOPPED = (
    "Máy chủ gửi thư của hộp thư {address} từ chối đăng nhập: kiểm tra mật khẩu ứng dụng hoặc quyền truy cập. Thư gửi đi "
    "đang chờ."
)
HOUR_MS = 3_600_000


class EmailConnector:
    name = CHANNEL
    keep_headers: tuple[str, ...] = ()
    capabilities = Capabilities(
        max_text=MAX_TEXT,
        attachments=True,
        attachments_apart=False,
        courtesies=False,
        letters=True,
        resend_safe=True,  # every attempt carries the same Message-ID
        threads=True,
        automatic_answers={HOUR_MS: 5, 24 * HOUR_MS: 20},
    )

    def __init__(self, settings: EmailSettings, tools: Tools) -> None:
        self._settings, self._tools = settings, tools
        self._well = False  # the last mail of this process was taken over
        self.tokens = MailTokens(settings, tools)
        self.mailbox = Mailbox(settings, tools, self.tokens)

    def verify(self, headers: Mapping[str, str], body: bytes) -> None:
        """Mails are fetched: whoever pushes one here is not our server."""
        raise Forged("mails come by IMAP only")

    def parse(self, body: bytes) -> list[Event]:
        return parse(body, account=self._settings.address, aliases=self._settings.aliases)

    def reach(self, conversation: Conversation, now: int) -> Reach:
        notice = conversation.unreachable or (None if conversation.sender else NOBODY)
        return Reach() if notice is None else Reach(staff=False, bot=False, notice=notice)

    async def send(self, item: Outgoing) -> Sent:
        if not item.conversation.sender:
            raise Unreachable(NOBODY)
        heard = await self._tools.heard(item.conversation.id)
        known = heard.data if heard else {}
        mail = compose(
            item,
            address=self._settings.address,
            display_name=self._settings.display_name,
            files=await self._files(item),
            parent=item.message.reply_to or (heard.external_id if heard else None),
            chain=known.get("references", ()),
            subject=known.get("subject", ""),
            code=await self._tools.code_of(item.conversation),
        )
        alarm = f"email-smtp:{self._settings.address}"
        try:
            await deliver(self._settings, self.tokens, mail)
        except ChannelStopped:
            self._well = False
            await self._tools.alarm(alarm, STOPPED.format(address=self._settings.address))
            raise
        if not self._well:
            self._well = True
            await self._tools.clear_alarm(alarm)
        return Sent(external_id=own_id(item, self._settings.address))

    async def write(self, item: Outgoing, address: str) -> None:
        """Send somebody what was said in a conversation of another channel, as a mail of its own."""
        there = item.conversation.model_copy(update={"sender": address, "key": ""})
        mail = compose(
            item.model_copy(update={"conversation": there}),
            address=self._settings.address,
            display_name=self._settings.display_name,
            files=await self._files(item),
            code=await self._tools.code_of(item.conversation),
        )
        alarm = f"email-smtp:{self._settings.address}"
        try:
            await deliver(self._settings, self.tokens, mail)
        except ChannelStopped:
            self._well = False
            await self._tools.alarm(alarm, STOPPED.format(address=self._settings.address))
            raise
        if not self._well:
            self._well = True
            await self._tools.clear_alarm(alarm)

    async def mail(self, to: str, subject: str, text: str, *, key: str, at: int) -> None:
        """To an address outside any conversation, as a machine's."""
        await deliver(
            self._settings,
            self.tokens,
            notice(
                to,
                subject,
                text,
                key=key,
                at=at,
                address=self._settings.address,
                display_name=self._settings.display_name,
            ),
        )

    def part(self, body: bytes, part: str) -> Media | None:
        return email_events.part(body, part)

    async def name_of(self, conversation: Conversation) -> str | None:
        """How the person signs their mails; anybody may sign as they like."""
        heard = await self._tools.heard(conversation.id)
        if heard is None or heard.automatic:
            return None
        name = str(heard.data.get("name", ""))[:LONGEST_NAME].strip()
        return name if name and "@" not in name else None

    async def typing(self, conversation: Conversation) -> None:
        """Mail has no such sign."""

    def jobs(self) -> Sequence[Job]:
        return (Job(name=self.mailbox.name, role="mail", run=self.mailbox.run),)

    async def _files(self, item: Outgoing) -> list[tuple[Blob, str]]:
        files = []
        for attachment in item.message.attachments:
            blob = await self._tools.blob(attachment.blob) if attachment.blob else None
            if blob is None:
                raise Unsupported("the file is not there")
            files.append((blob, attachment.name or "tep"))
        if sum(blob.size for blob, _ in files) > self._settings.largest_attachments:
            raise Unsupported("the files are too large for a mail")
        return files
