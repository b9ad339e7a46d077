"""The form for citizens who do not chat. It needs no script; with one, what was typed is kept on the device until it was
sent, also without a connection (``static/chat/petition.js``).

Sending is safe to repeat: the form's key and its text name what was sent, and whoever sends the same again is shown the
same codes again."""

import asyncio
import re
import secrets
from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from connectors.form import ANSWER_TO, CHANNEL, MAX_TEXT, Petition, Photo, Wish, hashed
from connectors.phone import normal_number
from handoff import petitions
from handoff.duty import spoken_time
from handoff.rules import Rules
from handoff.tickets import ticket_year
from hub.errors import OwnerChanged, StoreError
from hub.model import Consent, Message, Ticket, derived_id, nfc
from hub.turn import commit
from hub.web.context import Hub, hub_of
from hub.web.pages import render
from hub.web.photos import MEDIA_TYPE, NoPhotoError, cleaned

PATH: Final = "/gui-phan-anh"
HOUR_MS: Final = 3_600_000
PER_ADDRESS_PER_HOUR: Final = 600  # wide, because a proxy or a mobile network makes one of many citizens
MOST_PHOTOS: Final = 5
MAX_PHOTO_BYTES: Final = 12 * 2**20
TRIES: Final = 3

KINDS: Final = {
    "report": "Phản ánh, kiến nghị",
    "question": "Câu hỏi",
    "complaint": "Khiếu nại về cán bộ, cơ quan",
}
#: Name → longest text.
FIELDS: Final = {
    "key": 64, "kind": 20, "text": MAX_TEXT, "category": 100, "commune": 100, "place": 300, "lat": 20, "lon": 20,
    "name": 100, "phone": 40, "email": 200, "mail_me": 3, "agree": 3, "website": 200,
}  # fmt: skip
_KEY: Final = re.compile(r"[0-9A-Za-z_-]{16,64}")
_EMAIL: Final = re.compile(r"[^@\s<>,;]+@[^@\s<>,;]+\.[^@\s<>,;.]+")

LONG: Final = "Nội dung dài quá {limit} ký tự."
NO_KIND: Final = "Vui lòng chọn loại nội dung."
NO_TEXT: Final = "Vui lòng viết nội dung cần gửi."
NO_FIELD: Final = "Lĩnh vực này không có trong danh mục."
NO_COMMUNE: Final = "Xã, phường này không có trong danh mục."
NO_NUMBER: Final = "Số điện thoại gồm 3 đến 15 chữ số, ví dụ 0912 345 678."
NO_EMAIL: Final = "Thư điện tử chưa đúng, ví dụ ten@example.vn."
NO_ADDRESS: Final = "Vui lòng nhập thư điện tử để nhận câu trả lời."
NO_AGREEMENT: Final = "Vui lòng đánh dấu đồng ý để tổng đài được xử lý nội dung này."
NOT_EMPTY: Final = "Vui lòng để trống ô này: ô chỉ dành để chặn máy gửi tự động."
TOO_MANY_PHOTOS: Final = f"Tối đa {MOST_PHOTOS} ảnh."
NO_PHOTO: Final = "“{name}” không phải là ảnh JPEG, PNG hoặc WebP đọc được."
BIG_PHOTO: Final = f"Mỗi ảnh tối đa {MAX_PHOTO_BYTES // 2**20} MB."
TOO_MUCH: Final = "Tổng dung lượng ảnh quá lớn (tối đa 15 MB). Vui lòng bớt ảnh rồi gửi lại."
TOO_OFTEN: Final = (
    "Địa chỉ mạng này vừa gửi rất nhiều nội dung. Vui lòng thử lại sau một giờ, hoặc gọi (0277) 1022."
)
AWAY: Final = "Hệ thống đang bận nên chưa nhận được. Nội dung vẫn còn trên trang này, anh/chị vui lòng gửi lại sau ít phút."
AGAIN: Final = "Vui lòng chọn lại ảnh trước khi gửi."


def fields_of(form: Mapping[str, Any]) -> dict[str, str]:
    """Every field, empty where nothing came."""
    typed = {name: form.get(name, "") for name in FIELDS}
    return {
        name: nfc(value.replace("\r\n", "\n").strip()) if isinstance(value, str) else ""
        for name, value in typed.items()
    }


