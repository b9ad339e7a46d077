"""Open311 GeoReport v2: what is reported and what becomes of it, as open data, and a way to hand in reports.

Nothing personal: no words of citizens, no place finer than the commune, and no sensitive cases at all.
https://wiki.open311.org/GeoReport_v2
"""

import datetime as dt
import json
from collections.abc import Awaitable, Callable
from typing import Any, Final
from xml.etree.ElementTree import Element, SubElement, tostring

from aiohttp import web
from aiohttp.typedefs import Handler
from pydantic import ValidationError

from handoff.routing import Category
from handoff.rules import Rules
from handoff.tickets import STATE_WORDS
from hub.clock import VIETNAM, local
from hub.errors import StoreError
from hub.model import OPEN_STATES, Ticket, TicketQuery, TicketState, derived_id
from hub.web.api.intake import take_in
from hub.web.api.problems import ApiError
from hub.web.api.schemas import NewTicket, updated_at
from hub.web.api.server import MAX_BODY_BYTES, authorized
from hub.web.api.tokens import ACTOR as TOKEN_ACTOR
from hub.web.api.tokens import address_of, paces_of
from hub.web.context import Hub, hub_of
from hub.web.status import ticket_code
from hub.web.trail import ACTOR

ROOT: Final = "/open311/v2"
JURISDICTION: Final = "dongthap.gov.vn"
SPAN: Final = dt.timedelta(days=90)  # as the standard says where no dates are given
MOST: Final = 1_000
FORMATS: Final = {"json": "application/json", "xml": "text/xml"}
STATES: Final[dict[str, tuple[TicketState, ...]]] = {
    "open": tuple(sorted(OPEN_STATES)),
    "closed": ("closed",),
}

#: What is answered: the name of the list in XML, of one entry of it, and the entries.
Answer = tuple[str, str, list[dict[str, Any]]]


class Missing(ApiError):
    """A parameter that is needed."""

    def __init__(self, name: str) -> None:
        super().__init__(400, f"{name} was not provided")


# ---- services --------------------------------------------------------------------------------------


def _services(rules: Rules) -> list[Category]:
    return [one for one in rules.categories.values() if not one.sensitive]


async def services(request: web.Request) -> Answer:
    rules = hub_of(request).rules()
    listed = [
        {
            "service_code": one.id,
            "service_name": one.name,
            "description": f"{one.name}. Trả lời trong {one.hours} giờ làm việc.",
            "metadata": True,
            "type": "realtime",
            "keywords": "",
            "group": rules.groups.get(one.group, one.group),
        }
        for one in _services(rules)
    ]
    return "services", "service", listed


async def definition(request: web.Request) -> Answer:
    rules, code = hub_of(request).rules(), request.match_info["code"]
    if code not in {one.id for one in _services(rules)}:
        raise ApiError(404, "service_code was not found")
    values = [{"key": id_, "name": name} for id_, name in rules.agencies.communes().items()]
    commune = {
        "variable": True,
        "code": "commune",
        "datatype": "singlevaluelist",
        "required": False,
        "datatype_description": "",
        "order": 1,
        "description": "Xã, phường nơi xảy ra",
        "values": values,
    }
    return "service_definition", "", [{"service_code": code, "attributes": [commune]}]


# ---- requests --------------------------------------------------------------------------------------


async def requests(request: web.Request) -> Answer:
    hub, asked = hub_of(request), request.query
    if asked.get("service_request_id"):
        codes = [one.strip() for one in asked["service_request_id"].split(",")[:50]]
        found = [one for code in codes if (one := await _public(hub, code))]
        return "service_requests", "request", [_shown(hub, one) for one in found]
    statuses = {one.strip() for one in asked.get("status", "open,closed").split(",")}
    if not statuses <= {"open", "closed"}:
        raise ApiError(400, "status is open or closed")
    since, until = _span(request)
    wanted = [one.strip() for one in asked["service_code"].split(",")] if asked.get("service_code") else None
    allowed = [one.id for one in _services(hub.rules()) if wanted is None or one.id in wanted]
    query = TicketQuery(
        states=tuple(state for status in sorted(statuses) for state in STATES[status]),
        categories=tuple(allowed),
        sensitive=False,
        merged=False,
        created_from=since,
        created_until=until + 1,
        order="newest",
    )
    listed = await hub.store.find_tickets(query, limit=MOST)
    return "service_requests", "request", [_shown(hub, one) for one in listed]


