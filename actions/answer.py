"""Questions: which entry of the knowledge base is meant, and what of it is asked."""

import re
from collections.abc import Mapping
from typing import Any, cast, get_args

from actions.ports import KnowledgeNow
from actions.status import StatusDesk, keys_in
from actions.turn import (
    FALLBACK,
    TO_A_PERSON,
    Action,
    Dispatcher,
    Heard,
    SlotEvents,
    Tracker,
    heard,
    say,
    set_slots,
    summary,
)
from bot.decision import Decision
from bot.knowledge import Aspect, Match
from bot.text import fold, words
from hub.model import Button
from hub.ports import TicketWish

ASPECT_OF_INTENT: dict[str, Aspect] = {
    f"ask_{aspect}": aspect for aspect in get_args(Aspect) if aspect != "general"
}
QUESTIONS = frozenset({"ask_procedure", "ask_faq", *ASPECT_OF_INTENT})
#: Intents with a response of their own in the domain.
ANSWERED_BY_DOMAIN = frozenset({"greet", "thanks", "bye", "out_of_scope"})
#: Intents that say nothing about what is wanted: the knowledge base decides alone.
VAGUE = frozenset({"inform", "affirm", "deny", FALLBACK})
#: How good a match must be to answer what looks like something else than a question.
STRONG = 0.8

WHICH_ONE = "Dạ, anh/chị đang hỏi về nội dung nào dưới đây ạ?"
WHICH_PROCEDURE = (
    "Dạ, anh/chị đang hỏi về thủ tục nào ạ? Anh/chị nhắn giúp em tên thủ tục (ví dụ: đăng ký khai sinh)."
)
NOT_UNDERSTOOD = "Dạ, em chưa hiểu rõ ý anh/chị. Anh/chị có thể nhắn tên thủ tục muốn hỏi, hoặc mô tả việc muốn phản ánh giúp em ạ."
UNKNOWN = (
    "Xin lỗi anh/chị, em chưa có thông tin được kiểm chứng về nội dung này nên không dám trả lời thay. "
    "Tổng đài viên sẽ hỗ trợ anh/chị ạ."
)


_CORRECTION = re.compile(
    r"\A(?:(?:à|ủa|dạ|ơ|a|ua|da)\s*,?\s*)*(?:không phải|hông phải|khong phai|hong phai|không|hông|khong|hong|nhầm|nham|lộn|lon)"
    r"(?:\s+(?:rồi|roi|vậy|đó|do|rùi))?\s*[,.:]+\s*(?:(?:ý|y)\s+\w+\s+(?:là|la|hỏi|hoi)\s+)?",
    re.IGNORECASE,
)
_INSTEAD_OF = re.compile(
    r"[\s,]+(?:chứ|chu)(?:\s+(?:không|hông|khong|hong)(?:\s+(?:phải|phai))?\s|\s*,|\Z).*\Z",
    re.IGNORECASE | re.DOTALL,
)
#: "cái thứ hai": one of what was offered before.
_PICK = re.compile(
    r"(?:(?:da|vay|thi|chon|lay|cho|em|toi|tui|hoi|cai|so|muc|thu tuc|loai|truong hop|o|phuong an) )*(?:thu )?"
    r"(dau tien|dau|nhat|mot|1|nhi|hai|2|ba|3|cuoi cung|cuoi|sau cung)(?: (?:do|day|nha|nhe|a|di|em|anh|chi|luon|nghe|tren|o tren))*"
)
_PLACES = {"dau tien": 0, "dau": 0, "nhat": 0, "mot": 0, "1": 0, "nhi": 1, "hai": 1, "2": 1, "ba": 2, "3": 2}


def picked(text: str, offered: str | None) -> str | None:
    """The entry that a place among those offered ("cái thứ hai") names."""
    found = _PICK.fullmatch(" ".join(words(fold(text))))
    ids = (offered or "").split()
    if not ids or found is None:
        return None
    place = _PLACES.get(found[1], len(ids) - 1)
    return ids[place] if place < len(ids) else None


def meant(text: str) -> str:
    """A correction without what it takes back: "à không, khai tử chứ không phải khai sinh" means "khai tử"."""
    rest = _INSTEAD_OF.sub("", _CORRECTION.sub("", text)).strip()
    return rest or text


