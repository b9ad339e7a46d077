"""Deliveries of Zalo OA: their signature, and what they say as normalised events.

Ids are strings of digits above 2^53, now and then sent as numbers. The citizen is whoever is not the OA: by the
OA's id where it is known, else by the direction that the event's name gives.
"""

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from connectors.values import a_moment, a_text, an_id, an_object, clean, degrees, strings
from connectors.zalo_settings import CHANNEL
from hub.errors import AlienPayload, Forged, Probe
from hub.model import Attachment, Event, EventKind, derived_id

SIGNATURE = "X-ZEvent-Signature"
LARGEST_PROBE_BYTES = 4096
ANONYMOUS = "anonymous:"
#: Attachments whose ``url`` is the content itself; others point to a page or to nothing.
FETCHED = frozenset({"image", "gif", "audio", "video", "sticker", "file"})

SAID = frozenset(
    {f"user_send_{what}" for what in ("text", "image", "gif", "link", "audio", "video", "sticker", "location",
                                      "business_card", "file")}
    | {f"anonymous_send_{what}" for what in ("text", "image", "file", "sticker")}
)  # fmt: skip
ECHOED = frozenset(
    {f"oa_send_{what}" for what in ("text", "image", "gif", "list", "file", "sticker", "template")}
    | {f"oa_send_anonymous_{what}" for what in ("text", "image", "file", "sticker")}
)
ENVELOPE = frozenset({"app_id", "oa_id", "timestamp"})


# ---- whose delivery it is ------------------------------------------------------------------------


def verify(headers: Mapping[str, str], body: bytes, *, app_id: str, oa_secret_key: str) -> None:
    """Raise ``Forged`` unless Zalo signed the bytes, ``AlienPayload`` unless they tell of an event; ``Probe`` for the
    portal's trial, which says nothing.

    The mark is a plain SHA-256 over app id, received bytes, timestamp and the OA's secret key. Old timestamps are
    good: Zalo repeats for hours, and a replay changes nothing.
    """
    try:
        content = _load(body)
    except AlienPayload:
        raise Forged("no signed delivery of Zalo: it cannot be read") from None
    if "event_name" not in content and len(body) <= LARGEST_PROBE_BYTES:
        raise Probe("the portal tries whether we are there")
    stamp = an_id(content.get("timestamp"))
    if an_id(content.get("app_id")) != app_id or stamp is None or not stamp.isdecimal():
        raise Forged("a delivery for another app")
    expected = hashlib.sha256(app_id.encode() + body + stamp.encode() + oa_secret_key.encode()).hexdigest()
    given = next((value for name, value in headers.items() if name.lower() == SIGNATURE.lower()), "")
    mark, equals, digest = given.partition("=")
    if not equals or mark.strip().lower() != "mac":
        digest = given
    if not hmac.compare_digest(digest.strip().lower().encode(errors="replace"), expected.encode()):
        raise Forged("signature missing or wrong")
    _event_name(content)


# ---- what it says --------------------------------------------------------------------------------


def parse(body: bytes, *, account: str | None = None) -> list[Event]:
    """The events of a delivery. Needs no settings; ``account`` only helps to tell the OA from the citizen.

    Raises:
        AlienPayload: not a delivery of Zalo, or one that lacks what its kind cannot be without.
    """
    content = _load(body)
    if "event_name" not in content:
        if ENVELOPE.isdisjoint(content):
            raise AlienPayload("not a Zalo delivery: no event_name")
        return []  # the portal tries whether we are there
    name = _event_name(content)
    delivery = _Delivery.read(name, content, account, digest=hashlib.sha256(body).hexdigest())
    return [_KINDS.get(name, _unsupported)(delivery)]


