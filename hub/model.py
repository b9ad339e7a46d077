"""The normalised types everything speaks. Immutable; times are UTC epoch milliseconds; texts are NFC.

An :class:`Event` is what a connector made of a delivery. Citizens' messages among them become
:class:`Message` rows of a :class:`Conversation`, numbered 1, 2, 3… by ``seq``. Whatever happens to a
conversation afterwards (the bot answers, an operator takes over, a ticket is opened) is one :class:`Turn`:
recorded whole or not at all, and only once per id.
"""

import hashlib
import unicodedata
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)


Text = Annotated[str, AfterValidator(nfc)]


class Value(BaseModel):
    """Base of all types here: immutable, unknown fields are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")


# ---- in: what connectors make of deliveries ------------------------------------------------------

EventKind = Literal[
    "message", "postback", "edit", "reaction", "delivery", "read", "follow", "unfollow", "profile", "echo",
    "comment", "comment_edit", "comment_remove", "referral", "thread_control", "withdraw", "bounce",
    "unsupported",
]  # fmt: skip

#: Kinds that are a citizen saying something: these get a place in the conversation and must be dealt with.
SPOKEN: frozenset[EventKind] = frozenset({"message", "postback", "comment"})


class Attachment(Value):
    """``type`` is the platform's name for it in lower case: image, file, audio, location…

    A connector gives ``url`` (to be fetched) or ``part`` (inside the delivery itself, as in mail); the hub keeps
    the content as a blob, or says in ``problem`` why it has none: ``too_big``, ``blocked``, ``gone``, ``type``."""

    type: str
    url: str | None = None
    name: Text | None = None
    size: int | None = None  # bytes
    lat: float | None = None
    lon: float | None = None
    part: str | None = None
    blob: str | None = None
    media_type: str | None = None  # as sniffed from the content, never as declared
    problem: str | None = None

    def shown(self) -> dict[str, Any]:
        """The fields of the contract of ``hub normalize``, those that are known."""
        return self.model_dump(include={"type", "url", "name", "size", "lat", "lon"}, exclude_none=True) | {
            "type": self.type
        }

    @property
    def wanted(self) -> bool:
        """Whether its content still has to be fetched."""
        return self.blob is None and self.problem is None and (self.url is not None or self.part is not None)


class Event(Value):
    """One normalised event. The fields are the contract of ``hub normalize``."""

    channel: str
    kind: EventKind
    external_id: str
    account: str
    sender: str
    text: Text | None = None
    attachments: tuple[Attachment, ...] = ()
    reply_to: str | None = None
    sent_at: int | None = None
    conversation: str
    automatic: bool = False
    data: dict[str, Any] = {}

    @property
    def due(self) -> bool:
        """Whether somebody has to deal with it: also with what a machine wrote, where it may say something new."""
        return not self.automatic or bool(self.data.get("for_people"))

    @property
    def citizen(self) -> str:
        """Who is at the other end, as far as it tells: an echo comes from our own account."""
        return self.sender if self.sender != self.account else ""


class Raw(Value):
    """A verified delivery as it arrived, kept before it is acknowledged."""

    id: str
    channel: str
    received_at: int
    body: bytes
    headers: dict[str, str] = {}  # only those the connector asks to keep


class Aside(Value):
    """A delivery that was put aside."""

    id: str
    channel: str
    received_at: int
    size: int  # bytes
    error: str  # the name of what went wrong


class Intake(Value):
    """What became of one raw delivery: ``events + duplicates + refused`` is all that was in it."""

    raw: str
    events: int
    duplicates: int
    refused: int
    messages: tuple["Message", ...] = ()  # the rows its events stand for, old (duplicates) or new
    error: str | None = None  # set when the delivery could not be parsed and was put aside


# ---- conversations -------------------------------------------------------------------------------

Author = Literal["citizen", "bot", "operator", "system"]
Owner = Literal["bot", "human"]
Delivery = Literal["queued", "sending", "sent", "delivered", "read", "failed", "unknown", "window_closed"]
FINAL: frozenset[Delivery] = frozenset({"sent", "delivered", "read", "failed", "unknown", "window_closed"})
Outcome = Literal["answered", "ticketed", "no_reply_due"]


class Button(Value):
    """A quick reply: ``payload`` comes back when the citizen chooses it; ``title`` is what they see."""

    title: Text
    payload: str


class Draft(Value):
    """Something to be said, before it has a place in the conversation."""

    text: Text
    buttons: tuple[Button, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    internal: bool = False  # a note among operators: never leaves the house
    private: bool = False  # for the person alone, where the conversation itself is public
    courtesy: bool = False  # who has come or gone: said only where people chat
    by_machine: bool = (
        False  # in the name of a person, but nobody wrote it: never sent as a person's own words
    )
    ask: Literal["contact"] | None = None  # what it asks for, where the channel has a form for that
    knowledge: tuple[str, ...] = ()  # ids of the knowledge entries it was made of
    #: the platform's id of what a person said there, not through the hub: recorded, never sent
    said_elsewhere: str | None = None
    reply_to: str | None = None  # the platform's id of what it answers, where that decides who gets it

    @property
    def data(self) -> dict[str, Any]:
        """What its message carries on for the connector and the outbox."""
        asks = {"ask": self.ask} if self.ask else {}
        return asks | ({"courtesy": True} if self.courtesy else {})


class Message(Value):
    """One line of a conversation, in either direction."""

    id: str
    conversation: str
    seq: int
    author: Author
    author_id: str | None = None  # staff id of an operator
    kind: EventKind = "message"
    text: Text | None = None
    buttons: tuple[Button, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    internal: bool = False
    private: bool = False
    knowledge: tuple[str, ...] = ()
    at: int
    external_id: str | None = None
    reply_to: str | None = None
    automatic: bool = False
    data: dict[str, Any] = {}
    delivery: Delivery | None = None  # outbound only
    outcome: Outcome | None = None  # inbound only: None while it waits
    turn: str | None = None  # the turn that dealt with it (inbound) or said it (outbound)


class Dialogue(Value):
    """The bot's memory of a conversation: Rasa events, compacted after each turn. Rasa itself keeps none."""

    events: tuple[dict[str, Any], ...] = ()


