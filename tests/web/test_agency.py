"""Agencies: officers with accounts and holders of links see their own case, what they need of it, and nothing else."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import FormData

from handoff import acts
from handoff.acts import Actor
from handoff.links import LIFE_MS
from handoff.rules import POLICIES, save
from hub.audit import AuditQuery
from hub.model import Ticket
from hub.ports import Reach
from hub.store.sqlite import SqliteStore
from tests.conftest import FakeClock
from tests.fakes.channels import PaperChannel
from tests.handoff.cases import HEALTH, POWER, ms
from tests.web.console_hub import Browser, ConsoleHub, console_hub

LAN = Actor(id="s-lan", kind="staff")
UBND = "dt-ubnd-xa@phuong-my-tho"


@pytest.fixture
async def hub(store: SqliteStore, tmp_path: Path) -> AsyncIterator[ConsoleHub]:
    async with console_hub(store, FakeClock(ms("2026-11-25T08:00")), tmp_path) as running:
        await running.person("tho", "Cán bộ Thơ", role="officer", agencies=(POWER, UBND))
        yield running


@pytest.fixture
async def tho(hub: ConsoleHub) -> Browser:
    return await hub.signed_in("tho")


async def do(
    hub: ConsoleHub, ticket: Ticket, act: acts.Act, key: str = "1", text: str | None = None
) -> Ticket:
    assert hub.hub.casework
    return await hub.hub.casework.do(ticket.id, act, LAN, key, text=text)


async def forwarded(
    hub: ConsoleHub, agency: str = POWER, *, who: str = "w-1", contact: bool = False
) -> Ticket:
    message = await hub.citizen_says("Mất điện ở ấp 3", who=who)
    ticket = await hub.ticket(
        message.conversation,
        "Mất điện ở ấp 3",
        reason="report",
        category="dien-mat-dien",
        details={"phone": "0900000001", "location": "Ấp 3"},
    )
    await do(hub, ticket, acts.Note(text="Ghi chú chỉ tổng đài đọc"), "0")
    return await do(hub, ticket, acts.Forward(agency=agency, note="Nhờ kiểm tra", contact=contact))


async def now(hub: ConsoleHub, ticket: Ticket) -> Ticket:
    found = await hub.store.ticket(ticket.id)
    assert found
    return found


async def send(browser: Browser, base: str, act: str, **fields: str) -> tuple[int, str]:
    """Fill in one of the forms of a case's page."""
    _, html = await browser.get(base)
    key = re.search(r'name="key" value="([^"]+)"', html)
    csrf = re.search(r'name="csrf" value="([^"]+)"', html)
    assert key, html
    form = {"key": key[1], **({"csrf": csrf[1]} if csrf else {}), **fields}
    async with browser.client.post(f"{browser.url}{base}/{act}", data=form) as response:
        return response.status, await response.text()


def link(hub: ConsoleHub, ticket: Ticket) -> str:
    assert hub.hub.links
    return f"/case/{hub.hub.links.make(ticket, hub.clock.now())}"


# ---- accounts


async def test_an_officer_sees_the_cases_of_their_agencies_only(hub: ConsoleHub, tho: Browser) -> None:
    mine, communes = await forwarded(hub), await forwarded(hub, UBND, who="w-2")
    other = await forwarded(hub, HEALTH, who="w-3")
    _, html = await tho.get("/console/agency")
    assert mine.code in html
    assert communes.code in html
    assert other.code not in html
    assert "Cần xử lý (2)" in html
    assert mine.code not in (await tho.get(f"/console/agency?agency={UBND}"))[1]
    assert mine.code in (await tho.get("/console/agency?q=mat+dien+ap+3"))[1]
    assert mine.code not in (await tho.get("/console/agency?q=cau+duong"))[1]
    assert "Hạn 08:00 26/11/2026" in html
    assert (await tho.get(f"/console/agency/cases/{other.id}"))[0] == 403
    await do(hub, mine, acts.Forward(agency=HEALTH), "2")  # it goes elsewhere
    assert (await tho.get(f"/console/agency/cases/{mine.id}"))[0] == 403


