"""Deliveries of a Facebook Page: whose they are, and what they say as normalised events.

One delivery holds entries of many people. Whatever one update is like, the others are heard: only a body that is no
delivery of a Page at all is refused. Meta writes Vietnamese as ``\\uXXXX``, so the mark is over the received bytes.
"""

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from connectors.facebook_comments import change_event
from connectors.facebook_settings import CHANNEL
from connectors.values import a_list, a_moment, a_text, an_id, an_object, clean, degrees, strings
from hub.errors import AlienPayload, Forged
from hub.model import Attachment, Event, EventKind, derived_id

SIGNATURE = "X-Hub-Signature-256"
#: Metadata of what the hub sends: the echo brings it back.
MARK = "hub:"
#: Attachments whose ``url`` is the content itself; others point to a page or to nothing.
FETCHED = frozenset({"image", "video", "audio", "file", "sticker"})


# ---- whose delivery it is ------------------------------------------------------------------------


def verify(headers: Mapping[str, str], body: bytes, *, app_secret: str) -> None:
    """Raise ``Forged`` unless Meta signed these bytes, ``AlienPayload`` unless they are of a Page. Old deliveries are
    good: Meta repeats for hours."""
    given = next((value for name, value in headers.items() if name.lower() == SIGNATURE.lower()), "")
    expected = "sha256=" + hmac.digest(app_secret.encode(), body, "sha256").hex()
    if not hmac.compare_digest(given.strip().lower().encode(errors="replace"), expected.encode()):
        raise Forged("signature missing or wrong")
    _entries(body)


def challenge(query: Mapping[str, str], *, verify_token: str) -> str | None:
    """What Meta wants to hear when the webhook is set up; None for anybody else."""
    token = query.get("hub.verify_token", "")
    known = hmac.compare_digest(token.encode(errors="replace"), verify_token.encode())
    return query.get("hub.challenge") if known and query.get("hub.mode") == "subscribe" else None


# ---- what it says --------------------------------------------------------------------------------


def parse(body: bytes, *, account: str | None = None, app_id: str | None = None) -> list[Event]:
    """The events of a delivery. Needs no settings; with ``app_id`` it knows our own echoes from other apps' and
    whether a thread is ours.

    Raises:
        AlienPayload: not a delivery of a Page.
    """
    try:
        return [event for entry in _entries(body) for event in _events(entry, account or "", app_id)]
    except RecursionError:
        raise AlienPayload("not a Facebook delivery: nested beyond reason") from None


def _entries(body: bytes) -> list[Any]:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        raise AlienPayload("not a Facebook delivery: not JSON") from None
    if not isinstance(content, dict) or content.get("object") != "page":
        raise AlienPayload("not a Facebook delivery: not of a Page")
    if not isinstance(content.get("entry"), list):
        raise AlienPayload("not a Facebook delivery: no entries")
    return list(content["entry"])


def _events(entry: Any, account: str, app_id: str | None) -> Iterator[Event]:
    if not isinstance(entry, dict) or not entry.keys() & {"messaging", "standby", "changes"}:
        yield _unsupported(_Update({}, account, app_id, whole=entry))
        return
    page = an_id(entry.get("id")) or account
    for place in ("messaging", "standby"):
        for update in a_list(entry.get(place)):
            content = an_object(update)
            yield _event(_Update(content, page, app_id, standby=place == "standby", whole=update))
    for change in a_list(entry.get("changes")):
        yield change_event(change, page=page, time=entry.get("time"))


@dataclass(frozen=True)
class _Update:
    """One update, with its sides told apart."""

    content: dict[str, Any]
    page: str
    app_id: str | None
    standby: bool = False  # another app has the thread: this is only for our information
    whole: Any = None

    @property
    def user(self) -> str | None:
        sides = (an_id(an_object(self.content.get(side)).get("id")) for side in ("sender", "recipient"))
        return next((side for side in sides if side is not None and side != self.page), None)

    def part(self, name: str) -> dict[str, Any]:
        return an_object(self.content.get(name))

    def event(self, kind: EventKind, *, about: str = "", own_id: str | None = None, **fields: Any) -> Event:
        """``about`` tells events of the same kind, person and moment apart where they have no id of their own."""
        stamp = an_id(self.content.get("timestamp")) or ""
        user = self.user or ""
        text = fields.get("text") or ""
        data = fields.pop("data", {}) | ({"standby": True} if self.standby else {})
        return Event(
            channel=CHANNEL,
            kind=kind,
            external_id=own_id or derived_id("fb", self.page, kind, user, about, stamp, text),
            account=self.page,
            conversation=user,
            sent_at=a_moment(stamp),
            data={key: value for key, value in data.items() if value is not None},
            **{"sender": user} | fields,
        )


def _event(update: _Update) -> Event:
    for name, read in _KINDS.items():
        if isinstance(update.content.get(name), dict) and (update.user or name == "app_roles"):
            return read(update)
    return _unsupported(update)


