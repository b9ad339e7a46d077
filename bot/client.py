"""The client of Rasa: one stateless turn over HTTP, its answer translated for the hub."""

import json
import re
from collections.abc import Sequence
from typing import Any

import aiohttp
from pydantic import ValidationError

from bot.decision import ALARMED, REPORT_SLOTS, Decision, report_details
from bot.dialogue import compact, filled, in_a_form
from bot.parts import MOST_QUESTIONS, Asked, body, is_letter, questions_in
from bot.patterns import find_entities
from bot.text import nfc, words
from bot.urgent import EMERGENCY, urgent
from hub.errors import BotSilent, BotUnreachable
from hub.model import Button, Dialogue, Draft
from hub.ports import BotAnswer, Question, TicketWish

SECRET_HEADER = "X-Hub-Secret"  # noqa: S105 - a name, not a secret
#: Longer texts are cut for understanding: the beginning and the end say what is wanted.
HEAD_CHARS, TAIL_CHARS = 1_200, 600
HEALTH_TIMEOUT_S = 2.0
LONGEST_SUMMARY = 400  # characters
#: Kinds of answer that stand beside each other when one message asks several things.
ANSWERED = frozenset({"procedure", "faq"})
#: … and, after an answer, what is handed to a person.
TOGETHER = ANSWERED | {"unknown_procedure"}
MOST_IN_A_LETTER = 8
#: Kinds of letter in which a question mark asks for no information.
TOLD = frozenset({"report", "complaint", "emergency"})

NO_WORDS = (
    "Dạ, em đã nhận được tin nhắn. Anh/chị vui lòng nhắn thêm vài chữ để em hiểu rõ cần hỗ trợ việc gì ạ."
)
#: What the bot is told in the citizen's place where it may not ask for a phone number.
NO_NUMBER = "không"

_COMMAND_MARK = re.compile(r"\A[\s/]+")
_PAYLOAD = re.compile(r"/[a-z_]+(\{.*\})?", re.DOTALL)


