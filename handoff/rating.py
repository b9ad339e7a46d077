"""How content the citizen is, asked under the closing message; what tapping a score does. The bot is not asked."""

import re
from typing import Final

from handoff import acts, reopening
from handoff.acts import CITIZEN
from handoff.lifecycle import Refused, apply, moment
from handoff.rules import Rules
from hub.model import Button, Conversation, Draft, Message, Ticket, Turn, derived_id

#: In this order: where there are no buttons they become a numbered list, and the number is the score.
SCORES: Final = {
    1: "Rất chưa hài lòng",
    2: "Chưa hài lòng",
    3: "Bình thường",
    4: "Hài lòng",
    5: "Rất hài lòng",
}

ASK: Final = "Anh/chị hài lòng thế nào với việc xử lý phiếu {code}?"
THANKS: Final = "Cảm ơn anh/chị đã đánh giá phiếu {code}: {score}/5 ({words})."
SORRY: Final = THANKS + " Nếu việc chưa xong, anh/chị bấm nút dưới đây để mở lại phiếu."
_SCORE: Final = re.compile(r"rate:([^:]+):([1-5])")


def asked_with(text: str | None, ticket: Ticket, *, courtesy: bool = False) -> Draft:
    """The closing message, if there is one, with the question and the way back."""
    scores = (Button(title=title, payload=f"rate:{ticket.id}:{score}") for score, title in SCORES.items())
    lines = filter(None, (text, ASK.format(code=ticket.code)))
    return Draft(text="\n".join(lines), buttons=(*scores, reopening.button(ticket)), courtesy=courtesy)


def given(payload: str | None) -> tuple[str, int] | None:
    """(ticket, score) of a pressed button; None: it is another one."""
    found = _SCORE.fullmatch(payload or "")
    return (found[1], int(found[2])) if found else None


def turn(
    conversation: Conversation, ticket: Ticket | None, score: int, pressed: Message, at: int, rules: Rules
) -> Turn:
    """What a tap on a score decides: nothing where it is refused, and then it is said why. A ticket of somebody else
    is none."""
    change, says = None, Draft(text=reopening.NOT_AGAIN)
    if ticket is not None and ticket.conversation == conversation.id:
        at = moment(ticket, at)
        try:
            text = ticket.rating.text if ticket.rating else None
            change = apply(ticket, acts.Rate(score=score, text=text), CITIZEN, at, rules)
            says = _thanks(ticket, score)
        except Refused as refused:
            says = Draft(text=str(refused))
    return Turn(
        id=derived_id("t", conversation.id, str(pressed.seq)),
        conversation=conversation.id,
        actor="bot",  # whose lease it ends; the history names the citizen
        actor_id=CITIZEN.id,
        at=at,
        handles=pressed.seq,
        outcome="no_reply_due",
        says=(says,),
        change=change,
        expects_epoch=conversation.epoch,
    )


def _thanks(ticket: Ticket, score: int) -> Draft:
    shape, buttons = (SORRY, (reopening.button(ticket),)) if score < 3 else (THANKS, ())
    return Draft(
        text=shape.format(code=ticket.code, score=score, words=SCORES[score].lower()), buttons=buttons
    )
