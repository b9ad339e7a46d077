"""Views of the inbox: those everybody has, and filters that people kept, for themselves or for all."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs

from aiohttp import web

from handoff.mentions import mentions_of
from handoff.rules import Rules
from hub.model import Staff, Value, derived_id
from hub.ports import Store
from hub.web.auth import form_of, guarded, plain, see_other, session_of
from hub.web.console_filters import Filter, read, ticket_query
from hub.web.context import hub_of

SHARED: Final = "views"  # the state that holds those for all; a person's own are in ``views:<staff id>``
LONGEST_NAME: Final = 40
MOST: Final = 20
CHIEFS: Final = frozenset({"supervisor", "admin"})

NO_NAME: Final = "Vui lòng đặt tên cho góc nhìn."
TOO_MANY: Final = f"Mỗi người lưu được tối đa {MOST} góc nhìn. Vui lòng xóa bớt."
NOT_YOURS: Final = "Chỉ giám sát và quản trị viên được lưu góc nhìn dùng chung."


class Kept(Value):
    """A filter that somebody kept."""

    id: str
    name: str
    words: str


@dataclass(frozen=True)
class View:
    id: str
    name: str
    words: str
    count: int | None = None  # None: not counted
    shared: bool = False
    removable: bool = False
    here: bool = False


#: In the order shown; the first four always stand above the list.
BUILT_IN: Final[tuple[tuple[str, str, Filter], ...]] = (
    ("mine", "Của tôi", Filter(who="me")),
    ("free", "Chưa nhận", Filter(who="nobody")),
    ("over", "Quá hạn", Filter(due="over", sort="due")),
    ("open", "Đang mở", Filter()),
    ("soon", "Sắp đến hạn", Filter(due="soon", sort="due")),
    ("review", "Chờ duyệt", Filter(mark="review")),
    ("escalated", "Đã báo giám sát", Filter(mark="escalated")),
    ("closed", "Đã đóng", Filter(tab="closed")),
    ("named", "Nhắc đến tôi", Filter(tab="talks", mark="named")),
    ("talks", "Mọi hội thoại", Filter(tab="talks")),
)
ABOVE: Final = 4


async def views_of(store: Store, me: Staff, rules: Rules, wanted: Filter, now: int) -> list[View]:
    """All views this person has, with how many tickets each holds now."""
    shared, own = await asyncio.gather(_read(store, SHARED), _read(store, _own(me)))
    all_: list[tuple[str, str, str, bool, bool]] = [
        *((id_, name, filter_.words(), False, False) for id_, name, filter_ in BUILT_IN),
        *((one.id, one.name, one.words, True, me.role in CHIEFS) for one in shared),
        *((one.id, one.name, one.words, False, True) for one in own),
    ]
    here = wanted.words()
    counts = await asyncio.gather(*(_count(store, words, me, rules, now) for _, _, words, _, _ in all_))
    return [
        View(id_, name, words, count, common, removable, words == here)
        for (id_, name, words, common, removable), count in zip(all_, counts, strict=True)
    ]


async def _count(store: Store, words: str, me: Staff, rules: Rules, now: int) -> int | None:
    wanted = _filter(words)
    if wanted.mark == "named":
        return len({one.conversation for one in await mentions_of(store, me.id)})
    if wanted.tab != "open":  # how many there ever were helps nobody
        return None
    return await store.count_tickets(ticket_query(wanted, me, rules, now))


def _filter(words: str) -> Filter:
    return read({name: values[-1] for name, values in parse_qs(words).items()})


# ---- keeping and removing


async def keep(request: web.Request) -> web.StreamResponse:
    me, form = session_of(request).staff, await form_of(request)
    name = " ".join(form.get("name", "").split())[:LONGEST_NAME]
    if not name:
        return plain(400, NO_NAME)
    if form.get("shared") and me.role not in CHIEFS:
        return plain(403, NOT_YOURS)
    words = _filter(form.get("words", "")).words()
    new = Kept(id=derived_id("v", me.id, name, words)[:12], name=name, words=words)

    def add(kept: list[Kept]) -> list[Kept]:
        return [*(one for one in kept if one.id != new.id), new]

    if not await _change(request, SHARED if form.get("shared") else _own(me), add):
        return plain(409, TOO_MANY)
    return see_other(f"/console?{words}" if words else "/console")


async def remove(request: web.Request) -> web.StreamResponse:
    me, view = session_of(request).staff, request.match_info["view"]
    for name in (_own(me), *((SHARED,) if me.role in CHIEFS else ())):
        await _change(request, name, lambda kept: [one for one in kept if one.id != view])
    return see_other("/console")


async def _change(request: web.Request, name: str, change: Any) -> bool:
    """False if there would be too many."""
    store, clock = hub_of(request).store, hub_of(request).clock
    while True:
        state = await store.state(name)
        before = _kept(state.body) if state else []
        after = change(before)
        if len(after) > MOST:
            return False
        if after == before:
            return True
        body = json.dumps([one.model_dump() for one in after], ensure_ascii=False).encode()
        if await store.put_state(name, body, expects=state.version if state else 0, now=clock.now()):
            return True


async def _read(store: Store, name: str) -> list[Kept]:
    state = await store.state(name)
    return _kept(state.body) if state else []


def _kept(body: bytes) -> list[Kept]:
    return [Kept(**one) for one in json.loads(body)]


def _own(me: Staff) -> str:
    return f"views:{me.id}"


def routes() -> list[web.RouteDef]:
    return guarded([web.post("/console/views", keep), web.post("/console/views/{view}/remove", remove)])
