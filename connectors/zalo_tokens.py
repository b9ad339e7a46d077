"""The token pair of the OA, shared by all processes.

A refresh token works once. So a refresh is claimed in the shared state first (compare-and-set), only the claimant
asks Zalo, and the new pair is committed before anybody uses it. Nobody else ever calls with that refresh token; a
claim whose holder died runs out. When Zalo refuses the refresh token, people must consent again.
"""

import asyncio
import hashlib
import hmac
import logging
import secrets
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, Literal, TypeVar

from pydantic import Field, ValidationError

from connectors.zalo_oauth import (
    Granted,
    TokenCallFailed,
    consent_link,
    exchange_code,
    new_verifier,
    refresh_pair,
)
from connectors.zalo_settings import ZaloSettings
from hub.clock import local
from hub.errors import ChannelStopped, HubError, NotSent, SecretUnreadable, StoreError
from hub.model import State, Value
from hub.ports import Tools

log = logging.getLogger(__name__)

T = TypeVar("T")

CONSENT_ALARM = "zalo-consent"
EXPIRY_ALARM = "zalo-token-expiry"
DAY_MS = 86_400_000
CLAIM_MS = 60_000  # longer than any call to Zalo takes
CLAIMED_RETRY_S = 2.0
FAILED_RETRY_S = 30.0
TEND_EVERY_S = 60.0
COMMIT_RETRY_S = 1.0
LOGIN_MS = 30 * 60_000

CONSENT_NEEDED = (
    "Zalo OA cần được cấp quyền lại: tin gửi đi Zalo sẽ dừng khi mã truy cập hiện tại hết hạn. Quản trị viên OA hãy "
    "chạy `hub zalo login` và làm theo hướng dẫn."
)
EXPIRES_SOON = "Quyền gửi tin Zalo OA hết hạn ngày {day} mà chưa gia hạn được. Hãy kiểm tra mạng, hoặc chạy `hub zalo login`."
UNREADABLE = (
    "Không mở được mã truy cập Zalo đã lưu: HUB_SECRET_KEY đã đổi. Đặt lại khóa cũ, hoặc chạy `hub zalo login` để cấp "
    "quyền lại."
)
OTHER_KEY = (
    "Lệnh `hub zalo login` đã chạy với HUB_SECRET_KEY khác với khóa của hệ thống đang chạy: hãy dùng cùng một khóa rồi "
    "chạy lại."
)


class LoginFailed(HubError):
    """A consent that was not taken; says why, in Vietnamese, to the administrator at the browser or terminal."""


class Pair(Value):
    """What is kept, sealed. Times are epoch ms; 0 where nobody knows."""

    access: str = Field("", repr=False)
    refresh: str = Field("", repr=False)
    expires_at: int = 0
    refresh_expires_at: int = 0
    #: who refreshes, and until when nobody else may
    claim: str = ""
    claimed_until: int = 0
    consent_needed: bool = False
    #: fingerprint of the settings' own pair that this began with
    seed: str = ""


LoginOutcome = Literal["waiting", "granted", "failed"]


class Login(Value):
    """A consent that was asked for and has not come back yet."""

    verifier: str = Field("", repr=False)
    state: str = Field("", repr=False)
    until: int = 0
    outcome: LoginOutcome = "waiting"


