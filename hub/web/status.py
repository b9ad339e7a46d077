"""A citizen's ticket: how far it is, what was answered, how content they are, opening it again. Found by its code with the
look-up key, or with the last four digits of the phone on record: these can be guessed, so they show only how far it is.
"""

import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from aiohttp import web
from itsdangerous import BadSignature, URLSafeSerializer

from connectors.form import CHANNEL as FORM
from connectors.form import MAX_TEXT, Petition, hashed
from handoff import acts
from handoff.acts import CITIZEN
from handoff.duty import spoken_time
from handoff.lifecycle import RATE_WITHIN_MS, Refused, closed_at
from handoff.rating import SCORES
from handoff.rules import Rules
from handoff.tickets import STATE_WORDS
from hub.errors import AlienPayload, StoreError
from hub.model import Conversation, Message, Ticket, derived_id, nfc
from hub.web.context import Hub, hub_of
from hub.web.pages import render

HOUR_MS: Final = 3_600_000
#: Right and wrong guesses alike. Wide by address, because a proxy or a mobile network makes one of many citizens;
#: by code, 100 an hour are nothing beside the values a key of six letters and digits may have, and four digits get few.
PER_ADDRESS_PER_HOUR = 1_000
PER_CODE_PER_HOUR = 100
DIGITS_PER_CODE_PER_DAY = 10
PASS_MS: Final = 2 * HOUR_MS
MAX_WORDS: Final = 1_000
ANSWERS: Final = 20

NOT_FOUND = "Không có phiếu nào khớp với mã phiếu và mã tra cứu này. Anh/chị vui lòng kiểm tra lại cả hai."
TOO_MANY = "Anh/chị đã tra cứu nhiều lần. Vui lòng thử lại sau một giờ, hoặc gọi (0277) 1022."
AWAY = "Hệ thống đang bận. Anh/chị vui lòng thử lại sau ít phút."
STALE: Final = "Trang đã để lâu. Anh/chị vui lòng tra cứu lại."
NO_SCORE: Final = "Anh/chị vui lòng chọn một mức từ 1 đến 5."
NO_REASON: Final = "Anh/chị vui lòng ghi điều chưa được giải quyết."
NO_WORDS: Final = "Anh/chị vui lòng ghi thông tin cần bổ sung."
LONG: Final = f"Nội dung dài quá {MAX_WORDS} ký tự."
RATED: Final = "Đã ghi nhận đánh giá của anh/chị. Cảm ơn anh/chị."
REOPENED: Final = "Phiếu đã được mở lại. Tổng đài sẽ xem xét tiếp cho anh/chị."
ADDED: Final = "Tổng đài đã nhận thông tin anh/chị bổ sung."
NOT_HERE: Final = "Anh/chị vui lòng bổ sung ngay tại kênh đã liên hệ với tổng đài."


class Problem(NamedTuple):
    status: int
    text: str


class Answer(NamedTuple):
    at: int
    text: str


@dataclass(frozen=True)
class Status:
    """What the page shows of a ticket. Without the key (``full``) only how far it is."""

    ticket: Ticket
    steps: list[tuple[int, str]]
    due: str | None
    full: bool
    answers: list[Answer]
    asks: bool  # the citizen has been asked something
    may_add: bool
    may_rate: bool
    may_reopen: bool
    rate_until: int

    @property
    def now(self) -> str:
        return STATE_WORDS[self.ticket.state]


def ticket_code(typed: str) -> str | None:
    """``1022-2026-000042`` however it was typed: with spaces, other dashes, or digits alone."""
    digits = re.sub(r"[\s\u2010-\u2015.\-/]", "", typed)
    if not re.fullmatch(r"1022[0-9]{10}", digits):
        return None
    return f"{digits[:4]}-{digits[4:8]}-{digits[8:]}"


def _key_fits(ticket: Ticket | None, typed: str) -> bool:
    key = re.sub(r"[\s\-]", "", typed).upper().encode()
    fits = hmac.compare_digest(key, ticket.lookup_key.upper().encode() if ticket else b"")
    return fits and ticket is not None


def _phone_fits(ticket: Ticket, conversation: Conversation | None, digits: str) -> bool:
    on_record = [ticket.details.get("phone", "")]
    if conversation is not None:
        on_record += [conversation.contact.get("phone", ""), conversation.sender]
    numbers = [re.sub(r"\D", "", one) for one in on_record if re.fullmatch(r"[+0-9 .()-]{9,20}", one)]
    return any(hmac.compare_digest(number[-4:].encode(), digits.encode()) for number in numbers)