class ActionAnswer:
    """``others`` are the actions of the intents that Rasa was not sure enough of to call them itself."""

    def __init__(self, knowledge: KnowledgeNow, status: StatusDesk, others: Mapping[str, Action]) -> None:
        self._knowledge = knowledge
        self._status = status
        self._others = others

    name = "action_answer"

    async def run(self, dispatcher: Dispatcher, tracker: Tracker, domain: Any) -> SlotEvents:
        said = heard(tracker)
        if said.intent == "choose_procedure":
            return self._procedure(dispatcher, said, said.entities["procedure"], _chosen_aspect(said), 1.0)
        if said.intent == "choose_faq":
            return self._faq(dispatcher, said, said.entities["faq"], 1.0)
        if one := picked(said.text, said.slots.get("offered")):
            kind, _, id_ = one.partition(":")
            if kind == "faq":
                return self._faq(dispatcher, said, id_, 1.0)
            return self._procedure(dispatcher, said, id_, _waiting_aspect(said), 1.0)
        if self._is_about_a_ticket(said):
            return await self._status.reply(dispatcher, said)
        if said.intent in QUESTIONS:
            return self._search(dispatcher, said)
        return await self._guess(dispatcher, tracker, domain, said)

    def _is_about_a_ticket(self, said: Heard) -> bool:
        if {"ticket_code", "dossier_code"} & said.entities.keys():
            return said.intent not in QUESTIONS or not said.sure
        awaits_key = "ticket_code" in said.slots and said.intent not in QUESTIONS
        return awaits_key and bool(keys_in(said.text))

    def _search(self, dispatcher: Dispatcher, said: Heard) -> SlotEvents:
        aspect = ASPECT_OF_INTENT.get(said.intent, "general")
        known = said.slots.get("procedure")
        knowledge = self._knowledge()
        if knowledge.bare(said.text):
            if known:
                return self._procedure(dispatcher, said, known, aspect, said.confidence)
            say(dispatcher, Decision(kind="clarify", confidence=said.confidence), WHICH_PROCEDURE)
            return set_slots(aspect=aspect)
        match = knowledge.find(meant(said.text))
        if match.outcome == "clarify":
            return self._choose(dispatcher, match, aspect)
        if match.outcome == "unknown":
            return self._unknown(dispatcher, said, match)
        return self._tell(dispatcher, said, match, aspect)

    async def _guess(self, dispatcher: Dispatcher, tracker: Tracker, domain: Any, said: Heard) -> SlotEvents:
        """Not a question, or not surely one: a strong match is answered, else the likeliest intent is followed."""
        match = self._knowledge().find(meant(said.text))
        vague = said.intent in VAGUE
        if match.outcome in ("procedure", "faq") and (vague or match.confidence >= STRONG):
            return self._tell(dispatcher, said, match, "general")
        if vague and match.outcome == "clarify":
            return self._choose(dispatcher, match, "general")
        if said.intent in self._others:
            return await self._others[said.intent].run(dispatcher, tracker, domain)
        if said.intent == "report_problem":
            return [{"event": "followup", "timestamp": None, "name": "report_form"}]
        if said.intent in ANSWERED_BY_DOMAIN:
            dispatcher.utter_message(None, response=f"utter_{said.intent}", json_message={}, buttons=[])
        else:
            say(dispatcher, Decision(kind="clarify", confidence=said.confidence), NOT_UNDERSTOOD)
        return []

    def _tell(self, dispatcher: Dispatcher, said: Heard, match: Match, aspect: Aspect) -> SlotEvents:
        id_ = match.id or match.candidates[0].id
        if match.outcome == "faq":
            return self._faq(dispatcher, said, id_, match.confidence)
        # after "which one?" the name alone answers what was asked before
        corrects = meant(said.text) != said.text
        if aspect == "general" and (corrects or "procedure" not in said.slots):
            aspect = _waiting_aspect(said)
        return self._procedure(dispatcher, said, id_, aspect, match.confidence)

    def _procedure(
        self, dispatcher: Dispatcher, said: Heard, id_: str, aspect: Aspect, confidence: float
    ) -> SlotEvents:
        knowledge = self._knowledge()
        procedure = knowledge.procedure(id_)
        if procedure is None:
            raise LookupError("a button names a procedure that is not there")
        communes = knowledge.communes_in(said.text)
        answer = knowledge.answer(id_, aspect, commune=communes[0].id if len(communes) == 1 else None)
        decision = Decision(
            kind="procedure",
            procedure=id_,
            aspect=aspect,
            handoff=answer.missing,  # offered: the citizen decides, by the button
            confidence=confidence,
            knowledge=answer.knowledge,
        )
        say(dispatcher, decision, answer.text, [TO_A_PERSON] if answer.missing else [])
        return set_slots(procedure=id_, aspect=aspect, faq=None, offered=None)

    def _faq(self, dispatcher: Dispatcher, said: Heard, id_: str, confidence: float) -> SlotEvents:
        answer = self._knowledge().answer_faq(id_)
        decision = Decision(
            kind="faq",
            faq=id_,
            handoff=answer.missing,  # offered: the citizen decides, by the button
            confidence=confidence,
            knowledge=answer.knowledge,
        )
        say(dispatcher, decision, answer.text, [TO_A_PERSON] if answer.missing else [])
        return set_slots(faq=id_, offered=None)

    def _choose(self, dispatcher: Dispatcher, match: Match, aspect: Aspect) -> SlotEvents:
        buttons = [
            Button(
                title=hit.title, payload=f'/choose_procedure{{"procedure":"{hit.id}","aspect":"{aspect}"}}'
            )
            if hit.kind == "procedure"
            else Button(title=hit.title, payload=f'/choose_faq{{"faq":"{hit.id}"}}')
            for hit in match.candidates
        ]
        decision = Decision(
            kind="clarify", confidence=match.confidence, candidates=tuple(hit.id for hit in match.candidates)
        )
        say(dispatcher, decision, WHICH_ONE, buttons)
        offered = " ".join(f"{hit.kind}:{hit.id}" for hit in match.candidates)
        return set_slots(procedure=None, aspect=aspect, offered=offered)

    def _unknown(self, dispatcher: Dispatcher, said: Heard, match: Match) -> SlotEvents:
        found = self._knowledge().category_for(said.text)
        decision = Decision(
            kind="unknown_procedure",
            category=found[0] if found else None,
            handoff=True,
            ticket=_unanswerable(summary(said.text), found[0] if found else None),
            confidence=said.confidence,
            candidates=tuple(hit.id for hit in match.candidates),
        )
        say(dispatcher, decision, UNKNOWN)
        return []


def _waiting_aspect(said: Heard) -> Aspect:
    waiting = said.slots.get("aspect", "general")
    return cast(Aspect, waiting) if waiting in get_args(Aspect) else "general"


def _chosen_aspect(said: Heard) -> Aspect:
    chosen = said.entities.get("aspect", "general")
    return cast(Aspect, chosen) if chosen in get_args(Aspect) else "general"


def _unanswerable(what: str, category: str | None = None) -> TicketWish:
    return TicketWish(reason="unanswerable", summary=what, category=category)
