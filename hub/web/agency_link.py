"""A case behind a signed link, for an agency without an account: readable and answerable on a phone, for that case alone.

Whoever holds the link may speak for the agency on it, so it is kept out of everything that remembers addresses: no
cache, no referrer, no log line. A link that has ended shows why, and nothing about the case."""

from typing import Final

from aiohttp import web

from handoff.acts import Actor
from handoff.lifecycle import Refused
from hub.errors import StoreError
from hub.model import Ticket
from hub.web.agency import act_of
from hub.web.agency_case import DONE, agency_case, its_file, new_key, perform, typed
from hub.web.auth import FORM_LIMIT
from hub.web.console_cases import Typed
from hub.web.console_files import MAX_FORM_BYTES, content
from hub.web.console_view import DETAILS
from hub.web.context import hub_of
from hub.web.pages import render
from hub.web.trail import ACTOR, viewed

PATH: Final = "/case"
PRIVATE: Final = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow",
}
AWAY: Final = "Hệ thống đang bận, nội dung chưa được ghi nhận. Anh/chị vui lòng thử lại sau ít phút."
UNKNOWN: Final = "Liên kết không đúng. Anh/chị vui lòng mở lại từ thư của Tổng đài 1022, không sửa địa chỉ."
OVER: Final = "Liên kết này đã hết hiệu lực."
WHY: Final = {
    "answer": "Cơ quan đã trả lời phiếu này. Cảm ơn anh/chị.",
    "return": "Cơ quan đã trả lại phiếu này. Tổng đài 1022 sẽ chuyển nơi khác.",
    "closed": "Phiếu này đã được giải quyết xong, anh/chị không cần làm gì thêm.",
    "moved": "Phiếu đã được chuyển lại hoặc liên kết đã được thay. Anh/chị vui lòng dùng liên kết trong thư mới nhất.",
    "merged": "Phiếu này đã gộp vào một phiếu khác cùng việc, anh/chị không cần làm gì thêm ở đây.",
    "expired": "Liên kết đã quá hạn sử dụng. Cần xử lý tiếp, anh/chị vui lòng gọi (0277) 1022.",
}


def address_of(base_url: str, token: str) -> str:
    return f"{base_url}{PATH}/{token}"


async def case_page(request: web.Request) -> web.StreamResponse:
    held = await _held(request)
    if isinstance(held, web.Response):
        return held
    ticket, actor = held
    request[ACTOR] = actor.id
    try:
        await viewed(request, ticket)
    except StoreError:
        return _ended(request, 503, AWAY)
    return await _page(request, ticket, actor)


async def act(request: web.Request) -> web.StreamResponse:
    try:
        held = await _held(request)
        if isinstance(held, web.Response):
            return held
        ticket, actor = held
        name = act_of(request)
        try:
            await perform(request, ticket, actor, name)
        except Refused as refused:
            if isinstance(again := await _held(request), web.Response):
                return again
            return await _page(request, *again, problem=str(refused), name=name)
        if name in ("accept", "ask"):  # the link goes on
            now = await hub_of(request).store.ticket(ticket.id) or ticket
            return await _page(request, now, actor, said=DONE[name])
        return _ended(request, 200, DONE[name])
    except StoreError:
        return _ended(request, 503, AWAY)


async def file(request: web.Request) -> web.StreamResponse:
    held = await _held(request)
    if isinstance(held, web.Response):
        return held
    message, number = await its_file(request, held[0])
    response = await content(request, message, number)
    response.headers.update(PRIVATE)
    return response


async def _page(
    request: web.Request,
    ticket: Ticket,
    actor: Actor,
    *,
    problem: str | None = None,
    said: str | None = None,
    name: str = "answer",
) -> web.Response:
    shown = await agency_case(hub_of(request), ticket, actor, f"{PATH}/{request.match_info['token']}")
    response = render(
        request,
        "agency/link.html",
        status=422 if problem else 200,
        case=shown,
        problem=problem,
        opened=name,
        values=await typed(request) if problem else Typed(),
        key=new_key(),
        details=DETAILS,
        said=said,
        csrf=None,
    )
    response.headers.update(PRIVATE)
    return response


async def _held(request: web.Request) -> tuple[Ticket, Actor] | web.Response:
    """The case and for whom the holder speaks; or the page that says why the link is no good."""
    hub, token = hub_of(request), request.match_info["token"]
    request[FORM_LIMIT] = MAX_FORM_BYTES
    links = hub.links
    id_ = links.ticket_of(token) if links else None
    if links is None or id_ is None:
        return _ended(request, 404, UNKNOWN)
    try:
        ticket = await hub.store.ticket(id_)
    except StoreError:
        return _ended(request, 503, AWAY)
    actor = links.holder(token, ticket, hub.clock.now()) if ticket else None
    if ticket is None or actor is None:
        return _ended(request, 410, _why(ticket, links.is_over(token, hub.clock.now())))
    return ticket, actor


def _why(ticket: Ticket | None, over: bool) -> str:
    if ticket is None or ticket.state in ("closed", "spam", "answered"):
        return WHY["closed"]
    if ticket.merged_into is not None:
        return WHY["merged"]
    last = next(
        (e.action for e in reversed(ticket.history) if e.action in ("forward", "agency_answer", "return")),
        None,
    )
    if last == "agency_answer":
        return WHY["answer"]
    if last == "return":
        return WHY["return"]
    return WHY["expired"] if over else WHY["moved"]


def _ended(request: web.Request, status: int, text: str) -> web.Response:
    title = "Đã ghi nhận" if status == 200 else OVER if status == 410 else "Chưa mở được"
    response = render(request, "agency/ended.html", status=status, text=text, title=title)
    response.headers.update(PRIVATE)
    return response


def routes() -> list[web.RouteDef]:
    one = PATH + "/{token}"
    return [
        web.get(one, case_page, allow_head=False),
        web.get(one + r"/files/{message}/{number:\d{1,3}}", file, allow_head=False),
        web.post(one + "/{act}", act),
    ]
