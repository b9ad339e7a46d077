"""The operator's desk: each act of an operator as one :class:`~hub.model.Turn`. Pure; the console commits it.

A turn's id is derived from the key of the form it came from, so sending the form twice does the act once. Acts
that take a conversation carry its epoch: of two operators who reach for it at once, one is refused.
"""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from handoff import acts
from handoff.acts import Actor
from handoff.lifecycle import Refused, apply, moment
from handoff.rules import Rules, product
from handoff.tickets import open_ticket
from hub.errors import HubError
from hub.model import Attachment, Conversation, Draft, Message, Staff, Ticket, TicketChange, Turn, derived_id
from hub.ports import TicketWish

GREETING = "Anh/chị đang trò chuyện với {name}, tổng đài viên Tổng đài 1022."
CODE = "Yêu cầu của anh/chị được ghi trong phiếu {code}, mã tra cứu {key}."
TAKEN_UP = "Tổng đài viên tiếp nhận hội thoại"
BACK_TO_BOT = "Trợ lý tự động của Tổng đài 1022 tiếp tục hỗ trợ anh/chị."


class HeldByColleague(HubError):
    """Another operator has this conversation: it must be taken over first."""


def is_free_for(conversation: Conversation, staff: Staff) -> bool:
    """Whether the operator may speak: nobody else among the staff has the conversation."""
    return conversation.owner == "bot" or conversation.operator in (None, staff.id)


def take(
    conversation: Conversation,
    ticket: Ticket,
    staff: Staff,
    at: int,
    key: str,
    *,
    over: str | None = None,
    rules: Rules | None = None,
) -> Turn:
    """The operator takes the conversation; the citizen is told who is there.

    Args:
        over: the colleague it is knowingly taken from.

    Raises:
        HeldByColleague: somebody else has it.
    """
    if not over or over != conversation.operator:
        _must_be_free(conversation, staff)
    at = moment(ticket, at)
    already = conversation.owner == "human" and conversation.operator == staff.id
    return _turn(
        "take",
        conversation,
        staff,
        at,
        key,
        actor="system",
        handles=conversation.last_seq,
        outcome="ticketed",
        says=() if already else (Draft(text=GREETING.format(name=staff.name), courtesy=True),),
        owner="human",
        operator=staff.id,
        change=_change(ticket, staff, acts.Assign(operator=staff.id), at, rules),
        expects_epoch=conversation.epoch,
    )


def take_up(
    conversation: Conversation,
    staff: Staff,
    at: int,
    key: str,
    *,
    number: int,
    waiting: Sequence[Message],
    said: str | None,
    tell_code: bool,
    rules: Rules | None = None,
) -> Turn:
    """The operator takes a conversation that has no open ticket: one is opened, and it is theirs.

    Args:
        number: of the new ticket.
        waiting: what the citizen said and nobody has dealt with: the clock runs from the first of it.
        said: the citizen's last words, for the summary.
        tell_code: the citizen may read the code there (nobody else reads along).

    Raises:
        HeldByColleague: somebody else has it.
    """
    _must_be_free(conversation, staff)
    turn = _turn(
        "take_up",
        conversation,
        staff,
        at,
        key,
        actor="system",
        handles=conversation.last_seq,
        outcome="ticketed",
        owner="human",
        operator=staff.id,
        expects_epoch=conversation.epoch,
    )
    ticket = open_ticket(
        TicketWish(reason="operator", summary=said or TAKEN_UP),
        conversation,
        turn=turn.id,
        number=number,
        at=at,
        actor="operator",
        about=waiting,
        rules=rules,
    )
    if change := _change(ticket, staff, acts.Assign(operator=staff.id), at, rules):
        ticket = ticket.after(change, at=at, actor=staff.id)
    words = GREETING.format(name=staff.name)
    if tell_code:
        words += "\n" + CODE.format(code=ticket.code, key=ticket.lookup_key)
    return turn.model_copy(update={"ticket": ticket, "says": (Draft(text=words, courtesy=True),)})


def reply(
    conversation: Conversation,
    ticket: Ticket,
    staff: Staff,
    at: int,
    key: str,
    *,
    text: str,
    attachments: tuple[Attachment, ...] = (),
    knowledge: tuple[str, ...] = (),
    rules: Rules | None = None,
) -> Turn:
    """The operator answers the citizen, and has the conversation from then on. ``knowledge`` are the entries that the
    answer was made of.

    Raises:
        HeldByColleague: another operator has it.
    """
    _must_be_free(conversation, staff)
    at = moment(ticket, at)
    return _turn(
        "reply",
        conversation,
        staff,
        at,
        key,
        "\n".join([text, *(one.blob or "" for one in attachments)]),
        actor="operator",
        handles=conversation.last_seq,
        outcome="ticketed",
        says=(Draft(text=text, attachments=attachments, knowledge=knowledge),),
        owner="human",
        operator=staff.id,
        change=_change(ticket, staff, acts.Answer(), at, rules),
        expects_epoch=conversation.epoch,
    )


def note(conversation: Conversation, staff: Staff, at: int, key: str, *, text: str) -> Turn:
    """A line for colleagues. It changes nothing else, so anyone may leave one."""
    return _turn(
        "note",
        conversation,
        staff,
        at,
        key,
        text,
        actor="operator",
        handles=0,
        says=(Draft(text=text, internal=True),),
    )


def hand_back(
    conversation: Conversation, ticket: Ticket, staff: Staff, at: int, key: str, *, rules: Rules | None = None
) -> Turn:
    """The bot answers again; the ticket stays open with the operator. Raises ``HeldByColleague``."""
    _must_be_free(conversation, staff)
    at = moment(ticket, at)
    return _turn(
        "hand_back",
        conversation,
        staff,
        at,
        key,
        actor="system",
        handles=conversation.last_seq,
        outcome="ticketed",
        says=(Draft(text=BACK_TO_BOT, courtesy=True),),
        owner="bot",
        change=_change(ticket, staff, acts.Note(text="Trả hội thoại lại cho trợ lý tự động"), at, rules),
        expects_epoch=conversation.epoch,
    )


def _must_be_free(conversation: Conversation, staff: Staff) -> None:
    if not is_free_for(conversation, staff):
        raise HeldByColleague(f"{conversation.id} is with another operator")


def _turn(
    act: str, conversation: Conversation, staff: Staff, at: int, key: str, text: str = "", **decided: Any
) -> Turn:
    """The text is part of the id: sending again after a lost answer says nothing twice, yet an edited text is
    not swallowed."""
    return Turn(
        id=derived_id("t", act, conversation.id, staff.id, key, text),
        conversation=conversation.id,
        actor_id=staff.id,
        at=at,
        **decided,
    )


def _change(ticket: Ticket, staff: Staff, act: acts.Act, at: int, rules: Rules | None) -> TicketChange | None:
    """None when nothing about the ticket would be new, or when it is not open to this: a citizen may be spoken to
    whatever became of the ticket."""
    with suppress(Refused):
        return apply(ticket, act, Actor(id=staff.id, kind="staff"), at, rules or product())
    return None
