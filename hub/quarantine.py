"""``hub quarantine``: deliveries that could not be read are kept, can be looked at, and are read again once they can be."""

import json
from collections.abc import Sequence

from hub.clock import iso_utc, local
from hub.errors import NotFound
from hub.settings import Settings
from hub.stream import ASIDE_ALARM
from hub.wiring import command_tools

MOST = 1_000
NONE = "Không có tin hay thư nào bị để riêng."
REPLAYED = (
    "{n} tin, thư sẽ được đọc lại khi hệ thống chạy; cái nào vẫn không đọc được sẽ lại nằm trong danh sách."
)


async def listed(settings: Settings, *, as_json: bool) -> list[str]:
    """One line for each, oldest first."""
    async with command_tools(settings) as tools:
        aside = await tools.store.put_aside(limit=MOST)
    if as_json:
        return [json.dumps(one.model_dump() | {"received_at": iso_utc(one.received_at)}) for one in aside]
    lines = [
        f"{one.id}  {local(one.received_at):%d/%m/%Y %H:%M}  {one.channel}  {one.size} byte  {one.error}"
        for one in aside
    ]
    return lines or [NONE]


async def body_of(settings: Settings, raw: str) -> bytes:
    """The bytes as they came.

    Raises:
        NotFound: there is no such delivery.
    """
    async with command_tools(settings) as tools:
        found = await tools.store.raw(raw)
    if found is None:
        raise NotFound(f"no delivery {raw}: `hub quarantine list` names them")
    return found.body


async def replay(settings: Settings, ids: Sequence[str]) -> str:
    """Have them read again, all where none is named; a sentence for the person at the terminal.

    Raises:
        NotFound: one of them is not aside; those before it are being read again.
    """
    async with command_tools(settings) as tools:
        now = tools.clock.now()
        chosen = ids or [one.id for one in await tools.store.put_aside(limit=MOST)]
        for raw in chosen:
            if not await tools.store.replay_raw(raw, now=now):
                raise NotFound(f"no delivery {raw} was put aside: `hub quarantine list` names them")
        if not await tools.store.put_aside(limit=1):
            await tools.clear_alarm(ASIDE_ALARM)
    return REPLAYED.format(n=len(chosen)) if chosen else NONE