def faults_of(values: Mapping[str, str], rules: Rules) -> dict[str, str]:
    """Field → what is wrong with it."""
    faults = {name: LONG.format(limit=limit) for name, limit in FIELDS.items() if len(values[name]) > limit}
    checks = (
        ("kind", values["kind"] in KINDS, NO_KIND),
        ("text", bool(values["text"]), NO_TEXT),
        ("category", not values["category"] or values["category"] in rules.categories, NO_FIELD),
        ("commune", not values["commune"] or rules.agencies.knows_commune(values["commune"]), NO_COMMUNE),
        ("phone", not values["phone"] or normal_number(values["phone"]) is not None, NO_NUMBER),
        ("email", not values["email"] or _EMAIL.fullmatch(values["email"]) is not None, NO_EMAIL),
        ("email", bool(values["email"]) or not values["mail_me"], NO_ADDRESS),
        ("agree", bool(values["agree"]), NO_AGREEMENT),
        ("website", not values["website"], NOT_EMPTY),
    )
    for name, fine, fault in checks:
        if not fine:
            faults.setdefault(name, fault)
    return faults


async def form_page(request: web.Request) -> web.StreamResponse:
    values = fields_of({"key": secrets.token_urlsafe(18), "kind": "report"})
    return _form(request, values, {})


async def send(request: web.Request) -> web.StreamResponse:
    hub = hub_of(request)
    try:
        form = await request.post()
    except web.HTTPRequestEntityTooLarge:
        blank = fields_of({"key": secrets.token_urlsafe(18), "kind": "report"})
        return _form(request, blank, {"photos": TOO_MUCH}, status=413)
    values = fields_of(form)
    if not _KEY.fullmatch(values["key"]):
        values["key"] = secrets.token_urlsafe(18)
    faults = faults_of(values, hub.rules())
    files = [one for one in form.getall("photos", ()) if isinstance(one, web.FileField) and one.filename]
    try:
        if not faults:
            message = await _known(hub, values)
            if message is None:
                address = derived_id("form", hub.settings.secret_key.get_secret_value(), request.remote or "")
                if (
                    await hub.store.count_hit(address, now=hub.clock.now(), window_ms=HOUR_MS)
                    > PER_ADDRESS_PER_HOUR
                ):
                    return _form(request, values, {}, problem=TOO_OFTEN, status=429)
                photos, fault = await _photos(hub, files)
                if fault is None:
                    message = await _taken_in(hub, values, photos)
                else:
                    faults["photos"] = fault
            if message is not None:
                ticket = await _opened(hub, message, values)
                return _done(request, ticket, values)
    except StoreError:
        return _form(request, values, faults, problem=AWAY, status=503)
    if files and "photos" not in faults:
        faults["photos"] = AGAIN
    return _form(request, values, faults, status=422)


async def _photos(hub: Hub, files: list[web.FileField]) -> tuple[tuple[Photo, ...], str | None]:
    """The photos that were chosen, kept; or what is wrong with one of them."""
    if len(files) > MOST_PHOTOS:
        return (), TOO_MANY_PHOTOS
    photos = []
    for n, file in enumerate(files, start=1):
        data = await asyncio.to_thread(file.file.read)
        if len(data) > MAX_PHOTO_BYTES:
            return (), BIG_PHOTO
        try:
            data = await cleaned(data)
        except NoPhotoError:
            return (), NO_PHOTO.format(name=file.filename[-60:])
        blob = await hub.store.put_blob(data, media_type=MEDIA_TYPE, now=hub.clock.now())
        photos.append(Photo(blob=blob, media_type=MEDIA_TYPE, size=len(data), name=f"anh-{n}.jpg"))
    return tuple(photos), None


def _ids(values: Mapping[str, str]) -> tuple[str, str]:
    """(who sent it, what was sent): the same for the same form with the same text."""
    return hashed(values["key"]), hashed(values["key"], values["text"])


async def _known(hub: Hub, values: Mapping[str, str]) -> Message | None:
    """What was sent already."""
    return await hub.store.message_by_external(CHANNEL, "web", _ids(values)[1])


