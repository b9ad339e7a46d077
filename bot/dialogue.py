"""The bot's memory between turns: a conversation's Rasa events, made short after each turn.

The policies look at the slots, the active form and the running turn, so nothing else of the past is kept but
the last exchange, whose time tells Rasa when a conversation begins afresh.
"""

from collections.abc import Iterable
from typing import Any

from hub.model import Dialogue

RasaEvent = dict[str, Any]

#: Of the last exchange no more than this many events are kept, the newest.
LONGEST_EXCHANGE = 10


def compact(events: Iterable[RasaEvent]) -> Dialogue:
    """A dialogue that goes on exactly as one with all ``events`` would."""
    slots: dict[str, RasaEvent] = {}
    loop: RasaEvent | None = None
    user: RasaEvent | None = None
    actions: list[RasaEvent] = []
    for event in events:
        match event["event"]:
            case "session_started":
                slots, loop = {}, None
            case "slot":
                slots.pop(event["name"], None)
                if event["value"] is not None:
                    slots[event["name"]] = event
            case "active_loop":
                loop = event if event["name"] else None
            case "user":
                user, actions = event, []
            case "action":
                actions.append(event)
    before = [*slots.values(), *([loop] if loop else [])]
    exchange = [*([user] if user else []), *actions[-LONGEST_EXCHANGE:]]
    return Dialogue(events=(*before, *exchange))


def filled(events: Iterable[RasaEvent]) -> dict[str, str]:
    """The slots that were given a value in ``events``, also those emptied again afterwards."""
    return {
        event["name"]: event["value"]
        for event in events
        if event["event"] == "slot" and isinstance(event["value"], str)
    }


def in_a_form(dialogue: Dialogue) -> bool:
    """Whether a form waits for an answer."""
    return any(event["event"] == "active_loop" and event["name"] for event in dialogue.events)
