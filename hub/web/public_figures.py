"""Figures for everybody: one month's sums, without anything by which somebody could be found."""

import asyncio
import datetime as dt
from typing import Final

from aiohttp import web

from handoff.reports.periods import Period, month_of, today
from handoff.reports.public import LEAST, Public, public
from hub.errors import StoreError
from hub.web.context import hub_of
from hub.web.pages import render
from hub.web.report_view import Names, number, work_duration
from hub.web.reports import figures_of
from hub.web.status import AWAY

KEEP_MS: Final = 10 * 60_000
MONTHS: Final = 13


class _Kept:
    """Months that were counted lately, so that the page costs the same however many look at it."""

    def __init__(self) -> None:
        self.months: dict[dt.date, tuple[int, Public]] = {}
        self.lock = asyncio.Lock()


_KEPT: web.AppKey[_Kept] = web.AppKey("public_figures", _Kept)


def _months(now: int) -> list[Period]:
    """This month and those before it, newest first."""
    found = [month_of(today(now))]
    while len(found) < MONTHS:
        found.append(found[-1].before())
    return found


async def figures_page(request: web.Request) -> web.StreamResponse:
    now = hub_of(request).clock.now()
    months = _months(now)
    wanted = request.query.get("thang") or f"{months[1].first:%Y-%m}"
    month = next((one for one in months if f"{one.first:%Y-%m}" == wanted), None)
    if month is None:
        raise web.HTTPNotFound(text="Chỉ có số liệu của 13 tháng gần đây.")
    try:
        found = await _counted(request, month, now)
    except StoreError:
        return render(
            request, "public_figures.html", status=503, months=months, month=month, found=None, problem=AWAY
        )
    response = render(
        request,
        "public_figures.html",
        months=months,
        month=month,
        found=found,
        problem=None,
        number=number,
        work_duration=work_duration,
        least=LEAST,
    )
    response.headers["Cache-Control"] = f"public, max-age={KEEP_MS // 1000}"
    return response


async def _counted(request: web.Request, month: Period, now: int) -> Public:
    hub, kept = hub_of(request), request.app[_KEPT]
    async with kept.lock:
        at, found = kept.months.get(month.first, (0, None))
        if found is None or now - at > KEEP_MS:
            names = Names(hub.rules(), hub)
            counted = await figures_of(hub, month)
            found = public(counted, names.channel, names.group, names.commune)
            kept.months[month.first] = (now, found)
    return found


def prepare(app: web.Application) -> None:
    app[_KEPT] = _Kept()


def routes() -> list[web.AbstractRouteDef]:
    return [web.get("/thong-ke", figures_page)]
