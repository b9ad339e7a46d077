"""What an administrator does with accounts. The last active administrator can neither lose the role nor be switched
off, however many administrators try at once."""

import asyncio
import re
import secrets
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from typing import Final

from handoff import accounts
from handoff.second_factor import without
from hub.clock import Clock
from hub.errors import HubError, NotFound
from hub.model import Role, Staff, derived_id
from hub.ports import Store

LOGIN: Final = re.compile(r"[a-z0-9][a-z0-9._-]{1,39}")
MAX_NAME: Final = 80
MAX_CAPACITY: Final = 100
_HOLD_MS: Final = 10_000
_TRIES: Final = 100


class NotPossible(HubError):
    """Why not, in Vietnamese, for the administrator."""


LAST_ADMIN: Final = (
    "Đây là quản trị viên cuối cùng đang hoạt động. Hãy giao quyền quản trị cho người khác trước."
)
TAKEN: Final = "Tên đăng nhập này đã có người dùng."
BAD_LOGIN: Final = "Tên đăng nhập gồm 2 đến 40 chữ thường không dấu, chữ số, dấu chấm, gạch nối."
NO_NAME: Final = f"Vui lòng nhập họ tên, tối đa {MAX_NAME} ký tự."
NO_AGENCY: Final = "Cán bộ đầu mối cần ít nhất một cơ quan."
BAD_CAPACITY: Final = f"Số phiếu cùng lúc là số từ 0 đến {MAX_CAPACITY}."
CHANGED: Final = "Tài khoản vừa được người khác sửa. Vui lòng xem lại rồi lưu lần nữa."


def checked(staff: Staff) -> Staff:
    """Raises ``NotPossible`` if something of it will not do."""
    if not LOGIN.fullmatch(staff.login):
        raise NotPossible(BAD_LOGIN)
    if not staff.name.strip() or len(staff.name) > MAX_NAME:
        raise NotPossible(NO_NAME)
    if not 0 <= staff.capacity <= MAX_CAPACITY:
        raise NotPossible(BAD_CAPACITY)
    if staff.role == "officer" and not staff.agencies:
        raise NotPossible(NO_AGENCY)
    return staff


async def create(
    store: Store,
    login: str,
    name: str,
    role: Role,
    *,
    agencies: Collection[str] = (),
    skills: Collection[str] = (),
    capacity: int = 5,
) -> tuple[Staff, str]:
    """A new account and its one-time password. Raises ``NotPossible``."""
    password = accounts.one_time_password(secrets.SystemRandom())
    login = accounts.normal_login(login)
    staff = Staff(
        id=derived_id("s", login),
        login=login,
        name=name.strip(),
        role=role,
        password_hash="",
        agencies=tuple(agencies),
        skills=tuple(skills),
        capacity=capacity,
    )
    checked(staff)
    if await store.staff_by_login(login) is not None:
        raise NotPossible(TAKEN)
    staff = await asyncio.to_thread(accounts.with_password, staff, password, one_time=True)
    await store.put_staff(staff)
    return staff, password


async def change(store: Store, clock: Clock, id_: str, how: Callable[[Staff], Staff]) -> tuple[Staff, Staff]:
    """The account before and after. Raises ``NotFound``, ``NotPossible``."""
    async with _alone(store, clock):
        before = await store.staff(id_)
        if before is None:
            raise NotFound(f"no staff account {id_}")
        after = checked(how(before))
        if _rules(before) and not _rules(after):
            others = [one for one in await store.everybody() if _rules(one) and one.id != id_]
            if not others:
                raise NotPossible(LAST_ADMIN)
        if after != before and not await store.swap_staff(before, after):
            raise NotPossible(CHANGED)
        return before, after


async def reset_password(store: Store, clock: Clock, id_: str) -> str:
    """A new one-time password; sessions end. Raises ``NotFound``, ``NotPossible``."""
    password = accounts.one_time_password(secrets.SystemRandom())
    hash_ = await asyncio.to_thread(accounts.hash_password, password)

    def reset(staff: Staff) -> Staff:
        fields = {"password_hash": hash_, "must_change_password": True}
        return staff.model_copy(update=fields | {"session_epoch": staff.session_epoch + 1})

    await change(store, clock, id_, reset)
    return password


async def reset_second_factor(store: Store, clock: Clock, id_: str) -> None:
    """For whoever lost their phone and their recovery codes. Raises ``NotFound``, ``NotPossible``."""
    await change(store, clock, id_, without)


def _rules(staff: Staff) -> bool:
    return staff.active and staff.role == "admin"


@asynccontextmanager
async def _alone(store: Store, clock: Clock) -> AsyncIterator[None]:
    """One change of accounts at a time in all processes, so that the last administrators cannot remove each other."""
    holder = secrets.token_hex(8)
    for _ in range(_TRIES):
        now = clock.now()
        if await store.hold("accounts", holder, now=now, until=now + _HOLD_MS):
            break
        await asyncio.sleep(0.05)
    else:
        raise NotPossible(CHANGED)
    try:
        yield
    finally:
        await store.let_go("accounts", holder)
