"""Administration: which agency gets which cases, with a try-out."""

from typing import Any, Final

from aiohttp import web

from bot.text import fold
from handoff import rules
from handoff.routing import ANY, RoutingRule
from handoff.rules import Rules
from hub.web.admin import ADDRESS, CHIEFS, admin_page, refresh
from hub.web.admin_users import agency_id
from hub.web.auth import form_of, guarded, see_other
from hub.web.context import hub_of
from hub.web.trail import put_down

HERE: Final = f"{ADDRESS}/routing"
MAX_RULES: Final = 5_000
NO_AGENCY: Final = "Vui lòng chọn cơ quan trong danh sách."
NO_FIELD: Final = "Vui lòng chọn lĩnh vực và xã, phường trong danh sách."
KNOWN: Final = "Đã có quy tắc cho lĩnh vực và nơi này. Hãy xóa quy tắc cũ trước."
TOO_MANY: Final = "Bảng phân công đã quá dài."


class _NotThis(Exception):
    pass


async def show(request: web.Request) -> web.StreamResponse:
    return await _page(request, 200, {})


async def add(request: web.Request) -> web.StreamResponse:
    form, hub = await form_of(request), hub_of(request)
    known = hub.rules()
    rule = RoutingRule(
        category=form.get("category", ""),
        commune=form.get("commune", ""),
        agency=agency_id(form.get("agency", "")),
    )
    problem = _problem(known, rule)
    if problem is None:

        def add_one(all_: list[dict[str, Any]]) -> list[dict[str, Any]]:
            if any((one["category"], one["commune"]) == (rule.category, rule.commune) for one in all_):
                raise _NotThis(KNOWN)
            if len(all_) >= MAX_RULES:
                raise _NotThis(TOO_MANY)
            return [*all_, rule.model_dump()]

        try:
            await rules.change(hub.store, rules.ROUTING, add_one, now=hub.clock.now())
        except _NotThis as error:
            problem = str(error)
    if problem:
        return await _page(request, 422, form, problem=problem)
    await put_down(
        request, "rules.routing", rule.agency, done="add", category=rule.category, commune=rule.commune
    )
    await refresh(request)
    return see_other(f"{HERE}?done")


async def remove(request: web.Request) -> web.StreamResponse:
    form, hub = await form_of(request), hub_of(request)
    place = (form.get("category"), form.get("commune"))
    await rules.change(
        hub.store,
        rules.ROUTING,
        lambda all_: [one for one in all_ if (one["category"], one["commune"]) != place],
        now=hub.clock.now(),
    )
    await put_down(
        request, "rules.routing", form.get("agency"), done="remove", category=place[0], commune=place[1]
    )
    await refresh(request)
    return see_other(f"{HERE}?done")


def _problem(known: Rules, rule: RoutingRule) -> str | None:
    if rule.category not in (ANY, *known.categories, *known.groups):
        return NO_FIELD
    if rule.commune != ANY and not known.agencies.knows_commune(rule.commune):
        return NO_FIELD
    here = None if rule.commune == ANY else rule.commune
    unit = known.agencies.get(rule.agency) or known.agencies.at(rule.agency, here)
    is_pattern = rule.agency in known.agencies.patterns()
    return None if is_pattern or (unit is not None and not unit.open) else NO_AGENCY


async def _page(request: web.Request, status: int, form: dict[str, str], **more: Any) -> web.Response:
    hub = hub_of(request)
    known = hub.rules()
    communes = dict(sorted(known.agencies.communes().items(), key=lambda it: fold(it[1])))
    table = [RoutingRule.model_validate(one) for one in await rules.stored(hub.store, rules.ROUTING)]
    return admin_page(
        request,
        "console/admin/routing.html",
        status=status,
        table=table,
        form=form,
        name=lambda id_: _name(known, id_),
        place=lambda id_: "Mọi nơi" if id_ == ANY else communes.get(id_, id_),
        agency=lambda id_: _agency(known, id_),
        groups=[
            (id_, name, [one for one in known.categories.values() if one.group == id_])
            for id_, name in known.groups.items()
        ],
        communes=communes,
        units=[unit for unit in known.agencies.all() if not unit.open],
        patterns=known.agencies.patterns(),
        tried=_tried(request, known),
        asked=request.query,
        **more,
    )


def _tried(request: web.Request, known: Rules) -> dict[str, Any] | None:
    """Who would get this case."""
    asked = request.query
    if "category" not in asked:
        return None
    about = agency_id(asked.get("about", "")) or None
    route = known.router.route(
        asked["category"] or None,
        asked.get("commune") or None,
        complaint="complaint" in asked,
        about=about if about and known.agencies.get(about) else None,
    )
    return {
        "agency": _agency(known, route.agency) if route.agency else None,
        "why": route.why,
        "others": [_agency(known, id_) for id_ in route.candidates if id_ != route.agency],
        "hours": known.hours(asked["category"] or None),
        "agency_hours": known.agency_hours(asked["category"] or None, route.agency),
    }


def _name(known: Rules, id_: str) -> str:
    if id_ == ANY:
        return "Mọi lĩnh vực"
    category = known.categories.get(id_)
    return category.name if category else f"Nhóm: {known.groups.get(id_, id_)}"


def _agency(known: Rules, id_: str) -> str:
    unit = known.agencies.get(id_)
    return unit.name if unit else known.agencies.patterns().get(id_, id_)


def routes() -> list[web.RouteDef]:
    return guarded(
        [web.get(HERE, show), web.post(HERE, add), web.post(f"{HERE}/remove", remove)], roles=CHIEFS
    )
