"""What the actions need of other rooms. They read; they change nothing."""

from collections.abc import Callable
from typing import Protocol

from bot.knowledge import KnowledgeBase
from hub.model import Ticket

#: The knowledge base as it is now: it is replaced whole when the store's revision moves.
KnowledgeNow = Callable[[], KnowledgeBase]


class Tickets(Protocol):
    async def ticket_by_code(self, code: str) -> Ticket | None: ...
