"""What the console shows: the state of one conversation, in the operators' words."""

import asyncio
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from handoff.desk import is_free_for
from handoff.tickets import REASON_WORDS
from hub.clock import local_day
from hub.model import (
    OPEN_STATES,
    Author,
    Consent,
    Conversation,
    Delivery,
    Message,
    ReviewItem,
    Staff,
    Ticket,
    TicketState,
)
from hub.ports import Reach, Store
from hub.web.api.tokens import ACTOR, system_names
from hub.web.console_files import File, files_of

if TYPE_CHECKING:
    from hub.web.knowledge_view import Entry

PAGE = 50

STATES: Final[dict[TicketState, str]] = {
    "new": "Mới",
    "assigned": "Đang xử lý",
    "forwarded": "Đã chuyển cơ quan",
    "answered": "Đã trả lời",
    "closed": "Đã đóng",
    "waiting_citizen": "Chờ người dân bổ sung",
    "returned": "Cơ quan trả lại",
    "reopened": "Mở lại",
    "spam": "Tin rác",
}
DELIVERIES: Final[dict[Delivery, str]] = {
    "queued": "Đang chờ gửi",
    "sending": "Đang gửi",
    "sent": "Đã gửi",
    "delivered": "Đã tới nơi",
    "read": "Đã xem",
    "failed": "Không gửi được",
    "unknown": "Chưa rõ đã tới hay chưa: kiểm tra trên kênh trước khi gửi lại",
    "window_closed": "Không gửi được: đã quá hạn trả lời của kênh",
}
AUTHORS: Final[dict[Author, str]] = {
    "citizen": "Người dân",
    "bot": "Trợ lý tự động",
    "operator": "Tổng đài viên",
    "system": "Hệ thống",
}
CHANNELS: Final = {
    "webchat": "Chat web",
    "zalo": "Zalo",
    "facebook": "Facebook",
    "email": "Email",
    "phone": "Điện thoại",
    "form": "Biểu mẫu web",
    "api": "Hệ thống khác",
}
DETAILS: Final = {
    "location": "Địa điểm",
    "phone": "Điện thoại",
    "time": "Thời gian",
    "description": "Nội dung",
    "name": "Họ tên",
    "procedure": "Thủ tục",
    "category": "Lĩnh vực",
    "code": "Mã hồ sơ",
    "email": "Email",
    "source": "Gửi qua hệ thống",
}
WORDS: Final = {
    "states": STATES,
    "deliveries": DELIVERIES,
    "authors": AUTHORS,
    "channels": CHANNELS,
    "details": DETAILS,
    "reasons": REASON_WORDS,
}


@dataclass(frozen=True)
class Line:
    message: Message
    author: str
    day: str | None  # set where a new day begins
    files: tuple[File, ...] = ()
    sources: tuple[tuple[str, "Entry | None"], ...] = ()  # entries it came from, by id
    wrong: ReviewItem | None = None  # somebody says that it is


