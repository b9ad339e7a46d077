"""What a citizen sees of their ticket and does there: answers, score, opening again, a further word; and what four digits
of a phone do not show."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from connectors.form import FormConnector
from handoff import acts
from handoff.acts import Actor
from handoff.lifecycle import RATE_WITHIN_MS
from hub.model import Ticket
from hub.store.sqlite import SqliteStore
from hub.web.status import DIGITS_PER_CODE_PER_DAY, NO_REASON, NO_SCORE, PASS_MS, STALE
from tests.conftest import FakeClock
from tests.contract.builders import queue
from tests.handoff.cases import POWER, ms
from tests.web.console_hub import Browser, ConsoleHub, console_hub
from tests.web.test_petition import send

LAN = Actor(id="s-lan", kind="staff")
AGENCY = Actor(id=f"agency:{POWER}", kind="agency", agencies=(POWER,))


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(ms("2026-11-16T08:00"))


@pytest.fixture
async def hub(store: SqliteStore, clock: FakeClock, tmp_path: Path) -> AsyncIterator[ConsoleHub]:
    async with console_hub(store, clock, tmp_path, connectors={"form": FormConnector()}) as running:
        yield running


@pytest.fixture
async def ticket(hub: ConsoleHub) -> Ticket:
    """Sent with the form, phone 0912 345 678."""
    assert (await send(hub.browser()))[0] == 200
    ((ticket, _),) = await queue(hub.store, limit=9)
    return ticket


async def do(
    hub: ConsoleHub, ticket: Ticket, act: acts.Act, actor: Actor = LAN, text: str | None = None
) -> None:
    assert hub.hub.casework
    await hub.hub.casework.do(ticket.id, act, actor, f"{act!r}", text=text)


async def look_up(browser: Browser, ticket: Ticket, key: str) -> tuple[int, str]:
    async with browser.client.post(
        f"{browser.url}/status", data={"code": ticket.code, "key": key}
    ) as response:
        assert response.headers["Cache-Control"] == "no-store"
        return response.status, await response.text()


def hidden(html: str) -> dict[str, str]:
    """The fields the page's first form carries by itself."""
    return {name: re.findall(rf'name="{name}" value="([^"]+)"', html)[0] for name in ("pass", "act")}


async def post(browser: Browser, path: str, html: str, **fields: str) -> tuple[int, str]:
    async with browser.client.post(f"{browser.url}/status/{path}", data=hidden(html) | fields) as response:
        return response.status, await response.text()


async def now(hub: ConsoleHub, ticket: Ticket) -> Ticket:
    found = await hub.store.ticket(ticket.id)
    assert found is not None
    return found


async def test_how_it_went_and_what_was_answered(hub: ConsoleHub, ticket: Ticket) -> None:
    browser = hub.browser()
    _, html = await look_up(browser, ticket, ticket.lookup_key)
    assert "trả lời chậm nhất" in html
    assert "Tổng đài trả lời" not in html
    await do(hub, ticket, acts.Forward(agency=POWER, note="Gấp, nhà bà Tư"))
    await do(hub, ticket, acts.Propose(kind="answer", text="Mai sửa"), AGENCY)
    await do(hub, ticket, acts.Answer(), text="Đèn được thay ngày 17/11.")
    _, html = await look_up(browser, ticket, ticket.lookup_key.lower())
    assert "Công ty Điện lực Đồng Tháp" in html
    assert "Đèn được thay ngày 17/11." in html
    for private in ("bà Tư", "Mai sửa", "s-lan", ticket.lookup_key, "Trần Văn Tư", "0912"):
        assert private not in html, private


async def test_four_digits_of_the_phone_show_only_how_far_it_is(hub: ConsoleHub, ticket: Ticket) -> None:
    browser = hub.browser()
    await do(hub, ticket, acts.Close(), text="Đèn đã thay.")
    status, html = await look_up(browser, ticket, "5678")
    assert status == 200
    assert "đã hoàn tất" in html
    assert "Đèn đã thay." not in html
    assert 'name="pass"' not in html
    assert (await look_up(browser, ticket, "1234"))[0] == 404
    for _ in range(DIGITS_PER_CODE_PER_DAY - 2):
        await look_up(browser, ticket, "0000")
    assert (await look_up(browser, ticket, "5678"))[0] == 429
    assert (await look_up(browser, ticket, ticket.lookup_key))[0] == 200, "the key still opens it"


