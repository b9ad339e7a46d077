"""Bytes of mails as text, whatever their label says: labels are wrong too often to be believed first."""

import base64
import binascii
import codecs
import re
import unicodedata
from collections.abc import Iterator
from email.message import Message as Mail
from email.utils import getaddresses

LARGEST_HEADER = 100_000  # characters of one field; more is no header that people write
#: 7-bit encodings that are valid UTF-8 by their bytes, and 16-bit ones: only the label tells them.
_TOLD = re.compile(r"utf-?(16|32|7)|iso-2022|hz", re.I)
_WORD = re.compile(r"=\?([^?\s]+)\?([bBqQ])\?([^?]*)\?=")
_WORDS = re.compile(rf"{_WORD.pattern}(?:\s*{_WORD.pattern})*")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069\ufeff]")
_WESTERN = frozenset({"", "ascii", "iso8859-1", "cp1252", "utf-8"})


def decoded(data: bytes, label: str | None) -> str:
    """UTF-8 if it is that, else as labelled, else Vietnamese Windows, else Western."""
    name = _known(label)
    if name and _TOLD.match(name):
        return unicodedata.normalize("NFC", data.decode(name, "replace"))
    for one in ("utf-8", name if name not in _WESTERN else "cp1258", "cp1258"):
        try:
            text = unicodedata.normalize("NFC", data.decode(one))
        except (UnicodeError, LookupError):
            continue
        if one != "cp1258" or name == "cp1258" or not any(map(unicodedata.combining, text)):
            return text  # marks that compose with nothing prove that it was not windows-1258
    return data.decode("utf-8" if name == "utf-8" else "cp1252", "replace")


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
    for name, address in getaddresses(fields[:50]):
        plain = "".join(_CONTROL.sub("", address).split()).lower()
        if re.fullmatch(r"[^@<>]+@[^@<>]+", plain) and len(plain) <= 254:
            found.append((tidy(words(name)), plain))
    if not found:  # names with commas or quotes that nobody closed
        for field in fields[:50]:
            found += [("", one.lower()) for one in re.findall(r"<([^<>\s@]{1,64}@[^<>\s@]{1,189})>", field)]
    return found
