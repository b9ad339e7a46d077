"""Administration: accounts of staff and officers, and who must have a second factor."""

from collections.abc import Iterable
from typing import Any, Final, get_args

from aiohttp import web

from handoff import people, rules
from handoff.acts import SYSTEM, Release
from handoff.lifecycle import Refused
from handoff.people import NotPossible
from hub.errors import NotFound
from hub.model import Role, Staff
from hub.web.admin import ADDRESS, ADMIN, ROLE_NAMES, admin_page, refresh
from hub.web.auth import fields_of, guarded, plain, see_other, session_of
from hub.web.context import hub_of
from hub.web.trail import put_down

HERE: Final = f"{ADDRESS}/users"
GONE: Final = "Không tìm thấy tài khoản này."
NOT_YOURSELF: Final = "Anh/chị không thể tự khóa tài khoản của mình."
NO_ROLE: Final = "Vui lòng chọn vai trò."


async def list_page(request: web.Request) -> web.StreamResponse:
    return await _list(request, 200)


async def _list(request: web.Request, status: int, **more: Any) -> web.Response:
    everybody = await hub_of(request).store.everybody()
    required = hub_of(request).rules().second_factor
    return admin_page(
        request,
        "console/admin/users.html",
        status=status,
        people=sorted(everybody, key=lambda one: (not one.active, one.name.split()[-1:], one.login)),
        role_names=ROLE_NAMES,
        required=required,
        agency_names=_agency_names(request, everybody),
        **more,
    )


async def new_page(request: web.Request) -> web.StreamResponse:
    return _form(request, 200, _draft("", {}))


async def create(request: web.Request) -> web.StreamResponse:
    form = await fields_of(request)
    given = _given(request, form)
    login = form.get("login", [""])[0]
    if given["role"] not in get_args(Role):
        return _form(request, 422, _draft(login, given), problem=NO_ROLE)
    try:
        staff, password = await people.create(hub_of(request).store, login, **given)
    except NotPossible as error:
        return _form(request, 422, _draft(login, given), problem=str(error))
    await put_down(request, "staff.created", staff.id, role=staff.role)
    return _password_shown(request, staff, password)


async def edit_page(request: web.Request) -> web.StreamResponse:
    return _form(request, 200, await _staff(request), held=await _held(request))


async def edit(request: web.Request) -> web.StreamResponse:
    staff, given = await _staff(request), _given(request, await fields_of(request))
    if given["role"] not in get_args(Role):
        return _form(request, 422, staff, problem=NO_ROLE, held=await _held(request))
    return await _change(request, staff, given)


async def deactivate(request: web.Request) -> web.StreamResponse:
    staff = await _staff(request)
    if staff.id == session_of(request).staff.id:
        return _form(request, 422, staff, problem=NOT_YOURSELF, held=await _held(request))
    response = await _change(request, staff, {"active": False, "session_epoch": staff.session_epoch + 1})
    if response.status == 303:
        await _release(request, staff)
    return response


async def activate(request: web.Request) -> web.StreamResponse:
    return await _change(request, await _staff(request), {"active": True})


async def reset_password(request: web.Request) -> web.StreamResponse:
    staff = await _staff(request)
    try:
        password = await people.reset_password(hub_of(request).store, hub_of(request).clock, staff.id)
    except NotPossible as error:
        return _form(request, 409, staff, problem=str(error))
    await put_down(request, "staff.password_reset", staff.id)
    return _password_shown(request, staff, password)


async def reset_second_factor(request: web.Request) -> web.StreamResponse:
    staff = await _staff(request)
    try:
        await people.reset_second_factor(hub_of(request).store, hub_of(request).clock, staff.id)
    except NotPossible as error:
        return _form(request, 409, staff, problem=str(error))
    await put_down(request, "staff.second_factor_reset", staff.id)
    return see_other(f"{HERE}/{staff.id}?done")


async def require(request: web.Request) -> web.StreamResponse:
    """Which roles must have a second factor."""
    form, hub = await fields_of(request), hub_of(request)
    wanted = [role for role in get_args(Role) if role in form.get("role", [])]
    await rules.save(hub.store, rules.SECURITY, {"second_factor": wanted}, now=hub.clock.now())
    await put_down(request, "rules.security", second_factor=", ".join(wanted))
    await refresh(request)
    return see_other(f"{HERE}?done")


# ---- helpers ---------------------------------------------------------------------------------------


async def _staff(request: web.Request) -> Staff:
    found = await hub_of(request).store.staff(request.match_info["staff"])
    if found is None:
        raise web.HTTPNotFound(text=GONE)
    return found


