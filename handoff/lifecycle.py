"""The life of a ticket: (ticket, act, who, when, rules) → what changes, or a refusal. Pure; a turn carries it out.

Every change is one :class:`~hub.model.TicketChange` on the version that was read. Stores record it in the history,
from which both clocks are read (``clocks``); their deadlines and the next warning are part of the change.
"""

from typing import Any, Final

from handoff import acts, clocks
from handoff.acts import Act, Actor
from handoff.rules import Rules
from hub.errors import HubError
from hub.model import Proposal, Rating, Ticket, TicketChange, TicketState

DONE: Final[frozenset[TicketState]] = frozenset({"closed", "spam"})
#: So long after the end the citizen may say how content they are, and change their mind.
RATE_WITHIN_MS: Final = 14 * 24 * 3_600_000
#: Nobody has it in hand.
LOOSE: Final[frozenset[TicketState]] = frozenset({"new", "returned", "reopened"})


class Refused(HubError):
    """The act does not fit. ``code`` is for programs, the text (Vietnamese) for whoever tried."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


def apply(ticket: Ticket, act: Act, actor: Actor, at: int, rules: Rules) -> TicketChange | None:
    """What an act changes; None: it would change nothing.

    ``at`` is from :func:`moment`, and the turn's too.

    Raises:
        Refused: it cannot be done to this ticket, or not by this person.
    """
    state, note, fields = _decided(ticket, act, actor, at, rules)
    fields = {name: value for name, value in fields.items() if value != _plain(ticket)[name]}
    if state == ticket.state and not fields and note is None and not _goes_on(act):
        return None
    if isinstance(act, acts.Note):  # adds a line, whatever else happens to the ticket meanwhile
        return TicketChange(ticket=ticket.id, note=note, action=name_of(act))
    operator = fields.pop("operator") if fields.get("operator") else None
    change = TicketChange(
        ticket=ticket.id, state=state, operator=operator, note=note, action=name_of(act), fields=fields,
        expects=ticket.version,
    )  # fmt: skip
    counted = with_clocks(ticket, change, actor, at, rules)
    return counted if counted.fields or not isinstance(act, acts.Recount) else None


def allows(ticket: Ticket, act: Act, actor: Actor) -> bool:
    """Whether the act fits the ticket as it stands, so that it is worth offering; its values may still be refused."""
    try:
        _may(ticket, act, actor)
    except Refused:
        return False
    return True


def moved_since(ticket: Ticket, seen: int) -> bool:
    """Whether somebody has changed the ticket since that version; remarks and warnings change nothing."""
    news = ticket.version - seen
    return news > 0 and any(event.action not in _REMARKS for event in ticket.history[-news:])


def moment(ticket: Ticket, at: int) -> int:
    """When it happens: never before what happened to the ticket last, however the clocks of machines differ."""
    return max(at, ticket.history[-1].at) if ticket.history else at


def with_clocks(ticket: Ticket, change: TicketChange, actor: Actor, at: int, rules: Rules) -> TicketChange:
    """The change, with what follows from it for the deadlines."""
    after = ticket.after(change, at=at, actor=actor.id)
    counted = deadlines(after, rules, at)
    before = _plain(ticket)
    moved = {name: value for name, value in counted.items() if value != before[name]}
    return change.model_copy(update={"fields": change.fields | moved})


def deadlines(ticket: Ticket, rules: Rules, now: int) -> dict[str, int | None]:
    """The fields of a ticket that are counted from its history."""
    return {
        "due_at": clocks.due(clocks.citizen_clock(ticket), rules),
        "agency_due_at": clocks.due(clocks.agency_clock(ticket), rules),
        "alarm_at": clocks.next_alarm(ticket, rules, now),
    }


def name_of(act: Act) -> str:
    """How the act is called in the history."""
    if isinstance(act, acts.Propose):
        return f"agency_{'answer' if act.kind == 'answer' else 'ask'}"
    return type(act).__name__.lower()


def _plain(ticket: Ticket) -> dict[str, Any]:
    return ticket.model_dump(mode="json", exclude={"history"})


def _goes_on(act: Act) -> bool:
    """Whether it means something although it names no new value: the clocks may say otherwise by now."""
    return isinstance(act, acts.Forward | acts.Recount | acts.Remind)


_REMARKS: Final = frozenset({"note", "warn", "recount", "remind"})

Decided = tuple[TicketState, str | None, dict[str, Any]]


def _decided(ticket: Ticket, act: Act, actor: Actor, at: int, rules: Rules) -> Decided:
    _may(ticket, act, actor)
    state = ticket.state
    match act:
        case acts.Note():
            return state, act.text, {}
        case acts.Assign():
            if act.only_if_free and ticket.operator not in (None, act.operator):
                raise Refused("taken", "Phiếu đã có tổng đài viên khác nhận.")
            return ("assigned" if state in LOOSE else state), None, {"operator": act.operator}
        case acts.Release():
            return ("new" if state == "assigned" else state), None, {"operator": None}
        case acts.Classify():
            return state, None, _classified(ticket, act, at, rules)
        case acts.Forward():
            return "forwarded", act.note, _forwarded(ticket, act, rules)
        case acts.Accept():
            return state, None if _accepted(ticket) else "Cơ quan đã tiếp nhận", {}
        case acts.Propose():
            return _proposed(ticket, act, actor, at, rules)
        case acts.Return():
            return "returned", act.reason, {"proposal": None, "link_epoch": ticket.link_epoch + 1}
        case acts.Decline():
            return _declined(ticket, act)
        case acts.Ask():
            return "waiting_citizen", None, {"proposal": None} | _mine(actor)
        case acts.Heard():
            return _heard(ticket), None, {}
        case acts.Answer():
            # what lies with an agency stays there until the agency answers
            settled = {"proposal": None} if state != "forwarded" else {}
            return ("forwarded" if state == "forwarded" else "answered"), None, settled | _mine(actor)
        case acts.Close():
            fields = {"proposal": None, "link_epoch": ticket.link_epoch + 1} | _mine(actor)
            return "closed", None, fields | ({"solution": act.solution} if act.solution else {})
        case acts.Reopen():
            return "reopened", act.reason, {"merged_into": None}
        case acts.Rate():
            return state, None, {"rating": _rated(ticket, act, at)}
        case acts.Spam():
            return "spam", None, {"proposal": None, "link_epoch": ticket.link_epoch + 1} | _mine(actor)
        case acts.Merge():
            return state, None, _merged(ticket, act)
        case acts.Unmerge():
            return state, None, {"merged_into": None}
        case acts.Link():
            return state, None, _linked(ticket, act)
        case acts.Unlink():
            rest = [one for one in ticket.related if one != act.ticket]
            return (
                state,
                None,
                {"related": rest} | ({"duplicate_of": None} if ticket.duplicate_of == act.ticket else {}),
            )
        case acts.Warn():
            return state, act.text, _warned(ticket, act, at)
        case acts.Recount():
            return state, None, {}
        case acts.Remind():
            return state, None, {}
        case acts.Revoke():
            return state, None, {"link_epoch": ticket.link_epoch + 1}


# ---- who and when ----------------------------------------------------------------------------------

_AGENCYS: Final = (acts.Accept, acts.Propose, acts.Return)
_CITIZENS: Final = (acts.Heard, acts.Rate, acts.Reopen)
_WHEN_DONE: Final = (
    acts.Note,
    acts.Rate,
    acts.Reopen,
    acts.Link,
    acts.Unlink,
    acts.Recount,
    acts.Revoke,
    acts.Unmerge,
)
_WHEN_MERGED: Final = (
    acts.Note,
    acts.Rate,
    acts.Unmerge,
    acts.Close,
    acts.Reopen,
    acts.Spam,
    acts.Unlink,
    acts.Recount,
)


def _may(ticket: Ticket, act: Act, actor: Actor) -> None:
    if actor.kind == "agency" and not (isinstance(act, _AGENCYS) and ticket.agency in actor.agencies):
        raise Refused("not_yours", "Phiếu này không thuộc cơ quan của anh/chị.")
    if actor.kind == "citizen" and not isinstance(act, _CITIZENS):
        raise Refused("not_yours", "Thao tác này chỉ dành cho cán bộ.")
    if ticket.state in DONE and not isinstance(act, _WHEN_DONE):
        raise Refused("closed", "Phiếu đã đóng. Cần mở lại trước khi thay đổi.")
    if ticket.merged_into is not None and not isinstance(act, _WHEN_MERGED):
        raise Refused("merged", "Phiếu đã gộp vào phiếu khác. Cần tách ra trước khi thay đổi.")
    if isinstance(act, (*_AGENCYS, acts.Remind)) and ticket.state != "forwarded":
        raise Refused("state", "Phiếu hiện không ở chỗ cơ quan.")
    if isinstance(act, acts.Heard) and ticket.state != "waiting_citizen":
        raise Refused("state", "Phiếu không chờ người dân.")
    if isinstance(act, acts.Decline) and ticket.proposal is None:
        raise Refused("state", "Không có nội dung nào của cơ quan chờ duyệt.")
    if (
        isinstance(act, acts.Reopen)
        and ticket.state not in (*DONE, "answered")
        and ticket.merged_into is None
    ):
        raise Refused("state", "Phiếu đang được xử lý.")
    if isinstance(act, acts.Reopen) and ticket.state == "spam" and actor.kind == "citizen":
        raise Refused("closed", "Phiếu đã đóng.")
    if isinstance(act, acts.Rate) and ticket.state != "closed":
        raise Refused("state", "Phiếu chưa hoàn tất nên chưa đánh giá được.")
    if isinstance(act, acts.Unmerge) and ticket.merged_into is None:
        raise Refused("state", "Phiếu không gộp vào phiếu nào.")


def _mine(actor: Actor) -> dict[str, Any]:
    return {"operator": actor.id} if actor.kind == "staff" else {}


# ---- what each act means ---------------------------------------------------------------------------


def _classified(ticket: Ticket, act: acts.Classify, at: int, rules: Rules) -> dict[str, Any]:
    if act.category is not None and act.category not in rules.categories:
        raise Refused("unknown_category", f"Không có lĩnh vực {act.category}.")
    if act.commune is not None and not rules.agencies.knows_commune(act.commune):
        raise Refused("unknown_commune", f"Không có xã, phường {act.commune}.")
    if act.about is not None and rules.agencies.get(act.about) is None:
        raise Refused("unknown_agency", f"Không có cơ quan {act.about}.")
    if act.about is not None and ticket.state == "forwarded" and ticket.agency is not None:
        _not_about_itself(rules, ticket.agency, act.about)
    fields = act.model_dump(mode="json", exclude_none=True)
    if act.category is not None and act.category != ticket.category:
        known = rules.categories[act.category]
        fields.setdefault("hours", known.hours)
        fields.setdefault("priority", rules.priority(act.category, ticket.priority, at))
        fields.setdefault("sensitive", ticket.sensitive or known.sensitive)
        if ticket.agency_hours is not None:
            fields["agency_hours"] = rules.agency_hours(act.category, ticket.agency)
    return fields


def _forwarded(ticket: Ticket, act: acts.Forward, rules: Rules) -> dict[str, Any]:
    if rules.agencies.get(act.agency) is None:
        raise Refused("unknown_agency", f"Không có cơ quan {act.agency}.")
    if ticket.about is not None:
        _not_about_itself(rules, act.agency, ticket.about)
    elif ticket.reason == "complaint":
        raise Refused("about", "Phiếu khiếu nại: cần ghi cơ quan bị phản ánh trước khi chuyển.")
    return {
        "agency": act.agency,
        "contact_shown": act.contact,
        "agency_hours": rules.agency_hours(ticket.category, act.agency),
        "proposal": None,
        "link_epoch": ticket.link_epoch + 1,
        "alarms": [name for name in _plain(ticket)["alarms"] if not name.startswith("agency:")],
    }


def _not_about_itself(rules: Rules, agency: str, about: str) -> None:
    if rules.router.conflicts(agency, about):
        raise Refused("conflict", "Không chuyển khiếu nại cho chính cơ quan bị phản ánh.")


def _accepted(ticket: Ticket) -> bool:
    """Whether the agency has said so since it was forwarded to it."""
    since = [event.action for event in ticket.history if event.action in (clocks.FORWARD, "accept")]
    return bool(since) and since[-1] == "accept"


def _proposed(ticket: Ticket, act: acts.Propose, actor: Actor, at: int, rules: Rules) -> Decided:
    if not act.text.strip():
        raise Refused("empty", "Nội dung không được để trống.")
    agency = ticket.agency or ""
    ended = {"link_epoch": ticket.link_epoch + 1} if act.kind == "answer" else {}  # its part is done
    if said_at_once(act, agency, rules):
        return ("answered" if act.kind == "answer" else "waiting_citizen"), None, ended
    proposal = Proposal(
        kind=act.kind, agency=agency, by=actor.id, at=at, text=act.text, attachments=act.attachments
    )
    return "assigned", None, ended | {"proposal": proposal.model_dump(mode="json")}


def said_at_once(act: acts.Propose, agency: str, rules: Rules) -> bool:
    """Whether the agency's word goes to the citizen without anybody reading it first."""
    return not rules.policy(agency).review and not act.held