# ---- looking it up -----------------------------------------------------------------------------------


async def status_form(request: web.Request) -> web.StreamResponse:
    return _page(request, code=request.query.get("code", "")[:40])


async def look_up(request: web.Request) -> web.StreamResponse:
    form = await request.post()
    typed, key = str(form.get("code", "")).strip()[:40], str(form.get("key", "")).strip()[:40]
    try:
        problem, ticket, full = await _look_up(request, ticket_code(typed), key)
        if ticket is None:
            return _page(request, code=typed, problem=problem)
        return await _shown(request, ticket, full=full)
    except StoreError:
        return _page(request, code=typed, problem=Problem(503, AWAY))


async def _look_up(
    request: web.Request, code: str | None, key: str
) -> tuple[Problem | None, Ticket | None, bool]:
    """What is wrong, or the ticket and whether it was the key that opened it."""
    hub = hub_of(request)
    store, now = hub.store, hub.clock.now()
    # kept as a digest with the hub's secret: the store has no list of who looked something up from where
    address = derived_id("status", hub.settings.secret_key.get_secret_value(), request.remote or "")
    hits = await store.count_hit(address, now=now, window_ms=HOUR_MS)
    guesses = await store.count_hit(f"status:{code}", now=now, window_ms=HOUR_MS) if code else 0
    digits = re.fullmatch(r"[0-9]{4}", key) is not None
    few = await store.count_hit(f"status4:{code}", now=now, window_ms=24 * HOUR_MS) if code and digits else 0
    if hits > PER_ADDRESS_PER_HOUR or guesses > PER_CODE_PER_HOUR or few > DIGITS_PER_CODE_PER_DAY:
        return Problem(429, TOO_MANY), None, False
    ticket = await store.ticket_by_code(code) if code else None
    if _key_fits(ticket, key):
        return None, ticket, True
    if digits and ticket is not None:
        conversation = await store.conversation(ticket.conversation)
        if _phone_fits(ticket, conversation, key):
            return None, ticket, False
    return Problem(404, NOT_FOUND), None, False


# ---- what the citizen does there ---------------------------------------------------------------------


async def rate(request: web.Request) -> web.StreamResponse:
    return await _act(request, _rated)


async def reopen(request: web.Request) -> web.StreamResponse:
    return await _act(request, _reopened)


async def add(request: web.Request) -> web.StreamResponse:
    return await _act(request, _added)


async def _act(request: web.Request, do: Any) -> web.StreamResponse:
    form = {
        name: nfc(value.strip()) for name, value in (await request.post()).items() if isinstance(value, str)
    }
    hub = hub_of(request)
    try:
        ticket = await _of_pass(request, form.get("pass", ""))
        if ticket is None:
            return _page(request, problem=Problem(403, STALE))
        text = form.get("text", "").replace("\r\n", "\n")
        try:
            if len(text) > MAX_WORDS:
                raise Refused("long", LONG)
            done = await do(hub, ticket, form, text)
        except Refused as refused:
            return await _shown(request, ticket, full=True, problem=Problem(422, str(refused)))
        changed = await hub.store.ticket(ticket.id)
        return await _shown(request, changed or ticket, full=True, done=done)
    except StoreError:
        return _page(request, problem=Problem(503, AWAY))


async def _rated(hub: Hub, ticket: Ticket, form: Mapping[str, str], text: str) -> str:
    if form.get("score") not in {"1", "2", "3", "4", "5"}:
        raise Refused("score", NO_SCORE)
    act = acts.Rate(score=int(form["score"]), text=text or None)
    assert hub.casework is not None  # noqa: S101 - wired in every hub that runs
    await hub.casework.do(ticket.id, act, CITIZEN, form.get("act", ""))
    return RATED


async def _reopened(hub: Hub, ticket: Ticket, form: Mapping[str, str], text: str) -> str:
    if not text:
        raise Refused("reason", NO_REASON)
    assert hub.casework is not None  # noqa: S101
    await hub.casework.reopen(ticket.id, CITIZEN, form.get("act", ""), reason=text)
    return REOPENED


async def _added(hub: Hub, ticket: Ticket, form: Mapping[str, str], text: str) -> str:
    """A further word to a form."""
    if not text:
        raise Refused("words", NO_WORDS)
    conversation = await hub.store.conversation(ticket.conversation)
    if conversation is None or not _may_add(ticket, conversation):
        raise Refused("here", NOT_HERE)
    id_ = hashed(conversation.key, form.get("act", ""), text)
    more = Petition(sender=conversation.key, id=id_, text=text[:MAX_TEXT], at=hub.clock.now())
    try:
        await hub.stream.receive_now(FORM, more.model_dump_json().encode())
    except AlienPayload:
        raise Refused("words", NO_WORDS) from None
    return ADDED