async def _change(request: web.Request, staff: Staff, update: dict[str, Any]) -> web.Response:
    hub = hub_of(request)
    try:
        before, after = await people.change(
            hub.store, hub.clock, staff.id, lambda one: one.model_copy(update=update)
        )
    except NotPossible as error:
        draft = staff.model_copy(update=update)
        return _form(request, 422, draft, problem=str(error), held=await _held(request))
    except NotFound:
        return plain(404, GONE)
    changed = [name for name in update if getattr(before, name) != getattr(after, name)]
    if changed:
        facts = {"role": after.role} if before.role != after.role else {}
        fields = ", ".join(name for name in changed if name != "session_epoch")
        await put_down(request, "staff.changed", staff.id, fields=fields, **facts)
    return see_other(f"{HERE}/{staff.id}?done")


async def _held(request: web.Request) -> list[str]:
    """Tickets the person works on."""
    id_ = request.match_info["staff"]
    return [ticket for who, ticket in await hub_of(request).store.held_tickets() if who == id_]


async def _release(request: web.Request, staff: Staff) -> None:
    """Their cases wait for somebody else."""
    casework = hub_of(request).casework
    if casework is not None:
        for ticket in await _held(request):
            try:
                await casework.do(ticket, Release(), SYSTEM, f"{staff.id}:{staff.session_epoch}")
            except (Refused, NotFound):
                continue


def _given(request: web.Request, form: dict[str, list[str]]) -> dict[str, Any]:
    """The fields of the form, as an account has them."""
    known, role = hub_of(request).rules(), form.get("role", [""])[0]
    agencies = [*form.get("agency", []), *(agency_id(one) for one in form.get("more", []))]
    groups = {one.group for one in known.categories.values()}
    capacity = form.get("capacity", [""])[0].strip()
    return {
        "name": form.get("name", [""])[0].strip(),
        "role": role,
        "agencies": tuple(dict.fromkeys(one for one in agencies if known.agencies.get(one))) if role == "officer" else (),
        "skills": tuple(one for one in form.get("skill", []) if one in known.categories or one in groups),
        "capacity": int(capacity) if capacity.isdigit() else -1,
    }  # fmt: skip


def agency_id(typed: str) -> str:
    """What was chosen from the list: ``name (id)``, or an id."""
    return typed.strip().removesuffix(")").rpartition("(")[2].strip()


def _draft(login: str, given: dict[str, Any]) -> Staff:
    fields = {"name": "", "role": "operator", "capacity": 5} | given
    if fields["role"] not in get_args(Role):
        fields["role"] = "operator"
    return Staff(id="", login=login, password_hash="", **fields)


def _form(request: web.Request, status: int, staff: Staff, **more: Any) -> web.Response:
    known = hub_of(request).rules()
    groups: dict[str, list[Any]] = {}
    for category in known.categories.values():
        groups.setdefault(category.group, []).append(category)
    return admin_page(
        request,
        "console/admin/user.html",
        status=status,
        person=staff,
        role_names=ROLE_NAMES,
        groups=[(id_, group_name(request, id_), members) for id_, members in groups.items()],
        agencies=known.agencies.all(),
        agency_names=_agency_names(request, [staff]),
        required=known.second_factor,
        held=more.pop("held", []),
        **more,
    )


def group_name(request: web.Request, id_: str) -> str:
    return hub_of(request).rules().groups.get(id_, id_)


def _agency_names(request: web.Request, staff: Iterable[Staff]) -> dict[str, str]:
    known = hub_of(request).rules().agencies
    units = {id_: known.get(id_) for one in staff for id_ in one.agencies}
    return {id_: unit.name if unit else id_ for id_, unit in units.items()}


def _password_shown(request: web.Request, staff: Staff, password: str) -> web.Response:
    return admin_page(request, "console/admin/one_time.html", person=staff, password=password)


def routes() -> list[web.RouteDef]:
    one = f"{HERE}/{{staff}}"
    return guarded(
        [
            web.get(HERE, list_page),
            web.post(HERE, create),
            web.post(f"{HERE}/require", require),
            web.get(f"{HERE}/new", new_page),
            web.get(one, edit_page),
            web.post(one, edit),
            web.post(f"{one}/deactivate", deactivate),
            web.post(f"{one}/activate", activate),
            web.post(f"{one}/password", reset_password),
            web.post(f"{one}/second-factor", reset_second_factor),
        ],
        roles=ADMIN,
    )
