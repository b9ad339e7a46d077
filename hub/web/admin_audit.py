"""Administration: the audit log, for reading only."""

import datetime as dt
from typing import Any, Final

from aiohttp import web

from hub.audit import AuditEntry, AuditQuery
from hub.clock import VIETNAM
from hub.web.admin import ADDRESS, ADMIN, admin_page
from hub.web.api.tokens import system_names
from hub.web.auth import guarded
from hub.web.context import hub_of

HERE: Final = f"{ADDRESS}/audit"
SHOWN: Final = 100
AGENCY: Final = "agency:"  # and its id: the holder of a link

ROOMS: Final = {
    "login": "Đăng nhập",
    "account": "Tài khoản của mình",
    "staff": "Quản lý tài khoản",
    "rules": "Quy định, lịch, phân công",
    "knowledge": "Tri thức",
    "canned": "Câu trả lời mẫu",
    "ticket": "Xem phiếu nhạy cảm",
    "export": "Xuất dữ liệu",
    "person": "Dữ liệu về một người",
    "comment": "Bình luận trên Trang",
    "api": "Kết nối hệ thống",
}
WORDS: Final = {
    "login.ok": "Đăng nhập",
    "login.failed": "Đăng nhập không thành công",
    "account.password": "Đổi mật khẩu",
    "account.second_factor_on": "Bật xác thực hai lớp",
    "account.second_factor_off": "Tắt xác thực hai lớp",
    "account.recovery_codes": "Cấp lại mã khôi phục",
    "staff.created": "Thêm tài khoản",
    "staff.changed": "Sửa tài khoản",
    "staff.password_reset": "Cấp lại mật khẩu",
    "staff.second_factor_reset": "Gỡ xác thực hai lớp",
    "rules.security": "Đổi quy định xác thực hai lớp",
    "rules.agency": "Sửa cơ quan",
    "rules.routing": "Sửa bảng phân công",
    "rules.calendar": "Sửa lịch làm việc",
    "rules.storm": "Tình huống khẩn",
    "knowledge.applied": "Sửa tri thức",
    "knowledge.proposed": "Đề xuất sửa tri thức",
    "knowledge.rejected": "Không duyệt đề xuất tri thức",
    "canned.save": "Lưu câu trả lời mẫu",
    "canned.remove": "Xóa câu trả lời mẫu",
    "ticket.viewed": "Xem phiếu nhạy cảm",
    "export.report": "Tải báo cáo",
    "export.agencies": "Tải danh sách cơ quan",
    "export.training": "Tải mẫu câu huấn luyện",
    "comment.hidden": "Ẩn bình luận",
    "comment.shown": "Hiện lại bình luận",
    "person.join": "Nhập liên hệ vào một người",
    "person.part": "Tách liên hệ khỏi một người",
    "person.erased": "Xóa dữ liệu cá nhân",
    "api.token_created": "Cấp khóa API",
    "api.token_revoked": "Thu hồi khóa API",
    "api.webhook_created": "Thêm webhook",
    "api.webhook_removed": "Xóa webhook",
    "api.webhook_enabled": "Bật lại webhook",
}
FACTS: Final = {
    "second_factor": "xác thực hai lớp",
    "recovery_code": "bằng mã khôi phục",
    "role": "vai trò",
    "fields": "mục",
    "done": "thao tác",
    "hours": "số giờ",
    "category": "lĩnh vực",
    "commune": "nơi",
    "date": "ngày",
    "year": "năm",
    "room": "lịch",
    "review": "duyệt trước",
    "email": "có email",
    "phone": "có điện thoại",
    "month": "tháng",
    "scopes": "quyền",
    "count": "số dòng",
    "edit": "lần sửa",
}


async def show(request: web.Request) -> web.StreamResponse:
    hub, asked = hub_of(request), request.query
    query = AuditQuery(
        actor=asked.get("actor") or None,
        action=asked.get("action") or None,
        target=(asked.get("target") or "").strip() or None,
        since=_day(asked.get("since")),
        until=_day(asked.get("until"), after=1),
        before=int(asked["before"]) if asked.get("before", "").isdigit() else None,
    )
    entries = await hub.store.audit(query, limit=SHOWN + 1)
    people = {one.id: one for one in await hub.store.everybody()}
    names = {id_: one.name for id_, one in people.items()} | await system_names(hub.store)
    for one in {one.actor for one in entries if one.actor.startswith(AGENCY)}:
        unit = hub.rules().agencies.get(one.removeprefix(AGENCY))
        names[one] = unit.name if unit else one
    tickets = {one.target for one in entries if one.action.startswith("ticket.") and one.target}
    codes = {id_: ticket.code for id_ in tickets if (ticket := await hub.store.ticket(id_))}
    more = len(entries) > SHOWN
    kept = {name: value for name, value in asked.items() if name != "before" and value}
    return admin_page(
        request,
        "console/admin/audit.html",
        lines=[_line(one, names, codes) for one in entries[:SHOWN]],
        people=sorted(people.values(), key=lambda one: one.name),
        rooms=ROOMS,
        asked=asked,
        older=kept | {"before": entries[SHOWN - 1].n} if more else None,
    )


def _line(entry: AuditEntry, names: dict[str, str], codes: dict[str, str]) -> dict[str, Any]:
    who = {"system": "Hệ thống", "citizen": "Người dân", "?": "Không rõ"}
    target = entry.target or ""
    return {
        "n": entry.n,
        "at": entry.at,
        "actor": names.get(entry.actor) or who.get(entry.actor, entry.actor),
        "action": WORDS.get(entry.action, entry.action),
        "failed": entry.action == "login.failed",
        "target": names.get(target) or codes.get(target) or target,
        "facts": [
            f"{FACTS.get(name, name)}: {'có' if value is True else value}"
            for name, value in entry.facts.items()
            if value not in (None, False, "")
        ],
    }


def _day(text: str | None, after: int = 0) -> int | None:
    try:
        day = dt.date.fromisoformat(text or "") + dt.timedelta(days=after)
    except (ValueError, OverflowError):
        return None
    return int(dt.datetime.combine(day, dt.time(), VIETNAM).timestamp()) * 1000


def routes() -> list[web.RouteDef]:
    return guarded([web.get(HERE, show)], roles=ADMIN)
