"""What the page may say over the socket of the live chat. Unknown fields are ignored: pages outlive upgrades."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from connectors.webchat import MAX_PAYLOAD, ClientId


class Frame(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Hello(Frame):
    type: Literal["hello"]
    token: Annotated[str, Field(max_length=500)] | None = None
    last_seq: Annotated[int, Field(ge=0)] = 0


class Say(Frame):
    type: Literal["message"]
    id: ClientId
    text: str


class Choose(Frame):
    type: Literal["choose"]
    id: ClientId
    title: str
    payload: Annotated[str, Field(max_length=MAX_PAYLOAD)]


class UpTo(Frame):
    """The page has received, or the citizen has seen, everything up to ``seq``."""

    type: Literal["received", "read"]
    seq: Annotated[int, Field(ge=0)]


class Older(Frame):
    type: Literal["history"]
    before: Annotated[int, Field(ge=1)]


class Signal(Frame):
    type: Literal["typing", "ping"]


FRAMES: TypeAdapter[Hello | Say | Choose | UpTo | Older | Signal] = TypeAdapter(
    Annotated[Hello | Say | Choose | UpTo | Older | Signal, Field(discriminator="type")]
)
