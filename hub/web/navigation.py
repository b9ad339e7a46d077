"""Where in the console people of a role go: their first page, and what the bar of every page offers them."""

from dataclasses import dataclass, replace
from typing import Final

from hub.model import Role


@dataclass(frozen=True)
class Place:
    path: str
    name: str
    roles: frozenset[Role]
    #: where its other pages are
    parts: tuple[str, ...]
    here: bool = False


def _place(path: str, name: str, *roles: Role, parts: tuple[str, ...] = ()) -> Place:
    return Place(path, name, frozenset(roles), parts or (f"{path}/",))


#: In the order of the bar. A room adds its line here; who may really enter is said where its routes are guarded.
PLACES: Final = (
    _place(
        "/console",
        "Hộp thư",
        *("operator", "supervisor", "editor", "admin"),
        parts=("/console/conversations/",),
    ),
    _place("/console/search", "Tìm kiếm", "operator", "supervisor", "editor", "admin"),
    _place("/console/agency", "Phiếu", "officer"),
    _place("/console/knowledge", "Tri thức", "operator", "officer", "supervisor", "editor", "admin"),
    _place("/console/reports", "Báo cáo", "supervisor", "admin"),
    _place("/console/admin", "Quản trị", "supervisor", "admin"),
)
FIRST_PAGES: Final[dict[Role, str]] = {"officer": "/console/agency"}


def home_of(role: Role) -> str:
    """The first page of a role."""
    return FIRST_PAGES.get(role, "/console")


def places_of(role: Role, path: str) -> tuple[Place, ...]:
    """What the bar shows on the page at ``path``, the place it belongs to marked as ``here``."""
    return tuple(
        replace(one, here=path == one.path or path.startswith(one.parts))
        for one in PLACES
        if role in one.roles
    )