async def test_what_an_agency_reads_of_a_case(hub: ConsoleHub, tho: Browser) -> None:
    ticket = await forwarded(hub)
    for base in (f"/console/agency/cases/{ticket.id}", link(hub, ticket)):
        status, html = await tho.get(base)
        assert status == 200
        assert "Mất điện ở ấp 3" in html
        assert "Nhờ kiểm tra" in html
        assert "Ấp 3" in html
        assert "0900000001" not in html, "nobody said that the agency needs it"
        assert "Ghi chú chỉ tổng đài đọc" not in html
        assert ticket.lookup_key not in html
        assert "Tổng đài 1022</b> chuyển phiếu cho" in html
    told = await forwarded(hub, who="w-2", contact=True)
    assert "0900000001" in (await tho.get(f"/console/agency/cases/{told.id}"))[1]


async def test_accept_answer_with_a_file_ask_and_return(hub: ConsoleHub, tho: Browser) -> None:
    ticket = await forwarded(hub)
    base = f"/console/agency/cases/{ticket.id}"
    assert (await send(tho, base, "accept"))[0] == 200
    assert "Cơ quan đã tiếp nhận" in (await tho.get(base))[1]
    assert (await send(tho, base, "return", text=" "))[0] == 422
    assert (await send(tho, base, "ask", text="Số điện kế?"))[0] == 200
    assert (await now(hub, ticket)).proposal is not None
    await do(hub, ticket, acts.Ask(), "ask", "Số điện kế?")
    assert "Đang chờ người dân trả lời" in (await tho.get(base))[1]
    hub.clock.forward(60_000)  # type: ignore[attr-defined]
    await hub.citizen_says("Số 12345 nhé")
    assert hub.hub.casework
    assert await hub.hub.casework.hear_citizens() == 1
    assert "Số 12345 nhé" in (await tho.get(base))[1]
    _, html = await tho.get(base)
    form = FormData()
    for name in ("csrf", "key"):
        found = re.search(rf'name="{name}" value="([^"]+)"', html)
        assert found
        form.add_field(name, found[1])
    form.add_field("text", "Đã có điện.")
    form.add_field("file", b"%PDF-1.4 bien ban", filename="bien-ban.pdf", content_type="application/pdf")
    async with tho.client.post(hub.url + base + "/answer", data=form) as response:
        assert response.status == 200
        assert "Đã gửi câu trả lời" in await response.text()
    proposal = (await now(hub, ticket)).proposal
    assert proposal
    assert (proposal.text, proposal.attachments[0].name) == ("Đã có điện.", "bien-ban.pdf")
    status, html = await send_again(tho, base, "answer")
    assert (status, "Lần nữa" in html) == (
        422,
        True,
    )  # it is not the agency's turn, and nothing typed is lost
    await do(hub, ticket, acts.Answer(), "said", f"Về phiếu {ticket.code}: Điện đã có lại.")
    assert "Điện đã có lại." in (await tho.get(base))[1]


async def send_again(browser: Browser, base: str, act: str) -> tuple[int, str]:
    form = {"key": "k", "csrf": await browser.token(), "text": "Lần nữa"}
    async with browser.client.post(f"{browser.url}{base}/{act}", data=form) as response:
        return response.status, await response.text()


async def test_without_review_it_goes_straight_to_the_citizen_unless_they_cannot_be_written_to(
    store: SqliteStore, tmp_path: Path
) -> None:
    channel, clock = PaperChannel(name="webchat"), FakeClock(ms("2026-11-25T08:00"))
    await save(store, POLICIES, {POWER: {"review": False}}, now=clock.now())
    async with console_hub(store, clock, tmp_path, connectors={"webchat": channel}) as hub:
        await hub.hub.reload_rules()
        for open_, kept in ((True, False), (False, True)):
            channel.now_reached = Reach(staff=open_)
            ticket = await forwarded(hub, who=f"w-{open_}")
            assert (await send(hub.browser(), link(hub, ticket), "answer", text="Đã có điện."))[0] == 200
            assert ((await now(hub, ticket)).proposal is not None) == kept
            said = [m for m in await hub.store.messages(ticket.conversation) if m.author == "operator"]
            assert [m.internal for m in said] == [kept]


# ---- links