async def _taken_in(hub: Hub, values: Mapping[str, str], photos: tuple[Photo, ...]) -> Message:
    sender, id_ = _ids(values)
    details = {
        "name": values["name"],
        "phone": normal_number(values["phone"]) or "",
        "email": values["email"],
    }
    wish = Wish.model_validate(
        {
            "kind": values["kind"],
            "category": values["category"] or None,
            "commune": values["commune"] or None,
            "place": values["place"] or None,
            "details": {name: value for name, value in details.items() if value},
        }
        | _position(values)
    )
    petition = Petition(
        sender=sender, id=id_, text=values["text"], at=hub.clock.now(), photos=photos, wish=wish
    )
    intake = await hub.stream.receive_now(CHANNEL, petition.model_dump_json().encode())
    return intake.messages[0]


def _position(values: Mapping[str, str]) -> dict[str, float]:
    """Where the device says it is; nothing, if that is no place on earth."""
    try:
        lat, lon = float(values["lat"]), float(values["lon"])
    except ValueError:
        return {}
    return {"lat": lat, "lon": lon} if -90 <= lat <= 90 and -180 <= lon <= 180 else {}


async def _opened(hub: Hub, message: Message, values: Mapping[str, str]) -> Ticket:
    """The ticket of what was sent, opened unless a worker was faster."""
    now = hub.clock.now()
    contact = {"phone": normal_number(values["phone"]) or "", "email": values["email"]}
    mail = values["email"] if values["mail_me"] else ""
    known = {name: value for name, value in (contact | {ANSWER_TO: mail}).items() if value}
    await hub.store.note_person(message.conversation, now=now, name=values["name"] or None, contact=known)
    if mail:
        id_ = derived_id("a", message.conversation, "email", mail)
        consent = Consent(
            id=id_,
            conversation=message.conversation,
            channel="email",
            address=mail,
            agreed_at=now,
            message=message.id,
        )
        await hub.store.put_consent(consent)
    wish = petitions.wish_of(message) or {"kind": values["kind"]}
    for _ in range(TRIES):
        done = await hub.store.turn(petitions.turn_id(message))
        if done is not None and done.ticket is not None:
            found = await hub.store.ticket(done.ticket.id)
            assert found is not None  # noqa: S101 - its turn was carried out
            return found
        conversation = await hub.store.conversation(message.conversation)
        assert conversation is not None  # noqa: S101 - it holds the message
        number = await hub.store.next_ticket_number(ticket_year(now))
        turn = petitions.turn(conversation, message, wish, number, now, hub.rules())
        try:
            await commit(hub.store, hub.connectors, turn, conversation)
        except OwnerChanged:
            continue
        hub.metrics.turns.labels("bot", "ticketed").inc()
        hub.live.poke(conversation.id)
    raise StoreError("others keep changing this conversation")


def _done(request: web.Request, ticket: Ticket, values: Mapping[str, str]) -> web.Response:
    due = spoken_time(ticket.due_at) if ticket.due_at is not None else None
    mail = values["email"] if values["mail_me"] else None
    response = render(request, "petition_done.html", ticket=ticket, due=due, mail=mail, key=values["key"])
    response.headers["Cache-Control"] = "no-store"
    return response


def _form(
    request: web.Request,
    values: Mapping[str, str],
    faults: Mapping[str, str],
    *,
    problem: str | None = None,
    status: int = 200,
) -> web.Response:
    rules = hub_of(request).rules()
    fields: dict[str, list[tuple[str, str]]] = {}
    for one in sorted(rules.categories.values(), key=lambda one: one.name):
        fields.setdefault(rules.groups.get(one.group, one.group), []).append((one.id, one.name))
    response = render(
        request,
        "petition.html",
        status=status,
        values=values,
        faults=faults,
        problem=problem,
        kinds=KINDS,
        limits=FIELDS,
        fields=sorted(fields.items()),
        communes=sorted(rules.agencies.communes().items(), key=lambda one: one[1]),
        most_photos=MOST_PHOTOS,
    )
    response.headers["Cache-Control"] = "no-store"
    response.headers["Permissions-Policy"] = "camera=(), microphone=(), geolocation=(self)"
    return response


def routes() -> list[web.AbstractRouteDef]:
    return [web.get(PATH, form_page), web.post(PATH, send)]
