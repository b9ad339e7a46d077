"""``hub zalo login`` and ``hub zalo status``: the consent of the OA, for the administrator at the terminal."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable
from urllib.parse import parse_qsl, urlsplit

from connectors.zalo import CHANNEL, LoginFailed, Tokens, ZaloSettings
from connectors.zalo_pages import CALLBACK
from connectors.zalo_tokens import DAY_MS
from hub.clock import local
from hub.errors import SecretUnreadable, SettingsError
from hub.settings import Settings
from hub.tools import ALARMS, read_alarms
from hub.wiring import command_tools

LOOK_EVERY_S = 1.0

ADVICE = """Mở đường dẫn trên bằng tài khoản quản trị viên của OA, chọn OA rồi đồng ý. Đường dẫn dùng được 30 phút, một lần.
Hệ thống đang chạy sẽ tự nhận quyền tại {callback}
Nếu hệ thống không chạy: sau khi đồng ý, chép địa chỉ mà trình duyệt được chuyển tới, dán vào đây rồi nhấn Enter."""
NOT_PUBLIC = "Lưu ý: HUB_PUBLIC_URL chưa được đặt là địa chỉ https của hệ thống, Zalo có thể không chấp nhận."
OVERWRITES = (
    "Mã truy cập đã lưu không mở được vì HUB_SECRET_KEY đã đổi: cấp quyền lần này sẽ ghi đè lên mã đó."
)
GRANTED = "Đã nhận quyền từ Zalo OA. Hệ thống tự gia hạn từ nay; `hub zalo status` cho biết còn bao lâu."
TOO_LATE = "Chưa nhận được quyền: hết hạn hoặc Zalo từ chối. Hãy chạy lại `hub zalo login`."
OFF = "Zalo is off: its settings are missing (HUB_ZALO__APP_ID, …); see docs/channels/zalo.md"


async def login(
    settings: Settings, say: Callable[[str], None], pasted: AsyncIterator[str] | None = None
) -> None:
    """Print the consent link and wait until the consent came back, to a running hub or pasted here.

    Raises:
        LoginFailed: it was refused or came too late.
    """
    section = _section(settings)
    async with command_tools(settings) as tools:
        tokens = Tokens(section, tools)
        try:
            await tokens.standing()
        except SecretUnreadable:
            say(OVERWRITES)
        callback = settings.base_url + CALLBACK
        if not callback.startswith("https://"):
            say(NOT_PUBLIC)
        say(await tokens.begin_login(callback))
        say(ADVICE.format(callback=callback))
        reading = asyncio.create_task(_take_pasted(tokens, pasted or typed_lines(), say))
        try:
            while (outcome := await tokens.login_outcome()) == "waiting":
                await asyncio.sleep(LOOK_EVERY_S)
                if reading.done():
                    reading.result()  # raises what went wrong with the store
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
        if outcome == "failed":
            raise LoginFailed(TOO_LATE)
        say(GRANTED)


async def _take_pasted(tokens: Tokens, lines: AsyncIterator[str], say: Callable[[str], None]) -> None:
    async for line in lines:
        query = dict(parse_qsl(urlsplit(line.strip()).query))
        if query:
            try:
                await tokens.finish_login(query)
            except LoginFailed as error:
                say(str(error))
            else:
                return


async def typed_lines() -> AsyncIterator[str]:
    """Lines of standard input, read in a thread that nobody has to wait for."""
    loop, heard = asyncio.get_running_loop(), asyncio.Queue[str | None]()

    def read() -> None:
        # unbuffered: at its end the process must not wait for the lock of a buffer that this thread reads into
        with contextlib.suppress(RuntimeError, OSError), open(0, "rb", buffering=0, closefd=False) as typed:
            for line in typed:
                loop.call_soon_threadsafe(heard.put_nowait, line.decode(errors="replace"))
            loop.call_soon_threadsafe(heard.put_nowait, None)

    threading.Thread(target=read, daemon=True).start()
    while (line := await heard.get()) is not None:
        yield line


async def status(settings: Settings, say: Callable[[str], None]) -> bool:
    """Say how long the tokens are good, and what is wrong; whether the OA need not consent anew."""
    section = _section(settings)
    async with command_tools(settings) as tools:
        try:
            pair = await Tokens(section, tools).standing()
        except SecretUnreadable as error:
            say(str(error))
            return False
        for what, text in sorted(read_alarms(await tools.store.state(ALARMS)).items()):
            if what.startswith(CHANNEL):
                say(f"Báo động {what}: {text}")
        good = pair is not None and bool(pair.refresh) and not pair.consent_needed
        if pair is None or not good:
            say("Cần cấp quyền: chạy `hub zalo login`.")
            return False
        say(_until("Mã truy cập", pair.expires_at, tools.clock.now()))
        say(_until("Mã gia hạn", pair.refresh_expires_at, tools.clock.now()))
        return True


def _until(what: str, at: int, now: int) -> str:
    if not at:
        return f"{what}: chưa rõ hạn, sẽ biết sau lần gia hạn đầu tiên."
    day = local(at).strftime("%H:%M %d/%m/%Y")
    return f"{what}: đến {day} (còn {max(0, at - now) // DAY_MS} ngày)."


def _section(settings: Settings) -> ZaloSettings:
    section = settings.channel(CHANNEL)
    if not isinstance(section, ZaloSettings):
        raise SettingsError(OFF)
    return section
