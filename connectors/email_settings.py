"""Settings of the e-mail channel (``HUB_EMAIL__…``). The addresses of the servers hold passwords: they are secrets."""

import ipaddress
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import unquote, urlsplit

from pydantic import Field, SecretStr, StringConstraints, model_validator

from hub.ports import ChannelSettings

CHANNEL = "email"
_PORTS = {"imaps": 993, "imap": 143, "smtps": 465, "smtp": 587}

Address = Annotated[
    str, StringConstraints(pattern=r"^[^@\s<>]+@[^@\s<>]+$", strip_whitespace=True, to_lower=True)
]


@dataclass(frozen=True)
class Server:
    scheme: str
    host: str
    port: int
    user: str
    password: str
    folder: str

    @property
    def local(self) -> bool:
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


class EmailSettings(ChannelSettings):
    address: Address
    aliases: frozenset[Address] = Field(frozenset(), description="other addresses whose mails come here")
    imap_url: SecretStr = Field(description="imaps://user:password@host:993/INBOX")
    smtp_url: SecretStr = Field(description="smtps://user:password@host:465, or smtp:// with STARTTLS")
    access_token: SecretStr = Field(
        SecretStr(""),
        description="XOAUTH2 in place of the passwords, as long as it lasts; better: the four below",
    )
    token_url: str = Field("", description="where access tokens are renewed; then no passwords are used")
    client_id: str = ""
    client_secret: SecretStr = SecretStr("")
    refresh_token: SecretStr = SecretStr("")
    token_scope: str = Field("", description="asked for at renewal, where the provider wants it")
    plain_hosts: frozenset[str] = Field(
        frozenset(), description="hosts in our own network that may be reached without TLS"
    )
    display_name: str = Field("Tổng đài 1022 Đồng Tháp", pattern=r"^[^\r\n]+$")
    mark_seen: bool = Field(True, description="mark mails as read once they are stored")
    largest_mail: int = Field(25 * 2**20, gt=0, description="bytes; of larger mails only the header is kept")
    largest_attachments: int = Field(18 * 2**20, gt=0, description="bytes, outbound, before encoding")
    timeout_s: float = Field(20.0, gt=0, le=25)
    idle_s: float = Field(
        540.0, gt=0, description="IDLE is renewed this often: some servers drop it at 10 min"
    )
    first_days: float = Field(
        3.0,
        ge=0,
        description="mails older than this when the mailbox is read for the first time are left alone",
    )
    sync_s: float = Field(300.0, gt=0, description="the mailbox is read at least this often")

    @property
    def imap(self) -> Server:
        return _server(self.imap_url.get_secret_value())

    @property
    def smtp(self) -> Server:
        return _server(self.smtp_url.get_secret_value())

    def plain(self, server: Server) -> bool:
        """Whether this server may be spoken to without TLS."""
        return server.local or server.host in self.plain_hosts

    @model_validator(mode="after")
    def _checked(self) -> "EmailSettings":
        for server, schemes in ((self.imap, ("imaps", "imap")), (self.smtp, ("smtps", "smtp"))):
            if server.scheme not in schemes or not server.host:
                raise ValueError(f"a mail server's address begins with {schemes[0]}:// and names a host")
        if self.imap.scheme == "imap" and not self.plain(self.imap):
            raise ValueError("imap:// sends the password in the clear: use imaps://")
        if self.token_url:
            host = urlsplit(self.token_url)
            inside = host.hostname in ("127.0.0.1", "::1", "localhost") or host.hostname in self.plain_hosts
            if host.scheme != "https" and not (host.scheme == "http" and inside):
                raise ValueError("token_url begins with https://")
            if not self.client_id or not self.refresh_token.get_secret_value():
                raise ValueError("token_url needs client_id and refresh_token")
        return self


def _server(url: str) -> Server:
    parts = urlsplit(url)
    return Server(
        parts.scheme,
        parts.hostname or "",
        parts.port or _PORTS.get(parts.scheme, 0),
        unquote(parts.username or ""),
        unquote(parts.password or ""),
        unquote(parts.path.strip("/")) or "INBOX",
    )
