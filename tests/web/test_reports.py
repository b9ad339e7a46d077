"""Reports: who may see them, what they say, the tickets behind a figure, the month as a workbook, the public page."""

import io
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from openpyxl import load_workbook

from handoff import acts
from handoff.acts import CITIZEN, Actor
from handoff.casework import Casework
from handoff.rules import product
from hub.model import Ticket
from hub.store.sqlite import SqliteStore
from tests.conftest import FakeClock
from tests.handoff.cases import HOUR, POWER, ms
from tests.web.console_hub import Browser, ConsoleHub, console_hub

NOVEMBER = "from=2026-11-01&to=2026-11-30"
LAN = Actor(id="s-lan", kind="staff")
AGENCY = Actor(id=f"agency:{POWER}", kind="agency", agencies=(POWER,))


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(ms("2026-11-16T08:00"))  # a Monday


@pytest.fixture
async def hub(store: SqliteStore, clock: FakeClock, tmp_path: Path) -> AsyncIterator[ConsoleHub]:
    async with console_hub(store, clock, tmp_path) as running:
        await running.person("hoa", "Trần Thị Hoa", role="supervisor")
        await running.person("lan", "Nguyễn Thị Lan")
        yield running


@pytest.fixture
async def boss(hub: ConsoleHub) -> Browser:
    return await hub.signed_in("hoa")


async def power_cut(hub: ConsoleHub, clock: FakeClock, *, late: bool, who: str) -> Ticket:
    """Forwarded at once, answered by the agency after 2 or 30 hours, closed, and rated."""
    casework = Casework(hub.store, clock, product, lambda turn, _: hub.store.commit_turn(turn))
    message = await hub.citizen_says("Mất điện", who)
    ticket = await hub.ticket(message.conversation, reason="report", category="dien-mat-dien")
    await casework.do(ticket.id, acts.Classify(commune="phuong-my-tho"), LAN, "1")
    await casework.do(ticket.id, acts.Forward(agency=POWER), LAN, "2")
    clock.forward((30 if late else 2) * HOUR)
    await casework.do(ticket.id, acts.Propose(kind="answer", text="Đã có điện"), AGENCY, "3")
    await casework.do(ticket.id, acts.Answer(), LAN, "4", text="Đã có điện")
    await casework.do(ticket.id, acts.Close(), LAN, "5")
    return await casework.do(ticket.id, acts.Rate(score=2 if late else 5), CITIZEN, "6")


async def test_only_those_who_watch_over_the_work_may_read_them(hub: ConsoleHub) -> None:
    paths = (
        "/console/reports",
        "/console/reports/tickets",
        "/console/reports/month",
        "/console/reports/month.xlsx",
    )
    lan = await hub.signed_in("lan")
    assert [(await lan.get(path))[0] for path in paths] == [403] * 4
    _, html = await hub.browser().get(paths[0])
    assert 'name="password"' in html


async def test_an_empty_time_is_no_error(boss: Browser) -> None:
    status, html = await boss.get("/console/reports?from=2026-01-01&to=2026-01-31")
    assert status == 200
    assert "Chưa có tin nào" in html
    status, html = await boss.get("/console/reports?from=2026-02-01&to=2026-01-31")
    assert status == 400
    assert "Khoảng ngày chưa đúng" in html


def cells(html: str, name: str) -> list[str]:
    """The cells of the row of this name, without tags."""
    row = next(row for row in re.findall(r"<tr.*?</tr>", html, re.DOTALL) if f">{name}</th>" in row)
    texts = [re.sub(r"<[^>]+>", "", cell).strip() for cell in re.findall(r"<td.*?</td>", row, re.DOTALL)]
    return [text.split()[0] if text else "" for text in texts]