class Tokens:
    """The pair as one process sees it. ``current`` is cheap; the state is read again only where it matters."""

    def __init__(self, settings: ZaloSettings, tools: Tools) -> None:
        self._settings, self._tools = settings, tools
        self._name = f"zalo-tokens:{settings.oa_id}"
        self._known: tuple[int, Pair] | None = None  # version, pair
        self._refreshing = asyncio.Lock()

    # ---- for senders -----------------------------------------------------------------------------

    async def current(self) -> str:
        """The access token to call with.

        Raises:
            ChannelStopped: there is none, and only people can get one.
            NotSent: somebody is getting a new one.
        """
        pair = self._known[1] if self._known else None
        if pair is None or not self._usable(pair):
            _, pair = await self._recall()
        if not self._usable(pair):
            return await self.renewed(pair.access)
        return pair.access

    async def renewed(self, refused: str) -> str:
        """Another access token than the one Zalo refused; raises like ``current``."""
        async with self._refreshing:
            version, pair = await self._recall()
            if pair.access != refused and self._usable(pair):
                return pair.access
            return (await self._refresh(version, pair)).access

    def _usable(self, pair: Pair) -> bool:
        unknown = pair.expires_at == 0
        return bool(pair.access) and (unknown or self._tools.clock.now() < pair.expires_at)

    # ---- the job ---------------------------------------------------------------------------------

    async def run(self) -> None:
        """Renew before the end, and warn when that does not work. Runs until cancelled."""
        while True:
            await self.tend()
            await asyncio.sleep(TEND_EVERY_S)

    async def tend(self) -> None:
        """One look: renew the pair if its end is near; raise and clear alarms."""
        try:
            version, pair = await self._recall()
            if not pair.consent_needed and pair.refresh and self._ends_soon(pair):
                async with self._refreshing:
                    pair = await self._refresh(version, pair)
        except (NotSent, ChannelStopped) as error:
            log.warning("Zalo tokens not renewed", extra={"facts": {"why": type(error).__name__}})
            if self._known is None:
                return
            pair = self._known[1]
        await self._warn(pair)

    def _ends_soon(self, pair: Pair) -> bool:
        return self._tools.clock.now() >= pair.expires_at - self._settings.refresh_before_s * 1000

    async def _warn(self, pair: Pair) -> None:
        if pair.consent_needed or not pair.refresh:
            await self._tools.alarm(CONSENT_ALARM, CONSENT_NEEDED)
            return
        await self._tools.clear_alarm(CONSENT_ALARM)
        warn_at = pair.refresh_expires_at - self._settings.consent_warning_days * DAY_MS
        if pair.refresh_expires_at and self._tools.clock.now() >= warn_at:
            day = local(pair.refresh_expires_at).strftime("%d/%m/%Y")
            await self._tools.alarm(EXPIRY_ALARM, EXPIRES_SOON.format(day=day))
        else:
            await self._tools.clear_alarm(EXPIRY_ALARM)

    # ---- the shared state ------------------------------------------------------------------------

    async def _recall(self) -> tuple[int, Pair]:
        """The pair as it stands, begun from the settings where there is none yet."""
        while True:
            try:
                kept = await self._tools.recall(self._name)
            except SecretUnreadable:
                await self._tools.alarm(CONSENT_ALARM, UNREADABLE)
                raise ChannelStopped("the stored tokens cannot be opened") from None
            version, pair = (kept.version, Pair.model_validate_json(kept.body)) if kept else (0, Pair())
            seed = self._seed()
            # tokens pasted into the settings count once: at the start, or after the pair that is kept has died
            if not seed or seed == pair.seed or (version and not pair.consent_needed):
                self._known = version, pair
                return version, pair
            fresh = Pair(
                access=self._settings.access_token.get_secret_value(),
                refresh=self._settings.refresh_token.get_secret_value(),
                seed=seed,
            )
            await self._put(version, fresh)

    def _seed(self) -> str:
        access, refresh = self._settings.access_token, self._settings.refresh_token
        given = f"{access.get_secret_value()}\n{refresh.get_secret_value()}"
        return hashlib.sha256(given.encode()).hexdigest()[:16] if given.strip() else ""

    async def _put(self, version: int, pair: Pair) -> bool:
        done = await self._tools.remember(self._name, pair.model_dump_json().encode(), expects=version)
        if done:
            self._known = version + 1, pair
        return done

    # ---- refreshing ------------------------------------------------------------------------------

    async def _refresh(self, version: int, pair: Pair) -> Pair:
        now = self._tools.clock.now()
        if pair.consent_needed or not pair.refresh:
            await self._tools.alarm(CONSENT_ALARM, CONSENT_NEEDED)
            raise ChannelStopped("the OA must consent again")
        if pair.claim and now < pair.claimed_until:
            raise NotSent("another process renews the tokens", retry_after_s=CLAIMED_RETRY_S)
        claimed = pair.model_copy(update={"claim": secrets.token_hex(8), "claimed_until": now + CLAIM_MS})
        if not await self._put(version, claimed):
            raise NotSent("another process renews the tokens", retry_after_s=CLAIMED_RETRY_S)
        return await _finished(self._ask_and_commit(version + 1, claimed))

    async def _ask_and_commit(self, version: int, claimed: Pair) -> Pair:
        try:
            granted = await refresh_pair(self._tools.http, self._settings, refresh_token=claimed.refresh)
        except TokenCallFailed as error:
            dead = claimed.model_copy(
                update={"claim": "", "claimed_until": 0, "consent_needed": error.definite}
            )
            await self._put(version, dead)
            if not error.definite:
                raise NotSent(f"no new tokens: {error}", retry_after_s=FAILED_RETRY_S) from None
            log.warning("Zalo refused the refresh token", extra={"facts": {"why": str(error)}})
            await self._tools.alarm(CONSENT_ALARM, CONSENT_NEEDED)
            raise ChannelStopped("the OA must consent again") from None
        pair = self._pair(granted, seed=claimed.seed)
        # the old refresh token is dead: this pair exists nowhere else
        if not await _until_stored(lambda: self._put(version, pair)):
            _, pair = await self._recall()  # people consented anew meanwhile: theirs counts
        return pair

    def _pair(self, granted: Granted, *, seed: str) -> Pair:
        now = self._tools.clock.now()
        return Pair(
            access=granted.access,
            refresh=granted.refresh,
            expires_at=now + granted.expires_in_s * 1000,
            refresh_expires_at=now + self._settings.refresh_token_days * DAY_MS,
            seed=seed,
        )

    # ---- consent by people -----------------------------------------------------------------------

    async def begin_login(self, redirect_uri: str) -> str:
        """The link an administrator of the OA opens to consent."""
        login = Login(
            verifier=new_verifier(),
            state=secrets.token_urlsafe(24),
            until=self._tools.clock.now() + LOGIN_MS,
        )
        await self._put_login(login)
        return consent_link(
            self._settings, redirect_uri=redirect_uri, verifier=login.verifier, state=login.state
        )

    async def finish_login(self, query: Mapping[str, str]) -> None:
        """Take what Zalo's call-back brought (``code``, ``oa_id``, ``state``) and keep the new pair.

        Raises:
            LoginFailed: in Vietnamese, why it was not taken.
        """
        try:
            login = _login(await self._tools.recall(self._login_name))
        except SecretUnreadable:
            raise LoginFailed(OTHER_KEY) from None
        asked = login.state and self._tools.clock.now() < login.until
        if not asked or not hmac.compare_digest(query.get("state", "").encode(), login.state.encode()):
            raise LoginFailed("Yêu cầu cấp quyền không khớp hoặc đã quá hạn: hãy chạy lại `hub zalo login`.")
        if query.get("oa_id") != self._settings.oa_id:
            raise LoginFailed("Quyền được cấp cho một OA khác với HUB_ZALO__OA_ID.")
        if not query.get("code"):
            raise LoginFailed("Quản trị viên OA chưa đồng ý cấp quyền.")
        await self._put_login(Login(until=self._tools.clock.now() + CLAIM_MS))  # a code works once
        await _finished(self._exchange_and_commit(query["code"], login.verifier))

    async def _exchange_and_commit(self, code: str, verifier: str) -> None:
        try:
            granted = await exchange_code(self._tools.http, self._settings, code=code, verifier=verifier)
        except TokenCallFailed as error:
            await self._put_login(Login(outcome="failed"))
            raise LoginFailed(
                f"Zalo không cấp mã truy cập ({error}): hãy chạy lại `hub zalo login`."
            ) from None
        pair = self._pair(granted, seed=self._seed())

        async def replace() -> None:
            while not await self._put(await self._version(self._name), pair):
                pass  # whatever came in between is older than this consent

        async def announce() -> None:
            await self._put_login(Login(outcome="granted"))
            await self._tools.clear_alarm(CONSENT_ALARM)
            await self._tools.clear_alarm(EXPIRY_ALARM)

        await _until_stored(replace)  # the code is used up: this pair exists nowhere else
        await _until_stored(announce)

    async def login_outcome(self) -> LoginOutcome:
        """What became of the consent that was asked for last, in whichever process it came back."""
        login = _login(await self._tools.recall(self._login_name))
        late = login.outcome == "waiting" and self._tools.clock.now() >= login.until
        return "failed" if late else login.outcome

    async def standing(self) -> Pair | None:
        """The pair as it is kept, for people to look at. Raises ``SecretUnreadable``."""
        kept = await self._tools.recall(self._name)
        return Pair.model_validate_json(kept.body) if kept else None

    async def _version(self, name: str) -> int:
        """The version to write over, be it one that cannot be opened any more."""
        try:
            kept = await self._tools.recall(name)
        except SecretUnreadable as error:
            return error.version
        return kept.version if kept else 0

    @property
    def _login_name(self) -> str:
        return f"zalo-login:{self._settings.oa_id}"

    async def _put_login(self, login: Login) -> None:
        while True:
            version = await self._version(self._login_name)
            if await self._tools.remember(
                self._login_name, login.model_dump_json().encode(), expects=version
            ):
                return


def _login(kept: State | None) -> Login:
    try:
        return Login.model_validate_json(kept.body) if kept else Login()
    except ValidationError:
        return Login()


async def _until_stored(write: Callable[[], Awaitable[T]]) -> T:
    """What ``write`` gives, as soon as the store takes it."""
    while True:
        try:
            return await write()
        except StoreError:
            await asyncio.sleep(COMMIT_RETRY_S)


async def _finished(work: Coroutine[Any, Any, T]) -> T:
    """Do ``work`` to its end even if we are cancelled: Zalo's answer must not be lost on the way to the store."""
    task = asyncio.create_task(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.gather(task, return_exceptions=True)
        raise
