"""The parts of a mail: what is said, and what is attached."""

import contextlib
import email
import re
import urllib.parse
from dataclasses import dataclass
from email.message import Message as Mail
from email.policy import compat32
from typing import Any

import tnefparse

from connectors.email_charsets import Headers, decoded, tidy, words
from hub.errors import AlienPayload
from hub.model import Attachment
from hub.ports import Media

LARGEST_MAIL = 40_000_000  # 25 MB of content as base64, and its headers
LARGEST_ATTACHMENT = 25_000_000  # what citizens' providers let through
LARGEST_TEXT = 1_000_000  # bytes of one text; of a longer one the beginning is read
DEEPEST = 10  # forwards of forwards; deeper is built to hurt
MOST_PARTS = 200
MOST_ATTACHMENTS = 50
_MARKS = ("from", "date", "message-id", "received", "subject", "return-path")
_SIGNATURES = frozenset(
    {"application/pkcs7-signature", "application/x-pkcs7-signature", "application/pgp-signature"}
)
#: What mail servers tell each other; ``email_kinds.report`` reads it.
_REPORTED = frozenset(
    {"message/delivery-status", "message/global-delivery-status", "message/disposition-notification",
     "message/global-disposition-notification", "text/rfc822-headers", "message/global-headers"}
)  # fmt: skip
LONGEST_STUB = 220
_STUB = re.compile(r".{0,80}(?:does not support html|html (?:format|message)|hỗ trợ html).*", re.I | re.S)
_ABSURD = re.compile(rb"(?im)^content-(?:type|disposition):(?:[^\r\n]|\r?\n[ \t]){20000}")
_BORDER = re.compile(rb"(?m)^--([\w'()+,./:=?-]{1,70})[ \t]*\r?$")
_BLANK = re.compile(rb"(\r?\n\r?\n)")
_KIND = re.compile(rb"(?im)^content-type:.*(?:\r?\n[ \t].*)*\r?\n")
#: Mails within as they came: nothing folded anew, no line end changed.
_AS_IT_CAME = compat32.clone(linesep="\r\n", max_line_length=0, mangle_from_=False)
_PARAMETER = re.compile(r"(?:file)?name(?:\*(\d+))?(\*)?\s*=\s*(\"(?:[^\"\\]|\\.)*\"|[^;]*)", re.I)


@dataclass(frozen=True)
class Section:
    """A piece of what is said: as text, as HTML, or the same as both."""

    plain: str = ""
    html: str = ""

    @property
    def only_html(self) -> bool:
        """Whether there is no text, or it only says that there is HTML."""
        text = self.plain.strip()
        return bool(self.html) and (not text or (len(text) < LONGEST_STUB and bool(_STUB.fullmatch(text))))


