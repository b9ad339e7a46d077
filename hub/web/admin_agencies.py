"""Administration: how agencies are reached, whether an operator reads their word first, and their own hours."""

import re
from typing import Any, Final

from aiohttp import web

from bot.text import fold
from connectors.phone import normal_number
from handoff import rules
from handoff.agencies import Unit
from hub.web.admin import ADDRESS, ADMIN, admin_page, refresh
from hub.web.auth import fields_of, guarded, see_other
from hub.web.context import hub_of
from hub.web.trail import put_down

HERE: Final = f"{ADDRESS}/agencies"
SHOWN: Final = 40
MAX_HOURS: Final = 480
_EMAIL: Final = re.compile(r"[^@\s<>,;\"]+@[^@\s<>,;\"]+\.[^@\s<>,;.\"]+")

GONE: Final = "Không tìm thấy cơ quan này."
BAD_EMAIL: Final = "Địa chỉ email chưa đúng."
BAD_PHONE: Final = "Số điện thoại gồm 3 đến 15 chữ số."
BAD_HOURS: Final = f"Thời hạn là số giờ làm việc từ 1 đến {MAX_HOURS}."


async def list_page(request: web.Request) -> web.StreamResponse:
    known, asked = hub_of(request).rules(), request.query.get("q", "").strip()[:100]
    wanted = fold(asked).split()
    units = [
        unit for unit in _units(request) if all(word in fold(f"{unit.name} {unit.id}") for word in wanted)
    ]
    own = known.contacts.keys() | known.policies.keys()
    units.sort(key=lambda unit: unit.id not in own)  # those with something entered first
    return admin_page(
        request,
        "console/admin/agencies.html",
        units=units[:SHOWN],
        found=len(units),
        asked=asked,
        rules=known,
        with_email=sum(bool(one.email) for one in known.contacts.values()),
    )


async def edit_page(request: web.Request) -> web.StreamResponse:
    return _form(request, _unit(request), 200, {})


async def edit(request: web.Request) -> web.StreamResponse:
    unit, form = _unit(request), await fields_of(request)
    given = {name: form.get(name, [""])[0].strip() for name in ("email", "phone")}
    hours, bad_hours = _hours(request, form)
    problem = BAD_HOURS if bad_hours else None
    if given["phone"] and not normal_number(given["phone"]):
        problem = BAD_PHONE
    if given["email"] and not _EMAIL.fullmatch(given["email"]):
        problem = BAD_EMAIL
    if problem:
        return _form(request, unit, 422, given, problem=problem)
    hub, now = hub_of(request), hub_of(request).clock.now()
    contact = {name: value for name, value in given.items() if value}
    policy = {"review": "review" in form, "hours": hours}
    await rules.change(hub.store, rules.CONTACTS, lambda all_: _with(all_, unit.id, contact or None), now=now)
    inherits = "own" not in form
    await rules.change(
        hub.store, rules.POLICIES, lambda all_: _with(all_, unit.id, None if inherits else policy), now=now
    )
    await put_down(
        request, "rules.agency", unit.id, email=bool(contact.get("email")), phone=bool(contact.get("phone")),
        review=None if inherits else policy["review"] is True,
    )  # fmt: skip
    await refresh(request)
    return see_other(f"{HERE}/{unit.id}?done")


def _with(all_: dict[str, Any], key: str, value: Any) -> dict[str, Any]:
    return {name: one for name, one in all_.items() if name != key} | (
        {key: value} if value is not None else {}
    )


def _hours(request: web.Request, form: dict[str, list[str]]) -> tuple[dict[str, int], bool]:
    """Hours by category, and whether one of them will not do."""
    categories = hub_of(request).rules().categories
    pairs = zip(form.get("category", []), form.get("hours", []), strict=False)
    typed = [
        (category, hours.strip()) for category, hours in pairs if category in categories and hours.strip()
    ]
    good = {
        category: int(hours)
        for category, hours in typed
        if hours.isascii() and hours.isdigit() and 1 <= int(hours) <= MAX_HOURS
    }
    return good, len(good) < len({category for category, _ in typed})


def _units(request: web.Request) -> list[Unit]:
    """Every unit, and the patterns that stand for one unit in each commune."""
    agencies = hub_of(request).rules().agencies
    patterns = [
        Unit(id=id_, name=f"{name} (tất cả xã, phường)", open=True)
        for id_, name in agencies.patterns().items()
    ]
    return patterns + agencies.all()


def _unit(request: web.Request) -> Unit:
    id_ = request.match_info["agency"]
    found = next((unit for unit in _units(request) if unit.id == id_), None)
    if found is None:
        raise web.HTTPNotFound(text=GONE)
    return found


def _form(request: web.Request, unit: Unit, status: int, given: dict[str, str], **more: Any) -> web.Response:
    known = hub_of(request).rules()
    contact = known.contact(unit.id)
    return admin_page(
        request,
        "console/admin/agency.html",
        status=status,
        unit=unit,
        email=given.get("email", contact.email or ""),
        phone=given.get("phone", contact.phone or ""),
        own=unit.id in known.policies,
        policy=known.policy(unit.id),
        categories=sorted(known.categories.values(), key=lambda one: fold(one.name)),
        names={id_: one.name for id_, one in known.categories.items()},
        **more,
    )


def routes() -> list[web.RouteDef]:
    one = f"{HERE}/{{agency}}"
    return guarded([web.get(HERE, list_page), web.get(one, edit_page), web.post(one, edit)], roles=ADMIN)
