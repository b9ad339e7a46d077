"""The shape of the knowledge base, and what must hold between its entries.

Everything an editor can get wrong is said in Vietnamese, with file, entry and field:
``procedures.yml, mục 'dang-ky-khai-sinh', trường fee.items[0].vnd: phải là số nguyên không âm``.
"""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from hub.model import KnowledgeKind, nfc

INVISIBLE = "\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"


def _clean(text: str) -> str:
    if text != nfc(text):
        raise ValueError("chữ chưa ở dạng Unicode dựng sẵn (NFC)")
    if any(c in INVISIBLE or c < " " for c in text):
        raise ValueError("có ký tự ẩn, ký tự tab hoặc xuống dòng")
    if not text.strip():
        raise ValueError("không được để trống")
    return text


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


Slug = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=80)]
Words = Annotated[str, Field(max_length=4000), AfterValidator(_clean)]
Line = Annotated[str, Field(max_length=260), AfterValidator(_clean)]
When = Annotated[str, Field(pattern=r"^\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?$")]
Day = Annotated[str, Field(pattern=r"^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$")]
Level = Literal["tinh", "huyen", "xa", "other"]


class Entry(BaseModel):
    """Base of all entries: strict types, unknown fields are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Source(Entry):
    id: Slug
    label: Line  # how a citizen is told
    citation: Words  # how an editor finds it again
    date: When | None = None
    covers: list[str] = []  # the fields it vouches for; none named: all
    background: bool = False  # general knowledge of the editors: never cited as a source


class Commune(Entry):
    id: Slug
    name: Line
    kind: Literal["phuong", "xa"]
    former_province: Line
    note: Words | None = None


class Agency(Entry):
    id: Slug
    name: Line
    short_name: Line
    level: Level
    fields: list[Line]
    kind: Literal[
        "hotline", "ubnd", "department", "sub_department", "one_stop", "district_one_stop", "unit", "vertical",
        "company", "pattern",
    ]  # fmt: skip
    valid_from: When
    valid_to: When | None
    verified: bool
    source: list[Slug]
    parent: Slug | None = None
    pattern: Line | None = None
    unit_name: Line | None = None
    structure: Literal["2020"] | None = None
    one_stop_2020: bool = False
    successors: list[Slug] = []
    communes_after_2025: list[Line] = []
    communes_mapping_verified: bool | None = None
    former_names: list[Line] = []
    addresses: list[Line] = []
    contacts: dict[
        Literal["phone", "email", "web", "zalo", "facebook"], Annotated[list[Line], BeforeValidator(_listed)]
    ] = {}
    notes: Words | None = None


class Group(Entry):
    id: Slug
    name: Line
    parent: None
    description: Line


class Category(Entry):
    id: Slug
    name: Line
    parent: Slug
    agencies: list[Slug]
    agencies_2020: list[Slug] = []
    sla_hours: Literal[8, 48]
    sla_is_proposal: bool
    priority: Literal["low", "normal", "high", "urgent"]
    examples: Annotated[list[Line], Field(min_length=5, max_length=10)]
    action: Words | None = None
    hotline: list[Line] = []
    needs: list[Line] = []
    sensitive: bool = False


class Form(Entry):
    name: Line
    code: Line | None = None


class ProcessingTime(Entry):
    value: Annotated[float, Field(ge=0)]
    unit: Literal["working_day", "day", "hour", "working_hour", "immediate"]
    max: Annotated[float, Field(ge=0)] | None = None
    note: Words | None = None

    @model_validator(mode="after")
    def _ordered(self) -> "ProcessingTime":
        if self.max is not None and self.max < self.value:
            raise ValueError("max phải lớn hơn hoặc bằng value")
        return self


class FeeItem(Entry):
    label: Line
    vnd: Annotated[int, Field(ge=0)]


class Fee(Entry):
    summary: Words
    items: list[FeeItem] = []
    note: Words | None = None


Verifiable = Literal[
    "name", "code", "agency", "documents", "forms", "steps", "eligibility", "results", "processing_time", "fee",
    "where_to_apply", "online", "legal_basis", "notes",
]  # fmt: skip
#: Parts that may be vouched for although the entry has no field of that name.
ALWAYS_THERE = frozenset({"name", "code", "agency", "online", "legal_basis"})


class Procedure(Entry):
    """An administrative procedure. Absent fields are unknown, never "none needed"."""

    id: Slug
    name: Words
    official_name: Words | None = None
    aliases: Annotated[list[Line], Field(max_length=20)]
    field: Line
    level: Level
    agency: Slug
    agency_2020: Slug | None = None
    national_code: Annotated[str, Field(pattern=r"^\d\.\d{6}$")] | None = None
    documents: list[Line] | None = None
    forms: list[Form] | None = None
    steps: list[Line] | None = None
    eligibility: list[Line] | None = None
    results: list[Line] | None = None
    processing_time: ProcessingTime | None = None
    fee: Fee | None = None
    where_to_apply: Words | None = None
    online: bool | None = None
    legal_basis: list[Line] | None = None
    notes: Words | None = None
    source: Annotated[list[Slug], Field(min_length=1)]
    source_url: Annotated[str, Field(pattern=r"^https?://\S+$", max_length=500)] | None = None
    complete: bool
    verified_fields: list[Verifiable]
    verified: bool
    as_of: When
    catalog_as_of: When | None = None
    review: list[Line] = []  # for the editors only, never for citizens
    #: how people ask for it who do not know its name, beside the product's own phrases (``needs``)
    needs: Annotated[list[Line], Field(max_length=200)] = []
    owner: Slug | None = None  # the agency that answers for the entry; None: ``agency``
    review_by: Day | None = None  # to be looked at again by then

    @model_validator(mode="after")
    def _flags_hold(self) -> "Procedure":
        full = all((self.documents, self.processing_time, self.fee, self.where_to_apply))
        if self.complete != full:
            raise ValueError(
                "complete phải là true khi và chỉ khi có documents, processing_time, fee, where_to_apply"
            )
        if self.verified and not {"documents", "processing_time", "fee"} <= set(self.verified_fields):
            raise ValueError("verified là true thì verified_fields phải có documents, processing_time, fee")
        for name in self.verified_fields:
            if name not in ALWAYS_THERE and getattr(self, name) is None:
                raise ValueError(f"verified_fields có '{name}' nhưng mục không có trường này")
        if len(set(self.aliases)) != len(self.aliases):
            raise ValueError("aliases có tên gọi trùng nhau")
        return self

    @property
    def owned_by(self) -> str:
        return self.owner or self.agency

    def vouched(self, part: Verifiable) -> bool:
        """Whether this part was read at a source rather than known in general."""
        return part in self.verified_fields


class Faq(Entry):
    id: Slug
    category: Slug
    question: Line
    variants: list[Line] = []
    answer: Words
    source: Annotated[list[Slug], Field(min_length=1)]
    verified: bool
    as_of: When
    needs_operator_input: bool = False
    owner: Slug | None = None  # the agency that answers for the entry
    review_by: Day | None = None

    @property
    def owned_by(self) -> str | None:
        return self.owner


class Example(Entry):
    """A sentence of a citizen and what it means, kept until a developer trains the bot with it."""

    id: Slug
    intent: Annotated[str, Field(pattern=r"^[a-z_]+$", max_length=40)]
    text: Line


MODELS: dict[KnowledgeKind, type[Entry]] = {
    "procedure": Procedure,
    "faq": Faq,
    "agency": Agency,
    "commune": Commune,
    "category": Category,
    "group": Group,
    "source": Source,
    "example": Example,
}

#: The file an entry of each kind is kept in, for messages.
FILE_OF: dict[KnowledgeKind, str] = {
    "procedure": "procedures.yml",
    "faq": "faq.yml",
    "agency": "agencies.yml",
    "commune": "agencies.yml",
    "category": "categories.yml",
    "group": "categories.yml",
    "source": "sources.yml",
    "example": "examples",
}


def place(kind: KnowledgeKind, entry: object, file: str | None = None) -> str:
    """Where an entry stands, as the beginning of a message."""
    return f"{file or FILE_OF[kind]}, mục '{entry}'"


def field_path(loc: tuple[int | str, ...]) -> str:
    path = ""
    for part in loc:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    return path


def in_words(error: Any) -> str:
    """One pydantic error in the editor's words."""
    kind, context, given = error["type"], error.get("ctx", {}), error.get("input")
    match kind:
        case "missing":
            return "thiếu trường bắt buộc này"
        case "extra_forbidden":
            return "tên trường lạ, không có trong mẫu"
        case "string_type":
            quoted = not isinstance(given, (list, dict, type(None)))
            return "phải là chữ" + (" (hãy đặt giá trị trong dấu nháy đơn)" if quoted else "")
        case "string_pattern_mismatch":
            return f"'{str(given)[:60]}' sai dạng ({context.get('pattern')})"
        case "string_too_long":
            return f"dài quá {context.get('max_length')} ký tự"
        case "bool_type":
            return "phải là true hoặc false"
        case "list_type":
            return "phải là một danh sách"
        case "model_type" | "dict_type" | "model_attributes_type":
            return "phải là một nhóm trường có tên"
        case "literal_error":
            return f"phải là một trong: {context.get('expected', '').replace(' or ', ', ')}"
        case "int_type" | "int_from_float":
            return "phải là số nguyên không âm"
        case "float_type" | "finite_number" | "greater_than_equal":
            return "phải là số không âm"
        case "too_short":
            return f"phải có ít nhất {context.get('min_length')} mục"
        case "too_long":
            return f"chỉ được có nhiều nhất {context.get('max_length')} mục"
        case "none_required":
            return "phải để trống (null)"
        case "value_error":
            return str(context.get("error", "không hợp lệ"))
        case _:
            return f"không hợp lệ ({kind})"
