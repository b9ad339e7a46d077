"""Canned replies: texts with gaps that a ticket fills, kept in the store as data, the product's own until somebody
has changed them."""

import json
import re
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from typing import Final

import yaml
from pydantic import TypeAdapter

from handoff.duty import spoken_time
from handoff.rules import Rules
from hub.model import Conversation, Staff, Text, Ticket, Value
from hub.ports import Store

STATE: Final = "canned-replies"

#: What a gap is called, and what it stands for.
GAPS: Final[dict[str, str]] = {
    "ten": "tên người dân, hoặc “anh/chị”",
    "ma_phieu": "mã phiếu",
    "ma_tra_cuu": "mã tra cứu",
    "han": "hạn trả lời",
    "co_quan": "cơ quan đang xử lý",
    "linh_vuc": "lĩnh vực",
    "tong_dai_vien": "tên tổng đài viên",
}
_GAP: Final = re.compile(r"\{(\w+)\}")


class Canned(Value):
    id: str
    title: Text
    text: Text


_ADAPTER: Final = TypeAdapter(tuple[Canned, ...])


@cache
def product() -> tuple[Canned, ...]:
    text = (files("handoff") / "canned.yml").read_text("utf-8")
    return _ADAPTER.validate_python(yaml.safe_load(text))


async def load(store: Store) -> tuple[Canned, ...]:
    """Those in force, in the order of the list."""
    kept = await store.state(STATE)
    return _ADAPTER.validate_json(kept.body) if kept else product()


async def change(store: Store, how: Callable[[tuple[Canned, ...]], tuple[Canned, ...]], *, now: int) -> None:
    """Replace the list by what ``how`` makes of it; made again if somebody else was faster."""
    while True:
        kept = await store.state(STATE)
        before = _ADAPTER.validate_json(kept.body) if kept else product()
        body = json.dumps([one.model_dump() for one in how(before)], ensure_ascii=False).encode()
        if await store.put_state(STATE, body, expects=kept.version if kept else 0, now=now):
            return


def unknown_gaps(text: str) -> list[str]:
    return [name for name in _GAP.findall(text) if name not in GAPS]


def filled(text: str, values: Mapping[str, str]) -> str:
    """The text with its gaps filled; what is not known yet stands in brackets, so that it is seen."""
    return _GAP.sub(lambda gap: values.get(gap[1]) or f"[{GAPS.get(gap[1], gap[1])}]", text)


def values_of(
    conversation: Conversation, ticket: Ticket | None, staff: Staff, rules: Rules
) -> dict[str, str]:
    """What is known to fill gaps with."""
    values = {"ten": conversation.name or "anh/chị", "tong_dai_vien": staff.name}
    if ticket is None:
        return values
    values |= {"ma_phieu": ticket.code, "ma_tra_cuu": ticket.lookup_key}
    if ticket.due_at is not None:
        values["han"] = spoken_time(ticket.due_at)
    if ticket.agency and (unit := rules.agencies.get(ticket.agency)):
        values["co_quan"] = unit.name
    if known := rules.categories.get(ticket.category or ""):
        values["linh_vuc"] = known.name
    return values
