"""The report form: what, where, and a phone number if the citizen wants to leave one; when, if it is told.

People tell these in any order, several at once, correct what they said, and ask questions in between. Each message is
taken apart (``actions.details``); what it holds is filled in, and the form asks for what is still missing.
"""

import re
from typing import Any

from actions.answer import REPORTED, ActionAnswer
from actions.details import Pieces, declines, pieces_of
from actions.ports import KnowledgeNow
from actions.talk import asks
from actions.topic import QUESTIONS
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
#: What reads like danger was looked for before (``bot.urgent``): the model alone must be surer.
SURE_OF_DANGER = 0.85
#: A question that can be answered needs less where a phone number was asked for: nothing else looks like one.
PERHAPS_A_QUESTION, SURELY_ANSWERABLE = 0.35, 0.8
#: Requests that end the form; their rules follow when the form lets them pass.
REQUESTS = frozenset({"ask_human", "complaint", "emergency"})
LEAVING = frozenset({"cancel", "bye"})
#: Answered by the form's own action, and the form goes on.
ASIDES = frozenset({"greet", "thanks", "out_of_scope", "ticket_status", "choose_procedure", "choose_faq"})
#: Words that say that something is to be reported, but not what.
_NO_CONTENT = {
    "a", "ad", "alo", "anh", "bao", "bi", "cai", "can", "chi", "cho", "chut", "co", "con", "cua", "chuyen", "da", "dang", "dc", "de", "di", "dum", "duoc", "em", "gap", "giup", "gium", "gui", "hoi", "kien", "khong", "la", "len", "lam", "minh", "mot", "muon", "nay", "nha", "nhe", "noi", "o", "oi", "phan", "phai", "su", "tinh", "toi", "thong", "tin", "tong", "dai", "truong", "hop", "tui", "van", "vay", "viec", "voi", "vu", "xin", "y", "1022", "nghi", "gop", "hien", "trang", "nghe", "cac", "luon", "ne", "lien", "ngay", "gio", "bay", "lap", "phieu", "ghi", "nhan", "nho", "tao",
}  # fmt: skip
_SHORTEST_DESCRIPTION = 2  # words of content
#: "thôi, không báo nữa": the report itself is meant, not the number that was asked for.
_GIVES_UP = re.compile(
    r"(?<!\w)(?:bao|phan anh|huy|gui nua|lam nua|khieu nai|tu giai quyet|tu lo|xong roi|sua roi|het roi)(?!\w)"
)
_DOES_NOT_KNOW = re.compile(r"(?<!\w)(?:khong|hong|ko|k|chang|dau) (?:biet|ro|nho|chac)(?!\w)")

PHONE_AGAIN = "Dạ, số này em đọc chưa ra."
NOTED = "Dạ, em ghi thêm rồi ạ."
CHANGED = "Dạ, em sửa lại rồi ạ."
RECEIVED = "Dạ, em tóm lại phản ánh của anh/chị:\n{lines}"
CANCELLED = "Dạ vâng, em dừng ghi nhận phản ánh này. Khi nào cần, anh/chị cứ nhắn em ạ."
LABELS = {"description": "Nội dung", "location": "Địa điểm", "time": "Thời gian", "phone": "Điện thoại"}


