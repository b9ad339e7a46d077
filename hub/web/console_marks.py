"""In the conversation: which entry an answer came from, and that it is wrong."""

from dataclasses import replace
from typing import Final

from aiohttp import web

from bot.review import mark_id, marked_wrong
from hub.model import Message, ReviewItem, ReviewState
from hub.web.auth import STAFF, form_of, guarded, page, plain, see_other
from hub.web.console_view import Line
from hub.web.context import hub_of
from hub.web.knowledge_view import any_entry, me_of, today_of

LIMIT: Final = 200
LONGEST_REASON: Final = 300
NOT_SAID: Final = "Chỉ đánh dấu được câu trả lời của trợ lý tự động."


async def sourced(request: web.Request, lines: list[Line]) -> list[Line]:
    """The same lines with the entries they came from and the marks they have."""
    if not any(line.message.knowledge for line in lines):
        return lines
    known, today = hub_of(request).knowledge(), today_of(request)
    marks = await marks_in(request, [line.message for line in lines])
    return [
        replace(
            line,
            sources=tuple((id_, any_entry(known, id_, today)) for id_ in line.message.knowledge),
            wrong=marks.get(line.message.id),
        )
        for line in lines
    ]


async def mark(request: web.Request) -> web.StreamResponse:
    """Say that an answer is wrong, why, or that it is not wrong after all. The same again changes nothing."""
    store, me, form = hub_of(request).store, me_of(request), await form_of(request)
    conversation = await store.conversation(request.match_info["conversation"])
    message = await store.message(form.get("message", ""))
    if conversation is None or message is None or message.conversation != conversation.id:
        raise web.HTTPNotFound(text="Không tìm thấy tin nhắn này.")
    if message.author != "bot" or not message.text:
        return plain(409, NOT_SAID)
    recent = await store.recent_messages(conversation.id, before=message.seq, limit=50)
    asked = [m.text for m in recent if m.author == "citizen" and m.turn == message.turn and m.text]
    reason = form.get("reason", "").strip()[:LONGEST_REASON] or None
    item = marked_wrong(conversation, message, "\n".join(asked) or "(không có chữ)", me.id, reason)
    there = await marks_in(request, [message])
    if there and reason is None:
        item = there[message.id]
    state: ReviewState = "dismissed" if form.get("undo") else "open"
    settled = {"settled_by": me.id, "settled_at": hub_of(request).clock.now()} if form.get("undo") else {}
    item = item.model_copy(update={"state": state, **settled})
    await store.put_review(item)
    if "HX-Request" not in request.headers:
        return see_other(f"/console/conversations/{conversation.id}#m{message.seq}")
    return page(request, "console/verdict.html", m=message, wrong=item if state == "open" else None)


async def marks_in(request: web.Request, messages: list[Message]) -> dict[str, ReviewItem]:
    """The marks of these answers of one conversation, by message."""
    if not messages:
        return {}
    items = await hub_of(request).store.reviews(conversation=messages[0].conversation, limit=LIMIT)
    by_id = {item.id: item for item in items}
    return {m.id: by_id[mark_id(m.id)] for m in messages if mark_id(m.id) in by_id}


def routes() -> list[web.RouteDef]:
    return guarded([web.post("/console/conversations/{conversation}/wrong", mark)], roles=STAFF)
