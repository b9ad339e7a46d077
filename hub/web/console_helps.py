"""What helps to write an answer: canned replies filled for this case, knowledge, colleagues to be named in a note.
Answered as JSON: the page shows them beside the box that is being written in."""

from dataclasses import dataclass
from typing import Final

from aiohttp import web

from bot.knowledge import Aspect
from bot.knowledge.answer import read_out
from handoff import canned
from hub.model import Conversation
from hub.web.auth import guarded, session_of
from hub.web.context import Hub, hub_of

HITS: Final = 5
LOOK_BACK: Final = 20
LONGEST: Final = 300


@dataclass(frozen=True)
class Help:
    title: str
    text: str
    id: str = ""  # of the knowledge entry it is made of

    def json(self) -> dict[str, str]:
        return {"title": self.title, "text": self.text, "id": self.id}


async def canned_replies(request: web.Request) -> web.StreamResponse:
    hub, me = hub_of(request), session_of(request).staff
    conversation = await _conversation(request)
    ticket = await hub.store.ticket(request.query.get("ticket") or conversation.ticket or "")
    if ticket is not None and ticket.conversation != conversation.id:
        ticket = None
    values = canned.values_of(conversation, ticket, me, hub.rules())
    replies = await canned.load(hub.store)
    return _json([Help(one.title, canned.filled(one.text, values)) for one in replies])


async def knowledge(request: web.Request) -> web.StreamResponse:
    """What is known about the words looked for, or about what the citizen asked last."""
    hub = hub_of(request)
    conversation = await _conversation(request)
    words = request.query.get("q", "").strip()[:LONGEST] or await _asked(hub, conversation)
    known = hub.knowledge()
    hits = (known.find(words, HITS).candidates or known.search(words, HITS)) if words else ()
    found = []
    for hit in hits:
        if hit.kind == "faq":
            found.append(Help(hit.title, read_out(known.answer_faq(hit.id)), hit.id))
            continue
        for aspect, name in _ASPECTS.items():
            answer = known.answer(hit.id, aspect)
            if aspect == "general" or not answer.missing:
                title = f"{hit.title} · {name}" if name else hit.title
                found.append(Help(title, read_out(answer), hit.id))
    return _json(found)


#: What of a procedure is offered, most asked for first.
_ASPECTS: Final[dict[Aspect, str]] = {
    "general": "",
    "documents": "hồ sơ",
    "fee": "lệ phí",
    "time": "thời hạn",
    "where": "nơi nộp",
}


def entries_of(hub: Hub, ids: str) -> tuple[str, ...]:
    """Of ids as a form gives them, those that are entries."""
    if not ids:
        return ()
    known = hub.knowledge()
    return tuple(id_ for id_ in dict.fromkeys(ids.split()) if known.procedure(id_) or known.faq(id_))


async def people(request: web.Request) -> web.StreamResponse:
    """Colleagues who can be named in a note."""
    me = session_of(request).staff
    everybody = await hub_of(request).store.everybody()
    names = sorted(one.name for one in everybody if one.active and one.role != "officer" and one.id != me.id)
    return _json([Help(name, f"@{name} ") for name in names])


async def _asked(hub: Hub, conversation: Conversation) -> str:
    """The citizen's last words."""
    for message in reversed(await hub.store.recent_messages(conversation.id, limit=LOOK_BACK)):
        if message.author == "citizen" and message.text:
            return message.text[:LONGEST]
    return ""


async def _conversation(request: web.Request) -> Conversation:
    found = await hub_of(request).store.conversation(request.match_info["conversation"])
    if found is None:
        raise web.HTTPNotFound(text="Không tìm thấy hội thoại này.")
    return found


def _json(helps: list[Help]) -> web.Response:
    return web.json_response([one.json() for one in helps])


def routes() -> list[web.RouteDef]:
    one = "/console/conversations/{conversation}/helps"
    return guarded(
        [
            web.get(f"{one}/canned", canned_replies),
            web.get(f"{one}/knowledge", knowledge),
            web.get(f"{one}/people", people),
        ]
    )
