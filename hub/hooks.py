"""Telling other systems of tickets: signed webhooks (Standard Webhooks: HMAC-SHA256 over id, time and body).

Nothing is queued beside the tickets: their history is the durable list of what happened, and each address has a mark
of how far it was told, kept in the store. So a crash repeats at most the event under way (same id), and an address
that was away is told everything later, in order. One process at a time tells (a job of the hub). Events carry
no personal contents: whoever may read them asks the API.
"""

import asyncio
import base64
import hashlib
import hmac
import json
import logging
import secrets
from collections.abc import Awaitable, Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import urlsplit

from aiohttp import ClientError, ClientSession, ClientTimeout

from hub.clock import Clock, iso_utc
from hub.errors import SecretUnreadable, StoreError
from hub.http import is_literal, is_public
from hub.kept import Kept
from hub.model import Ticket, TicketQuery, Value, derived_id
from hub.ports import Store
from hub.seal import Seal

log = logging.getLogger(__name__)

Event = Literal["ticket.opened", "ticket.changed", "ticket.closed"]
EVENTS: Final[dict[Event, str]] = {
    "ticket.opened": "Có phiếu mới",
    "ticket.changed": "Phiếu thay đổi",
    "ticket.closed": "Phiếu đóng",
}
DONE: Final = ("closed", "spam")

EVERY_S: Final = 2.0
TIMEOUT: Final = ClientTimeout(total=10, connect=5)
FIRST_REST_MS: Final = 5_000
LONGEST_REST_MS: Final = 3_600_000
GIVE_UP_MS: Final = 3 * 24 * 3_600_000
#: A turn may be written this long after the time it bears: that much is read again each time.
OVERLAP_MS: Final = 300_000
PAGE: Final = 200
REMARKS: Final = frozenset({"warn", "recount", "note", "remind"})  # no news for anybody else

ALARM: Final = "webhooks"
ALARM_TEXT: Final = "Webhook tới {hosts} không nhận được trong 3 ngày nên đã dừng. Quản trị viên kiểm tra rồi bật lại ở mục Kết nối."
BAD_ADDRESS: Final = "Địa chỉ cần là https:// trên mạng công cộng, không kèm tên đăng nhập."


class Hook(Value):
    id: str
    url: str
    events: tuple[Event, ...]
    secret: str  # sealed
    created_at: int
    enabled_at: int
    disabled_at: int | None = None


class Progress(Value):
    """How far an address was told. ``told``: entries of each history that were, of tickets changed since the mark."""

    mark: int
    told: dict[str, int] = {}
    failures: int = 0
    failing_since: int | None = None
    next_at: int = 0
    last_ok: int | None = None
    problem: str | None = None


HOOKS: Final = Kept("webhooks", Hook)


def bad_address(url: str, private_hosts: Collection[str] = ()) -> str | None:
    """Why this address will not do. What a name stands for is looked at when it is called."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return BAD_ADDRESS
    if not host or len(url) > 500 or parts.username is not None or port == 0 or not url.isascii():
        return BAD_ADDRESS
    if host in private_hosts:
        return None if parts.scheme in ("http", "https") else BAD_ADDRESS
    literal_private = is_literal(host) and not is_public(host)
    return BAD_ADDRESS if parts.scheme != "https" or literal_private or host == "localhost" else None


def new_hook(url: str, events: tuple[Event, ...], *, seal: Seal, now: int) -> tuple[Hook, str]:
    """An address and its secret, which is shown once."""
    secret = f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"
    hook = Hook(
        id=secrets.token_hex(6),
        url=url,
        events=events,
        secret=seal.close(secret.encode()).decode(),
        created_at=now,
        enabled_at=now,
    )
    return hook, secret


def signature(secret: str, id_: str, at_s: int, body: bytes) -> str:
    """``v1,<base64>`` as Standard Webhooks says."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{id_}.{at_s}.".encode() + body
    return f"v1,{base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()}"


async def progress_of(store: Store, hook: Hook) -> Progress:
    kept = await store.state(f"webhook:{hook.id}")
    return Progress.model_validate_json(kept.body) if kept else Progress(mark=hook.created_at)


def news(ticket: Ticket, told: int) -> Iterator[tuple[int, Event]]:
    """What happened to a ticket after the first ``told`` entries of its history: their number, and what it is."""
    for n in range(told, len(ticket.history)):
        entry = ticket.history[n]
        before = ticket.history[n - 1].state if n else None
        if n == 0:
            yield n, "ticket.opened"
        elif entry.state in DONE and before not in DONE:
            yield n, "ticket.closed"
        elif entry.action not in REMARKS:
            yield n, "ticket.changed"


def body_of(ticket: Ticket, n: int, event: Event) -> bytes:
    """The ticket as it stands now, without contents."""
    entry = ticket.history[n]
    shown = ticket.model_dump(
        mode="json", include={"code", "version", "category", "commune", "agency", "priority", "sensitive"}
    )
    times = {"created_at": ticket.created_at, "due_at": ticket.due_at}
    data = shown | {name: iso_utc(at) if at is not None else None for name, at in times.items()}
    body = {
        "type": event,
        "timestamp": iso_utc(entry.at),
        "data": {"ticket": data | {"state": entry.state}, "action": entry.action},
    }
    return json.dumps(body, ensure_ascii=False).encode()


class _Failed(Exception):
    pass


