"""Sending the mails that agencies are owed. They are written with the turn that decided them, so none is forgotten; each
attempt is the same mail, so none is got twice; one whose case has gone on is not sent at all."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from handoff import acts, notices
from handoff.acts import SYSTEM
from handoff.casework import Casework
from handoff.lifecycle import Refused
from handoff.links import Links
from handoff.rules import Rules
from hub.clock import Clock
from hub.errors import ChannelStopped, NotFound, NotSent, OutcomeUnknown, SendError, StoreError
from hub.model import Notice, NoticeJob, Staff
from hub.ports import SendsMail, Store

log = logging.getLogger(__name__)

EVERY_S: Final = 2.0
LEASE_MS: Final = 120_000
SEND_TIMEOUT_S: Final = 60.0
FIRST_REST_MS: Final = 60_000
LONGEST_REST_MS: Final = 30 * 60_000
GIVE_UP_MS: Final = 48 * 3_600_000

NO_ADDRESS: Final = "no_address"
NO_MAIL: Final = "no_mail"
NO_URL: Final = "no_url"
BOUNCED: Final = "bounced"
NOT_TOLD: Final = "Thư báo cơ quan không gửi được: {why}. Cần chép liên kết gửi cơ quan, hoặc gọi điện."
WHY: Final = {
    NO_ADDRESS: "chưa có địa chỉ email của cơ quan",
    NO_MAIL: "hệ thống chưa cài đặt email",
    NO_URL: "chưa đặt địa chỉ công khai của Tổng đài (HUB_PUBLIC_URL)",
    "Unreachable": "địa chỉ email của cơ quan không nhận thư",
    "SendRefused": "máy chủ thư từ chối",
    BOUNCED: "thư bị trả lại, địa chỉ email của cơ quan không nhận",
    "gave_up": "máy chủ thư không liên lạc được trong 48 giờ",
}


async def officers_of(store: Store, agency: str) -> list[Staff]:
    """Who sees the agency's cases in the console."""
    return [
        one
        for one in await store.everybody()
        if one.active and one.role == "officer" and agency in one.agencies
    ]


@dataclass(frozen=True)
class NoticeSender:
    """``mail``: through which connector; None: there is no mail. ``base_url``: where links lead."""

    store: Store
    clock: Clock
    rules: Callable[[], Rules]
    casework: Casework
    links: Links
    mail: SendsMail | None
    base_url: str | None  # None: nobody has said where the hub is on the Internet

    async def run(self) -> None:
        """Send what is due until cancelled."""
        while True:
            try:
                while await self.send_one():
                    pass
            except StoreError:
                log.warning("the store is away; no notices are sent")
            await asyncio.sleep(EVERY_S)

    async def send_one(self) -> bool:
        """Send the notice that is longest due; False: there is none."""
        now = self.clock.now()
        job = await self.store.lease_notice(now=now, until=now + LEASE_MS)
        if job is None:
            return False
        await asyncio.shield(self._send(job))
        return True

    async def _send(self, job: NoticeJob) -> None:
        notice, now = job.notice, self.clock.now()
        ticket = await self.store.ticket(notice.ticket)
        if ticket is None or not notices.stands(notice, ticket):
            await self.store.settle_notice(job, "void", now=now)
            return
        address = self.rules().contact(notice.agency).email
        if address is None and await officers_of(self.store, notice.agency):
            await self.store.settle_notice(job, "void", now=now, error="account")  # they see it in their list
            return
        if address is None or self.mail is None or self.base_url is None:
            await self._failed(
                job, NO_ADDRESS if address is None else NO_MAIL if self.mail is None else NO_URL
            )
            return
        link = f"{self.base_url}/case/{self.links.make(ticket, now)}"
        subject = notices.subject(notice, ticket)
        text = notices.text(notice, ticket, self.rules(), link)
        try:
            async with asyncio.timeout(SEND_TIMEOUT_S):
                await self.mail.mail(address, subject, text, key=notice.id, at=notice.at)
        except (NotSent, OutcomeUnknown, ChannelStopped, TimeoutError) as error:
            if now - notice.at > GIVE_UP_MS:
                await self._failed(job, "gave_up")
                return
            rest = min(LONGEST_REST_MS, FIRST_REST_MS * 2 ** min(job.attempts - 1, 10))
            await self.store.settle_notice(
                job, "queued", now=now, retry_at=now + rest, error=type(error).__name__
            )
        except SendError as error:
            await self._failed(job, type(error).__name__)
        else:
            await self.store.settle_notice(job, "sent", now=self.clock.now())

    async def came_back(self, mail: str) -> bool:
        """A mail came back for good, says its Message-ID; False: it was no notice."""
        notice = await self.store.fail_notice(
            mail.strip("<>").partition("@")[0], now=self.clock.now(), error=BOUNCED
        )
        if notice is not None:
            await self._tell(notice, BOUNCED)
        return notice is not None

    async def _failed(self, job: NoticeJob, why: str) -> None:
        """The operators hear of it before it is settled: a death in between tells them again, which changes nothing."""
        notice = job.notice
        await self._tell(notice, why)
        await self.store.settle_notice(job, "failed", now=self.clock.now(), error=why)

    async def _tell(self, notice: Notice, why: str) -> None:
        text = NOT_TOLD.format(why=WHY.get(why, why))
        try:
            await self.casework.do(notice.ticket, acts.Note(text=text), SYSTEM, f"{notice.id}:{why}")
        except (Refused, NotFound) as error:
            log.info("nobody to tell", extra={"facts": {"why": type(error).__name__}})
        log.warning("notice not sent", extra={"facts": {"notice": notice.id, "why": why}})
