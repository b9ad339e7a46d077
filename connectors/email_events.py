"""Mails as normalised events: one mail is one event, whatever its bytes are.

The keys of ``data``; those marked * are left out when there is nothing to say:

=================  ============================================================================
``subject``        decoded, NFC ("" when there is none)
``digest``         32 hex characters over from, date, subject and the bytes of the body
``references`` *   Message-IDs without brackets, oldest first
``in_reply_to`` *  the ids of In-Reply-To (``Event.reply_to`` is the first)
``tickets`` *      ticket codes named in the subject; a claim, not a proof
``name`` *         the sender's display name
``reply_address`` *  where Reply-To asks answers to go, if elsewhere; never who the sender is
``to``, ``cc`` *   addresses in lower case
``automatic`` *    why no machine may answer: the word of ``email_kinds.automatic``
``full_text`` *    text with quotes and signature, when ``Event.text`` is without
``html`` *         sanitised HTML without anything that is loaded from elsewhere
``cut`` *          True: text, HTML or attachments exceeded their limit
``for_people`` *   True: no machine may answer, but it may say something new: people look at it
``forged`` *       True: our mail server found that the sender's domain did not send it
``unreadable`` *   "encrypted", or "too_big": only its head was kept, and its ``size`` in bytes
``permanent``, ``status``, ``action``, ``diagnostic``, ``recipient`` *   of ``bounce``
``ids`` *          of ``read`` and ``delivery``: the Message-IDs they are about
=================  ============================================================================

``Event.reply_to`` of a ``bounce`` is the Message-ID of the mail that came back.
"""

import contextlib
import hashlib
import re
from collections.abc import Collection
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any

from connectors.email_charsets import Headers, addresses, tidy
from connectors.email_html import sanitised, text_of
from connectors.email_kinds import automatic, for_people, report
from connectors.email_parts import Contents, media, read, tree
from connectors.email_quotes import unquoted
from hub.errors import AlienPayload
from hub.model import Event, EventKind
from hub.ports import Media

CHANNEL = "email"
LARGEST_TEXT = 200_000  # characters: a long novel chapter; nobody reads more in a console
LARGEST_SUBJECT = 500
LARGEST_ID = 250  # Message-IDs beyond this are junk, and would burden every index
MOST_REFERENCES = 100
MOST_ADDRESSES = 50
#: Field that the mailbox reader adds to the head of a mail that is too large to be kept: its size in bytes.
SIZE = "x-hub-mail-size"
_FORGED = re.compile(r"\bdmarc\s*=\s*fail\b", re.I)
_FORWARDS = re.compile(r"(?:fwd?|chuyển tiếp)\s*:", re.I)
_ID = re.compile(r"<\s*([^<>\s]+)\s*>")
_TICKET = re.compile(r"(?<!\w)1022\s*[-–./ ]\s*(20\d\d)\s*[-–./ ]\s*(\d{6})(?!\d)")


