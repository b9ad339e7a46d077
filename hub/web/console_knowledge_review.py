"""What the bot got wrong or could not answer, as a list of questions, each turned into knowledge or let go."""

import secrets
from typing import Final, get_args

from aiohttp import web

from bot.knowledge.editing import doc_fault, example_doc, phrase_fault, with_phrase
from hub.errors import DataError
from hub.model import (
    KnowledgeDoc,
    KnowledgeEdit,
    ReviewItem,
    ReviewReason,
    ReviewState,
    derived_id,
)
from hub.web.auth import STAFF, form_of, guarded, page, plain, see_other
from hub.web.console_knowledge import BASE, CHANGES
from hub.web.console_knowledge_edit import show_preview
from hub.web.console_knowledge_training import INTENTS
from hub.web.console_view import CHANNELS
from hub.web.context import hub_of
from hub.web.knowledge_view import (
    EDITORS,
    any_entry,
    carry_out,
    changes_of,
    entry_of,
    knowledge_page,
    look,
    me_of,
    today_of,
    tried,
)

LIMIT: Final = 200
SEEN: Final = 20  # occurrences and hits shown for one question
REASONS: Final[dict[ReviewReason, str]] = {
    "wrong": "Bị đánh dấu sai",
    "unknown": "Không có trong dữ liệu",
    "missing": "Mục thiếu phần được hỏi",
    "clarify": "Phải hỏi lại",
    "not_understood": "Không hiểu câu hỏi",
}
TABS: Final[dict[ReviewState, str]] = {"open": "Chưa xử lý", "done": "Đã xử lý", "dismissed": "Đã bỏ qua"}
GONE: Final = "Không tìm thấy câu hỏi này. Có thể dữ liệu của người hỏi đã được xóa."
NO_PICK: Final = "Vui lòng chọn mục cần thêm cách hỏi."


# ---- the list and one question


async def list_page(request: web.Request) -> web.StreamResponse:
    store, state = hub_of(request).store, request.query.get("state", "open")
    of: ReviewState = state if state in TABS else "open"
    asked = request.query.get("reason", "")
    reason: ReviewReason | None = asked if asked in get_args(ReviewReason) else None  # type: ignore[assignment]
    groups = await store.review_groups(of, reason=reason, limit=LIMIT)
    return await knowledge_page(
        request,
        "console/knowledge_review.html",
        groups=groups,
        state=of,
        tabs=TABS,
        reason=reason or "",
        reasons=REASONS,
        channels=CHANNELS,
        more=len(groups) == LIMIT,
        tab="review",
    )


async def item_page(request: web.Request) -> web.StreamResponse:
    return await _item_page(request)


async def _item_page(
    request: web.Request, problem: str | None = None, form: dict[str, str] | None = None, status: int = 200
) -> web.Response:
    hub, items = hub_of(request), await _items(request)
    known, today, newest = hub.knowledge(), today_of(request), items[0]
    form = form or {}
    near = [any_entry(known, id_, today) for item in items for id_ in item.knowledge]
    hits = [entry_of(known, hit.kind, hit.id, today) for hit in known.ranked(newest.question, SEEN)]
    picked = form.get("entry", "")
    edits = [one for one in await hub.store.knowledge_edits(limit=CHANGES) if one.question == newest.key]
    return await knowledge_page(
        request,
        "console/knowledge_item.html",
        status=status,
        items=items,
        newest=newest,
        count=sum(one.state == newest.state for one in items),
        near=list(dict.fromkeys(one for one in near if one)),
        hits=[one for one in hits if one][:8],
        now=look(known, newest.question),
        changes=await changes_of(hub, edits),
        problem=problem,
        form=form,
        picked=picked,
        new_key=lambda: secrets.token_urlsafe(12),
        reasons=REASONS,
        tabs=TABS,
        channels=CHANNELS,
        intents=INTENTS,
        tab="review",
    )


async def find_entries(request: web.Request) -> web.StreamResponse:
    """Entries to choose from, for words an editor types."""
    known, words = hub_of(request).knowledge(), request.query.get("find", "").strip()[:200]
    hits = (
        [entry_of(known, hit.kind, hit.id, today_of(request)) for hit in known.ranked(words, 8)]
        if words
        else []
    )
    return page(request, "console/knowledge_pick.html", hits=[one for one in hits if one], picked="")