class ValidateReportForm:
    """Fills in what each message tells. Without a slot in return Rasa leaves the message to the rules that end the
    form; a question in the middle is answered here, and the form asks again for what it needs."""

    def __init__(self, knowledge: KnowledgeNow, answer: ActionAnswer) -> None:
        self._knowledge = knowledge
        self._answer = answer

    name = "validate_report_form"

    async def run(self, dispatcher: Dispatcher, tracker: Tracker, domain: Any) -> SlotEvents:
        said = heard(tracker)
        asked_for = said.slots.get("requested_slot")
        told = pieces_of(said.text, self._names_commune)
        if asked_for is None:
            return self._opened(dispatcher, said, told)
        needed = SURE_OF_DANGER if said.intent == "emergency" else SURE_OF_REQUEST
        if said.sure and said.intent in REQUESTS and said.confidence >= needed:
            return []
        if asked_for == "report_phone" and told.phone:
            return _filled(said, told, phone=told.phone)
        if self._leaves(said, asked_for):
            return []
        if self._is_aside(said, told, asked_for):
            return [*await self._answer.run(dispatcher, tracker, domain), *set_slots(**{asked_for: None})]
        match asked_for:
            case "report_description":
                return self._what(said, told)
            case "report_location":
                return self._where(dispatcher, said, told)
            case _:
                return self._phone(dispatcher, said, told)

    def _names_commune(self, text: str) -> bool:
        return bool(self._knowledge().communes_in(text))

    def _opened(self, dispatcher: Dispatcher, said: Heard, told: Pieces) -> SlotEvents:
        """The message that opens the form often tells already what is wrong, and where."""
        known = said.slots.get("report_description")  # told before the report was offered
        found = self._knowledge().category_for(known or said.text)
        say(dispatcher, Decision(kind="report", category=found[0] if found else None))
        description = said.text if known is None and describes(said.text) else None
        return _filled(said, told, description=description, location=told.place, phone=told.phone)

    def _what(self, said: Heard, told: Pieces) -> SlotEvents:
        usable = said.intent not in ("affirm", "deny") and describes(said.text)
        place_only = told.place and not told.rest
        description = said.text if usable and not place_only else None
        filled = _filled(said, told, description=description, location=told.place, phone=told.phone)
        return filled or set_slots(report_description=None)

    def _where(self, dispatcher: Dispatcher, said: Heard, told: Pieces) -> SlotEvents:
        asked_twice = said.slots.get("pending") == "place"
        place = told.where if told.place or said.intent not in ("affirm", "deny") else None
        if place is None and asked_twice:
            place = DECLINED if _DOES_NOT_KNOW.search(fold(said.text)) else said.text
        if place is not None:
            filled = _filled(said, told, location=place, phone=told.phone, more=told.rest)
            return [*filled, *set_slots(pending=None)]
        if said.intent not in ("affirm", "deny") and describes(said.text):
            say(dispatcher, Decision(kind="slot_answer"), NOTED)
        filled = _filled(said, told, phone=told.phone, more=told.rest)
        return [*filled, *set_slots(report_location=None, pending="place")]

    def _phone(self, dispatcher: Dispatcher, said: Heard, told: Pieces) -> SlotEvents:
        place = told.where if told.place or told.takes_back else None
        more = told.rest if not declines(said.text) else None
        if filled := _filled(said, told, location=place, more=more):
            say(dispatcher, Decision(kind="slot_answer"), CHANGED if told.takes_back else NOTED)
            return [*filled, *set_slots(report_phone=None)]
        if said.intent in ("deny", "cancel", "bye") or declines(said.text):
            return set_slots(report_phone=DECLINED)
        say(dispatcher, Decision(kind="slot_answer"), PHONE_AGAIN)
        return set_slots(report_phone=None)

    def _leaves(self, said: Heard, asked_for: str) -> bool:
        """Whether the report is given up. Where only the number is missing, "thôi khỏi" declines that."""
        if not said.sure or said.intent not in LEAVING or said.confidence < SURE_OF_REQUEST:
            return False
        return asked_for != "report_phone" or bool(_GIVES_UP.search(fold(said.text)))

    def _is_aside(self, said: Heard, told: Pieces, asked_for: str) -> bool:
        """Whether a message is about something else, to be answered before the form goes on."""
        if said.intent in ASIDES:
            return said.sure and said.confidence >= SURE_OF_SMALL_TALK and not (told.place or told.phone)
        if told.phone or (told.place and (told.takes_back or not asks(said.text))):
            return False
        if asked_for == "report_phone" and declines(said.text) and not asks(said.text):
            return False
        question = said.intent in QUESTIONS and said.sure and said.confidence >= SURE_OF_REQUEST
        if question:
            sure = asked_for == "report_phone" and said.confidence >= SURE_OF_SMALL_TALK
            return (sure and not self._knowledge().bare(said.text)) or self._answers(said) > 0
        asking = asks(said.text) and not declines(said.text) and not told.time
        if not asking and not (asked_for == "report_phone" and said.intent in QUESTIONS):
            return False
        if asked_for == "report_phone" or said.intent in QUESTIONS:
            return self._answers(said) >= PERHAPS_A_QUESTION
        return said.intent != "report_problem" and self._answers(said) >= SURELY_ANSWERABLE

    def _answers(self, said: Heard) -> float:
        """How surely the knowledge base answers a message."""
        knowledge = self._knowledge()
        if knowledge.bare(said.text):
            return float("procedure" in said.slots)
        found = knowledge.find(said.text)
        return found.confidence if found.outcome != "unknown" else 0.0


def describes(text: str) -> bool:
    """Whether a message that wants to report something also says what."""
    content = [word for word in words(fold(text)) if word not in _NO_CONTENT]
    return len(content) >= _SHORTEST_DESCRIPTION


def _filled(
    said: Heard,
    told: Pieces,
    *,
    description: str | None = None,
    location: str | None = None,
    phone: str | None = None,
    more: str | None = None,
) -> SlotEvents:
    """The slots a message fills. A place told later adds to the one told before, unless it corrects it; ``more``
    adds to the description."""
    before = said.slots.get("report_location")
    if location and before and not told.takes_back and location != DECLINED:
        location = location if fold(before) in fold(location) else f"{location}, {before}"
    if more and describes(more):
        known = said.slots.get("report_description")
        description = f"{known}. {more}" if known else more
    values = {
        "report_description": description, "report_location": location, "report_time": told.time,
        "report_phone": phone,
    }  # fmt: skip
    return set_slots(**{name: value for name, value in values.items() if value})


class ActionSubmitReport:
    def __init__(self, knowledge: KnowledgeNow) -> None:
        self._knowledge = knowledge

    name = "action_submit_report"

    async def run(self, dispatcher: Dispatcher, tracker: Tracker, domain: Any) -> SlotEvents:
        details = report_details(heard(tracker).slots)
        lines = "\n".join(f"• {label}: {details[name]}" for name, label in LABELS.items() if name in details)
        description = details.pop("description")
        found = self._knowledge().category_for(description)
        category = found[0] if found else None
        wish = TicketWish(reason="report", category=category, summary=summary(description), details=details)
        decision = Decision(kind="slot_answer", category=category, handoff=True, ticket=wish)
        say(dispatcher, decision, RECEIVED.format(lines=lines))
        return [*forget_report(), *set_slots(pending=REPORTED)]


class ActionCancelReport:
    name = "action_cancel_report"

    async def run(self, dispatcher: Dispatcher, tracker: Tracker, domain: Any) -> SlotEvents:
        say(dispatcher, Decision(kind="slot_answer"), CANCELLED)
        return forget_report()
