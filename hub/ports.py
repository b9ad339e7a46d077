"""The interfaces between rooms. Small on purpose: a second store and more channels implement these."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Literal, Protocol, runtime_checkable

from aiohttp import ClientSession
from pydantic import BaseModel, ConfigDict

from hub.audit import AuditEntry, AuditNote, AuditQuery
from hub.clock import Clock
from hub.facts import Case, Heard
from hub.model import (
    Aside,
    Attachment,
    Author,
    Blob,
    Button,
    Committed,
    Consent,
    Conversation,
    ConversationQuery,
    Delivery,
    Dialogue,
    Draft,
    EditState,
    Event,
    EventKind,
    Found,
    FoundKind,
    Intake,
    KnowledgeDoc,
    KnowledgeEdit,
    KnowledgeKind,
    Lease,
    MediaJob,
    Message,
    Notice,
    NoticeDelivery,
    NoticeJob,
    Outgoing,
    Presence,
    Priority,
    Raw,
    ReviewGroup,
    ReviewItem,
    ReviewReason,
    ReviewState,
    Staff,
    State,
    Ticket,
    TicketQuery,
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
        """The oldest delivery that waits for parsing, or whose worker died. While one is being parsed, later ones
        of its channel stay: two workers, or a death, must not change the order in which people are heard.
        Those that were taken in and only wait for their effects hold up nobody."""
        ...

    async def take_in(
        self,
        raw: Raw,
        events: Sequence[Event],
        *,
        refused: int,
        error: str | None,
        now: int,
        due_at: int,
        finished: bool = True,
    ) -> Intake:
        """Record all events of a delivery and mark it done, atomically. An event whose (channel, account,
        external_id) is known is a duplicate. A spoken event becomes the next message of its conversation;
        if the bot owns it, a turn is due at ``due_at``. It moves ``interacted_at`` to when it was sent (never
        back, never past its receipt) and clears ``unreachable``: who writes can be written to. Attachments whose content is ``wanted`` make a media job.

        With ``finished=False`` the events still have effects to be carried out: the delivery counts as taken in,
        but is leased again after its lease unless :meth:`finish_raw` is called."""
        ...  # fmt: skip

    async def finish_raw(self, raw: str) -> None: ...
    async def postpone_raw(self, raw: str, *, until: int) -> None:
        """The effects of a delivery that was taken in cannot be carried out yet: it is leased again from then on."""
        ...

    async def put_aside(self, *, limit: int) -> list[Aside]:
        """Deliveries that could not be parsed or carried out, oldest first; not those whose person was erased."""
        ...

    async def raw(self, raw: str) -> Raw | None: ...
    async def replay_raw(self, raw: str, *, now: int) -> bool:
        """A delivery that was put aside waits again, as if it had just come; False if it is not (or no longer) aside.
        What of it was taken in before stays, and stays counted."""
        ...

    # -- media
    async def lease_media(self, *, now: int, until: int) -> MediaJob | None:
        """The oldest message whose attachments wait to be fetched, or whose fetcher died."""
        ...

    async def settle_media(
        self, job: MediaJob, attachments: Sequence[Attachment], *, now: int, retry_at: int | None = None
    ) -> bool:
        """Record what became of a message's attachments; with ``retry_at`` those still ``wanted`` are tried
        again then. False if the lease was lost."""
        ...  # fmt: skip

    async def put_blob(self, data: bytes, *, media_type: str, now: int) -> str:
        """Keep content; its id. The same content again changes nothing."""
        ...

    async def blob(self, blob: str) -> Blob | None: ...

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
            TicketMoved: the changed ticket is not at the version that was expected.
            NotFound: no such conversation, or the changed ticket is not one of its tickets.
        """
        ...

    async def turn(self, turn: str) -> Turn | None:
        """A turn that was carried out."""
        ...

    # -- mails to agencies, written with the turn that decided them
    async def lease_notice(self, *, now: int, until: int) -> NoticeJob | None:
        """The notice that is longest due and that nobody sends; one whose sender died is due again after its lease."""
        ...

    async def settle_notice(
        self,
        job: NoticeJob,
        delivery: NoticeDelivery,
        *,
        now: int,
        retry_at: int | None = None,
        error: str | None = None,
    ) -> bool:
        """Record what became of it; with ``retry_at`` it is tried again then. False if the lease was lost."""
        ...

    async def fail_notice(self, notice: str, *, now: int, error: str) -> Notice | None:
        """It came back after all: ``failed``, whatever was recorded before; None: there is no such notice."""
        ...

    async def notices(self, ticket: str) -> list[Notice]:
        """In the order in which they were decided."""
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

    async def confirm_sent(self, message: str, *, external_id: str, now: int) -> bool:
        """The platform shows that this outbound message arrived (its echo, a receipt): ``sending``, ``unknown``
        and ``failed`` become ``sent`` with this ``external_id``. False if it is not outbound or already has one."""
        ...

    async def mark_staff_read(self, conversation: str, upto_seq: int, *, now: int) -> None: ...

    # -- what citizens do besides speaking
    async def amend_message(
        self, message: str, *, now: int, text: str | None = None, data: Mapping[str, Any] = {}
    ) -> Message | None:
        """Replace a message's text and merge ``data`` into its data (a ``None`` value removes the key); the
        message as it stands now, or None if there is none. The same again changes nothing."""
        ...

    async def note_person(
        self,
        conversation: str,
        *,
        now: int,
        interacted_at: int | None = None,
        name: str | None = None,
        contact: Mapping[str, str] = {},
        unreachable: str | None = None,
        reachable: bool = False,
    ) -> bool:
        """What became known about the person: ``interacted_at`` never moves back, ``contact`` is merged,
        ``reachable`` clears ``unreachable``. False if there is no such conversation; no change, no new version."""
        ...

    async def erase_person(self, conversation: str, *, now: int) -> bool:
        """Remove what the person said and who they are: texts, attachments and their blobs (unless used
        elsewhere), data and external texts of messages, name, contact, dialogue, consents, details and summary
        of tickets, bodies of deliveries and events, items for the editors' review. What was waiting is ``no_reply_due``, what was queued to
        them is ``failed``; open tickets are closed with a note. Ids, times and counts stay, so that the books
        still balance and a replayed delivery stays a duplicate. False if there is no such conversation."""
        ...

    async def put_consent(self, consent: Consent) -> None:
        """Add, or replace by id (a withdrawal)."""
        ...

    async def consents(self, conversation: str) -> list[Consent]:
        """In the order they were given."""
        ...

    # -- reading
    async def message(self, message: str) -> Message | None: ...
    async def message_by_external(self, channel: str, account: str, external_id: str) -> Message | None:
        """In either direction."""
        ...

    async def conversation(self, conversation: str) -> Conversation | None: ...
    async def messages(self, conversation: str, *, after: int = 0, limit: int = 200) -> list[Message]:
        """In order of ``seq``, those with ``seq > after``."""
        ...

    async def recent_messages(
        self, conversation: str, *, before: int | None = None, limit: int = 50
    ) -> list[Message]:
        """The newest ``limit`` messages (with ``seq < before``), in order of ``seq``."""
        ...

    async def find_tickets(self, query: TicketQuery, *, limit: int, skip: int = 0) -> list[Ticket]:
        """In the order the query asks for, then by id. ``urgent``: urgent first, then oldest; ``due`` and ``alarm``:
        earliest first, none last; ``changed`` and ``newest``: what was changed, or opened, last comes first."""
        ...

    async def tickets_by_change(
        self, query: TicketQuery, *, after: tuple[int, str], limit: int
    ) -> list[tuple[int, Ticket]]:
        """When each last changed and the ticket, oldest change first, then by id; only those beyond ``after``. The
        query's order does not matter."""
        ...

    async def count_tickets(self, query: TicketQuery) -> int: ...
    async def find_conversations(
        self, query: ConversationQuery, *, limit: int, skip: int = 0
    ) -> list[Conversation]:
        """Those whose people spoke last come first, then by id."""
        ...

    async def set_person(self, conversations: Sequence[str], person: str | None, *, now: int) -> None:
        """Say that these conversations are one person's, or (None) that each stands alone again. Those that are not
        there are left out; the same again changes nothing."""
        ...

    async def conversations(self, ids: Sequence[str]) -> dict[str, Conversation]:
        """By id; those that are not there are left out."""
        ...

    async def search(
        self, question: str, *, limit: int, skip: int = 0, kind: FoundKind | None = None
    ) -> list[Found]:
        """What citizens and operators said, tickets and people that have all the words of the question, with or
        without diacritics; the last word may be only begun. The newest first."""
        ...

    async def index_words(self, *, limit: int) -> int:
        """Make ready for the next search what was said since the last one (a search does it too, if it has to);
        0: nothing was left."""
        ...

    async def held_tickets(self) -> list[tuple[str, str]]:
        """(operator, ticket) of every ticket somebody works on: those that lie with an agency, wait for the citizen,
        are answered or merged are no work."""
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
        """Add or replace entries, all or nothing; the new revision. Seed never overwrites an import, and neither
        what an editor has changed."""
        ...

    async def knowledge_entry(self, kind: KnowledgeKind, entry: str) -> KnowledgeDoc | None: ...
    async def commit_edit(self, edit: KnowledgeEdit, *, expects: EditState | None = None) -> None:
        """Keep an edit as it stands now; if that is ``applied``, its entry changes in the same step. An edit that is
        in that state already changes nothing.

        Args:
            expects: the state it is in so far; None: it is new.

        Raises:
            KnowledgeMoved: the entry is no longer as ``before`` says, or the edit is in another state.
        """
        ...

    async def knowledge_edit(self, edit: str) -> KnowledgeEdit | None: ...
    async def knowledge_edits(
        self,
        *,
        kind: KnowledgeKind | None = None,
        entry: str | None = None,
        state: EditState | None = None,
        by: str | None = None,
        limit: int,
    ) -> list[KnowledgeEdit]:
        """Those that fit, the latest to move first."""
        ...

    # -- what the editors should look at
    async def put_review(self, item: ReviewItem) -> None:
        """Add, or replace by id."""
        ...

    async def reviews(
        self, *, key: str | None = None, conversation: str | None = None, limit: int
    ) -> list[ReviewItem]:
        """Those that fit, newest first."""
        ...

    async def review_groups(
        self, state: ReviewState, *, reason: ReviewReason | None = None, limit: int
    ) -> list[ReviewGroup]:
        """Equal questions together, the most frequent first, then the newest."""
        ...

    async def settle_reviews(self, key: str, state: ReviewState, *, by: str, now: int) -> int:
        """Close all open items of a question, or open (``state="open"``) all closed ones; how many."""
        ...

    # -- people
    async def staff(self, staff: str) -> Staff | None: ...
    async def staff_by_login(self, login: str) -> Staff | None: ...
    async def put_staff(self, staff: Staff) -> None: ...
    async def swap_staff(self, before: Staff, after: Staff) -> bool:
        """Replace an account, if it still is what it was; False if somebody changed it meanwhile."""
        ...

    async def count_staff(self) -> int: ...
    async def everybody(self) -> list[Staff]:
        """All accounts, by login."""
        ...

    async def put_presence(self, presence: Presence) -> None: ...
    async def presences(self, *, since: int) -> list[Presence]:
        """Those seen at or after ``since``, by staff id."""
        ...

    async def count_hit(self, key: str, *, now: int, window_ms: int) -> int:
        """Count one hit on ``key`` and return the hits of the last ``window_ms``, this one included."""
        ...

    async def clear_hits(self, key: str) -> None: ...

    # -- jobs that one process at a time does
    async def hold(self, job: str, holder: str, *, now: int, until: int) -> bool:
        """Take or prolong the right to do a job; False while somebody else's has not run out."""
        ...

    async def let_go(self, job: str, holder: str) -> None:
        """Give it back, if it is still ours."""
        ...

    async def state(self, name: str) -> State | None: ...
    async def put_state(self, name: str, body: bytes, *, expects: int, now: int) -> bool:
        """Write version ``expects + 1``; False if it is not at ``expects`` (0: it does not exist)."""
        ...

    # -- the audit log
    async def append_audit(self, note: AuditNote) -> AuditEntry:
        """Write down what was done, after everything written down so far. There is no way to change or remove it."""
        ...

    async def audit(self, query: AuditQuery, *, limit: int) -> list[AuditEntry]:
        """Newest first."""
        ...

    async def audit_after(self, n: int, *, limit: int) -> list[AuditEntry]:
        """Those that follow entry ``n``, in order."""
        ...

    async def sweep(self, *, now: int) -> int:
        """Remove what has lost its meaning (hits older than a day); how many."""
        ...

    # -- what reports are counted from
    async def heard(self, *, since: int, until: int) -> list[Heard]:
        """What citizens said at ``since ≤ t < until``, by receipt."""
        ...

    async def cases(self, *, since: int, until: int) -> list[Case]:
        """Tickets opened before ``until`` that were opened at or after ``since``, have changed since, or are not done,
        by when they were opened."""
        ...

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
    attachments: bool = False  # staff may send files
    #: text and file are two messages there
    attachments_apart: bool = True
    #: lines such as who has joined are said there
    courtesies: bool = True
    #: an answer is one letter, with everything in it
    letters: bool = False
    #: kinds of events, besides spoken ones, that keep the reply window open
    interactions: frozenset[EventKind] = frozenset()
    #: events of one person may belong to an older conversation, found by the ids in ``data["references"]``
    threads: bool = False
    #: a machine answers one person at most so often within so many ms, so that two machines never talk for long
    automatic_answers: Mapping[int, int] = {}