async def add_phrase(request: web.Request) -> web.StreamResponse:
    hub, me, form = hub_of(request), me_of(request), await form_of(request)
    items = await _items(request)
    id_ = derived_id("e", me.id, form.get("key", ""))
    if await hub.store.knowledge_edit(id_) is not None:  # the same form again
        return _back(request)
    before, after, problem = await _phrased(request, form)
    if before is None or after is None or problem:
        return await _item_page(request, problem, form, 422)
    try:
        await tried(hub.knowledge(), before, after)
    except DataError as error:
        return await _item_page(request, error.problems[0], form, 422)
    edit = KnowledgeEdit(
        id=id_,
        kind=before.kind,
        entry=before.id,
        before=before,
        after=after,
        state="applied",
        by=me.id,
        at=hub.clock.now(),
        question=items[0].key,
    )
    if before != after and (problem := await carry_out(request, edit)):
        return await _item_page(request, problem, form, 409)
    await hub.store.settle_reviews(items[0].key, "done", by=me.id, now=hub.clock.now())
    return _back(request)


async def preview_phrase(request: web.Request) -> web.StreamResponse:
    form = await form_of(request)
    before, after, problem = await _phrased(request, form)
    if before is None or after is None:
        return page(
            request, "console/knowledge_preview.html", asked="", now=None, later=None, problem=problem
        )  # fmt: skip
    return await show_preview(request, before, after, form, problem)


async def _phrased(
    request: web.Request, form: dict[str, str]
) -> tuple[KnowledgeDoc | None, KnowledgeDoc | None, str | None]:
    """The chosen entry, the same with the phrase, and what is wrong."""
    kind, _, id_ = form.get("entry", "").partition(":")
    if kind not in ("procedure", "faq"):
        return None, None, NO_PICK
    before = await hub_of(request).store.knowledge_entry("faq" if kind == "faq" else "procedure", id_)
    if before is None:
        return None, None, NO_PICK
    if not form.get("phrase", "").strip():
        return before, before, "Cách hỏi đang trống."
    after = with_phrase(before, form["phrase"], "aliases" if form.get("field") == "aliases" else "needs")
    return before, after, phrase_fault(after)


async def add_example(request: web.Request) -> web.StreamResponse:
    """A sentence to train with. The bot learns it when a developer takes it over."""
    hub, me, form = hub_of(request), me_of(request), await form_of(request)
    items = await _items(request)
    after = example_doc(form.get("text", ""), form.get("intent", ""))
    fault = "chọn một ý định" if form.get("intent") not in INTENTS else doc_fault(after)
    if fault:
        return await _item_page(request, f"Mẫu huấn luyện: {fault}.", form, 422)
    before = await hub.store.knowledge_entry("example", after.id)
    edit = KnowledgeEdit(
        id=derived_id("e", me.id, form.get("key", "")),
        kind="example",
        entry=after.id,
        before=before,
        after=after,
        state="applied",
        by=me.id,
        at=hub.clock.now(),
        question=items[0].key,
    )
    if before != after and (problem := await carry_out(request, edit)):
        return await _item_page(request, problem, form, 409)
    await hub.store.settle_reviews(items[0].key, "done", by=me.id, now=hub.clock.now())
    return _back(request)


async def settle(request: web.Request) -> web.StreamResponse:
    form, items = await form_of(request), await _items(request)
    state = form.get("state", "")
    if state not in TABS:
        return plain(400, GONE)
    of: ReviewState = state
    hub = hub_of(request)
    await hub.store.settle_reviews(items[0].key, of, by=me_of(request).id, now=hub.clock.now())
    return _back(request) if of == "open" else see_other(f"{BASE}/review")


async def _items(request: web.Request) -> list[ReviewItem]:
    """Everything asked in these words, what is still open first."""
    items = await hub_of(request).store.reviews(key=request.match_info["question"], limit=LIMIT)
    if not items:
        raise web.HTTPNotFound(text=GONE)
    return sorted(items, key=lambda one: (one.state != "open", -one.at))


def _back(request: web.Request) -> web.Response:
    return see_other(f"{BASE}/review/{request.match_info['question']}")


def routes() -> list[web.RouteDef]:
    one = BASE + "/review/{question}"
    return [
        *guarded(
            [
                web.get(f"{BASE}/review", list_page),
                web.get(one, item_page),
            ],
            roles=STAFF,
        ),
        *guarded(
            [
                web.get(f"{BASE}/find", find_entries),
                web.post(f"{one}/phrase", add_phrase),
                web.post(f"{one}/preview", preview_phrase),
                web.post(f"{one}/example", add_example),
                web.post(f"{one}/settle", settle),
            ],
            roles=EDITORS,
        ),
    ]
