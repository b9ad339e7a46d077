"""The form of a call, as typed: what its fields hold, what is wrong with them, and the recording that came along."""

import asyncio
import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web
from itsdangerous import BadSignature, URLSafeSerializer

from connectors.phone import MAX_TEXT, Call, PutThrough, Recording, normal_number
from handoff.rules import Rules
from hub.media import sniffed
from hub.model import nfc
from hub.web.console_files import BIG, EMPTY, MAX_SENT_BYTES, chosen
from hub.web.context import hub_of

RESULTS: Final = {
    "reached": "Đã gặp",
    "no_answer": "Không ai nghe máy",
    "busy": "Máy bận",
    "refused": "Từ chối tiếp nhận",
}
#: Name → longest text.
FIELDS: Final = {
    "key": 64,
    "began": 16,
    "number": 40,
    "name": 100,
    "question": MAX_TEXT,
    "through": 3,
    "to": 200,
    "person": 100,
    "through_number": 40,
    "result": 20,
    "outcome": 20,
    "answer": MAX_TEXT,
    "knowledge": 1000,
    "category": 100,
    "place": 200,
    "urgent": 3,
    "recording_kept": 1000,
}
_KEY: Final = re.compile(r"[0-9A-Za-z_-]{8,64}")
_TIME: Final = re.compile(r"[0-9]{1,15}", re.ASCII)

LONG: Final = "Nội dung dài quá {limit} ký tự."
NO_NUMBER: Final = "Số điện thoại gồm 3 đến 15 chữ số. Nếu máy không hiện số, để trống ô này."
NO_QUESTION: Final = "Vui lòng ghi nội dung người dân hỏi hoặc phản ánh."
NO_OUTCOME: Final = "Vui lòng chọn kết quả cuộc gọi."
NO_ANSWER: Final = "Vui lòng ghi nội dung đã trả lời, hoặc chọn lập phiếu."
NOBODY: Final = "Vui lòng ghi cơ quan hoặc người được nối máy tới."
NO_RESULT: Final = "Vui lòng chọn kết quả nối máy."
NO_CATEGORY: Final = "Lĩnh vực này không có trong danh mục."
NO_KEY: Final = "Trang đã cũ. Vui lòng gửi lại."
NO_SOUND: Final = "Tệp này không phải là ghi âm."


def cleaned(form: Mapping[str, str]) -> dict[str, str]:
    """Every field, empty where nothing came."""
    return {name: nfc(form.get(name, "").replace("\r\n", "\n").strip()) for name in FIELDS}


def faults_of(values: Mapping[str, str], rules: Rules) -> dict[str, str]:
    """Field → what is wrong with it."""
    faults = {name: LONG.format(limit=limit) for name, limit in FIELDS.items() if len(values[name]) > limit}
    if values["number"] and normal_number(values["number"]) is None:
        faults["number"] = NO_NUMBER
    if not values["question"]:
        faults["question"] = NO_QUESTION
    if values["through"]:
        if not values["to"]:
            faults["to"] = NOBODY
        if values["result"] not in RESULTS:
            faults["result"] = NO_RESULT
    answered_there = values["through"] and values["result"] == "reached"
    if values["outcome"] not in ("answered", "ticket"):
        faults["outcome"] = NO_OUTCOME
    elif values["outcome"] == "answered" and not values["answer"] and not answered_there:
        faults["answer"] = NO_ANSWER
    if values["outcome"] == "ticket" and values["category"] and values["category"] not in rules.categories:
        faults["category"] = NO_CATEGORY
    if not (_KEY.fullmatch(values["key"]) and _TIME.fullmatch(values["began"])):
        faults["key"] = NO_KEY
    return faults


def call_of(values: Mapping[str, str], agency: str | None, recording: Recording | None) -> Call:
    """The call that a form without faults tells of; ``agency`` is its id, where the directory knows it."""
    through = None
    if values["through"]:
        through = PutThrough.model_validate(
            {
                "to": agency or values["to"],
                "person": values["person"] or None,
                "number": values["through_number"] or None,
                "result": values["result"],
            }
        )
    return Call(
        call=values["key"],
        number=normal_number(values["number"]),
        question=values["question"],
        at=int(values["began"]),
        recording=recording,
        put_through=through,
    )


async def recording_of(request: web.Request, values: dict[str, str]) -> tuple[Recording | None, str | None]:
    """The recording that was chosen, or the one kept when the form came back; and what is wrong with it.

    It is kept at once, and the form carries its signed name: a browser cannot choose a file again by itself."""
    found = await chosen(request, "recording")
    if found is None:
        return _kept(request, values["recording_kept"]), None
    name, data = found
    if not data:
        return None, EMPTY
    if len(data) > MAX_SENT_BYTES:
        return None, BIG
    media_type = await asyncio.to_thread(sniffed, data)
    if not media_type.startswith(("audio/", "video/")):  # phones keep sound in video containers
        return None, NO_SOUND
    hub = hub_of(request)
    blob = await hub.store.put_blob(data, media_type=media_type, now=hub.clock.now())
    recording = Recording(blob=blob, media_type=media_type, size=len(data), name=name)
    values["recording_kept"] = _signed(request, recording.model_dump())
    return recording, None


def _kept(request: web.Request, token: str) -> Recording | None:
    try:
        return Recording.model_validate(_serializer(request).loads(token)) if token else None
    except BadSignature:
        return None


def _signed(request: web.Request, value: Mapping[str, Any]) -> str:
    signed = _serializer(request).dumps(value)
    return signed if isinstance(signed, str) else signed.decode()


def _serializer(request: web.Request) -> URLSafeSerializer:
    secret = hub_of(request).settings.secret_key.get_secret_value()
    return URLSafeSerializer(
        secret, salt="call-recording", serializer=json, signer_kwargs={"digest_method": hashlib.sha256}
    )