@dataclass(frozen=True)
class _Delivery:
    """One delivery, with its sides told apart."""

    name: str
    content: dict[str, Any]
    message: dict[str, Any]
    account: str
    user: str | None
    digest: str  # of all of it

    @classmethod
    def read(cls, name: str, content: dict[str, Any], account: str | None, *, digest: str) -> "_Delivery":
        message = an_object(content.get("message"))
        sender, recipient = (
            an_id(an_object(content.get(side)).get("id")) for side in ("sender", "recipient")
        )
        sides = [side for side in (sender, recipient) if side is not None]
        oa = account if account in sides else an_id(content.get("oa_id"))
        if oa is None and sides:
            # a receipt of a template message goes the way the message went
            from_oa = name.startswith("oa_") or (
                name == "user_received_message" and "delivery_time" in message
            )
            oa = sender if from_oa else recipient
        user = next((side for side in sides if side != oa), None)
        if user is None:
            user = next((one for one in map(an_id, _named(content)) if one is not None and one != oa), None)
        return cls(name, content, message, account=oa or account or "", user=user, digest=digest)

    @property
    def person(self) -> str:
        """Raises ``AlienPayload`` when nobody is named: what cannot be attributed must not vanish silently."""
        if self.user is None:
            raise AlienPayload(f"{self.name} names no person")
        return self.user

    @property
    def anonymous(self) -> bool:
        return "anonymous" in self.name

    def event(self, kind: EventKind, *, about: str = "", own_id: str | None = None, **fields: Any) -> Event:
        """``about`` tells events of the same kind, person and moment apart where they have no id of their own."""
        stamp = an_id(self.content.get("timestamp")) or ""
        user = (self.user or "") if kind == "unsupported" else self.person
        external_id = own_id or derived_id("zalo", self.name, user, about, stamp, fields.get("text") or "")
        return Event(
            channel=CHANNEL,
            kind=kind,
            external_id=external_id,
            account=self.account,
            conversation=f"{ANONYMOUS}{user}" if self.anonymous and user else user,
            sent_at=a_moment(stamp),
            **{"sender": user} | fields,
        )


def _said(delivery: _Delivery) -> Event:
    message = delivery.message
    if not message:
        raise AlienPayload(f"{delivery.name} has no message")
    payloads = [an_object(one.get("payload")) for one in _attached(message)]
    data: dict[str, Any] = {}
    if delivery.anonymous:
        data["anonymous"] = True
        if (thread := an_id(message.get("conversation_id"))) is not None:
            data["conversation_id"] = thread
    for description in filter(None, (a_text(one.get("description")) for one in payloads)):
        card = _card(description)
        data |= {"card": card} if card else {"description": description}
    return delivery.event("message", data=data, **_content(message))


def _echo(delivery: _Delivery) -> Event:
    data: dict[str, Any] = {}
    if (admin := an_id(an_object(delivery.content.get("sender")).get("admin_id"))) is not None:
        data["admin_id"] = admin
    if delivery.anonymous:
        data["anonymous"] = True
    return delivery.event(
        "echo",
        sender=delivery.account,
        data=data,
        automatic=delivery.name == "oa_send_template",  # campaigns and notices: nobody took over
        **_content(delivery.message),
    )


def _receipt(delivery: _Delivery) -> Event:
    message = delivery.message
    listed = message.get("msg_ids")
    ids = [an_id(one) for one in (listed if isinstance(listed, list) else [message.get("msg_id")])]
    known = [one for one in ids if one is not None]
    kind: EventKind = "read" if delivery.name == "user_seen_message" else "delivery"
    data: dict[str, Any] = {"ids": known}
    if (moment := a_moment(an_id(message.get("delivery_time")))) is not None:
        data["delivered_at"] = moment  # of this one message: no watermark
    return delivery.event(kind, about=",".join(known), data=data)


def _reaction(delivery: _Delivery) -> Event:
    target, icon = an_id(delivery.message.get("msg_id")), a_text(delivery.message.get("react_icon"))
    by_oa = {"sender": delivery.account} if delivery.name == "oa_reacted_message" else {}
    about = f"{target or ''} {icon or ''}"
    return delivery.event("reaction", about=about, reply_to=target, data={"reaction": icon}, **by_oa)


