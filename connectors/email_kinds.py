"""What sort of mail it is: written by a person, by a machine, or a report about a mail of ours."""

import base64
import contextlib
import quopri
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from email.message import Message as Mail
from typing import Any

from connectors.email_charsets import Headers, tidy
from connectors.email_parts import as_it_came
from hub.model import EventKind

OURS = "x-hub-1022"  # the mark on every mail the hub sends
_ROBOT = re.compile(
    r"(?:mailer-daemon|postmaster|no-?_?\.?reply|do-?not-?reply|khongtraloi|owner-.*|.*-request|.*-owner|bounces?[+-].*)@.*"
)
_NO_ANSWER = re.compile(r"(?:no-?_?\.?reply|do-?not-?reply|khongtraloi)@.*")
_POSTMASTER = re.compile(r"(?:mailer-daemon|postmaster)@.*")
#: The Vietnamese words are also what citizens write about, so there the colon counts that programs put behind them.
_AWAY = re.compile(
    r"\[?(?:(?:thư )?(?:trả lời tự động|tự động trả lời|vắng mặt)\s*[:\]]|automatic reply\b|auto[- ]?reply\b|out of (?:the )?office\b)",
    re.I,
)
#: Reasons that do not tell that nobody wrote: people look at it.
_MAYBE_SAID = frozenset({"suppress", "not_addressed", "no_sender"})
_STATUS = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")
#: What a report says, the gravest first.
_GRAVE = {"failed": 0, "delayed": 1, "relayed": 2, "expanded": 3, "delivered": 4}
_ID = re.compile(r"<\s*([^<>\s]{1,250})\s*>")


def automatic(
    headers: Headers, *, sender: str, ours: frozenset[str], to: Collection[str], subject: str, kind: str
) -> str | None:
    """Why a machine must not answer; None when a person seems to have written to ``ours``."""
    submitted = headers.text("auto-submitted").split(";")[0].split("(")[0].strip().lower()
    suppressed = re.split(r"[,\s]+", headers.text("x-auto-response-suppress").lower())
    looped = headers.text("x-loop").lower().split()
    return next(
        (
            why
            for why, so in (
                ("loop", OURS in headers or sender in ours or any(one in looped for one in ours)),
                ("report", kind == "multipart/report"),
                ("auto_submitted", submitted not in ("", "no")),
                ("no_return_path", headers.text("return-path").strip() == "<>"),
                ("list", any(name.startswith("list-") for name in headers)),
                ("precedence", headers.text("precedence").strip().lower()
                 in ("bulk", "list", "junk", "auto_reply")),
                ("autoreply", "x-autoreply" in headers or "x-autorespond" in headers),
                ("x_loop", "x-loop" in headers),
                ("robot", bool(_ROBOT.fullmatch(sender))),
                ("no_sender", not sender),
                ("subject", bool(_AWAY.match(subject))),
                ("suppress", not {"all", "autoreply", "oof"}.isdisjoint(suppressed)),
                ("not_addressed", bool(ours) and ours.isdisjoint(to)),
            )
            if so
        ),
        None,
    )  # fmt: skip


def for_people(why: str, headers: Headers, *, sender: str, kind: EventKind) -> bool:
    """Whether a person should look at a mail that no machine may answer: it may say something new."""
    if kind != "message":
        return False
    told_by_itself = headers.text("auto-submitted").strip().lower().startswith("auto-generated")
    answers = "in-reply-to" in headers or "references" in headers
    return (
        why in _MAYBE_SAID
        or why == "report"
        or (why == "robot" and bool(_NO_ANSWER.fullmatch(sender)))
        or (why == "auto_submitted" and told_by_itself and not answers)
    )


@dataclass(frozen=True)
class Report:
    """What a mail server says about a mail: ``about`` is its Message-ID, if it can be told."""

    kind: EventKind
    about: str | None
    data: dict[str, Any]