async def one_request(request: web.Request) -> Answer:
    hub = hub_of(request)
    found = await _public(hub, request.match_info["code"])
    if found is None:
        raise ApiError(404, "service_request_id was not found")
    return "service_requests", "request", [_shown(hub, found)]


async def hand_in(request: web.Request) -> Answer:
    """With an api_key whose scope is write. The same key, service, words and place again within the day is one report."""
    hub, form = hub_of(request), await _form(request)
    if not form.get("api_key"):
        raise Missing("api_key")
    token = await authorized(request, form["api_key"])
    if "write" not in token.scopes:
        raise ApiError(403, "this api_key may not hand in reports")
    request[ACTOR] = f"{TOKEN_ACTOR}{token.id}"
    for name in ("service_code", "description"):
        if not form.get(name):
            raise Missing(name)
    if form["service_code"] not in {one.id for one in _services(hub.rules())}:
        raise ApiError(404, "service_code was not found")
    if not form.get("address_string") and not (form.get("lat") and form.get("long")):
        raise Missing("lat and long, or address_string,")
    new = _report(form)
    parts = [new.model_dump_json(), local(hub.clock.now()).date().isoformat()]
    ticket = await take_in(hub, token, new, derived_id("open311", *parts))
    due = local(ticket.due_at).isoformat() if ticket.due_at is not None else ""
    notice = f"Mã tra cứu: {ticket.lookup_key}." + (f" Trả lời chậm nhất {due}." if due else "")
    made = {"service_request_id": ticket.code, "service_notice": notice, "account_id": None}
    return "service_requests", "request", [made]


def _report(form: dict[str, str]) -> NewTicket:
    name = " ".join(filter(None, (form.get("last_name"), form.get("first_name")))) or None
    fields = {
        "text": form["description"],
        "category": form["service_code"],
        "commune": form.get("attribute[commune]") or None,
        "place": form.get("address_string") or None,
        "lat": form.get("lat") or None,
        "lon": form.get("long") or None,
        "name": name,
        "phone": form.get("phone") or None,
        "email": form.get("email") or None,
    }
    try:
        return NewTicket.model_validate(fields)
    except ValidationError as error:
        wrong = sorted({str(one["loc"][0]) if one["loc"] else "form" for one in error.errors()})
        raise ApiError(400, f"these will not do: {', '.join(wrong)}") from None


async def _form(request: web.Request) -> dict[str, str]:
    if (request.content_length or 0) > MAX_BODY_BYTES or (
        request.body_exists and request.content_length is None
    ):
        raise ApiError(413, f"at most {MAX_BODY_BYTES} bytes")
    try:
        form = await request.post()
    except ValueError:  # a body that is no form
        raise ApiError(400, "send a form") from None
    return {name: value.strip() for name, value in form.items() if isinstance(value, str)}


async def _public(hub: Hub, typed: str) -> Ticket | None:
    code = ticket_code(typed)
    ticket = await hub.store.ticket_by_code(code) if code else None
    if ticket is None or ticket.sensitive or ticket.state == "spam":
        return None
    if ticket.merged_into is not None and (main := await hub.store.ticket(ticket.merged_into)):
        return None if main.sensitive else ticket
    return ticket


def _status(ticket: Ticket) -> str:
    return "open" if ticket.state in OPEN_STATES else "closed"


def _shown(hub: Hub, ticket: Ticket) -> dict[str, Any]:
    rules = hub.rules()
    category = rules.categories.get(ticket.category or "")
    unit = rules.agencies.get(ticket.agency or "")
    return {
        "service_request_id": ticket.code,
        "status": _status(ticket),
        "status_notes": STATE_WORDS[ticket.state],
        "service_name": category.name if category else "Chưa phân loại",
        "service_code": category.id if category else "",
        "description": None,  # citizens' own words may name them
        "agency_responsible": unit.name if unit else None,
        "service_notice": None,
        "requested_datetime": _time(ticket.created_at),
        "updated_datetime": _time(updated_at(ticket)),
        "expected_datetime": _time(ticket.due_at) if ticket.due_at is not None else None,
        "address": rules.agencies.communes().get(ticket.commune or ""),
        "address_id": ticket.commune,
        "zipcode": None,
        "lat": None,  # a house is a person
        "long": None,
        "media_url": None,
    }