class Reach(Value):
    """Whether a conversation may be written to now. ``notice`` is shown to the operator before they write."""

    staff: bool = True  # what a person wrote may be sent
    bot: bool = True  # so may what a machine wrote
    until: int | None = None  # epoch ms when this ends by itself; None: never
    notice: str | None = None  # Vietnamese: why it is closed, or what writing costs
    public: bool = False  # everybody can read it: nothing personal, no codes


class Sent(Value):
    external_id: str | None = None
    delivery: Delivery = "sent"


class Media(Value):
    data: bytes
    name: str | None = None


class Job(Value):
    """Something a connector does all the time, in one process at a time. ``run`` returns only when cancelled;
    when it raises it is begun again after a rest."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    name: str
    role: Literal["work", "mail"]
    run: Callable[[], Awaitable[None]]


class Connector(Protocol):
    """One channel. ``verify``, ``parse`` and ``reach`` are pure; ``send`` raises the ``SendError`` family."""

    name: str
    capabilities: Capabilities
    keep_headers: tuple[str, ...]  # headers of a delivery that are stored with it

    def verify(self, headers: Mapping[str, str], body: bytes) -> None:
        """Raise ``Forged`` unless the delivery is from the platform, ``AlienPayload`` unless it is one of this
        channel at all; ``Probe`` where it only tries whether somebody
        answers, which needs no signature because nothing is kept of it."""
        ...

    def parse(self, body: bytes) -> list[Event]:
        """Events of a verified delivery. Raises ``AlienPayload``. The same bytes always give the same events."""
        ...

    def reach(self, conversation: Conversation, now: int) -> Reach: ...

    async def send(self, item: Outgoing) -> Sent:
        """Deliver one message: one call to the platform, so one outcome."""
        ...

    def part(self, body: bytes, part: str) -> Media | None:
        """Content that came inside the delivery itself (``Attachment.part``)."""
        ...

    async def typing(self, conversation: Conversation) -> None:
        """Show that an answer is being made. Best effort: never raises a ``SendError``."""
        ...

    def jobs(self) -> Sequence[Job]: ...


class Page(Value):
    """A page for people or machines outside, at an address that a platform prescribes."""

    title: str
    text: str = ""
    meta: dict[str, str] = {}  # tags for its head: name → content
    status: int = 200


@runtime_checkable
class HasChallenge(Protocol):
    """A connector whose platform tries the webhook's address with a GET before it delivers there."""

    def challenge(self, query: Mapping[str, str]) -> str | None:
        """What to answer; None: it is not the platform."""
        ...


