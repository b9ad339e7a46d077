"""What may come after an answer that a report could follow: it is taken up, declined, or the answer is put right
("không phải bây giờ, hồi tối qua"), also after an alarm."""

from actions.details import pieces_of
from actions.ports import KnowledgeNow
from actions.talk import asks, by_mistake, happened_before, is_over, not_now, takes_up_report
from actions.topic import topic_of
from actions.turn import Dispatcher, Heard, SlotEvents, forget_report, say, set_slots, summary
from bot.decision import ALARMED, Decision
from bot.knowledge.wording import names_nothing
from bot.text import words
from hub.model import Button
from hub.ports import TicketWish

#: The bot's last message offered to take a report (``pending``).
REPORT = "report"
TAKE_REPORT = Button(title="Ghi nhận phản ánh", payload="/report_problem")
OPEN_FORM: SlotEvents = [{"event": "followup", "timestamp": None, "name": "report_form"}]

OFFER = "Anh/chị có cần em ghi nhận việc này để chuyển cơ quan xử lý không ạ?"
UNDERSTOOD = "Dạ, em hiểu rồi ạ. Anh/chị có cần em ghi nhận việc này để chuyển cơ quan xử lý không ạ?"
NOT_YET = "Dạ vâng ạ. Khi nào cần, anh/chị cứ nhắn cho em nhé."
CALMED = "Dạ, em hiểu rồi, việc không còn gấp nữa ạ. Em báo thêm để tổng đài viên biết. Cần gì thêm anh/chị cứ nhắn em ạ."
ALL_A_MISTAKE = (
    "Dạ, em hiểu rồi ạ. Em báo lại để tổng đài viên biết. Anh/chị cần hỗ trợ việc gì cứ nhắn em nhé."
)
_LONGEST = 40  # words; whoever writes more tells something new


def offer(dispatcher: Dispatcher, said: Heard) -> SlotEvents:
    """Offer to take a report of what was told; it waits in the form's slot until the answer."""
    say(dispatcher, Decision(kind="clarify"), OFFER, [TAKE_REPORT])
    return set_slots(report_description=summary(said.text), pending=REPORT)


def after_answer(knowledge: KnowledgeNow, dispatcher: Dispatcher, said: Heard) -> SlotEvents:
    """The answer to what only puts the last one right, or takes up or declines a report; empty when it is neither."""
    pending = said.slots.get("pending")
    if pending == ALARMED:
        return _after_alarm(dispatcher, said)
    if pending == REPORT:
        if (said.intent == "affirm" and not asks(said.text)) or takes_up_report(said.text):
            return [*set_slots(pending=None), *OPEN_FORM]
        if said.intent in ("deny", "cancel") and len(words(said.text)) <= 4:
            say(dispatcher, Decision(kind="bye"), NOT_YET)
            return [*forget_report(), *set_slots(pending=None)]
    if topic_of(said) is None:
        return []
    if takes_up_report(said.text) and said.slots.get("faq"):
        return OPEN_FORM
    return _put_right(knowledge, dispatcher, said)


def _after_alarm(dispatcher: Dispatcher, said: Heard) -> SlotEvents:
    mistake = by_mistake(said.text)
    if len(words(said.text)) > _LONGEST or not (mistake or is_over(said.text)):
        return []
    wish = TicketWish(reason="emergency", summary=summary(said.text), addition=True)
    text = ALL_A_MISTAKE if mistake else CALMED
    say(dispatcher, Decision(kind="slot_answer", handoff=True, ticket=wish), text)
    return set_slots(pending=None)


def _put_right(knowledge: KnowledgeNow, dispatcher: Dispatcher, said: Heard) -> SlotEvents:
    """Only who or when was not as the bot took it: what was answered stays, and is not said again."""
    told = pieces_of(said.text, lambda text: bool(knowledge().communes_in(text)))
    corrects, before = not_now(said.text), happened_before(said.text)
    says_when = before and bool(told.time) and said.intent in ("inform", "deny", "affirm", "nlu_fallback")
    if asks(said.text) or not (corrects or says_when) or not names_nothing(told.rest or "vậy"):
        return []
    if corrects and not before and not said.slots.get("faq"):
        say(dispatcher, Decision(kind="bye"), NOT_YET)
        return set_slots(pending=None)
    say(dispatcher, Decision(kind="clarify"), UNDERSTOOD, [TAKE_REPORT])
    return set_slots(report_time=told.time, pending=REPORT)
