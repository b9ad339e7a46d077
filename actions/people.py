"""Going to people: somebody is asked for, an authority is complained about, life is in danger."""

from typing import Any

from actions.ports import KnowledgeNow
from actions.turn import (
    Dispatcher,
    Heard,
    SlotEvents,
    Tracker,
    forget_report,
    heard,
    say,
    set_slots,
    summary,
)
from bot.decision import ALARMED, Decision, Kind, report_details
from bot.urgent import EMERGENCY
from hub.model import Priority, TicketReason
from hub.ports import TicketWish

HAND_OVER = "Dạ, em chuyển anh/chị gặp tổng đài viên ngay ạ."
COMPLAINT = (
    "Dạ, em rất tiếc về việc anh/chị gặp phải. Em ghi nhận ý kiến này và chuyển đến tổng đài viên để xem xét, "
    "anh/chị có thể nhắn thêm thời gian, địa điểm hoặc hình ảnh liên quan ạ."
)


class _ToPeople:
    """Hands the conversation over with a ticket, taking along what a half-filled report already holds."""

    kind: Kind
    reason: TicketReason
    priority: Priority = "normal"
    pending: str | None = None
    text: str

    def __init__(self, knowledge: KnowledgeNow) -> None:
        self._knowledge = knowledge

    async def run(self, dispatcher: Dispatcher, tracker: Tracker, domain: Any) -> SlotEvents:
        said = heard(tracker)
        details = report_details(said.slots)
        if "phone" in said.entities:
            details["phone"] = said.entities["phone"]
        category = self.category(said)
        wish = TicketWish(
            reason=self.reason,
            priority=self.priority,
            category=category,
            summary=self.summary(said, details.pop("description", None)),
            details=details,
        )
        say(dispatcher, Decision(kind=self.kind, category=category, handoff=True, ticket=wish), self.text)
        return [*forget_report(), *set_slots(pending=self.pending)]

    def summary(self, said: Heard, description: str | None) -> str:
        return summary(said.text, description)

    def category(self, said: Heard) -> str | None:
        found = self._knowledge().category_for(said.text)
        return found[0] if found else None


class ActionHandOver(_ToPeople):
    kind = "human"
    reason = "asked_for_person"
    text = HAND_OVER

    name = "action_hand_over"

    def summary(self, said: Heard, description: str | None) -> str:
        """The operator sees what was talked about before."""
        text = "Yêu cầu gặp tổng đài viên" if said.text.startswith("/") else said.text
        topic = self._knowledge().procedure(said.slots.get("procedure", ""))
        return summary(text, description, topic.name if topic else None)

    def category(self, said: Heard) -> str | None:
        return None


class ActionComplaint(_ToPeople):
    kind = "complaint"
    reason = "complaint"
    text = COMPLAINT

    name = "action_complaint"


class ActionEmergency(_ToPeople):
    kind = "emergency"
    reason = "emergency"
    priority = "urgent"
    pending = ALARMED
    text = EMERGENCY

    name = "action_emergency"
