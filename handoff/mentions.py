"""Colleagues named in a note: each has a short list of where, until they have looked."""

import json
from collections.abc import Callable, Sequence
from typing import Final

from pydantic import TypeAdapter

from hub.model import Staff, Value, nfc
from hub.ports import Store

MOST: Final = 50  # who never looks loses the oldest


class Mention(Value):
    conversation: str
    message: str  # id of the note
    seq: int
    by: str  # staff id
    at: int


_ADAPTER: Final = TypeAdapter(tuple[Mention, ...])


def named(text: str, staff: Sequence[Staff]) -> list[Staff]:
    """Whom a note names, as ``@`` before their whole name; of two names that begin alike the longer one counts."""
    left, found = nfc(text).casefold(), []
    for one in sorted(staff, key=lambda one: -len(one.name)):
        sign = f"@{one.name}".casefold()
        if one.active and sign in left:
            left = left.replace(sign, " ")
            found.append(one)
    return found


async def mentions_of(store: Store, staff: str) -> tuple[Mention, ...]:
    """What this person has not looked at, the oldest first."""
    kept = await store.state(_name(staff))
    return _ADAPTER.validate_json(kept.body) if kept else ()


async def add(store: Store, staff: str, new: Mention, *, now: int) -> None:
    """The same note again changes nothing."""
    await _change(
        store,
        staff,
        lambda all_: all_ if any(one.message == new.message for one in all_) else (*all_, new)[-MOST:],
        now,
    )


async def seen(store: Store, staff: str, conversation: str, *, now: int) -> bool:
    """The person has looked at the conversation; whether there was something."""
    if not any(one.conversation == conversation for one in await mentions_of(store, staff)):
        return False
    await _change(
        store, staff, lambda all_: tuple(one for one in all_ if one.conversation != conversation), now
    )
    return True


async def _change(
    store: Store, staff: str, how: Callable[[tuple[Mention, ...]], tuple[Mention, ...]], now: int
) -> None:
    while True:
        kept = await store.state(_name(staff))
        before = _ADAPTER.validate_json(kept.body) if kept else ()
        after = how(before)
        if after == before:
            return
        body = json.dumps([one.model_dump() for one in after]).encode()
        if await store.put_state(_name(staff), body, expects=kept.version if kept else 0, now=now):
            return


def _name(staff: str) -> str:
    return f"mentions:{staff}"
