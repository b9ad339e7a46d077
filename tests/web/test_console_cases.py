"""A ticket's panel, its page and its forms over HTTP: every act of an operator, and what refuses it."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import ClientResponse

from handoff import acts
from handoff.acts import Actor
from hub.model import Attachment, Ticket
from hub.ports import Reach
from hub.store.sqlite import SqliteStore
from tests.conftest import FakeClock
from tests.fakes.channels import PaperChannel
from tests.handoff.cases import HEALTH, POWER, ms, text
from tests.web.console_hub import Browser, ConsoleHub, console_hub

POWER_CUT = "dien-mat-dien"
AGENCY = Actor(id=f"agency:{POWER}", kind="agency", agencies=(POWER,))


@pytest.fixture
async def hub(store: SqliteStore, tmp_path: Path) -> AsyncIterator[ConsoleHub]:
    async with console_hub(store, FakeClock(ms("2026-11-25T08:00")), tmp_path) as running:
        await running.person("lan", "Tổng đài viên Sen")
        await running.person("minh", "Tổng đài viên Súng")
        yield running


@pytest.fixture
async def lan(hub: ConsoleHub) -> Browser:
    return await hub.signed_in("lan")


async def reported(hub: ConsoleHub, what: str = "Mất điện ở ấp 3", who: str = "w-1", **wish: str) -> Ticket:
    message = await hub.citizen_says(what, who=who)
    return await hub.ticket(message.conversation, what, reason="report", **{"category": POWER_CUT} | wish)


async def form(browser: Browser, ticket: Ticket, act: str) -> dict[str, str]:
    """The hidden fields of a form as the page has them."""
    status, html = await browser.get(f"/console/tickets/{ticket.id}/do/{act}")
    assert status == 200, html
    part = html[html.index('<form class="form"') :]
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', part))


async def send(
    browser: Browser, ticket: Ticket, act: str, *, more: str = "", **fields: str
) -> ClientResponse:
    filled = await form(browser, ticket, act) | fields
    return await browser.post(f"/console/tickets/{ticket.id}/do/{act}", filled)


async def now(hub: ConsoleHub, ticket: Ticket) -> Ticket:
    found = await hub.store.ticket(ticket.id)
    assert found
    return found


async def words(browser: Browser, ticket: Ticket) -> str:
    """The ticket's page as a person reads it."""
    status, html = await browser.get(f"/console/tickets/{ticket.id}")
    assert status == 200
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


async def test_the_page_tells_everything_in_sentences(hub: ConsoleHub, lan: Browser) -> None:
    ticket = await reported(hub, "Mất điện cả xóm")
    assert (await send(lan, ticket, "classify", commune="phuong-my-tho", priority="urgent", place="Trước chợ", lat="10,36", lon="106.36")).status == 303  # fmt: skip
    assert (await send(lan, ticket, "forward", agency=POWER, note="Nhờ xử lý gấp")).status == 303
    read = await words(lan, ticket)
    assert "Mất điện cả xóm" in read
    assert "Phường Mỹ Tho" in read
    assert "Trước chợ 10.36, 106.36 (mở bản đồ)" in read
    assert "đổi mức ưu tiên từ cao thành khẩn" in read
    assert "ghi xã, phường: Phường Mỹ Tho" in read
    assert "Tổng đài viên Sen (bạn) chuyển phiếu cho Công ty Điện lực" in read
    assert "Nhờ xử lý gấp" in read
    assert "Hạn của cơ quan: 8 giờ, thứ Năm ngày 26/11/2026." in read
    assert "8 giờ làm việc, tính từ 8 giờ, thứ Tư ngày 25/11/2026" in read  # both clocks, explained
    assert "thứ Năm 26/11/2026; đếm" in read


async def test_the_panel_in_the_conversation_has_the_deadline_and_the_acts(
    hub: ConsoleHub, lan: Browser
) -> None:
    ticket = await reported(hub)
    _, html = await lan.get(f"/console/conversations/{ticket.conversation}?ticket={ticket.id}")
    panel = html[html.index('<aside id="panel"') :]
    for act in ("classify", "forward", "answer", "ask", "merge", "split", "link", "spam"):
        assert f"/console/tickets/{ticket.id}/do/{act}" in panel
    assert html.count(f"/console/tickets/{ticket.id}/do/close") == 1  # in the head
    assert "Nhận phiếu" not in panel, "the head of the conversation offers that"
    assert "Nhận phiếu" in await words(lan, ticket)
    assert "08:00 26/11/2026" in panel
    for gone in ("review", "reopen", "unmerge"):
        assert f"/do/{gone}" not in panel


