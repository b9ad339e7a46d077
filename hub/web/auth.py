"""Signing in to the console: sessions, protection against forged forms, throttled logins, password change.

A session is a signed cookie that names a person and the epoch of their password; nothing is kept on the server, and
a password change ends every other session. Each form carries a token made from the session's nonce, so a page of
another site cannot act in the operator's name.
"""

import asyncio
import re
import secrets
from collections.abc import Collection
from typing import Any, Final, get_args

from aiohttp import web
from aiohttp.typedefs import Handler

from handoff import accounts
from hub.errors import StoreError
from hub.model import Role, Staff, derived_id
from hub.web.context import hub_of
from hub.web.navigation import home_of, places_of
from hub.web.pages import render
from hub.web.sessions import (
    LOGIN_COOKIE,
    MINUTE_MS,
    SESSION_COOKIE,
    Session,
    read_session,
    same,
    set_cookie,
    start_half,
    start_session,
    token,
)
from hub.web.trail import ACTOR, put_down

EVERYBODY: Final[frozenset[Role]] = frozenset(get_args(Role))
#: Who works at the hotline. Officers of the agencies are none of them: they see their own agency's cases alone.
STAFF: Final[frozenset[Role]] = EVERYBODY - {"officer"}

HOME = "/console"
LOGIN = "/console/login"
PASSWORD = "/console/password"  # noqa: S105 - a path
SECOND_FACTOR = "/console/second-factor"
LOGIN_CODE = "/console/login/code"
LOGOUT = "/console/logout"

RENEW_AFTER_MS = 15 * MINUTE_MS
THROTTLE_MS = 15 * MINUTE_MS
TRIES_PER_LOGIN = 5
TRIES_PER_ADDRESS = 50  # a whole office may share one address; a successful login starts the count anew
MAX_FORM_BYTES = 64 * 1024

WRONG = "Tên đăng nhập hoặc mật khẩu không đúng."
WAIT = "Đã thử quá nhiều lần. Vui lòng đợi khoảng 15 phút rồi thử lại."
STALE = "Trang đăng nhập đã để quá lâu. Vui lòng thử lại."
FORGED = "Phiên làm việc đã thay đổi. Vui lòng tải lại trang rồi thử lại."
AWAY = "Hệ thống đang bận, thao tác chưa được ghi nhận. Vui lòng thử lại sau ít phút."
TOO_LARGE = "Nội dung quá dài."
NO_ENTRY = "Tài khoản của anh/chị chưa được giao quyền dùng phần này."

#: Where a login may lead: pages of the console, nothing else.
_OWN_PAGE = re.compile(r"/console(/[\w-]+)*(\?[\w=&%.+-]*)?", re.ASCII)


_SESSION: web.RequestKey[Session] = web.RequestKey("session", Session)
FORM_LIMIT: web.RequestKey[int] = web.RequestKey("form_limit", int)


def session_of(request: web.Request) -> Session:
    """The session of a guarded request."""
    return request[_SESSION]


def guarded(
    routes: list[web.RouteDef],
    *,
    roles: Collection[Role] | None = None,
    max_form_bytes: int = MAX_FORM_BYTES,
) -> list[web.RouteDef]:
    """The same routes for signed-in people of these roles only (None: ``STAFF``): forms need their token, and
    nothing is kept by caches. Others get a page that says so, with 403."""
    allowed = STAFF if roles is None else frozenset(roles)
    return [
        web.RouteDef(r.method, r.path, _guard(r.handler, allowed, max_form_bytes), r.kwargs) for r in routes
    ]


def page(request: web.Request, template: str, *, status: int = 200, **context: Any) -> web.Response:
    """A page of the console; its template also gets ``me``, ``csrf`` and ``places`` (where this role may go)."""
    session = session_of(request)
    me = session.staff
    return render(
        request,
        template,
        status=status,
        me=me,
        csrf=session.csrf,
        places=places_of(me.role, request.path),
        **context,
    )


def plain(status: int, text: str) -> web.Response:
    """One sentence for the person; the page shows it beside what they were doing."""
    return web.Response(status=status, text=text)


def see_other(address: str) -> web.Response:
    return web.Response(status=303, headers={"Location": address})


def own_page(address: str) -> str:
    """``address`` if it is a page of the console, else the console's first page."""
    return address if _OWN_PAGE.fullmatch(address) and not address.startswith(LOGIN) else HOME


async def form_of(request: web.Request) -> dict[str, str]:
    """The text fields of a form within the limit of its route, the last of each name.

    Raises:
        web.HTTPRequestEntityTooLarge: it is not.
    """
    return {name: values[-1] for name, values in (await fields_of(request)).items()}


