"""Before writing: whether the channel is open, what else the citizen agreed to; and the register of consents."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from connectors.phone import normal_number
from hub.model import Ticket
from hub.ports import Reach
from hub.store.sqlite import SqliteStore
from tests.conftest import FakeClock
from tests.fakes.channels import PaperChannel
from tests.web.console_hub import Browser, ConsoleHub, console_hub

CLOSED = "Đã quá 48 giờ kể từ tin cuối của người dân."


@pytest.fixture
async def hub(store: SqliteStore, clock: FakeClock, tmp_path: Path) -> AsyncIterator[ConsoleHub]:
    async with console_hub(store, clock, tmp_path) as running:
        await running.person("lan", "Tổng đài viên Sen")
        yield running


@pytest.fixture
def window(hub: ConsoleHub) -> PaperChannel:
    channel = PaperChannel(name="webchat")
    hub.hub.connectors["webchat"] = channel
    return channel


@pytest.fixture
async def lan(hub: ConsoleHub) -> Browser:
    return await hub.signed_in("lan")


@pytest.fixture
async def ticket(hub: ConsoleHub) -> Ticket:
    message = await hub.citizen_says("Cứ gọi cho tôi số 0912 345 678 nhé")
    return await hub.ticket(message.conversation)


async def add(hub: ConsoleHub, lan: Browser, ticket: Ticket, **form: str) -> int:
    fields = {"csrf": await lan.token(), "key": "key-1", "channel": "phone", "address": "0912 345 678"} | form
    path = f"/console/conversations/{ticket.conversation}/consents"
    return (await lan.post(path, fields)).status


async def page(lan: Browser, ticket: Ticket) -> str:
    return (await lan.get(f"/console/conversations/{ticket.conversation}?ticket={ticket.id}"))[1]


# ---- reach


async def test_an_open_window_says_until_when(
    hub: ConsoleHub, lan: Browser, ticket: Ticket, window: PaperChannel
) -> None:
    window.now_reached = Reach(until=hub.clock.now() + 3_600_000)
    html = await page(lan, ticket)
    assert "trả lời được đến" in html
    assert "why-not" not in html


async def test_a_price_is_told_before_writing_and_writing_is_possible(
    lan: Browser, ticket: Ticket, window: PaperChannel
) -> None:
    window.now_reached = Reach(notice="Tin gửi lúc này có tính phí.")
    html = await page(lan, ticket)
    assert "Tin gửi lúc này có tính phí." in html
    assert "why-not" not in html
    assert "Người dân chưa đồng ý" not in html


async def test_a_closed_window_says_why_offers_other_channels_and_refuses(
    hub: ConsoleHub, lan: Browser, ticket: Ticket, window: PaperChannel
) -> None:
    window.now_reached = Reach(staff=False, bot=False, notice=CLOSED)
    html = await page(lan, ticket)
    assert f"Chưa gửi được: {CLOSED}" in html
    assert re.search(r'id="send"[^>]* disabled aria-describedby="why-not"', html)
    assert "Người dân chưa đồng ý nhận tin qua kênh nào khác." in html

    assert await add(hub, lan, ticket) == 303
    assert await add(hub, lan, ticket, key="key-2", channel="email", address="Dan@Example.VN ") == 303
    html = await page(lan, ticket)
    assert 'href="tel:0912345678"' in html
    assert f'href="mailto:dan%40example.vn?subject=%5B{ticket.code}%5D"' in html

    refused = await lan.act(ticket.conversation, "reply", ticket=ticket.id, text="Dạ")
    assert refused.status == 409
    assert CLOSED in await refused.text()
    assert await hub.texts(ticket.conversation, "operator") == [
        "Đã ghi nhận người dân đồng ý nhận tin qua Điện thoại: 0912345678",
        "Đã ghi nhận người dân đồng ý nhận tin qua Email: dan@example.vn",
    ]


async def test_a_window_that_closes_is_noticed_by_the_open_page(
    lan: Browser, ticket: Ticket, window: PaperChannel
) -> None:
    html = await page(lan, ticket)
    stamp = re.search(r'name="stamp" value="(\w+)"', html)
    assert stamp
    window.now_reached = Reach(staff=False, bot=False, notice=CLOSED)
    address = (
        f"/console/conversations/{ticket.conversation}/live?ticket={ticket.id}&after=99&stamp={stamp[1]}"
    )
    assert CLOSED in (await lan.get(address))[1]


# ---- the register


async def test_what_was_agreed_when_and_in_which_message(
    hub: ConsoleHub, lan: Browser, ticket: Ticket, clock: FakeClock
) -> None:
    (said,) = [m for m in await hub.store.messages(ticket.conversation) if m.author == "citizen"]
    clock.forward(60_000)
    assert await add(hub, lan, ticket, message=said.id) == 303
    (consent,) = await hub.store.consents(ticket.conversation)
    staff = await hub.store.staff_by_login("lan")
    assert staff
    assert (consent.channel, consent.address) == ("phone", "0912345678")
    assert (consent.agreed_at, consent.message, consent.recorded_by) == (said.at, said.id, staff.id)
    _, html = await lan.get(f"/console/conversations/{ticket.conversation}/consents")
    assert f"#m{said.seq}" in html
    assert "Tổng đài viên Sen" in html
    (note,) = [m for m in await hub.store.messages(ticket.conversation) if m.internal]
    assert (note.author_id, note.delivery) == (staff.id, None)


async def test_a_withdrawal_is_kept_and_ends_the_offer(
    hub: ConsoleHub, lan: Browser, ticket: Ticket, clock: FakeClock
) -> None:
    await add(hub, lan, ticket)
    (consent,) = await hub.store.consents(ticket.conversation)
    clock.forward(60_000)
    path = f"/console/conversations/{ticket.conversation}/consents/{consent.id}/withdraw"
    for _ in range(2):
        assert (await lan.post(path, {"csrf": await lan.token()})).status == 303
        clock.forward(60_000)
    (after,) = await hub.store.consents(ticket.conversation)
    assert after.withdrawn_at == consent.agreed_at + 60_000
    notes = await hub.texts(ticket.conversation, "operator")
    assert notes[1:] == ["Đã ghi nhận người dân rút lại đồng ý nhận tin qua Điện thoại: 0912345678"]
    assert "Chưa ghi nhận kênh nào." in await page(lan, ticket)

    assert await add(hub, lan, ticket) == 303  # the old form sent again brings nothing back
    assert await hub.store.consents(ticket.conversation) == [after]
    assert await add(hub, lan, ticket, key="key-2") == 303  # agreeing anew does
    assert len(await hub.store.consents(ticket.conversation)) == 2


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"address": "không nhớ"}, "Số điện thoại gồm"),
        ({"address": "  "}, "Vui lòng nhập số điện thoại"),
        ({"channel": "email", "address": "dan@"}, "Địa chỉ email chưa đúng."),
        ({"channel": "fax"}, "Vui lòng chọn kênh."),
        ({"message": "m_unknown"}, "không thuộc hội thoại này"),
    ],
)
async def test_what_is_wrong_is_said_and_what_was_typed_stays(
    hub: ConsoleHub, lan: Browser, ticket: Ticket, form: dict[str, str], words: str
) -> None:
    path = f"/console/conversations/{ticket.conversation}/consents"
    fields = {"csrf": await lan.token(), "key": "key-1", "channel": "phone", "address": "0912345678"} | form
    async with lan.client.post(lan.url + path, data=fields) as response:
        html = await response.text()
        assert response.status == 422
    assert words in html
    assert f'value="{fields["address"]}"' in html
    assert await hub.store.consents(ticket.conversation) == []


async def test_the_same_address_is_in_force_once(hub: ConsoleHub, lan: Browser, ticket: Ticket) -> None:
    assert await add(hub, lan, ticket) == 303
    assert await add(hub, lan, ticket, key="key-2", address="+84912345678") == 422
    assert len(await hub.store.consents(ticket.conversation)) == 1


async def test_a_form_without_its_token_changes_nothing(
    hub: ConsoleHub, lan: Browser, ticket: Ticket
) -> None:
    assert await add(hub, lan, ticket, csrf="wrong") == 403
    assert await hub.store.consents(ticket.conversation) == []


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("0912 345 678", "0912345678"),
        ("+84 (0)912-345.678", "0912345678"),
        ("0277 3898 989", "02773898989"),
        ("113", "113"),
        ("+1 202 555 0100", "0012025550100"),
        ("", None),
        ("12", None),
        ("gọi lại", None),
        ("٠٩١٢٣٤٥", None),
    ],
)
def test_numbers_are_kept_as_they_are_dialled(typed: str, number: str | None) -> None:
    assert normal_number(typed) == number
