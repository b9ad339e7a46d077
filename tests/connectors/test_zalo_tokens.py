"""One pair for all processes: refreshed once, committed before use, never lost on the way, never tried twice."""

import asyncio
import json
from collections.abc import AsyncIterator
from itertools import count
from urllib.parse import parse_qsl, urlsplit

import pytest

from connectors import zalo_tokens
from connectors.zalo import LoginFailed, Tokens
from connectors.zalo_oauth import VERIFIER_LENGTH, challenge_of, new_verifier
from connectors.zalo_tokens import CONSENT_ALARM, EXPIRY_ALARM, Pair
from hub.errors import ChannelStopped, NotSent, SecretUnreadable, StoreUnavailable
from hub.model import State
from tests.conftest import FakeClock
from tests.connectors.zalo_rooms import ZaloRooms, outgoing, zalo_rooms
from tests.fakes.tools import MemoryTools
from tests.fakes.zalo import ACCESS_MS, OA_ID, Fault

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
NAME = f"zalo-tokens:{OA_ID}"
CALLBACK = "https://1022.example.vn/zalo/callback"


@pytest.fixture
async def rooms(clock: FakeClock) -> AsyncIterator[ZaloRooms]:
    async with zalo_rooms(clock) as rooms:
        yield rooms


def kept(rooms: ZaloRooms) -> Pair:
    return Pair.model_validate_json(rooms.tools.states[NAME].body)


def tokens(rooms: ZaloRooms, **settings: object) -> Tokens:
    return Tokens(rooms.zalo.settings(**settings), rooms.tools)


# ---- the pair ------------------------------------------------------------------------------------


async def test_the_first_pair_comes_from_the_settings_and_is_renewed_at_once(rooms: ZaloRooms) -> None:
    mine = tokens(rooms)
    assert await mine.current() == "access-1"
    await mine.tend()
    assert rooms.zalo.refreshes == 1
    assert await mine.current() == kept(rooms).access == rooms.zalo.access != "access-1"
    assert kept(rooms).expires_at == rooms.clock.now() + ACCESS_MS


async def test_the_settings_pair_counts_only_once(rooms: ZaloRooms) -> None:
    await tokens(rooms).tend()
    assert await tokens(rooms).current() == rooms.zalo.access


async def test_a_pair_is_renewed_before_its_end_and_not_sooner(rooms: ZaloRooms) -> None:
    mine = tokens(rooms, refresh_before_s=7200)
    await mine.tend()
    rooms.clock.forward(ACCESS_MS - 2 * HOUR_MS - 1)
    await mine.tend()
    assert rooms.zalo.refreshes == 1
    rooms.clock.forward(1)
    await mine.tend()
    assert rooms.zalo.refreshes == 2


async def test_a_month_of_sending_never_meets_a_dead_token(rooms: ZaloRooms) -> None:
    connector = rooms.connector()
    for _ in range(30 * 12):
        await connector.tokens.tend()
        rooms.zalo.interacted[outgoing().conversation.sender] = rooms.clock.now()
        await connector.send(outgoing())
        rooms.clock.forward(2 * HOUR_MS)
    assert len(rooms.zalo.sent) == 360
    assert len(rooms.zalo.calls) == 360  # none was refused and repeated
    assert rooms.tools.alarms == {}


async def test_other_processes_take_over_a_renewed_pair(rooms: ZaloRooms) -> None:
    refresher, sender = rooms.connector(), rooms.connector()
    await sender.send(outgoing())
    await refresher.tokens.tend()  # kills what the sender holds
    await sender.send(outgoing())
    assert (rooms.zalo.refreshes, len(rooms.zalo.sent)) == (1, 2)


async def test_many_processes_with_a_dead_token_refresh_it_once(rooms: ZaloRooms) -> None:
    rooms.zalo.access = "revoked"
    senders = [rooms.connector() for _ in range(8)]
    waiting = [outgoing() for _ in senders]
    for _ in range(2):  # whoever found the refresh under way comes again
        found = await asyncio.gather(
            *(one.send(item) for one, item in zip(senders, waiting, strict=True)), return_exceptions=True
        )
        assert all(not isinstance(one, Exception) or isinstance(one, NotSent) for one in found)
    assert rooms.zalo.refreshes == 1
    assert len(rooms.zalo.sent) >= len(senders)
    assert kept(rooms).consent_needed is False


async def test_many_sends_of_one_process_refresh_once_and_all_arrive(rooms: ZaloRooms) -> None:
    rooms.zalo.access = "revoked"
    connector = rooms.connector()
    await asyncio.gather(*(connector.send(outgoing()) for _ in range(8)))
    assert (rooms.zalo.refreshes, len(rooms.zalo.sent)) == (1, 8)


async def test_without_any_token_the_channel_waits_for_consent(rooms: ZaloRooms) -> None:
    mine = tokens(rooms, access_token="", refresh_token="")
    with pytest.raises(ChannelStopped):
        await mine.current()
    await mine.tend()
    assert set(rooms.tools.alarms) == {CONSENT_ALARM}
    assert rooms.zalo.refreshes == 0


