"""``hub zalo login`` and ``hub zalo status`` against the played platform, on a real store."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import ClientSession, DummyCookieJar

from connectors.zalo import LoginFailed, Tokens
from hub import zalo_admin
from hub.clock import SystemClock
from hub.errors import ChannelStopped, SettingsError
from hub.settings import Settings
from hub.wiring import command_tools, read_settings
from hub.zalo_admin import login, status
from tests.fakes.zalo import FakeZalo, fake_zalo


@pytest.fixture
async def zalo() -> AsyncIterator[FakeZalo]:
    async with (
        ClientSession(cookie_jar=DummyCookieJar()) as http,
        fake_zalo(SystemClock(), http) as zalo,
    ):
        yield zalo


@pytest.fixture
def settings(zalo: FakeZalo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr(zalo_admin, "LOOK_EVERY_S", 0.01)
    return with_key("one", zalo, tmp_path)


def with_key(key: str, zalo: FakeZalo, folder: Path) -> Settings:
    section = zalo.settings(access_token="", refresh_token="")
    return read_settings(data=folder, secret_key=key, public_url="https://1022.example.vn", zalo=section)


class Terminal:
    """What was printed; and, once the link is there, what an administrator does with it."""

    def __init__(self, zalo: FakeZalo) -> None:
        self.zalo = zalo
        self.said: list[str] = []
        self.linked = asyncio.Event()

    def say(self, text: str) -> None:
        self.said.append(text)
        if text.startswith("http"):
            self.linked.set()

    async def consent(self) -> str:
        """Agree in the browser; the address it is sent back to."""
        await self.linked.wait()
        link = next(text for text in self.said if text.startswith("http"))
        async with self.zalo.http.get(link, allow_redirects=False) as answer:
            return answer.headers["Location"]

    async def pastes(self) -> AsyncIterator[str]:
        yield "\n"
        yield "https://1022.example.vn/zalo/callback?code=x&state=forged\n"
        yield await self.consent() + "\n"

    async def types_nothing(self) -> AsyncIterator[str]:
        await asyncio.Event().wait()
        yield ""


async def test_consent_by_a_pasted_address_where_no_hub_runs(zalo: FakeZalo, settings: Settings) -> None:
    terminal = Terminal(zalo)
    assert await status(settings, terminal.say) is False
    await login(settings, terminal.say, terminal.pastes())
    assert any("không khớp" in text for text in terminal.said), "the forged one was refused"
    assert terminal.said[-1].startswith("Đã nhận quyền")
    assert await status(settings, terminal.say) is True
    assert "còn 90 ngày" in terminal.said[-1] or "còn 89 ngày" in terminal.said[-1]
    async with command_tools(settings) as tools:
        assert await Tokens(zalo.settings(), tools).current() == zalo.access


async def test_the_command_ends_when_a_running_hub_took_the_consent(
    zalo: FakeZalo, settings: Settings
) -> None:
    terminal = Terminal(zalo)
    waiting = asyncio.create_task(login(settings, terminal.say, terminal.types_nothing()))
    back = await terminal.consent()
    async with command_tools(settings) as tools:  # as the hub's own process would
        query = dict(pair.split("=") for pair in back.partition("?")[2].split("&"))
        await Tokens(zalo.settings(), tools).finish_login(query)
    await waiting
    assert await status(settings, terminal.say) is True


async def test_a_consent_that_zalo_takes_back_ends_the_command(zalo: FakeZalo, settings: Settings) -> None:
    terminal = Terminal(zalo)

    async def pastes_late() -> AsyncIterator[str]:
        back = await terminal.consent()
        zalo.codes.clear()
        yield back

    with pytest.raises(LoginFailed):
        await login(settings, terminal.say, pastes_late())
    assert await status(settings, terminal.say) is False


async def test_a_changed_secret_key_has_a_way_out(zalo: FakeZalo, settings: Settings, tmp_path: Path) -> None:
    terminal = Terminal(zalo)
    await login(settings, terminal.say, terminal.pastes())
    changed = with_key("two", zalo, tmp_path)
    terminal = Terminal(zalo)
    assert await status(changed, terminal.say) is False
    async with command_tools(changed) as tools:
        with pytest.raises(ChannelStopped):
            await Tokens(zalo.settings(), tools).current()
    await login(changed, terminal.say, terminal.pastes())
    assert any("sẽ ghi đè" in text for text in terminal.said)
    assert await status(changed, terminal.say) is True
    async with command_tools(settings) as tools:  # a hub that still runs with the old key says so
        with pytest.raises(LoginFailed, match="HUB_SECRET_KEY"):
            await Tokens(zalo.settings(), tools).finish_login({"state": "x"})


async def test_without_settings_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="HUB_ZALO__APP_ID"):
        await login(read_settings(data=tmp_path), lambda text: None)
