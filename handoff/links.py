"""Links by which an agency without an account sees and answers one case: signed, expiring, for that case alone.

A link names the ticket, the agency, the ticket's ``link_epoch`` and when it ends. Forwarding, giving back, answering,
closing and revoking move the epoch, and every older link is worthless from then on."""

from hashlib import sha256
from typing import Final

from itsdangerous import BadSignature, URLSafeSerializer

from handoff.acts import Actor
from hub.model import Ticket

SALT: Final = "hub1022 case link"
LIFE_MS: Final = 30 * 24 * 3_600_000


class Links:
    def __init__(self, secret_key: str) -> None:
        self._serializer = URLSafeSerializer(secret_key, salt=SALT, signer_kwargs={"digest_method": sha256})

    def make(self, ticket: Ticket, now: int, *, life_ms: int = LIFE_MS) -> str:
        """A token for the agency with which the case lies now. Raises ``ValueError`` if it lies with none."""
        if ticket.agency is None:
            raise ValueError(f"{ticket.code} lies with no agency")
        token = self._serializer.dumps([ticket.id, ticket.agency, ticket.link_epoch, now + life_ms])
        return token if isinstance(token, str) else token.decode()

    def ticket_of(self, token: str) -> str | None:
        """The id of the ticket a token is about, if we made it; it may have ended all the same."""
        fields = self._fields(token)
        return fields[0] if fields else None

    def is_over(self, token: str, now: int) -> bool:
        """Whether its time has run out, whatever became of the case."""
        fields = self._fields(token)
        return fields is not None and now >= fields[3]

    def holder(self, token: str, ticket: Ticket, now: int) -> Actor | None:
        """Who holds a token that is good for this ticket now; None: it is forged, ended, revoked, or for another."""
        fields = self._fields(token)
        if fields is None:
            return None
        id_, agency, epoch, until = fields
        if (id_, agency, epoch) != (ticket.id, ticket.agency, ticket.link_epoch) or now >= until:
            return None
        return Actor(id=f"agency:{agency}", kind="agency", agencies=(agency,))

    def _fields(self, token: str) -> tuple[str, str, int, int] | None:
        try:
            id_, agency, epoch, until = self._serializer.loads(token)
        except (BadSignature, ValueError, TypeError):
            return None
        return str(id_), str(agency), int(epoch), int(until)
