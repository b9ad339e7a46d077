"""The form on the citizens' pages, for those who do not chat. Its page talks to the hub itself, so a delivery is what
``hub.web.petition`` wrote down:

    {"sender": a hash of the form's key, "id": of what was sent with it, "text", "at": epoch ms, "photos": [{blob,
     media_type, size, name}], "wish": {"kind", "category", "commune", "place", "lat", "lon", "details": {…}} or null}

Each form is a conversation of its own; a further word to it has no wish. What is said there stands on the status page,
so it is delivered by being there; who agreed gets it by mail as well.
"""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from connectors.house import HouseConnector
from hub.errors import AlienPayload, SendRefused, Unreachable, Unsupported
from hub.model import Attachment, Conversation, Event, Outgoing, Priority, conversation_id, derived_id
from hub.ports import Capabilities, Reach, Sent

CHANNEL: Final = "form"
ACCOUNT: Final = "web"
MAX_TEXT: Final = 4000
#: The contact's field that holds the address to which answers go by mail as well.
ANSWER_TO: Final = "answer_to"

ON_PAGE: Final = "Câu trả lời hiện trên trang tra cứu phiếu."
BY_MAIL: Final = "Câu trả lời hiện trên trang tra cứu phiếu và được gửi tới thư điện tử của người dân."

#: Sends somebody what was said, as a mail. Raises the ``SendError`` family.
Letters = Callable[[Outgoing, str], Awaitable[None]]

Hash = Annotated[str, Field(pattern=r"^f_[0-9a-f]{32}$")]
Words = Annotated[str, Field(min_length=1, max_length=300)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Photo(_Strict):
    blob: Annotated[str, Field(pattern=r"^b_[0-9a-f]{32}$")]
    media_type: Words
    size: Annotated[int, Field(ge=0)]
    name: Words


class Wish(_Strict):
    kind: Literal["report", "question", "complaint"]
    category: Words | None = None
    commune: Words | None = None
    place: Words | None = None
    lat: Annotated[float, Field(ge=-90, le=90)] | None = None
    lon: Annotated[float, Field(ge=-180, le=180)] | None = None
    priority: Priority = "normal"
    details: dict[str, str] = {}


class Petition(_Strict):
    sender: Hash
    id: Hash
    text: Annotated[str, Field(min_length=1, max_length=MAX_TEXT)]
    at: Annotated[int, Field(ge=0, lt=2**53)]
    photos: tuple[Photo, ...] = ()
    wish: Wish | None = None


def hashed(*parts: str) -> str:
    """Of the form's key, so that nothing stored opens the form's answer."""
    return derived_id("f", *parts)


def conversation_of(sender: str) -> str:
    """The id of the conversation of a form, whether it was sent already or not."""
    return conversation_id(_event(sender, external_id="", text=""))


def _event(sender: str, **fields: Any) -> Event:
    return Event(
        channel=CHANNEL, account=ACCOUNT, kind="message", sender=sender, conversation=sender, **fields
    )


class FormConnector(HouseConnector):
    name = CHANNEL
    capabilities = Capabilities(max_text=MAX_TEXT, resend_safe=True, courtesies=False)
    door = "the form is at /gui-phan-anh"

    def __init__(self, letters: Letters | None = None) -> None:
        self._letters = letters

    def parse(self, body: bytes) -> list[Event]:
        try:
            sent = Petition.model_validate_json(body)
        except ValidationError as error:
            raise AlienPayload(f"not a petition: {error.error_count()} problems") from None
        event = _event(
            sent.sender,
            external_id=sent.id,
            text=sent.text,
            attachments=tuple(Attachment(type="image", **photo.model_dump()) for photo in sent.photos),
            sent_at=sent.at,
            data={"wish": sent.wish.model_dump(exclude_none=True)} if sent.wish else {},
        )
        return [event]

    def reach(self, conversation: Conversation, now: int) -> Reach:
        return Reach(notice=BY_MAIL if self._letters and conversation.contact.get(ANSWER_TO) else ON_PAGE)

    async def send(self, item: Outgoing) -> Sent:
        address = item.conversation.contact.get(ANSWER_TO)
        if address and self._letters is not None:
            try:
                await self._letters(item, address)
            except (SendRefused, Unreachable, Unsupported):  # it stands on the page all the same
                return Sent()
        return Sent()
