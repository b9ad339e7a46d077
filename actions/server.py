"""The route Rasa calls actions by: loopback only, with the secret both sides know."""

import hmac
import ipaddress
import logging

from aiohttp import web

from actions.ports import KnowledgeNow, Tickets

SECRET_HEADER = "X-Hub-Secret"  # noqa: S105 - a name, not a secret

log = logging.getLogger(__name__)


def action_app(knowledge: KnowledgeNow, tickets: Tickets, secret: str) -> web.Application:
    """``POST /actions`` on an application of its own, to be served on loopback only."""
    # Loading the SDK takes two seconds: only who serves actions pays for it.
    from rasa_sdk.interfaces import (  # type: ignore[import-untyped]
        ActionExecutionRejection,
        ActionNotFoundException,
    )

    from actions.executor import make_executor

    executor = make_executor(knowledge, tickets)

    async def act(request: web.Request) -> web.Response:
        if not _from_this_machine(request):
            return _error(403, "loopback only")
        given = request.headers.get(SECRET_HEADER, "")
        if not secret or not hmac.compare_digest(given.encode(), secret.encode()):
            return _error(401, "wrong or missing secret")
        call = await request.json()
        name = call.get("next_action")
        # Without a domain the SDK answers 449, which Rasa 3.6 takes for silence.
        call.setdefault("domain", {"version": "3.1"})
        try:
            result = await executor.run(call)
        except ActionExecutionRejection as error:
            return web.json_response({"error": str(error), "action_name": error.action_name}, status=400)
        except ActionNotFoundException as error:
            return web.json_response({"error": str(error), "action_name": error.action_name}, status=404)
        except Exception as error:
            # the type alone: the text of an error may hold what a citizen wrote
            log.error("action failed", extra={"facts": {"action": name, "why": type(error).__name__}})  # noqa: TRY400
            return _error(500, "action failed")
        return web.json_response(result.model_dump() if result else {"events": [], "responses": []})

    app = web.Application()
    app.router.add_post("/actions", act)
    return app


def _from_this_machine(request: web.Request) -> bool:
    peer = request.transport.get_extra_info("peername") if request.transport else None
    return peer is not None and ipaddress.ip_address(peer[0]).is_loopback


def _error(status: int, text: str) -> web.Response:
    return web.json_response({"error": text}, status=status)