async def fields_of(request: web.Request) -> dict[str, list[str]]:
    """As :func:`form_of`, with all values of each name in their order."""
    length, limit = request.content_length or 0, request.get(FORM_LIMIT, MAX_FORM_BYTES)
    if length > limit or (request.body_exists and request.content_length is None):
        raise web.HTTPRequestEntityTooLarge(max_size=limit, actual_size=length, text=TOO_LARGE)
    fields: dict[str, list[str]] = {}
    for name, value in (await request.post()).items():
        if isinstance(value, str):
            fields.setdefault(name, []).append(value)
    return fields


def _guard(handler: Any, allowed: frozenset[Role], max_form_bytes: int) -> Handler:
    async def guarded(request: web.Request) -> web.StreamResponse:
        request[FORM_LIMIT] = max_form_bytes
        try:
            response = await _enter(request, handler, allowed)
        except web.HTTPException as error:
            error.headers["Cache-Control"] = "no-store"
            shown = _as_page(request, error.status, error.text or "")
            if shown is None:
                raise
            response = shown
        except StoreError:
            response = _as_page(request, 503, AWAY) or plain(503, AWAY)
        if not response.prepared:
            response.headers["Cache-Control"] = "no-store"
        return response

    return guarded


def _as_page(request: web.Request, status: int, text: str) -> web.Response | None:
    """What went wrong, for a person who has come to a page; None: something else asks."""
    asks = request.method == "GET" and "HX-Request" not in request.headers
    if status < 400 or not asks or "text/html" not in request.headers.get("Accept", ""):
        return None
    return render(request, "console/trouble.html", status=status, text=text, lost=status == 404)


async def _enter(request: web.Request, handler: Handler, allowed: frozenset[Role]) -> web.StreamResponse:
    session = await read_session(request)
    if session is None:
        return _to_login(request)
    request[_SESSION], request[ACTOR] = session, session.staff.id
    if session.staff.role not in allowed:
        return _no_entry(request, session.staff)
    if request.method == "POST":
        given = request.headers.get("X-CSRF-Token") or (await form_of(request)).get("csrf", "")
        if not same(given, session.csrf):
            return plain(403, FORGED)
    if (owed := _owed(request, session.staff)) and not request.path.startswith((owed, PASSWORD, LOGOUT)):
        return see_other(owed)
    response = await handler(request)
    aged = hub_of(request).clock.now() - session.issued_at > RENEW_AFTER_MS
    if aged and not response.prepared and SESSION_COOKIE not in response.cookies:
        start_session(request, response, session.staff, session.nonce)
    return response


def _owed(request: web.Request, staff: Staff) -> str | None:
    """The page this person has to go through before anything else."""
    if staff.must_change_password:
        return PASSWORD
    if staff.second_factor is None and staff.role in hub_of(request).rules().second_factor:
        return SECOND_FACTOR
    return None


def _no_entry(request: web.Request, staff: Staff) -> web.Response:
    if request.method != "GET" or "HX-Request" in request.headers:
        return plain(403, NO_ENTRY)
    return page(request, "console/no_entry.html", status=403, problem=NO_ENTRY, home=home_of(staff.role))


def _to_login(request: web.Request) -> web.Response:
    is_page = request.method == "GET" and "HX-Request" not in request.headers
    target = str(request.rel_url) if is_page else ""
    login = f"{LOGIN}?next={own_page(target)}" if own_page(target) != HOME else LOGIN
    if is_page and "text/event-stream" not in request.headers.get("Accept", ""):
        return see_other(login)
    return web.Response(status=401, headers={"HX-Redirect": LOGIN}, text="Vui lòng đăng nhập lại.")


# ---- pages ---------------------------------------------------------------------------------------


async def login_form(request: web.Request) -> web.StreamResponse:
    target = own_page(request.query.get("next", ""))
    try:
        if session := await read_session(request):
            return see_other(_after_login(target, session.staff))
    except StoreError:
        return _login_page(request, 503, AWAY, target)
    return _login_page(request, 200, None, target)


async def log_in(request: web.Request) -> web.StreamResponse:
    form = await form_of(request)
    target, login = own_page(form.get("next", "")), accounts.normal_login(form.get("login", ""))
    nonce = request.cookies.get(LOGIN_COOKIE, "")
    if not nonce or not same(form.get("csrf", ""), token(request, "console-login", nonce)):
        return _login_page(request, 403, STALE, target, login)
    try:
        staff, problem = await _check_login(request, login, form.get("password", ""))
    except StoreError:
        return _login_page(request, 503, AWAY, target, login)
    result = "ok" if staff else "throttled" if problem == WAIT else "refused"
    hub_of(request).metrics.logins.labels(result).inc()
    if staff is None:
        return _login_page(request, 429 if problem == WAIT else 401, problem, target, login)
    if staff.second_factor is not None:
        response = see_other(LOGIN_CODE)
        start_half(request, response, staff, target)
        return response
    return await let_in(request, staff, target)


