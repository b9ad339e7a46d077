"""The second factor: asked for after the password, set up with a QR code, replaced by recovery codes."""

import asyncio
import secrets

import segno
from aiohttp import web

from handoff import accounts
from handoff.second_factor import CODES, SecondFactor, without
from hub.errors import SecretUnreadable, StoreError
from hub.model import Staff
from hub.web import auth
from hub.web.auth import EVERYBODY, form_of, guarded, page, see_other, session_of
from hub.web.context import hub_of
from hub.web.navigation import home_of
from hub.web.pages import render
from hub.web.sessions import LOGIN_COOKIE, read_half, same, set_cookie, start_session, token
from hub.web.trail import put_down

TRIES = 5  # per person and quarter of an hour

WRONG = "Mã chưa đúng hoặc đã được dùng. Vui lòng nhập mã mới nhất trong ứng dụng."
OLD_PAGE = "Trang đã để quá lâu. Vui lòng quét lại mã bên dưới."
WRONG_PASSWORD = "Mật khẩu chưa đúng."  # noqa: S105 - a sentence
REQUIRED = "Vai trò của anh/chị bắt buộc dùng xác thực hai lớp, nên không tắt được."


def factor_of(request: web.Request) -> SecondFactor:
    return SecondFactor(hub_of(request).settings.secret_key.get_secret_value())


# ---- after the password ----------------------------------------------------------------------------


async def code_form(request: web.Request) -> web.StreamResponse:
    try:
        half = await read_half(request)
    except StoreError:
        return _code_page(request, 503, auth.AWAY)
    return _code_page(request, 200, None) if half else see_other(auth.LOGIN)


async def enter_code(request: web.Request) -> web.StreamResponse:
    form = await form_of(request)
    nonce = request.cookies.get(LOGIN_COOKIE, "")
    if not nonce or not same(form.get("csrf", ""), token(request, "console-login", nonce)):
        return _code_page(request, 403, auth.STALE)
    try:
        half = await read_half(request)
        if half is None:
            return see_other(auth.LOGIN)
        staff, problem = await _check(request, half.staff, form.get("code", ""))
        if staff is None:
            await put_down(request, "login.failed", actor="?", target=half.staff.id, second_factor=True)
            return _code_page(request, 429 if problem == auth.WAIT else 401, problem)
        used_up = len(staff.recovery) < len(half.staff.recovery)
        return await auth.let_in(request, staff, half.target, second_factor=True, recovery_code=used_up)
    except StoreError:
        return _code_page(request, 503, auth.AWAY)


async def _check(request: web.Request, staff: Staff, code: str) -> tuple[Staff | None, str]:
    hub = hub_of(request)
    store, now, key = hub.store, hub.clock.now(), f"second-factor:{staff.id}"
    if await store.count_hit(key, now=now, window_ms=auth.THROTTLE_MS) > TRIES:
        return None, auth.WAIT
    accepted = await factor_of(request).accept(store, staff, code, now)
    if accepted is not None:
        await store.clear_hits(key)
    return accepted, WRONG


def _code_page(request: web.Request, status: int, problem: str | None) -> web.Response:
    nonce = request.cookies.get(LOGIN_COOKIE) or secrets.token_urlsafe(18)
    csrf = token(request, "console-login", nonce)
    response = render(request, "console/login_code.html", status=status, problem=problem, csrf=csrf)
    response.headers["Cache-Control"] = "no-store"
    set_cookie(request, response, LOGIN_COOKIE, nonce)
    return response


# ---- one's own -------------------------------------------------------------------------------------


async def own_page(request: web.Request) -> web.StreamResponse:
    return _own_page(request, 200, None)


async def turn_on(request: web.Request) -> web.StreamResponse:
    """The first code of a new secret was typed: from now on it is asked for."""
    hub, staff, form = hub_of(request), session_of(request).staff, await form_of(request)
    factor, sealed = factor_of(request), form.get("sealed", "")
    if staff.second_factor is not None:
        return see_other(auth.SECOND_FACTOR)
    try:
        step = factor.step(sealed, form.get("code", ""), hub.clock.now())
    except SecretUnreadable:
        return _own_page(request, 400, OLD_PAGE)
    if step is None:
        return _own_page(request, 400, WRONG, sealed)
    return await _with_codes(
        request,
        staff,
        {"second_factor": sealed, "session_epoch": staff.session_epoch + 1},
        "account.second_factor_on",
    )


async def new_codes(request: web.Request) -> web.StreamResponse:
    staff = session_of(request).staff
    problem = await _password_problem(request, staff)
    if problem or staff.second_factor is None:
        return _own_page(request, 400, problem)
    return await _with_codes(request, staff, {}, "account.recovery_codes")


async def turn_off(request: web.Request) -> web.StreamResponse:
    hub, staff = hub_of(request), session_of(request).staff
    required = staff.role in hub.rules().second_factor
    problem = REQUIRED if required else await _password_problem(request, staff)
    if problem:
        return _own_page(request, 400, problem)
    after = without(staff)
    if not await hub.store.swap_staff(staff, after):
        return _own_page(request, 409, auth.FORGED)
    await put_down(request, "account.second_factor_off")
    response = see_other(auth.SECOND_FACTOR)
    start_session(request, response, after, secrets.token_urlsafe(18))
    return response


async def _with_codes(
    request: web.Request, staff: Staff, update: dict[str, object], action: str
) -> web.StreamResponse:
    factor = factor_of(request)
    codes = factor.recovery_codes()
    digests = tuple(factor.digest(code) for code in codes)
    after = staff.model_copy(update=update | {"recovery": digests})
    if not await hub_of(request).store.swap_staff(staff, after):
        return _own_page(request, 409, auth.FORGED)
    await put_down(request, action)
    response = page(request, "console/recovery_codes.html", codes=codes, home=home_of(staff.role))
    start_session(request, response, after, secrets.token_urlsafe(18))
    return response


async def _password_problem(request: web.Request, staff: Staff) -> str | None:
    hub, form, key = hub_of(request), await form_of(request), f"password:{staff.id}"
    now = hub.clock.now()
    if await hub.store.count_hit(key, now=now, window_ms=auth.THROTTLE_MS) > auth.TRIES_PER_LOGIN:
        return auth.WAIT
    if not await asyncio.to_thread(accounts.password_fits, staff, form.get("password", "")):
        return WRONG_PASSWORD
    await hub.store.clear_hits(key)
    return None


def _own_page(request: web.Request, status: int, problem: str | None, sealed: str = "") -> web.Response:
    factor, staff = factor_of(request), session_of(request).staff
    enrolling: dict[str, str] = {}
    if staff.second_factor is None:
        sealed = sealed or factor.begin()
        picture = segno.make(factor.address(sealed, staff.login), error="m")
        enrolling = {
            "sealed": sealed,
            "secret": factor.secret(sealed),
            "qr": picture.svg_data_uri(scale=5, border=3, light="#fff"),
        }
    return page(
        request,
        "console/second_factor.html",
        status=status,
        problem=problem,
        required=staff.role in hub_of(request).rules().second_factor,
        home=home_of(staff.role),
        codes_in_all=CODES,
        **enrolling,
    )


def routes() -> list[web.RouteDef]:
    own = auth.SECOND_FACTOR
    return [
        web.get(auth.LOGIN_CODE, code_form),
        web.post(auth.LOGIN_CODE, enter_code),
        *guarded(
            [
                web.get(own, own_page),
                web.post(own, turn_on),
                web.post(f"{own}/codes", new_codes),
                web.post(f"{own}/off", turn_off),
            ],
            roles=EVERYBODY,
        ),
    ]