@dataclass(frozen=True)
class Case:
    """One conversation with its ticket, as one operator sees it."""

    conversation: Conversation
    ticket: Ticket | None
    me: Staff
    names: dict[str, str]
    reach: Reach
    consents: tuple[Consent, ...] = ()  # in force
    attaches: bool = False  # files can be sent there

    @property
    def citizen(self) -> str:
        return citizen_of(self.conversation)

    @property
    def open(self) -> bool:
        return self.ticket is not None and self.ticket.state in OPEN_STATES

    @property
    def mine(self) -> bool:
        return self.conversation.owner == "human" and self.conversation.operator == self.me.id

    @property
    def colleague(self) -> str | None:
        """Who else has the conversation."""
        if is_free_for(self.conversation, self.me):
            return None
        return self.name(self.conversation.operator)

    @property
    def why_not(self) -> str | None:
        """Why nothing can be sent to the citizen now."""
        if self.colleague:
            return f"{self.colleague} đang xử lý hội thoại này."
        if not self.open:
            return "Phiếu đã đóng." if self.ticket else "Hội thoại chưa có phiếu."
        if not self.reach.staff:
            return self.reach.notice or "Kênh này hiện không cho gửi tin."
        return None

    @property
    def offers(self) -> tuple[Consent, ...]:
        """Other channels the citizen agreed to, for when this one is closed."""
        return tuple(one for one in self.consents if one.channel != self.conversation.channel)

    @property
    def stamp(self) -> str:
        """Changes when the panel around the conversation must be drawn again."""
        parts = (
            self.conversation.name,
            self.conversation.owner,
            self.conversation.operator,
            self.conversation.ticket,
            self.reach,
            self.consents,
            self.ticket
            and (self.ticket.id, self.ticket.state, self.ticket.priority, len(self.ticket.history)),
        )
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:12]

    def name(self, actor: str | None) -> str:
        """Of a staff id, or of ``bot`` and ``system``."""
        if actor == self.me.id:
            return f"{self.me.name} (bạn)"
        known = {"bot": AUTHORS["bot"], "system": AUTHORS["system"], **self.names}
        return known.get(actor or "", AUTHORS["operator"])


def citizen_of(conversation: Conversation) -> str:
    return conversation.name or f"Người dân …{conversation.sender[-4:]}"


async def names_of(store: Store, ids: Iterable[str | None]) -> dict[str, str]:
    """Of staff and of other systems, as far as they are known."""
    wanted = {id_ for id_ in ids if id_}
    systems = {id_ for id_ in wanted if id_.startswith(ACTOR)}
    known = await asyncio.gather(*(store.staff(id_) for id_ in sorted(wanted - systems)))
    names = {staff.id: staff.name for staff in known if staff}
    return names | (await system_names(store) if systems else {})


async def case_of(store: Store, conversation: Conversation, me: Staff, ticket_id: str, reach: Reach) -> Case:
    """The conversation with the ticket asked for (of this conversation), or else its open one."""
    ticket = await store.ticket(ticket_id) if ticket_id else None
    if ticket is None or ticket.conversation != conversation.id:
        ticket = await store.ticket(conversation.ticket) if conversation.ticket else None
    actors = {event.actor for event in ticket.history} if ticket else set()
    holder = ticket.operator if ticket else None
    names = await names_of(store, {*actors, holder, conversation.operator})
    consents = tuple(one for one in await store.consents(conversation.id) if one.withdrawn_at is None)
    return Case(conversation, ticket, me, names, reach, consents)


async def lines_of(
    store: Store, case: Case, messages: list[Message], *, previous: Message | None = None
) -> list[Line]:
    """Messages as lines; ``previous`` is what stands before them on the page."""
    names = await names_of(store, (m.author_id for m in messages))
    day = local_day(previous.at) if previous else None
    lines = []
    for message in messages:
        its_day = local_day(message.at)
        begins = its_day if its_day != day else None
        lines.append(Line(message, _author(case, message, names), begins, files_of(message)))
        day = its_day
    return lines


def _author(case: Case, message: Message, names: dict[str, str]) -> str:
    if message.author == "citizen":
        return case.citizen
    if message.author == "operator" and message.author_id:
        if message.author_id.startswith("agency:"):
            return "Cơ quan"
        return (
            f"{case.me.name} (bạn)" if message.author_id == case.me.id else names.get(message.author_id, "")
        )
    return AUTHORS[message.author]


def marks_of(messages: list[Message]) -> dict[int, Delivery]:
    """How far each outbound message has come."""
    return {m.seq: m.delivery for m in messages if m.delivery}


def ago(ms: int) -> str:
    minutes = max(0, ms) // 60_000
    if minutes < 60:
        return f"{max(1, minutes)} phút"
    hours = minutes // 60
    return f"{hours} giờ {minutes % 60:02d}" if hours < 24 else f"{hours // 24} ngày"
