"""Watches that the Page delivers to us: after an hour of failing deliveries Meta takes a Page off without a word."""

import asyncio
import logging

from connectors.calls import Refused
from connectors.facebook_api import GraphApi
from connectors.facebook_settings import FacebookSettings
from connectors.values import a_list, a_text, an_id, an_object
from hub.errors import SendError
from hub.ports import Tools

log = logging.getLogger(__name__)

SUBSCRIPTION_ALARM = "facebook-subscription"
MISSING = (
    "Trang Facebook không chuyển đủ sự kiện tới tổng đài (thiếu: {fields}) và đăng ký lại không được. Hãy kiểm tra mục "
    "Webhooks của ứng dụng trên trang của Meta."
)


class Watch:
    def __init__(self, settings: FacebookSettings, tools: Tools, api: GraphApi) -> None:
        self._settings, self._tools, self._api = settings, tools, api

    async def run(self) -> None:
        """Look again and again. Runs until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(self._settings.watch_every_s)

    async def look(self) -> None:
        """Subscribe anew to what is missing; alarm when that does not help. A dead token alarms by itself."""
        try:
            missing = await self._missing()
            if missing:
                log.warning("subscription renewed", extra={"facts": {"missing": sorted(missing)}})
                missing = await self._renewed(missing)
        except SendError as error:
            log.warning("subscription not looked at", extra={"facts": {"why": type(error).__name__}})
            return
        if missing:
            text = MISSING.format(fields=", ".join(sorted(missing)))
            await self._tools.alarm(SUBSCRIPTION_ALARM, text)
        else:
            await self._tools.clear_alarm(SUBSCRIPTION_ALARM)

    async def _renewed(self, missing: set[str]) -> set[str]:
        """What is missing after subscribing; all of it where Graph does not know a field's name."""
        try:
            await self._api.subscribe(",".join(self._settings.subscribed_fields))
        except Refused:
            return missing
        return await self._missing()

    async def _missing(self) -> set[str]:
        have: set[str] = set()
        for app in map(an_object, await self._api.subscriptions()):
            if an_id(app.get("id")) == self._settings.app_id:
                have |= {name for name in map(a_text, a_list(app.get("subscribed_fields"))) if name}
        return set(self._settings.subscribed_fields) - have