@dataclass
class Contents:
    """What a mail holds."""

    sections: tuple[Section, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    unreadable: str | None = None
    cut: bool = False


def tree(body: bytes) -> Mail:
    """The mail's parts. Raises ``AlienPayload`` for what is none, or is built to be unreadable."""
    if len(body) > LARGEST_MAIL:
        raise AlienPayload("not taken as a mail: too large")
    body = body.removeprefix(b"\xef\xbb\xbf").lstrip(b"\r\n")
    if not body.strip():
        raise AlienPayload("not a mail: empty")
    if _ABSURD.search(body):
        raise AlienPayload("not taken as a mail: an absurdly long field")
    try:
        mail = email.message_from_bytes(body)
        names = {str(name).lower() for name, _ in mail.raw_items()}
        if names.isdisjoint(_MARKS):
            raise AlienPayload("not a mail: no header of one")
        mail = _mended(mail, body)
        _measure(mail)
    except RecursionError:
        raise AlienPayload("not taken as a mail: absurdly nested") from None
    return mail


def _mended(mail: Mail, body: bytes) -> Mail:
    """A mail whose parts cannot be told apart by its own words: by the first line that looks like a border."""
    if mail.get_content_maintype() != "multipart" or mail.is_multipart():
        return mail
    head, blank, rest = (*_BLANK.split(body, maxsplit=1), b"", b"")[:3]
    border = _BORDER.search(rest)
    if border is None:
        return mail
    kind = b'Content-Type: multipart/mixed; boundary="' + border[1] + b'"\r\n'
    return email.message_from_bytes(kind + _KIND.sub(b"", head + b"\r\n").rstrip(b"\r\n") + blank + rest)


def _measure(mail: Mail) -> None:
    count, waiting = 0, [(mail, 0)]
    while waiting:
        one, depth = waiting.pop()
        count += 1
        if depth > DEEPEST:
            raise AlienPayload("not taken as a mail: absurdly nested")
        if count > MOST_PARTS:
            raise AlienPayload("not taken as a mail: absurdly many parts")
        if one.get_content_type() != "message/delivery-status":
            waiting += [(inner, depth + 1) for inner in _inner(one)]


def _inner(mail: Mail) -> list[Mail]:
    content = mail.get_payload() if mail.is_multipart() else []
    return [one for one in content if isinstance(one, Mail)]


def read(mail: Mail) -> Contents:
    """Texts and attachments, in their order. Mails within are attachments, not text."""
    contents, attached = Contents(), list[Attachment]()
    if _encrypted(mail):
        contents.unreadable = "encrypted"
    contents.sections = tuple(_sections(mail, "", contents, attached))
    contents.cut |= len(attached) > MOST_ATTACHMENTS
    contents.attachments = tuple(attached[:MOST_ATTACHMENTS])
    return contents


def _sections(mail: Mail, path: str, contents: Contents, attached: list[Attachment]) -> list[Section]:
    if not mail.is_multipart() or mail.get_content_maintype() != "multipart":
        return _leaf(mail, path or "1", contents, attached)
    found = [
        _sections(one, f"{path}.{n}" if path else str(n), contents, attached)
        for n, one in enumerate(_inner(mail), 1)
        if not (n == 1 and _encrypted(mail))  # which only says how it is encrypted
    ]
    said = [section for sections in found for section in sections]
    if mail.get_content_subtype() != "alternative":
        return said
    plain = "\n\n".join(one.plain for one in said if not one.html)
    return [Section(plain, "".join(one.html for one in said))] if said else []


def _leaf(one: Mail, path: str, contents: Contents, attached: list[Attachment]) -> list[Section]:
    kind, name = one.get_content_type(), _name(one)
    if kind in _SIGNATURES or kind in _REPORTED:
        return []
    if kind in ("application/pkcs7-mime", "application/x-pkcs7-mime"):
        contents.unreadable = "encrypted"
    unmarked = (
        one.get_content_maintype() == "multipart"
    )  # its parts cannot be told apart: better all of it than none
    if (unmarked or kind in ("text/plain", "text/html")) and _disposition(one) != "attachment" and not name:
        text = _text(one)
        contents.cut |= len(_bytes(one)) > LARGEST_TEXT
        return [Section(html=text) if kind == "text/html" else Section(plain=text)]
    if kind == "application/ms-tnef" or (name or "").lower() == "winmail.dat":
        packed = [_attachment(f"{path}/{n}", *each) for n, each in enumerate(_unpacked(_bytes(one)))]
        attached += packed or [_attachment(path, _bytes(one), name, kind)]
    else:
        attached.append(_attachment(path, _bytes(one), name, kind))
    return []


def media(mail: Mail, wanted: str) -> Media | None:
    """The content of one attachment, by the path that :func:`read` gave it."""
    place, slash, index = wanted.partition("/")
    for path, one in _leaves(mail, ""):
        if path != place:
            continue
        if not slash:
            return Media(data=_bytes(one), name=_name(one))
        packed = _unpacked(_bytes(one))
        if index.isascii() and index.isdecimal() and len(index) < 6 and int(index) < len(packed):
            return Media(data=packed[int(index)][0], name=packed[int(index)][1])
    return None


def _leaves(mail: Mail, path: str) -> list[tuple[str, Mail]]:
    if mail.get_content_maintype() != "multipart" or not mail.is_multipart():
        return [(path or "1", mail)]
    return [
        leaf
        for n, one in enumerate(_inner(mail), 1)
        for leaf in _leaves(one, f"{path}.{n}" if path else str(n))
    ]


def as_it_came(mail: Mail) -> bytes:
    """A mail or part within, as bytes."""
    for written in (mail.as_bytes, mail.as_string):  # the library cannot write all that it reads
        with contextlib.suppress(ValueError, LookupError):
            found = written(policy=_AS_IT_CAME)
            return found if isinstance(found, bytes) else found.encode("utf-8", "replace")
    return b""


def _encrypted(mail: Mail) -> bool:
    return mail.get_content_type() == "multipart/encrypted"


def _disposition(one: Mail) -> str:
    return Headers(one).text("content-disposition").split(";")[0].strip().lower()


def _bytes(one: Mail) -> bytes:
    if one.is_multipart():  # a mail within
        return b"".join(map(as_it_came, _inner(one)))
    content = one.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


def _text(one: Mail) -> str:
    kind = Headers(one).text("content-type")
    label = re.search(r"charset\s*=\s*\"?([^\s\";]+)", kind, re.I)
    data = _bytes(one)
    if len(data) > LARGEST_TEXT:  # at the end of a line, so that no letter is cut
        data = data[:LARGEST_TEXT]
        data = data[: data.rfind(b"\n") + 1] or data.rstrip(bytes(range(0x80, 0x100)))
    text = decoded(data, label[1] if label else None).replace("\r\n", "\n")
    if not re.search(r"format\s*=\s*\"?flowed", kind, re.I):
        return text
    gone = bool(re.search(r"delsp\s*=\s*\"?yes", kind, re.I))
    return _unflowed(text, gone=gone)


def _unflowed(text: str, *, gone: bool) -> str:
    out: list[str] = []
    open_ = False
    for raw in text.split("\n"):
        quoted = raw.startswith(">")
        line = raw.removeprefix(" ") if not quoted else raw
        if open_ and not quoted and line != "-- ":
            out[-1] += line
        else:
            out.append(line)
        open_ = not quoted and line.endswith(" ") and line != "-- "
        if open_ and gone:
            out[-1] = out[-1][:-1]
    return "\n".join(out)


def _name(one: Mail) -> str | None:
    """The file's name, without any path; RFC 2231 with its continuations, encoded words, and raw bytes."""
    headers = Headers(one)
    for value in (headers.text("content-disposition"), headers.text("content-type")):
        pieces = sorted(
            (
                (int(n or 0), bool(star), text)
                for n, star, text in _PARAMETER.findall(value[:10_000])
                if len(n) < 4
            ),
            key=lambda piece: piece[0],
        )
        if not pieces:
            continue
        extended = [piece for piece in pieces if piece[1]] or pieces
        chosen = pieces if len({piece[0] for piece in pieces}) == len(pieces) else extended[:1]
        raw, label = b"", "utf-8"
        for n, star, text in chosen:
            plain = re.sub(r"\\(.)", r"\1", text.strip().strip('"'))
            if star and n == 0 and plain.count("'") >= 2:
                label, _, plain = plain.split("'", 2)
            raw += urllib.parse.unquote_to_bytes(plain) if star else plain.encode("utf-8", "replace")
        name = tidy(words(decoded(raw, label))).replace("\\", "/").rpartition("/")[2].strip(". ")
        if name:
            return name[-150:]
    return None


def _attachment(path: str, data: bytes, name: str | None, kind: str) -> Attachment:
    family = kind.partition("/")[0]
    if kind == "message/rfc822":
        name = name or "thu-dinh-kem.eml"
    elif kind == "text/calendar":
        name = name or "loi-moi.ics"
    return Attachment(
        type=family if family in ("image", "audio", "video") else "file",
        name=name,
        size=len(data),
        part=path,
        problem="too_big" if len(data) > LARGEST_ATTACHMENT else None,
    )


def _unpacked(data: bytes) -> list[tuple[bytes, str | None, str]]:
    """What a winmail.dat holds; nothing when it cannot be read."""
    try:
        packed: list[Any] = tnefparse.TNEF(data, do_checksum=False).attachments
        return [
            (bytes(one.data or b""), tidy(str(one.long_filename() or "")).replace("\\", "/").rpartition("/")[2]
             or None, "application/octet-stream")
            for one in packed[:MOST_ATTACHMENTS]
        ]  # fmt: skip
    except Exception:
        return []
