"""Bytes of mails as text, whatever their label says: labels are wrong too often to be believed first."""

import base64
import binascii
import codecs
import contextlib
import re
import unicodedata
from collections.abc import Iterator
from email.message import Message as Mail
from email.utils import getaddresses

from connectors.email_vietnamese import ENOUGH, read_old, reread, share

LARGEST_HEADER = 100_000  # characters of one field; more is no header that people write
#: 7-bit encodings that are valid UTF-8 by their bytes, and 16-bit ones: only the label tells them.
_TOLD = re.compile(r"utf[-_]?(16|32|7)|iso-?2022|hz", re.I)
_WORD = re.compile(r"=\?([^?\s]+)\?([bBqQ])\?([^?]*)\?=")
_WORDS = re.compile(rf"{_WORD.pattern}(?:\s*{_WORD.pattern})*")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069\ufeff]")
#: One address in brackets and a name before it, however it is written: unless it is a list or a group.
_ONLY = re.compile(r'((?:"(?:[^"\\]|\\.)*"|[^"<>@:;])*|[^"<>,:;]*)<([^<>]*@[^<>]*)>')
_WESTERN = frozenset({"", "ascii", "iso8859-1", "cp1252", "utf-8"})


def decoded(data: bytes, label: str | None) -> str:
    """UTF-8 if it is that; else as labelled; where the label is none of use, whatever makes Vietnamese of it."""
    name = _known(label)
    if name and _TOLD.match(name):
        return unicodedata.normalize("NFC", data.decode(name, "replace"))
    with contextlib.suppress(UnicodeError):
        return unicodedata.normalize("NFC", reread(data.decode("utf-8")))
    if name not in _WESTERN:
        with contextlib.suppress(UnicodeError):
            return unicodedata.normalize("NFC", data.decode(name))
    if name == "utf-8" and share(broken := data.decode("utf-8", "replace")) >= ENOUGH / 2:
        return unicodedata.normalize("NFC", broken)  # some letters were lost on the way
    windows = unicodedata.normalize("NFC", data.decode("cp1258", "replace"))
    if share(windows) >= ENOUGH:
        return windows
    return read_old(data) or data.decode("utf-8" if name == "utf-8" else "cp1252", "replace")


def _known(label: str | None) -> str:
    try:
        "".encode(
            plain := (label or "").strip().strip("\"'").split("*")[0]
        )  # refuses codecs that are not of text
    except (LookupError, ValueError):
        return ""
    return codecs.lookup(plain).name


def words(value: str) -> str:
    """A header's text. Neighbouring words of one charset are joined first: senders split inside letters."""
    return _WORDS.sub(_joined, value)


def _joined(run: re.Match[str]) -> str:
    out, pending, charset = "", b"", ""
    for label, how, coded in _WORD.findall(run[0]):
        if label.lower() != charset:
            out, pending, charset = out + decoded(pending, charset), b"", label.lower()
        pending += _base64(coded) if how in "bB" else _quoted(coded)
    return out + decoded(pending, charset)


def _base64(coded: str) -> bytes:
    clean = re.sub(r"[^A-Za-z0-9+/]", "", coded)
    try:
        return base64.b64decode(clean[: len(clean) - (len(clean) % 4 == 1)] + "==")
    except binascii.Error:
        return b""


def _quoted(coded: str) -> bytes:
    return binascii.a2b_qp(coded.encode("utf-8", "surrogateescape"), header=True)


def tidy(text: str, *, lines: bool = False) -> str:
    """NFC without control characters; on one line unless ``lines``."""
    text = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n").replace("\xa0", " "))
    text = _CONTROL.sub("", text).encode("utf-8", "replace").decode()
    if not lines:
        return " ".join(text.split())
    return re.sub(r"\n{3,}", "\n\n", "\n".join(line.rstrip() for line in text.split("\n"))).strip()


class Headers:
    """The fields of a part: raw 8-bit and encoded words read alike."""

    def __init__(self, mail: Mail) -> None:
        self._fields: dict[str, list[str]] = {}
        for name, value in mail.raw_items():
            raw = str(value)[:LARGEST_HEADER].encode("utf-8", "surrogateescape")
            plain = decoded(raw, None).replace("\r", "").replace("\n", " ")
            self._fields.setdefault(str(name).lower(), []).append(plain)

    def __contains__(self, name: str) -> bool:
        return name in self._fields

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def all(self, name: str) -> list[str]:
        return self._fields.get(name, [])

    def text(self, name: str) -> str:
        return words(next(iter(self.all(name)), ""))


def addresses(fields: list[str]) -> list[tuple[str, str]]:
    """(display name, address in lower case) of every address that is one."""
    found = []
    for field in fields[:50]:
        found += _addresses(field)
    return found


def _addresses(field: str) -> list[tuple[str, str]]:
    coded: list[str] = []

    def masked(run: re.Match[str]) -> str:  # what is in encoded words is no part of the list's grammar
        coded.append(run[0])
        return f"\ue000{len(coded) - 1}\ue001"

    def told(name: str) -> str:
        return tidy(words(re.sub("\ue000(\\d+)\ue001", lambda hit: coded[int(hit[1])], name)))

    plain = _WORDS.sub(masked, field.replace("\ue000", "").replace("\ue001", ""))
    if only := _ONLY.fullmatch(plain.strip()):
        name, address = only[1].strip(), _an_address(only[2])
        quoted = re.fullmatch(r'"((?:[^"\\]|\\.)*)"', name)
        name = re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else name.replace('"', "")
        return [(told(name), address)] if address else []
    try:
        given = getaddresses([plain])
    except (RecursionError, ValueError, IndexError):  # comments in comments in comments
        given = []
    listed = [(told(name), _an_address(address)) for name, address in given]
    found = [(name, address) for name, address in listed if address]
    if not found:  # names with commas or quotes that nobody closed
        found = [("", one.lower()) for one in re.findall(r"<([^<>\s@]{1,64}@[^<>\s@]{1,189})>", plain)]
    return found


def _an_address(text: str) -> str:
    plain = "".join(_CONTROL.sub("", text).split()).lower()
    return plain if re.fullmatch(r"[^@<>]+@[^@<>]+", plain) and len(plain) <= 254 else ""