class Conversation(Value):
    id: str
    channel: str
    account: str
    key: str  # the connector's conversation key
    sender: str  # the citizen's id or address on the channel
    name: Text | None = None
    owner: Owner = "bot"
    operator: str | None = None  # staff id while an operator has it
    epoch: int = 0  # grows whenever the owner changes: fences a bot that was still thinking
    last_seq: int = 0
    handled_seq: int = 0  # everything the citizen said up to here is dealt with
    citizen_read_seq: int = 0
    staff_read_seq: int = 0
    ticket: str | None = None  # id of the open ticket
    interacted_at: int | None = None  # when the citizen last did what keeps the platform's reply window open
    unreachable: str | None = None  # the platform's reason why this person cannot be written to
    contact: dict[str, str] = {}  # what the person shared: phone, address…
    person: str | None = None  # the same in all conversations that staff know to be one person's
    dialogue: Dialogue = Dialogue()
    created_at: int
    touched_at: int
    version: int = 0  # grows with every change; live pages compare it


class Lease(Value):
    """The right to work on one conversation until ``until``."""

    conversation: Conversation
    token: str
    until: int
    attempts: int  # how often it was leased without a turn since the last one: > 1 means a worker died


# ---- tickets -------------------------------------------------------------------------------------

TicketState = Literal[
    "new", "assigned", "forwarded", "answered", "closed", "waiting_citizen", "returned", "reopened", "spam"
]
OPEN_STATES: frozenset[TicketState] = frozenset(
    {"new", "assigned", "forwarded", "answered", "waiting_citizen", "returned", "reopened"}
)
Priority = Literal["low", "normal", "high", "urgent"]
TicketReason = Literal["asked_for_person", "bot_failed", "unanswerable", "report", "complaint", "emergency",
                       "send_failed", "operator"]  # fmt: skip


class TicketEvent(Value):
    """One line of a ticket's history: who, when, what was done, and which fields went from what to what."""

    at: int
    actor: str  # "bot", "system", "citizen", "agency:<id>" or a staff id
    state: TicketState
    note: Text | None = None
    action: str | None = None
    changes: dict[str, tuple[Any, Any]] = {}  # field → (before, after); personal ones without their values


class Place(Value):
    text: Text | None = None
    lat: float | None = None
    lon: float | None = None


class Proposal(Value):
    """What an agency wants said to the citizen, waiting for an operator's review."""

    kind: Literal["answer", "question"]
    agency: str
    by: str
    at: int
    text: Text
    attachments: tuple[Attachment, ...] = ()


