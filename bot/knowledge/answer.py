"""Answers in words: one aspect of a procedure, short enough for a chat, saying where it comes from.

What was not read at a source is said to need confirmation; what is not known is offered to a person. Notes of
the editors (``review``) are never shown.
"""

import re
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
#: A letter may be as long as it needs to be.
MAX_LETTER = 12_000
#: Legal documents named under an answer about something else.
MAX_BASIS = 2

_TO_BE_SURE = ', anh/chị nhắn "gặp cán bộ" nếu muốn hỏi chắc ạ'
CONFIRM = f"Thông tin này cần được xác nhận lại{_TO_BE_SURE}."
PARTLY = f"Phần {{parts}} cần được xác nhận lại{_TO_BE_SURE}."
ASK_A_PERSON = "Anh/chị có muốn em chuyển tổng đài viên hỏi giúp không ạ?"
#: In a letter nobody presses buttons or types commands.
CONFIRM_BY_LETTER = "Thông tin này cần được xác nhận lại; anh/chị trả lời thư này để tổng đài viên kiểm tra giúp trước khi làm hồ sơ."
PARTLY_BY_LETTER = (
    "Phần {parts} cần được xác nhận lại; anh/chị trả lời thư này nếu cần tổng đài viên kiểm tra giúp."
)
ASK_BY_LETTER = "Anh/chị trả lời thư này, tổng đài viên sẽ hỏi cơ quan giải quyết giúp anh/chị."
REFERENCE = "Theo dữ liệu tham khảo của Tổng đài 1022"
LAPSED = "Thông tin này đã quá hạn rà soát ({when}), có thể đã thay đổi."

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
    "online": "nộp trực tuyến", "notes": "lưu ý", "documents": "hồ sơ", "forms": "mẫu đơn", "steps": "các bước",
    "eligibility": "điều kiện", "legal_basis": "căn cứ pháp lý",
}  # fmt: skip