async def test_a_double_click_does_it_once(hub: ConsoleHub, lan: Browser) -> None:
    ticket = await reported(hub)
    filled = await form(lan, ticket, "answer") | {"text": "Dạ đã có điện."}
    address = f"/console/tickets/{ticket.id}/do/answer"
    done = await asyncio.gather(*(lan.post(address, filled) for _ in range(2)))
    assert [one.status for one in done] == [303, 303]
    assert await hub.texts(ticket.conversation, "operator") == [f"Về phiếu {ticket.code}: Dạ đã có điện."]
    assert (await now(hub, ticket)).state == "answered"


async def test_nobody_undoes_what_a_colleague_has_just_done(hub: ConsoleHub, lan: Browser) -> None:
    ticket = await reported(hub)
    minh = await hub.signed_in("minh")
    filled = await form(lan, ticket, "classify") | {
        "category": "moi-truong-rac",
        "commune": "phuong-cao-lanh",
    }
    await send(minh, ticket, "classify", category="dien-hoa-don", commune="phuong-my-tho")
    async with lan.client.post(f"{hub.url}/console/tickets/{ticket.id}/do/classify", data=filled) as again:
        html = await again.text()
    assert again.status == 422
    assert "Phiếu vừa được người khác thay đổi" in html
    assert (await now(hub, ticket)).commune == "phuong-my-tho"
    # what was typed is still there, and sending it again after reading goes through
    assert '<option value="phuong-cao-lanh" selected>' in html
    assert (await now(hub, ticket)).category == "dien-hoa-don"


async def test_warnings_and_notes_of_others_are_no_reason_to_refuse(hub: ConsoleHub, lan: Browser) -> None:
    ticket = await reported(hub)
    filled = await form(lan, ticket, "forward") | {"agency": POWER}
    assert hub.hub.casework
    await hub.hub.casework.do(ticket.id, acts.Note(text="Đã gọi điện"), Actor(id="s-x", kind="staff"), "n")
    assert (await lan.post(f"/console/tickets/{ticket.id}/do/forward", filled)).status == 303
    assert (await now(hub, ticket)).agency == POWER


async def test_a_complaint_does_not_go_to_whom_it_is_about(hub: ConsoleHub, lan: Browser) -> None:
    message = await hub.citizen_says("Cán bộ hách dịch")
    ticket = await hub.ticket(
        message.conversation, "Cán bộ hách dịch", reason="complaint", category=POWER_CUT
    )
    assert (await send(lan, ticket, "forward", agency=POWER)).status == 422  # about whom is not known
    assert (await send(lan, ticket, "classify", about=POWER)).status == 303
    refused = await send(lan, ticket, "forward", agency=POWER)
    assert refused.status == 422
    assert "Không chuyển khiếu nại cho chính cơ quan bị phản ánh." in await refused.text()
    assert (await send(lan, ticket, "forward", agency=HEALTH)).status == 303


async def test_the_agency_is_proposed_with_the_reason(hub: ConsoleHub, lan: Browser) -> None:
    ticket = await reported(hub)
    _, html = await lan.get(f"/console/tickets/{ticket.id}/do/forward")
    assert f'<option value="{POWER}" selected>' in html
    assert "Theo bảng phân công." in html


async def test_review_sends_edited_words_and_files_or_declines(hub: ConsoleHub, lan: Browser) -> None:
    ticket = await reported(hub)
    await send(lan, ticket, "forward", agency=POWER)
    work = hub.hub.casework
    assert work
    blob = await hub.store.put_blob(b"%PDF-1.4 x", media_type="application/pdf", now=hub.clock.now())
    file = Attachment(type="file", name="bien-ban.pdf", blob=blob, media_type="application/pdf", size=10)
    await work.do(ticket.id, acts.Propose(kind="answer", text="Sẽ xong", attachments=(file,)), AGENCY, "1")
    assert "đã gửi câu trả lời, đang chờ duyệt" in await words(lan, ticket)
    assert (await send(lan, ticket, "review", decision="decline")).status == 422  # a reason is needed
    await send(lan, ticket, "review", decision="decline", reason="Cần ghi giờ cụ thể")
    again = await now(hub, ticket)
    assert (again.proposal, again.state, again.history[-1].note) == (None, "forwarded", "Cần ghi giờ cụ thể")
    assert (
        await hub.texts(ticket.conversation, "operator") != []
    )  # a note among colleagues, nothing to the citizen
    assert all(m.internal for m in await hub.store.messages(ticket.conversation) if m.author == "operator")
    await send(lan, ticket, "forward", agency=POWER)
    await work.do(
        ticket.id, acts.Propose(kind="answer", text="Xong lúc 10h", attachments=(file,)), AGENCY, "2"
    )
    await send(lan, ticket, "review", decision="send", text="Điện có lại lúc 10 giờ.")
    said = [
        m for m in await hub.store.messages(ticket.conversation) if m.author == "operator" and not m.internal
    ]
    assert [(m.text, len(m.attachments)) for m in said] == [
        (f"Về phiếu {ticket.code}: Điện có lại lúc 10 giờ.", 1)
    ]
    assert (await now(hub, ticket)).state == "answered"


