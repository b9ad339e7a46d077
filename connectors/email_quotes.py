"""What the writer of a mail says now: without the mails they answer and without their signature.

When in doubt a line stays: a quote too many is a nuisance, a sentence too few a lost request.
"""

import re

#: Who wrote when, on up to three lines; and on one line with the address first.
_ATTRIBUTION = re.compile(r"(?:on\b.{4,200}\bwrote|vào\b.{4,200}\b(?:đã viết|viết))\s*:", re.I)
_NAMED = re.compile(r".{0,120}<[^<>\s]+@[^<>\s]+>.{0,60}(?:đã viết|wrote)\s*:", re.I)
_ADDRESS = re.compile(r"[^\s<>@]@[^\s<>@]")
_ORIGINAL = re.compile(
    r"[-_ ]{3,}\s*(?:original message|thư gốc|tin nhắn gốc|thư ban đầu)\s*[-_ ]{3,}|_{20,}", re.I
)
_FROM = re.compile(r"\*?(?:from|từ|người gửi)\s*:\*?\s*\S", re.I)
_SENT = re.compile(r"\*?(?:sent|date|đã gửi|ngày|ngày gửi|gửi lúc|thời gian)\s*:", re.I)
_TO = re.compile(r"\*?(?:to|cc|đến|tới|người nhận|subject|chủ đề|tiêu đề)\s*:", re.I)
_FORWARDED = re.compile(
    r"-{3,}\s*(?:forwarded message|(?:thư|tin nhắn) (?:đã |được )?chuyển tiếp)|begin forwarded message", re.I
)  # fmt: skip
_DEVICE = re.compile(
    r"(?:đã )?(?:gửi từ|được gửi từ|sent from|get outlook for|tải outlook cho)\s.{0,60}", re.I
)
_CLOSING = re.compile(r"(?:xin )?(?:trân trọng|kính thư|best regards|kind regards|regards)[\s,.!]*", re.I)


_SIGNED = re.compile(
    r"-----BEGIN PGP SIGNED MESSAGE-----\n(?:[\w-]+:.*\n)*\n(.*?)\n-----BEGIN PGP SIGNATURE-----\n.*?-----END PGP SIGNATURE-----",
    re.S,
)


def unquoted(text: str, *, forwarded: bool = False) -> str:
    """The new part of a text; all of it when nothing would be left, or when it is ``forwarded`` on purpose."""
    signed = _SIGNED.match(text)
    plain = re.sub(r"(?m)^- ", "", signed[1]) + text[signed.end() :] if signed else text
    lines = plain.split("\n")
    new = "\n".join(_unsigned(lines if forwarded else _without_quotes(lines))).strip()
    return re.sub(r"\n{3,}", "\n\n", new) or plain


def _without_quotes(lines: list[str]) -> list[str]:
    for at, line in enumerate(lines):
        if _FORWARDED.match(line.strip()):
            return lines
        length = _starts_quote(lines, at)
        if not length:
            continue
        after = lines[at + length :]
        if any(one.startswith(">") for one in after):  # answers may stand below or between
            return lines[:at] + [one for one in after if not one.startswith(">")]
        return lines[:at]
    kept = [line for line in lines if not line.startswith(">")]
    return kept if any(line.strip() for line in kept) else lines


def _starts_quote(lines: list[str], at: int) -> int:
    """How many lines introduce a quoted mail here; 0: none."""
    line = lines[at].strip()
    if _FROM.match(line):
        return _heading(lines, at)
    if _ORIGINAL.fullmatch(line):
        heading = next(
            (n + _heading(lines, at + n) for n in (1, 2) if at + n < len(lines) and _heading(lines, at + n)),
            0,
        )
        return heading or (1 if line.strip("_") else 0)
    if _NAMED.fullmatch(line):
        return 1
    for length in (1, 2, 3):
        told = " ".join(one.strip() for one in lines[at : at + length])
        if _ATTRIBUTION.fullmatch(told):
            after = next((one for one in lines[at + length :] if one.strip()), "")
            # else a person tells of what somebody wrote
            return length if _ADDRESS.search(told) or after.startswith(">") else 0
    return 0


def _heading(lines: list[str], at: int) -> int:
    """How many lines name from whom, when and to whom the quoted mail went; 0: they do not."""
    if not _FROM.match(lines[at].strip()):
        return 0
    block = [one.strip() for one in lines[at + 1 : at + 8]]
    block = block[: block.index("")] if "" in block else block
    marks = [n for n, one in enumerate(block, start=1) if _SENT.match(one) or _TO.match(one)]
    sent = any(map(_SENT.match, block))
    return marks[-1] + 1 if sent and any(map(_TO.match, block)) else 0


def _unsigned(lines: list[str]) -> list[str]:
    lines = _trimmed(lines)
    for at, line in enumerate(lines):
        if line in ("--", "-- ") and any(one.strip() for one in lines[:at]) and len(lines) - at <= 15:
            lines = _trimmed(lines[:at])
            break
    while len(lines) > 1 and _DEVICE.fullmatch(lines[-1].strip()):
        lines = _trimmed(lines[:-1])
    for at in range(max(1, len(lines) - 4), len(lines)):
        rest = [one.strip() for one in lines[at + 1 :]]
        if _CLOSING.fullmatch(lines[at].strip()) and all(
            len(one) <= 40 and not re.search(r"[\d?@:]", one) for one in rest
        ):
            return _trimmed(lines[:at])
    return lines


def _trimmed(lines: list[str]) -> list[str]:
    end = len(lines)
    while end and not lines[end - 1].strip():
        end -= 1
    return lines[:end]
