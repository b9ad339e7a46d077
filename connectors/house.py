"""What the channels of our own pages share: nobody outside delivers for them, and what they show is there once stored."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from hub.errors import Forged
from hub.model import Conversation, Outgoing
from hub.ports import Job, Media, Reach, Sent


class HouseConnector:
    """A channel that has its own ``name``, ``capabilities`` and ``parse``."""

    keep_headers: tuple[str, ...] = ()
    #: Where its deliveries come in, for whoever posts one to the webhooks.
    door: ClassVar[str]

    def verify(self, headers: Mapping[str, str], body: bytes) -> None:
        """Its own page delivers for it, which has checked who it is."""
        raise Forged(self.door)

    def reach(self, conversation: Conversation, now: int) -> Reach:
        return Reach()

    async def send(self, item: Outgoing) -> Sent:
        """It is there to be read."""
        return Sent()

    def part(self, body: bytes, part: str) -> Media | None:
        return None

    async def typing(self, conversation: Conversation) -> None:
        """Its page sees the hub's own signal, if anybody looks on."""

    def jobs(self) -> Sequence[Job]:
        return ()
