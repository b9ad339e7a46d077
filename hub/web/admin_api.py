"""Administration: keys of other systems, and addresses that are told of changes."""

from typing import Any, Final

from aiohttp import web

from hub.hooks import EVENTS, HOOKS, Hook, bad_address, new_hook, progress_of
from hub.seal import Seal
from hub.web.admin import ADDRESS, ADMIN, admin_page
from hub.web.api.tokens import (
    MAX_PER_MINUTE,
    PER_MINUTE,
    SCOPES,
    TOKENS,
    Scope,
    Token,
    last_used,
    new_token,
)
from hub.web.auth import fields_of, guarded, see_other, session_of
from hub.web.context import hub_of
from hub.web.trail import put_down

HERE: Final = f"{ADDRESS}/api"
MAX_NAME: Final = 80
MOST: Final = 50

NO_NAME: Final = "Vui lòng đặt tên cho hệ thống dùng khóa."
NO_SCOPE: Final = "Vui lòng chọn ít nhất một quyền."
BAD_PACE: Final = f"Số lượt mỗi phút là số từ 1 đến {MAX_PER_MINUTE}."
TOO_MANY: Final = f"Đã có {MOST} mục. Hãy xóa bớt mục không dùng."
NO_EVENT: Final = "Vui lòng chọn ít nhất một sự kiện."


async def show(request: web.Request) -> web.StreamResponse:
    return await _page(request, 200)


async def make_token(request: web.Request) -> web.StreamResponse:
    hub, form = hub_of(request), await fields_of(request)
    name, pace = form.get("name", [""])[0].strip(), form.get("per_minute", [str(PER_MINUTE)])[0].strip()
    scopes: tuple[Scope, ...] = tuple(one for one in SCOPES if one in form.get("scope", []))
    problem = None
    if not name or len(name) > MAX_NAME:
        problem = NO_NAME
    elif not scopes:
        problem = NO_SCOPE
    elif not (pace.isascii() and pace.isdigit() and 1 <= int(pace) <= MAX_PER_MINUTE):
        problem = BAD_PACE
    elif sum(one.revoked_at is None for one in await TOKENS.all(hub.store)) >= MOST:
        problem = TOO_MANY
    if problem:
        return await _page(request, 422, problem=problem, form=form)
    me, now = session_of(request).staff, hub.clock.now()
    token, shown = new_token(name, scopes, per_minute=int(pace), now=now, by=me.id)
    await TOKENS.change(hub.store, lambda all_: (*all_, token), now=now)
    await put_down(request, "api.token_created", token.id, scopes=", ".join(scopes))
    return await _page(request, 200, shown=shown, what=f"Khóa của {name}")


async def revoke_token(request: web.Request) -> web.StreamResponse:
    hub, id_ = hub_of(request), request.match_info["token"]
    now = hub.clock.now()

    def revoke(all_: tuple[Token, ...]) -> tuple[Token, ...]:
        return tuple(
            one.model_copy(update={"revoked_at": one.revoked_at or now}) if one.id == id_ else one
            for one in all_
        )

    await TOKENS.change(hub.store, revoke, now=now)
    await put_down(request, "api.token_revoked", id_)
    return see_other(f"{HERE}?done")


async def make_hook(request: web.Request) -> web.StreamResponse:
    hub, form = hub_of(request), await fields_of(request)
    url = form.get("url", [""])[0].strip()
    events = tuple(one for one in EVENTS if one in form.get("event", []))
    problem = bad_address(url, hub.settings.webhook_private_hosts) or (NO_EVENT if not events else None)
    if problem is None and len(await HOOKS.all(hub.store)) >= MOST:
        problem = TOO_MANY
    if problem:
        return await _page(request, 422, problem=problem, form=form)
    now = hub.clock.now()
    seal = Seal(hub.settings.secret_key.get_secret_value())
    hook, secret = new_hook(url, events, seal=seal, now=now)
    await HOOKS.change(hub.store, lambda all_: (*all_, hook), now=now)
    await put_down(request, "api.webhook_created", hook.id)
    return await _page(request, 200, shown=secret, what="Khóa ký của webhook")


async def remove_hook(request: web.Request) -> web.StreamResponse:
    hub, id_ = hub_of(request), request.match_info["hook"]
    await HOOKS.change(
        hub.store, lambda all_: tuple(one for one in all_ if one.id != id_), now=hub.clock.now()
    )
    await put_down(request, "api.webhook_removed", id_)
    return see_other(f"{HERE}?done")


async def enable_hook(request: web.Request) -> web.StreamResponse:
    """Try again after it was given up: what was missed is delivered first."""
    hub, id_ = hub_of(request), request.match_info["hook"]
    now = hub.clock.now()

    def enable(all_: tuple[Hook, ...]) -> tuple[Hook, ...]:
        fresh = {"disabled_at": None, "enabled_at": now}
        return tuple(one.model_copy(update=fresh) if one.id == id_ else one for one in all_)

    await HOOKS.change(hub.store, enable, now=now)
    await put_down(request, "api.webhook_enabled", id_)
    return see_other(f"{HERE}?done")


async def _page(request: web.Request, status: int, **more: Any) -> web.Response:
    hub = hub_of(request)
    tokens, hooks = await TOKENS.all(hub.store), await HOOKS.all(hub.store)
    return admin_page(
        request,
        "console/admin/api.html",
        status=status,
        tokens=[(one, await last_used(hub.store, one)) for one in tokens if one.revoked_at is None],
        hooks=[(one, await progress_of(hub.store, one)) for one in hooks],
        scopes=SCOPES,
        events=EVENTS,
        per_minute=PER_MINUTE,
        base=hub.settings.base_url,
        form=more.pop("form", {}),
        shown=more.pop("shown", None),
        what=more.pop("what", None),
        **more,
    )


def routes() -> list[web.RouteDef]:
    return guarded(
        [
            web.get(HERE, show),
            web.post(f"{HERE}/tokens", make_token),
            web.post(f"{HERE}/tokens/{{token}}/revoke", revoke_token),
            web.post(f"{HERE}/hooks", make_hook),
            web.post(f"{HERE}/hooks/{{hook}}/remove", remove_hook),
            web.post(f"{HERE}/hooks/{{hook}}/enable", enable_hook),
        ],
        roles=ADMIN,
    )
