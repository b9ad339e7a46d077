"""The register of consents: on which other channels a citizen agreed to be written to, since when, said where.

Each entry and each withdrawal also leaves a line in the conversation, with who did it; nothing is deleted.
"""

import asyncio
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from connectors.form import ANSWER_TO
from connectors.phone import normal_number
from handoff import desk
from hub.model import Consent, Conversation, Message, derived_id
from hub.ports import Store
from hub.web.auth import form_of, guarded, page, see_other, session_of
from hub.web.console import commit_act
from hub.web.console_view import CHANNELS, WORDS, names_of
from hub.web.context import hub_of

#: Where somebody can be written to who is not writing there now. The live chat has no address.
OFFERED: Final = {name: CHANNELS[name] for name in ("phone", "email", "zalo", "facebook")}
MAX_ADDRESS: Final = 200
CHOOSE_FROM: Final = 50  # messages, among them the citizen's
_EMAIL: Final = re.compile(r"[^@\s<>,;]+@[^@\s<>,;]+\.[^@\s<>,;.]+")

GONE: Final = "Không tìm thấy hội thoại này."
NO_CHANNEL: Final = "Vui lòng chọn kênh."
NO_ADDRESS: Final = "Vui lòng nhập số điện thoại hoặc địa chỉ."
NO_NUMBER: Final = "Số điện thoại gồm 3 đến 15 chữ số."
NO_EMAIL: Final = "Địa chỉ email chưa đúng."
TOO_LONG: Final = f"Địa chỉ dài quá {MAX_ADDRESS} ký tự."
NO_MESSAGE: Final = "Tin nhắn đã chọn không thuộc hội thoại này."
KNOWN: Final = "Sổ đã có địa chỉ này."
NO_KEY: Final = "Trang đã cũ. Vui lòng gửi lại."
GIVEN: Final = "Đã ghi nhận người dân đồng ý nhận tin qua {channel}: {address}"
TAKEN_BACK: Final = "Đã ghi nhận người dân rút lại đồng ý nhận tin qua {channel}: {address}"


@dataclass(frozen=True)
class Entry:
    """One line of the register."""

    consent: Consent
    channel: str
    message: Message | None
    recorded_by: str


def in_force(consents: Iterable[Consent]) -> tuple[Consent, ...]:
    return tuple(one for one in consents if one.withdrawn_at is None)


async def register_page(request: web.Request) -> web.StreamResponse:
    return await _page(request, await _conversation(request), {}, None)


async def add(request: web.Request) -> web.StreamResponse:
    conversation, form = await _conversation(request), await form_of(request)
    store, me, now = hub_of(request).store, session_of(request).staff, hub_of(request).clock.now()
    known = await store.consents(conversation.id)
    id_ = derived_id("s", conversation.id, me.id, form.get("key", ""))
    if any(one.id == id_ for one in known):  # the same form again
        return _back(conversation)
    address, problem = _address(form.get("channel", ""), form.get("address", ""))
    message = await store.message(form["message"]) if form.get("message") else None
    if form.get("message") and not (message and _said_in(message, conversation)):
        problem = NO_MESSAGE
    if any((one.channel, one.address) == (form.get("channel"), address) for one in in_force(known)):
        problem = KNOWN
    if not form.get("key"):
        problem = NO_KEY
    if problem:
        return await _page(request, conversation, form, problem)
    consent = Consent(
        id=id_,
        conversation=conversation.id,
        channel=form["channel"],
        address=address,
        agreed_at=message.at if message else now,
        message=message.id if message else None,
        recorded_by=me.id,
    )
    await store.put_consent(consent)
    await _note(request, conversation, GIVEN, consent)
    return _back(conversation)


async def withdraw(request: web.Request) -> web.StreamResponse:
    conversation = await _conversation(request)
    hub = hub_of(request)
    known = await hub.store.consents(conversation.id)
    consent = next((one for one in known if one.id == request.match_info["consent"]), None)
    if consent is None:
        raise web.HTTPNotFound(text="Không tìm thấy mục này trong sổ.")
    if consent.withdrawn_at is None:
        await hub.store.put_consent(consent.model_copy(update={"withdrawn_at": hub.clock.now()}))
        if conversation.contact.get(ANSWER_TO) == consent.address:  # answers no longer go there by mail
            await hub.store.note_person(conversation.id, now=hub.clock.now(), contact={ANSWER_TO: ""})
        await _note(request, conversation, TAKEN_BACK, consent)
    return _back(conversation)


async def _note(request: web.Request, conversation: Conversation, text: str, consent: Consent) -> None:
    hub, me = hub_of(request), session_of(request).staff
    words = text.format(channel=OFFERED.get(consent.channel, consent.channel), address=consent.address)
    turn = desk.note(conversation, me, hub.clock.now(), consent.id, text=words)
    await commit_act(hub, turn, conversation)


async def _page(
    request: web.Request, conversation: Conversation, form: dict[str, str], problem: str | None
) -> web.Response:
    store = hub_of(request).store
    consents = await store.consents(conversation.id)
    names = await names_of(store, (one.recorded_by for one in consents))
    messages = await asyncio.gather(*(_message(store, one.message) for one in consents))
    entries = [
        Entry(
            one,
            OFFERED.get(one.channel, one.channel),
            message,
            names.get(one.recorded_by or "", "Người dân tự xác nhận"),
        )
        for one, message in zip(consents, messages, strict=True)
    ]
    recent = await store.recent_messages(conversation.id, limit=CHOOSE_FROM)
    return page(
        request,
        "console/consents_page.html",
        status=422 if problem else 200,
        conversation=conversation,
        entries=entries,
        offered=OFFERED,
        said=[one for one in reversed(recent) if _said_in(one, conversation) and one.text],
        form=form,
        problem=problem,
        key=form.get("key") or secrets.token_urlsafe(12),
        words=WORDS,
    )


async def _message(store: Store, id_: str | None) -> Message | None:
    return await store.message(id_) if id_ else None


async def _conversation(request: web.Request) -> Conversation:
    found = await hub_of(request).store.conversation(request.match_info["conversation"])
    if found is None:
        raise web.HTTPNotFound(text=GONE)
    return found


def _said_in(message: Message, conversation: Conversation) -> bool:
    return message.conversation == conversation.id and message.author == "citizen"


def _address(channel: str, typed: str) -> tuple[str, str | None]:
    """The address in its normal form, and what is wrong with it."""
    address = typed.strip()
    if channel not in OFFERED:
        return address, NO_CHANNEL
    if not address:
        return address, NO_ADDRESS
    if len(address) > MAX_ADDRESS:
        return address, TOO_LONG
    if channel == "phone":
        number = normal_number(address)
        return number or address, None if number else NO_NUMBER
    if channel == "email":
        return address.lower(), None if _EMAIL.fullmatch(address) else NO_EMAIL
    return address, None


def _back(conversation: Conversation) -> web.Response:
    return see_other(f"/console/conversations/{conversation.id}/consents")


def routes() -> list[web.RouteDef]:
    one = "/console/conversations/{conversation}/consents"
    return guarded(
        [
            web.get(one, register_page),
            web.post(one, add),
            web.post(one + "/{consent}/withdraw", withdraw),
        ]
    )