async def test_the_figures_and_the_tickets_behind_them(hub: ConsoleHub, clock: FakeClock) -> None:
    on_time = await power_cut(hub, clock, late=False, who="w-1")
    late = await power_cut(hub, clock, late=True, who="w-2")
    asked = await hub.citizen_says("Khai sinh cần gì?", "w-3")
    await hub.bot_says(asked.conversation, "Cần tờ khai.")
    waits = await hub.ticket((await hub.citizen_says("Đèn hỏng", "w-4")).conversation, category="chieu-sang")
    clock.forward(30 * 24 * HOUR)
    boss = await hub.signed_in("hoa")
    status, html = await boss.get(f"/console/reports?{NOVEMBER}")
    assert status == 200
    assert cells(html, "Chat web")[1:] == ["4", "4", "1", "0", "3", "0", "0", "3"]
    assert cells(html, "Tiếp nhận trong kỳ") == ["3", "0"]
    assert [cells(html, name)[0] for name in ("– đúng hạn", "– trễ hạn", "– quá hạn")] == ["1", "1", "1"]
    assert cells(html, "Công ty Điện lực Đồng Tháp (EVNSPC)") == ["2", "1", "1", "50,0", "0", "0", "0", "0"]
    assert "trên 5 điểm, từ 2 đánh giá cho 2 phiếu đã đóng (100,0 % có đánh giá)" in html
    for query, codes in (
        ("what=overdue", [waits.code]),
        ("what=late", [late.code]),
        (f"what=agency&agency={POWER}&kind=on_time", [on_time.code]),
        (f"what=agency&agency={POWER}&kind=late", [late.code]),
        (f"what=agency&agency={POWER}&kind=overdue", []),
        ("what=unhappy", [late.code]),
        ("what=category&id=chieu-sang", [waits.code]),
        ("what=group&id=dien", [on_time.code, late.code]),
        ("what=commune&id=phuong-my-tho", [on_time.code, late.code]),
        ("what=commune&id=", [waits.code]),
    ):
        status, html = await boss.get(f"/console/reports/tickets?{NOVEMBER}&{query}")
        assert status == 200
        assert re.findall(r"1022-2026-\d{6}", html) == codes, query
    assert (await boss.get(f"/console/reports/tickets?{NOVEMBER}&what=x"))[0] == 404


async def test_the_month_as_a_page_and_as_a_workbook(hub: ConsoleHub, clock: FakeClock) -> None:
    await power_cut(hub, clock, late=False, who="w-1")
    clock.forward(30 * 24 * HOUR)
    boss = await hub.signed_in("hoa")
    status, html = await boss.get("/console/reports/month?month=2026-11")
    assert status == 200
    assert "tháng 11/2026" in html
    assert (await boss.get("/console/reports/month?month=2026-13"))[0] == 404
    async with boss.client.get(
        f"{boss.url}/console/reports/month.xlsx"
    ) as response:  # the month before this one
        assert response.headers["Content-Disposition"] == 'attachment; filename="bao-cao-1022-2026-11.xlsx"'
        sheet = load_workbook(io.BytesIO(await response.read())).active
    assert sheet is not None
    rows = [[value for value in row if value is not None] for row in sheet.iter_rows(values_only=True)]
    assert rows[0][0].endswith("tháng 11/2026")
    assert [1, "Điện", 1, 100] in rows
    assert ["1.1", "Mất điện, lịch cắt điện", 1, 100] in rows
    assert [1, "Công ty Điện lực Đồng Tháp (EVNSPC)", 1, 1, 0, 100, 0, 0, 0, 0] in rows
    assert ["Tồn kỳ trước chuyển sang", 0] in rows
    assert ["Điểm trung bình (1 đến 5)", 5] in rows


async def test_everybody_sees_sums_and_nobody_else(hub: ConsoleHub, clock: FakeClock) -> None:
    anyone = hub.browser()
    for n in range(6):
        ticket = await hub.ticket(
            (await hub.citizen_says("Đèn hỏng", f"w-{n}")).conversation, category="chieu-sang"
        )
    await hub.ticket((await hub.citizen_says("Ngập", "w-9")).conversation, category="dien-mat-dien")
    status, html = await anyone.get("/thong-ke?thang=2026-11")
    assert status == 200
    assert cells(html, "Còn lại")[-1] == "7", "6 and 1 would tell that there was one"
    for word in (ticket.code, "Điện</th>", "Đèn hỏng"):
        assert word not in html
    status, html = await anyone.get("/thong-ke?thang=2026-10")
    assert status == 200
    assert "dưới 5" in html
    assert (await anyone.get("/thong-ke?thang=2020-01"))[0] == 404
    await hub.ticket((await hub.citizen_says("Ngập", "w-10")).conversation, category="dien-mat-dien")
    assert cells((await anyone.get("/thong-ke?thang=2026-11"))[1], "Còn lại")[-1] == "7", (
        "counted once in a while"
    )
    clock.forward(11 * 60_000)
    assert cells((await anyone.get("/thong-ke?thang=2026-11"))[1], "Còn lại")[-1] == "8"
