"""Administration: canned replies, which operators put into their answers."""

import secrets
from typing import Final

from aiohttp import web

from handoff import canned
from handoff.canned import GAPS, Canned
from hub.web.admin import ADDRESS, CHIEFS, admin_page
from hub.web.auth import form_of, guarded, see_other
from hub.web.context import hub_of
from hub.web.trail import put_down

HERE: Final = f"{ADDRESS}/canned"
MAX: Final = {"title": 80, "text": 2000}
MOST: Final = 200

EMPTY: Final = "Vui lòng nhập tiêu đề và nội dung."
TOO_LONG: Final = f"Tiêu đề dài tối đa {MAX['title']} ký tự, nội dung tối đa {MAX['text']} ký tự."
TOO_MANY: Final = f"Danh sách có tối đa {MOST} câu."
NO_SUCH_GAP: Final = "Không có chỗ điền {{{name}}}. Các chỗ điền: {known}."


async def show(request: web.Request) -> web.StreamResponse:
    return await _page(request, 200, Canned(id="", title="", text=""), None)


async def save(request: web.Request) -> web.StreamResponse:
    form, hub = await form_of(request), hub_of(request)
    id_ = request.match_info.get("reply", "")
    new = Canned(
        id=id_ or secrets.token_hex(6),
        title=" ".join(form.get("title", "").split()),
        text=form.get("text", "").replace("\r\n", "\n").strip(),
    )
    known = await canned.load(hub.store)
    if problem := _problem(new, len(known)):
        return await _page(request, 422, new.model_copy(update={"id": id_}), problem)

    def put(all_: tuple[Canned, ...]) -> tuple[Canned, ...]:
        if any(one.id == new.id for one in all_):
            return tuple(new if one.id == new.id else one for one in all_)
        return (*all_, new)

    await canned.change(hub.store, put, now=hub.clock.now())
    await put_down(request, "canned.save", new.id)
    return see_other(f"{HERE}?done")


async def remove(request: web.Request) -> web.StreamResponse:
    id_, hub = request.match_info["reply"], hub_of(request)
    await canned.change(
        hub.store, lambda all_: tuple(one for one in all_ if one.id != id_), now=hub.clock.now()
    )
    await put_down(request, "canned.remove", id_)
    return see_other(f"{HERE}?done")


def _problem(new: Canned, known: int) -> str | None:
    if not new.title or not new.text:
        return EMPTY
    if len(new.title) > MAX["title"] or len(new.text) > MAX["text"]:
        return TOO_LONG
    if known >= MOST:
        return TOO_MANY
    for name in canned.unknown_gaps(new.text):
        return NO_SUCH_GAP.format(name=name, known=", ".join(f"{{{one}}}" for one in GAPS))
    return None


async def _page(request: web.Request, status: int, typed: Canned, problem: str | None) -> web.Response:
    return admin_page(
        request,
        "console/admin/canned.html",
        status=status,
        problem=problem,
        replies=await canned.load(hub_of(request).store),
        typed=typed,
        gaps=GAPS,
        most=MAX,
    )


def routes() -> list[web.RouteDef]:
    return guarded(
        [
            web.get(HERE, show),
            web.post(HERE, save),
            web.post(HERE + "/{reply}", save),
            web.post(HERE + "/{reply}/remove", remove),
        ],
        roles=CHIEFS,
    )