async def test_an_agencys_question_stops_the_clock(hub: ConsoleHub, lan: Browser) -> None:
    ticket = await reported(hub)
    await send(lan, ticket, "forward", agency=POWER)
    assert hub.hub.casework
    await hub.hub.casework.do(ticket.id, acts.Propose(kind="question", text="Số điện kế?"), AGENCY, "1")
    await send(lan, ticket, "review", decision="send", text="Anh/chị cho biết số điện kế?")
    asked = await now(hub, ticket)
    assert (asked.state, asked.due_at) == ("waiting_citizen", None)
    assert "Đang tạm dừng" in await words(lan, ticket)


async def test_forty_reports_of_one_power_cut_become_one_case_and_all_are_told(
    hub: ConsoleHub, lan: Browser
) -> None:
    tickets = [await reported(hub, f"Mất điện ấp {n % 3} từ sáng", who=f"w-{n}") for n in range(40)]
    for ticket in tickets:
        assert hub.hub.casework
        await hub.hub.casework.do(
            ticket.id, acts.Classify(commune="phuong-my-tho"), Actor(id="s-x", kind="staff"), "c"
        )
    main = tickets[0]
    assert "39 phiếu khác cùng lĩnh vực, cùng xã, phường" in await words(lan, main)
    status, html = await lan.get(f"/console/tickets/{main.id}/do/merge")
    assert status == 200
    offered = re.findall(r'name="other" value="([\w-]+)"', html)
    assert len(offered) == 39
    assert "Giống" in html
    filled = [*(await form(lan, main, "merge")).items(), *(("other", id_) for id_ in offered)]
    async with lan.client.post(f"{hub.url}/console/tickets/{main.id}/do/merge", data=filled) as merged:
        assert merged.status == 200
        assert "Đã gộp vào phiếu này (39)" in await merged.text()
    assert "39 phiếu đã gộp cũng được báo" in (await lan.get(f"/console/tickets/{main.id}/do/close"))[1]
    await send(lan, main, "close", text="Đã sửa đường dây, có điện lúc 10 giờ.", tell="yes")
    assert await hub.hub.casework.tell_merged() == 39
    for ticket in tickets[1:]:
        told = await hub.texts(ticket.conversation, "operator")
        assert any("Đã sửa đường dây" in (one or "") for one in told)
        assert (await now(hub, ticket)).state == "closed"


async def test_unmerge_split_link_and_unlink(hub: ConsoleHub, lan: Browser) -> None:
    one, other = await reported(hub), await reported(hub, "Cũng mất điện", who="w-2")
    await send(lan, one, "merge", code=other.code)
    child = next(t for t in [await now(hub, one), await now(hub, other)] if t.merged_into)
    assert (await send(lan, child, "unmerge")).status == 303
    assert (await now(hub, child)).merged_into is None
    assert (await send(lan, one, "link", other="1022-2026-999999")).status == 422
    await send(lan, one, "link", other=other.code)
    assert other.id in (await now(hub, one)).related
    assert one.id in (await now(hub, other)).related
    assert f"liên kết với {other.code}" in await words(lan, one)
    await send(lan, one, "unlink", other=other.id)
    assert (await now(hub, one)).related == ()
    split = await send(lan, one, "split", text="Đường xấu", category="")
    second = await hub.store.ticket(split.headers["Location"].rpartition("/")[2])
    assert second
    assert (second.summary, second.conversation) == ("Đường xấu", one.conversation)


async def test_spam_reopen_close_release_and_ask(hub: ConsoleHub, lan: Browser) -> None:
    ticket = await reported(hub)
    me = await hub.store.staff_by_login("lan")
    assert me
    await send(lan, ticket, "assign", operator=me.id)
    assert (await now(hub, ticket)).operator == me.id
    await send(lan, ticket, "release")
    assert ((await now(hub, ticket)).operator, (await now(hub, ticket)).state) == (None, "new")
    await send(lan, ticket, "ask", text="Ấp mấy ạ?")
    assert (await now(hub, ticket)).state == "waiting_citizen"
    await send(lan, ticket, "spam")
    assert (await now(hub, ticket)).state == "spam"
    assert (await send(lan, ticket, "answer", text="Dạ")).status == 422
    assert (await send(lan, ticket, "reopen")).status == 422
    await send(lan, ticket, "reopen", text="Nhầm")
    assert (await now(hub, ticket)).state == "reopened"
    await send(lan, ticket, "close", text="Xong", tell="yes")
    message = (await hub.store.messages(ticket.conversation))[-1]
    assert "Xong" in (message.text or "")
    assert message.buttons[-1].payload == f"reopen:{ticket.id}"


