"""The rooms of administration: what they share, and the first page."""

from typing import Any, Final

from aiohttp import web

from hub.model import Role
from hub.web.auth import guarded, page, session_of
from hub.web.context import hub_of
from hub.web.navigation import Place

ADMIN: Final[frozenset[Role]] = frozenset({"admin"})
CHIEFS: Final[frozenset[Role]] = frozenset({"admin", "supervisor"})
ADDRESS: Final = "/console/admin"

ROLE_NAMES: Final[dict[Role, str]] = {
    "operator": "Tổng đài viên",
    "officer": "Cán bộ đầu mối",
    "supervisor": "Giám sát",
    "editor": "Biên tập nội dung",
    "admin": "Quản trị viên",
}

#: name, explained, roles; in the order of the menu
ROOMS: Final[dict[str, tuple[str, str, frozenset[Role]]]] = {
    "storm": (
        "Tình huống khẩn",
        "Thông báo, câu trả lời sẵn khi bão lũ, mất điện diện rộng; bật tắt nhanh.",
        CHIEFS,
    ),
    "canned": ("Câu trả lời mẫu", "Câu viết sẵn mà tổng đài viên chèn vào câu trả lời.", CHIEFS),
    "calendar": ("Lịch làm việc", "Ngày nghỉ, làm bù, giờ cơ quan và giờ trực tổng đài.", CHIEFS),
    "routing": ("Bảng phân công", "Lĩnh vực nào, ở đâu, do cơ quan nào xử lý; thử trước khi dùng.", CHIEFS),
    "agencies": ("Cơ quan", "Email, điện thoại, duyệt câu trả lời, thời hạn riêng.", ADMIN),
    "users": ("Tài khoản", "Thêm người, giao vai trò, cấp lại mật khẩu, xác thực hai lớp.", ADMIN),
    "api": ("Kết nối hệ thống", "Khóa API, webhook, Open311 cho hệ thống khác.", ADMIN),
    "audit": ("Nhật ký", "Ai đã đăng nhập, đổi gì, xem phiếu nhạy cảm nào, lúc nào.", ADMIN),
}


def menu(role: Role, path: str) -> list[Place]:
    """The rooms this role may enter."""
    return [
        Place(address, name, roles, (), here=path == address or path.startswith(f"{address}/"))
        for key, (name, _, roles) in ROOMS.items()
        if role in roles
        for address in [f"{ADDRESS}/{key}"]
    ]


def admin_page(request: web.Request, template: str, *, status: int = 200, **context: Any) -> web.Response:
    """A page of administration; its template also gets ``menu``, ``done`` and ``problem``."""
    me = session_of(request).staff
    context.setdefault("problem", None)
    done = request.query.get("done") is not None and context["problem"] is None
    return page(request, template, status=status, menu=menu(me.role, request.path), done=done, **context)


async def refresh(request: web.Request) -> None:
    """What was just saved is in force in this process at once; the others see it within seconds."""
    await hub_of(request).reload_rules()


async def first_page(request: web.Request) -> web.StreamResponse:
    me = session_of(request).staff
    people = await hub_of(request).store.everybody()
    chiefs = [one for one in people if one.active and one.role in CHIEFS]
    rooms = [
        (f"{ADDRESS}/{key}", name, about) for key, (name, about, roles) in ROOMS.items() if me.role in roles
    ]
    return admin_page(
        request,
        "console/admin/first.html",
        rooms=rooms,
        unprotected=[one for one in chiefs if one.second_factor is None],
        admins=sum(one.role == "admin" for one in chiefs),
    )


def routes() -> list[web.RouteDef]:
    return guarded([web.get(ADDRESS, first_page)], roles=CHIEFS)