# ---- refreshing that goes wrong ------------------------------------------------------------------


async def test_a_new_pair_is_committed_before_anybody_uses_it(rooms: ZaloRooms) -> None:
    mine = tokens(rooms)
    await mine.current()
    away = asyncio.Event()
    back = asyncio.Event()
    remember = rooms.tools.remember

    async def store_away_for_a_while(name: str, body: bytes, *, expects: int) -> bool:
        if json.loads(body)["access"] != "access-1" and not back.is_set():
            away.set()
            raise StoreUnavailable("away")
        return await remember(name, body, expects=expects)

    rooms.tools.remember = store_away_for_a_while  # type: ignore[method-assign]
    renewing = asyncio.create_task(mine.renewed("access-1"))
    await away.wait()
    assert not renewing.done()
    assert kept(rooms).access == "access-1"
    back.set()
    assert await renewing == kept(rooms).access == rooms.zalo.access


async def test_a_sender_that_gives_up_does_not_lose_the_new_pair(rooms: ZaloRooms) -> None:
    mine = tokens(rooms)
    await mine.current()
    slow = Fault(held=asyncio.Event())
    rooms.zalo.oauth_faults = [slow]
    renewing = asyncio.create_task(mine.renewed("access-1"))
    await slow.reached.wait()
    renewing.cancel()
    assert slow.held is not None
    slow.held.set()
    with pytest.raises(asyncio.CancelledError):
        await renewing
    assert kept(rooms).access == rooms.zalo.access
    assert await mine.current() == rooms.zalo.access


@pytest.mark.parametrize("fault", [Fault(status=503), Fault(dropped=True), Fault(code=-32)])
async def test_a_refresh_that_did_not_reach_zalo_is_tried_again(rooms: ZaloRooms, fault: Fault) -> None:
    mine = tokens(rooms)
    rooms.zalo.oauth_faults = [fault]
    await mine.tend()
    assert (rooms.zalo.refreshes, kept(rooms).consent_needed) == (0, False)
    await mine.tend()
    assert rooms.zalo.refreshes == 1
    assert rooms.tools.alarms == {}


async def test_a_lost_answer_needs_consent_and_stops_sending(rooms: ZaloRooms) -> None:
    mine = rooms.connector()
    rooms.zalo.oauth_faults = [Fault(dropped=True, done=True)]
    await mine.tokens.tend()  # Zalo has given a new pair that nobody got
    await mine.tokens.tend()
    assert kept(rooms).consent_needed
    assert CONSENT_ALARM in rooms.tools.alarms
    with pytest.raises(ChannelStopped):
        await mine.send(outgoing())
    assert rooms.zalo.sent == []


async def test_a_refused_refresh_is_not_repeated(rooms: ZaloRooms) -> None:
    rooms.zalo.refresh = "another"
    connector = rooms.connector()
    await connector.tokens.tend()
    assert set(rooms.tools.alarms) == {CONSENT_ALARM}
    await connector.send(outgoing())  # the access token still lives
    rooms.zalo.access = "revoked"
    rooms.zalo.refresh = "refresh-1"  # were it tried again, it would work
    for _ in range(2):
        with pytest.raises(ChannelStopped):
            await connector.send(outgoing())
        await connector.tokens.tend()
    assert rooms.zalo.refreshes == 0


async def test_a_claim_keeps_others_away_until_it_runs_out(rooms: ZaloRooms) -> None:
    mine = tokens(rooms)
    await mine.current()
    state = rooms.tools.states[NAME]
    dead = kept(rooms).model_copy(update={"claim": "died", "claimed_until": rooms.clock.now() + 60_000})
    assert await rooms.tools.remember(NAME, dead.model_dump_json().encode(), expects=state.version)
    with pytest.raises(NotSent):
        await mine.renewed("access-1")
    rooms.clock.forward(60_000)
    assert await mine.renewed("access-1") == rooms.zalo.access


async def test_tokens_pasted_anew_count_once_the_old_ones_are_dead(rooms: ZaloRooms) -> None:
    await tokens(rooms).tend()
    living = rooms.zalo.access
    assert await tokens(rooms, access_token="pasted", refresh_token="pasted").current() == living
    rooms.zalo.refresh = "pasted"
    rooms.clock.forward(ACCESS_MS)
    await tokens(rooms).tend()
    assert kept(rooms).consent_needed
    pasted = tokens(rooms, access_token="pasted", refresh_token="pasted")
    await pasted.tend()
    assert await pasted.current() == rooms.zalo.access
    assert rooms.tools.alarms == {}


async def test_the_end_of_the_refresh_token_is_announced_and_forgotten_when_renewed(rooms: ZaloRooms) -> None:
    mine = tokens(rooms, refresh_token_days=90, consent_warning_days=14)
    await mine.tend()
    rooms.clock.forward(76 * DAY_MS)
    rooms.zalo.oauth_faults = [Fault(status=503)]
    await mine.tend()
    assert set(rooms.tools.alarms) == {EXPIRY_ALARM}
    await mine.tend()
    assert rooms.tools.alarms == {}


