"""The web live chat. Its page talks to the hub itself, so a delivery is what ``hub.web.chat`` wrote down:

    {"session": sender id, "id": the page's own id of the message, "kind": "message" | "postback",
     "text": what the citizen sees, "payload": of the button (postback only), "at": epoch ms}

Nothing is ever sent: the page reads the conversation by sequence number, so a message is delivered by being in it.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from connectors.house import HouseConnector
from hub.errors import AlienPayload
from hub.model import Event, conversation_id, derived_id
from hub.ports import Capabilities

CHANNEL = "webchat"
ACCOUNT = "web"
MAX_TEXT = 4000
MAX_PAYLOAD = 1000

SenderId = Annotated[str, Field(pattern=r"^w_[0-9a-f]{32}$")]
ClientId = Annotated[str, Field(pattern=r"^[0-9A-Za-z-]{8,64}$")]


class Delivery(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    session: SenderId
    id: ClientId
    kind: Literal["message", "postback"]
    text: Annotated[str, Field(min_length=1, max_length=MAX_TEXT)]
    payload: Annotated[str, Field(min_length=1, max_length=MAX_PAYLOAD)] | None = None
    at: Annotated[int, Field(ge=0, lt=2**53)] | None = None

    @model_validator(mode="after")
    def _payload_is_of_a_button(self) -> Self:
        if (self.kind == "postback") != (self.payload is not None):
            raise ValueError("a postback has a payload, a message has none")
        return self


def sender_id(session: str) -> str:
    """The citizen's id on this channel: a hash, so that nothing stored opens the session."""
    return derived_id("w", session)


def conversation_of(sender: str) -> str:
    """The id of the (one) conversation of a sender, whether it exists already or not."""
    return conversation_id(_event(sender, kind="message", external_id=""))


def client_id(external_id: str) -> str:
    """The id the page itself gave to a message."""
    return external_id.partition(":")[2]


def _event(sender: str, **fields: Any) -> Event:
    return Event(channel=CHANNEL, account=ACCOUNT, sender=sender, conversation=sender, **fields)


class WebchatConnector(HouseConnector):
    name = CHANNEL
    capabilities = Capabilities(max_text=MAX_TEXT, buttons=True, resend_safe=True)
    door = "the live chat takes no webhooks: open /chat/ws"

    def parse(self, body: bytes) -> list[Event]:
        try:
            delivery = Delivery.model_validate_json(body)
        except ValidationError as error:
            raise AlienPayload(f"not a live chat delivery: {error.error_count()} problems") from None
        event = _event(
            delivery.session,
            kind=delivery.kind,
            external_id=f"{delivery.session}:{delivery.id}",
            text=delivery.text,
            sent_at=delivery.at,
            data={} if delivery.payload is None else {"payload": delivery.payload},
        )
        return [event]