async def test_the_page_behind_a_link_is_kept_nowhere(hub: ConsoleHub) -> None:
    ticket = await forwarded(hub)
    stranger = hub.browser()
    async with stranger.client.get(hub.url + link(hub, ticket)) as response:
        assert response.status == 200
        assert response.headers["Cache-Control"] == "no-store"
        assert response.headers["Referrer-Policy"] == "no-referrer"
        assert "noindex" in response.headers["X-Robots-Tag"]
        assert "Set-Cookie" not in response.headers


async def test_answering_by_link_ends_the_link(hub: ConsoleHub, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    ticket, stranger = await forwarded(hub), hub.browser()
    base = link(hub, ticket)
    status, html = await send(stranger, base, "accept")
    assert (status, "Đã ghi nhận cơ quan tiếp nhận" in html) == (200, True)
    status, html = await send(stranger, base, "answer", text="Đã có điện lúc 10 giờ.")
    assert (status, "Đã gửi câu trả lời tới Tổng đài 1022" in html) == (200, True)
    after = await now(hub, ticket)
    assert after.proposal
    assert (after.proposal.text, after.proposal.by) == ("Đã có điện lúc 10 giờ.", f"agency:{POWER}")
    status, html = await stranger.get(base)
    assert (status, "Cơ quan đã trả lời phiếu này" in html) == (410, True)
    assert "Mất điện" not in html
    async with stranger.client.post(hub.url + base + "/answer", data={"key": "x", "text": "Nữa"}) as again:
        assert again.status == 410
    assert base.rpartition("/")[2] not in caplog.text


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (acts.Revoke(), "đã được thay"),
        (acts.Forward(agency=HEALTH), "đã được chuyển"),
        (acts.Close(), "giải quyết xong"),
        (acts.Merge(into="k-2", into_due_at=1, into_state="new"), "đã gộp"),
    ],
)
async def test_a_link_that_has_ended_says_why_and_nothing_else(
    hub: ConsoleHub, act: acts.Act, words: str
) -> None:
    ticket = await forwarded(hub)
    base = link(hub, ticket)
    await do(hub, ticket, act, "end")
    status, html = await hub.browser().get(base)
    assert (status, words in html, "Mất điện" in html) == (410, True, False)


async def test_a_case_whose_citizen_was_erased_is_closed_to_its_link(hub: ConsoleHub) -> None:
    ticket = await forwarded(hub)
    base = link(hub, ticket)
    assert await hub.store.erase_person(ticket.conversation, now=hub.clock.now())
    status, html = await hub.browser().get(base)
    assert (status, "giải quyết xong" in html) == (410, True)


async def test_returned_expired_and_forged_links(hub: ConsoleHub) -> None:
    ticket, stranger = await forwarded(hub), hub.browser()
    base = link(hub, ticket)
    assert (await send(stranger, base, "return", text="Của Sở Y tế"))[0] == 200
    assert (await now(hub, ticket)).state == "returned"
    assert "đã trả lại phiếu" in (await stranger.get(base))[1]
    late = await forwarded(hub, who="w-2")
    base = link(hub, late)
    hub.clock.forward(LIFE_MS)  # type: ignore[attr-defined]
    assert "quá hạn" in (await stranger.get(base))[1]
    assert (await stranger.get(base[:-3] + "abc"))[0] == 404


async def test_files_of_the_case_and_no_others_by_link(hub: ConsoleHub) -> None:
    ticket, other = await forwarded(hub), await forwarded(hub, who="w-2")
    message = (await hub.store.messages(other.conversation))[0]
    status, _ = await hub.browser().get(f"{link(hub, ticket)}/files/{message.id}/0")
    assert status == 404


async def test_who_looks_at_a_sensitive_case_leaves_a_trace(hub: ConsoleHub, tho: Browser) -> None:
    ticket = await forwarded(hub)
    await tho.get(f"/console/agency/cases/{ticket.id}")
    ticket = await do(hub, ticket, acts.Classify(sensitive=True))
    officer = await hub.store.staff_by_login("tho")
    assert officer
    for _ in range(2):
        assert (await tho.get(f"/console/agency/cases/{ticket.id}"))[0] == 200
        assert (await hub.browser().get(link(hub, ticket)))[0] == 200
    seen = await hub.store.audit(AuditQuery(action="ticket.viewed"), limit=9)
    assert {(one.actor, one.target) for one in seen} == {
        (officer.id, ticket.id),
        (f"agency:{POWER}", ticket.id),
    }
    assert len(seen) == 2
