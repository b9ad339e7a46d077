"""Figures as the pages show them: names for ids, lengths of bars, durations in words."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from handoff.reports.figures import ChannelLine, Figures, Spread, Topic
from handoff.rules import Rules
from hub.web.charts import Bar, Columns, Part, bars, columns, parts
from hub.web.console_view import CHANNELS
from hub.web.context import Hub

UNKNOWN_FIELD: Final = "Chưa phân loại"
UNKNOWN_PLACE: Final = "Chưa xác định"
WEEKDAYS: Final = ("Thứ Hai", "Thứ Ba", "Thứ Tư", "Thứ Năm", "Thứ Sáu", "Thứ Bảy", "Chủ nhật")
SHORT_WEEKDAYS: Final = ("T2", "T3", "T4", "T5", "T6", "T7", "CN")
PLACE_WORDS: Final = {
    "bot": ("Bot trả lời", "solid"),
    "person": ("Tổng đài viên trả lời ngay", "dots"),
    "ticketed": ("Chuyển thành phiếu", "lines"),
    "no_reply_due": ("Không cần trả lời", "cross"),
    "waiting": ("Đang chờ", "empty"),
}
TOPIC_WORDS: Final = {
    "unknown_procedure": "Thủ tục chưa có trong dữ liệu",
    "out_of_scope": "Ngoài phạm vi tổng đài",
    "clarify": "Hỏi lại chưa rõ ý",
    "procedure": "Thủ tục thiếu dữ liệu",
    "faq": "Câu hỏi thiếu dữ liệu",
}
ASPECT_WORDS: Final = {
    "documents": "hồ sơ",
    "fee": "lệ phí",
    "time": "thời hạn",
    "where": "nơi nộp",
    "steps": "các bước",
    "online": "nộp trực tuyến",
    "form": "biểu mẫu",
    "legal_basis": "căn cứ pháp lý",
    "eligibility": "điều kiện",
}
MINUTE_MS: Final = 60_000


@dataclass(frozen=True)
class Names:
    """What ids are called."""

    rules: Rules
    hub: Hub

    def channel(self, id_: str) -> str:
        return CHANNELS.get(id_, id_)

    def category(self, id_: str | None) -> str:
        known = self.rules.categories.get(id_ or "")
        return known.name if known else UNKNOWN_FIELD

    def group(self, id_: str | None) -> str:
        return self.rules.groups.get(id_ or "", id_ or UNKNOWN_FIELD)

    def group_of(self, category: str | None) -> str | None:
        known = self.rules.categories.get(category or "")
        return known.group if known else None

    def commune(self, id_: str | None) -> str:
        return self.rules.agencies.communes().get(id_ or "", id_ or UNKNOWN_PLACE)

    def agency(self, id_: str | None) -> str:
        unit = self.rules.agencies.get(id_ or "")
        return unit.name if unit else id_ or ""

    def topic(self, topic: Topic) -> str:
        name = TOPIC_WORDS.get(topic.kind, topic.kind)
        about = self._subject(topic.subject) if topic.subject else None
        aspect = ASPECT_WORDS.get(topic.aspect or "")
        return f"{name}: {about}{f' ({aspect})' if aspect else ''}" if about else name

    def _subject(self, id_: str) -> str:
        if id_ in self.rules.categories:
            return self.category(id_)
        known = self.hub.knowledge()
        procedure = known.procedure(id_) if known else None
        faq = known.faq(id_) if known else None
        return procedure.name if procedure else faq.question if faq else id_


def duration(ms: int | None) -> str:
    """``3 ngày 4 giờ``: the two largest units; ``—`` if there is none."""
    if ms is None:
        return "—"
    minutes = round(ms / MINUTE_MS)
    if minutes < 1:
        return "dưới 1 phút"
    units = ((1440, "ngày"), (60, "giờ"), (1, "phút"))
    said: list[str] = []
    for size, name in units:
        if minutes >= size or (said and len(said) < 2 and minutes):
            n, minutes = divmod(minutes, size)
            if n:
                said.append(f"{n} {name}")
    return " ".join(said[:2])


def work_duration(ms: int | None) -> str:
    """Working time is told in hours: a working day is no day."""
    if ms is None:
        return "—"
    minutes = round(ms / MINUTE_MS)
    hours, rest = divmod(minutes, 60)
    return " ".join(
        [*([f"{number(hours)} giờ"] if hours else []), *([f"{rest} phút"] if rest or not hours else [])]
    )


def number(value: float) -> str:
    """As Vietnamese writes it: ``12.345``, ``4,5``."""
    text = f"{value:,.1f}" if isinstance(value, float) else f"{value:,}"
    return text.translate(str.maketrans(",.", ".,"))


def percent(part: int, whole: int) -> str:
    return "—" if not whole else f"{number(100 * part / whole)} %"


def change(now: int, before: int) -> str:
    """In words, for those who do not see arrows."""
    if now == before:
        return f"bằng kỳ trước ({number(before)})"
    return (
        f"{'tăng' if now > before else 'giảm'} {number(abs(now - before))} so với kỳ trước ({number(before)})"
    )


@dataclass(frozen=True)
class Dashboard:
    """Everything the page draws."""

    now: Figures
    before: Figures
    names: Names

    @property
    def answerable(self) -> int:
        """Messages that called for an answer and got one, or a ticket."""
        return _dealt_with(self.now.total)

    @property
    def bot_share(self) -> str:
        return percent(self.now.total.bot, self.answerable)

    @property
    def bot_share_before(self) -> str:
        return percent(self.before.total.bot, _dealt_with(self.before.total))

    @property
    def on_time_share(self) -> str:
        return _on_time(self.now)

    @property
    def on_time_share_before(self) -> str:
        return _on_time(self.before)

    @property
    def places(self) -> list[Part]:
        total = self.now.total
        return parts([(name, pattern, getattr(total, id_)) for id_, (name, pattern) in PLACE_WORDS.items()])

    @property
    def channels(self) -> list[tuple[str, ChannelLine, list[Part]]]:
        return [
            (
                self.names.channel(id_),
                line,
                parts(
                    [(name, pattern, getattr(line, place)) for place, (name, pattern) in PLACE_WORDS.items()]
                ),
            )
            for id_, line in sorted(self.now.channels.items(), key=lambda one: -one[1].messages)
        ]

    @property
    def by_day(self) -> Columns:
        days = [self.now.period.first + dt.timedelta(days=n) for n in range(self.now.period.days)]
        return columns(
            [f"{day:%d/%m/%Y}" for day in days],
            self.now.days,
            self.before.days,
            [f"{day:%d/%m}" for day in days],
        )

    @property
    def by_hour(self) -> Columns:
        names = [f"{hour} giờ" for hour in range(24)]
        return columns(names, self.now.hours, self.before.hours, [str(hour) for hour in range(24)])

    @property
    def by_weekday(self) -> Columns:
        return columns(WEEKDAYS, self.now.weekdays, self.before.weekdays, SHORT_WEEKDAYS)

    @property
    def fields(self) -> list[Bar]:
        """Groups, largest first, each followed by its categories."""
        rows: list[tuple[str | None, str, int, int | None, bool]] = []
        for group, n in _largest(self.now.groups):
            rows.append((group, self.names.group(group), n, self.before.groups.get(group, 0), False))
            inside = {
                category: n
                for category, n in self.now.categories.items()
                if self.names.group_of(category) == group
            }
            if group is not None:
                rows += [
                    (id_, self.names.category(id_), n, self.before.categories.get(id_, 0), True)
                    for id_, n in _largest(inside)
                ]
        return bars(rows)

    @property
    def communes(self) -> list[Bar]:
        return bars(
            [
                (id_, self.names.commune(id_), n, self.before.communes.get(id_, 0), False)
                for id_, n in _largest(self.now.communes)
            ]
        )

    @property
    def scores(self) -> list[Bar]:
        counts = list(
            zip(
                range(5, 0, -1),
                reversed(self.now.satisfaction.scores),
                reversed(self.before.satisfaction.scores),
                strict=True,
            )
        )
        return bars([(str(score), f"{score} điểm", n, past, False) for score, n, past in counts])

    @property
    def topics(self) -> list[Bar]:
        return bars(
            [
                (
                    "|".join(part or "" for part in topic),
                    self.names.topic(topic),
                    n,
                    self.before.topics.get(topic, 0),
                    False,
                )
                for topic, n in _largest(self.now.topics)[:20]
            ]
        )

    @property
    def times(self) -> list[tuple[str, Spread, Spread, Spread, Spread]]:
        """(what, clock, working, clock before, working before)."""
        return [
            (name, getattr(self.now, id_).clock, getattr(self.now, id_).working,
             getattr(self.before, id_).clock, getattr(self.before, id_).working)
            for id_, name in (("first_reply", "Trả lời đầu tiên"), ("solved", "Giải quyết xong"))
        ]  # fmt: skip


def _largest(counts: Mapping) -> Sequence:  # type: ignore[type-arg]
    return sorted(counts.items(), key=lambda one: (-one[1], str(one[0])))


def _dealt_with(line: ChannelLine) -> int:
    return line.bot + line.person + line.ticketed


def _on_time(of: Figures) -> str:
    return percent(of.flow.on_time, of.flow.on_time + of.flow.late)