class RasaBot:
    """:class:`~hub.ports.Bot` on a Rasa that listens at ``url`` (which may change when Rasa is started anew)."""

    def __init__(self, secret: str, *, timeout_s: float = 5.0, url: str = "") -> None:
        self.url = url
        self._secret = secret
        self._timeout_s = timeout_s
        self._session: aiohttp.ClientSession | None = None

    async def answer(self, question: Question) -> BotAnswer:
        """Raises ``BotUnreachable`` or ``BotSilent``; nothing is kept on either side, so it may be asked again."""
        message = message_for(question)
        if not message.startswith("/") and not words(message):
            return BotAnswer(kind="clarify", says=(Draft(text=NO_WORDS),), dialogue=question.dialogue)
        if not message.startswith("/") and urgent(message):
            return emergency(question, message)
        answer = None
        if not message.startswith("/") and not in_a_form(question.dialogue):
            answer = await self._asked(question)
            message = body(message) if is_letter(message) else message
        answer = answer or await self._one(question, message)
        if question.public and any(said.ask for said in answer.says):  # nobody leaves a number in public
            answer = await self._one(question.model_copy(update={"dialogue": answer.dialogue}), NO_NUMBER)
        return answer

    async def _one(self, question: Question, message: str) -> BotAnswer:
        body = {
            "sender": question.conversation,
            "message": message,
            "metadata": {"channel": question.channel, "letter": question.letter},
            "events": list(question.dialogue.events),
        }
        return answer_from(question, await self._turn(body))

    async def _asked(self, question: Question) -> BotAnswer | None:
        """The answers to the questions in a longer message; None when it is one, or rather tells something."""
        text = nfc(question.text)
        asked = questions_in(text)[: MOST_IN_A_LETTER if question.letter else MOST_QUESTIONS]
        if not asked or (len(asked) == 1 and not is_letter(text)):
            return None
        if is_letter(text) and not any(one.said for one in asked):
            whole = await self._one(question, body(message_for(question)))
            if whole.kind in TOLD:
                return whole
        return await self._each(question, asked)

    async def _each(self, question: Question, asked: Sequence[Asked]) -> BotAnswer | None:
        """One answer to several questions; None when they are one question after all. What a first question is about
        often stands before it ("làm khai sinh cho con. Cần giấy gì? Phí nhiêu?")."""
        answers: list[BotAnswer] = []
        for one in asked:
            dialogue = answers[-1].dialogue if answers else question.dialogue
            part = question.model_copy(update={"dialogue": dialogue})
            answer = await self._one(part, one.text)
            if not answers and answer.kind not in ANSWERED and one.before:
                answer = await self._one(part, one.in_context())
            if answer.kind not in TOGETHER or (answer.kind not in ANSWERED and not answers):
                return None
            if all(_about(answer) != _about(other) for other in answers):
                answers.append(answer)
        return together(answers)

    async def healthy(self) -> bool:
        """Whether Rasa has loaded its model and takes our secret."""
        if not self.url:
            return False
        timeout = aiohttp.ClientTimeout(total=HEALTH_TIMEOUT_S)
        try:
            async with self._http().get(f"{self.url}/webhooks/hub/health", timeout=timeout) as response:
                return response.status == 200
        except (aiohttp.ClientError, TimeoutError):
            return False

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    def _http(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(headers={SECRET_HEADER: self._secret})
        return self._session

    async def _turn(self, body: dict[str, Any]) -> dict[str, Any]:
        if not self.url:
            raise BotUnreachable("Rasa has not been started yet")
        timeout = aiohttp.ClientTimeout(total=self._timeout_s)
        try:
            async with self._http().post(
                f"{self.url}/webhooks/hub/turn", json=body, timeout=timeout
            ) as response:
                if response.status != 200:
                    raise BotSilent(f"Rasa answered {response.status}")
                result: dict[str, Any] = await response.json()
                return result
        except aiohttp.ConnectionTimeoutError:
            raise BotUnreachable("Rasa takes no connection") from None
        except TimeoutError:
            raise BotSilent(f"Rasa did not answer within {self._timeout_s:g} s") from None
        except aiohttp.ClientConnectionError as error:
            # also one that broke off in the middle: a turn without its answer was never taken
            raise BotUnreachable(f"no connection to Rasa: {type(error).__name__}") from None
        except (aiohttp.ClientError, ValueError) as error:
            raise BotSilent(f"Rasa's answer cannot be read: {type(error).__name__}") from None


def message_for(question: Question) -> str:
    """What Rasa is given. Only the payload of a button may begin with a slash: Rasa takes that for a command."""
    if question.payload is not None and _is_payload(question.payload):
        return question.payload
    text = _COMMAND_MARK.sub("", nfc(question.text)).rstrip()
    if len(text) <= HEAD_CHARS + TAIL_CHARS:
        return text
    return f"{text[:HEAD_CHARS]} … {text[-TAIL_CHARS:]}"


def _is_payload(payload: str) -> bool:
    found = _PAYLOAD.fullmatch(payload)
    if found is None:
        return False
    try:
        return found[1] is None or isinstance(json.loads(found[1]), dict)
    except ValueError:
        return False


def answer_from(question: Question, turn: dict[str, Any]) -> BotAnswer:
    """Rasa's messages as a decision. Where several were made in one turn (a question answered in the middle of
    a report, then the report's next question) the first one names it.

    Raises:
        BotSilent: nothing was said, or nothing was decided.
    """
    try:
        spoken = [(_draft(said), _decision(said)) for said in turn["messages"]]
        says = tuple(draft for draft, _ in spoken if draft is not None)
        decisions = [decision for _, decision in spoken if decision is not None]
        events, intent = turn["events"], turn["intent"]
        given = {
            name: entity["value"] for entity in turn["entities"] if (name := entity["entity"]) == "phone"
        }
    except (KeyError, TypeError, ValidationError) as error:
        raise BotSilent(f"Rasa's answer cannot be read: {type(error).__name__}") from None
    if not says or not decisions:
        raise BotSilent("Rasa said nothing" if not says else "Rasa decided nothing")
    decision = decisions[0]
    told = [(draft, one) for draft, one in spoken if draft and one and one.kind in ANSWERED]
    return BotAnswer(
        kind=decision.kind,
        says=says,
        dialogue=compact([*question.dialogue.events, *events]),
        procedure=decision.procedure,
        aspect=decision.aspect,
        faq=decision.faq,
        category=decision.category,
        code=decision.code,
        slots=given | report_details(filled(events)),
        buttons=tuple(button for draft in says for button in draft.buttons),
        handoff=any(other.handoff for other in decisions),
        ticket=next((other.ticket for other in decisions if other.ticket is not None), None),
        confidence=intent["confidence"] if decision.confidence is None else decision.confidence,
        candidates=decision.candidates,
        parts=tuple(_told_beside(draft, other) for draft, other in told if other is not decision),
    )


def _about(answer: BotAnswer) -> tuple[str | None, ...]:
    return answer.procedure, answer.faq, answer.aspect


def together(answers: Sequence[BotAnswer]) -> BotAnswer:
    """The first answer with everything the others say, and the others as its parts."""
    first, *more = answers
    return first.model_copy(
        update={
            "says": tuple(draft for answer in answers for draft in answer.says),
            "buttons": tuple(button for answer in answers for button in answer.buttons),
            "dialogue": answers[-1].dialogue,
            "handoff": any(answer.handoff for answer in answers),
            "ticket": next((answer.ticket for answer in answers if answer.ticket), None),
            "parts": tuple(_part(answer) for answer in more),
        }
    )


def _part(answer: BotAnswer) -> dict[str, Any]:
    fields = answer.model_dump(mode="json", exclude={"says", "dialogue", "ticket"})
    return fields | {"answer": "\n\n".join(draft.text for draft in answer.says) or None}


def _told_beside(draft: Draft, other: Decision) -> dict[str, Any]:
    """A further entry that one turn told ("cả hai")."""
    answer = BotAnswer(
        kind=other.kind,
        says=(draft,),
        dialogue=Dialogue(),
        procedure=other.procedure,
        aspect=other.aspect,
        faq=other.faq,
        buttons=draft.buttons,
        handoff=other.handoff,
        confidence=1.0 if other.confidence is None else other.confidence,
    )
    return _part(answer)


def emergency(question: Question, message: str) -> BotAnswer:
    """The numbers to call and a ticket, at once and without Rasa; a report that was begun is taken along."""
    told = report_details(filled(question.dialogue.events))
    told |= {entity.kind: entity.value for entity in find_entities(message) if entity.kind == "phone"}
    before = told.pop("description", None)
    summary = " – ".join(part for part in (message[:LONGEST_SUMMARY], before) if part)
    ended = {"event": "active_loop", "name": None}
    forgotten = [{"event": "slot", "name": name, "value": None} for name in (*REPORT_SLOTS, "requested_slot")]
    alarmed = {"event": "slot", "name": "pending", "value": ALARMED}
    # Rasa's rules begin where it listens; a conversation that begins with an alarm has not been there
    listens = [] if question.dialogue.events else [{"event": "action", "name": "action_listen"}]
    return BotAnswer(
        kind="emergency",
        says=(Draft(text=EMERGENCY),),
        dialogue=compact([*question.dialogue.events, ended, *forgotten, *listens, alarmed]),
        handoff=True,
        ticket=TicketWish(reason="emergency", priority="urgent", summary=summary, details=told),
        confidence=1.0,
    )


def _draft(said: dict[str, Any]) -> Draft | None:
    if not said.get("text"):
        return None
    decision = _decision(said)
    return Draft(
        text=said["text"],
        buttons=tuple(Button.model_validate(button) for button in said.get("buttons", ())),
        knowledge=decision.knowledge if decision else (),
        ask=decision.ask if decision else None,
    )


def _decision(said: dict[str, Any]) -> Decision | None:
    return Decision.model_validate(said["custom"]) if said.get("custom") else None
