"""Cases in the store: an act is decided on the ticket as it stands and carried out as one turn of its conversation.

Whoever reads an older version decides again, so two people never undo each other's work; the turn's id comes from the
form's key (or from the case itself, for jobs), so doing it twice changes nothing."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from handoff import acts, notices, rating, reopening
from handoff.acts import SYSTEM, Act, Actor
from handoff.lifecycle import DONE, Refused, apply, moment, moved_since, said_at_once
from handoff.rules import Rules
from handoff.tickets import new_ticket_of, opened_text, ticket_year
from hub.clock import Clock
from hub.errors import NotFound, OwnerChanged
from hub.model import (
    Attachment,
    Committed,
    Conversation,
    Draft,
    Ticket,
    TicketChange,
    TicketEvent,
    TicketQuery,
    Turn,
    derived_id,
)
from hub.ports import Reach, Store

#: More than this many others changing one ticket at the same moment is a fault, not bad luck.
TRIES: Final = 20
MOST_MERGED: Final = 1_000

QUESTION = "Về phiếu {code}, Tổng đài 1022 cần anh/chị cho biết thêm: {text}"
ANSWER = "Về phiếu {code}: {text}"
SOLVED = "Việc anh/chị phản ánh trong phiếu {code} đã được giải quyết cùng các phản ánh tương tự."
SOLVED_HOW = SOLVED + "\n{text}"
PROPOSED = {
    "answer": "{agency} gửi câu trả lời, chờ duyệt:\n{text}",
    "question": "{agency} đề nghị hỏi thêm người dân, chờ duyệt:\n{text}",
}
MOVED = "Phiếu vừa được người khác thay đổi. Vui lòng xem lại rồi gửi lần nữa."

#: Carries a turn out: ``hub.turn.commit`` with the connectors, so that what is said fits the channel.
Commit = Callable[[Turn, Conversation], Awaitable[Committed]]


@dataclass(frozen=True)
class Casework:
    store: Store
    clock: Clock
    rules: Callable[[], Rules]
    commit: Commit
    reach: Callable[[Conversation], Reach] = lambda _: Reach()  # how the channel can be written to now

    async def do(
        self, ticket: str, act: Act, actor: Actor, key: str, *, text: str | None = None, at: int | None = None,
        seen: int | None = None, files: tuple[Attachment, ...] = (),
    ) -> Ticket:  # fmt: skip
        """Do one act; the ticket as it is afterwards.

        Args:
            key: of the form or job; the same key again does nothing more.
            text: what the citizen is told, for ``Ask`` and ``Answer``. An agency's word goes with its ``Propose``.
            at: when it happened, if that is not now (a message that came in earlier).
            seen: the version of the ticket that whoever acts has before their eyes.
            files: that go with the text.

        Raises:
            NotFound: there is no such ticket.
            Refused: it does not fit the ticket, or the person; or others have changed it since it was ``seen``.
        """

        id_ = _turn_id(act, ticket, actor, key)

        def turn(now: Ticket, conversation: Conversation, when: int) -> Turn | None:
            if seen is not None and moved_since(now, seen):
                raise Refused("moved", MOVED)
            change = apply(now, act, actor, when, self.rules())
            says = _says(now, act, text, files, self.rules(), self.reach(conversation))
            if change is None and not says:
                return None
            return _turn(id_, now, conversation, act, actor, when, change=change, says=says)

        return await self._carry_out(ticket, id_, turn, at)

    async def merge(self, ticket: str, into: str, actor: Actor, key: str) -> Ticket:
        """Make two tickets one case; the one that is due first stands for both. The main ticket."""
        one, main = await self._ticket(ticket), await self._ticket(into)
        if one.due_at is not None and main.due_at is not None and one.due_at < main.due_at:
            one, main = main, one
        act = acts.Merge(
            into=main.id,
            into_due_at=main.due_at,
            into_state=main.state,
            into_merged=main.merged_into is not None,
        )
        await self.do(one.id, act, actor, key)
        for child in await self.merged(one.id):  # what stood for others brings them along
            await self.do(child.id, acts.Unmerge(), actor, f"{key}:{child.id}:off")
            await self.do(child.id, act, actor, f"{key}:{child.id}")
        return await self._ticket(main.id)

    async def merged(self, into: str) -> list[Ticket]:
        """The tickets that one stands for."""
        return await self.store.find_tickets(TicketQuery(merged_into=into), limit=MOST_MERGED)

    async def split(
        self, ticket: str, actor: Actor, key: str, *, summary: str, category: str | None
    ) -> Ticket:
        """A second matter in the same conversation becomes a ticket of its own, received when the first was."""
        number = await self.store.next_ticket_number(ticket_year(self.clock.now()))
        turn_id = derived_id("t", "split", ticket, actor.id, key)
        other_id = derived_id("k", turn_id)

        def turn(now: Ticket, conversation: Conversation, when: int) -> Turn:
            other = new_ticket_of(
                now, summary=summary, category=category, number=number, at=when, actor=actor.id, id_=other_id,
                rules=self.rules(),
            )  # fmt: skip
            act = acts.Link(ticket=other_id)
            change = apply(now, act, actor, when, self.rules())
            says = (Draft(text=opened_text(other)),)
            return _turn(turn_id, now, conversation, act, actor, when, change=change, says=says, ticket=other)

        await self._carry_out(ticket, turn_id, turn, None)
        return await self._ticket(other_id)

    async def reopen(self, ticket: str, actor: Actor, key: str, *, reason: str | None = None) -> Ticket:
        """By the citizen in one tap, or by staff. A merged ticket stands for itself again."""
        return await self.do(ticket, acts.Reopen(reason=reason), actor, key)

    # ---- what follows from something else: safe to do again and again -------------------------------

    async def tell_merged(self) -> int:
        """Close what was merged into a ticket that is closed by now, and tell each citizen; how many."""
        told = 0
        query = TicketQuery(merged=True, states=_OPEN)
        for child in await self.store.find_tickets(query, limit=MOST_MERGED):
            main = await self.store.ticket(child.merged_into or "")
            if main is None or main.state not in DONE:
                continue
            act, says = _follows(child, main)
            who = await self._who_ended(main)  # a person's word: it may be sent where a machine's may not
            await self.do(child.id, act, who, f"{main.id}:{main.version}", text=says)
            told += 1
        return told

    async def hear_citizens(self) -> int:
        """Let the clocks of those run again who have answered the question they were asked; how many."""
        heard = 0
        query = TicketQuery(states=("waiting_citizen",))
        for ticket in await self.store.find_tickets(query, limit=MOST_MERGED):
            asked = waiting_since(ticket)
            for message in await self.store.recent_messages(ticket.conversation, limit=50):
                if message.author == "citizen" and not message.automatic and message.at > asked:
                    await self.do(ticket.id, acts.Heard(), SYSTEM, message.id, at=message.at)
                    heard += 1
                    break
        return heard

    async def _who_ended(self, main: Ticket) -> Actor:
        ended = _ended(main)
        staff = await self.store.staff(ended.actor) if ended else None
        return Actor(id=staff.id, kind="staff") if staff else SYSTEM

    # ---- carrying out ----------------------------------------------------------------------------------

    async def _ticket(self, id_: str) -> Ticket:
        found = await self.store.ticket(id_)
        if found is None:
            raise NotFound(f"no ticket {id_}")
        return found

    async def _addressed(self, turn: Turn, ticket: Ticket, conversation: Conversation) -> Turn:
        """Where everybody can read along, what is said about a case goes to the person who wrote it, alone."""
        if not turn.says or not self.reach(conversation).public:
            return turn
        about = await self.store.message(ticket.messages[-1]) if ticket.messages else None
        address = {"private": True, "reply_to": about.external_id if about else None}
        return turn.model_copy(update={"says": tuple(one.model_copy(update=address) for one in turn.says)})

    async def _carry_out(
        self, id_: str, turn_id: str, decide: Callable[[Ticket, Conversation, int], Turn | None], at: int | None
    ) -> Ticket:  # fmt: skip
        for _ in range(TRIES):
            ticket = await self._ticket(id_)
            if await self.store.turn(turn_id) is not None:
                return ticket
            conversation = await self.store.conversation(ticket.conversation)
            if conversation is None:
                raise NotFound(f"no conversation of {ticket.code}")
            turn = decide(ticket, conversation, moment(ticket, self.clock.now() if at is None else at))
            if turn is None:
                return ticket
            turn = await self._addressed(turn, ticket, conversation)
            try:
                await self.commit(turn, conversation)
            except OwnerChanged:  # or TicketMoved: decided on something that is no longer so
                continue
            return await self._ticket(id_)
        raise Refused("busy", "Phiếu đang được nhiều người thay đổi. Vui lòng thử lại.")


def _follows(child: Ticket, main: Ticket) -> tuple[Act, str | None]:
    """What the end of the main ticket means for one that was merged into it, and what its citizen is told."""
    ended = _ended(main)
    if ended is not None and ended.action == "erase":  # the person is gone, the case is not solved
        return acts.Unmerge(), None
    if main.state == "spam":
        return acts.Spam(), None
    how = SOLVED_HOW if main.solution else SOLVED
    return acts.Close(), how.format(code=child.code, text=main.solution)


def _ended(main: Ticket) -> TicketEvent | None:
    """The event that brought it to the state it is in."""
    return next((event for event in reversed(main.history) if "state" in event.changes), None)


def waiting_since(ticket: Ticket) -> int:
    """When the citizen was asked what they have not answered yet."""
    since = ticket.created_at
    for event in reversed(ticket.history):
        if event.state != "waiting_citizen":
            break
        since = event.at
    return since


def _turn_id(act: Act, ticket: str, actor: Actor, key: str) -> str:
    return derived_id("t", "case", type(act).__name__, ticket, actor.id, key)


def _turn(
    id_: str, case: Ticket, conversation: Conversation, act: Act, actor: Actor, at: int, **decided: Any
) -> Turn:  # fmt: skip
    fields: dict[str, Any] = {
        "id": id_,
        "conversation": conversation.id,
        "actor": "operator" if actor.kind in ("staff", "agency") else "system",
        "actor_id": actor.id if actor != SYSTEM else None,
        "at": at,
        "handles": 0,
    }
    change: TicketChange | None = decided.get("change")
    if change is not None:
        fields["notices"] = notices.called_for(case.after(change, at=at, actor=actor.id), act, id_, at)
    if change is not None and change.state == "waiting_citizen" and case.state != "waiting_citizen":
        # the answer is for people: the bot did not ask
        operator = conversation.operator or change.operator or case.operator
        fields |= {"owner": "human", "operator": operator, "outcome": "ticketed"}
    elif (
        isinstance(act, acts.Merge | acts.Close | acts.Spam)
        and conversation.ticket == case.id
        and conversation.owner == "human"
    ):
        # nobody looks at this conversation any more: the bot answers what comes next
        fields |= {"owner": "bot", "handles": conversation.last_seq, "outcome": "ticketed"}
    elif isinstance(act, acts.Assign | acts.Release) and _held_with(conversation, case):
        # whoever gets the ticket goes on with the conversation it is talked over in
        fields |= {"owner": "human", "operator": act.operator if isinstance(act, acts.Assign) else None}
    if "owner" in fields:
        fields["expects_epoch"] = conversation.epoch
    return Turn(**fields | decided)


def _held_with(conversation: Conversation, case: Ticket) -> bool:
    """Whether an operator talks with the citizen about this ticket."""
    return (
        conversation.ticket == case.id and conversation.owner == "human" and conversation.operator is not None
    )


_OPEN: Final = ("new", "assigned", "forwarded", "answered", "waiting_citizen", "returned", "reopened")


def _says(
    ticket: Ticket, act: Act, text: str | None, files: tuple[Attachment, ...], rules: Rules, reach: Reach
) -> tuple[Draft, ...]:
    """What the citizen is told. What an agency proposes is said only where nobody has to review it."""
    code = ticket.code
    if isinstance(act, acts.Propose) and said_at_once(act, ticket.agency or "", rules):
        shape = ANSWER if act.kind == "answer" else QUESTION
        return (Draft(text=shape.format(code=code, text=act.text), attachments=act.attachments),)
    if isinstance(act, acts.Propose):  # colleagues read it where they talk with the citizen
        whose = rules.agencies.get(ticket.agency or "")
        words = PROPOSED[act.kind].format(agency=whose.name if whose else "", text=act.text)
        return (Draft(text=words, attachments=act.attachments, internal=True),)
    if isinstance(act, acts.Ask):
        if not (text or "").strip():
            raise Refused("empty", "Nội dung không được để trống.")
        return (Draft(text=QUESTION.format(code=code, text=text), attachments=files),)
    if isinstance(act, acts.Reopen):
        return (Draft(text=reopening.REOPENED.format(code=code), by_machine=True),)
    if text and isinstance(act, acts.Answer):
        return (Draft(text=text, attachments=files),)
    if isinstance(act, acts.Close):
        if (
            text and not reach.bot
        ):  # a person's words may go out now, a machine's question must not ride on them
            return (Draft(text=text),)
        return (rating.asked_with(text, ticket, courtesy=not text),)
    return ()