async def test_tokens_sealed_with_another_key_stop_the_channel(rooms: ZaloRooms) -> None:
    class OtherKey(MemoryTools):
        async def recall(self, name: str) -> State | None:
            raise SecretUnreadable("HUB_SECRET_KEY is not the one it was sealed with")

    tools = OtherKey(rooms.clock, rooms.tools.http)
    mine = Tokens(rooms.zalo.settings(), tools)
    with pytest.raises(ChannelStopped):
        await mine.current()
    await mine.tend()
    assert "HUB_SECRET_KEY" in tools.alarms[CONSENT_ALARM]


def test_tokens_are_not_shown() -> None:
    assert "secret" not in repr(Pair(access="secret", refresh="secret"))


# ---- consent -------------------------------------------------------------------------------------


async def consented(rooms: ZaloRooms, link: str) -> dict[str, str]:
    """The administrator opens the link and agrees; what the call-back brings."""
    async with rooms.tools.http.get(link, allow_redirects=False) as answer:
        back = urlsplit(answer.headers["Location"])
    assert back._replace(query="").geturl() == CALLBACK
    return dict(parse_qsl(back.query))


async def test_an_administrator_consents_and_sending_works(rooms: ZaloRooms) -> None:
    connector = rooms.connector(access_token="", refresh_token="")
    with pytest.raises(ChannelStopped):
        await connector.send(outgoing())
    settings = rooms.zalo.settings(access_token="", refresh_token="")
    link = await Tokens(settings, rooms.tools).begin_login(CALLBACK)
    await Tokens(settings, rooms.tools).finish_login(await consented(rooms, link))  # another process
    assert rooms.tools.alarms == {}
    await connector.send(outgoing())
    assert len(rooms.zalo.sent) == 1


async def test_a_pair_that_was_consented_to_is_kept_however_often_the_store_is_away(
    rooms: ZaloRooms, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zalo_tokens, "COMMIT_RETRY_S", 0)
    mine = tokens(rooms)
    query = await consented(rooms, await mine.begin_login(CALLBACK))
    remember, recall, clear_alarm = rooms.tools.remember, rooms.tools.recall, rooms.tools.clear_alarm
    calls = count()

    def now_and_then() -> None:
        if rooms.zalo.access != "access-1" and next(calls) in (0, 2, 4, 7, 10):  # the code is used up
            raise StoreUnavailable("away")

    async def flaky_remember(name: str, body: bytes, *, expects: int) -> bool:
        now_and_then()
        return await remember(name, body, expects=expects)

    async def flaky_recall(name: str) -> State | None:
        now_and_then()
        return await recall(name)

    async def flaky_clear(what: str) -> None:
        now_and_then()
        await clear_alarm(what)

    monkeypatch.setattr(rooms.tools, "remember", flaky_remember)
    monkeypatch.setattr(rooms.tools, "recall", flaky_recall)
    monkeypatch.setattr(rooms.tools, "clear_alarm", flaky_clear)
    await rooms.tools.alarm(CONSENT_ALARM, "…")
    await mine.finish_login(query)
    monkeypatch.undo()
    assert kept(rooms).access == rooms.zalo.access != "access-1"
    assert (await mine.login_outcome(), rooms.tools.alarms) == ("granted", {})


async def test_consent_replaces_a_dead_pair_and_old_settings_stay_forgotten(rooms: ZaloRooms) -> None:
    mine = tokens(rooms)
    rooms.zalo.refresh = "another"
    await mine.tend()
    await mine.finish_login(await consented(rooms, await mine.begin_login(CALLBACK)))
    assert await tokens(rooms).current() == rooms.zalo.access
    assert kept(rooms).consent_needed is False


@pytest.mark.parametrize(
    "change", [{"state": "forged"}, {"state": ""}, {"oa_id": "1"}, {"code": ""}, {"code": "stale"}]
)
async def test_a_consent_that_does_not_fit_is_not_taken(rooms: ZaloRooms, change: dict[str, str]) -> None:
    mine = tokens(rooms)
    query = await consented(rooms, await mine.begin_login(CALLBACK))
    with pytest.raises(LoginFailed):
        await mine.finish_login(query | change)
    assert NAME not in rooms.tools.states


async def test_a_consent_counts_once_and_not_for_ever(rooms: ZaloRooms) -> None:
    mine = tokens(rooms)
    query = await consented(rooms, await mine.begin_login(CALLBACK))
    await mine.finish_login(query)
    with pytest.raises(LoginFailed):
        await mine.finish_login(query)
    with pytest.raises(LoginFailed):
        await mine.finish_login({})
    late = await consented(rooms, await mine.begin_login(CALLBACK))
    rooms.clock.forward(HOUR_MS)
    with pytest.raises(LoginFailed):
        await mine.finish_login(late)


def test_the_challenge_is_the_one_of_the_standard() -> None:
    rfc_7636 = ("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM")
    assert challenge_of(rfc_7636[0]) == rfc_7636[1]
    assert len(new_verifier()) == VERIFIER_LENGTH
    assert new_verifier() != new_verifier()
