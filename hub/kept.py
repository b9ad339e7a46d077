"""Small things that administrators keep (keys of other systems, their addresses): one JSON state each, changed by
compare-and-swap so that nobody undoes what somebody else has just done."""

import json
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter

from hub.model import Value
from hub.ports import Store

V = TypeVar("V", bound=Value)


class Kept(Generic[V]):
    """A list of values under one name of the store's states."""

    def __init__(self, name: str, kind: type[V]) -> None:
        self._name = name
        self._adapter: TypeAdapter[tuple[V, ...]] = TypeAdapter(tuple[kind, ...])  # type: ignore[valid-type]

    async def all(self, store: Store) -> tuple[V, ...]:
        kept = await store.state(self._name)
        return self._adapter.validate_json(kept.body) if kept else ()

    async def change(
        self, store: Store, how: Callable[[tuple[V, ...]], tuple[V, ...]], *, now: int
    ) -> tuple[V, ...]:
        """Make it new out of what it is; called again if somebody else was faster."""
        while True:
            kept = await store.state(self._name)
            after = how(self._adapter.validate_json(kept.body) if kept else ())
            body: Any = self._adapter.dump_python(after, mode="json")
            data = json.dumps(body, ensure_ascii=False).encode()
            if await store.put_state(self._name, data, expects=kept.version if kept else 0, now=now):
                return after
