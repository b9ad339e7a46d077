"""Administration: storm mode, prepared in quiet times and switched on in two clicks, with an end."""

import secrets
from typing import Any, Final

from aiohttp import web

from handoff import rules
from handoff.storm import Storm
from hub.web.admin import ADDRESS, CHIEFS, admin_page, refresh
from hub.web.auth import fields_of, form_of, guarded, see_other
from hub.web.context import hub_of
from hub.web.trail import put_down

HERE: Final = f"{ADDRESS}/storm"
HOUR_MS: Final = 3_600_000
DURATIONS: Final = (2, 6, 12, 24, 72)  # hours
MAX: Final = {"topic": 80, "banner": 300, "answer": 1500}
MAX_WORDS: Final = 50
MAX_CAPACITY: Final = 100

NO_TOPIC: Final = "Vui lòng nhập tên tình huống và nội dung thông báo."
TOO_LONG: Final = "Nội dung quá dài."
NO_WORDS: Final = (
    "Có câu trả lời sẵn thì cần ít nhất một cụm từ để nhận ra tin nhắn, mỗi cụm từ 2 chữ trở lên."
)
GONE: Final = "Không tìm thấy tình huống này."


async def show(request: web.Request) -> web.StreamResponse:
    return await _page(request, 200)


async def edit_page(request: web.Request) -> web.StreamResponse:
    return _form(request, 200, await _one(request))


async def new_page(request: web.Request) -> web.StreamResponse:
    return _form(request, 200, Storm(id="", topic="", banner=""))


async def save(request: web.Request) -> web.StreamResponse:
    """Make a new one, or change one; whether it is on stays as it is."""
    form, hub = await fields_of(request), hub_of(request)
    id_ = request.match_info.get("storm", "")
    storm = _given(request, form, id_ or secrets.token_hex(6))
    if problem := _problem(storm):
        return _form(request, 422, storm.model_copy(update={"id": id_}), problem=problem)

    def put(all_: list[dict[str, Any]]) -> list[dict[str, Any]]:
        before = next((one for one in all_ if one["id"] == storm.id), None)
        on = {name: before[name] for name in ("since", "ends_at")} if before else {}
        after = storm.model_dump() | on
        return [after if one["id"] == storm.id else one for one in all_] if before else [*all_, after]

    await rules.change(hub.store, rules.STORMS, put, now=hub.clock.now())
    await _done(request, storm.id, "save")
    return see_other(f"{HERE}?done")


async def turn_on(request: web.Request) -> web.StreamResponse:
    storm, form, now = await _one(request), await form_of(request), hub_of(request).clock.now()
    hours = form.get("hours", "")
    span = int(hours) if hours.isdigit() and int(hours) in DURATIONS else DURATIONS[1]
    await _set(request, storm, {"since": now, "ends_at": now + span * HOUR_MS})
    await _done(request, storm.id, "on", hours=span)
    return see_other(f"{HERE}?done")


async def turn_off(request: web.Request) -> web.StreamResponse:
    storm = await _one(request)
    await _set(request, storm, {"since": None, "ends_at": None})
    await _done(request, storm.id, "off")
    return see_other(f"{HERE}?done")


async def remove(request: web.Request) -> web.StreamResponse:
    storm, hub = await _one(request), hub_of(request)
    await rules.change(
        hub.store,
        rules.STORMS,
        lambda all_: [one for one in all_ if one["id"] != storm.id],
        now=hub.clock.now(),
    )
    await _done(request, storm.id, "remove")
    return see_other(f"{HERE}?done")


async def _set(request: web.Request, storm: Storm, update: dict[str, int | None]) -> None:
    hub = hub_of(request)
    await rules.change(
        hub.store,
        rules.STORMS,
        lambda all_: [one | update if one["id"] == storm.id else one for one in all_],
        now=hub.clock.now(),
    )


async def _done(request: web.Request, id_: str, what: str, hours: int | None = None) -> None:
    await put_down(request, "rules.storm", id_, done=what, hours=hours)
    await refresh(request)


async def _all(request: web.Request) -> list[Storm]:
    stored = await rules.stored(hub_of(request).store, rules.STORMS)
    return [Storm.model_validate(one) for one in stored]


async def _one(request: web.Request) -> Storm:
    found = next((one for one in await _all(request) if one.id == request.match_info["storm"]), None)
    if found is None:
        raise web.HTTPNotFound(text=GONE)
    return found


def _given(request: web.Request, form: dict[str, list[str]], id_: str) -> Storm:
    def text(name: str) -> str:
        return form.get(name, [""])[0].replace("\r\n", "\n").strip()

    known, capacity, priority = hub_of(request).rules(), text("capacity"), text("priority")
    return Storm(
        id=id_,
        topic=text("topic"),
        banner=text("banner"),
        answer=text("answer"),
        words=tuple(line.strip() for line in text("words").split("\n") if line.strip()),
        categories=tuple(
            one for one in form.get("category", []) if one in known.groups or one in known.categories
        ),
        priority=priority if priority in rules.PRIORITIES else "high",
        capacity=min(int(capacity), MAX_CAPACITY) if capacity.isdigit() else None,
    )


def _problem(storm: Storm) -> str | None:
    if not storm.topic or not storm.banner:
        return NO_TOPIC
    if any(len(getattr(storm, name)) > most for name, most in MAX.items()) or len(storm.words) > MAX_WORDS:
        return TOO_LONG
    if storm.answer and (not storm.words or any(len(word.split()) < 2 for word in storm.words)):
        return NO_WORDS
    return None


async def _page(request: web.Request, status: int) -> web.Response:
    now = hub_of(request).clock.now()
    storms = sorted(await _all(request), key=lambda one: (not one.rages(now), one.topic))
    return admin_page(
        request, "console/admin/storms.html", status=status, storms=storms, now=now, durations=DURATIONS
    )


def _form(request: web.Request, status: int, storm: Storm, **more: Any) -> web.Response:
    known = hub_of(request).rules()
    priorities = {"normal": "Bình thường", "high": "Cao", "urgent": "Khẩn"}
    return admin_page(
        request, "console/admin/storm.html", status=status, storm=storm, groups=known.groups,
        categories=known.categories, priorities=priorities, most=MAX, **more,
    )  # fmt: skip


def routes() -> list[web.RouteDef]:
    one = f"{HERE}/{{storm}}"
    return guarded(
        [
            web.get(HERE, show),
            web.post(HERE, save),
            web.get(f"{HERE}/new", new_page),
            web.get(one, edit_page),
            web.post(one, save),
            web.post(f"{one}/on", turn_on),
            web.post(f"{one}/off", turn_off),
            web.post(f"{one}/remove", remove),
        ],
        roles=CHIEFS,
    )
