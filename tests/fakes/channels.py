"""A channel that exists only in tests: signed JSON in, a list out. Its failures are told to it."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from hub.errors import AlienPayload, Forged
from hub.model import Event, Outgoing
from hub.ports import Capabilities, Sent

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

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(resend_safe=self.resend_safe)

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
                    text=item["text"],
                    conversation=item["from"],
                )
                for item in items
            ]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise AlienPayload("not a paper delivery") from error

    async def send(self, item: Outgoing) -> Sent:
        if self.failures:
            raise self.failures.pop(0)
        self.sent.append(item.message.text or "")
        return Sent(external_id=f"paper-{len(self.sent)}")
