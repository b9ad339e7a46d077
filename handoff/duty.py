"""Who is there, and what a citizen may be promised when nobody is."""

from handoff.calendar import WEEKDAYS
from handoff.deadline import next_opening
from handoff.rules import Rules
from hub.clock import local
from hub.model import Presence, Ticket
from hub.ports import Store

#: An open console says that it is there more often than this.
SEEN_MS = 120_000

NOBODY = "Hiện chưa có tổng đài viên trực; nội dung anh/chị gửi đã được lưu."
BACK = "Tổng đài viên làm việc trở lại từ {opening}."
PROMISE = "Anh/chị được trả lời chậm nhất {due}."
#: Nobody who is in danger waits for an opening hour.
CALL_NOW = (
    "Hiện chưa có tổng đài viên trực. Nếu đang có nguy hiểm, anh/chị gọi ngay 113 (công an), 114 (chữa cháy, cứu nạn) "
    "hoặc 115 (cấp cứu), không chờ trả lời tại đây."
)


async def on_duty(store: Store, now: int) -> list[Presence]:
    """Operators who take work now."""
    return [one for one in await store.presences(since=now - SEEN_MS) if one.status == "available"]


async def nobody_there(store: Store, rules: Rules, now: int) -> bool:
    """Whether it is known that no operator will see this soon. A hub whose operators never said that they are there
    does not know, and so says nothing."""
    if rules.hotline is not None and next_opening(rules.hotline, now) > now:
        return True
    return not await on_duty(store, now) and bool(await store.presences(since=0))


def promise(ticket: Ticket, rules: Rules, now: int) -> str:
    """What is told with the code while nobody is there."""
    if ticket.reason == "emergency":
        return CALL_NOW
    lines = [NOBODY]
    if rules.hotline is not None and (opening := next_opening(rules.hotline, now)) > now:
        lines.append(BACK.format(opening=spoken_time(opening)))
    if ticket.due_at is not None:
        lines.append(PROMISE.format(due=spoken_time(ticket.due_at)))
    return " ".join(lines)


def spoken_time(at: int) -> str:
    """``16 giờ 30, thứ Tư ngày 25/11/2026``."""
    moment = local(at)
    minutes = f" {moment:%M}" if moment.minute else ""
    return f"{moment.hour} giờ{minutes}, {WEEKDAYS[moment.weekday()]} ngày {moment:%d/%m/%Y}"
