"""Reports for supervisors: the figures of any days beside those before, the tickets behind a figure, the month's report."""

import asyncio
import datetime as dt
from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from handoff.reports.figures import (
    Figures,
    Topic,
    figures,
    kind_of,
    legs_of,
    lives_of,
    overdue,
    pending,
    rated_in,
    settled_in,
    unanswered,
)
from handoff.reports.life import Leg, Life
from handoff.reports.monthly import monthly
from handoff.reports.periods import Period, month_of, offered, period_of, today
from handoff.reports.workbook import workbook
from hub.facts import Case
from hub.model import Role
from hub.web.auth import guarded, page
from hub.web.console_view import STATES
from hub.web.context import Hub, hub_of
from hub.web.report_view import Dashboard, Names, change, duration, number, percent, work_duration
from hub.web.trail import put_down

READERS: Final[tuple[Role, ...]] = ("supervisor", "admin")
LISTED: Final = 300
XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

NO_PERIOD: Final = "Khoảng ngày chưa đúng: chọn ngày bắt đầu trước ngày kết thúc, tối đa 366 ngày."
LEG_WORDS: Final = {
    "on_time": "trả lời đúng hạn",
    "late": "trả lời trễ hạn",
    "returned": "trả lại",
    "withdrawn": "thu hồi, chuyển nơi khác",
    "pending": "đang giải quyết, còn hạn",
    "overdue": "đang giải quyết, quá hạn",
}
#: A figure that is a part of another.
KINDS: Final = {"overdue": "pending"}
WHATS: Final = {
    "overdue": "Phiếu quá hạn chưa trả lời",
    "pending": "Phiếu chưa trả lời",
    "late": "Phiếu đã trả lời trễ hạn",
    "agency": "Phiếu chuyển cơ quan",
    "topic": "Câu hỏi bot chưa trả lời được",
    "group": "Phiếu mới theo nhóm lĩnh vực",
    "category": "Phiếu mới theo lĩnh vực",
    "commune": "Phiếu mới theo xã, phường",
    "unhappy": "Phiếu có đánh giá 1 hoặc 2 điểm",
}
HELPERS: Final[dict[str, Any]] = {
    "number": number, "percent": percent, "duration": duration, "work_duration": work_duration, "change": change,
}  # fmt: skip


async def figures_of(hub: Hub, period: Period) -> Figures:
    return (await _counted(hub, period))[0]


async def _counted(hub: Hub, period: Period) -> tuple[Figures, list[Case]]:
    """The figures, and the tickets they were counted from."""
    heard = await hub.store.heard(since=period.since, until=period.until)
    cases = await hub.store.cases(since=period.since, until=period.until)
    found = await asyncio.to_thread(figures, heard, cases, period, hub.rules(), hub.clock.now())
    return found, cases


def _asked(request: web.Request) -> tuple[Period, str | None]:
    """The period asked for, this month if none; and what is wrong with it."""
    hub, query = hub_of(request), request.query
    this_month = month_of(today(hub.clock.now()))
    if "from" not in query and "to" not in query:
        return this_month, None
    period = period_of(query.get("from", ""), query.get("to", ""))
    return (period, None) if period else (this_month, NO_PERIOD)


async def dashboard(request: web.Request) -> web.StreamResponse:
    hub = hub_of(request)
    period, problem = _asked(request)
    now, cases = await _counted(hub, period)
    before = await figures_of(hub, period.before())
    names = Names(hub.rules(), hub)
    late = overdue(lives_of(cases, now.end))
    return page(
        request,
        "console/reports.html",
        status=400 if problem else 200,
        view=Dashboard(now, before, names),
        period=period,
        before=before.period,
        offered=offered(hub.clock.now()),
        problem=problem,
        names=names,
        late=sorted(late, key=_due)[:10],
        late_total=len(late),
        legs=LEG_WORDS,
        states=STATES,
        end=now.end,
        **HELPERS,
    )


def _due(one: Life) -> tuple[int, str]:
    return one.case.due_at or 0, one.case.id


# ---- the tickets behind a figure ---------------------------------------------------------------------