def report(mail: Mail, *, sender: str, text: str) -> Report | None:
    """A delivery or read report; None for every other mail. ``text`` is what it says to people."""
    if mail.get_content_type() != "multipart/report":
        return _old_bounce(mail, sender, text)
    sections = list(_top(mail))
    about = next((one for section in sections if (one := _original(section))), None) or _answered(mail)
    for section in sections:
        kind = section.get_content_type()
        if kind in ("message/delivery-status", "message/global-delivery-status"):
            return _delivery(section, about)
        if kind in ("message/disposition-notification", "message/global-disposition-notification"):
            return _disposition(section, about)
    return None


def _answered(mail: Mail) -> str | None:
    headers = Headers(mail)
    found = _ID.search(headers.text("in-reply-to") or headers.text("references"))
    return found[1] if found else None


def _top(mail: Mail) -> Iterator[Mail]:
    if mail.is_multipart():
        yield from (one for one in mail.get_payload() if isinstance(one, Mail))


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


def _blocks(section: Mail) -> list[dict[str, str]]:
    """The groups of fields that a report consists of, however it is encoded."""
    whole = as_it_came(section).replace(b"\r\n", b"\n").partition(b"\n\n")[2]
    coded = Headers(section).text("content-transfer-encoding").strip().lower()
    with contextlib.suppress(ValueError):
        if coded == "base64":
            whole = base64.b64decode(b"".join(whole.split()))
        elif coded == "quoted-printable":
            whole = quopri.decodestring(whole)
    text = re.sub(r"\n[ \t]+", " ", whole.decode("utf-8", "replace").replace("\r\n", "\n"))
    blocks = (
        {name.lower(): value.strip() for name, value in re.findall(r"(?m)^([\w-]+):(.*)$", block)}
        for block in re.split(r"\n\s*\n", text)
    )
    return [block for block in blocks if block]


def _disposition(section: Mail, about: str | None) -> Report:
    fields = {name: value for block in _blocks(section) for name, value in block.items()}
    named = _ID.search(fields.get("original-message-id", ""))
    about = named[1] if named else about
    what = fields.get("disposition", "").rpartition(";")[2].partition("/")[0].strip().lower()
    # deleted or sorted without having been seen is no reading
    kind: EventKind = "read" if what == "displayed" else "unsupported"
    return Report(kind, about, {"ids": [about] if about else [], "action": what[:50]})


def _delivery(section: Mail, about: str | None) -> Report:
    told = [block for block in _blocks(section) if "action" in block or "final-recipient" in block] or [{}]
    fields = min(told, key=lambda block: _GRAVE.get(_action(block), len(_GRAVE)))  # what is worst counts
    action = _action(fields)
    if action in (
        "delivered",
        "relayed",
        "expanded",
    ):  # handed on to where nobody tells any more is no delivery
        kind: EventKind = "delivery" if action == "delivered" else "unsupported"
        return Report(kind, about, {"ids": [about] if about else [], "action": action})
    status = _STATUS.search(fields.get("status", ""))
    recipient = fields.get("final-recipient", fields.get("original-recipient", "")).rpartition(";")[2]
    return Report(
        "bounce",
        about,
        {
            "action": action[:50],
            "permanent": action == "failed",  # a failed one is given up, whatever its status says
            "status": status[0] if status else "",
            "diagnostic": tidy(fields.get("diagnostic-code", "").partition(";")[2])[:500],
            "recipient": tidy(recipient).lower().strip("<>")[:254],
        },
    )


def _action(block: dict[str, str]) -> str:
    return block.get("action", "failed").strip().lower()


def _old_bounce(mail: Mail, sender: str, text: str) -> Report | None:
    """Reports that have no form for it: a mail server's own words, with the returned mail below them."""
    failed = Headers(mail).text("x-failed-recipients")
    about = next((one for section in _top(mail) if (one := _original(section))), None)
    quoted = re.search(r"(?im)^[> \t]*message-id:\s*<\s*([^<>\s]{1,250})\s*>", text)
    about = about or (quoted[1] if quoted else None)
    if not failed and not (_POSTMASTER.fullmatch(sender) and about):
        return None
    status = _STATUS.search(text)
    waits = status is not None and status[1] == "4"
    return Report(
        "bounce",
        about or _answered(mail),
        {
            "action": "delayed" if waits else "failed",
            "permanent": not waits,
            "status": status[0] if status else "",
            "recipient": tidy(failed).lower()[:254],
        },
    )