def parse(body: bytes, *, account: str | None = None, aliases: Collection[str] = ()) -> list[Event]:
    """The one event of a mail. Needs no settings; ``account`` tells our own mails from the citizens', ``aliases`` are
    our other addresses.

    Raises:
        AlienPayload: not a mail, too large, or built to be unreadable.
    """
    mail = tree(body)
    headers = Headers(mail)
    contents = read(mail)
    subject = tidy(headers.text("subject"))[:LARGEST_SUBJECT]
    senders = [one for name in ("from", "sender", "return-path") for one in addresses(headers.all(name))]
    name, sender = senders[0] if senders else ("", "")
    to, cc = (
        [address for _, address in addresses(headers.all(one))][:MOST_ADDRESSES] for one in ("to", "cc")
    )
    home = account.lower() if account else _home(headers, to)
    full, text, html = _texts(contents, forwarded=bool(_FORWARDS.match(subject)))
    references, answered = _ids(headers.text("references")), _ids(headers.text("in-reply-to"))
    sent_at = _when(headers.text("date"))
    digest = _digest(headers, body)
    own = _ids(headers.text("message-id"), bare=True)
    external_id = own[0] if own else f"email_{digest}"
    data: dict[str, Any] = {"subject": subject, "digest": digest}
    reply_address = next((one for _, one in addresses(headers.all("reply-to"))), None)
    ours = frozenset(one.lower() for one in (home, *aliases) if one)
    why = automatic(
        headers,
        sender=sender,
        ours=ours,
        to={re.sub(r"\+[^@]*@", "@", one) for one in (*to, *cc)} | {*to, *cc},
        subject=subject,
        kind=mail.get_content_type(),
    )
    kind: EventKind = "echo" if sender in ours else "message"
    about = answered[0] if answered else None
    told = report(mail, sender=sender, text=full)
    if told is not None:
        kind, about = told.kind, told.about
    size = headers.text(SIZE).strip()
    too_big = size.isascii() and size.isdecimal() and len(size) < 12
    optional: dict[str, Any] = {
        "references": references[:1] + references[1:][-MOST_REFERENCES:],
        "in_reply_to": answered,
        "tickets": list(dict.fromkeys(f"1022-{hit[1]}-{hit[2]}" for hit in _TICKET.finditer(subject))),
        "name": name[:LARGEST_SUBJECT],
        "reply_address": reply_address if reply_address != sender else None,
        "to": to,
        "cc": cc,
        "automatic": why,
        "for_people": why is not None and for_people(why, headers, sender=sender, kind=kind),
        "full_text": full[:LARGEST_TEXT] if full != text else None,
        "html": html,
        "cut": contents.cut or len(full) > LARGEST_TEXT,
        "forged": bool(_FORGED.search(headers.text("authentication-results"))),
        "unreadable": "too_big" if too_big else contents.unreadable,
        "size": int(size) if too_big else None,
    } | (told.data if told is not None else {})
    data |= {
        key: value for key, value in optional.items() if value or (value is False and key == "permanent")
    }
    root = references[0] if references else (about or external_id)
    return [
        Event(
            channel=CHANNEL,
            kind=kind,
            external_id=external_id,
            account=home,
            sender=sender,
            text=text[:LARGEST_TEXT] or None,
            attachments=contents.attachments,
            reply_to=about,
            sent_at=sent_at,
            conversation=root,
            automatic=why is not None,
            data=data,
        )
    ]


def part(body: bytes, part: str) -> Media | None:
    """The content of the attachment that ``parse`` named so, if it is there."""
    try:
        return media(tree(body), part)
    except AlienPayload:
        return None


def _texts(contents: Contents, *, forwarded: bool) -> tuple[str, str, str | None]:
    """Everything said, what the writer said now, and the HTML to look at."""
    full, new, html = [], [], ""
    for section in contents.sections:
        html += sanitised(section.html) if section.html else ""
        if section.only_html:
            full.append(text_of(section.html))
            new.append(text_of(section.html, quotes=forwarded))
        else:
            full.append(section.plain)
            new.append(section.plain)
    everything = tidy("\n\n".join(full)[: LARGEST_TEXT + 1], lines=True)
    said = unquoted(tidy("\n\n".join(new)[: LARGEST_TEXT + 1], lines=True), forwarded=forwarded)
    return everything, said or unquoted(everything), html.strip() or None


def _home(headers: Headers, to: list[str]) -> str:
    delivered = addresses(headers.all("delivered-to"))
    return delivered[0][1] if delivered else (to[0] if to else "")


def _ids(value: str, *, bare: bool = False) -> list[str]:
    found = _ID.findall(value)
    if not found and bare and re.fullmatch(r"[^\s<>]+@[^\s<>]+", value.strip()):
        found = [value.strip()]
    return list(dict.fromkeys(one for one in found if len(one) <= LARGEST_ID and one.isprintable()))


def _when(value: str) -> int | None:
    with contextlib.suppress(ValueError, TypeError, OverflowError, IndexError):
        when = parsedate_to_datetime(value)
        at = int((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() * 1000)
        return at if at >= 0 else None
    return None


def _digest(headers: Headers, body: bytes) -> str:
    """Of who wrote what and when, as it came: no later reading of the same mail may change it."""
    written = body.replace(b"\r\n", b"\n").partition(b"\n\n")[2].strip()
    told = (headers.text(name) for name in ("from", "date", "subject"))
    return hashlib.sha256("\x1f".join(told).encode("utf-8", "replace") + b"\x1f" + written).hexdigest()[:32]