class Rating(Value):
    """How content the citizen is with how it was dealt with."""

    score: Annotated[int, Field(ge=1, le=5)]
    text: Text | None = None
    at: int


class Ticket(Value):
    id: str
    code: str  # 1022-YYYY-NNNNNN
    lookup_key: str  # 6 letters and digits, told with the code
    conversation: str
    state: TicketState
    reason: TicketReason
    priority: Priority = "normal"
    category: str | None = None
    commune: str | None = None
    agency: str | None = None  # with whom the case lies, or last lay
    contact_shown: bool = False  # that agency sees who the citizen is and how to reach them
    about: str | None = None  # the agency that is complained about: never gets the case
    sensitive: bool = False  # neither content nor names are shown in public
    summary: Text
    details: dict[str, str] = {}  # location, phone, time… as the citizen gave them
    place: Place | None = None
    messages: tuple[str, ...] = ()  # ids of the messages whose attachments belong to it
    operator: str | None = None
    created_at: int
    received_at: int | None = None  # when the hub received what it is about; None: created_at
    hours: int | None = None  # working hours promised; None: no clock (tickets of older hubs)
    due_at: int | None = None  # the citizen's clock; None: it stands still, or there is none
    agency_hours: int | None = None  # working hours the agency was given
    agency_due_at: int | None = None  # the agency's clock; None: it does not run
    alarm_at: int | None = None  # when the scheduler looks at it next
    alarms: tuple[str, ...] = ()  # warnings given: citizen:50, agency:80…
    escalated_at: int | None = None  # when it was first laid before the supervisor
    merged_into: str | None = None  # the ticket that stands for this one
    duplicate_of: str | None = None  # looks like that one; a person decides
    related: tuple[str, ...] = ()
    proposal: Proposal | None = None
    solution: Text | None = None  # what those are told whose tickets were merged into this one
    rating: Rating | None = None
    link_epoch: int = 0  # links to the case with an older one are worthless
    version: int = 0  # grows with every change
    history: tuple[TicketEvent, ...] = ()

    def after(self, change: "TicketChange", *, at: int, actor: str) -> "Ticket":
        """The ticket with a change carried out and recorded: what every store writes."""
        fields = change.fields | {"state": change.state or self.state}
        if change.operator is not None:
            fields["operator"] = change.operator
        new = Ticket.model_validate(
            self.model_dump(exclude={"history"}) | fields | {"version": self.version + 1}
        )
        before, after = self.model_dump(mode="json"), new.model_dump(mode="json")
        changes = {
            name: (None, None) if name in PERSONAL else (before[name], after[name])
            for name in before
            if before[name] != after[name] and name not in UNRECORDED
        }
        event = TicketEvent(
            at=at, actor=actor, state=new.state, note=change.note, action=change.action, changes=changes
        )
        return new.model_copy(update={"history": (*self.history, event)})


#: Fields of a ticket whose values stay out of its history, so that erasing a person need not rewrite it.
PERSONAL = frozenset({"summary", "details", "place", "proposal", "solution", "rating"})
UNRECORDED = frozenset({"history", "version", "alarm_at", "alarms"})


class TicketQuery(Value):
    """Which tickets; what is None does not matter."""

    states: tuple[TicketState, ...] | None = None
    category: str | None = None
    categories: tuple[str, ...] | None = None
    channels: tuple[str, ...] | None = None  # of their conversations
    priorities: tuple[Priority, ...] | None = None
    sensitive: bool | None = None
    commune: str | None = None
    agencies: tuple[str, ...] | None = None
    operator: str | None = None
    unassigned: bool = False
    conversation: str | None = None
    merged_into: str | None = None
    merged: bool | None = None  # True: only merged ones; False: none of them
    escalated: bool | None = None
    proposed: bool | None = None  # an agency's word waits for review
    alarm_until: int | None = None  # alarm_at is at or before
    due_until: int | None = None  # due_at is at or before
    due_after: int | None = None  # due_at is known and after
    created_from: int | None = None
    created_until: int | None = None  # before this instant
    order: Literal["urgent", "due", "alarm", "changed", "newest"] = "urgent"


FoundKind = Literal["message", "ticket", "person"]


