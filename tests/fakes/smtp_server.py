"""A mail server that takes mails over, or refuses as it is told to."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from tests.fakes.token_server import TokenServer


@dataclass
class MailExchange:
    """``refuses_recipient`` and ``refuses_mail`` are replies such as "550 5.1.1 no such user"; ``hangs_up`` ends the
    connection after the mail was taken over and before that is said."""

    port: int = 0
    refuses_recipient: str | None = None
    refuses_mail: str | None = None
    hangs_up: bool = False
    faults: list[str] = field(default_factory=list)  # replies to the next mails, one each
    tokens: TokenServer | None = None  # then only a good token of it logs in
    taken: list[EmailMessage] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    got_one: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    async def auth_XOAUTH2(self, server: SMTP, args: list[str]) -> AuthResult:  # noqa: N802
        assert self.tokens is not None
        told = base64.b64decode(args[1]).decode()
        token = told.partition("auth=Bearer ")[2].rstrip("\x01")
        if token in self.tokens.good:
            return AuthResult(success=True)
        await server.challenge_auth(b'{"status":"401"}')
        return AuthResult(success=False, handled=False)

    async def handle_RCPT(  # noqa: N802 - the names aiosmtpd looks for
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.tokens is not None and not session.authenticated:
            return "530 5.7.0 log in first"
        if self.refuses_recipient:
            return self.refuses_recipient
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.faults:
            return self.faults.pop(0)
        if self.refuses_mail:
            return self.refuses_mail
        content: Any = envelope.content
        self.taken.append(message_from_bytes(content, EmailMessage, policy=policy.default))
        self.recipients.append(list(envelope.rcpt_tos))
        self.got_one.set()
        if self.hangs_up:
            assert server.transport is not None
            server.transport.abort()
        return "250 taken over"


@asynccontextmanager
async def mail_exchange(tokens: TokenServer | None = None) -> AsyncIterator[MailExchange]:
    exchange = MailExchange(tokens=tokens)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(
            exchange,
            hostname="mx.example.vn",
            loop=loop,
            enable_SMTPUTF8=True,
            auth_require_tls=False,
        ),
        "127.0.0.1",
        0,
    )
    exchange.port = server.sockets[0].getsockname()[1]
    try:
        yield exchange
    finally:
        server.close()
        await server.wait_closed()
