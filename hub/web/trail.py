"""What is done in the console goes into the audit log."""

from aiohttp import web

from hub.audit import AuditNote
from hub.web.context import hub_of

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
