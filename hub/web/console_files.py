"""What citizens and colleagues attached: shown in the conversation, served to staff alone.

Content comes from strangers. Only pictures of known kinds are shown by the browser; everything else is handed over
as a file, and no answer of this room can run anything in the console's name.
"""

import asyncio
import unicodedata
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from aiohttp import web

from hub.http import MAX_MEDIA_BYTES
from hub.media import PROGRAMS, sniffed
from hub.model import Attachment, Message
from hub.ports import Connector
from hub.web.auth import guarded, page
from hub.web.context import hub_of

#: Kinds that browsers show without running anything. SVG is not among them.
IMAGES: Final = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
PREVIEW_BYTES: Final = 8 * 2**20  # a larger picture is fetched when somebody asks for it
LONGEST_NAME: Final = 120

KINDS: Final = {
    "image": "Hình ảnh",
    "photo": "Hình ảnh",
    "gif": "Hình ảnh",
    "sticker": "Nhãn dán",
    "audio": "Ghi âm",
    "voice": "Ghi âm",
    "video": "Video",
    "location": "Vị trí",
    "link": "Liên kết",
}
PROBLEMS: Final = {
    "too_big": f"Chưa lưu: tệp lớn hơn {MAX_MEDIA_BYTES // 2**20} MB.",
    "blocked": "Không tải: địa chỉ của tệp không được phép.",
    "gone": "Không tải được: tệp không còn trên kênh.",
    "type": "Từ chối lưu: tệp là chương trình, có thể gây hại.",
}
PENDING: Final = "Đang tải về…"
NOTHING: Final = "Không có nội dung kèm theo."
GONE: Final = "Không tìm thấy tệp này."

MAX_SENT_BYTES: Final = 15 * 2**20
MAX_FORM_BYTES: Final = MAX_SENT_BYTES + 64 * 1024  # with everything else in the form
MAX_NAME: Final = 200
BIG: Final = f"Tệp lớn hơn {MAX_SENT_BYTES // 2**20} MB."
EMPTY: Final = "Tệp trống."
NOT_THERE: Final = "Kênh này không gửi được tệp."

HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@dataclass(frozen=True)
class File:
    """One attachment as the page shows it."""

    name: str
    address: str | None = None  # where its content is
    image: bool = False
    size: str | None = None
    state: str | None = None  # why there is no content, or not yet
    pending: bool = False
    origin: str | None = None  # where the platform has it, if it was too big to keep


def files_of(message: Message, base: str | None = None) -> tuple[File, ...]:
    """``base``: where this reader finds the files of messages, if not in the conversation."""
    where = base or f"/console/conversations/{message.conversation}/files"
    return tuple(_file(f"{where}/{message.id}", n, one) for n, one in enumerate(message.attachments))


def _file(where: str, number: int, one: Attachment) -> File:
    name = one.name or KINDS.get(one.type, "Tệp đính kèm")
    size = in_words(one.size) if one.size is not None else None
    if one.blob is not None:
        address = f"{where}/{number}"
        small = (one.size or 0) <= PREVIEW_BYTES
        return File(name, address, image=one.media_type in IMAGES and small, size=size)
    if one.wanted:
        return File(name, size=size, state=PENDING, pending=True)
    if one.problem is not None:
        web_address = one.url if one.url and one.url.startswith(("https://", "http://")) else None
        return File(
            name,
            size=size,
            state=PROBLEMS.get(one.problem, PROBLEMS["gone"]),
            origin=web_address if one.problem == "too_big" else None,
        )
    if one.lat is not None and one.lon is not None:
        return File(f"{name}: {one.lat}, {one.lon}")
    return File(name, state=NOTHING)


def in_words(size: int) -> str:
    """``350 KB``, ``1,2 MB``: as it is written in Vietnamese."""
    if size < 1024:
        return f"{size} byte"
    if size < 1024 * 1024:
        return f"{round(size / 1024)} KB"
    return f"{size / 2**20:.1f} MB".replace(".0 ", " ").replace(".", ",")


async def file(request: web.Request) -> web.StreamResponse:
    """The content of one attachment."""
    return await content(request, await _message(request), int(request.match_info["number"]))


async def content(request: web.Request, message: Message, number: int) -> web.Response:
    """What one attachment of a message holds, in a way that can run nothing."""
    if number >= len(message.attachments):
        raise web.HTTPNotFound(text=GONE)
    one = message.attachments[number]
    blob = await hub_of(request).store.blob(one.blob) if one.blob else None
    if blob is None:
        raise web.HTTPNotFound(text=GONE)
    shown = blob.media_type in IMAGES and "download" not in request.query
    return web.Response(
        body=blob.data,
        content_type=blob.media_type if shown else "application/octet-stream",
        headers=HEADERS | {"Content-Disposition": disposition("inline" if shown else "attachment", one.name)},
    )


async def chosen(request: web.Request, field: str) -> tuple[str, bytes] | None:
    """The name and the content of the file that was chosen in a form."""
    found = (await request.post()).get(field)
    if not isinstance(found, web.FileField) or not found.filename:
        return None
    return found.filename[-MAX_NAME:], await asyncio.to_thread(found.file.read)


async def attached(
    request: web.Request, connector: Connector | None
) -> tuple[tuple[Attachment, ...], str | None]:
    """What an operator attached to a reply, kept; and why it cannot be sent."""
    found = await chosen(request, "file")
    if found is None:
        return (), None
    name, data = found
    if connector is None or not connector.capabilities.attachments:
        return (), NOT_THERE
    return await kept(request, name, data)


async def kept(request: web.Request, name: str, data: bytes) -> tuple[tuple[Attachment, ...], str | None]:
    """A file that somebody chose, as an attachment; and why it is none."""
    if not data:
        return (), EMPTY
    if len(data) > MAX_SENT_BYTES:
        return (), BIG
    if data.startswith(PROGRAMS):
        return (), PROBLEMS["type"]
    media_type = await asyncio.to_thread(sniffed, data)
    hub = hub_of(request)
    blob = await hub.store.put_blob(data, media_type=media_type, now=hub.clock.now())
    kind = "image" if media_type in IMAGES else "file"
    one = Attachment(type=kind, name=name, blob=blob, media_type=media_type, size=len(data))
    return (one,), None


async def files_fragment(request: web.Request) -> web.StreamResponse:
    """The attachments of one message again, while some are being fetched."""
    message = await _message(request)
    return page(request, "console/files.html", m=message, files=files_of(message))


async def _message(request: web.Request) -> Message:
    message = await hub_of(request).store.message(request.match_info["message"])
    if message is None or message.conversation != request.match_info["conversation"]:
        raise web.HTTPNotFound(text=GONE)
    return message


def disposition(how: str, name: str | None) -> str:
    """The header with the name a stranger gave: no paths, no invisible characters that turn it around."""
    plain = "".join(c for c in name or "" if unicodedata.category(c)[0] != "C").replace("/", "_")
    plain = plain.replace("\\", "_").strip(" .")
    stem, dot, ending = plain.rpartition(".")
    if dot and len(ending) <= 10:
        plain = stem[: LONGEST_NAME - len(ending)] + dot + ending
    plain = plain[: LONGEST_NAME + 1] or "tep-dinh-kem"
    return f"{how}; filename*=UTF-8''{quote(plain, safe='')}"


def routes() -> list[web.RouteDef]:
    one = "/console/conversations/{conversation}/files/{message}"
    return guarded([web.get(one, files_fragment), web.get(one + r"/{number:\d{1,3}}", file)])