def _declined(ticket: Ticket, act: acts.Decline) -> Decided:
    """A question is simply not asked; an answer that will not do is a case to be forwarded again by hand."""
    assert ticket.proposal is not None  # noqa: S101 - _may has looked
    back: TicketState = "forwarded" if clocks.agency_clock(ticket) is not None else ticket.state
    return back, act.reason, {"proposal": None}


def _heard(ticket: Ticket) -> TicketState:
    if clocks.agency_clock(ticket) is not None:
        return "forwarded"
    return "assigned" if ticket.operator else "new"


def _merged(ticket: Ticket, act: acts.Merge) -> dict[str, Any]:
    if act.into == ticket.id or act.into_merged or act.into_state in DONE:
        raise Refused("merge", "Chỉ gộp vào một phiếu khác đang mở và chưa gộp.")
    if ticket.due_at is not None and (act.into_due_at is None or act.into_due_at > ticket.due_at):
        raise Refused("merge_due", "Phiếu chính phải là phiếu đến hạn trước.")
    return {"merged_into": act.into, "duplicate_of": None, "link_epoch": ticket.link_epoch + 1}


def _linked(ticket: Ticket, act: acts.Link) -> dict[str, Any]:
    if act.ticket == ticket.id:
        raise Refused("self", "Không liên kết phiếu với chính nó.")
    if act.duplicate:
        return {"duplicate_of": act.ticket}
    return {"related": [*dict.fromkeys((*ticket.related, act.ticket))]}


def _rated(ticket: Ticket, act: acts.Rate, at: int) -> dict[str, Any] | None:
    """What is said again word for word is no new rating."""
    before = ticket.rating
    if at > closed_at(ticket) + RATE_WITHIN_MS:
        raise Refused("late", "Đã quá thời gian đánh giá phiếu này.")
    if before is not None and (before.score, before.text) == (act.score, act.text):
        return before.model_dump(mode="json")
    return Rating(score=act.score, text=act.text, at=at).model_dump(mode="json")


def closed_at(ticket: Ticket) -> int:
    """When it came into the state it is in."""
    since = ticket.created_at
    for event in reversed(ticket.history):
        if event.state != ticket.state:
            break
        since = event.at
    return since


def _warned(ticket: Ticket, act: acts.Warn, at: int) -> dict[str, Any]:
    fields: dict[str, Any] = {"alarms": [*dict.fromkeys((*ticket.alarms, *act.alarms))]}
    if ticket.escalated_at is None and any(name.endswith(":100") for name in act.alarms):
        fields["escalated_at"] = at
    return fields