async def test_transfer_moves_the_conversation_too(hub: ConsoleHub, lan: Browser) -> None:
    message = await hub.citizen_says("Cho gặp người")
    ticket = await hub.ticket(message.conversation)
    await lan.act(ticket.conversation, "take", ticket=ticket.id)
    minh = await hub.store.staff_by_login("minh")
    assert minh
    assert (await send(lan, ticket, "assign", operator=minh.id)).status == 303
    assert (await hub.conversation(ticket.conversation)).operator == minh.id
    assert (await send(lan, ticket, "assign", operator="s-nobody")).status == 422


async def test_nothing_is_sent_where_the_channel_is_closed(store: SqliteStore, tmp_path: Path) -> None:
    channel = PaperChannel(name="webchat", now_reached=Reach(staff=False, notice="Đã quá 7 ngày."))
    clock = FakeClock(ms("2026-11-25T08:00"))
    async with console_hub(store, clock, tmp_path, connectors={"webchat": channel}) as hub:
        await hub.person("lan", "Tổng đài viên Sen")
        lan = await hub.signed_in("lan")
        ticket = await reported(hub)
        refused = await send(lan, ticket, "answer", text="Dạ")
        assert refused.status == 422
        assert "Đã quá 7 ngày." in await refused.text()
        assert (await send(lan, ticket, "close", text="Xong")).status == 303  # without telling it may


async def test_a_form_that_comes_from_elsewhere_or_is_stale(hub: ConsoleHub, lan: Browser) -> None:
    ticket = await reported(hub)
    assert (await lan.post(f"/console/tickets/{ticket.id}/do/close", {"key": "x"})).status == 403
    assert (await lan.get("/console/tickets/k_nothing"))[0] == 404
    assert (await lan.get(f"/console/tickets/{ticket.id}/do/explode"))[0] == 404
    assert text((await now(hub, ticket)).due_at) == "2026-11-26 08:00"


async def test_the_operator_is_told_how_the_agency_hears_of_it(hub: ConsoleHub, lan: Browser) -> None:
    ticket = await reported(hub)
    await send(lan, ticket, "forward", agency=POWER)
    assert "Hệ thống chưa cài đặt email" in await words(lan, ticket)
    status, html = await lan.get(f"/console/tickets/{ticket.id}/link-for-agency")
    assert status == 200
    link = re.search(r"/case/[\w.-]+", html)
    assert link
    assert (await hub.browser().get(link[0]))[0] == 200
    await send(lan, ticket, "revoke")
    assert (await hub.browser().get(link[0]))[0] == 410
    await send(lan, ticket, "remind")
    assert {one.kind for one in await hub.store.notices(ticket.id)} == {"forwarded", "reminded"}


async def test_two_who_review_at_once_send_it_once(hub: ConsoleHub, lan: Browser) -> None:
    ticket = await reported(hub)
    await send(lan, ticket, "forward", agency=POWER)
    assert hub.hub.casework
    await hub.hub.casework.do(ticket.id, acts.Propose(kind="answer", text="Xong"), AGENCY, "1")
    minh = await hub.signed_in("minh")
    filled = [await form(one, ticket, "review") | {"decision": "send", "text": "Xong"} for one in (lan, minh)]
    address = f"/console/tickets/{ticket.id}/do/review"
    done = await asyncio.gather(lan.post(address, filled[0]), minh.post(address, filled[1]))
    assert sorted(one.status for one in done) == [303, 422]
    said = [
        m for m in await hub.store.messages(ticket.conversation) if m.author == "operator" and not m.internal
    ]
    assert len(said) == 1


async def test_nobody_answers_over_a_colleague_who_talks_with_the_citizen(
    hub: ConsoleHub, lan: Browser
) -> None:
    message = await hub.citizen_says("Cho gặp người")
    ticket = await hub.ticket(message.conversation)
    minh = await hub.signed_in("minh")
    await minh.act(ticket.conversation, "take", ticket=ticket.id)
    for act in ("answer", "ask"):
        refused = await send(lan, ticket, act, text="Dạ")
        assert refused.status == 422
        assert "Tổng đài viên Súng đang trò chuyện với người dân" in await refused.text()
    assert (await send(minh, ticket, "answer", text="Dạ")).status == 303
