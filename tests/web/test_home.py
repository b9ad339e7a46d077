"""The start page and the look-up of tickets."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import ClientSession

from handoff.tickets import STATE_WORDS
from hub.errors import StoreUnavailable
from hub.model import Ticket, TicketEvent, TicketState
from hub.web.pages import STATIC
from hub.web.status import NOT_FOUND, PER_CODE_PER_HOUR, TOO_MANY, ticket_code
from tests.web.chat_hub import ChatHub, HandClock, chat_hub, open_tab

CODE, KEY = "1022-2026-000042", "K7M2QX"


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def hub(tmp_path: Path, clock: HandClock) -> AsyncIterator[ChatHub]:
    async with chat_hub(tmp_path, clock) as running:
        yield running


async def put_ticket(hub: ChatHub, state: TicketState = "forwarded") -> None:
    at = hub.hub.clock.now()
    async with open_tab(hub) as tab:
        await tab.say("11112222-3333", "Đèn đường hỏng")
        conversation = tab.conversation
        ticket = Ticket(
            id="k_1",
            code=CODE,
            lookup_key=KEY,
            conversation=conversation,
            state=state,
            reason="report",
            summary="Đèn đường hỏng trước nhà bà Tư",
            created_at=at,
            history=(
                TicketEvent(at=at, actor="bot", state="new"),
                TicketEvent(at=at + 60_000, actor="s_lan", state="forwarded", note="gọi lại cho bà Tư"),
            ),
        )
        await hub.reply(conversation, f"Mã phiếu {CODE}", ticket=ticket, handles=1, owner="human")


async def look_up(hub: ChatHub, code: str, key: str) -> tuple[int, str]:
    async with (
        ClientSession() as client,
        client.post(f"{hub.url}/status", data={"code": code, "key": key}) as response,
    ):
        return response.status, await response.text()


async def test_the_start_page_opens_the_chat_and_says_only_what_is_known(hub: ChatHub) -> None:
    async with ClientSession() as client, client.get(f"{hub.url}/") as response:
        text = await response.text()
    assert response.status == 200
    assert "data-chat=" in text
    assert 'action="/status"' in text
    assert "(0277) 1022" in text
    assert "1022@dongthap.gov.vn" in text


@pytest.mark.parametrize("code", [CODE, "1022 2026 000042", "10222026000042", "1022–2026–000042"])
@pytest.mark.parametrize("key", [KEY, "k7m2qx", " K7M-2QX "])
async def test_code_and_key_show_the_state(hub: ChatHub, code: str, key: str) -> None:
    await put_ticket(hub)
    status, text = await look_up(hub, code, key)
    assert status == 200
    assert STATE_WORDS["forwarded"] in text
    assert STATE_WORDS["new"] in text


async def test_nothing_private_is_shown(hub: ChatHub) -> None:
    await put_ticket(hub)
    _, text = await look_up(hub, CODE, KEY)
    assert "bà Tư" not in text
    assert "s_lan" not in text
    assert KEY not in text


@pytest.mark.parametrize(
    ("code", "key"), [(CODE, "K7M2QQ"), ("1022-2026-000043", KEY), ("nonsense", KEY), (CODE, ""), ("", "")]
)
async def test_wrong_code_and_wrong_key_look_the_same(hub: ChatHub, code: str, key: str) -> None:
    await put_ticket(hub)
    status, text = await look_up(hub, code, key)
    assert (status, NOT_FOUND in text) == (404, True)
    assert STATE_WORDS["forwarded"] not in text


async def test_what_was_typed_is_shown_as_text(hub: ChatHub) -> None:
    _, text = await look_up(hub, '"><script>alert(1)</script>', "x")
    assert "<script>alert" not in text


async def test_a_link_from_the_chat_fills_in_the_code(hub: ChatHub) -> None:
    async with ClientSession() as client, client.get(f"{hub.url}/status", params={"code": CODE}) as response:
        assert f'value="{CODE}"' in await response.text()


async def test_guessing_is_stopped_by_code_and_by_address(
    hub: ChatHub, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.web.status.PER_ADDRESS_PER_HOUR", limit := 120)
    await put_ticket(hub)
    for _ in range(PER_CODE_PER_HOUR):
        assert (await look_up(hub, CODE, "AAAAAA"))[0] == 404
    status, text = await look_up(hub, CODE, KEY)
    assert (status, TOO_MANY in text) == (429, True)
    for n in range(limit - PER_CODE_PER_HOUR - 1):
        assert (await look_up(hub, f"1022-2026-{n + 100:06}", KEY))[0] == 404
    assert (await look_up(hub, "1022-2026-999999", KEY))[0] == 429
    clock.move(3601)
    assert (await look_up(hub, CODE, KEY))[0] == 200


async def test_a_store_that_is_away_says_so(hub: ChatHub, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(key: str, *, now: int, window_ms: int) -> int:
        raise StoreUnavailable("locked")

    monkeypatch.setattr(hub.store, "count_hit", away)
    status, text = await look_up(hub, CODE, KEY)
    assert status == 503
    assert "đang bận" in text


def luminance(colour: str) -> float:
    if len(colour) == 4:
        colour = "#" + "".join(c * 2 for c in colour[1:])
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_words_stand_out_from_what_is_behind_them(scheme: int) -> None:
    """WCAG 2.2 AA: 4.5 : 1 for text, 3 : 1 for the edges of fields."""
    blocks = re.findall(r":root \{(.*?)\}", (STATIC / "chat" / "site.css").read_text(), re.DOTALL)
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{3,6});", blocks[scheme])) | {"white": "#ffffff"}
    pairs = [
        *((ink, ground, 4.5) for ink in ("ink", "muted") for ground in ("bg", "surface", "soft", "theirs")),
        *((ink, "surface", 4.5) for ink in ("brand", "link", "accent")),
        *((ink, "theirs", 4.5) for ink in ("link", "muted")),
        ("link", "accent-soft", 4.5),
        ("ink", "accent-soft", 4.5),
        ("ink", "brand-soft", 4.5),
        ("muted", "brand-soft", 4.5),
        ("on-brand", "brand", 4.5),
        ("white", "mine", 4.5),
        ("warn-ink", "warn-bg", 4.5),
        ("error-ink", "error-bg", 4.5),
        ("error-ink", "surface", 4.5),
        ("field", "surface", 3.0),
    ]
    for ink, ground, least in pairs:
        light, dark = sorted((luminance(colours[ink]), luminance(colours[ground])), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= least, (ink, ground)


@pytest.mark.parametrize(
    "typed", ["", "1022", "1023-2026-000042", "1022-2026-00004", "1022-2026-0000422", "１０２２2026000042"]
)
def test_what_is_no_code(typed: str) -> None:
    assert ticket_code(typed) is None
