"""What an action or a domain response decided: the ``custom`` part of a message from Rasa."""

from collections.abc import Mapping
from typing import Literal

from hub.model import Value
from hub.ports import TicketWish

Kind = Literal[
    "procedure", "faq", "report", "complaint", "human", "status", "greet", "thanks", "bye", "emergency",
    "out_of_scope", "unknown_procedure", "clarify", "slot_answer",
]  # fmt: skip


class Decision(Value):
    """The fields of :class:`~hub.ports.BotAnswer` that need more than the texts. ``confidence`` is None where
    the intent's own is meant; ``knowledge`` names the entries the text beside it was made of;
    ``ask`` says what the text asks for, where channels have a form for that."""

    kind: Kind
    procedure: str | None = None
    aspect: str | None = None
    faq: str | None = None
    category: str | None = None
    code: str | None = None
    handoff: bool = False
    ticket: TicketWish | None = None
    confidence: float | None = None
    candidates: tuple[str, ...] = ()
    knowledge: tuple[str, ...] = ()
    ask: Literal["contact"] | None = None


#: In the slot ``pending``: the numbers to call were given, and an operator was called.
ALARMED = "alarm"
REPORT_SLOTS = ("report_description", "report_location", "report_time", "report_phone")
#: What stands in the slot of somebody who would not leave a number.
DECLINED = "declined"


def report_details(slots: Mapping[str, str | None]) -> dict[str, str]:
    """What the report form has learned, by the names a ticket uses."""
    named = {name.removeprefix("report_"): slots.get(name) for name in REPORT_SLOTS}
    return {name: value for name, value in named.items() if value and value != DECLINED}