def _message(update: _Update) -> Event:
    message = update.part("message")
    attached = [an_object(one) for one in a_list(message.get("attachments"))]
    attachments = tuple(_attachment(one) for one in attached)
    inner = (a_text(an_object(one.get("payload")).get("text")) for one in attached)  # of a template
    text = a_text(message.get("text")) or next(filter(None, inner), None)
    own_id = an_id(message.get("mid"))
    said: dict[str, Any] = {
        "own_id": own_id,
        "about": "" if own_id else _digest(update.whole),
        "text": text,
        "attachments": attachments,
        "reply_to": an_id(an_object(message.get("reply_to")).get("mid")),
    }
    if message.get("is_echo"):
        return update.event("echo", sender=update.page, data=_echoed(update, message), **said)
    if text is None and not attachments:
        return _unsupported(update)
    stickers = (an_id(an_object(one.get("payload")).get("sticker_id")) for one in attached)
    data = {
        "payload": a_text(an_object(message.get("quick_reply")).get("payload")),
        "sticker": next(filter(None, stickers), None),
        "referral": strings(an_object(message.get("referral"))) or None,
    }
    return update.event("message", data=data, **said)


def _echoed(update: _Update, message: dict[str, Any]) -> dict[str, Any]:
    """Who said it. What carries our mark, and comes from our app where that is known, is ours."""
    app, metadata = an_id(message.get("app_id")), a_text(message.get("metadata"))
    ours = metadata is not None and metadata.startswith(MARK) and update.app_id in (None, app)
    told = {"app_id": app, "metadata": metadata}
    return told | ({"message": (metadata or "").removeprefix(MARK)} if ours else {})


def _postback(update: _Update) -> Event:
    postback = update.part("postback")
    title, payload = a_text(postback.get("title")), a_text(postback.get("payload"))
    data = {"payload": payload, "referral": strings(an_object(postback.get("referral"))) or None}
    return update.event(
        "postback",
        own_id=an_id(postback.get("mid")),
        about=payload or "",
        text=title or payload,
        data=data,
    )


def _receipt(update: _Update) -> Event:
    kind: EventKind = "read" if "read" in update.content else "delivery"
    receipt = update.part(kind)
    watermark = a_moment(receipt.get("watermark"))
    ids = [one for one in map(an_id, a_list(receipt.get("mids"))) if one is not None]
    data = {"ids": ids or None, "watermark": watermark}
    return update.event(kind, about=f"{watermark} {','.join(ids)}", data=data)


def _reaction(update: _Update) -> Event:
    reaction = update.part("reaction")
    target, action = an_id(reaction.get("mid")), a_text(reaction.get("action"))
    name, emoji = a_text(reaction.get("reaction")), a_text(reaction.get("emoji"))
    given = action != "unreact"
    data = {
        "action": action,
        "reaction": (name or emoji) if given else None,
        "emoji": emoji if given else None,
    }
    return update.event("reaction", about=f"{target} {action} {name}", reply_to=target, data=data)


def _edit(update: _Update) -> Event:
    edit = update.part("message_edit")
    target, number = an_id(edit.get("mid")), an_id(edit.get("num_edit"))
    data = {
        "num_edit": int(number) if number is not None and number.isdecimal() and len(number) < 9 else None
    }
    return update.event(
        "edit", about=f"{target} {number}", text=a_text(edit.get("text")), reply_to=target, data=data
    )


def _referral(update: _Update) -> Event:
    referral = strings(update.part("referral"))
    return update.event("referral", about=_digest(referral), data={"referral": referral})


def _thread_control(update: _Update) -> Event:
    """``ours``: whether the thread is ours from now on. Only who has a thread is asked for it."""
    name = next(name for name in THREAD_CONTROLS if name in update.content)
    told = strings(update.part(name))
    data: dict[str, Any] = {"event": name} | told
    if name == "app_roles":
        data["roles"] = {clean(app): [clean(str(one)) for one in a_list(roles)]
                         for app, roles in update.part(name).items()}  # fmt: skip
    elif name == "request_thread_control":
        data["ours"] = True
    elif update.app_id is not None:
        data["ours"] = told.get("new_owner_app_id") == update.app_id
    return update.event("thread_control", about=_digest(update.content), data=data)


def _unsupported(update: _Update) -> Event:
    known = {"sender", "recipient", "timestamp"}
    names = sorted(clean(name) for name in update.content if name not in known)
    return update.event("unsupported", about=_digest(update.whole), data={"keys": names})


THREAD_CONTROLS = ("pass_thread_control", "take_thread_control", "request_thread_control", "app_roles")
#: Which key an update has tells what it is.
_KINDS: Mapping[str, Callable[[_Update], Event]] = {
    "message": _message,
    "postback": _postback,
    "delivery": _receipt,
    "read": _receipt,
    "reaction": _reaction,
    "message_edit": _edit,
    "referral": _referral,
} | dict.fromkeys(THREAD_CONTROLS, _thread_control)


# ---- pieces of it --------------------------------------------------------------------------------


def _attachment(one: dict[str, Any]) -> Attachment:
    type_ = (a_text(one.get("type")) or "unknown").lower()
    payload = an_object(one.get("payload"))
    place = an_object(payload.get("coordinates"))
    return Attachment(
        type=type_,
        url=a_text(payload.get("url")) or a_text(one.get("url")),
        name=a_text(payload.get("title")) or a_text(one.get("title")) or a_text(payload.get("name")),
        lat=degrees(place.get("lat"), 90),
        lon=degrees(place.get("long"), 180),
        problem=None if type_ in FETCHED else "type",  # a page that somebody points to is not fetched
    )


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
