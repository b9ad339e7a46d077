"""The list of what needs a look: who sees what, why, and that it goes when it is dealt with."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from handoff import acts
from handoff.acts import Actor
from handoff.watch import Watch
from hub.model import Ticket
from hub.store.sqlite import SqliteStore
from tests.conftest import FakeClock
from tests.handoff.cases import POWER, ms
from tests.web.console_hub import ConsoleHub, console_hub
from tests.web.test_console_cases import reported

AGENCY = Actor(id=f"agency:{POWER}", kind="agency", agencies=(POWER,))
LAN = Actor(id="s-x", kind="staff")


@pytest.fixture
async def hub(store: SqliteStore, tmp_path: Path) -> AsyncIterator[ConsoleHub]:
    async with console_hub(store, FakeClock(ms("2026-11-25T08:00")), tmp_path) as running:
        await running.person("lan", "Tổng đài viên Sen")
        await running.person("minh", "Tổng đài viên Súng")
        await running.person("chi", "Giám sát Huệ", role="supervisor")
        yield running


async def watched(hub: ConsoleHub, at: str) -> None:
    """The scheduler looks at that time."""

    async def nothing(*_: str) -> None: ...

    hub.clock.forward(ms(at) - hub.clock.now())  # type: ignore[attr-defined]
    assert hub.hub.casework
    await Watch(hub.hub.casework, nothing, nothing).warn()


async def seen(hub: ConsoleHub, login: str) -> tuple[str, str]:
    """The bell and the page of somebody."""
    browser = await hub.signed_in(login)
    return (await browser.get("/console/notices/bell"))[1], (await browser.get("/console/notices"))[1]


async def do(hub: ConsoleHub, ticket: Ticket, act: acts.Act, actor: Actor = LAN) -> None:
    assert hub.hub.casework
    await hub.hub.casework.do(ticket.id, act, actor, f"{type(act).__name__}{hub.clock.now()}")


async def test_warnings_and_lateness_reach_the_operator_and_the_supervisor(hub: ConsoleHub) -> None:
    ticket = await reported(hub)
    lan = await hub.store.staff_by_login("lan")
    assert lan
    await do(hub, ticket, acts.Assign(operator=lan.id))
    assert "Không có phiếu nào cần chú ý" in (await seen(hub, "chi"))[1]
    await watched(hub, "2026-11-25T14:00")
    bell, listed = await seen(hub, "lan")
    assert 'class="count">1<' in bell
    assert "Đã qua 50% thời hạn" in listed
    assert ticket.code in listed
    assert ticket.code not in (await seen(hub, "minh"))[1], "it is not theirs"
    await watched(hub, "2026-11-26T08:01")
    for login in ("lan", "chi"):
        bell, listed = await seen(hub, login)
        assert "1 quá hạn" in bell
        assert "Quá hạn trả lời người dân" in listed
        assert "đã báo giám sát" in listed
    await do(hub, ticket, acts.Answer())
    assert "Không có phiếu nào cần chú ý" in (await seen(hub, "chi"))[1]


async def test_what_agencies_send_and_give_back(hub: ConsoleHub) -> None:
    one, other = await reported(hub), await reported(hub, who="w-2")
    for ticket in (one, other):
        await do(hub, ticket, acts.Forward(agency=POWER))
    await do(hub, one, acts.Propose(kind="answer", text="Xong"), AGENCY)
    await do(hub, other, acts.Return(reason="Không phải"), AGENCY)
    _, listed = await seen(hub, "minh")  # nobody has them: everybody sees them
    assert "chờ duyệt" in listed
    assert "Cơ quan trả lại phiếu" in listed


async def test_a_note_that_names_somebody_rings_for_them_until_they_have_looked(hub: ConsoleHub) -> None:
    ticket = await reported(hub)
    lan, minh = await hub.signed_in("lan"), await hub.signed_in("minh")
    text = "@Tổng đài viên Sen xem giúp nhé"
    assert (await minh.act(ticket.conversation, "note", ticket=ticket.id, text=text)).status == 200
    bell, listed = await seen(hub, "lan")
    assert "0 phiếu; 1 ghi chú nhắc đến bạn" in bell
    assert 'class="count">1<' in bell
    assert "Tổng đài viên Súng</b> nhắc đến bạn" in listed
    assert f'href="/console/conversations/{ticket.conversation}#m' in listed
    assert "nhắc đến bạn" not in (await seen(hub, "minh"))[1]
    await lan.get(f"/console/conversations/{ticket.conversation}")
    await lan.act(ticket.conversation, "read", after="9")
    bell, listed = await seen(hub, "lan")
    assert "nhắc đến bạn" not in bell + listed