async def tickets_page(request: web.Request) -> web.StreamResponse:
    hub, query = hub_of(request), request.query
    period, problem = _asked(request)
    what = query.get("what", "overdue")
    if problem or what not in WHATS:
        raise web.HTTPNotFound(text="Không có danh sách này.")
    rows = await _behind(hub, period, what, query)
    names = Names(hub.rules(), hub)
    title = WHATS[what]
    if what == "agency":
        title = f"{names.agency(query.get('agency', ''))}: {LEG_WORDS.get(query.get('kind', ''), 'tất cả')}"
    elif what in ("group", "category", "commune"):
        title = f"{title}: {getattr(names, what)(query.get('id') or None)}"
    elif what == "topic":
        title = names.topic(_topic(query.get("topic", "")))
    return page(
        request,
        "console/report_tickets.html",
        title=title,
        period=period,
        rows=rows[:LISTED],
        total=len(rows),
        names=names,
        legs=LEG_WORDS,
        states=STATES,
        kind_of=kind_of,
        end=min(period.until, hub.clock.now()),
        **HELPERS,
    )


async def _behind(
    hub: Hub, period: Period, what: str, query: Mapping[str, str]
) -> list[tuple[Life, Leg | None]]:
    cases = await hub.store.cases(since=period.since, until=period.until)
    lives = lives_of(cases, min(period.until, hub.clock.now() + 1))
    if what == "agency":
        agency, kind = query.get("agency", ""), query.get("kind", "")
        return [
            (one, leg)
            for one, leg in legs_of(lives, period)
            if leg.agency == agency and (not kind or kind in (kind_of(leg), KINDS.get(kind_of(leg))))
        ]
    if what == "topic":
        heard = await hub.store.heard(since=period.since, until=period.until)
        wanted = _topic(query.get("topic", ""))
        ids = {ticket for topic, ticket in unanswered(heard) if topic == wanted}
        found = [one for one in lives if one.case.id in ids]
    elif what in ("group", "category", "commune"):
        names, wanted_id = Names(hub.rules(), hub), query.get("id") or None
        found = [
            one
            for one in lives
            if one.case.created_at >= period.since
            and wanted_id
            == (names.group_of(one.case.category) if what == "group" else getattr(one.case, what))
        ]
    elif what == "unhappy":
        found = [one for one in rated_in(lives, period) if (one.case.score or 5) < 3]
    elif what == "late":
        found = [one for one in settled_in(lives, period) if one.late]
    else:
        found = overdue(lives) if what == "overdue" else pending(lives)
    return [(one, None) for one in sorted(found, key=_due)]


def _topic(typed: str) -> Topic:
    kind, subject, aspect = (*typed.split("|"), "", "", "")[:3]
    return Topic(kind, subject or None, aspect or None)


# ---- the month ---------------------------------------------------------------------------------------


def _month(request: web.Request) -> Period:
    now = hub_of(request).clock.now()
    typed = request.query.get("month", "")
    if not typed:
        return month_of(month_of(today(now)).first - dt.timedelta(days=1))
    try:
        return month_of(dt.date.fromisoformat(f"{typed}-01"))
    except ValueError:
        raise web.HTTPNotFound(text="Tháng chưa đúng, ví dụ 2026-11.") from None


async def month_page(request: web.Request) -> web.StreamResponse:
    hub, period = hub_of(request), _month(request)
    found = await figures_of(hub, period)
    report = monthly(found, Names(hub.rules(), hub), hub.clock.now())
    return page(
        request, "console/report_month.html", report=report, month=f"{period.first:%Y-%m}", number=number
    )


async def month_file(request: web.Request) -> web.StreamResponse:
    hub, period = hub_of(request), _month(request)
    found = await figures_of(hub, period)
    report = monthly(found, Names(hub.rules(), hub), hub.clock.now())
    data = await asyncio.to_thread(workbook, report)
    await put_down(request, "export.report", month=f"{period.first:%Y-%m}")
    name = f"bao-cao-1022-{period.first:%Y-%m}.xlsx"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return web.Response(body=data, content_type=XLSX, headers=headers)


def routes() -> list[web.RouteDef]:
    return guarded(
        [
            web.get("/console/reports", dashboard),
            web.get("/console/reports/tickets", tickets_page),
            web.get("/console/reports/month", month_page),
            web.get("/console/reports/month.xlsx", month_file),
        ],
        roles=READERS,
    )
