"""An outbound message as a mail: in its thread, as text and HTML, and recognisable as a machine's where it is one."""

import html
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime

from connectors.email_kinds import OURS
from hub.errors import Unreachable
from hub.model import Blob, Outgoing
from hub.pieces import numbered

NO_ADDRESS = "Địa chỉ người gửi không phải là địa chỉ thư có thể gửi tới."
SUBJECT = "Trả lời của Tổng đài 1022"
LONGEST_CHAIN = 900  # characters: a line of a mail ends before 998


def own_id(item: Outgoing, address: str) -> str:
    """The Message-ID without brackets: the same for every attempt."""
    return f"{item.message.id}@{address.rpartition('@')[2]}"


def compose(
    item: Outgoing,
    *,
    address: str,
    display_name: str,
    files: Sequence[tuple[Blob, str]] = (),
    parent: str | None = None,
    chain: Sequence[str] = (),
    subject: str = "",
    code: str | None = None,
) -> EmailMessage:
    """The mail.

    Args:
        parent: Message-ID of the mail it answers; none: the first of its thread.
        chain: Message-IDs before that one, oldest first.
        subject: of the citizen's mail.
        code: of the ticket, if it may be told.

    Raises:
        Unreachable: the citizen's address is none that can be written to.
    """
    message, parent = item.message, _bare(parent or item.conversation.key)
    try:
        to = _address(item.conversation.sender)
    except (ValueError, HeaderParseError, IndexError):
        raise Unreachable(NO_ADDRESS) from None
    mail = EmailMessage()
    mail["From"] = Address(display_name=display_name, addr_spec=address)
    mail["To"] = to
    mail["Subject"] = _subject(subject, code)
    mail["Date"] = format_datetime(datetime.fromtimestamp(message.at / 1000, UTC))
    mail["Message-ID"] = f"<{own_id(item, address)}>"
    if "@" in parent:  # else the citizen's mail had none
        mail["In-Reply-To"] = f"<{parent}>"
        mail["References"] = _references(
            [*chain, parent] if chain else [_bare(item.conversation.key), parent]
        )
    mail[OURS] = "1"
    if message.author != "operator":
        mail["Auto-Submitted"] = "auto-replied"
        mail["X-Auto-Response-Suppress"] = "All"
    text = numbered(message.text or "", message.buttons)
    mail.set_content(text)
    paragraphs = "".join(f"<p>{html.escape(one)}</p>" for one in text.split("\n") if one.strip())
    mail.add_alternative(f'<!DOCTYPE html><html lang="vi"><body>{paragraphs}</body></html>', subtype="html")
    for blob, name in files:
        main, _, sub = blob.media_type.partition("/")
        mail.add_attachment(blob.data, maintype=main, subtype=sub or "octet-stream", filename=name)
    return mail


def _address(text: str) -> Address:
    """As an address that mail servers know: names of domains in their own letters are written in Latin ones."""
    local, _, domain = text.rpartition("@")
    if not domain.isascii():
        domain = domain.encode("idna").decode()
    if not local.isascii() and re.fullmatch(r"[\w.+-]+", local):
        return Address(username=local, domain=domain)
    return Address(addr_spec=f"{local}@{domain}")


def _bare(id_: str) -> str:
    """A Message-ID without what the hub adds to tell two mails of the same id apart."""
    return re.sub(r"#[0-9a-f]{32}$", "", id_)


def notice(
    to: str, subject: str, text: str, *, key: str, at: int, address: str, display_name: str
) -> EmailMessage:
    """A mail that belongs to no conversation; ``key`` makes every attempt the same mail."""
    mail = EmailMessage()
    mail["From"] = Address(display_name=display_name, addr_spec=address)
    mail["To"] = to
    mail["Subject"] = subject
    mail["Date"] = format_datetime(datetime.fromtimestamp(at / 1000, UTC))
    mail["Message-ID"] = f"<{key}@{address.rpartition('@')[2]}>"
    mail[OURS] = "1"
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    mail.set_content(text)
    return mail


def _subject(subject: str, code: str | None) -> str:
    plain = " ".join(subject.split()) or SUBJECT
    said = plain if plain.lower().startswith("re:") else f"Re: {plain}"
    return f"{said} [{code}]" if code and code not in said else said


def _references(ids: Sequence[str]) -> str:
    first, *rest = list(dict.fromkeys(one for one in ids if "@" in one))
    kept: list[str] = []
    for one in reversed(rest):
        if sum(len(other) + 3 for other in (first, one, *kept)) > LONGEST_CHAIN:
            break
        kept.insert(0, one)
    return " ".join(f"<{one}>" for one in (first, *kept))
