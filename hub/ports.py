"""The interfaces between rooms. Small on purpose: a second store and more channels implement these."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from pydantic import BaseModel

from hub.model import (
    Author,
    Button,
    Committed,
    Conversation,
    Delivery,
    Dialogue,
    Draft,
    Event,
    Intake,
    KnowledgeDoc,
    Lease,
    Message,
    Outgoing,
    Priority,
    Raw,
    Staff,
    Ticket,
    TicketReason,
    Turn,
    Value,
)

#: However many quick messages follow, the first of them is not kept waiting longer than this.
LONGEST_PAUSE_MS = 4_000


class Store(Protocol):
    """Durable state, at the level of the domain. A call that returns has been written to disk.

    Every method may raise ``StoreUnavailable``. Times are epoch ms and always given by the caller.
    """

    async def open(self) -> None: ...
    async def close(self) -> None: ...
    async def ping(self) -> None:
        """Raise ``StoreUnavailable`` unless a write would succeed now."""
        ...

    # -- intake
    async def put_raw(self, raw: Raw) -> None:
        """Keep a delivery. The same id again changes nothing."""
        ...

    async def lease_raw(self, *, now: int, until: int) -> Raw | None:
        """The oldest delivery that waits for parsing, or whose worker died."""
        ...

    async def take_in(
        self, raw: Raw, events: Sequence[Event], *, refused: int, error: str | None, now: int, due_at: int
    ) -> Intake:
        """Record all events of a delivery and mark it done, atomically. An event whose (channel, account,
        external_id) is known is a duplicate. A spoken event becomes the next message of its conversation;
        if the bot owns it, a turn is due at ``due_at``."""
        ...  # fmt: skip

    # -- turns
    async def lease_conversation(self, *, now: int, until: int) -> Lease | None:
        """The conversation whose bot turn is longest due and that nobody works on."""
        ...

    async def release_conversation(self, lease: Lease, *, due_at: int) -> None:
        """Give a lease back without a turn; the turn is due again at ``due_at``."""
        ...

    async def commit_turn(self, turn: Turn, lease: Lease | None = None) -> Committed:
        """Carry out a turn, all or nothing, once per id.

        Raises:
            LeaseLost: the lease is no longer ours.
            OwnerChanged: ``expects_epoch`` is not the conversation's epoch.
            NotFound: no such conversation, or the changed ticket does not exist.
        """
        ...

    async def next_ticket_number(self, year: int) -> int:
        """1, 2, 3… per year; never given twice."""
        ...

    # -- outbox
    async def lease_outbox(self, *, now: int, until: int, limit: int) -> list[Outgoing]:
        """Sendable messages: due, at most one per conversation, and none before an unfinished earlier one."""
        ...

    async def settle_outgoing(
        self,
        item: Outgoing,
        delivery: Delivery,
        *,
        now: int,
        retry_at: int | None = None,
        external_id: str | None = None,
        error: str | None = None,
    ) -> bool:
        """Record the outcome of a send; with ``delivery="queued"`` it is tried again at ``retry_at``. False if
        the lease was lost."""
        ...  # fmt: skip

    async def mark_delivered(self, conversation: str, upto_seq: int, delivery: Delivery, *, now: int) -> None:
        """The citizen's side has received (``delivered``) or seen (``read``) everything up to ``upto_seq``."""
        ...

    async def mark_staff_read(self, conversation: str, upto_seq: int, *, now: int) -> None: ...

    # -- reading
    async def conversation(self, conversation: str) -> Conversation | None: ...
    async def messages(self, conversation: str, *, after: int = 0, limit: int = 200) -> list[Message]:
        """In order of ``seq``, those with ``seq > after``."""
        ...

    async def recent_messages(
        self, conversation: str, *, before: int | None = None, limit: int = 50
    ) -> list[Message]:
        """The newest ``limit`` messages (with ``seq < before``), in order of ``seq``."""
        ...

    async def queue(self, *, limit: int, state: str = "open") -> list[tuple[Ticket, Conversation]]:
        """Tickets for the console, urgent first, then oldest first. ``state``: ``open`` or ``closed``."""
        ...

    async def ticket(self, ticket: str) -> Ticket | None: ...
    async def ticket_by_code(self, code: str) -> Ticket | None: ...
    async def touched_since(self, at: int) -> list[tuple[str, int]]:
        """(conversation, version) of all that changed at or after ``at``: how processes see each other's work."""
        ...

    # -- knowledge
    async def knowledge_revision(self) -> int: ...
    async def knowledge(self) -> list[KnowledgeDoc]: ...
    async def put_knowledge(self, docs: Sequence[KnowledgeDoc], *, now: int) -> int:
        """Add or replace entries, all or nothing; the new revision. Seed never overwrites an import."""
        ...

    # -- people
    async def staff(self, staff: str) -> Staff | None: ...
    async def staff_by_login(self, login: str) -> Staff | None: ...
    async def put_staff(self, staff: Staff) -> None: ...
    async def count_staff(self) -> int: ...
    async def count_hit(self, key: str, *, now: int, window_ms: int) -> int:
        """Count one hit on ``key`` and return the hits of the last ``window_ms``, this one included."""
        ...

    async def clear_hits(self, key: str) -> None: ...

    # -- the books
    async def books(self, *, now: int, grace_ms: int) -> "Books": ...


