"""The citizens' start page and the look-up of a ticket by its code and key."""

import hmac
import re
from typing import Any, NamedTuple

from aiohttp import web

from handoff.tickets import STATE_WORDS
from hub.errors import StoreError
from hub.model import Ticket, derived_id
from hub.web.channel_pages import head_tags
from hub.web.context import hub_of, storms_now
from hub.web.pages import render

HOUR_MS = 3600 * 1000
#: Right and wrong guesses alike. Wide by address, because a proxy or a mobile network makes one of many citizens;
#: by code, 100 an hour are nothing beside the values a key of six letters and digits may have.
PER_ADDRESS_PER_HOUR = 1_000
PER_CODE_PER_HOUR = 100

NOT_FOUND = "Không có phiếu nào khớp với mã phiếu và mã tra cứu này. Anh/chị vui lòng kiểm tra lại cả hai."
TOO_MANY = "Anh/chị đã tra cứu nhiều lần. Vui lòng thử lại sau một giờ, hoặc gọi (0277) 1022."
AWAY = "Hệ thống đang bận. Anh/chị vui lòng thử lại sau ít phút."


class Problem(NamedTuple):
    status: int
    text: str


def ticket_code(typed: str) -> str | None:
    """``1022-2026-000042`` however it was typed: with spaces, other dashes, or digits alone."""
    digits = re.sub(r"[\s\u2010-\u2015.\-/]", "", typed)
    if not re.fullmatch(r"1022[0-9]{10}", digits):
        return None
    return f"{digits[:4]}-{digits[4:8]}-{digits[8:]}"


def _key_fits(ticket: Ticket | None, typed: str) -> bool:
    key = re.sub(r"[\s\-]", "", typed).upper().encode()
    fits = hmac.compare_digest(key, ticket.lookup_key.upper().encode() if ticket else b"")
    return fits and ticket is not None


async def home(request: web.Request) -> web.StreamResponse:
    return _page(request, "home.html", meta=head_tags(hub_of(request).connectors), storms=storms_now(request))


async def status_form(request: web.Request) -> web.StreamResponse:
    return _page(request, "status.html", code=request.query.get("code", "")[:40])


async def look_up(request: web.Request) -> web.StreamResponse:
    form = await request.post()
    typed, key = str(form.get("code", "")).strip()[:40], str(form.get("key", ""))[:40]
    try:
        problem, ticket = await _look_up(request, ticket_code(typed), key)
    except StoreError:
        problem, ticket = Problem(503, AWAY), None
    if ticket is None:
        return _page(request, "status.html", code=typed, problem=problem)
    steps = [(event.at, STATE_WORDS[event.state]) for event in ticket.history]
    news = [step for n, step in enumerate(steps) if n == 0 or step[1] != steps[n - 1][1]]
    return _page(
        request, "status.html", code=ticket.code, ticket=ticket, now=STATE_WORDS[ticket.state], steps=news
    )


async def _look_up(request: web.Request, code: str | None, key: str) -> tuple[Problem | None, Ticket | None]:
    hub = hub_of(request)
    store, now = hub.store, hub.clock.now()
    # kept as a digest with the hub's secret: the store has no list of who looked something up from where
    address = derived_id("status", hub.settings.secret_key.get_secret_value(), request.remote or "")
    hits = await store.count_hit(address, now=now, window_ms=HOUR_MS)
    guesses = await store.count_hit(f"status:{code}", now=now, window_ms=HOUR_MS) if code else 0
    if hits > PER_ADDRESS_PER_HOUR or guesses > PER_CODE_PER_HOUR:
        return Problem(429, TOO_MANY), None
    ticket = await store.ticket_by_code(code) if code else None
    if _key_fits(ticket, key):
        return None, ticket
    return Problem(404, NOT_FOUND), None


def _page(
    request: web.Request, template: str, *, code: str = "", problem: Problem | None = None, **context: Any
) -> web.Response:
    status = problem.status if problem else 200
    return render(request, template, status=status, code=code, problem=problem, **context)


def routes() -> list[web.AbstractRouteDef]:
    return [web.get("/", home), web.get("/status", status_form), web.post("/status", look_up)]
