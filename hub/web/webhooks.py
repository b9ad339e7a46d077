"""``POST /webhooks/{channel}``: verified and stored, then acknowledged; everything else comes after. A GET is a
platform that tries the address."""

import asyncio
import contextlib
import logging
from collections import Counter
from dataclasses import dataclass, field

from aiohttp import web

from hub.errors import AlienPayload, Forged, NotFound, Probe, StoreError, StoreUnavailable
from hub.ports import HasChallenge
from hub.tools import Alarms
from hub.web.context import Hub, hub_of

log = logging.getLogger(__name__)

BURST = 10  # signed deliveries refused in a row, with none that is right in between
ALARM_PATIENCE_S = 0.5  # the platform waits for its answer
FORGED = (
    "Hệ thống liên tiếp từ chối tin chuyển tới /webhooks/{channel} vì chữ ký không khớp, nên có thể không nhận được tin "
    "của người dân. Nếu khóa bí mật trên trang quản lý của nền tảng vừa đổi, hãy cập nhật khóa trong nhóm cài đặt "
    "HUB_{settings}__ rồi khởi động lại; nếu không, có người đang gửi tin giả."
)


def forged_alarm(channel: str) -> str:
    return f"{channel}-forged"


@dataclass
class SignatureWatch:
    """Notices that nothing a platform signs is right any more: its secret has changed, and nobody is heard."""

    refused: Counter[str] = field(default_factory=Counter)  # in a row, by channel
    alarmed: dict[str, bool] = field(default_factory=dict)  # as this process knows; another may have begun it

    async def forged(self, hub: Hub, request: web.Request, channel: str) -> None:
        connector = hub.connectors[channel]
        if not any(name in request.headers for name in connector.keep_headers):
            return  # no mark at all: that is no platform
        self.refused[channel] += 1
        if self.refused[channel] >= BURST and not self.alarmed.get(channel):
            log.warning("signatures do not fit any more", extra={"facts": {"channel": channel}})
            await self._note(hub, channel, FORGED.format(channel=channel, settings=channel.upper()))

    async def good(self, hub: Hub, channel: str) -> None:
        self.refused[channel] = 0
        if self.alarmed.get(channel, True):
            await self._note(hub, channel, None)

    async def _note(self, hub: Hub, channel: str, text: str | None) -> None:
        """Begin or end the alarm; with the store away, the next delivery tries again."""
        alarms = Alarms(hub.store, hub.clock, hub.metrics)
        what = forged_alarm(channel)
        with contextlib.suppress(StoreError, TimeoutError):
            async with asyncio.timeout(ALARM_PATIENCE_S):
                await (alarms.clear_alarm(what) if text is None else alarms.alarm(what, text))
            self.alarmed[channel] = text is not None


@dataclass(frozen=True)
class Webhooks:
    watch: SignatureWatch = field(default_factory=SignatureWatch)

    async def receive(self, request: web.Request) -> web.Response:
        hub, channel, body = hub_of(request), request.match_info["channel"], await request.read()
        try:
            await hub.stream.receive(channel, body, request.headers)
        except NotFound as error:
            raise web.HTTPNotFound(text=str(error)) from None
        except Forged:
            await self.watch.forged(hub, request, channel)
            raise web.HTTPUnauthorized(text="signature missing or wrong") from None
        except Probe:
            return web.Response(text="ok")
        except AlienPayload as error:
            raise web.HTTPBadRequest(text=str(error)) from None
        except StoreUnavailable:
            raise web.HTTPServiceUnavailable(text="try again", headers={"Retry-After": "5"}) from None
        await self.watch.good(hub, channel)
        return web.Response(text="ok")


async def challenge(request: web.Request) -> web.Response:
    connector: object = hub_of(request).connectors.get(request.match_info["channel"])
    if not isinstance(connector, HasChallenge):
        raise web.HTTPNotFound
    answer = connector.challenge(request.query)
    if answer is None:
        raise web.HTTPForbidden
    return web.Response(text=answer)


def routes() -> list[web.AbstractRouteDef]:
    path = "/webhooks/{channel:[a-z]+}"
    return [web.post(path, Webhooks().receive), web.get(path, challenge, allow_head=False)]