class BookLine(Value):
    channel: str
    day: str  # YYYY-MM-DD, +07:00, of receipt
    ticketed: int
    answered: int
    no_reply_due: int
    waiting: int


class Books(Value):
    """What ``hub reconcile`` balances. ``problems`` names what is missing, doubled or stuck."""

    lines: tuple[BookLine, ...]
    raw_items: int  # what was in the raw deliveries
    events: int
    duplicates: int
    refused: int
    unparsed: int  # deliveries that wait for parsing
    problems: tuple[str, ...]


# ---- channels ------------------------------------------------------------------------------------


class Capabilities(Value):
    max_text: int = 4000  # characters per message
    buttons: bool = False
    #: sending the same message twice is harmless (the channel shows it once), so an interrupted send is repeated
    resend_safe: bool = False


class Sent(Value):
    external_id: str | None = None
    delivery: Delivery = "sent"


class Connector(Protocol):
    """One channel. ``verify`` and ``parse`` are pure; ``send`` raises the ``SendError`` family."""

    name: str
    capabilities: Capabilities
    keep_headers: tuple[str, ...]  # headers of a delivery that are stored with it

    def verify(self, headers: Mapping[str, str], body: bytes) -> None:
        """Raise ``Forged`` unless the delivery is from the platform."""
        ...

    def parse(self, body: bytes) -> list[Event]:
        """Events of a verified delivery. Raises ``AlienPayload``. The same bytes always give the same events."""
        ...

    async def send(self, item: Outgoing) -> Sent: ...


class ChannelSettings(BaseModel):
    """Base of every connector's own settings."""

    model_config = {"frozen": True, "extra": "forbid"}


# ---- the bot -------------------------------------------------------------------------------------


class Question(Value):
    """What the bot is asked: the citizen's messages since the last turn, joined by line breaks."""

    conversation: str
    channel: str
    text: str
    payload: str | None = None  # of a button the bot itself offered; then ``text`` is its title
    attachments: int = 0
    dialogue: Dialogue = Dialogue()
    now: int = 0


class TicketWish(Value):
    """The bot wants a person: why, and what it already learned."""

    reason: TicketReason
    priority: Priority = "normal"
    category: str | None = None
    summary: str
    details: dict[str, str] = {}


class BotAnswer(Value):
    """What the bot decided, before anything is carried out; the fields are the contract of ``hub ask``."""

    kind: str
    says: tuple[Draft, ...]
    dialogue: Dialogue
    procedure: str | None = None
    aspect: str | None = None
    faq: str | None = None
    category: str | None = None
    code: str | None = None
    slots: dict[str, str] = {}
    buttons: tuple[Button, ...] = ()
    handoff: bool = False
    ticket: TicketWish | None = None
    confidence: float = 0.0
    candidates: tuple[str, ...] = ()
    parts: tuple[dict[str, Any], ...] = ()


class Bot(Protocol):
    async def answer(self, question: Question) -> BotAnswer:
        """Raises ``BotUnreachable`` or ``BotSilent``; keeps nothing, so it may be asked again."""
        ...


class Live(Protocol):
    """In-process signal that a conversation changed, for live pages and workers."""

    def poke(self, conversation: str) -> None: ...
    def typing(self, conversation: str, author: Author) -> None: ...
