"""What can be done to a ticket. Plain values: the console, links, the API and jobs make them, ``lifecycle`` decides."""

from typing import Literal

from hub.model import Attachment, Place, Priority, Text, Value


class Actor(Value):
    """Who acts. ``agencies``: for whom an officer, or the holder of a link, may speak."""

    id: str  # a staff id, "citizen", "system" or "agency:<id>"
    kind: Literal["staff", "agency", "citizen", "system"]
    agencies: tuple[str, ...] = ()


SYSTEM = Actor(id="system", kind="system")
CITIZEN = Actor(id="citizen", kind="citizen")


class Assign(Value):
    """Give it to an operator; taking it oneself is the same."""

    operator: str
    only_if_free: bool = False  # refuse when somebody has it already


class Release(Value):
    """Nobody has it any more."""


class Classify(Value):
    """Say what it is about; what is None stays."""

    category: str | None = None
    commune: str | None = None
    priority: Priority | None = None
    sensitive: bool | None = None
    hours: Literal[8, 48] | None = None
    about: str | None = None
    summary: Text | None = None
    place: Place | None = None
    messages: tuple[str, ...] | None = None


class Forward(Value):
    agency: str
    note: Text | None = None
    contact: bool = False  # the agency needs to know who the citizen is and how to reach them


class Accept(Value):
    """The agency has seen it and works on it."""


class Propose(Value):
    """The agency's word to the citizen: the answer, or a question without which it cannot answer."""

    kind: Literal["answer", "question"]
    text: Text
    attachments: tuple[Attachment, ...] = ()
    held: bool = False  # the citizen cannot be written to now: a person looks, whatever the agency's policy


class Return(Value):
    """The agency gives it back."""

    reason: Text


class Decline(Value):
    """The operator does not pass the agency's word on; it is the agency's turn again."""

    reason: Text


class Ask(Value):
    """A question to the citizen: the clocks stand still until they answer."""


class Heard(Value):
    """The citizen has answered."""


class Answer(Value):
    """The citizen is answered."""


class Close(Value):
    solution: Text | None = None  # what those are told whose reports were merged into this one


class Reopen(Value):
    reason: Text | None = None


class Rate(Value):
    """The citizen says how content they are; again replaces what they said before."""

    score: int  # 1 to 5
    text: Text | None = None


class Spam(Value):
    pass


class Merge(Value):
    """It is the same case as ``into``, which stands for both from now on."""

    into: str
    into_due_at: int | None
    into_state: str
    into_merged: bool = False


class Unmerge(Value):
    pass


class Link(Value):
    """Show two tickets together, or say that one looks like the other."""

    ticket: str
    duplicate: bool = False


class Unlink(Value):
    ticket: str


class Note(Value):
    text: Text


class Warn(Value):
    """The scheduler has told of these: see ``clocks.alarms_due``."""

    alarms: tuple[str, ...]
    text: Text | None = None


class Recount(Value):
    """The calendar has changed."""


class Revoke(Value):
    """Links to the case that were sent out are worthless from now on."""


class Remind(Value):
    """Write to the agency once more."""


Act = (
    Assign | Release | Classify | Forward | Accept | Propose | Return | Decline | Ask | Heard | Answer | Close | Rate | Reopen
    | Spam | Merge | Unmerge | Link | Unlink | Note | Warn | Recount | Revoke | Remind
)  # fmt: skip
