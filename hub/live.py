"""Live signals inside one process: a conversation changed, or somebody is typing in it.

A signal carries no content. Who gets one reads the store after the last sequence number it knows, so a missed,
doubled or late signal loses nothing. Changes made by other processes are noticed by :func:`watch`, which asks
the store what was touched.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from hub.clock import Clock
from hub.errors import StoreError
from hub.model import Author, Presence
from hub.ports import Store

#: Clocks of two machines may differ by this much without a change being overlooked.
OVERLAP_MS = 2_000
#: An open page says more often than this what it shows.
LOOKS_MS = 45_000


@dataclass(frozen=True)
class Typing:
    conversation: str
    author: Author
    who: str | None = None  # staff id, of an operator


@dataclass(frozen=True)
class Looking:
    """Somebody among the staff has opened this conversation, or left it."""

    conversation: str


@dataclass(eq=False)
class Subscription:
    """Signals for one subscriber. Changes are coalesced: many pokes between two reads are one."""

    changed: set[str] = field(default_factory=set)
    passing: list[Typing | Looking] = field(default_factory=list)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)

    def __aiter__(self) -> AsyncIterator["str | Typing | Looking"]:
        return self._signals()

    async def _signals(self) -> AsyncIterator["str | Typing | Looking"]:
        while True:
            await self._wake.wait()
            self._wake.clear()
            changed, self.changed = self.changed, set()
            passing, self.passing = self.passing, []
            for somebody in passing:
                yield somebody
            for conversation in changed:
                yield conversation

    def notify(self) -> None:
        self._wake.set()


class LiveHub:
    def __init__(self) -> None:
        self._subscriptions: dict[str | None, set[Subscription]] = {}

    @contextmanager
    def subscribe(self, conversation: str | None = None) -> Iterator[Subscription]:
        """Signals of one conversation, or of all (``None``). Iterate the result: a ``str`` is the id of a
        conversation that changed, a :class:`Typing` somebody typing, a :class:`Looking` somebody who came or left."""
        subscription = Subscription()
        key_set = self._subscriptions.setdefault(conversation, set())
        key_set.add(subscription)
        try:
            yield subscription
        finally:
            key_set.discard(subscription)
            if not key_set:
                self._subscriptions.pop(conversation, None)

    def poke(self, conversation: str) -> None:
        for subscription in self._listeners(conversation):
            subscription.changed.add(conversation)
            subscription.notify()

    def typing(self, conversation: str, author: Author, who: str | None = None) -> None:
        self._pass_on(Typing(conversation, author, who))

    def looking(self, conversation: str) -> None:
        self._pass_on(Looking(conversation))

    def _pass_on(self, signal: Typing | Looking) -> None:
        for subscription in self._listeners(signal.conversation):
            subscription.passing.append(signal)
            subscription.notify()

    def _listeners(self, conversation: str) -> list[Subscription]:
        return [*self._subscriptions.get(conversation, ()), *self._subscriptions.get(None, ())]


async def watch(store: Store, live: LiveHub, clock: Clock, *, every_s: float = 0.4) -> None:
    """Signal what other processes changed, and whom they see looking and typing. Runs until cancelled; a store that
    is away is asked again."""
    seen: dict[str, int] = {}
    there: dict[str, Presence] = {}
    since = clock.now()
    while True:
        await asyncio.sleep(every_s)
        asked_at = clock.now()
        try:
            touched = await store.touched_since(since - OVERLAP_MS)
            here = {one.staff: one for one in await store.presences(since=asked_at - LOOKS_MS)}
        except StoreError:
            continue
        fresh = dict(touched)
        for conversation, version in fresh.items():
            if seen.get(conversation) != version:
                live.poke(conversation)
        _tell(live, there, here)
        seen, there, since = fresh, here, asked_at


def _tell(live: LiveHub, before: dict[str, Presence], now: dict[str, Presence]) -> None:
    for staff in {*before, *now}:
        was, is_ = before.get(staff), now.get(staff)
        places = {was.conversation if was else None, is_.conversation if is_ else None}
        if len(places) > 1:
            for place in places - {None}:
                live.looking(place or "")
        if is_ and is_.conversation and is_.typing_at and is_.typing_at != (was.typing_at if was else None):
            live.typing(is_.conversation, "operator", staff)
