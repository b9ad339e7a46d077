"""What goes in and out of the API: the models are the OpenAPI schemas."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from hub.clock import iso_utc
from hub.model import Author, Conversation, Delivery, Message, Priority, Ticket, TicketState

Id = Annotated[str, StringConstraints(min_length=1, max_length=120, pattern=r"^[^\x00-\x1f]+$")]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000)]
Short = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
Time = Annotated[str, Field(json_schema_extra={"format": "date-time"}, examples=["2026-11-26T02:00:00.000Z"])]


class Out(BaseModel):
    model_config = ConfigDict(frozen=True)


class In(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


# ---- out


class PlaceOut(Out):
    text: str | None
    lat: float | None
    lon: float | None


class HistoryOut(Out):
    at: Time
    actor: str = Field(description="bot, system, citizen, agency:<id>, token:<id> or a staff id")
    action: str | None
    state: TicketState


class TicketOut(Out):
    """``content`` is withheld (null) of sensitive tickets unless the token has the scope ``sensitive``."""

    code: str
    version: int = Field(
        description="grows with every change; send it back as If-Match to refuse lost updates"
    )
    state: TicketState
    priority: Priority
    category: str | None
    commune: str | None
    agency: str | None
    sensitive: bool
    conversation: str
    created_at: Time
    received_at: Time
    updated_at: Time
    due_at: Time | None = Field(description="the citizen's deadline; null while the clock stands still")
    merged_into: str | None = Field(description="code of the ticket that stands for this one")
    summary: str | None
    details: dict[str, str] | None
    place: PlaceOut | None
    history: list[HistoryOut]


class TicketPage(Out):
    tickets: list[TicketOut]
    next_cursor: str | None = Field(description="give it back as cursor; null: nothing more for now")


class Opened(Out):
    code: str
    lookup_key: str = Field(description="the citizen needs it with the code to look the ticket up")
    conversation: str
    due_at: Time | None


class MessageOut(Out):
    id: str
    seq: int
    at: Time
    author: Author
    internal: bool
    text: str | None
    attachments: int
    delivery: Delivery | None


class MessagePage(Out):
    messages: list[MessageOut]
    next_after: int | None = Field(description="give it back as after; null: nothing more for now")


class ConversationOut(Out):
    id: str
    channel: str
    owner: Literal["bot", "human"]
    last_seq: int
    created_at: Time
    updated_at: Time


class CategoryOut(Out):
    id: str
    name: str
    group: str
    group_name: str
    hours: int = Field(description="working hours within which the citizen is answered")
    sensitive: bool


class CategoryList(Out):
    categories: list[CategoryOut]


class NamedOut(Out):
    id: str
    name: str


class AgencyList(Out):
    agencies: list[NamedOut]


class CommuneList(Out):
    communes: list[NamedOut]


class ProcedureOut(Out):
    id: str
    title: str
    score: float


class ProcedureList(Out):
    procedures: list[ProcedureOut]


class Problem(Out):
    """RFC 9457."""

    type: str
    title: str
    status: int
    detail: str | None = None
    errors: list[str] | None = None


# ---- in


class TicketFilter(In):
    state: TicketState | None = None
    category: Id | None = None
    commune: Id | None = None
    agency: Id | None = None
    updated_since: Annotated[int, Field(ge=0, lt=2**53, description="epoch milliseconds")] | None = None
    cursor: Annotated[str, Field(max_length=200)] | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 50


class MessageFilter(In):
    after: Annotated[int, Field(ge=0, lt=2**31)] = 0
    limit: Annotated[int, Field(ge=1, le=200)] = 100


class ProcedureFilter(In):
    q: Annotated[str, Field(min_length=1, max_length=300)]
    limit: Annotated[int, Field(ge=1, le=10)] = 5


class NoQuery(In):
    pass


class NewTicket(In):
    text: Text
    category: Id | None = None
    commune: Id | None = None
    place: Short | None = None
    lat: Annotated[float, Field(ge=-90, le=90)] | None = None
    lon: Annotated[float, Field(ge=-180, le=180)] | None = None
    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)] | None = None
    phone: Annotated[str, StringConstraints(pattern=r"^[0-9+ .()-]{3,20}$")] | None = None
    email: Annotated[str, StringConstraints(pattern=r"^[^@\s<>,;]+@[^@\s<>,;]+\.[^@\s<>,;.]+$", max_length=200)] | None = None  # fmt: skip
    priority: Priority = "normal"


class NewNote(In):
    text: Text


class Classify(In):
    action: Literal["classify"]
    category: Id | None = None
    commune: Id | None = None
    priority: Priority | None = None
    sensitive: bool | None = None


class Forward(In):
    action: Literal["forward"]
    agency: Id
    note: Text | None = None


class Answer(In):
    """Say it to the citizen; the ticket is answered."""

    action: Literal["answer"]
    text: Text


class Close(In):
    action: Literal["close"]
    text: Text | None = Field(None, description="said to the citizen with it")


class Reopen(In):
    action: Literal["reopen"]
    reason: Text | None = None


class Release(In):
    action: Literal["release"]


class Action(In):
    """One act on a ticket. A key may be sent with it: the same again does nothing more."""

    act: Annotated[Classify | Forward | Answer | Close | Reopen | Release, Field(discriminator="action")]


# ---- made of the hub's own types


def ticket_out(ticket: Ticket, *, sensitive: bool, merged_into: str | None = None) -> TicketOut:
    """``sensitive``: the reader may see sensitive content."""
    hidden = ticket.sensitive and not sensitive
    place = ticket.place
    return TicketOut(
        code=ticket.code,
        version=ticket.version,
        state=ticket.state,
        priority=ticket.priority,
        category=ticket.category,
        commune=ticket.commune,
        agency=ticket.agency,
        sensitive=ticket.sensitive,
        conversation=ticket.conversation,
        created_at=iso_utc(ticket.created_at),
        received_at=iso_utc(ticket.received_at or ticket.created_at),
        updated_at=iso_utc(updated_at(ticket)),
        due_at=iso_utc(ticket.due_at) if ticket.due_at is not None else None,
        merged_into=merged_into,
        summary=None if hidden else ticket.summary,
        details=None if hidden else ticket.details,
        place=None if hidden or place is None else PlaceOut(text=place.text, lat=place.lat, lon=place.lon),
        history=[
            HistoryOut(at=iso_utc(one.at), actor=one.actor, action=one.action, state=one.state)
            for one in ticket.history
        ],
    )


def updated_at(ticket: Ticket) -> int:
    return ticket.history[-1].at if ticket.history else ticket.created_at


def message_out(message: Message, *, hidden: bool) -> MessageOut:
    return MessageOut(
        id=message.id,
        seq=message.seq,
        at=iso_utc(message.at),
        author=message.author,
        internal=message.internal,
        text=None if hidden else message.text,
        attachments=len(message.attachments),
        delivery=message.delivery,
    )


def conversation_out(conversation: Conversation) -> ConversationOut:
    return ConversationOut(
        id=conversation.id,
        channel=conversation.channel,
        owner=conversation.owner,
        last_seq=conversation.last_seq,
        created_at=iso_utc(conversation.created_at),
        updated_at=iso_utc(conversation.touched_at),
    )
