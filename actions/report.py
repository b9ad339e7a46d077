"""The report form: what, where, and a phone number if the citizen wants to leave one."""

import re
from typing import Any

from actions.answer import QUESTIONS
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
from bot.decision import DECLINED, Decision, report_details
from bot.text import fold, words
from hub.ports import TicketWish

#: How sure the intent must be before an answer in the form is taken for something else.
SURE_OF_REQUEST = 0.6
SURE_OF_SMALL_TALK = 0.8
REQUESTS = frozenset(
    {"ask_human", "complaint", "emergency", "ticket_status", "cancel", "choose_procedure", "choose_faq"}
)
SMALL_TALK = frozenset({"greet", "thanks", "bye", "out_of_scope"})
#: Words that say that something is to be reported, but not what.
_NO_CONTENT = {
    "a", "ad", "alo", "anh", "bao", "bi", "cai", "can", "chi", "cho", "chut", "co", "con", "cua", "chuyen", "da", "dang", "dc", "de", "di", "dum", "duoc", "em", "gap", "giup", "gium", "gui", "hoi", "kien", "khong", "la", "len", "lam", "minh", "mot", "muon", "nay", "nha", "nhe", "noi", "o", "oi", "phan", "phai", "su", "tinh", "toi", "thong", "tin", "tong", "dai", "truong", "hop", "tui", "van", "vay", "viec", "voi", "vu", "xin", "y", "1022", "nghi", "gop", "hien", "trang", "nghe", "cac",
}  # fmt: skip
_SHORTEST_DESCRIPTION = 2  # words of content
_NO = re.compile(r"^(?:da |thoi |toi |em |minh )*(?:khong|ko|hong|hk|k|no|khoi|thoi)(?: .{0,40})?$")

PHONE_AGAIN = "Dạ, em chưa đọc được số điện thoại."
RECEIVED = "Dạ, phản ánh của anh/chị:\n{lines}"
CANCELLED = "Dạ vâng, em đã dừng việc ghi nhận phản ánh. Khi nào cần, anh/chị cứ nhắn cho em ạ."
LABELS = {"description": "Nội dung", "location": "Địa điểm", "phone": "Điện thoại"}


class ValidateReportForm:
    """Decides for each message in the form whether it answers what was asked. Without a slot in return Rasa
    leaves the message to the rules for questions in the middle of a report."""

    def __init__(self, knowledge: KnowledgeNow) -> None:
        self._knowledge = knowledge

    name = "validate_report_form"

    async def run(self, dispatcher: Dispatcher, tracker: Tracker, domain: Any) -> SlotEvents:
        said = heard(tracker)
        asked_for = said.slots.get("requested_slot")
        if asked_for is None:
            return self._opened(dispatcher, said)
        if asked_for == "report_phone" and (found := _phone(said)):
            return set_slots(report_phone=found)
        if self._is_something_else(said):
            return []
        if asked_for == "report_phone":
            say(dispatcher, Decision(kind="slot_answer"), PHONE_AGAIN)
            return set_slots(report_phone=None)
        usable = said.intent not in ("affirm", "deny") and bool(words(said.text))
        return set_slots(**{asked_for: said.text if usable else None})

    def _opened(self, dispatcher: Dispatcher, said: Heard) -> SlotEvents:
        """The message that opens the form often tells already what is wrong."""
        found = self._knowledge().category_for(said.text)
        say(dispatcher, Decision(kind="report", category=found[0] if found else None))
        filled: dict[str, str | None] = {}
        if describes(said.text):
            filled["report_description"] = said.text
        if "phone" in said.entities:
            filled["report_phone"] = said.entities["phone"]
        return set_slots(**filled)

    def _is_something_else(self, said: Heard) -> bool:
        if not said.sure:
            return False
        if said.intent in REQUESTS:
            return said.confidence >= SURE_OF_REQUEST
        if said.intent in SMALL_TALK:
            return said.confidence >= SURE_OF_SMALL_TALK
        return said.intent in QUESTIONS and said.confidence >= SURE_OF_REQUEST and self._can_answer(said)

    def _can_answer(self, said: Heard) -> bool:
        knowledge = self._knowledge()
        if knowledge.bare(said.text):
            return "procedure" in said.slots
        return knowledge.find(said.text).outcome != "unknown"


def describes(text: str) -> bool:
    """Whether a message that wants to report something also says what."""
    content = [word for word in words(fold(text)) if word not in _NO_CONTENT]
    return len(content) >= _SHORTEST_DESCRIPTION


def _phone(said: Heard) -> str | None:
    if "phone" in said.entities:
        return said.entities["phone"]
    declines = said.intent == "deny" or bool(_NO.match(" ".join(words(fold(said.text)))))
    return DECLINED if declines else None


class ActionSubmitReport:
    def __init__(self, knowledge: KnowledgeNow) -> None:
        self._knowledge = knowledge

    name = "action_submit_report"

    async def run(self, dispatcher: Dispatcher, tracker: Tracker, domain: Any) -> SlotEvents:
        details = report_details(heard(tracker).slots)
        lines = "\n".join(f"• {LABELS[name]}: {value}" for name, value in details.items())
        description = details.pop("description")
        found = self._knowledge().category_for(description)
        category = found[0] if found else None
        wish = TicketWish(reason="report", category=category, summary=summary(description), details=details)
        decision = Decision(kind="slot_answer", category=category, handoff=True, ticket=wish)
        say(dispatcher, decision, RECEIVED.format(lines=lines))
        return forget_report()


class ActionCancelReport:
    name = "action_cancel_report"

    async def run(self, dispatcher: Dispatcher, tracker: Tracker, domain: Any) -> SlotEvents:
        say(dispatcher, Decision(kind="slot_answer"), CANCELLED)
        return forget_report()