def _time(at: int) -> str:
    return local(at).isoformat(timespec="seconds")


def _span(request: web.Request) -> tuple[int, int]:
    """From when to when reports were handed in; at most 90 days."""
    now = local(hub_of(request).clock.now())
    until = _moment(request, "end_date") or now
    since = _moment(request, "start_date") or until - SPAN
    since = max(since, until - SPAN)
    return int(since.timestamp() * 1000), int(until.timestamp() * 1000)


def _moment(request: web.Request, name: str) -> dt.datetime | None:
    text = request.query.get(name)
    if not text:
        return None
    try:
        moment = dt.datetime.fromisoformat(text.replace(" ", "+"))
        moment = moment if moment.tzinfo else moment.replace(tzinfo=VIETNAM)
        if not 2000 <= moment.year <= 2200:
            raise ValueError
    except ValueError:
        raise ApiError(400, f"{name} is not a date of ISO 8601") from None
    return moment


# ---- in and out ------------------------------------------------------------------------------------


def _served(run: Callable[[web.Request], Awaitable[Answer]], status: int = 200) -> Handler:
    async def serve(request: web.Request) -> web.StreamResponse:
        kind = request.match_info["format"]
        if not paces_of(request).readers.take(address_of(request)):
            return _refusal(kind, ApiError(429, "too many requests", headers={"Retry-After": "10"}))
        if request.query.get("jurisdiction_id", JURISDICTION) != JURISDICTION:
            return _refusal(kind, ApiError(404, "jurisdiction_id was not found"))
        try:
            outer, inner, found = await run(request)
        except ApiError as error:
            # the standard knows no 401: a key that is none is 403
            error.status = {401: 403, 422: 400}.get(error.status, error.status)
            return _refusal(kind, error)
        except StoreError:
            return _refusal(kind, ApiError(503, "try again later", headers={"Retry-After": "5"}))
        return _written(kind, outer, inner, found, status)

    return serve


def _refusal(kind: str, error: ApiError) -> web.Response:
    entry = {"code": error.status, "description": error.detail or ""}
    response = _written(kind, "errors", "error", [entry], error.status)
    response.headers.update(error.headers)
    return response


def _written(kind: str, outer: str, inner: str, found: list[dict[str, Any]], status: int) -> web.Response:
    if kind == "json":
        body = json.dumps(found if inner else found[0], ensure_ascii=False).encode()
    else:
        root = Element(outer)
        for one in found:
            _fill(SubElement(root, inner) if inner else root, one)
        body = tostring(root, encoding="utf-8", xml_declaration=True)
    headers = {"Cache-Control": "no-store", "Access-Control-Allow-Origin": "*"}
    return web.Response(
        status=status, body=body, content_type=FORMATS[kind], charset="utf-8", headers=headers
    )


_SINGULAR: Final = {"attributes": "attribute", "values": "value"}


def _fill(element: Element, fields: dict[str, Any]) -> None:
    for name, value in fields.items():
        child = SubElement(element, name)
        if isinstance(value, list):
            for one in value:
                _fill(SubElement(child, _SINGULAR[name]), one)
        elif value is not None:
            plain = str(value).lower() if isinstance(value, bool) else str(value)
            child.text = "".join(one for one in plain if one >= " " or one in "\n\t")


def routes() -> list[web.RouteDef]:
    kind = "{format:json|xml}"
    return [
        web.get(f"{ROOT}/services.{kind}", _served(services)),
        web.get(f"{ROOT}/services/{{code}}.{kind}", _served(definition)),
        web.get(f"{ROOT}/requests.{kind}", _served(requests)),
        web.post(f"{ROOT}/requests.{kind}", _served(hand_in, 201)),
        web.get(f"{ROOT}/requests/{{code}}.{kind}", _served(one_request)),
    ]
