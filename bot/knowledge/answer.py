"""Answers in words: one aspect of a procedure, short enough for a chat, saying where it comes from.

What was not read at a source is said to need confirmation; what is not known is offered to a person. Notes of
the editors (``review``) are never shown.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bot.knowledge.entries import Entries
from bot.knowledge.model import Answer, Aspect
from bot.knowledge.phrasing import (
    dates_in_words,
    duration,
    fees,
    lower_first,
    money_summary,
    short_name,
    when,
)
from bot.knowledge.schema import Commune, Faq, Procedure, Verifiable

#: Chat windows show this much without scrolling for ever; also below every channel's own limit.
MAX_CHARS = 1_500
#: Legal documents named under an answer about something else.
MAX_BASIS = 3

PERSON = 'Anh/chị gõ "gặp cán bộ" để được người hỗ trợ.'
CONFIRM = f"Thông tin này cần được xác nhận lại trước khi anh/chị làm hồ sơ. {PERSON}"
LAPSED = "Thông tin này đã quá hạn rà soát ({when}), có thể đã thay đổi."
REFERENCE = "Theo dữ liệu tham khảo của Tổng đài 1022"

#: What each aspect is called in a sentence, and the parts of an entry it is made of.
ASPECTS: dict[Aspect, tuple[str, tuple[Verifiable, ...]]] = {
    "documents": ("hồ sơ cần chuẩn bị", ("documents",)),
    "fee": ("lệ phí", ("fee",)),
    "time": ("thời hạn giải quyết", ("processing_time",)),
    "where": ("nơi nộp hồ sơ", ("where_to_apply", "agency")),
    "steps": ("các bước thực hiện", ("steps",)),
    "online": ("việc nộp trực tuyến", ("online",)),
    "form": ("mẫu đơn, tờ khai", ("forms",)),
    "legal_basis": ("căn cứ pháp lý", ("legal_basis",)),
    "eligibility": ("điều kiện, đối tượng", ("eligibility",)),
    "general": ("nội dung", ("where_to_apply", "agency", "processing_time", "fee", "online")),
}
PART_NAMES: dict[Verifiable, str] = {
    "where_to_apply": "nơi nộp", "agency": "cơ quan giải quyết", "processing_time": "thời hạn", "fee": "lệ phí",
    "online": "nộp trực tuyến", "notes": "lưu ý",
}  # fmt: skip


@dataclass
class Draft:
    """An answer in the making: its lines, and the parts of the entry they show."""

    lines: list[str] = field(default_factory=list)
    parts: list[Verifiable] = field(default_factory=list)
    elastic: bool = False  # the lines are a list that may be cut to fit


class Writer:
    """Writes answers from one set of entries; ``today`` is the day in Vietnam, as ISO."""

    def __init__(self, entries: Entries, today: Callable[[], str]) -> None:
        self._entries = entries
        self._today = today

    def procedure(self, procedure: Procedure, aspect: Aspect, commune: str | None = None) -> Answer:
        name, _ = ASPECTS[aspect]
        draft = self._draft(procedure, aspect, self._entries.communes.get(commune or ""))
        if not draft.parts:
            return self._missing(procedure, name, self._responsible(procedure) if aspect == "where" else "")
        if aspect == "general":
            title = short_name(procedure)
        else:
            title = f"{name[0].upper()}{name[1:]} – {lower_first(short_name(procedure))}"
        unsure = [part for part in draft.parts if not procedure.vouched(part)]
        tail = [self._basis(procedure)] if aspect != "legal_basis" and procedure.legal_basis else []
        tail.append(self._source(procedure, draft.parts))
        if unsure:
            tail.append(CONFIRM if len(unsure) == len(draft.parts) else self._partly(unsure))
        tail += self._lapsed(procedure)
        missing = aspect == "general" and not {"processing_time", "fee", "where_to_apply"} & set(draft.parts)
        if missing:
            tail.append(f"Tổng đài 1022 chưa có dữ liệu về hồ sơ, thời hạn, lệ phí của thủ tục này. {PERSON}")
        if aspect == "general" and (more := self._more(procedure)):
            tail.append(more)
        text = self._fit(procedure, f"{title}:", draft, "\n".join(tail))
        return Answer(text, missing, not unsure, (procedure.id,))

    def faq(self, faq: Faq) -> Answer:
        if faq.needs_operator_input:
            text = f"Dạ, về câu hỏi “{faq.question}”, Tổng đài 1022 chưa có thông tin được xác nhận. {PERSON}"
            return Answer(text, True, False, (faq.id,))
        lines = [dates_in_words(faq.answer), ""]
        if faq.verified:
            lines.append(self._cited(faq.source, None) or f"{REFERENCE}, {when(faq.as_of)}.")
        else:
            lines += [f"{REFERENCE}, {when(faq.as_of)}.", f"Thông tin này cần được xác nhận lại. {PERSON}"]
        lines += self._lapsed(faq)
        return Answer("\n".join(lines), False, faq.verified, (faq.id,))

    # -- the body

    def _draft(self, procedure: Procedure, aspect: Aspect, commune: Commune | None) -> Draft:
        match aspect:
            case "documents":
                return _bullets(procedure.documents, "documents")
            case "eligibility":
                return _bullets(procedure.eligibility, "eligibility")
            case "legal_basis":
                return _bullets(procedure.legal_basis, "legal_basis")
            case "steps":
                steps = [f"{n}. {step}" for n, step in enumerate(procedure.steps or [], 1)]
                return Draft(steps, ["steps"] if steps else [], elastic=True)
            case "form":
                forms = [f.name + (f" (mẫu {f.code})" if f.code else "") for f in procedure.forms or []]
                return _bullets(forms, "forms")
            case "fee":
                return Draft(fees(procedure.fee), ["fee"]) if procedure.fee else Draft()
            case "time":
                time = procedure.processing_time
                return Draft(duration(time), ["processing_time"]) if time else Draft()
            case "online":
                return self._online(procedure)
            case "where":
                return self._where(procedure, commune)
            case "general":
                return self._general(procedure)

    def _where(self, procedure: Procedure, commune: Commune | None) -> Draft:
        agency = self._entries.agencies[procedure.agency]
        if not procedure.where_to_apply:
            return Draft()
        draft = Draft([f"• Nơi nộp: {procedure.where_to_apply}"], ["where_to_apply", "agency"])
        draft.lines.append(f"• Cơ quan giải quyết: {agency.name}")
        if commune and agency.kind == "pattern" and "xã, phường" in agency.name:
            here = agency.name.replace("xã, phường", lower_first(commune.name))
            draft.lines.append(f"• Ở {lower_first(commune.name)}: {here}")
        phone = agency.contacts.get("phone")
        if phone:
            draft.lines.append(f"• Điện thoại: {', '.join(phone)}")
        return draft

    def _online(self, procedure: Procedure) -> Draft:
        if procedure.online is None:
            return Draft()
        if not procedure.online:
            return Draft(["Thủ tục này hiện không nộp trực tuyến được."], ["online"])
        draft = Draft(["Thủ tục này nộp trực tuyến được."], ["online"])
        if procedure.where_to_apply:
            draft.lines.append(f"• Các nơi nộp: {procedure.where_to_apply}")
            draft.parts.append("where_to_apply")
        return draft

    def _general(self, procedure: Procedure) -> Draft:
        agency = self._entries.agencies[procedure.agency]
        draft = Draft([f"• Lĩnh vực: {procedure.field}"], ["agency"])
        draft.lines.append(f"• Cơ quan giải quyết: {agency.name}")
        if procedure.where_to_apply:
            draft.lines.append(f"• Nơi nộp: {procedure.where_to_apply}")
            draft.parts.append("where_to_apply")
        if procedure.processing_time:
            draft.lines.append(f"• Thời hạn: {duration(procedure.processing_time)[0].removeprefix('• ')}")
            draft.parts.append("processing_time")
        if procedure.fee:
            draft.lines.append(f"• Lệ phí: {money_summary(procedure.fee)}")
            draft.parts.append("fee")
        if procedure.online is not None:
            draft.lines.append(f"• Nộp trực tuyến: {'được' if procedure.online else 'không'}")
            draft.parts.append("online")
        if procedure.notes:
            draft.lines.append(f"• Lưu ý: {procedure.notes}")
            draft.parts.append("notes")
        if procedure.national_code:
            draft.lines.append(f"• Mã thủ tục: {procedure.national_code}")
        return draft

    # -- what stands below it

    def _basis(self, procedure: Procedure) -> str:
        basis = procedure.legal_basis or []
        mark = "" if procedure.vouched("legal_basis") else " (tham khảo)"
        rest = "…" if len(basis) > MAX_BASIS else ""
        return f"Căn cứ{mark}: {dates_in_words('; '.join(basis[:MAX_BASIS]))}{rest}"

    def _source(self, procedure: Procedure, parts: Sequence[Verifiable]) -> str:
        vouched = {part for part in parts if procedure.vouched(part)}
        cited = self._cited(procedure.source, vouched) if vouched else ""
        return cited or f"{REFERENCE}, {when(procedure.as_of)}."

    def _cited(self, ids: Sequence[str], parts: set[Verifiable] | None) -> str:
        """The sources that vouch for these parts, with their dates; empty when none does."""
        names = []
        for source in (self._entries.sources[one] for one in ids):
            if source.background or (source.covers and parts is not None and not parts & set(source.covers)):
                continue
            names.append(source.label + (f", {when(source.date)}" if source.date else ""))
        return f"Theo dữ liệu {'; '.join(names)}." if names else ""

    def _partly(self, unsure: Sequence[Verifiable]) -> str:
        names = ", ".join(PART_NAMES[part] for part in unsure)
        return f"Phần {names} cần được xác nhận lại. {PERSON}"

    def _lapsed(self, entry: Procedure | Faq) -> list[str]:
        """A sentence where the entry should have been looked at again by now."""
        if entry.review_by is None or entry.review_by >= self._today():
            return []
        return [LAPSED.format(when=when(entry.review_by))]

    def _more(self, procedure: Procedure) -> str:
        others: tuple[Aspect, ...] = ("documents", "steps", "form", "eligibility", "legal_basis")
        known = [ASPECTS[a][0] for a in others if getattr(procedure, ASPECTS[a][1][0])]
        return f"Anh/chị có thể hỏi thêm: {'; '.join(known)}." if known else ""

    def _responsible(self, procedure: Procedure) -> str:
        agency = self._entries.agencies[procedure.agency].name
        sure = "" if procedure.vouched("agency") else " (cần xác nhận lại)"
        return f"\nCơ quan giải quyết: {agency}{sure}. {self._source(procedure, ['agency'])}"

    def _missing(self, procedure: Procedure, name: str, known: str = "") -> Answer:
        text = f"Dạ, Tổng đài 1022 chưa có dữ liệu về {name} của thủ tục “{short_name(procedure)}”. {PERSON}"
        text += known
        if procedure.source_url:
            text += f"\nAnh/chị cũng có thể xem trên Cổng Dịch vụ công quốc gia: {procedure.source_url}"
        return Answer(text, True, False, (procedure.id,))

    def _fit(self, procedure: Procedure, title: str, draft: Draft, tail: str) -> str:
        """The whole text; a list too long for a chat is cut between its points and says so."""
        lines = [dates_in_words(line) for line in draft.lines]
        kept = len(lines)
        while True:
            left = len(lines) - kept
            link = f" Xem đủ tại {procedure.source_url}" if procedure.source_url else ""
            rest = [f"… còn {left} mục nữa.{link or f' {PERSON}'}"] if left else []
            text = "\n".join([title, *lines[:kept], *rest, "", tail])
            if len(text) <= MAX_CHARS or not draft.elastic or kept == 1:
                return text
            kept -= 1


def _bullets(items: Sequence[str] | None, part: Verifiable) -> Draft:
    return Draft([f"• {item}" for item in items], [part], elastic=True) if items else Draft()
