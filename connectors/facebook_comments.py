"""Comments on the Page's posts, as deliveries tell of them and as they are answered.

Every top-level comment with all replies below it is one conversation. Graph's ids: a comment is ``<post>_<number>``;
``parent_id`` is the post of a top-level comment, and the top-level comment of a reply.
"""

import hashlib
import json
from typing import Any

from connectors.facebook_settings import CHANNEL
from connectors.values import a_moment, a_text, an_id, an_object
from hub.model import Attachment, Event, EventKind, derived_id

THREAD = "comment:"
SECOND_MS = 1000
EDITED, REMOVED = frozenset({"edited", "edit"}), frozenset({"remove", "delete"})


def thread_of(key: str) -> str | None:
    """The top-level comment of a conversation of comments; None for one of Messenger."""
    return key.removeprefix(THREAD) if key.startswith(THREAD) else None


def change_event(change: Any, *, page: str, time: Any) -> Event:
    """The event of one change on the Page; ``time`` is the delivery's, in seconds."""
    value = an_object(an_object(change).get("value"))
    comment, verb = an_id(value.get("comment_id")), a_text(value.get("verb"))
    if value.get("item") != "comment" or comment is None:
        return _unsupported(change, value, page, time)
    author = an_object(value.get("from"))
    sender = an_id(author.get("id")) or ""
    kind: EventKind
    if verb == "add":
        kind = "echo" if sender == page else "comment"
    elif verb in EDITED:
        kind = "comment_edit"
    elif verb in REMOVED:
        kind = "comment_remove"
    else:
        return _unsupported(change, value, page, time)
    post, parent = an_id(value.get("post_id")), an_id(value.get("parent_id"))
    answered = parent if parent != post else None
    text = a_text(value.get("message")) if kind != "comment_remove" else None
    written = an_id(value.get("created_time"))
    about = (verb or "", comment, written or "", an_id(time) or "", text or "")
    sent_at = a_moment(written, unit_ms=SECOND_MS)
    data = {"post": post, "name": a_text(author.get("name")) if sender != page else None}
    return Event(
        channel=CHANNEL,
        kind=kind,
        # what happens to a comment later shares its id, and even its time
        external_id=comment if verb == "add" else derived_id("fb", page, *about),
        account=page,
        sender=sender,
        text=text,
        attachments=_attached(value) if kind != "comment_remove" else (),
        reply_to=answered if verb == "add" else comment,
        sent_at=sent_at if verb == "add" else a_moment(time, unit_ms=SECOND_MS) or sent_at,
        conversation=f"{THREAD}{answered or comment}",
        data={key: one for key, one in data.items() if one is not None},
    )


def _attached(value: dict[str, Any]) -> tuple[Attachment, ...]:
    kept = tuple(
        Attachment(type=kind, url=url) for kind in ("photo", "video") if (url := a_text(value.get(kind)))
    )
    link = a_text(value.get("link")) if not kept else None  # of a picture: the page that shows it
    return (*kept, Attachment(type="link", url=link, problem="type")) if link else kept


def _unsupported(change: Any, value: dict[str, Any], page: str, time: Any) -> Event:
    told = {
        "field": a_text(an_object(change).get("field")),
        "item": a_text(value.get("item")),
        "verb": a_text(value.get("verb")),
    }
    digest = hashlib.sha256(json.dumps(change, sort_keys=True).encode()).hexdigest()
    return Event(
        channel=CHANNEL,
        kind="unsupported",
        external_id=derived_id("fb", page, "change", an_id(time) or "", digest),
        account=page,
        sender=an_id(an_object(value.get("from")).get("id")) or "",
        sent_at=a_moment(value.get("created_time"), unit_ms=SECOND_MS) or a_moment(time, unit_ms=SECOND_MS),
        conversation="",
        data={key: one for key, one in told.items() if one is not None},
    )