@dataclass
class Webhooks:
    """Args: ``http`` reaches public addresses only (:func:`hub.http.public_session`)."""

    store: Store
    clock: Clock
    http: ClientSession
    seal: Seal
    alarm: Callable[[str, str], Awaitable[None]]
    clear_alarm: Callable[[str], Awaitable[None]]
    private_hosts: Collection[str] = ()
    every_s: float = EVERY_S

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.once()
            except StoreError as error:
                log.warning("webhooks wait", extra={"facts": {"why": type(error).__name__}})
            await asyncio.sleep(self.every_s)

    async def once(self) -> int:
        """Tell every address what it does not know yet; how many events arrived."""
        hooks = await HOOKS.all(self.store)
        on = [one for one in hooks if one.disabled_at is None]
        arrived = sum(await asyncio.gather(*(self._tell(one) for one in on)))
        hosts = sorted(
            {urlsplit(one.url).hostname or "" for one in await HOOKS.all(self.store) if one.disabled_at}
        )
        if hosts:
            await self.alarm(ALARM, ALARM_TEXT.format(hosts=", ".join(hosts)))
        elif hooks:
            await self.clear_alarm(ALARM)
        return arrived

    async def _tell(self, hook: Hook) -> int:
        progress, now, arrived = await progress_of(self.store, hook), self.clock.now(), 0
        if progress.next_at > now:
            return 0
        # before the address was known nothing is told; what was told before the overlap is not read again
        floor = max(progress.mark - OVERLAP_MS, hook.created_at)
        after, newest = (floor - 1, "\uffff"), progress.mark
        told = dict(progress.told)
        while found := await self.store.tickets_by_change(TicketQuery(), after=after, limit=PAGE):
            for at, ticket in found:
                known = told.get(ticket.id, sum(entry.at < floor for entry in ticket.history))
                for n, event in news(ticket, known):
                    if event not in hook.events:
                        continue
                    try:
                        await self._deliver(hook, ticket, n, event)
                    except _Failed as failed:
                        told[ticket.id] = n
                        await self._failed(hook, progress.model_copy(update={"told": told}), str(failed))
                        return arrived
                    arrived += 1
                    told[ticket.id] = n + 1
                    progress = progress.model_copy(
                        update={
                            "told": dict(told), "failures": 0, "failing_since": None, "next_at": 0,
                            "last_ok": now, "problem": None,
                        }
                    )  # fmt: skip
                    await self._keep(hook, progress)
                told[ticket.id] = len(ticket.history)
                newest = max(newest, at)
            after = (found[-1][0], found[-1][1].id)
            if len(found) < PAGE:
                break
        recent = await self._changed_since(newest - OVERLAP_MS, told)
        moved = progress.model_copy(update={"mark": newest, "told": recent})
        if moved != progress:
            await self._keep(hook, moved)
        return arrived

    async def _changed_since(self, floor: int, told: dict[str, int]) -> dict[str, int]:
        """Only what will be read again has to be remembered."""
        found = await self.store.tickets_by_change(TicketQuery(), after=(floor - 1, "\uffff"), limit=10_000)
        ids = {ticket.id for _, ticket in found}
        return {id_: n for id_, n in told.items() if id_ in ids}

    async def _deliver(self, hook: Hook, ticket: Ticket, n: int, event: Event) -> None:
        if bad_address(hook.url, self.private_hosts):
            raise _Failed("blocked")
        try:
            secret = self.seal.open(hook.secret.encode()).decode()
        except SecretUnreadable:
            raise _Failed("secret") from None
        id_, at_s = derived_id("e", ticket.id, str(n)), self.clock.now() // 1000
        body = body_of(ticket, n, event)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "hub1022-webhook/1",
            "webhook-id": id_,
            "webhook-timestamp": str(at_s),
            "webhook-signature": signature(secret, id_, at_s, body),
        }
        try:
            async with self.http.post(
                hook.url, data=body, headers=headers, allow_redirects=False, timeout=TIMEOUT
            ) as answer:
                status = answer.status
        except (ClientError, OSError) as error:  # a time-out is an OSError too
            raise _Failed(type(error).__name__) from None
        if not 200 <= status < 300:
            raise _Failed(f"HTTP {status}")

    async def _failed(self, hook: Hook, progress: Progress, problem: str) -> None:
        now = self.clock.now()
        rest = min(FIRST_REST_MS * 2 ** min(progress.failures, 20), LONGEST_REST_MS)
        since = progress.failing_since or now
        if since < hook.enabled_at:  # it was switched on again: the patience begins anew
            since = now
        await self._keep(
            hook,
            progress.model_copy(
                update={
                    "failures": progress.failures + 1, "failing_since": since,
                    "next_at": now + rest + secrets.randbelow(rest // 4), "problem": problem,
                }
            ),
        )  # fmt: skip
        log.warning("webhook failed", extra={"facts": {"hook": hook.id, "why": problem}})
        if now - since >= GIVE_UP_MS:
            await HOOKS.change(
                self.store,
                lambda all_: tuple(
                    one.model_copy(update={"disabled_at": now}) if one.id == hook.id else one for one in all_
                ),
                now=now,
            )

    async def _keep(self, hook: Hook, progress: Progress) -> None:
        name = f"webhook:{hook.id}"
        kept = await self.store.state(name)
        body = progress.model_dump_json().encode()
        await self.store.put_state(name, body, expects=kept.version if kept else 0, now=self.clock.now())