def _follow(delivery: _Delivery) -> Event:
    kind: EventKind = "follow" if delivery.name == "follow" else "unfollow"
    source = a_text(delivery.content.get("source"))
    return delivery.event(kind, data={"source": source} if source else {})


def _profile(delivery: _Delivery) -> Event:
    if delivery.user is None:
        return _unsupported(delivery)
    info = an_object(delivery.content.get("info"))
    told = strings(info)
    if "full_address" in told:  # its name in newer documents
        told.setdefault("address", told.pop("full_address"))
    return delivery.event("profile", about=delivery.digest, data=told)


def _chatnow(delivery: _Delivery) -> Event:
    return delivery.event("referral", data={"source": "chatnow"})


def _withdraw(delivery: _Delivery) -> Event:
    return delivery.event("withdraw")


def _unsupported(delivery: _Delivery) -> Event:
    return delivery.event("unsupported", about=delivery.digest, data={"event_name": delivery.name})


_KINDS: Mapping[str, Callable[[_Delivery], Event]] = (
    dict.fromkeys(SAID, _said)
    | dict.fromkeys(ECHOED, _echo)
    | dict.fromkeys(("user_seen_message", "user_received_message"), _receipt)
    | dict.fromkeys(("user_reacted_message", "oa_reacted_message"), _reaction)
    | dict.fromkeys(("follow", "unfollow"), _follow)
    | dict.fromkeys(("user_submit_info", "update_user_info"), _profile)
    | {"user_click_chatnow": _chatnow, "user_withdraw": _withdraw}
)


# ---- pieces of it --------------------------------------------------------------------------------


def _load(body: bytes) -> dict[str, Any]:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        raise AlienPayload("not a Zalo delivery: not JSON") from None
    if not isinstance(content, dict):
        raise AlienPayload("not a Zalo delivery: not one JSON object")
    return content


def _event_name(content: dict[str, Any]) -> str:
    name = content.get("event_name")
    if not isinstance(name, str) or not name:
        raise AlienPayload("not a Zalo delivery: event_name is not a name")
    return clean(name)


def _named(content: dict[str, Any]) -> tuple[Any, ...]:
    """Where events that have no two sides name their person."""
    return (
        an_object(content.get("follower")).get("id"),
        content.get("user_id"),
        an_object(content.get("data")).get("user_id"),
    )


def _content(message: dict[str, Any]) -> dict[str, Any]:
    attached = _attached(message)
    inner = (a_text(an_object(one.get("payload")).get("text")) for one in attached)  # of a template
    return {
        "own_id": an_id(message.get("msg_id")),
        "text": a_text(message.get("text")) or next(filter(None, inner), None),
        "attachments": tuple(_attachment(one) for one in attached),
        "reply_to": an_id(message.get("quote_msg_id")),
    }


def _attached(message: dict[str, Any]) -> list[dict[str, Any]]:
    listed = message.get("attachments")
    return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []


def _attachment(one: dict[str, Any]) -> Attachment:
    type_ = (a_text(one.get("type")) or "unknown").lower()
    payload = an_object(one.get("payload"))
    place = an_object(payload.get("coordinates"))
    url = a_text(payload.get("url")) or (a_text(payload.get("thumbnail")) if type_ in FETCHED else None)
    size = an_id(payload.get("size"))
    return Attachment(
        type=type_,
        url=url,
        name=a_text(payload.get("name")),
        size=int(size) if size is not None and size.isdecimal() and len(size) < 16 else None,
        lat=degrees(place.get("latitude"), 90),
        lon=degrees(place.get("longitude"), 180),
        problem=None if type_ in FETCHED else "type",  # a page that somebody points to is not fetched
    )


def _card(description: str) -> dict[str, str]:
    """A business card comes as a link whose description is JSON in a string."""
    try:
        found = json.loads(description)
    except (ValueError, RecursionError):
        return {}
    return strings(an_object(found))
