"""What sort of mail it is: written by a person, by a machine, or a report about a mail of ours."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message as Mail
from typing import Any

from connectors.email_charsets import Headers, tidy
from hub.model import EventKind

OURS = "x-hub-1022"  # the mark on every mail the hub sends
_ROBOT = re.compile(
    r"(?:mailer-daemon|postmaster|no-?_?\.?reply|do-?not-?reply|khongtraloi|owner-.*|.*-request|.*-owner|bounces?[+-].*)@.*"
)
_AWAY = re.compile(
    r"(?:\[?(?:trả lời tự động|thư trả lời tự động|tự động trả lời|automatic reply|auto[- ]?reply|autoreply|"
    r"out of (?:the )?office|vắng mặt)\b)", re.I
)  # fmt: skip
_STATUS = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")
_ID = re.compile(r"<\s*([^<>\s]{1,250})\s*>")


def automatic(headers: Headers, *, sender: str, account: str, subject: str, kind: str) -> str | None:
    """Why a machine must not answer; None when a person seems to have written."""
    submitted = headers.text("auto-submitted").split(";")[0].strip().lower()
    suppressed = re.split(r"[,\s]+", headers.text("x-auto-response-suppress").lower())
    return next(
        (
            why
            for why, so in (
                ("loop", OURS in headers or (bool(sender) and sender == account)
                 or account in headers.text("x-loop").lower().split()),
                ("report", kind == "multipart/report"),
                ("auto_submitted", submitted not in ("", "no")),
                ("no_return_path", headers.text("return-path").strip() == "<>"),
                ("list", any(name.startswith("list-") for name in headers)),
                ("precedence", headers.text("precedence").strip().lower()
                 in ("bulk", "list", "junk", "auto_reply")),
                ("suppress", not {"all", "autoreply", "oof"}.isdisjoint(suppressed)),
                ("autoreply", "x-autoreply" in headers or "x-autorespond" in headers),
                ("x_loop", "x-loop" in headers),
                ("robot", bool(_ROBOT.fullmatch(sender))),
                ("no_sender", not sender),
                ("subject", bool(_AWAY.match(subject))),
            )
            if so
        ),
        None,
    )  # fmt: skip


@dataclass(frozen=True)
class Report:
    """What a mail server says about a mail: ``about`` is its Message-ID, if it can be told."""

    kind: EventKind
    about: str | None
    data: dict[str, Any]


def report(mail: Mail) -> Report | None:
    """A delivery or read report; None for every other mail."""
    if mail.get_content_type() != "multipart/report":
        return _old_bounce(mail)
    sections = list(_top(mail))
    about = next((one for section in sections if (one := _original(section))), None)
    for section in sections:
        if section.get_content_type() == "message/delivery-status":
            return _delivery(section, about)
        if section.get_content_type() in (
            "message/disposition-notification",
            "message/global-disposition-notification",
        ):
            fields = _fields(section)
            named = _ID.search(fields.get("original-message-id", ""))
            about = named[1] if named else about
            return Report("read", about, {"ids": [about] if about else [], "action": "read"})
    return None


def _top(mail: Mail) -> Iterator[Mail]:
    content = mail.get_payload()
    if isinstance(content, list):
        yield from (one for one in content if isinstance(one, Mail))


def _original(section: Mail) -> str | None:
    """The Message-ID of a returned mail."""
    kind = section.get_content_type()
    if kind == "message/rfc822":
        headers = [Headers(one).text("message-id") for one in _top(section)]
    elif kind in ("text/rfc822-headers", "message/global-headers"):
        content = section.get_payload(decode=True)
        text = content.decode("utf-8", "replace") if isinstance(content, bytes) else ""
        headers = re.findall(r"(?im)^message-id:\s*(<[^>]*>)", text)
    else:
        return None
    found = _ID.search(" ".join(headers))
    return found[1] if found else None


def _fields(section: Mail) -> dict[str, str]:
    blocks = list(_top(section))
    if not blocks:
        content = section.get_payload(decode=True)
        text = content.decode("utf-8", "replace") if isinstance(content, bytes) else ""
        unfolded = re.sub(r"\r?\n[ \t]+", " ", text)
        return {name.lower(): value for name, value in re.findall(r"(?m)^([\w-]+):[ \t]*(.*)$", unfolded)}
    out: dict[str, str] = {}
    for block in blocks:
        headers = Headers(block)
        for name in headers:
            out.setdefault(name, headers.text(name))
    return out


def _delivery(section: Mail, about: str | None) -> Report:
    fields = _fields(section)
    action = fields.get("action", "failed").strip().lower()
    if action in ("delivered", "relayed", "expanded"):
        return Report("delivery", about, {"ids": [about] if about else [], "action": action})
    status = _STATUS.search(fields.get("status", ""))
    recipient = fields.get("final-recipient", fields.get("original-recipient", "")).rpartition(";")[2]
    return Report(
        "bounce",
        about,
        {
            "action": action,
            "permanent": action == "failed",  # a failed one is given up, whatever its status says
            "status": status[0] if status else "",
            "diagnostic": tidy(fields.get("diagnostic-code", "").partition(";")[2])[:500],
            "recipient": tidy(recipient).lower().strip("<>"),
        },
    )


def _old_bounce(mail: Mail) -> Report | None:
    """Reports from before there was a form for them: told by X-Failed-Recipients alone."""
    headers = Headers(mail)
    failed = headers.text("x-failed-recipients")
    if not failed:
        return None
    about = next((one for section in _top(mail) if (one := _original(section))), None)
    found = _ID.search(headers.text("in-reply-to") or headers.text("references"))
    return Report(
        "bounce",
        about or (found[1] if found else None),
        {"action": "failed", "permanent": True, "recipient": tidy(failed).lower()[:254]},
    )
