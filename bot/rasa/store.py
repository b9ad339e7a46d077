"""One turn's tracker, held for as long as the turn lasts. The hub keeps the dialogue; Rasa keeps nothing."""

from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Dict, Iterable, Optional, Text

from rasa.core.tracker_store import TrackerStore
from rasa.shared.core.trackers import DialogueStateTracker


@dataclass
class Turn:
    """``failed`` names the action that could not be run: Rasa itself would go on as if nothing had happened."""

    tracker: DialogueStateTracker
    failed: Optional[Text] = None


#: Every request is handled in a context of its own, so two turns never see each other's tracker.
TURN: "ContextVar[Optional[Turn]]" = ContextVar("turn", default=None)


class TurnStore(TrackerStore):
    """Gives Rasa the live tracker of the turn that is being handled."""

    def __init__(self, domain: Any = None, event_broker: Any = None, **kwargs: Dict[Text, Any]) -> None:
        super().__init__(domain, event_broker)

    async def save(self, tracker: DialogueStateTracker) -> None:
        """Nothing to do: it is the same object."""

    async def retrieve(self, sender_id: Text) -> Optional[DialogueStateTracker]:
        turn = TURN.get()
        return turn.tracker if turn else None

    async def delete(self, sender_id: Text) -> None:
        """Nothing is kept."""

    async def keys(self) -> Iterable[Text]:
        return []
