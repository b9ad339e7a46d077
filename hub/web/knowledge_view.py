"""What the pages of the knowledge show: entries and edits in the editors' words, and who may do what."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, get_args

from aiohttp import web

from bot.knowledge import Aspect, KnowledgeBase
from bot.knowledge.answer import ASPECTS
from bot.knowledge.editing import EditableKind, differences
from bot.knowledge.phrasing import short_name, when
from bot.knowledge.schema import Faq, Procedure
from bot.text import fold, words
from hub.clock import local_day
from hub.errors import KnowledgeMoved
from hub.model import EditState, KnowledgeDoc, KnowledgeEdit, Role, Staff
from hub.web.auth import EVERYBODY, page, session_of
from hub.web.console_view import names_of
from hub.web.context import Hub, hub_of
from hub.web.trail import put_down

KINDS: Final = {"procedure": "Thủ tục", "faq": "Hỏi đáp", "example": "Mẫu huấn luyện"}
STATES: Final[dict[EditState, str]] = {
    "applied": "Đã áp dụng",
    "proposed": "Chờ duyệt",
    "rejected": "Không duyệt",
}
#: Who changes entries; everybody else reads, and officers propose for their own agency's.
EDITORS: Final[frozenset[Role]] = frozenset({"editor", "admin"})
READERS: Final = EVERYBODY
UNASSIGNED: Final = "chưa gán"
MOVED: Final = "Mục này vừa được người khác thay đổi. Vui lòng xem lại bản mới rồi làm lại."

MOST_COUNTED: Final = 99

#: Filters of the list: what they are called.
SHOWN: Final = {
    "": "Tất cả",
    "overdue": "Quá hạn rà soát",
    "unassigned": "Chưa gán cơ quan",
    "unverified": "Chưa kiểm chứng đủ",
    "edited": "Đã sửa ở đây",
}


@dataclass(frozen=True)
class Entry:
    """One entry as the lists show it."""

    kind: EditableKind
    id: str
    title: str
    owner: str | None  # agency id
    owner_name: str
    as_of: str
    certainty: str
    verified: bool
    review_by: str | None
    overdue: bool
    edited: bool

    @property
    def path(self) -> str:
        return f"/console/knowledge/{self.kind}/{self.id}"

    @property
    def summary(self) -> str:
        """Title, date and certainty in one line."""
        return f"{self.title} · dữ liệu {self.as_of} · {self.certainty}"


@dataclass(frozen=True)
class Told:
    """What a citizen is told about one aspect."""

    name: str
    text: str
    missing: bool
    verified: bool


@dataclass(frozen=True)
class Change:
    """One edit as the history shows it."""

    edit: KnowledgeEdit
    title: str
    by: str
    decided_by: str | None
    differences: list[tuple[str, str, str]]


@dataclass(frozen=True)
class Found:
    """What the bot makes of a question."""

    outcome: str
    title: str
    confidence: float
    others: list[tuple[str, float]]
    text: str
    bare: bool


async def knowledge_page(
    request: web.Request, template: str, *, tab: str, status: int = 200, **context: Any
) -> web.Response:
    """A page of these, with what waits in its tabs."""
    hub, me = hub_of(request), me_of(request)
    mine = me.id if me.role == "officer" else None
    waiting = await hub.store.knowledge_edits(state="proposed", by=mine, limit=MOST_COUNTED)
    return page(
        request,
        template,
        status=status,
        tab=tab,
        waiting_count=f"{len(waiting)}{'+' if len(waiting) == MOST_COUNTED else ''}",
        kinds=KINDS,
        states=STATES,
        can_edit=edits_all(me),
        **context,
    )


# ---- entries


def entry_of(known: KnowledgeBase, kind: str, id_: str, today: str) -> Entry | None:
    entry = known.procedure(id_) if kind == "procedure" else known.faq(id_) if kind == "faq" else None
    return _entry(known, entry, today) if entry else None


def any_entry(known: KnowledgeBase, id_: str, today: str) -> Entry | None:
    """The entry of an id that a message names; ids of procedures come first."""
    return entry_of(known, "procedure", id_, today) or entry_of(known, "faq", id_, today)


def entries_of(known: KnowledgeBase, me: Staff, today: str) -> list[Entry]:
    """All that somebody may see, by title."""
    every: list[Procedure | Faq] = [*known.entries.procedures.values(), *known.entries.faqs.values()]
    shown = [_entry(known, one, today) for one in every if sees(me, one.owned_by)]
    return sorted(shown, key=lambda one: (one.kind != "procedure", fold(one.title)))


def _entry(known: KnowledgeBase, entry: Procedure | Faq, today: str) -> Entry:
    kind: EditableKind = "procedure" if isinstance(entry, Procedure) else "faq"
    doc = known.doc(kind, entry.id)
    agency = known.entries.agencies.get(entry.owned_by or "")
    return Entry(
        kind=kind,
        id=entry.id,
        title=short_name(entry) if isinstance(entry, Procedure) else entry.question,
        owner=entry.owned_by,
        owner_name=agency.name if agency else UNASSIGNED,
        as_of=when(entry.as_of),
        certainty=_certainty(entry),
        verified=entry.verified,
        review_by=entry.review_by,
        overdue=entry.review_by is not None and entry.review_by < today,
        edited=doc is not None and doc.origin == "editor",
    )


def _certainty(entry: Procedure | Faq) -> str:
    if entry.verified:
        return "đã kiểm chứng"
    if isinstance(entry, Procedure) and entry.verified_fields:
        return "kiểm chứng một phần"
    return "chưa kiểm chứng"


def filtered(entries: list[Entry], show: str) -> list[Entry]:
    match show:
        case "overdue":
            return sorted((one for one in entries if one.overdue), key=lambda one: one.review_by or "")
        case "unassigned":
            return [one for one in entries if one.owner is None]
        case "unverified":
            return [one for one in entries if not one.verified]
        case "edited":
            return [one for one in entries if one.edited]
        case _:
            return entries


def searched(known: KnowledgeBase, entries: list[Entry], query: str) -> list[Entry]:
    """Those whose title or id holds every word, then what the bot would take the words for."""
    asked = words(fold(query))
    named = [one for one in entries if all(word in f"{fold(one.title)} {one.id}" for word in asked)]
    by_id = {(one.kind, one.id): one for one in entries}
    meant = [by_id.get((hit.kind, hit.id)) for hit in known.ranked(query, 20) if hit.score > 0]
    return list(dict.fromkeys([*named, *(one for one in meant if one is not None)]))


def told(known: KnowledgeBase, kind: str, id_: str) -> list[Told]:
    """Everything a citizen can be told from an entry."""
    if kind == "faq":
        answers = [("Câu trả lời", known.answer_faq(id_))]
    else:
        aspects: tuple[Aspect, ...] = get_args(Aspect)
        order = sorted(aspects, key=lambda aspect: aspect != "general")
        answers = [(ASPECTS[aspect][0], known.answer(id_, aspect)) for aspect in order]
    return [
        Told(name[0].upper() + name[1:], answer.text, answer.missing, answer.verified)
        for name, answer in answers
    ]


def look(known: KnowledgeBase, question: str, aspect: Aspect = "general") -> Found:
    """What the bot would find now, and what it would say."""
    match = known.find(question)
    others = [(hit.title, hit.score) for hit in match.candidates[:5]]
    title, text = "", ""
    if match.outcome == "procedure" and match.id:
        title, text = match.candidates[0].title, known.answer(match.id, aspect).text
    elif match.outcome == "faq" and match.id:
        title, text = match.candidates[0].title, known.answer_faq(match.id).text
    return Found(match.outcome, title, match.confidence, others, text, known.bare(question))


# ---- people


def edits_all(me: Staff) -> bool:
    return me.role in EDITORS


def sees(me: Staff, owner: str | None) -> bool:
    """Officers see the entries of their own agencies only."""
    return me.role != "officer" or (owner is not None and owner in me.agencies)


def proposes(me: Staff, owner: str | None) -> bool:
    return me.role == "officer" and sees(me, owner)


# ---- edits


async def changes_of(hub: Hub, edits: Iterable[KnowledgeEdit]) -> list[Change]:
    edits = list(edits)
    names = await names_of(hub.store, {who for edit in edits for who in (edit.by, edit.decided_by)})
    return [
        Change(
            edit=edit,
            title=title_of(edit.after or edit.before),
            by=names.get(edit.by, "Lệnh nhập dữ liệu" if edit.by == "import" else "Tài khoản đã gỡ"),
            decided_by=names.get(edit.decided_by or ""),
            differences=differences(edit.kind, edit),
        )
        for edit in edits
    ]


def title_of(doc: KnowledgeDoc | None) -> str:
    body = doc.body if doc else {}
    return str(body.get("name") or body.get("question") or body.get("text") or (doc.id if doc else ""))


async def carry_out(
    request: web.Request, edit: KnowledgeEdit, *, expects: EditState | None = None
) -> str | None:
    """Keep an edit and let the bot know at once; what to say if the entry is no longer as it was."""
    hub = hub_of(request)
    try:
        await hub.store.commit_edit(edit, expects=expects)
    except KnowledgeMoved:
        return MOVED
    await put_down(request, f"knowledge.{edit.state}", f"{edit.kind}/{edit.entry}", edit=edit.id)
    await hub.reload_knowledge()
    return None


async def tried(known: KnowledgeBase, before: KnowledgeDoc | None, after: KnowledgeDoc) -> KnowledgeBase:
    """As it would be. Raises ``DataError``."""
    return await asyncio.to_thread(known.changed, before, after)


def today_of(request: web.Request) -> str:
    return local_day(hub_of(request).clock.now())


def me_of(request: web.Request) -> Staff:
    return session_of(request).staff
