"""A channel that exists only in tests: signed JSON in, a list out. Its failures are told to it."""

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hub.errors import AlienPayload, Forged
from hub.model import Attachment, Conversation, Event, EventKind, Outgoing
from hub.ports import Capabilities, Job, Media, Reach, Sent

SECRET = b"test-channel"


def signed(*messages: dict[str, object]) -> tuple[bytes, dict[str, str]]:
    body = json.dumps(messages).encode()
    return body, {"X-Signature": hmac.new(SECRET, body, hashlib.sha256).hexdigest()}


@dataclass
class PaperChannel:
    """``failures`` are raised by the next sends, one each; ``sent`` is what arrived."""

    name: str = "paper"
    resend_safe: bool = False
    keep_headers: tuple[str, ...] = ("X-Signature",)
    sent: list[str] = field(default_factory=list)
    failures: list[Exception] = field(default_factory=list)
    max_text: int = 4000
    threads: bool = False
    automatic_answers: dict[int, int] = field(default_factory=dict)
    courtesies: bool = True
    interactions: frozenset[EventKind] = frozenset()
    now_reached: Reach = field(default_factory=Reach)
    parts: dict[str, Media] = field(default_factory=dict)
    typed: list[str] = field(default_factory=list)

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            max_text=self.max_text,
            resend_safe=self.resend_safe,
            threads=self.threads,
            automatic_answers=self.automatic_answers,
            courtesies=self.courtesies,
            interactions=self.interactions,
        )

    def verify(self, headers: Mapping[str, str], body: bytes) -> None:
        expected = hmac.new(SECRET, body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(headers.get("X-Signature", ""), expected):
            raise Forged("signature missing or wrong")

    def parse(self, body: bytes) -> list[Event]:
        try:
            items = json.loads(body)
            return [
                Event(
                    channel=self.name,
                    kind=item.get("kind", "message"),
                    external_id=item["id"],
                    account="office",
                    sender=item["from"],
                    text=item.get("text"),
                    reply_to=item.get("reply_to"),
                    attachments=tuple(Attachment(**one) for one in item.get("attachments", ())),
                    conversation=item.get("conversation", item["from"]),
                    automatic=item.get("automatic", False),
                    data=item.get("data", {}),
                )
                for item in items
            ]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise AlienPayload("not a paper delivery") from error

    def reach(self, conversation: Conversation, now: int) -> Reach:
        return self.now_reached

    def part(self, body: bytes, part: str) -> Media | None:
        return self.parts.get(part)

    async def typing(self, conversation: Conversation) -> None:
        self.typed.append(conversation.id)

    def jobs(self) -> Sequence[Job]:
        return ()

    async def send(self, item: Outgoing) -> Sent:
        if self.failures:
            raise self.failures.pop(0)
        self.sent.append(item.message.text or "")
        return Sent(external_id=f"paper-{len(self.sent)}")