def _may_add(ticket: Ticket, conversation: Conversation) -> bool:
    """On the form's own page; else people go on where they wrote. Only while a person listens."""
    return (
        conversation.channel == FORM
        and conversation.owner == "human"
        and ticket.state not in ("closed", "spam")
    )


# ---- the page ----------------------------------------------------------------------------------------


def _serializer(hub: Hub) -> URLSafeSerializer:
    return URLSafeSerializer(hub.settings.secret_key.get_secret_value(), salt="status-pass")


async def _of_pass(request: web.Request, given: str) -> Ticket | None:
    """The ticket whose page was shown lately to who knew the key."""
    hub = hub_of(request)
    try:
        id_, at = _serializer(hub).loads(given)
    except (BadSignature, ValueError, TypeError):
        return None
    return await hub.store.ticket(id_) if hub.clock.now() - at <= PASS_MS else None


async def _shown(
    request: web.Request,
    ticket: Ticket,
    *,
    full: bool,
    problem: Problem | None = None,
    done: str | None = None,
) -> web.Response:
    hub = hub_of(request)
    conversation = await hub.store.conversation(ticket.conversation)
    said = await hub.store.recent_messages(ticket.conversation, limit=200) if full else []
    status = status_of(ticket, conversation, said, hub.rules(), hub.clock.now(), full=full)
    pass_ = str(_serializer(hub).dumps([ticket.id, hub.clock.now()])) if full else ""
    return _page(
        request,
        code=ticket.code,
        problem=problem,
        done=done,
        shown=status,
        pass_=pass_,
        act=secrets.token_urlsafe(12),
    )


def status_of(
    ticket: Ticket,
    conversation: Conversation | None,
    said: list[Message],
    rules: Rules,
    now: int,
    *,
    full: bool,
) -> Status:
    ended = closed_at(ticket) if ticket.state in ("closed", "spam") else now
    about = (f"Về phiếu {ticket.code}", f"Việc anh/chị phản ánh trong phiếu {ticket.code}")
    answers = [
        Answer(message.at, message.text)
        for message in said
        if message.text
        and not message.internal
        and ticket.created_at <= message.at <= ended
        and (message.author == "operator" or (message.author == "system" and message.text.startswith(about)))
    ]
    rate_until = closed_at(ticket) + RATE_WITHIN_MS
    settled = ticket.state in ("answered", "closed", "spam")
    return Status(
        ticket=ticket,
        steps=_steps(ticket, rules),
        due=spoken_time(ticket.due_at) if ticket.due_at is not None and not settled else None,
        full=full,
        answers=answers[-ANSWERS:],
        asks=full and ticket.state == "waiting_citizen",
        may_add=full and conversation is not None and _may_add(ticket, conversation),
        may_rate=full and ticket.state == "closed" and now <= rate_until,
        may_reopen=full and ticket.state in ("answered", "closed"),
        rate_until=rate_until,
    )


def _steps(ticket: Ticket, rules: Rules) -> list[tuple[int, str]]:
    """How it went, in plain words; what changes nothing for the citizen is left out."""
    steps: list[tuple[int, str]] = []
    agency = None
    for event in ticket.history:
        agency = event.changes.get("agency", (None, agency))[1]
        words = STATE_WORDS[event.state]
        unit = rules.agencies.get(agency or "") if event.state == "forwarded" else None
        if unit is not None:
            words += f": {unit.name}"
        if not steps or steps[-1][1] != words:
            steps.append((event.at, words))
    return steps


def _page(
    request: web.Request, *, code: str = "", problem: Problem | None = None, done: str | None = None,
    shown: Status | None = None, pass_: str = "", act: str = "",
) -> web.Response:  # fmt: skip
    response = render(
        request,
        "status.html",
        status=problem.status if problem else 200,
        code=code,
        problem=problem,
        done=done,
        shown=shown,
        pass_=pass_,
        act=act,
        scores=SCORES,
        most=MAX_WORDS,
    )
    response.headers["Cache-Control"] = "no-store"
    return response


def routes() -> list[web.AbstractRouteDef]:
    return [
        web.get("/status", status_form),
        web.post("/status", look_up),
        web.post("/status/rate", rate),
        web.post("/status/reopen", reopen),
        web.post("/status/add", add),
    ]
