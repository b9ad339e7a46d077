"""What of the inbox is shown: a filter that stands in the address, and named views that are filters somebody kept.

A filter is plain words in the query of an address, so it can be bookmarked and sent to a colleague; what is unknown
there is left out.
"""

from collections.abc import Mapping
from typing import Any, Final, Literal, get_args
from urllib.parse import urlencode

from pydantic import Field

from handoff.deadline import HOUR_MS, due_at
from handoff.lifecycle import LOOSE
from handoff.rules import Rules
from hub.model import OPEN_STATES, ConversationQuery, Priority, Staff, TicketQuery, TicketState, Value

#: Working time left when a deadline counts as near.
SOON_MS: Final = 2 * HOUR_MS
DONE: Final[tuple[TicketState, ...]] = ("closed", "spam")
ME: Final = "me"
NOBODY: Final = "nobody"

Tab = Literal["open", "closed", "talks"]
Due = Literal["over", "soon"]
Mark = Literal["sensitive", "review", "escalated", "unread", "bot", "no_ticket", "named"]
Sort = Literal["urgent", "due", "changed", "newest"]

MARKS: Final[dict[Mark, str]] = {
    "sensitive": "Nhạy cảm",
    "review": "Chờ duyệt câu trả lời",
    "escalated": "Đã báo giám sát",
}
TALK_MARKS: Final[dict[Mark, str]] = {
    "unread": "Có tin chưa đọc",
    "no_ticket": "Chưa có phiếu",
    "bot": "Trợ lý tự động đang trả lời",
    "named": "Đồng nghiệp nhắc đến tôi",
}
SORTS: Final[dict[Sort, str]] = {
    "urgent": "Khẩn trước, cũ trước",
    "due": "Đến hạn trước",
    "changed": "Mới thay đổi trước",
    "newest": "Mới nhận trước",
}
PRIORITY_WORDS: Final[dict[Priority, str]] = {
    "urgent": "Khẩn",
    "high": "Cao",
    "normal": "Thường",
    "low": "Thấp",
}
LONGEST: Final = 80


class Filter(Value):
    """Names and values are those of the address; what is empty does not matter."""

    tab: Tab = "open"
    who: str = ""  # ``me``, ``nobody`` or a staff id
    state: TicketState | None = None
    channel: str = ""
    field: str = ""  # a category, or a group of them
    commune: str = ""
    agency: str = ""
    priority: Priority | None = None
    due: Due | None = None
    mark: Mark | None = None
    sort: Sort | None = None
    page: int = Field(1, ge=1, le=10_000)

    @property
    def sorted_by(self) -> Sort:
        return self.sort or ("changed" if self.tab == "closed" else "urgent")

    @property
    def chosen(self) -> int:
        """How many things are asked for beyond the tab."""
        names = ("who", "state", "channel", "field", "commune", "agency", "priority", "due", "mark")
        return sum(bool(getattr(self, name)) for name in names)

    def words(self, **changed: Any) -> str:
        """The filter as the query of an address, with something else in it; without the page."""
        fields = self.model_dump(exclude_defaults=True, exclude={"page"}) | changed
        return urlencode({name: value for name, value in fields.items() if value})


def read(query: Mapping[str, str]) -> Filter:
    """The filter of an address."""
    known: dict[str, Any] = {}
    for name, field in Filter.model_fields.items():
        text = query.get(name, "")[:LONGEST]
        choices = [one for one in get_args(field.annotation) if isinstance(one, str)] or [
            value for one in get_args(field.annotation) for value in get_args(one)
        ]
        if name == "page":
            known[name] = min(10_000, max(1, int(text))) if text.isascii() and text.isdigit() else 1
        elif text and (not choices or text in choices):
            known[name] = text
    return Filter(**known)


def ticket_query(wanted: Filter, me: Staff, rules: Rules, now: int) -> TicketQuery:
    """The tickets a filter means, for this person at this moment."""
    states: tuple[TicketState, ...] = DONE if wanted.tab == "closed" else tuple(sorted(OPEN_STATES))
    if wanted.who == NOBODY and wanted.tab == "open":
        states = tuple(sorted(LOOSE))
    if wanted.state:
        states = (wanted.state,)
    fields: dict[str, Any] = {
        "states": states,
        "merged": False,
        "order": wanted.sorted_by,
        "unassigned": wanted.who == NOBODY,
        "operator": {ME: me.id, NOBODY: None}.get(wanted.who, wanted.who or None),
        "channels": (wanted.channel,) if wanted.channel else None,
        "categories": _categories(wanted.field, rules) if wanted.field else None,
        "commune": wanted.commune or None,
        "agencies": (wanted.agency,) if wanted.agency else None,
        "priorities": (wanted.priority,) if wanted.priority else None,
    }
    if wanted.due == "over":
        fields["due_until"] = now
    elif wanted.due == "soon":
        fields |= {"due_after": now, "due_until": due_at(rules.offices, now, SOON_MS)}
    marks: dict[Mark, dict[str, bool]] = {
        "sensitive": {"sensitive": True}, "review": {"proposed": True}, "escalated": {"escalated": True},
    }  # fmt: skip
    return TicketQuery(**fields | (marks.get(wanted.mark, {}) if wanted.mark else {}))


def conversation_query(wanted: Filter) -> ConversationQuery:
    """The conversations a filter of the tab ``talks`` means."""
    return ConversationQuery(
        channels=(wanted.channel,) if wanted.channel else None,
        owner="bot" if wanted.mark == "bot" else None,
        open_ticket=False if wanted.mark == "no_ticket" else None,
        unread=True if wanted.mark == "unread" else None,
    )


def _categories(field: str, rules: Rules) -> tuple[str, ...]:
    return tuple(one.id for one in rules.categories.values() if field in (one.id, one.group))