@runtime_checkable
class HasPages(Protocol):
    """A connector that needs addresses of its own on the web (a call-back, a proof that the domain is ours)."""

    def pages(self) -> Mapping[str, Callable[[Mapping[str, str]], Awaitable[Page]]]:
        """Path → what answers a GET, given the query."""
        ...

    def head_tags(self) -> Mapping[str, str]:
        """Meta tags for the head of ``/``: name → content."""
        ...


@runtime_checkable
class KnowsNames(Protocol):
    """A connector that can ask its platform who somebody is."""

    async def name_of(self, conversation: Conversation) -> str | None:
        """How the person is called there; None while that cannot be learned."""
        ...


@runtime_checkable
class SendsMail(Protocol):
    """A connector through which the hub can write to an address outside any conversation."""

    async def mail(self, to: str, subject: str, text: str, *, key: str, at: int) -> None:
        """Send; every attempt with the same ``key`` is the same mail. Raises the ``SendError`` family."""
        ...


@runtime_checkable
class Moderates(Protocol):
    """A connector of a place where everybody reads along, which can take a comment out of sight."""

    async def hide(self, comment: str, *, hidden: bool = True) -> None:
        """Hide a comment, or show it again. Raises the ``SendError`` family."""
        ...


class Tools(Protocol):
    """What the hub lends a connector."""

    clock: Clock
    http: ClientSession  # no redirects, no cookies, no environment proxies; every call gives its own time-out
    public_url: str

    async def blob(self, blob: str) -> Blob | None: ...
    async def heard(self, conversation: str) -> Message | None:
        """What the citizen said last."""
        ...

    async def code_of(self, conversation: Conversation) -> str | None:
        """The code of its open ticket: for the person alone."""
        ...

    async def keep(self, channel: str, body: bytes, *, key: str) -> None:
        """Make a delivery durable that was fetched rather than pushed; the same ``key`` again changes nothing."""
        ...

    async def recall(self, name: str) -> State | None:
        """A state as it stands, opened with the hub's key. Raises ``SecretUnreadable``."""
        ...

    async def remember(self, name: str, body: bytes, *, expects: int) -> bool:
        """Seal and store a state; False if somebody else was first (then recall it)."""
        ...

    async def alarm(self, what: str, text: str) -> None:
        """Tell the people who run the hub, once until it is cleared; ``what`` is a short stable name."""
        ...

    async def clear_alarm(self, what: str) -> None: ...


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
    public: bool = False  # everybody reads along: nothing personal may be asked for
    letter: bool = False  # answered by a letter: complete, in one piece


class TicketWish(Value):
    """The bot wants a person: why, and what it already learned."""

    reason: TicketReason
    priority: Priority = "normal"
    category: str | None = None
    summary: str
    details: dict[str, str] = {}
    addition: bool = False  # to what the citizen's open ticket already says, where there is one


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