async def let_in(
    request: web.Request,
    staff: Staff,
    target: str,
    *,
    second_factor: bool = False,
    recovery_code: bool = False,
) -> web.Response:
    """Everything asked for was given: the session begins."""
    response = see_other(PASSWORD if staff.must_change_password else _after_login(target, staff))
    await put_down(
        request, "login.ok", actor=staff.id, second_factor=second_factor, recovery_code=recovery_code
    )
    start_session(request, response, staff, secrets.token_urlsafe(18))
    return response


async def _check_login(request: web.Request, login: str, password: str) -> tuple[Staff | None, str | None]:
    """Every try is counted before it is checked, so that parallel guesses are no way around."""
    store, now = hub_of(request).store, hub_of(request).clock.now()
    by_login, by_address = derived_id("login", login), f"login-from:{request.remote}"
    tries = await store.count_hit(by_login, now=now, window_ms=THROTTLE_MS)
    from_here = await store.count_hit(by_address, now=now, window_ms=THROTTLE_MS)
    if tries > TRIES_PER_LOGIN or from_here > TRIES_PER_ADDRESS:
        return None, WAIT
    staff = await store.staff_by_login(login)
    fits = await asyncio.to_thread(accounts.password_fits, staff, password)
    if staff is None or not fits or not staff.active:
        await put_down(request, "login.failed", actor="?", target=staff.id if staff else None)
        return None, WRONG
    await store.clear_hits(by_login)
    await store.clear_hits(by_address)
    renewed = await asyncio.to_thread(accounts.rehashed, staff, password)
    if renewed is not staff and not await store.swap_staff(staff, renewed):
        return None, WRONG  # changed while it was looked at: the next try sees what it is now
    return renewed, None


def _after_login(target: str, staff: Staff) -> str:
    return home_of(staff.role) if target == HOME else target


def _login_page(
    request: web.Request, status: int, problem: str | None, target: str, login: str = ""
) -> web.Response:
    nonce = request.cookies.get(LOGIN_COOKIE) or secrets.token_urlsafe(18)  # one for all tabs
    response = render(
        request,
        "console/login.html",
        status=status,
        problem=problem,
        target=target,
        login=login,
        csrf=token(request, "console-login", nonce),
    )
    response.headers["Cache-Control"] = "no-store"
    set_cookie(request, response, LOGIN_COOKIE, nonce)
    return response


async def log_out(request: web.Request) -> web.StreamResponse:
    response = see_other(LOGIN)
    response.del_cookie(SESSION_COOKIE, path="/")
    return response


async def password_form(request: web.Request) -> web.StreamResponse:
    return _password_page(request, 200, None)


def _password_page(request: web.Request, status: int, problem: str | None) -> web.Response:
    home = home_of(session_of(request).staff.role)
    return page(request, "console/password.html", status=status, problem=problem, home=home)


async def change_password(request: web.Request) -> web.StreamResponse:
    hub, staff, form = hub_of(request), session_of(request).staff, await form_of(request)
    problem = await _password_problem(request, staff, form)
    if problem:
        status = 429 if problem == WAIT else 400
        return _password_page(request, status, problem)
    changed = await asyncio.to_thread(accounts.with_password, staff, form["password"])
    if not await hub.store.swap_staff(staff, changed):
        return _password_page(request, 409, FORGED)
    await put_down(request, "account.password")
    response = see_other(home_of(changed.role))
    start_session(request, response, changed, secrets.token_urlsafe(18))
    return response


async def _password_problem(request: web.Request, staff: Staff, form: dict[str, str]) -> str | None:
    store, now, key = hub_of(request).store, hub_of(request).clock.now(), f"password:{staff.id}"
    if await store.count_hit(key, now=now, window_ms=THROTTLE_MS) > TRIES_PER_LOGIN:
        return WAIT
    if not await asyncio.to_thread(accounts.password_fits, staff, form.get("current", "")):
        return "Mật khẩu đang dùng không đúng."
    await store.clear_hits(key)
    new, again = form.get("password", ""), form.get("again", "")
    return await asyncio.to_thread(accounts.password_problem, staff, new, again)


def routes() -> list[web.RouteDef]:
    return [
        web.get(LOGIN, login_form),
        web.post(LOGIN, log_in),
        *guarded(
            [
                web.post(LOGOUT, log_out),
                web.get(PASSWORD, password_form),
                web.post(PASSWORD, change_password),
            ],
            roles=EVERYBODY,
        ),
    ]