class Found(Value):
    """One thing a search found: a message, a ticket, or a person (then ``ref`` is their conversation)."""

    kind: FoundKind
    ref: str
    conversation: str
    at: int


class ConversationQuery(Value):
    """Which conversations; what is None does not matter. In the order in which people last spoke, newest first."""

    channels: tuple[str, ...] | None = None
    owner: Owner | None = None
    open_ticket: bool | None = None
    unread: bool | None = None  # something was said that no operator has seen
    person: str | None = None
    sender: str | None = None


# ---- knowledge in the store ----------------------------------------------------------------------

KnowledgeKind = Literal["procedure", "faq", "agency", "commune", "category", "group", "source", "example"]
Origin = Literal["seed", "import", "editor"]
#: What stands further right is never overwritten by what stands further left.
ORIGINS: tuple[Origin, ...] = ("seed", "import", "editor")


class KnowledgeDoc(Value):
    """One entry as the store keeps it; ``bot.knowledge`` gives ``body`` its schema."""

    kind: KnowledgeKind
    id: str
    body: dict[str, Any]
    origin: Origin = "seed"


EditState = Literal["applied", "proposed", "rejected"]


class KnowledgeEdit(Value):
    """One line of the history of an entry: a change that was carried out, or that somebody proposed."""

    id: str
    kind: KnowledgeKind
    entry: str
    before: KnowledgeDoc | None  # None: it is new
    after: KnowledgeDoc | None  # None: it is gone
    state: EditState
    by: str  # staff id
    at: int
    note: Text | None = None  # what for, in the words of who made it
    decided_by: str | None = None  # of a proposal
    decided_at: int | None = None
    reason: Text | None = None
    undoes: str | None = None  # the edit that it takes back
    question: str | None = None  # key of the citizens' question it answers

    @property
    def moved_at(self) -> int:
        """When it came into its state."""
        return self.at if self.decided_at is None else self.decided_at


ReviewReason = Literal["wrong", "unknown", "missing", "clarify", "not_understood"]
ReviewState = Literal["open", "done", "dismissed"]


class ReviewItem(Value):
    """A question that the bot could not answer, or an answer that somebody says is wrong. It outlives the
    conversation, so personal numbers in its texts are masked before it is made."""

    id: str
    key: str  # the same for questions that are equal but for case, marks and punctuation
    conversation: str
    channel: str
    at: int  # when it was answered
    reason: ReviewReason
    question: Text
    answer: Text | None = None
    knowledge: tuple[str, ...] = ()  # entries the answer was made of, or came near to
    note: Text | None = None  # what is wrong
    marked_by: str | None = None  # staff id; None: the bot knows itself
    state: ReviewState = "open"
    settled_by: str | None = None
    settled_at: int | None = None


class ReviewGroup(Value):
    """Equal questions in the same state."""

    newest: ReviewItem
    count: int
    wrong: int  # how many of them somebody marked


# ---- mails to agencies ---------------------------------------------------------------------------

NoticeKind = Literal["forwarded", "reminded", "heard", "declined", "warned", "overdue"]
NoticeDelivery = Literal["queued", "sent", "failed", "void"]


class Notice(Value):
    """A mail to an agency about a case that lies with it. What it says is made when it is sent, from the case as it is
    then: nothing personal is kept here, and a link that has ended is never mailed (``void``)."""

    id: str
    ticket: str
    agency: str
    kind: NoticeKind
    link_epoch: int  # of the ticket when it was decided
    at: int
    delivery: NoticeDelivery = "queued"
    error: str | None = None  # a short name: no_address, no_mail, or of the error
    settled_at: int | None = None

    def settled(self, delivery: NoticeDelivery, now: int, error: str | None) -> "Notice":
        return self.model_copy(update={"delivery": delivery, "error": error, "settled_at": now})


class NoticeJob(Value):
    """A leased notice."""

    notice: Notice
    token: str
    attempts: int


# ---- turns ---------------------------------------------------------------------------------------


class TicketChange(Value):
    """A change of the ticket of the turn's own conversation. ``handoff.lifecycle`` makes them."""

    ticket: str
    state: TicketState | None = None  # None: unchanged
    operator: str | None = None  # None: unchanged
    note: Text | None = None
    action: str | None = None
    fields: dict[str, Any] = {}  # other fields of the ticket that become new, as JSON
    expects: int | None = None  # the version it was decided on; None: whatever it is


