"""A mail server that takes mails over, or refuses as it is told to."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session


@dataclass
class MailExchange:
    """``refuses_recipient`` and ``refuses_mail`` are replies such as "550 5.1.1 no such user"; ``hangs_up`` ends the
    connection after the mail was taken over and before that is said."""

    port: int = 0
    refuses_recipient: str | None = None
    refuses_mail: str | None = None
    hangs_up: bool = False
    taken: list[EmailMessage] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    async def handle_RCPT(  # noqa: N802 - the names aiosmtpd looks for
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.refuses_recipient:
            return self.refuses_recipient
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.refuses_mail:
            return self.refuses_mail
        content: Any = envelope.content
        self.taken.append(message_from_bytes(content, EmailMessage, policy=policy.default))
        self.recipients.append(list(envelope.rcpt_tos))
        if self.hangs_up:
            assert server.transport is not None
            server.transport.abort()
        return "250 taken over"


@asynccontextmanager
async def mail_exchange() -> AsyncIterator[MailExchange]:
    exchange = MailExchange()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(exchange, hostname="mx.example.vn", loop=loop, enable_SMTPUTF8=True), "127.0.0.1", 0
    )
    exchange.port = server.sockets[0].getsockname()[1]
    try:
        yield exchange
    finally:
        server.close()
        await server.wait_closed()
