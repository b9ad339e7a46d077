"""Administration: how agencies are reached, whether an operator reads their word first, and their own hours."""

import csv
import io
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
COLUMNS: Final = ("mã", "tên", "email", "điện thoại")
MAX_TABLE_BYTES: Final = 1024 * 1024
MOST_PROBLEMS: Final = 20
_EMAIL: Final = re.compile(r"[^@\s<>,;\"]+@[^@\s<>,;\"]+\.[^@\s<>,;.\"]+")

NOTHING: Final = "Chưa có dòng nào. Hãy chép cả các cột từ bảng tính rồi dán vào."
GONE: Final = "Không tìm thấy cơ quan này."
BAD_EMAIL: Final = "Địa chỉ email chưa đúng."
BAD_PHONE: Final = "Số điện thoại gồm 3 đến 15 chữ số."
NO_ZERO: Final = "Số điện thoại thiếu số 0 ở đầu (bảng tính hay tự bỏ)."
BAD_HOURS: Final = f"Thời hạn là số giờ làm việc từ 1 đến {MAX_HOURS}."


async def list_page(request: web.Request) -> web.StreamResponse:
    return await _list(request, 200)


async def _list(
    request: web.Request, status: int, *, problems: list[str] | None = None, pasted: str = ""
) -> web.Response:
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
        status=status,
        problems=problems or [],
        pasted=pasted,
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
    problem = _contact_problem(given["email"], given["phone"]) or (BAD_HOURS if bad_hours else None)
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


async def table(request: web.Request) -> web.StreamResponse:
    """All units with their contacts, to be filled in with a spreadsheet and pasted back."""
    known = hub_of(request).rules()
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(COLUMNS)
    for unit in known.agencies.all():
        if not unit.open:
            contact = known.contact(unit.id)
            rows.writerow([unit.id, unit.name, contact.email or "", contact.phone or ""])
    await put_down(request, "export.agencies")
    headers = {"Content-Disposition": 'attachment; filename="co-quan-1022.csv"'}
    body = text.getvalue().encode("utf-8-sig")  # so that spreadsheets read it as UTF-8
    return web.Response(body=body, content_type="text/csv", charset="utf-8", headers=headers)


async def paste(request: web.Request) -> web.StreamResponse:
    """Contacts of many agencies at once: all of them, or none and what is wrong in which line."""
    hub, text = hub_of(request), (await fields_of(request)).get("table", [""])[0]
    found, problems = _pasted(hub.rules(), text)
    if problems or not found:
        return await _list(request, 422, problems=problems[:MOST_PROBLEMS] or [NOTHING], pasted=text)
    now = hub.clock.now()

    def put(all_: dict[str, Any]) -> dict[str, Any]:
        for id_, contact in found.items():
            all_ = _with(all_, id_, contact or None)
        return all_

    await rules.change(hub.store, rules.CONTACTS, put, now=now)
    await put_down(request, "rules.agency", count=len(found))
    await refresh(request)
    return see_other(f"{HERE}?done")


def _pasted(known: rules.Rules, text: str) -> tuple[dict[str, dict[str, str]], list[str]]:
    """Contacts by agency, and what is wrong, line by line. Columns as in :func:`table`."""
    lines = text.replace("\r\n", "\n").strip("\n").split("\n")
    found: dict[str, dict[str, str]] = {}
    problems = []
    separator = next((one for one in "\t;" if one in lines[0]), ",")
    for number, row in enumerate(csv.reader(lines, delimiter=separator), 1):
        cells = [*(cell.strip() for cell in row), "", "", "", ""][:4]
        if not any(cells) or (number == 1 and cells[0] == COLUMNS[0]):
            continue
        id_, _, email, phone = cells
        unit = known.agencies.get(id_)
        if unit is None or unit.open:
            problems.append(f"Dòng {number}: không có cơ quan mã {id_[:60]}.")
        elif id_ in found:
            problems.append(f"Dòng {number}: {id_} có hai lần.")
        elif problem := _contact_problem(email, phone):
            problems.append(f"Dòng {number}: {problem}")
        else:
            given = {"email": email, "phone": phone}
            found[id_] = {name: value for name, value in given.items() if value}
    return found, problems


def _contact_problem(email: str, phone: str) -> str | None:
    if email and not _EMAIL.fullmatch(email):
        return BAD_EMAIL
    number = normal_number(phone) if phone else "0"
    if number is None:
        return BAD_PHONE
    return NO_ZERO if len(number) >= 9 and number[0] not in "01" else None


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
    return [
        *guarded(
            [
                web.get(HERE, list_page),
                web.get(f"{HERE}/table.csv", table),
                web.get(one, edit_page),
                web.post(one, edit),
            ],
            roles=ADMIN,
        ),
        *guarded([web.post(HERE, paste)], roles=ADMIN, max_form_bytes=MAX_TABLE_BYTES),
    ]
