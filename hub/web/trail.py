"""What is done in the console goes into the audit log."""

from aiohttp import web

from hub.audit import AuditNote
from hub.model import Ticket
from hub.web.context import hub_of

VIEW_MS = 3_600_000  # looking at the same case again within the hour is the same view

Fact = str | int | bool | None

ACTOR: web.RequestKey[str] = web.RequestKey("actor", str)


async def put_down(
    request: web.Request, action: str, target: str | None = None, *, actor: str | None = None, **facts: Fact
) -> None:
    """Note what was done, by whoever's session or token the request came with. Nothing personal goes into ``facts``."""
    hub = hub_of(request)
    who = actor or request.get(ACTOR, "?")
    note = AuditNote(at=hub.clock.now(), actor=who, action=action, target=target, facts=facts)
    await hub.store.append_audit(note)


async def viewed(request: web.Request, ticket: Ticket | None) -> None:
    """Somebody opened a case. Noted if it is a sensitive one."""
    if ticket is None or not ticket.sensitive:
        return
    hub = hub_of(request)
    key = f"viewed:{request.get(ACTOR, '?')}:{ticket.id}"
    if await hub.store.count_hit(key, now=hub.clock.now(), window_ms=VIEW_MS) == 1:
        await put_down(request, "ticket.viewed", ticket.id)
