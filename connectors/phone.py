"""Calls to the hotline. An operator writes them down while talking, so a delivery is what ``hub.web.console_phone``
made of the form:

    {"call": the form's own id, "number": of the caller, if it was shown, "question": what was asked,
     "at": epoch ms, "recording": {"blob", "media_type", "size", "name"}, "put_through": {"to", "person", "number", "result"}}

All calls from one number are one conversation. Nothing can be sent back: what an operator writes there is what they
have said on the phone, and a machine cannot call.
"""

import re
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from connectors.house import HouseConnector
from hub.errors import AlienPayload, Unsupported
from hub.model import Attachment, Conversation, Event, Outgoing
from hub.ports import Capabilities, Reach, Sent

CHANNEL: Final = "phone"
ACCOUNT: Final = "1022"
HIDDEN: Final = "hidden-"  # callers whose number is not shown: each call by itself
MAX_TEXT: Final = 4000

CALL_BACK: Final = (
    "Đây là cuộc gọi: nội dung nhập ở đây không được gửi đi. Anh/chị gọi lại cho người dân trước, "
    "rồi ghi điều đã trả lời."
)
CALL_BACK_HIDDEN: Final = "Người gọi không hiện số nên không gọi lại được. Chỉ có thể ghi chú nội bộ."

Number = Annotated[str, Field(pattern=r"^[0-9]{3,15}$")]
Words = Annotated[str, Field(min_length=1, max_length=200)]
_SPACING: Final = re.compile(r"[\s.()\-–]+")


class Recording(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    blob: Annotated[str, Field(pattern=r"^b_[0-9a-f]{32}$")]
    media_type: Words
    size: Annotated[int, Field(ge=0)]
    name: Words


class PutThrough(BaseModel):
    """*Nối máy*: to whom the caller was connected, and whether somebody answered there."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    to: Words  # an agency's id, or its name where the directory has none
    person: Words | None = None
    number: Words | None = None
    result: Literal["reached", "no_answer", "busy", "refused"]


class Call(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    call: Annotated[str, Field(pattern=r"^[0-9A-Za-z_-]{8,64}$")]
    number: Number | None = None
    question: Annotated[str, Field(min_length=1, max_length=MAX_TEXT)]
    at: Annotated[int, Field(ge=0, lt=2**53)]
    recording: Recording | None = None
    put_through: PutThrough | None = None


def normal_number(typed: str) -> str | None:
    """A number as it is dialled inside the country: ``+84 912 345 678`` is ``0912345678``; None: it is none."""
    number = _SPACING.sub("", typed)
    if number.startswith("+84"):
        number = "0" + number.removeprefix("+84").removeprefix("0")
    elif number.startswith("+"):
        number = "00" + number[1:]
    return number if number.isascii() and number.isdigit() and 3 <= len(number) <= 15 else None


class PhoneConnector(HouseConnector):
    name = CHANNEL
    capabilities = Capabilities(max_text=MAX_TEXT, resend_safe=True, courtesies=False)
    door = "calls are logged at /console/call"

    def parse(self, body: bytes) -> list[Event]:
        try:
            call = Call.model_validate_json(body)
        except ValidationError as error:
            raise AlienPayload(f"not a logged call: {error.error_count()} problems") from None
        sender = call.number or HIDDEN + call.call
        recording = call.recording
        attachments = (Attachment(type="audio", **recording.model_dump()),) if recording else ()
        through = call.put_through
        event = Event(
            channel=CHANNEL,
            kind="message",
            external_id=call.call,
            account=ACCOUNT,
            sender=sender,
            text=call.question,
            attachments=attachments,
            sent_at=call.at,
            conversation=sender,
            data={"put_through": through.model_dump(exclude_none=True)} if through else {},
        )
        return [event]

    def reach(self, conversation: Conversation, now: int) -> Reach:
        hidden = conversation.key.startswith(HIDDEN)
        return Reach(staff=not hidden, bot=False, notice=CALL_BACK_HIDDEN if hidden else CALL_BACK)

    async def send(self, item: Outgoing) -> Sent:
        """An operator's words were said already; a machine's were not, and a person must be told so."""
        if item.message.author != "operator" or item.message.attachments:
            raise Unsupported("nobody has called the citizen")
        return Sent()
