"""The stateless input channel: events in, messages and new events out. Only the hub may call it."""

import hmac
import logging
import os
from functools import wraps
from typing import Any, Awaitable, Callable, Dict, List, Optional, Text

from rasa.core.channels.channel import InputChannel, OutputChannel, UserMessage
from rasa.shared.core.events import Event, deserialise_events
from rasa.shared.core.trackers import DialogueStateTracker
from sanic import Blueprint, response
from sanic.request import Request
from sanic.response import HTTPResponse

from bot.rasa.store import TURN, Turn

SECRET_HEADER = "X-Hub-Secret"  # noqa: S105 - a name, not a secret
logger = logging.getLogger(__name__)

#: What is left of an event: the policies read names and slots, not texts, scores or parse results.
_KEPT = {
    "user": ("timestamp",),
    "action": ("name", "timestamp"),
    "action_execution_rejected": ("name", "timestamp"),
    "active_loop": ("name", "timestamp"),
    "loop_interrupted": ("is_loop_interrupted", "timestamp"),
    "session_started": ("timestamp",),
    "slot": ("name", "value", "timestamp"),
}


def slim(event: Event) -> Optional[Dict[Text, Any]]:
    """The event as the hub keeps it, or None when nothing depends on it."""
    full = event.as_dict()
    kept = _KEPT.get(full["event"])
    if kept is None:
        return None
    small = {"event": full["event"], **{key: full[key] for key in kept if key in full}}
    if full["event"] == "user":
        intent = full["parse_data"]["intent"]
        small["parse_data"] = {
            "intent": {"name": intent.get("name"), "confidence": intent.get("confidence")},
            "entities": [],
        }
    return small


def _guarded(handle: Callable[[Request], Awaitable[HTTPResponse]]) -> Callable[..., Awaitable[HTTPResponse]]:
    @wraps(handle)
    async def checked(request: Request) -> HTTPResponse:
        secret = os.environ.get("HUB_RASA_SECRET", "")
        given = request.headers.get(SECRET_HEADER, "")
        if not secret or not hmac.compare_digest(given.encode(), secret.encode()):
            return response.json({"error": "wrong or missing secret"}, status=401)
        return await handle(request)

    return checked


class Said(OutputChannel):
    """Collects what is said, each message whole: Rasa's own collector splits texts at blank lines."""

    def __init__(self) -> None:
        self.messages: List[Dict[Text, Any]] = []

    async def send_response(self, recipient_id: Text, message: Dict[Text, Any]) -> None:
        self.messages.append({key: message[key] for key in ("text", "buttons", "custom") if message.get(key)})


class HubChannel(InputChannel):
    """``POST turn`` handles one message of a conversation whose events the caller brings along."""

    @classmethod
    def name(cls) -> Text:
        return "hub"

    def blueprint(self, on_new_message: Callable[[UserMessage], Awaitable[Any]]) -> Blueprint:
        hub = Blueprint("hub_channel", __name__)

        @hub.route("/health", methods=["GET"])
        @_guarded
        async def health(request: Request) -> HTTPResponse:
            agent = request.app.ctx.agent
            ready = agent is not None and agent.is_ready()
            return response.json(
                {"ready": ready, "model": agent.model_name if ready else None}, status=200 if ready else 503
            )

        @hub.route("/turn", methods=["POST"])
        @_guarded
        async def turn(request: Request) -> HTTPResponse:
            try:
                return await _turn(request.app.ctx.agent, request.json)
            except Exception as error:
                # the type alone: a message may stand in the text of the error
                logger.error("turn failed: %s", type(error).__name__)  # noqa: TRY400
                return response.json({"error": type(error).__name__}, status=500)

        return hub


async def _turn(agent: Any, body: Dict[Text, Any]) -> HTTPResponse:
    sender: Text = body["sender"]
    tracker = DialogueStateTracker.from_events(
        sender, deserialise_events(body["events"]), slots=agent.domain.slots
    )
    before = len(tracker.events)
    output = Said()
    message = UserMessage(
        body["message"], output, sender, input_channel=HubChannel.name(), metadata=body.get("metadata") or {}
    )
    this = Turn(tracker)
    token = TURN.set(this)
    try:
        # not by way of the agent: its lock per sender polls once a second, and nothing here is shared
        await agent.processor.handle_message(message)
    finally:
        TURN.reset(token)
    if this.failed:
        return response.json({"error": f"action failed: {this.failed}"}, status=500)
    parsed = tracker.latest_message.parse_data
    ranking = [intent for intent in parsed.get("intent_ranking", []) if intent["name"] != "nlu_fallback"]
    return response.json(
        {
            "messages": output.messages,
            "events": [small for small in map(slim, list(tracker.events)[before:]) if small],
            "intent": {
                "name": parsed["intent"].get("name"),
                "confidence": parsed["intent"].get("confidence") or 0.0,
                "ranking": ranking[:3],
            },
            "entities": parsed.get("entities", []),
        }
    )
