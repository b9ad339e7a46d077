"""Search over everything: what people said, tickets, who they are. What is looked for never stands in an address."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, cast, get_args

from aiohttp import web

from bot.text import fold, nfc
from hub.model import Conversation, Found, FoundKind, Message, Ticket
from hub.ports import Store
from hub.store.search import asked
from hub.web.auth import form_of, guarded, page
from hub.web.console_view import AUTHORS, WORDS, citizen_of, names_of
from hub.web.context import hub_of

PER_PAGE: Final = 30
LONGEST: Final = 200
BEFORE, AFTER = 60, 160  # characters of context

KINDS: Final[dict[str, str]] = {
    "": "Tất cả",
    "message": "Tin nhắn",
    "ticket": "Phiếu",
    "person": "Người dân",
}


@dataclass(frozen=True)
class Hit:
    kind: FoundKind
    at: int
    conversation: Conversation
    address: str
    context: Sequence[tuple[str, bool]]  # pieces of text, marked where a word was found
    ticket: Ticket | None = None
    by: str = ""

    @property
    def citizen(self) -> str:
        return citizen_of(self.conversation)


async def search_page(request: web.Request) -> web.StreamResponse:
    return page(request, "console/search.html", question="", kind="", kinds=KINDS, **_none())


async def results(request: web.Request) -> web.StreamResponse:
    form, store = await form_of(request), hub_of(request).store
    question = nfc(form.get("q", ""))[:LONGEST].strip()
    kind = cast("FoundKind | None", form["kind"] if form.get("kind") in get_args(FoundKind) else None)
    number = form.get("page", "")
    at = min(1000, max(1, int(number))) if number.isascii() and number.isdigit() else 1
    found = (
        await store.search(question, limit=PER_PAGE + 1, skip=(at - 1) * PER_PAGE, kind=kind)
        if question
        else []
    )
    context: dict[str, Any] = {
        "hits": await _hits(store, found[:PER_PAGE], question),
        "page_number": at,
        "more": len(found) > PER_PAGE,
        "asked": bool(question),
    }
    partial = "HX-Request" in request.headers
    template = "console/search_results.html" if partial else "console/search.html"
    return page(request, template, question=question, kind=kind or "", kinds=KINDS, words=WORDS, **context)


def _none() -> dict[str, Any]:
    return {"hits": [], "page_number": 1, "more": False, "asked": False, "words": WORDS}


async def _hits(store: Store, found: Sequence[Found], question: str) -> list[Hit]:
    conversations = await store.conversations([one.conversation for one in found])
    pattern = _pattern(question)
    hits = await asyncio.gather(
        *(
            _hit(store, one, conversations[one.conversation], pattern)
            for one in found
            if one.conversation in conversations
        )
    )
    exact = _typed(question)  # what has the very letters that were typed comes before what only sounds alike
    return sorted((hit for hit in hits if hit), key=lambda hit: not _has(hit, exact))


async def _hit(
    store: Store, found: Found, conversation: Conversation, pattern: re.Pattern[str] | None
) -> Hit | None:
    address = f"/console/conversations/{conversation.id}"
    if found.kind == "ticket":
        ticket = await store.ticket(found.ref)
        if ticket is None:
            return None
        text = " · ".join([ticket.code, ticket.summary, *ticket.details.values()])
        pieces = context_of(text, pattern)
        return Hit("ticket", found.at, conversation, f"{address}?ticket={ticket.id}", pieces, ticket)
    if found.kind == "person":
        text = " · ".join([citizen_of(conversation), *conversation.contact.values()])
        return Hit("person", found.at, conversation, address, context_of(text, pattern))
    message = await store.message(found.ref)
    if message is None:
        return None
    by = await _by(store, message, conversation)
    pieces = context_of(message.text or "", pattern)
    seq = message.seq
    return Hit("message", found.at, conversation, f"{address}?around={seq}#m{seq}", pieces, by=by)


async def _by(store: Store, message: Message, conversation: Conversation) -> str:
    if message.author == "citizen":
        return citizen_of(conversation)
    names = await names_of(store, [message.author_id])
    return names.get(message.author_id or "", AUTHORS[message.author])


# ---- context


def _pattern(question: str) -> re.Pattern[str] | None:
    whole, begun = asked(question)
    words = [rf"{re.escape(word)}\b" for word in whole] + ([rf"{re.escape(begun)}\w*"] if begun else [])
    return re.compile(rf"\b(?:{'|'.join(words)})") if words else None


def context_of(text: str, pattern: re.Pattern[str] | None) -> list[tuple[str, bool]]:
    """The text around the first word found, in pieces; True where one was found."""
    text = " ".join(nfc(text).split())
    plain = fold(text)
    found = list(pattern.finditer(plain)) if pattern and len(plain) == len(text) else []
    start = max(0, found[0].start() - BEFORE) if found else 0
    end = min(len(text), (found[0].start() if found else 0) + AFTER)
    pieces: list[tuple[str, bool]] = [("…", False)] if start else []
    at = start
    for one in found:
        if one.end() > end:
            break
        pieces += [(text[at : one.start()], False), (text[one.start() : one.end()], True)]
        at = one.end()
    pieces.append((text[at:end] + ("…" if end < len(text) else ""), False))
    return [piece for piece in pieces if piece[0]]


def _typed(question: str) -> list[str]:
    return question.lower().split() if fold(question) != question.lower() else []


def _has(hit: Hit, words: Sequence[str]) -> bool:
    text = "".join(piece for piece, _ in hit.context).lower()
    return all(word in text for word in words)


def routes() -> list[web.RouteDef]:
    return guarded(
        [web.get("/console/search", search_page, allow_head=False), web.post("/console/search", results)]
    )
