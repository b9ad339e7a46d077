"""One turn as the actions see it: what was said, what was understood, what is remembered; and how to reply."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from bot.decision import REPORT_SLOTS, Decision
from hub.model import Button

FALLBACK = "nlu_fallback"
LONGEST_SUMMARY = 500  # characters
TO_A_PERSON = Button(title="Gặp tổng đài viên", payload="/ask_human")

SlotEvents = list[dict[str, Any]]


class Tracker(Protocol):
    """What is used of the SDK's tracker."""

    latest_message: dict[str, Any]
    slots: dict[str, Any]
    sender_id: str
    events: list[dict[str, Any]]


class Dispatcher(Protocol):
    """What is used of the SDK's dispatcher."""

    def utter_message(
        self,
        text: str | None,
        *,
        json_message: dict[str, Any],
        buttons: list[dict[str, Any]],
        response: str | None = None,
    ) -> None: ...


class Action(Protocol):
    """One action as Rasa calls it by name."""

    @property
    def name(self) -> str: ...

    async def run(self, dispatcher: Dispatcher, tracker: Tracker, domain: Any) -> SlotEvents: ...


@dataclass(frozen=True)
class Heard:
    """``intent`` is the likeliest one even where Rasa was not sure enough (``sure`` is False then); ``ranking`` has
    it and the next ones with their chances; a ``letter`` is answered completely."""

    text: str
    intent: str
    confidence: float
    sure: bool
    entities: dict[str, str]
    slots: dict[str, str]
    conversation: str
    ranking: tuple[tuple[str, float], ...] = ()
    letter: bool = False


def heard(tracker: Tracker) -> Heard:
    message = tracker.latest_message
    intent = message.get("intent") or {}
    sure = intent.get("name") != FALLBACK
    ranked = [other for other in message.get("intent_ranking", ()) if other["name"] != FALLBACK]
    if not sure and ranked:
        intent = ranked[0]
    return Heard(
        text=message.get("text") or "",
        intent=intent.get("name") or FALLBACK,
        confidence=float(intent.get("confidence") or 0.0),
        sure=sure,
        entities={entity["entity"]: str(entity["value"]) for entity in message.get("entities", ())},
        slots={name: value for name, value in tracker.slots.items() if value is not None},
        conversation=tracker.sender_id,
        letter=bool(_metadata(tracker).get("letter")),
        ranking=tuple((other["name"], float(other["confidence"])) for other in ranked),
    )


def _metadata(tracker: Tracker) -> dict[str, Any]:
    """What the hub said about the message beside its text."""
    for event in reversed(tracker.events):
        if event.get("event") == "user":
            return event.get("metadata") or {}
    return {}


def say(
    dispatcher: Dispatcher,
    decision: Decision,
    text: str | None = None,
    buttons: Sequence[Button] = (),
) -> None:
    dispatcher.utter_message(
        text=text,
        buttons=[button.model_dump() for button in buttons],
        json_message=decision.model_dump(exclude_defaults=True),
    )


def set_slots(**values: str | None) -> SlotEvents:
    return [
        {"event": "slot", "timestamp": None, "name": name, "value": value} for name, value in values.items()
    ]


def forget_report() -> SlotEvents:
    return set_slots(**dict.fromkeys(REPORT_SLOTS))


def summary(*parts: str | None) -> str:
    return " – ".join(part for part in parts if part)[:LONGEST_SUMMARY]
