"""Typed errors. Each says, in one line, what happened and what to do.

HubError
├── SettingsError           a setting is missing, unknown or wrong
├── DataError               a data file or an import does not fit its schema (row-precise)
├── AlienPayload            a body that is not of the platform it was sent for     → 400
├── Forged                  a missing or wrong signature or token                  → 401
├── Probe                   a platform only tries whether we are there             → 200, nothing is kept
├── StoreError
│   ├── StoreUnavailable    the store is away, full or locked: try again later
│   ├── StoreTooNew         the store was written by a newer hub
│   ├── LeaseLost           another worker goes on with this conversation
│   ├── OwnerChanged        a person took the conversation while the bot was thinking
│   │   └── TicketMoved     the ticket is no longer as it was when this was decided
│   └── KnowledgeMoved      the entry, or the proposal, is no longer as it was when this was decided
├── SecretUnreadable        what was sealed cannot be opened: HUB_SECRET_KEY changed?
├── NotYet                  it depends on something that is under way: carry it out a little later
├── NotFound                no such conversation, ticket, person...
├── BotError
│   ├── BotUnreachable      Rasa is not there (nothing was decided)
│   └── BotSilent           Rasa was slow, failed or answered nothing
├── SendError               a connector could not deliver one message
│   ├── NotSent             it provably never left: retry with backoff (retry_after_s)
│   ├── OutcomeUnknown      it may have arrived: never resend blindly
│   ├── SendRefused         the platform will not take it: fix, do not retry
│   ├── WindowClosed        the reply window of the platform is closed
│   ├── Unreachable         this person cannot be written to (blocked, left, unknown)
│   ├── ChannelStopped      the account may not send until people have fixed it: everything waits
│   └── Unsupported         the channel cannot carry this content
└── StartupError            `hub up` cannot start: one line for the person at the terminal
"""


class HubError(Exception):
    """Root of every error the hub raises on purpose."""


class SettingsError(HubError):
    pass


class DataError(HubError):
    """A data file is broken. ``problems`` holds one line per row at fault."""

    def __init__(self, message: str, problems: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.problems = problems


class AlienPayload(HubError):
    pass


class Forged(HubError):
    pass


class Probe(HubError):
    pass


class StoreError(HubError):
    pass


class StoreUnavailable(StoreError):
    pass


class StoreTooNew(StoreError):
    pass


class HalfCopied(StoreError):
    """A hub must not open what ``hub store copy`` has not finished."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"{what} is being filled by `hub store copy`: run the same copy again until it is done, or use another store"
        )


class LeaseLost(StoreError):
    pass


class OwnerChanged(StoreError):
    pass


class TicketMoved(OwnerChanged):
    pass


class KnowledgeMoved(StoreError):
    pass


class SecretUnreadable(HubError):
    """``version``: of the stored state that cannot be opened, for whoever means to write it anew."""

    def __init__(self, message: str, version: int = 0) -> None:
        super().__init__(message)
        self.version = version


class NotYet(HubError):
    pass


class NotFound(HubError):
    pass


class BotError(HubError):
    pass


class BotUnreachable(BotError):
    pass


class BotSilent(BotError):
    pass


class SendError(HubError):
    pass


class NotSent(SendError):
    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class OutcomeUnknown(SendError):
    pass


class SendRefused(SendError):
    pass


class WindowClosed(SendError):
    pass


class Unreachable(SendError):
    pass


class ChannelStopped(SendError):
    pass


class Unsupported(SendError):
    pass


class StartupError(HubError):
    pass