class Turn(Value):
    """Everything one actor decided at once. ``id`` is derived (the bot's from what it answers, an operator's
    from the form's key), so doing it again changes nothing."""

    id: str
    conversation: str
    actor: Literal["bot", "operator", "system"]
    actor_id: str | None = None
    at: int
    handles: int  # citizen messages up to this seq are dealt with; 0 for none
    outcome: Outcome | None = None  # what became of them
    says: tuple[Draft, ...] = ()
    owner: Owner | None = None  # the owner from now on; None: unchanged
    operator: str | None = None  # with owner "human": who; None: whoever is free
    dialogue: Dialogue | None = None  # None: unchanged
    ticket: Ticket | None = None  # opens
    change: TicketChange | None = None
    notices: tuple[Notice, ...] = ()  # mails to agencies that follow from it
    expects_epoch: int | None = None  # the bot's fence: refuse if a person took over meanwhile
    facts: dict[str, Any] = {}  # what the bot understood, for reports: kind, procedure, confidence…
    review: ReviewItem | None = None  # what the editors should look at

    def author_of(self, draft: Draft) -> Author:
        """Who says it, as platforms and the citizen are told."""
        return "system" if draft.by_machine and self.actor == "operator" else self.actor


class Committed(Value):
    """A turn and the messages it said, as they stand in the conversation. ``fresh`` is False on a repeat."""

    turn: Turn
    messages: tuple[Message, ...]
    fresh: bool


class Outgoing(Value):
    """One leased outbound message. ``interrupted``: a worker died while sending it."""

    message: Message
    conversation: Conversation
    token: str
    attempts: int
    interrupted: bool = False


class MediaJob(Value):
    """A leased message whose attachments are to be fetched, and the delivery it came in."""

    message: Message
    raw: Raw
    token: str
    attempts: int


class Blob(Value):
    """Stored content; the id is derived from it, so the same bytes are kept once."""

    id: str
    media_type: str
    size: int
    data: bytes


class State(Value):
    """A small thing that a job has to remember across processes (a mailbox's mark, a token pair)."""

    name: str
    version: int  # 1, 2, 3…
    body: bytes


class Consent(Value):
    """A citizen agreed to be written to on another channel. Withdrawn ones are kept."""

    id: str
    conversation: str
    channel: str  # email, phone, zalo…
    address: Text
    agreed_at: int
    message: str | None = None  # id of the message in which they agreed
    recorded_by: str | None = None  # staff id, None: by the citizen's own act
    withdrawn_at: int | None = None


# ---- people --------------------------------------------------------------------------------------

Role = Literal["operator", "officer", "supervisor", "editor", "admin"]


class Staff(Value):
    id: str
    login: str
    name: Text
    role: Role
    password_hash: str
    must_change_password: bool = False
    active: bool = True
    session_epoch: int = 0  # grows on password change: older sessions end
    capacity: int = 5  # tickets given to them at the same time
    skills: tuple[str, ...] = ()  # categories or groups of them; none: all
    agencies: tuple[str, ...] = ()  # a focal officer's: the only cases they see
    second_factor: str | None = None  # sealed secret of the authenticator; None: none is set up
    recovery: tuple[str, ...] = ()  # digests of the codes that stand in for it, each good once


PresenceStatus = Literal["available", "busy", "away"]


class Presence(Value):
    """Whether an operator takes work, as their open console says every now and then."""

    staff: str
    status: PresenceStatus
    seen_at: int
    conversation: str | None = None  # which one is open before them
    typing_at: int | None = None  # when they last typed a reply there


# ---- derived ids ---------------------------------------------------------------------------------


def derived_id(prefix: str, *parts: str) -> str:
    """A short id that is the same whenever the parts are: ``c_4f…`` (128 bits of SHA-256)."""
    digest = hashlib.sha256("\x1f".join(parts).encode()).hexdigest()
    return f"{prefix}_{digest[:32]}"


def conversation_id(event: Event) -> str:
    return derived_id("c", event.channel, event.account, event.conversation)


def message_id(event: Event) -> str:
    return derived_id("m", event.channel, event.account, event.external_id)


def blob_id(data: bytes) -> str:
    """The same content has the same id (128 bits of SHA-256)."""
    return f"b_{hashlib.sha256(data).hexdigest()[:32]}"