async def test_the_score_is_given_once_and_may_be_changed(
    hub: ConsoleHub, ticket: Ticket, clock: FakeClock
) -> None:
    browser = hub.browser()
    _, html = await look_up(browser, ticket, ticket.lookup_key)
    assert "Gửi đánh giá" not in html
    await do(hub, ticket, acts.Close(), text="Đèn đã thay.")
    _, html = await look_up(browser, ticket, ticket.lookup_key)
    assert (await post(browser, "rate", html))[0] == 422
    status, after = await post(browser, "rate", html, score="2", text="Chậm quá")
    assert status == 200
    assert "đã đánh giá 2/5" in after
    assert "Chậm quá" in after
    await post(browser, "rate", html, score="2", text="Chậm quá")
    assert (await now(hub, ticket)).history[-1].action == "rate"
    await post(browser, "rate", after, score="4")
    changed = await now(hub, ticket)
    assert changed.rating is not None
    assert (changed.rating.score, changed.rating.text) == (4, None)
    assert [event.action for event in changed.history][-2:] == ["rate", "rate"], (
        "the same form twice is one act"
    )
    clock.forward(RATE_WITHIN_MS + 1)
    _, html = await look_up(browser, ticket, ticket.lookup_key)
    assert "Gửi đánh giá" not in html


async def test_who_is_not_content_opens_it_again(hub: ConsoleHub, ticket: Ticket, clock: FakeClock) -> None:
    browser = hub.browser()
    await do(hub, ticket, acts.Close(), text="Đèn đã thay.")
    _, html = await look_up(browser, ticket, ticket.lookup_key)
    status, after = await post(browser, "reopen", html, text="  ")
    assert (status, NO_REASON in after) == (422, True)
    status, after = await post(browser, "reopen", html, text="Đèn vẫn chưa sáng")
    assert status == 200
    assert "đã mở lại" in after
    reopened = await now(hub, ticket)
    assert (reopened.state, reopened.history[-1].actor, reopened.history[-1].note) == (
        "reopened", "citizen", "Đèn vẫn chưa sáng",
    )  # fmt: skip
    assert (await post(browser, "rate", html, score="1"))[0] == 422, "it is not closed any more"


async def test_a_question_is_answered_on_the_page(hub: ConsoleHub, ticket: Ticket, clock: FakeClock) -> None:
    browser = hub.browser()
    await do(hub, ticket, acts.Ask(), text="Trụ đèn số mấy ạ?")
    _, html = await look_up(browser, ticket, ticket.lookup_key)
    assert "Trụ đèn số mấy" in html
    clock.forward(60_000)
    for _ in range(2):
        assert (await post(browser, "add", html, text="Trụ số 7"))[0] == 200
    said = [m.text for m in await hub.store.messages(ticket.conversation) if m.author == "citizen"]
    assert said[1:] == ["Trụ số 7"]
    assert hub.hub.casework
    assert await hub.hub.casework.hear_citizens() == 1
    assert (await hub.store.books(now=hub.clock.now(), grace_ms=60_000)).problems == ()


async def test_a_page_left_open_or_forged_does_nothing(
    hub: ConsoleHub, ticket: Ticket, clock: FakeClock
) -> None:
    browser = hub.browser()
    await do(hub, ticket, acts.Close(), text="Đèn đã thay.")
    _, html = await look_up(browser, ticket, ticket.lookup_key)
    clock.forward(PASS_MS + 1)
    status, after = await post(browser, "rate", html, score="1")
    assert (status, STALE in after) == (403, True)
    async with browser.client.post(
        f"{browser.url}/status/reopen", data={"pass": "x", "text": "y"}
    ) as response:
        assert response.status == 403
    assert (await now(hub, ticket)).rating is None
    assert NO_SCORE not in after
