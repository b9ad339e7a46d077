"""The monthly report as tables: received by channel and field, dealt with, on time and late by agency, pending,
satisfaction. The province's exact form has not been seen; this is the shape such reports usually have."""

from collections.abc import Mapping
from typing import Any, Protocol

from handoff.reports.figures import Figures
from hub.clock import local
from hub.model import Value

Cell = str | int | float | None


class Table(Value):
    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    sum: tuple[Cell, ...] | None = None
    note: str | None = None


class Report(Value):
    title: str
    period: str
    made_at: str
    partly: str | None  # said when the month is not over
    tables: tuple[Table, ...]


class Naming(Protocol):
    def channel(self, id_: str) -> str: ...
    def category(self, id_: str | None) -> str: ...
    def group(self, id_: str | None) -> str: ...
    def group_of(self, category: str | None) -> str | None: ...
    def agency(self, id_: str | None) -> str: ...


def monthly(found: Figures, names: Naming, now: int) -> Report:
    first, last = found.period.first, found.period.last
    return Report(
        title=f"Báo cáo kết quả tiếp nhận, xử lý phản ánh, kiến nghị qua Tổng đài 1022 tháng {first.month}/{first.year}",
        period=f"Số liệu từ 00:00 ngày {first:%d/%m/%Y} đến 24:00 ngày {last:%d/%m/%Y}",
        made_at=f"Lập lúc {local(now):%H:%M ngày %d/%m/%Y}",
        partly=None if now >= found.period.until else "Tháng chưa kết thúc: số liệu tính đến lúc lập báo cáo.",
        tables=(
            _channels(found, names), _fields(found, names), _flow(found), _agencies(found, names), _satisfied(found),
        ),
    )  # fmt: skip


def _channels(found: Figures, names: Naming) -> Table:
    rows = [
        (n, names.channel(id_), line.contacts, line.messages, line.bot, line.person, line.ticketed, line.no_reply_due,
         line.waiting, line.tickets)
        for n, (id_, line) in enumerate(found.channels.items(), start=1)
    ]  # fmt: skip
    return Table(
        title="I. Tiếp nhận theo kênh",
        head=("STT", "Kênh", "Lượt người liên hệ", "Lượt tin, cuộc gọi", "Trả lời tự động", "Trả lời ngay qua tổng đài viên",
              "Lập hoặc bổ sung phiếu", "Không cần trả lời", "Đang chờ", "Phiếu mới"),
        rows=tuple(rows),
        sum=_sum("Tổng cộng", rows, 2),
        note="Lượt người liên hệ: mỗi người trên mỗi kênh trong một ngày tính một lượt.",
    )  # fmt: skip


def _fields(found: Figures, names: Naming) -> Table:
    total = sum(found.categories.values())
    rows: list[tuple[Cell, ...]] = []
    for n, (group, count) in enumerate(_largest(found.groups), start=1):
        rows.append((n, names.group(group), count, _share(count, total)))
        for category, part in _largest(found.categories):
            if group is not None and names.group_of(category) == group:
                rows.append(
                    (
                        f"{n}.{sum(str(row[0]).startswith(f'{n}.') for row in rows) + 1}",
                        names.category(category),
                        part,
                        _share(part, total),
                    )
                )
    return Table(
        title="II. Phiếu tiếp nhận theo lĩnh vực",
        head=("STT", "Lĩnh vực", "Số phiếu", "Tỷ lệ (%)"),
        rows=tuple(rows),
        sum=("", "Tổng cộng", total, 100 if total else None),
    )


def _flow(found: Figures) -> Table:
    flow = found.flow
    judged = flow.on_time + flow.late
    return Table(
        title="III. Kết quả xử lý phiếu",
        head=("Nội dung", "Số phiếu"),
        rows=(
            ("Tồn kỳ trước chuyển sang", flow.carried),
            ("Tiếp nhận trong kỳ", flow.received),
            ("Mở lại trong kỳ (đã trả lời kỳ trước)", flow.reopened),
            ("Đã trả lời người dân trong kỳ", flow.settled),
            ("   Đúng hạn", flow.on_time),
            ("   Trễ hạn", flow.late),
            ("   Không đặt hạn", flow.unjudged),
            ("   Tỷ lệ đúng hạn (%)", _share(flow.on_time, judged)),
            ("Chưa trả lời, chuyển kỳ sau", flow.pending),
            ("   Còn trong hạn", flow.pending - flow.overdue),
            ("   Quá hạn", flow.overdue),
            ("Tin rác (không tính vào các số trên)", flow.spam),
        ),
        note="Tồn kỳ trước + tiếp nhận + mở lại = đã trả lời + chuyển kỳ sau.",
    )


def _agencies(found: Figures, names: Naming) -> Table:
    rows = [
        (n, names.agency(id_), line.received, line.on_time, line.late, _share(line.on_time, line.on_time + line.late),
         line.returned, line.withdrawn, line.pending - line.overdue, line.overdue)
        for n, (id_, line) in enumerate(found.agencies.items(), start=1)
    ]  # fmt: skip
    total = list(_sum("Tổng cộng", rows, 2))
    if rows:
        on_time, late = int(total[3] or 0), int(total[4] or 0)
        total[5] = _share(on_time, on_time + late)
    return Table(
        title="IV. Kết quả của các cơ quan được chuyển phiếu",
        head=("STT", "Cơ quan", "Được chuyển trong kỳ", "Trả lời đúng hạn", "Trả lời trễ hạn", "Tỷ lệ đúng hạn (%)", "Trả lại",
              "Thu hồi, chuyển nơi khác", "Đang giải quyết, còn hạn", "Đang giải quyết, quá hạn"),
        rows=tuple(rows),
        sum=tuple(total),
        note="Thời hạn của cơ quan tính từ lúc được chuyển, không tính thời gian chờ người dân và chờ tổng đài.",
    )  # fmt: skip


def _satisfied(found: Figures) -> Table:
    given = found.satisfaction
    return Table(
        title="V. Mức độ hài lòng của người dân",
        head=("Nội dung", "Giá trị"),
        rows=(
            ("Phiếu đã đóng trong kỳ", given.asked),
            ("Phiếu có đánh giá", given.answered),
            ("Tỷ lệ đánh giá (%)", _share(given.answered, given.asked)),
            ("Điểm trung bình (1 đến 5)", None if given.mean is None else round(given.mean, 2)),
            *((f"   {score} điểm", given.scores[score - 1]) for score in range(5, 0, -1)),
        ),
    )


def _sum(name: str, rows: list[Any], from_: int) -> tuple[Cell, ...]:
    width = len(rows[0]) if rows else from_
    sums = [sum(row[n] for row in rows if isinstance(row[n], int | float)) for n in range(from_, width)]
    return ("", name, *sums)


def _share(part: int, whole: int) -> float | None:
    return round(100 * part / whole, 1) if whole else None


def _largest(counts: Mapping[str | None, int]) -> list[tuple[str | None, int]]:
    return sorted(counts.items(), key=lambda one: (-one[1], str(one[0])))
