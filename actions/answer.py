"""Answers to questions, and to whatever Rasa was not sure of."""

from collections.abc import Mapping, Sequence
from typing import Any, cast, get_args

from actions.after import OPEN_FORM, REPORT, after_answer, offer
from actions.details import phone_in, pieces_of
from actions.earlier import back_to_nothing, goes_back, remembered
from actions.misfortune import Misfortune, misfortune_in, says_what_is_wanted
from actions.ports import KnowledgeNow
from actions.status import StatusDesk, keys_in
from actions.talk import asks, corrected, english, gives_up, only_a_number, rude
from actions.topic import CHOOSE, QUESTIONS, VAGUE, Meant, meaning, offered_to, topic_of
from actions.turn import (
    FALLBACK,
    TO_A_PERSON,
    Action,
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
from bot.decision import ALARMED, Decision
from bot.knowledge import Aspect, Hit, Match, Topic
from bot.knowledge.broad import broad_name
from bot.text import words
from hub.model import Button
from hub.ports import TicketWish

#: Of the button under a broad name's choices.
CHOOSE_OTHER = "choose_other"
#: More choices than search finds close to each other are those of a broad name.
MOST_CLOSE = 3
OTHER = Button(title="Việc khác", payload=f"/{CHOOSE_OTHER}")
#: Intents with a response of their own in the domain.
ANSWERED_BY_DOMAIN = frozenset({"greet", "thanks", "bye", "out_of_scope"})
SAYS_YES_OR_NO = frozenset({"affirm", "deny", "cancel"})
POLITE = frozenset({"greet", "thanks", "bye"})
#: How good a match must be to answer what looks like something else than a question.
VERY_STRONG, STRONG, LIKELY = 0.95, 0.8, 0.5
#: Politeness in so few words holds no question.
FEW_WORDS = 3
#: What the bot's last message left open: it offered a person, or to tell more of the procedure; or it could not make
#: sense of the citizen's last one.
PERSON, MORE, UNCLEAR = "person", "more", "unclear"
#: A report has just been sent: what is told now may belong to it.
REPORTED = "reported"
#: Told, not asked: what happened to somebody is answered all the same, where the knowledge base covers it.
TOLD = frozenset({"report_problem", "complaint", "emergency"})
#: What the model alone takes for danger outweighs every answer from this chance on, unless that is as sure.
SURE_OF_DANGER = 0.85
ADDS = frozenset({"inform", "deny", "report_problem", FALLBACK})

WHICH_ONE = "Dạ, anh/chị hỏi việc nào dưới đây ạ?"
WHICH_PROCEDURE = "Dạ, anh/chị hỏi thủ tục nào ạ? Anh/chị nhắn tên thủ tục giúp em, ví dụ: đăng ký khai sinh."
WHAT_ELSE = "Dạ, anh/chị nhắn rõ hơn giúp em việc cần làm ạ, ví dụ: sang tên xe máy, nhập hộ khẩu cho con."
WHAT_INSTEAD = "Dạ, em xin lỗi đã hiểu chưa đúng. Anh/chị nhắn lại giúp em tên thủ tục hoặc việc cần làm ạ."
NOT_UNDERSTOOD = (
    "Dạ, em chưa hiểu rõ ý anh/chị. Anh/chị nhắn giúp em tên thủ tục cần hỏi, hoặc kể việc muốn phản ánh ạ."
)
STILL_NOT_UNDERSTOOD = (
    "Dạ, em vẫn chưa hiểu ý anh/chị, em xin lỗi ạ. Anh/chị có muốn gặp tổng đài viên không ạ?"
)
SORRY = (
    "Dạ, em xin lỗi nếu em làm anh/chị chưa hài lòng. Anh/chị cho em biết việc đang cần, hoặc em chuyển anh/chị gặp "
    "tổng đài viên, được không ạ?"
)
WHERE_ONLY = "Dạ, em ghi nhận nơi anh/chị ở rồi ạ. Anh/chị cần em hỗ trợ việc gì: hỏi thủ tục, gửi phản ánh hay tra cứu phiếu ạ?"
ADDED = "Dạ, em nhận được rồi ạ."
A_NUMBER_ALONE = (
    "Dạ, em nhận được dãy số này rồi ạ. Anh/chị nhắn thêm giúp em cần hỗ trợ việc gì: hỏi thủ tục, gửi phản ánh hay tra "
    "cứu phiếu ạ?"
)
IN_VIETNAMESE = (
    "Dạ, em chỉ trả lời được bằng tiếng Việt, anh/chị nhắn tiếng Việt hoặc gặp tổng đài viên giúp em ạ.\n"
    "Sorry, I can only answer in Vietnamese. Would you like to talk to an operator?"
)
UNKNOWN = "Dạ, việc này em chưa có thông tin chính thức nên không dám trả lời thay. Em nhờ tổng đài viên hỗ trợ anh/chị ạ."


class ActionAnswer:
    """``others`` are the actions of the intents that Rasa was not sure enough of to call them itself."""

    def __init__(self, knowledge: KnowledgeNow, status: StatusDesk, others: Mapping[str, Action]) -> None:
        self._knowledge = knowledge
        self._status = status
        self._others = others

    name = "action_answer"

    async def run(self, dispatcher: Dispatcher, tracker: Tracker, domain: Any) -> SlotEvents:
        said = heard(tracker)
        events = await self._turn(dispatcher, tracker, domain, said)
        if said.slots.get("pending") == REPORT and not _keeps_what_was_told(events):
            return [*forget_report(), *events]
        return events

    async def _turn(self, dispatcher: Dispatcher, tracker: Tracker, domain: Any, said: Heard) -> SlotEvents:
        if said.intent == "choose_procedure":
            return self._tell(
                dispatcher, said, ("procedure", said.entities["procedure"]), _chosen_aspect(said)
            )
        if said.intent == "choose_faq":
            return self._tell(dispatcher, said, ("faq", said.entities["faq"]), "general")
        if said.intent == CHOOSE_OTHER:
            say(dispatcher, Decision(kind="clarify"), WHAT_ELSE)
            return set_slots(procedure=None, faq=None, pending=UNCLEAR)
        if after := after_answer(self._knowledge, dispatcher, said):
            return after
        if self._is_about_a_ticket(said):
            return await self._status.reply(dispatcher, said)
        if said.slots.get("pending") == PERSON and said.intent in SAYS_YES_OR_NO:
            if said.intent == "affirm":
                return await self._others["ask_human"].run(dispatcher, tracker, domain)
            return _respond(dispatcher, "utter_all_right")
        if said.slots.get("pending") == MORE and said.intent == "affirm" and not asks(said.text):
            return self._tell(dispatcher, said, ("procedure", said.slots["procedure"]), "documents")
        if said.sure and said.intent in ANSWERED_BY_DOMAIN and len(words(said.text)) <= FEW_WORDS:
            if rude(said.text):
                return self._calm(dispatcher, said)
            return _respond(dispatcher, f"utter_{said.intent}")
        if said.slots.get("pending") in (REPORTED, ALARMED) and (added := self._adds(dispatcher, said)):
            return added
        if english(said.text):
            say(dispatcher, Decision(kind="out_of_scope"), IN_VIETNAMESE, [TO_A_PERSON])
            return set_slots(pending=PERSON)
        if only_a_number(said.text) and not offered_to(said):
            say(dispatcher, Decision(kind="clarify"), A_NUMBER_ALONE)
            return set_slots(pending=UNCLEAR)
        if befallen := self._befallen(dispatcher, said):
            return befallen
        if said.sure and said.intent in TOLD and not broad_name(said.text):
            return await self._follow(dispatcher, tracker, domain, said)
        if self._tells_of_a_problem(said):
            return OPEN_FORM
        meant = meaning(self._knowledge(), said)
        bare_words = said.intent == "ticket_status" and meant.outcome == "topic"
        if said.intent in QUESTIONS or bare_words or self._outweighs(said, meant):
            return self._reply(dispatcher, said, meant)
        return await self._follow(dispatcher, tracker, domain, said)

    def _is_about_a_ticket(self, said: Heard) -> bool:
        if said.intent == "ticket_status" and said.sure:
            # "hồ sơ", after a procedure, asks for its papers
            follows = topic_of(said) is not None and len(words(said.text)) <= FEW_WORDS
            return not follows or self._knowledge().follow_up(said.text)[0] < STRONG
        if {"ticket_code", "dossier_code"} & said.entities.keys():
            return said.intent not in QUESTIONS or not said.sure
        awaits_key = "ticket_code" in said.slots and said.intent not in QUESTIONS
        return awaits_key and bool(keys_in(said.text))

    def _adds(self, dispatcher: Dispatcher, said: Heard) -> SlotEvents:
        """A place, a time or a number told or corrected after the report was sent; nothing when it is no such thing."""
        told = pieces_of(said.text, lambda text: bool(self._knowledge().communes_in(text)))
        found = {"location": told.where if told.place else None, "time": told.time, "phone": told.phone}
        details = {name: value for name, value in found.items() if value}
        if not details or said.intent not in ADDS or asks(said.text):
            return []
        wish = TicketWish(reason="report", summary=said.text, details=details, addition=True)
        say(dispatcher, Decision(kind="slot_answer", handoff=True, ticket=wish), ADDED)
        return [*set_slots(**{f"report_{name}": value for name, value in details.items()}), *forget_report()]

    def _befallen(self, dispatcher: Dispatcher, said: Heard) -> SlotEvents:
        """What to do about something that happened to somebody; nothing where the knowledge base does not cover it,
        or a number to call back says that a report is wanted."""
        what = misfortune_in(said.text)
        if what is None or asks(said.text) or offered_to(said) or phone_in(said.text):
            return []
        match = self._knowledge().find(said.text)
        covered = match.outcome in ("procedure", "faq") and match.confidence >= STRONG
        danger = said.intent == "emergency" and said.confidence >= SURE_OF_DANGER
        if danger and not (covered and match.confidence >= VERY_STRONG):
            return []
        if covered:
            return self._console(dispatcher, said, what, match)
        if says_what_is_wanted(said.text):
            return []
        if what.choices and (hits := self._known(broad_name(what.choices))):
            return self._choose(dispatcher, hits, "general", match.confidence, opening=what.opening)
        if said.intent in ("report_problem", "complaint") or match.outcome != "unknown":
            return []
        return self._unknown(dispatcher, said, Meant("unknown", "general", match=match))

    def _console(self, dispatcher: Dispatcher, said: Heard, what: Misfortune, match: Match) -> SlotEvents:
        found = match.candidates[0]
        events = self._tell(
            dispatcher, said, (found.kind, found.id), "general", match.confidence, opening=what.opening
        )
        return [*events, *offer(dispatcher, said)] if what.wrong else events

    def _tells_of_a_problem(self, said: Heard) -> bool:
        """A place, something about it, and no question: a report, whatever it resembles."""
        told = pieces_of(said.text, lambda text: bool(self._knowledge().communes_in(text)))
        if not (told.place and (told.rest or told.placeish)) or asks(said.text) or said.slots.get("pending"):
            return False
        return said.intent in ("inform", FALLBACK, "report_problem") or bool(told.phone)

    def _outweighs(self, said: Heard, meant: Meant) -> bool:
        """Whether what looks like something else than a question is answered as one."""
        if meant.outcome in ("broad", "several") or (meant.topic is not None and goes_back(said)):
            return True
        if back_to_nothing(said) is not None and said.intent in VAGUE | SAYS_YES_OR_NO:
            return meant.outcome in ("topic", "which", "unnamed")
        if meant.outcome == "offered" and gives_up(said.text):
            return False
        if offered_to(said) and meant.outcome in ("topic", "retracted", "offered"):
            return meant.outcome == "topic" or said.intent in VAGUE
        if (
            said.sure
            and said.intent in SAYS_YES_OR_NO
            and len(words(said.text)) <= FEW_WORDS
            and not asks(said.text)
        ):
            return meant.outcome == "retracted" and topic_of(said) is not None and said.intent == "deny"
        if said.intent in VAGUE:
            if meant.outcome == "retracted":
                return topic_of(said) is not None
            return meant.outcome in ("topic", "which")
        wanted = said.sure and (said.intent in self._others or said.intent == "report_problem")
        if corrected(said.text).takes_back and topic_of(said) is not None and not wanted:
            return meant.outcome in ("topic", "which")
        if not said.sure and asks(said.text):
            return meant.outcome in ("topic", "which")
        if said.sure and (said.intent == "out_of_scope" or (said.intent in POLITE and not asks(said.text))):
            return False
        needed = (
            VERY_STRONG if said.sure and said.intent == "out_of_scope" else STRONG if said.sure else LIKELY
        )
        return meant.outcome == "topic" and meant.confidence >= needed

    async def _follow(self, dispatcher: Dispatcher, tracker: Tracker, domain: Any, said: Heard) -> SlotEvents:
        """Not a question: the likeliest intent is followed."""
        if said.intent == "ticket_status":
            return await self._status.reply(dispatcher, said)
        if said.intent in self._others:
            return await self._others[said.intent].run(dispatcher, tracker, domain)
        if said.intent == "report_problem":
            return OPEN_FORM
        if said.intent == "out_of_scope" and rude(said.text):
            return self._calm(dispatcher, said)
        if said.intent in ANSWERED_BY_DOMAIN:
            return _respond(dispatcher, f"utter_{said.intent}")
        if said.intent == "affirm" and said.sure:
            return _respond(dispatcher, "utter_what_else")
        if said.intent in ("deny", "cancel") and said.sure:
            return _respond(dispatcher, "utter_all_right")
        decision = Decision(kind="clarify", confidence=said.confidence)
        if said.intent in VAGUE and self._knowledge().only_communes(said.text):
            say(dispatcher, decision, WHERE_ONLY)
            return set_slots(commune=self._commune(said), pending=None)
        if said.slots.get("pending") == UNCLEAR:
            say(dispatcher, decision, STILL_NOT_UNDERSTOOD, [TO_A_PERSON])
            return set_slots(pending=PERSON)
        say(dispatcher, decision, NOT_UNDERSTOOD)
        return set_slots(pending=UNCLEAR)

    def _calm(self, dispatcher: Dispatcher, said: Heard) -> SlotEvents:
        say(dispatcher, Decision(kind="out_of_scope", confidence=said.confidence), SORRY, [TO_A_PERSON])
        return set_slots(pending=PERSON)

    def _reply(self, dispatcher: Dispatcher, said: Heard, meant: Meant) -> SlotEvents:
        decision = Decision(kind="clarify", confidence=meant.confidence)
        match meant.outcome:
            case "topic" if meant.topic is not None:
                return self._tell(dispatcher, said, meant.topic, meant.aspect, meant.confidence)
            case "broad":
                return self._choose(dispatcher, self._known(meant.choices), meant.aspect, meant.confidence)
            case "several":
                return self._tell_each(dispatcher, said, meant)
            case "which" if meant.match is not None:
                return self._choose(dispatcher, meant.match.candidates, meant.aspect, meant.confidence)
            case "offered":
                hits = [self._hit(topic) for topic in offered_to(said)]
                return self._choose(dispatcher, hits, meant.aspect, meant.confidence)
            case "retracted":
                say(dispatcher, decision, WHAT_INSTEAD, [TO_A_PERSON])
                return set_slots(procedure=None, faq=None, aspect=meant.aspect, pending=UNCLEAR)
            case "unnamed":
                say(dispatcher, decision, WHICH_PROCEDURE)
                return set_slots(aspect=meant.aspect, pending=None)
            case _:
                return self._unknown(dispatcher, said, meant)

    def _tell(
        self,
        dispatcher: Dispatcher,
        said: Heard,
        topic: Topic,
        aspect: Aspect,
        confidence: float = 1.0,
        *,
        opening: str = "",
    ) -> SlotEvents:
        knowledge = self._knowledge()
        kind, id_ = topic
        commune = self._commune(said)
        if kind == "faq":
            answer = knowledge.answer_faq(id_, letter=said.letter)
            decision = Decision(kind="faq", faq=id_, confidence=confidence)
        else:
            if knowledge.procedure(id_) is None:
                raise LookupError("a button names a procedure that is not there")
            answer = knowledge.answer(id_, aspect, commune=commune, letter=said.letter)
            decision = Decision(kind="procedure", procedure=id_, aspect=aspect, confidence=confidence)
        # a person is offered: the citizen decides, by the button or by saying yes
        told = {"handoff": answer.missing, "knowledge": answer.knowledge}
        text = f"{opening}\n{answer.text}" if opening else answer.text
        say(dispatcher, decision.model_copy(update=told), text, [TO_A_PERSON] if answer.missing else [])
        slots = {"faq": id_} if kind == "faq" else {"procedure": id_, "aspect": aspect, "faq": None}
        offers_more = kind == "procedure" and aspect == "general"
        pending = PERSON if answer.missing else MORE if offers_more else None
        return set_slots(**slots, commune=commune, pending=pending, earlier=remembered(said, topic))

    def _tell_each(self, dispatcher: Dispatcher, said: Heard, meant: Meant) -> SlotEvents:
        known = [topic for topic in meant.choices if self._knowledge().title(topic)]
        events = [event for topic in known for event in self._tell(dispatcher, said, topic, meant.aspect)]
        return [*events, *set_slots(pending=None, earlier=remembered(said, *known))]

    def _commune(self, said: Heard) -> str | None:
        """Where the citizen is: named now or before."""
        named = self._knowledge().communes_in(said.text)
        return named[0].id if len(named) == 1 else said.slots.get("commune")

    def _choose(
        self,
        dispatcher: Dispatcher,
        hits: Sequence[Hit],
        aspect: Aspect,
        confidence: float,
        *,
        opening: str = "",
    ) -> SlotEvents:
        buttons = [
            Button(
                title=hit.title, payload=f'/choose_procedure{{"procedure":"{hit.id}","aspect":"{aspect}"}}'
            )
            if hit.kind == "procedure"
            else Button(title=hit.title, payload=f'/choose_faq{{"faq":"{hit.id}"}}')
            for hit in hits
        ]
        decision = Decision(kind="clarify", confidence=confidence, candidates=tuple(hit.id for hit in hits))
        text = f"{opening}\n{WHICH_ONE}" if opening else WHICH_ONE
        say(dispatcher, decision, text, [*buttons, *([OTHER] if len(hits) > MOST_CLOSE else [])])
        pending = " ".join([CHOOSE, *(f"{hit.kind}:{hit.id}" for hit in hits)])
        return set_slots(procedure=None, faq=None, aspect=aspect, pending=pending)

    def _known(self, topics: Sequence[Topic]) -> list[Hit]:
        return [hit for hit in map(self._hit, topics) if hit.title]

    def _hit(self, topic: Topic) -> Hit:
        title = self._knowledge().title(topic)
        return Hit(topic[0], topic[1], title[:1].upper() + title[1:], 0.0)

    def _unknown(self, dispatcher: Dispatcher, said: Heard, meant: Meant) -> SlotEvents:
        found = self._knowledge().category_for(said.text)
        category = found[0] if found else None
        decision = Decision(
            kind="unknown_procedure",
            category=category,
            handoff=True,
            ticket=TicketWish(reason="unanswerable", summary=summary(said.text), category=category),
            confidence=said.confidence,
            candidates=tuple(hit.id for hit in meant.match.candidates) if meant.match else (),
        )
        say(dispatcher, decision, UNKNOWN)
        return set_slots(pending=None)


def _respond(dispatcher: Dispatcher, response: str) -> SlotEvents:
    dispatcher.utter_message(None, response=response, json_message={}, buttons=[])
    return set_slots(pending=None)


def _keeps_what_was_told(events: SlotEvents) -> bool:
    """Whether the report that was offered is begun, or offered again."""
    return any(
        event["event"] == "followup" or (event.get("name") == "pending" and event["value"] == REPORT)
        for event in events
    )


def _chosen_aspect(said: Heard) -> Aspect:
    chosen = said.entities.get("aspect", "general")
    return cast(Aspect, chosen) if chosen in get_args(Aspect) else "general"