#: How an answer about each aspect begins.
OPENINGS: dict[Aspect, str] = {
    "documents": "Dạ, thủ tục {name} cần chuẩn bị:", "fee": "Dạ, lệ phí thủ tục {name}:",
    "time": "Dạ, thủ tục {name} giải quyết", "where": "Dạ, thủ tục {name} nộp tại:",
    "steps": "Dạ, các bước làm thủ tục {name}:", "online": "Dạ, thủ tục {name}",
    "form": "Dạ, thủ tục {name} dùng mẫu:", "legal_basis": "Dạ, căn cứ pháp lý của thủ tục {name}:",
    "eligibility": "Dạ, điều kiện, đối tượng của thủ tục {name}:", "general": "Dạ, thủ tục {name}:",
}  # fmt: skip
#: The order in which a letter tells all that is known.
IN_A_LETTER: tuple[Aspect, ...] = (
    "documents", "where", "time", "fee", "online", "form", "steps", "eligibility", "legal_basis",
)  # fmt: skip
#: What one may want to know next, in few words.
MORE: dict[Aspect, str] = {
    "documents": "hồ sơ", "steps": "các bước", "form": "mẫu đơn", "eligibility": "điều kiện",
}  # fmt: skip
_ONLINE_PLACE = re.compile(r"cổng|dvc|vneid|trực tuyến|ứng dụng|website|trang |\.vn", re.IGNORECASE)


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

    def procedure(
        self, procedure: Procedure, aspect: Aspect, commune: str | None = None, *, letter: bool = False
    ) -> Answer:
        """One aspect; in a letter ``general`` is everything that is known."""
        here = self._entries.communes.get(commune or "")
        draft = (
            self._everything(procedure, here)
            if letter and aspect == "general"
            else self._draft(procedure, aspect, here)
        )
        if not draft.parts:
            return self._missing(procedure, aspect, letter)
        unsure = [part for part in draft.parts if not procedure.vouched(part)]
        told = {"processing_time", "fee", "where_to_apply", "documents"} & set(draft.parts)
        missing = aspect == "general" and not told
        tail = [self._source(procedure, draft.parts)]
        if "legal_basis" not in draft.parts and procedure.legal_basis:
            tail[0] += f" {self._basis(procedure)}"
        if unsure:
            tail.append(self._unsure(unsure, whole=len(unsure) == len(draft.parts), letter=letter))
        tail += self._lapsed(procedure)
        if missing:
            lacks = "Em chưa có dữ liệu chính thức về hồ sơ, thời hạn, lệ phí của thủ tục này."
            tail.append(f"{lacks} {ASK_BY_LETTER if letter else ASK_A_PERSON}")
        elif aspect == "general" and not letter and (more := self._more(procedure)):
            tail.append(more)
        opening = OPENINGS[aspect].format(name=lower_first(short_name(procedure)))
        if aspect in ("time", "online"):  # one sentence says it
            opening, draft.lines = f"{opening} {_said(draft.lines[0])}.", draft.lines[1:]
        text = self._fit(procedure, opening, draft, "\n".join(tail), MAX_LETTER if letter else MAX_CHARS)
        return Answer(text, missing, not unsure, (procedure.id,))

    def faq(self, faq: Faq, *, letter: bool = False) -> Answer:
        if faq.needs_operator_input:
            question = lower_first(faq.question).rstrip("?")
            ask = ASK_BY_LETTER if letter else ASK_A_PERSON
            return Answer(
                f"Dạ, về câu hỏi “{question}”, em chưa có thông tin được xác nhận. {ask}",
                True,
                False,
                (faq.id,),
            )
        source = f"{REFERENCE}, {when(faq.as_of)}."
        lines = [dates_in_words(faq.answer), ""]
        if faq.verified:
            lines.append(self._cited(faq.source, None) or source)
        else:
            lines += [source, CONFIRM_BY_LETTER if letter else CONFIRM]
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
                return self._forms(procedure)
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
                return self._general(procedure, commune)

    def _everything(self, procedure: Procedure, commune: Commune | None) -> Draft:
        """All that is known, as sections of a letter, and what is not."""
        draft = Draft()
        lacking = []
        for aspect in IN_A_LETTER:
            name = ASPECTS[aspect][0]
            found = self._draft(procedure, aspect, commune)
            if not found.parts:
                lacking.append(name)
                continue
            draft.lines += [f"{name[0].upper()}{name[1:]}:", *found.lines, ""]
            draft.parts += [part for part in found.parts if part not in draft.parts]
        if procedure.notes:
            draft.lines += [f"Lưu ý: {procedure.notes}", ""]
            draft.parts.append("notes")
        if procedure.national_code:
            draft.lines.append(f"Mã thủ tục: {procedure.national_code}")
        if draft.parts and lacking:
            draft.lines.append(f"Em chưa có dữ liệu chính thức về {', '.join(lacking)}. {ASK_BY_LETTER}")
        draft.lines = draft.lines if draft.lines[-1:] != [""] else draft.lines[:-1]
        return draft

    def _where(self, procedure: Procedure, commune: Commune | None) -> Draft:
        if not procedure.where_to_apply:
            return Draft()
        places = _places(procedure.where_to_apply, commune)
        draft = Draft([f"• {place}" for place in places], ["where_to_apply", "agency"])
        agency = self._entries.agencies[procedure.agency]
        draft.lines.append(f"Cơ quan giải quyết: {_here(agency.name, commune)}.")
        if phone := agency.contacts.get("phone"):
            draft.lines.append(f"Điện thoại: {', '.join(phone)}.")
        if procedure.online and procedure.source_url:
            draft.lines.append(f"Nộp trực tuyến: {procedure.source_url}")
            draft.parts.append("online")
        return draft

    def _online(self, procedure: Procedure) -> Draft:
        if procedure.online is None:
            return Draft()
        if not procedure.online:
            return Draft(
                ["Thủ tục này hiện chưa nộp trực tuyến được, anh/chị nộp trực tiếp giúp em ạ."], ["online"]
            )
        draft = Draft(["• Nộp trực tuyến được"], ["online"])
        places = [place for place in _places(procedure.where_to_apply or "") if _ONLINE_PLACE.search(place)]
        if places:
            draft.lines.append(f"• Nơi nộp: {'; '.join(places)}")
            draft.parts.append("where_to_apply")
        if procedure.source_url:
            draft.lines.append(f"• Trang của thủ tục: {procedure.source_url}")
        return draft

    def _forms(self, procedure: Procedure) -> Draft:
        forms = []
        for form in procedure.forms or []:
            code = form.code or ""
            named = code if code.lower().startswith("mẫu") else f"mẫu {code}"
            forms.append(f"{form.name} ({named[0].lower()}{named[1:]})" if code else form.name)
        draft = _bullets(forms, "forms")
        if forms and procedure.source_url:
            draft.lines.append(f"Xem thêm trên Cổng Dịch vụ công quốc gia: {procedure.source_url}")
        return draft

    def _general(self, procedure: Procedure, commune: Commune | None) -> Draft:
        agency = self._entries.agencies[procedure.agency]
        draft = Draft([f"• Cơ quan giải quyết: {_here(agency.name, commune)}"], ["agency"])
        if procedure.where_to_apply:
            draft.lines.append(f"• Nơi nộp: {'; '.join(_places(procedure.where_to_apply, commune))}")
            draft.parts.append("where_to_apply")
        if procedure.processing_time:
            draft.lines.append(f"• Thời hạn: {duration(procedure.processing_time)[0].removeprefix('• ')}")
            draft.parts.append("processing_time")
        if procedure.fee:
            draft.lines.append(f"• Lệ phí: {money_summary(procedure.fee)}")
            draft.parts.append("fee")
        if procedure.online is not None:
            draft.lines.append(f"• Nộp trực tuyến: {'được' if procedure.online else 'chưa được'}")
            draft.parts.append("online")
        if procedure.notes:
            draft.lines.append(f"• Lưu ý: {procedure.notes}")
            draft.parts.append("notes")
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

    def _unsure(self, parts: Sequence[Verifiable], *, whole: bool, letter: bool) -> str:
        if whole:
            return CONFIRM_BY_LETTER if letter else CONFIRM
        names = ", ".join(dict.fromkeys(PART_NAMES[part] for part in parts))
        return (PARTLY_BY_LETTER if letter else PARTLY).format(parts=names)

    def _lapsed(self, entry: Procedure | Faq) -> list[str]:
        """A sentence where the entry should have been looked at again by now."""
        if entry.review_by is None or entry.review_by >= self._today():
            return []
        return [LAPSED.format(when=when(entry.review_by))]

    def _more(self, procedure: Procedure) -> str:
        known = [words for aspect, words in MORE.items() if getattr(procedure, ASPECTS[aspect][1][0])]
        if not known:
            return ""
        listed = " hay ".join([", ".join(known[:-1]), known[-1]] if len(known) > 1 else known)
        return f"Anh/chị muốn xem thêm {listed} không ạ?"

    def _missing(self, procedure: Procedure, aspect: Aspect, letter: bool) -> Answer:
        name = lower_first(short_name(procedure))
        lines = [f"Dạ, em chưa có dữ liệu chính thức về {ASPECTS[aspect][0]} của thủ tục {name}."]
        if aspect == "where":
            agency = self._entries.agencies[procedure.agency].name
            sure = "" if procedure.vouched("agency") else " (cần được xác nhận lại)"
            lines.append(f"Cơ quan giải quyết: {agency}{sure}. {self._source(procedure, ['agency'])}")
        if procedure.source_url:
            lines.append(f"Anh/chị có thể xem trên Cổng Dịch vụ công quốc gia: {procedure.source_url}")
        lines.append(ASK_BY_LETTER if letter else ASK_A_PERSON)
        return Answer("\n".join(lines), True, False, (procedure.id,))

    def _fit(self, procedure: Procedure, title: str, draft: Draft, tail: str, longest: int) -> str:
        """The whole text; a list too long for a chat is cut between its points and says so."""
        lines = [dates_in_words(line) for line in draft.lines]
        kept = len(lines)
        while True:
            left = len(lines) - kept
            link = f" Xem đủ tại {procedure.source_url}" if procedure.source_url else ""
            rest = [f"… còn {left} mục nữa.{link}"] if left else []
            text = "\n".join([title, *lines[:kept], *rest, "", tail])
            if len(text) <= longest or not draft.elastic or kept == 1:
                return text
            kept -= 1


def _said(line: str) -> str:
    """A point of a list as the end of a sentence."""
    text = lower_first(line.removeprefix("• ")).removeprefix("giải quyết ")
    return f"trong {text}" if text[0].isdigit() else text


def _here(text: str, commune: Commune | None) -> str:
    """Where the data say "xã, phường", the citizen's own."""
    return text.replace("xã, phường", lower_first(commune.name)) if commune else text


def _places(text: str, commune: Commune | None = None) -> list[str]:
    places = [_here(place.strip(), commune) for place in text.split(";") if place.strip()]
    return [place[0].upper() + place[1:] for place in places]


def read_out(answer: Answer) -> str:
    """The text as an operator reads it to somebody: a person is there already."""
    return answer.text.replace(_TO_BE_SURE, "").replace(ASK_A_PERSON, "").strip()


def _bullets(items: Sequence[str] | None, part: Verifiable) -> Draft:
    return Draft([f"• {item}" for item in items], [part], elastic=True) if items else Draft()
