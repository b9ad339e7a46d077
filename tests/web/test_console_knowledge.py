"""Knowledge over HTTP: what is wrong is marked and gathered, an editor's change is live and can be undone, and nobody
sees or changes what is not theirs."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.knowledge import KnowledgeBase, seed_docs
from bot.review import question_key
from hub.model import KnowledgeDoc, ReviewItem
from hub.store.sqlite import SqliteStore
from hub.wiring import LiveKnowledge
from tests.conftest import FakeClock
from tests.contract.builders import review
from tests.web.console_hub import Browser, ConsoleHub, console_hub

ASKED = "Gắn bảng hiệu trước quán cơm cần xin ai"
TARGET = "dang-ky-ho-kinh-doanh"
ENTRY = f"/console/knowledge/procedure/{TARGET}"
#: An agency that a procedure of the product names.
OWN = next(doc.body["agency"] for doc in seed_docs() if doc.id == TARGET)
OTHERS = next(
    doc for doc in seed_docs() if doc.kind == "procedure" and doc.body["agency"] not in (OWN, "pattern")
)


@pytest.fixture(scope="module")
def learned() -> KnowledgeBase:
    return KnowledgeBase.build(seed_docs())


def some_docs() -> list[KnowledgeDoc]:
    """A few entries, so that a change is built in no time, and all they refer to."""
    docs = seed_docs()
    few = [doc for doc in docs if doc.kind == "procedure" and doc.id in (TARGET, OTHERS.id)]
    few += [doc for doc in docs if doc.kind == "procedure" and doc not in few][:10]
    few += [doc for doc in docs if doc.kind == "faq"][:5]
    return [*few, *(doc for doc in docs if doc.kind not in ("procedure", "faq"))]


@pytest.fixture
async def hub(
    store: SqliteStore, clock: FakeClock, tmp_path: Path, learned: KnowledgeBase
) -> AsyncIterator[ConsoleHub]:
    await store.put_knowledge(some_docs(), now=clock.now())
    live = LiveKnowledge(store, clock, like=learned)
    await live.load()
    async with console_hub(store, clock, tmp_path, knowledge=live) as running:
        yield running


@pytest.fixture
async def editor(hub: ConsoleHub) -> Browser:
    await hub.person("bien", "Biên tập viên", role="editor")
    return await hub.signed_in("bien")


@pytest.fixture
async def officer(hub: ConsoleHub) -> Browser:
    await hub.person("can", "Cán bộ đầu mối", role="officer", agencies=(OWN,))
    return await hub.signed_in("can")


async def form_at(browser: Browser, path: str, action: str = "") -> dict[str, str]:
    """What the first form of a page would send (the one that posts to ``action``)."""
    _, html = await browser.get(path)
    found = re.search(rf'<form[^>]*action="{re.escape(action or path)}".*?</form>', html, re.DOTALL)
    assert found, html
    inner = found[0]
    values = dict(re.findall(r'<input[^>]*?name="([^"]+)"[^>]*?value="([^"]*)"', inner))
    for name, attributes in re.findall(r'<input[^>]*?name="([^"]+)"([^>]*)', inner):
        if 'type="checkbox"' in attributes + inner[: inner.index(name)][-60:] and "checked" not in attributes:
            values.pop(name, None)
    values |= dict(re.findall(r'<textarea[^>]*?name="([^"]+)"[^>]*>([^<]*)</textarea>', inner))
    for name, options in re.findall(r'<select[^>]*?name="([^"]+)".*?>(.*?)</select>', inner, re.DOTALL):
        chosen = re.search(r'<option value="([^"]*)" selected', options)
        values[name] = chosen[1] if chosen else ""
    return {name: re.sub("&#39;", "'", re.sub("&#34;", '"', value)) for name, value in values.items()}


async def asked(hub: ConsoleHub, text: str = ASKED, who: str = "w-1") -> ReviewItem:
    said = await hub.citizen_says(text, who)
    item = review(
        f"i-{said.id}",
        said.conversation,
        text,
        key=question_key(text),
        answer="Em chưa có.",
        at=hub.clock.now(),
    )
    await hub.store.put_review(item)
    return item


# ---- in the conversation


async def test_an_operator_sees_the_entry_and_marks_its_answer_as_wrong(hub: ConsoleHub) -> None:
    said = await hub.citizen_says("Phí nhiêu, gọi lại em 0912345678")
    told = await hub.bot_says(said.conversation, "Lệ phí: 100.000 đồng", knowledge=(TARGET,))
    await hub.ticket(said.conversation)
    await hub.person("lan", "Chị Sen")
    lan = await hub.signed_in("lan")
    _, html = await lan.get(f"/console/conversations/{said.conversation}")
    assert "Đăng ký" in html
    assert f'href="{ENTRY}" title="Mục dữ liệu đã dùng để trả lời: {TARGET}"' in html
    assert "dữ liệu " in html
    answered = await lan.act(said.conversation, "wrong", message=told.id)
    assert "Đã đánh dấu sai" in await answered.text()
    await lan.act(said.conversation, "wrong", message=told.id, reason="Phí đã đổi, hỏi 0987654321")
    (item,) = await hub.store.reviews(limit=9)
    assert (item.reason, item.state, item.knowledge) == ("wrong", "open", (TARGET,))
    assert (item.question, item.note) == ("Phí nhiêu, gọi lại em [đã che]", "Phí đã đổi, hỏi [đã che]")
    _, html = await lan.get(f"/console/conversations/{said.conversation}")
    assert "Bỏ đánh dấu" in html
    _, html = await lan.get("/console/knowledge/review")
    assert "Phí nhiêu, gọi lại em [đã che]" in html
    assert "0912345678" not in html
    await lan.act(said.conversation, "wrong", message=told.id, undo="yes")
    assert await hub.store.review_groups("open", limit=9) == []


async def test_only_an_answer_of_the_bot_is_marked(hub: ConsoleHub) -> None:
    said = await hub.citizen_says("Xin chào")
    await hub.ticket(said.conversation)
    other = await hub.citizen_says("Xin chào", "w-2")
    await hub.person("lan", "Chị Sen")
    lan = await hub.signed_in("lan")
    assert (await lan.act(said.conversation, "wrong", message=said.id)).status == 409
    assert (await lan.act(said.conversation, "wrong", message=other.id)).status == 404
    assert await hub.store.reviews(limit=9) == []


# ---- the list and what is made of it


async def test_a_phrase_added_from_the_list_is_live_and_can_be_undone(
    hub: ConsoleHub, editor: Browser
) -> None:
    item = await asked(hub)
    await asked(hub, ASKED.upper(), "w-2")
    known = hub.hub.knowledge
    assert known().find(ASKED).id != TARGET
    page = f"/console/knowledge/review/{item.key}"
    form = await form_at(editor, page, f"{page}/phrase")
    form |= {"entry": f"procedure:{TARGET}", "phrase": ASKED}
    shown = await editor.post(f"{page}/preview", form, headers={"HX-Request": "true"})
    assert "Sau khi lưu" in await shown.text()
    assert await hub.store.knowledge_edits(limit=9) == []
    assert (await editor.post(f"{page}/phrase", form)).status == 303
    assert (await editor.post(f"{page}/phrase", form)).status == 303  # pressed twice
    assert known().find(ASKED).id == TARGET
    assert await hub.store.review_groups("open", limit=9) == []
    (edit,) = await hub.store.knowledge_edits(limit=9)
    _, html = await editor.get(ENTRY)
    assert ASKED in html
    assert f"/console/knowledge/edits/{edit.id}" in html

    back = await form_at(
        editor, f"/console/knowledge/edits/{edit.id}", f"/console/knowledge/edits/{edit.id}/undo"
    )
    assert (await editor.post(f"/console/knowledge/edits/{edit.id}/undo", back)).status == 303
    assert known().find(ASKED).id != TARGET
    assert len(await hub.store.knowledge_edits(limit=9)) == 2
    assert await hub.store.knowledge_entry("procedure", TARGET) == edit.before
    assert [group.count for group in await hub.store.review_groups("open", limit=9)] == [2]


async def test_equal_questions_stand_together_and_are_dismissed_together(
    hub: ConsoleHub, editor: Browser
) -> None:
    item = await asked(hub)
    await asked(hub, ASKED, "w-2")
    _, html = await editor.get("/console/knowledge/review")
    assert "2 lần" in html
    csrf = await editor.token()
    page = f"/console/knowledge/review/{item.key}"
    assert (await editor.post(f"{page}/settle", {"csrf": csrf, "state": "dismissed"})).status == 303
    _, html = await editor.get("/console/knowledge/review")
    assert "Không còn câu nào chờ xem lại" in html
    _, html = await editor.get("/console/knowledge/review?state=dismissed")
    assert ASKED in html
    await editor.post(f"{page}/settle", {"csrf": csrf, "state": "open"})
    assert len(await hub.store.review_groups("open", limit=9)) == 1


async def test_a_question_becomes_a_new_entry(hub: ConsoleHub, editor: Browser) -> None:
    item = await asked(hub, "Chợ đêm mở mấy giờ")
    path = f"/console/knowledge/new?item={item.key}"
    form = await form_at(editor, path, "/console/knowledge/new")
    assert (form["question"], form["item"]) == ("Chợ đêm mở mấy giờ", item.key)
    refused = await editor.post("/console/knowledge/new", form)
    assert refused.status == 422
    html = await refused.text()
    assert 'id="f-answer-fault"' in html
    assert 'id="f-category-fault"' in html
    assert 'id="f-source-fault"' in html
    category = next(iter(hub.hub.knowledge().entries.categories))
    form |= {"answer": "Câu trả lời thử.", "category": category, "source:don-vi-van-hanh": "yes"}
    tried = await editor.post("/console/knowledge/new/preview", form | {"asked": "chợ đêm mở mấy giờ vậy"})
    assert "Câu trả lời thử." in await tried.text()
    done = await editor.post("/console/knowledge/new", form)
    assert done.headers["Location"] == f"/console/knowledge/review/{item.key}"
    assert hub.hub.knowledge().find("chợ đêm mở mấy giờ vậy").id == "cho-dem-mo-may-gio"
    assert (await editor.get("/console/knowledge/faq/cho-dem-mo-may-gio"))[0] == 200
    (edit,) = await hub.store.knowledge_edits(limit=9)
    csrf = await editor.token()
    undone = await editor.post(f"/console/knowledge/edits/{edit.id}/undo", {"csrf": csrf, "key": "k"})
    assert undone.headers["Location"] == "/console/knowledge/history"
    assert (await editor.get("/console/knowledge/faq/cho-dem-mo-may-gio"))[0] == 404


async def test_a_question_becomes_an_example_that_is_taken_over_as_a_file(
    hub: ConsoleHub, editor: Browser
) -> None:
    item = await asked(hub, "tui gọi 0912345678 phí nhiêu")
    item = item.model_copy(update={"question": "tui gọi [đã che] phí nhiêu"})
    await hub.store.put_review(item)
    page = f"/console/knowledge/review/{item.key}"
    form = await form_at(editor, page, f"{page}/example")
    assert (await editor.post(f"{page}/example", form)).status == 422
    assert (await editor.post(f"{page}/example", form | {"intent": "ask_fee"})).status == 303
    _, text = await editor.get("/console/knowledge/training.yml")
    assert yaml.safe_load(text) == {
        "version": "3.1", "nlu": [{"intent": "ask_fee", "examples": "- tui gọi đã che phí nhiêu\n"}],
    }  # fmt: skip
    _, html = await editor.get("/console/knowledge/training")
    (example,) = re.findall(r"/training/([a-z0-9-]+)/remove", html)
    csrf = await editor.token()
    await editor.post(f"/console/knowledge/training/{example}/remove", {"csrf": csrf, "key": "k"})
    assert hub.hub.knowledge().entries.examples == {}


# ---- entries


async def test_entries_are_found_by_name_and_by_need_and_shown_as_citizens_get_them(editor: Browser) -> None:
    _, html = await editor.get("/console/knowledge?q=ho+kinh+doanh")
    assert f'href="{ENTRY}"' in html
    _, html = await editor.get(
        "/console/knowledge?q=m%C3%A1t+d%C3%A2y+kh%C3%B4ng+c%C3%B3+g%C3%AC+nh%C6%B0+v%E1%BA%ADy"
    )
    assert 'class="search"' in html
    status, html = await editor.get(ENTRY)
    assert status == 200
    for name in ("Nội dung", "Hồ sơ cần chuẩn bị", "Lệ phí", "Thời hạn giải quyết", "Nơi nộp hồ sơ"):
        assert f"<summary>{name} " in html
    assert "cách hỏi có sẵn trong sản phẩm" in html
    assert (await editor.get("/console/knowledge/procedure/khong-co"))[0] == 404
    _, html = await editor.get("/console/knowledge?show=unassigned")
    assert "chưa gán" in html


async def test_an_edit_is_live_at_once_and_a_form_that_is_late_is_refused(
    hub: ConsoleHub, editor: Browser
) -> None:
    form = await form_at(editor, f"{ENTRY}/edit")
    late = await form_at(editor, f"{ENTRY}/edit")
    nothing = await editor.post(f"{ENTRY}/edit", form)
    assert nothing.status == 422
    assert "Chưa có chỗ nào thay đổi" in await nothing.text()
    form |= {"review_by": "2026-01-01", "notes": "Lưu ý thử.", "note": "rà soát"}
    assert (await editor.post(f"{ENTRY}/edit", form)).status == 303
    answer = hub.hub.knowledge().answer(TARGET, "general").text
    assert "Lưu ý thử." in answer
    assert "đã quá hạn rà soát (ngày 01/01/2026)" in answer
    _, html = await editor.get("/console/knowledge?show=overdue")
    assert f'href="{ENTRY}"' in html
    refused = await editor.post(f"{ENTRY}/edit", late | {"notes": "Khác."})
    assert refused.status == 422
    assert "vừa được người khác thay đổi" in await refused.text()
    assert "Khác." in await refused.text()  # nothing typed is lost
    await hub.store.put_knowledge(some_docs(), now=hub.clock.now())  # the next start
    await hub.hub.reload_knowledge()
    assert "Lưu ý thử." in hub.hub.knowledge().answer(TARGET, "general").text


async def test_faults_stand_beside_their_fields(editor: Browser) -> None:
    form = await form_at(editor, f"{ENTRY}/edit")
    refused = await editor.post(f"{ENTRY}/edit", form | {"name": "", "fee_items": "miễn phí", "as_of": "qua"})
    html = await refused.text()
    assert refused.status == 422
    for name in ("name", "fee_items", "as_of"):
        assert f'id="f-{name}-fault"' in html
    assert ">miễn phí</textarea>" in html


# ---- officers and roles


async def test_an_officer_proposes_for_their_own_agency_and_an_editor_decides(
    hub: ConsoleHub, officer: Browser, editor: Browser
) -> None:
    form = await form_at(officer, f"{ENTRY}/edit")
    form |= {"notes": "Phí mới từ 01/01."}
    assert (await officer.post(f"{ENTRY}/edit", form)).status == 422  # without a reason
    sent = await officer.post(f"{ENTRY}/edit", form | {"note": "Nghị quyết mới"})
    assert sent.headers["Location"] == f"{ENTRY}?sent=proposed"
    (edit,) = await hub.store.knowledge_edits(limit=9)
    assert edit.state == "proposed"
    assert "Phí mới" not in hub.hub.knowledge().answer(TARGET, "general").text
    assert (await officer.get("/console/knowledge/proposals"))[1].count("Chờ duyệt") > 1
    assert 'Đề xuất <span class="count">1</span>' in (await editor.get("/console/knowledge"))[1]

    page = f"/console/knowledge/edits/{edit.id}"
    csrf = await editor.token()
    assert (await officer.post(f"{page}/approve", {"csrf": await officer.token()})).status == 403
    own = await form_at(editor, f"{ENTRY}/edit")  # meanwhile another field is edited
    await editor.post(f"{ENTRY}/edit", own | {"review_by": "2027-06-01"})
    assert (await editor.post(f"{page}/reject", {"csrf": csrf, "reason": " "})).status == 422
    assert (await editor.post(f"{page}/approve", {"csrf": csrf, "reason": "đúng"})).status == 303
    entry = await hub.store.knowledge_entry("procedure", TARGET)
    assert entry is not None
    assert (entry.body["notes"], entry.body["review_by"]) == ("Phí mới từ 01/01.", "2027-06-01")
    assert "Phí mới" in hub.hub.knowledge().answer(TARGET, "general").text
    _, html = await officer.get(page)
    assert "đúng" in html


async def test_a_proposal_overtaken_in_its_own_field_is_not_approved(
    hub: ConsoleHub, officer: Browser, editor: Browser
) -> None:
    form = await form_at(officer, f"{ENTRY}/edit")
    await officer.post(f"{ENTRY}/edit", form | {"notes": "Một", "note": "vì"})
    own = await form_at(editor, f"{ENTRY}/edit")
    await editor.post(f"{ENTRY}/edit", own | {"notes": "Hai"})
    (edit,) = await hub.store.knowledge_edits(state="proposed", limit=9)
    page = f"/console/knowledge/edits/{edit.id}"
    csrf = await editor.token()
    assert (await editor.post(f"{page}/approve", {"csrf": csrf})).status == 409
    assert (await editor.post(f"{page}/reject", {"csrf": csrf, "reason": "đã có bản mới"})).status == 303
    found = await hub.store.knowledge_edit(edit.id)
    assert found is not None
    assert (found.state, found.reason) == ("rejected", "đã có bản mới")


async def test_officers_see_their_own_agency_alone(hub: ConsoleHub, officer: Browser) -> None:
    item = await asked(hub)
    other = f"/console/knowledge/procedure/{OTHERS.id}"
    assert (await officer.get(ENTRY))[0] == 200
    for path in (
        other,
        f"{other}/edit",
        "/console/knowledge/review",
        f"/console/knowledge/review/{item.key}",
        "/console/knowledge/history",
        "/console/knowledge/training.yml",
        "/console/knowledge/new",
    ):
        assert (await officer.get(path))[0] == 403, path
    _, html = await officer.get("/console/knowledge")
    assert f'href="{ENTRY}"' in html
    assert OTHERS.id not in html


@pytest.mark.parametrize("role", ["operator", "supervisor"])
async def test_others_read_and_change_nothing(hub: ConsoleHub, role: Any) -> None:
    item = await asked(hub)
    await hub.person("xem", "Người xem", role=role)
    browser = await hub.signed_in("xem")
    page = f"/console/knowledge/review/{item.key}"
    for path in (
        "/console/knowledge",
        ENTRY,
        "/console/knowledge/review",
        page,
        "/console/knowledge/history",
    ):
        status, html = await browser.get(path)
        assert status == 200, path
        assert "Thêm và áp dụng" not in html
        assert "Sửa mục này" not in html
    csrf = await browser.token()
    assert (await browser.get(f"{ENTRY}/edit"))[0] == 403
    for path in (f"{ENTRY}/edit", f"{page}/phrase", f"{page}/settle", "/console/knowledge/new"):
        assert (await browser.post(path, {"csrf": csrf, "state": "done", "key": "k"})).status == 403, path
    assert await hub.store.knowledge_edits(limit=9) == []
    assert (await hub.store.reviews(limit=9))[0].state == "open"


async def test_what_an_erased_person_asked_is_gone_from_the_list(hub: ConsoleHub, editor: Browser) -> None:
    item = await asked(hub)
    await hub.store.erase_person(item.conversation, now=hub.clock.now())
    assert ASKED not in (await editor.get("/console/knowledge/review"))[1]
    assert (await editor.get(f"/console/knowledge/review/{item.key}"))[0] == 404
