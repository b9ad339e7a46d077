"""A store in plain lists and dictionaries: what every store's answers are compared with. One thing at a time, no I/O."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from hub.errors import LeaseLost, NotFound, OwnerChanged, TicketMoved
from hub.model import (
    FINAL,
    OPEN_STATES,
    ORIGINS,
    SPOKEN,
    Conversation,
    Delivery,
    Dialogue,
    Event,
    KnowledgeDoc,
    Message,
    Notice,
    NoticeDelivery,
    Raw,
    State,
    Ticket,
    TicketChange,
    TicketEvent,
    TicketQuery,
    Turn,
    conversation_id,
    derived_id,
    message_id,
)
from hub.ports import LONGEST_PAUSE_MS, BookLine

DAY_MS = 24 * 60 * 60 * 1000
DEAD = ("failed", "unknown", "window_closed")


@dataclass
class Delivered:
    raw: Raw
    waits: bool = True
    unfinished: bool = False
    erased: bool = False
    lease_until: int = 0
    counts: tuple[int, int, int] = (0, 0, 0)
    talks: set[str] = field(default_factory=set)


@dataclass
class Talk:
    """A conversation and what only the store knows of it."""

    facts: Conversation
    messages: list[Message] = field(default_factory=list)
    due_at: int | None = None
    first_due_at: int | None = None
    token: str | None = None
    lease_until: int = 0
    attempts: int = 0

    def set(self, **fields: Any) -> None:
        self.facts = self.facts.model_copy(update=fields)

    def touch(self, now: int) -> None:
        self.set(touched_at=max(self.facts.touched_at, now), version=self.facts.version + 1)

    def change(self, message: Message, **fields: Any) -> Message:
        new = message.model_copy(update=fields)
        self.messages[message.seq - 1] = new
        return new

    def waiting(self) -> list[Message]:
        return [m for m in self.messages if m.author == "citizen" and m.outcome is None]


@dataclass
class Sending:
    retry_at: int = 0
    token: str | None = None
    lease_until: int = 0
    attempts: int = 0


@dataclass
class Mailing:
    notice: Notice
    due_at: int | None
    token: str | None = None
    attempts: int = 0


class Model:
    def __init__(self) -> None:
        self.raws: dict[str, Delivered] = {}
        self.events: dict[str, str] = {}  # in which conversation
        self.erased: set[tuple[str, str]] = (
            set()
        )  # ("message" or "event", its id): a name may be used by both
        self.talks: dict[str, Talk] = {}
        self.turns: dict[str, Turn] = {}
        self.tickets: dict[str, Ticket] = {}
        self.ticket_changed: dict[str, int] = {}
        self.sending: dict[str, Sending] = {}
        self.mailings: dict[str, Mailing] = {}
        self.docs: dict[tuple[str, str], KnowledgeDoc] = {}
        self.revision = 0
        self.hits: dict[str, list[int]] = {}
        self.jobs: dict[str, tuple[str, int]] = {}  # who holds it, until when
        self.states: dict[str, State] = {}
        self._tokens = 0

    def token(self) -> str:
        self._tokens += 1
        return str(self._tokens)

    # -- intake

    def put_raw(self, raw: Raw) -> None:
        self.raws.setdefault(raw.id, Delivered(raw))

    def lease_raw(self, now: int, until: int) -> Raw | None:
        busy: set[str] = set()
        for delivered in sorted(self.raws.values(), key=lambda d: d.raw.received_at):
            is_open = delivered.waits or delivered.unfinished
            if is_open and delivered.lease_until <= now and delivered.raw.channel not in busy:
                delivered.lease_until = until
                return delivered.raw
            if delivered.waits and delivered.lease_until > now:
                busy.add(delivered.raw.channel)
        return None

    def take_in(
        self, raw: Raw, events: list[Event], refused: int, now: int, due_at: int, finished: bool = True
    ) -> tuple[int, list[Message]]:
        fresh, messages = 0, []
        delivered = self.raws[raw.id]
        for event in events:
            talk = self.talks.setdefault(
                conversation_id(event),
                Talk(
                    Conversation(
                        id=conversation_id(event), channel=event.channel, account=event.account,
                        key=event.conversation, sender=event.sender, created_at=raw.received_at, touched_at=now,
                    )
                ),
            )  # fmt: skip
            id_ = message_id(event)
            if event.kind not in SPOKEN:
                fresh += id_ not in self.events
                delivered.talks.add(self.events.setdefault(id_, talk.facts.id))
                delivered.erased |= ("event", id_) in self.erased
                continue
            known = self.message(id_)
            fresh += known is None
            messages.append(known or self._append(talk, raw, event, now, due_at))
            delivered.talks.add(messages[-1].conversation)
            delivered.erased |= ("message", id_) in self.erased
        if delivered.waits:
            delivered.waits, delivered.unfinished = False, not finished
            delivered.counts = (fresh, len(events) - fresh, refused)
        elif finished:
            delivered.unfinished = False
        return fresh, messages

    def _append(self, talk: Talk, raw: Raw, event: Event, now: int, due_at: int) -> Message:
        human = talk.facts.owner == "human"
        message = Message(
            id=message_id(event), conversation=talk.facts.id, seq=len(talk.messages) + 1, author="citizen",
            kind=event.kind, text=event.text, attachments=event.attachments, at=raw.received_at,
            external_id=event.external_id, reply_to=event.reply_to, automatic=event.automatic, data=event.data,
            outcome="no_reply_due" if not event.due else "ticketed" if human else None,
        )  # fmt: skip
        talk.messages.append(message)
        if message.outcome is None:
            talk.first_due_at = talk.first_due_at or due_at
            talk.due_at = min(due_at, talk.first_due_at + LONGEST_PAUSE_MS)
        elif message.outcome == "ticketed":
            talk.set(handled_seq=message.seq)
        spoken_at = min(event.sent_at or raw.received_at, raw.received_at)
        talk.set(
            last_seq=message.seq,
            interacted_at=max(talk.facts.interacted_at or 0, spoken_at),
            sender=talk.facts.sender or event.sender,
            unreachable=None,  # who writes can be written to
        )
        talk.touch(now)
        return message

    # -- turns

    def lease_conversation(self, now: int, until: int, taken: str | None) -> Talk | None:
        """``taken``: which one the store took; of those due at the same time any will do."""
        due = [
            t
            for t in self.talks.values()
            if t.due_at is not None and t.due_at <= now and t.lease_until <= now
        ]
        if not due:
            return None
        talk = min(due, key=lambda t: (t.due_at, t.facts.id != taken))
        talk.token, talk.lease_until, talk.attempts = self.token(), until, talk.attempts + 1
        return talk

    def release(self, conversation: str, token: str, due_at: int) -> None:
        talk = self.talks[conversation]
        if talk.token == token and talk.due_at is not None:
            talk.token, talk.lease_until, talk.attempts, talk.due_at = None, 0, talk.attempts - 1, due_at

    def commit(self, turn: Turn, token: str | None) -> tuple[bool, list[Message]]:
        if turn.id in self.turns:
            return False, [
                m
                for t in self.talks.values()
                for m in t.messages
                if m.turn == turn.id and m.author != "citizen"
            ]
        talk = self.talks.get(turn.conversation)
        if talk is None:
            raise NotFound
        if token is not None and talk.token != token:
            raise LeaseLost
        if turn.expects_epoch is not None and talk.facts.epoch != turn.expects_epoch:
            raise OwnerChanged
        self._may_change(turn)
        self.turns[turn.id] = turn
        before = talk.facts
        for message in talk.waiting():
            if message.seq <= turn.handles:
                talk.change(message, outcome=turn.outcome, turn=turn.id)
        if turn.owner == "human":
            for message in talk.waiting():
                talk.change(message, outcome="ticketed", turn=turn.id)
        said = self._say(talk, turn)
        self._tickets(talk, turn)
        for notice in turn.notices:
            self.mailings[notice.id] = Mailing(notice, notice.at)
        owner = turn.owner or before.owner
        operator = None if owner == "bot" else turn.operator if turn.owner else before.operator
        seen = turn.actor == "operator" or (turn.actor == "bot" and owner == "bot")
        talk.set(
            owner=owner,
            operator=operator,
            epoch=before.epoch + ((owner, operator) != (before.owner, before.operator)),
            last_seq=len(talk.messages),
            handled_seq=before.last_seq if owner == "human" else max(before.handled_seq, turn.handles),
            staff_read_seq=max(before.staff_read_seq, turn.handles if seen else 0),
            dialogue=turn.dialogue or before.dialogue,
        )
        talk.touch(turn.at)
        talk.due_at, talk.first_due_at = talk.due_at if talk.waiting() else None, None
        if turn.actor == "bot" or owner == "human":
            talk.token, talk.lease_until, talk.attempts = None, 0, 0
        return True, said

    def _say(self, talk: Talk, turn: Turn) -> list[Message]:
        said = []
        for place, draft in enumerate(turn.says):
            message = Message(
                id=derived_id("m", turn.id, str(place)), conversation=turn.conversation, author=turn.author_of(draft),
                seq=len(talk.messages) + 1, author_id=turn.actor_id, at=turn.at, turn=turn.id,
                delivery=None if draft.internal else "sent" if draft.said_elsewhere else "queued",
                external_id=draft.said_elsewhere, **draft.model_dump(include={"text", "internal", "private"}),
            )  # fmt: skip
            talk.messages.append(message)
            said.append(message)
            if message.delivery == "queued":
                self.sending[message.id] = Sending()
        return said

    def _tickets(self, talk: Talk, turn: Turn) -> None:
        if turn.ticket is not None:
            self.tickets[turn.ticket.id] = turn.ticket
            self.ticket_changed[turn.ticket.id] = turn.ticket.created_at
            talk.set(ticket=turn.ticket.id)
        if turn.change is not None:
            self._change(talk, turn, turn.change)

    def _may_change(self, turn: Turn) -> None:
        if turn.change is None:
            return
        ticket = self.tickets.get(turn.change.ticket)
        if ticket is None or ticket.conversation != turn.conversation:
            raise NotFound
        if turn.change.expects not in (None, ticket.version):
            raise TicketMoved

    def _change(self, talk: Talk, turn: Turn, change: TicketChange) -> None:
        old = self.tickets[change.ticket]
        new = {
            **change.fields,
            "state": change.state or old.state,
            "operator": change.operator or old.operator,
        }
        entry = TicketEvent(
            at=turn.at, actor=turn.actor_id or turn.actor, state=new["state"], note=change.note, action=change.action,
            changes={
                name: (None, None) if name == "solution" else (getattr(old, name), value)
                for name, value in new.items()
                if name != "alarm_at" and getattr(old, name) != value
            },
        )  # fmt: skip
        self.ticket_changed[old.id] = turn.at
        self.tickets[old.id] = old.model_copy(
            update=new | {"version": old.version + 1, "history": (*old.history, entry)}
        )
        if turn.ticket is None and change.state in ("closed", "spam") and talk.facts.ticket == old.id:
            talk.set(ticket=None)
        if turn.ticket is None and change.state == "reopened" and talk.facts.ticket is None:
            talk.set(ticket=old.id)

    def find(self, query: TicketQuery, limit: int) -> list[Ticket]:
        def fits(t: Ticket) -> bool:
            return (
                (query.states is None or t.state in query.states)
                and (query.category is None or t.category == query.category)
                and (query.agencies is None or t.agency in query.agencies)
                and (query.operator is None or t.operator == query.operator)
                and not (query.unassigned and t.operator)
                and (query.merged is None or query.merged == (t.merged_into is not None))
                and (query.merged_into is None or t.merged_into == query.merged_into)
                and (
                    query.alarm_until is None or (t.alarm_at is not None and t.alarm_at <= query.alarm_until)
                )
                and (query.due_until is None or (t.due_at is not None and t.due_at <= query.due_until))
            )

        key: Any = {
            "urgent": lambda t: (t.priority != "urgent", t.created_at),
            "due": lambda t: (t.due_at is None, t.due_at or 0),
            "alarm": lambda t: (t.alarm_at is None, t.alarm_at or 0),
            "changed": lambda t: -self.ticket_changed[t.id],
        }[query.order]
        return sorted(filter(fits, self.tickets.values()), key=lambda t: (key(t), t.id))[:limit]

    def by_change(self, query: TicketQuery) -> list[tuple[int, Ticket]]:
        found = [(self.ticket_changed[t.id], t) for t in self.find(query, 10**6)]
        return sorted(found, key=lambda it: (it[0], it[1].id))

    def held(self) -> list[tuple[str, str]]:
        work = ("new", "assigned", "returned", "reopened")
        held = [t for t in self.tickets.values() if t.operator and t.state in work and t.merged_into is None]
        return sorted((str(t.operator), t.id) for t in held)

    # -- outbox

    def lease_outbox(self, now: int, until: int, limit: int) -> list[tuple[Message, Sending, bool]]:
        heads = []
        for talk in self.talks.values():
            unfinished = [m for m in talk.messages if m.delivery in ("queued", "sending")]
            if unfinished:
                head, state = unfinished[0], self.sending[unfinished[0].id]
                if (state.retry_at if head.delivery == "queued" else state.lease_until) <= now:
                    heads.append((head, state, talk))
        leased = []
        for head, state, talk in sorted(heads, key=lambda h: h[0].at)[:limit]:
            state.token, state.lease_until, state.attempts = self.token(), until, state.attempts + 1
            talk.change(head, delivery="sending")
            leased.append((head, state, head.delivery == "sending"))
        return leased

    def settle(
        self, message: Message, token: str | None, delivery: Delivery, now: int, retry_at: int, external_id: str | None
    ) -> bool:  # fmt: skip
        talk, state = self.talks[message.conversation], self.sending[message.id]
        if state.token != token:
            return False
        kept = talk.messages[message.seq - 1]
        talk.change(kept, delivery=delivery, external_id=external_id or kept.external_id)
        state.token, state.lease_until, state.retry_at = None, 0, retry_at
        if delivery in FINAL:
            talk.touch(now)
        return True

    # -- mails to agencies

    def lease_notice(self, now: int, until: int) -> Mailing | None:
        due = [
            (m.due_at, id_) for id_, m in self.mailings.items() if m.due_at is not None and m.due_at <= now
        ]
        if not due:
            return None
        mailing = self.mailings[min(due)[1]]
        mailing.due_at, mailing.token, mailing.attempts = until, self.token(), mailing.attempts + 1
        return mailing

    def settle_notice(
        self, id_: str, token: str | None, delivery: NoticeDelivery, now: int, retry_at: int | None
    ) -> bool:
        mailing = self.mailings[id_]
        if token is None or mailing.token != token:
            return False
        mailing.notice = mailing.notice.settled(delivery, now, "E")
        mailing.due_at, mailing.token = retry_at, None
        return True

    def fail_notice(self, id_: str, now: int) -> Notice | None:
        mailing = self.mailings.get(id_)
        if mailing is None:
            return None
        mailing.notice = mailing.notice.settled("failed", now, "bounced")
        mailing.due_at, mailing.token = None, None
        return mailing.notice

    def notices(self, ticket: str) -> list[Notice]:
        mine = [m.notice for m in self.mailings.values() if m.notice.ticket == ticket]
        return sorted(mine, key=lambda one: (one.at, one.id))

    def mark_delivered(self, conversation: str, upto: int, delivery: Delivery, now: int) -> None:
        talk = self.talks[conversation]
        marked = ("sent",) if delivery == "delivered" else ("sent", "delivered")
        hit = [m for m in talk.messages if m.seq <= upto and m.delivery in marked]
        for message in hit:
            talk.change(message, delivery=delivery)
        seq = min(upto, talk.facts.last_seq)
        further = delivery == "read" and talk.facts.citizen_read_seq < seq
        if further:
            talk.set(citizen_read_seq=seq)
        if hit or further:
            talk.touch(now)

    def mark_staff_read(self, conversation: str, upto: int, now: int) -> None:
        talk = self.talks[conversation]
        seq = min(upto, talk.facts.last_seq)
        if talk.facts.staff_read_seq < seq:
            talk.set(staff_read_seq=seq)
            talk.touch(now)

    def confirm(self, id_: str, external_id: str, now: int) -> bool:
        message = self.message(id_)
        if message is None or message.delivery is None or message.external_id is not None:
            return False
        talk = self.talks[message.conversation]
        arrived = message.delivery if message.delivery in ("delivered", "read") else "sent"
        talk.change(message, external_id=external_id, delivery=arrived)
        if id_ in self.sending:
            self.sending[id_] = Sending(attempts=self.sending[id_].attempts)
        talk.touch(now)
        return True

    # -- people

    def message(self, id_: str) -> Message | None:
        return next((m for t in self.talks.values() for m in t.messages if m.id == id_), None)

    def amend(self, id_: str, text: str | None, data: Mapping[str, Any], now: int) -> Message | None:
        message = self.message(id_)
        if message is None or ("message", id_) in self.erased:
            return message
        merged = {k: v for k, v in {**message.data, **data}.items() if k not in data or v is not None}
        new = message.model_copy(update={"data": merged} | ({} if text is None else {"text": text}))
        if new != message:
            self.talks[message.conversation].change(message, text=new.text, data=new.data)
            self.talks[message.conversation].touch(now)
        return new

    def note(
        self, conversation: str, now: int, at: int | None, name: str | None, contact: dict[str, str], left: str | None, back: bool
    ) -> None:  # fmt: skip
        talk = self.talks[conversation]
        before = talk.facts
        if at is not None:
            talk.set(interacted_at=max(at, before.interacted_at or 0))
        if name is not None:
            talk.set(name=name)
        talk.set(contact={**before.contact, **contact})
        if left is not None or back:
            talk.set(unreachable=left)
        if talk.facts != before:
            talk.touch(now)

    def erase(self, conversation: str, now: int) -> None:
        talk = self.talks[conversation]
        before = talk.facts
        things = {("message", m.id) for m in talk.messages}
        things |= {("event", id_) for id_, of in self.events.items() if of == conversation}
        changed = not things <= self.erased
        self.erased |= things
        unsent = {m.turn for m in talk.messages if m.delivery in ("queued", "sending")}
        for m in talk.messages:
            if m.author == "citizen" and (
                m.outcome is None or (m.outcome == "answered" and m.turn in unsent)
            ):
                talk.change(m, outcome="no_reply_due")
            elif m.delivery in ("queued", "sending"):
                talk.change(m, delivery="failed")
                self.sending[m.id] = Sending()
        for m in list(talk.messages):
            talk.change(m, text=None, buttons=(), attachments=(), data={})
        for turn in [t for t in self.turns.values() if t.conversation == conversation]:
            change = turn.change and turn.change.model_copy(
                update={
                    "note": None,
                    "fields": {k: v for k, v in turn.change.fields.items() if k != "solution"},
                }
            )
            new = turn.model_copy(update={"says": (), "dialogue": None, "ticket": None, "change": change})
            changed |= new != turn
            self.turns[turn.id] = new
        for ticket in [t for t in self.tickets.values() if t.conversation == conversation]:
            changed |= self._erase_ticket(ticket, now)
        for delivered in self.raws.values():
            if conversation in delivered.talks and not delivered.erased:
                changed = delivered.erased = True
                delivered.unfinished &= delivered.talks != {conversation}
        talk.set(
            sender="", name=None, contact={}, unreachable=None, dialogue=Dialogue(), owner="bot", operator=None,
            ticket=None, handled_seq=before.last_seq, staff_read_seq=before.last_seq,
        )  # fmt: skip
        if changed or talk.facts != before:
            talk.set(epoch=before.epoch + 1)
            talk.touch(now)
            talk.due_at = talk.first_due_at = talk.token = None
            talk.lease_until = talk.attempts = 0

    def _erase_ticket(self, ticket: Ticket, now: int) -> bool:
        note = "Đã xóa dữ liệu cá nhân"
        history = [
            e if e.note in (None, note) else e.model_copy(update={"note": None}) for e in ticket.history
        ]
        cleared: dict[str, Any] = {"summary": note, "details": {}, "solution": None}
        if ticket.state in OPEN_STATES:
            history.append(
                TicketEvent(
                    at=now, actor="system", state="closed", note=note, action="erase",
                    changes={"state": (ticket.state, "closed")},
                )
            )  # fmt: skip
            self.ticket_changed[ticket.id] = now
            cleared |= {
                "state": "closed", "alarm_at": None, "link_epoch": ticket.link_epoch + 1, "version": ticket.version + 1,
            }  # fmt: skip
        new = ticket.model_copy(update=cleared | {"history": tuple(history)})
        self.tickets[ticket.id] = new
        return new != ticket

    # -- reading

    def queue(self, state: str) -> list[str]:
        is_open = state == "open"
        states = tuple(OPEN_STATES) if is_open else ("closed", "spam")
        query = TicketQuery(states=states, merged=False, order="urgent" if is_open else "changed")
        return [t.id for t in self.find(query, 100)]

    # -- knowledge, hits

    def put_knowledge(self, docs: list[KnowledgeDoc]) -> int:
        changed = False
        for doc in docs:
            old = self.docs.get((doc.kind, doc.id))
            if old != doc and (old is None or ORIGINS.index(old.origin) <= ORIGINS.index(doc.origin)):
                self.docs[doc.kind, doc.id] = doc
                changed = True
        self.revision += changed
        return self.revision

    def count_hit(self, key: str, now: int, window: int) -> int:
        self.hits[key] = [at for at in self.hits.get(key, []) if at > now - window] + [now]
        return len(self.hits[key])

    # -- jobs

    def hold(self, job: str, holder: str, now: int, until: int) -> bool:
        held_by, ends = self.jobs.get(job, (holder, 0))
        if held_by != holder and ends > now:
            return False
        self.jobs[job] = (holder, until)
        return True

    def let_go(self, job: str, holder: str) -> None:
        if job in self.jobs and self.jobs[job][0] == holder:
            del self.jobs[job]

    def put_state(self, name: str, body: bytes, expects: int) -> bool:
        there = self.states.get(name)
        if (there.version if there else 0) != expects:
            return False
        self.states[name] = State(name=name, version=expects + 1, body=body)
        return True

    def sweep(self, now: int) -> int:
        old = 0
        for key, hits in self.hits.items():
            self.hits[key] = [at for at in hits if at >= now - DAY_MS]
            old += len(hits) - len(self.hits[key])
        return old

    # -- the books

    def lines(self) -> list[BookLine]:
        days: dict[tuple[str, str], Counter[str]] = {}
        for talk in self.talks.values():
            for message in talk.messages:
                if message.author == "citizen":
                    day = (
                        (datetime.fromtimestamp(message.at / 1000, UTC) + timedelta(hours=7))
                        .date()
                        .isoformat()
                    )
                    days.setdefault((talk.facts.channel, day), Counter())[self._place(talk, message)] += 1
        places = ("ticketed", "answered", "no_reply_due", "waiting")
        return [
            BookLine(channel=channel, day=day, **{place: days[channel, day][place] for place in places})
            for channel, day in sorted(days)
        ]

    def _place(self, talk: Talk, message: Message) -> str:
        if message.outcome != "answered":
            return message.outcome or "waiting"
        deliveries = {m.delivery for m in talk.messages if m.turn == message.turn}
        if deliveries & {"queued", "sending"}:
            return "waiting"
        return "ticketed" if deliveries & set(DEAD) else "answered"

    def problems(self, now: int, limit: int) -> int:
        """How many things do not add up."""
        n = 0
        for talk in self.talks.values():
            c, inbound = talk.facts, [m for m in talk.messages if m.author == "citizen"]
            spoke = {m.turn for m in talk.messages if m.author != "citizen"}
            n += sum(m.outcome == "answered" and m.turn not in spoke for m in inbound)
            n += any(m.outcome == "ticketed" for m in inbound) and not any(
                t.conversation == c.id for t in self.tickets.values()
            )
            if talk.due_at is None or c.owner == "human":
                n += len(talk.waiting())
            n += sum(
                m.author in ("bot", "system")
                and m.delivery in DEAD
                and f"{m.id}:undelivered" not in self.turns
                and ("message", m.id) not in self.erased
                for m in talk.messages
            )
            n += talk.due_at is not None and max(talk.due_at, talk.lease_until) < limit
            n += sum(
                m.delivery == "sending" and self.sending[m.id].lease_until < limit for m in talk.messages
            )
        n += sum(m.due_at is not None and m.due_at < limit for m in self.mailings.values())
        return n + sum(
            (d.waits or d.unfinished) and max(d.lease_until, d.raw.received_at) < limit
            for d in self.raws.values()
        )
