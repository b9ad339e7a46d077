"""Handing one mail to the SMTP server, and what its answer means."""

import ssl
from email.message import EmailMessage

import aiosmtplib
from aiosmtplib import SMTP

from connectors.email_oauth import ConsentNeeded, MailTokens, RenewalFailed
from connectors.email_settings import EmailSettings
from hub.errors import ChannelStopped, NotSent, OutcomeUnknown, SendError, SendRefused, Unreachable

_NOBODY = ("5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1")
NO_SUCH_PERSON = "Máy chủ thư báo địa chỉ này không tồn tại hoặc không nhận thư."
NO_FOREIGN_LETTERS = "Máy chủ thư của tổng đài không gửi được tới địa chỉ có chữ ngoài bảng chữ cái Latinh."


async def deliver(settings: EmailSettings, tokens: MailTokens, mail: EmailMessage) -> None:
    """Send. When this returns, the server has taken the mail over. Raises the ``SendError`` family."""
    try:
        client = await _connected(settings, tokens)
    except aiosmtplib.SMTPResponseException as error:
        if error.code >= 500:
            raise ChannelStopped(f"the mail server refuses us: {error.code}") from None
        raise NotSent(f"the mail server is busy: {error.code}") from None
    except ConsentNeeded:
        raise ChannelStopped("the mailbox needs consent again") from None
    except (aiosmtplib.SMTPException, OSError, RenewalFailed) as error:
        raise NotSent(f"no connection: {type(error).__name__}") from None
    try:
        await client.send_message(mail, recipients=[mail["To"].addresses[0].addr_spec])
    except aiosmtplib.SMTPRecipientsRefused as error:
        first = error.recipients[0]
        raise _refused(first.code, first.message) from None
    except aiosmtplib.SMTPResponseException as error:
        raise _refused(error.code, error.message) from None
    except aiosmtplib.SMTPNotSupported:
        raise Unreachable(NO_FOREIGN_LETTERS) from None
    except (aiosmtplib.SMTPException, OSError) as error:  # the same Message-ID goes out again
        raise OutcomeUnknown(type(error).__name__) from None
    finally:
        client.close()


async def _connected(settings: EmailSettings, tokens: MailTokens) -> SMTP:
    """A client that is logged in; a token that is refused is renewed once."""
    token = await tokens.current()
    try:
        return await _logged_in(settings, token)
    except aiosmtplib.SMTPAuthenticationError:
        renewed = await tokens.current(refused=token) if token else None
        if renewed is None:
            raise
        return await _logged_in(settings, renewed)


async def _logged_in(settings: EmailSettings, token: str | None) -> SMTP:
    server = settings.smtp
    client = SMTP(
        hostname=server.host,
        port=server.port,
        timeout=settings.timeout_s,
        use_tls=server.scheme == "smtps",
        start_tls=None if server.scheme == "smtp" and settings.plain(server) else server.scheme == "smtp",
        tls_context=ssl.create_default_context(),
    )
    try:
        await client.connect()
        if token is not None:
            await client.auth_xoauth2(server.user or settings.address, token)
        elif server.user:
            await client.login(server.user, server.password)
    except BaseException:
        client.close()
        raise
    return client


def _refused(code: int, message: str) -> SendError:
    if code < 500:
        return NotSent(f"the mail server asks to wait: {code}")
    if any(status in message for status in _NOBODY):
        return Unreachable(NO_SUCH_PERSON)
    return SendRefused(f"the mail server refuses the mail: {code}")
