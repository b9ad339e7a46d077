"""Staff accounts: who may sign in to the console, and their passwords (argon2id)."""

import secrets
from random import Random
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from hub.errors import DataError, NotFound
from hub.model import Role, Staff, derived_id, nfc
from hub.ports import Store

MIN_PASSWORD = 10
MAX_PASSWORD = 200  # more is an attempt to keep the hasher busy
FIRST_LOGIN = "admin"

#: No 0/o, 1/i/l, 2/z, 5/s, 8/b, u/v: a one-time password is read from a screen or dictated.
_LETTERS = "acdefghjkmnpqrtwxy34679"
_GROUPS, _GROUP_LENGTH = 4, 4  # 23^16: 72 bits

_hasher = PasswordHasher()
#: What an unknown login is checked against, so that it costs the same time as a known one.
_NOBODY: Final = _hasher.hash(secrets.token_hex(16))


def normal_login(login: str) -> str:
    """Logins are compared without case and outer spaces."""
    return nfc(login).strip().casefold()


def hash_password(password: str) -> str:
    return _hasher.hash(nfc(password))


def password_fits(staff: Staff | None, password: str) -> bool:
    """Whether this is the person's password. Slow on purpose, and as slow for nobody at all."""
    try:
        _hasher.verify(staff.password_hash if staff else _NOBODY, nfc(password)[:MAX_PASSWORD])
    except (Argon2Error, InvalidHashError):
        return False
    return staff is not None


def rehashed(staff: Staff, password: str) -> Staff:
    """The same account with its hash renewed if the hashing parameters have changed since it was made."""
    if not _hasher.check_needs_rehash(staff.password_hash):
        return staff
    return staff.model_copy(update={"password_hash": hash_password(password)})


def with_password(staff: Staff, password: str, *, one_time: bool = False) -> Staff:
    """The account with a new password; every session begun with the old one ends."""
    return staff.model_copy(
        update={
            "password_hash": hash_password(password),
            "must_change_password": one_time,
            "session_epoch": staff.session_epoch + 1,
        }
    )


def password_problem(staff: Staff, password: str, again: str) -> str | None:
    """Why a new password will not do, for the person choosing it."""
    if password != again:
        return "Hai lần nhập mật khẩu mới không giống nhau."
    if len(password) < MIN_PASSWORD:
        return f"Mật khẩu mới cần ít nhất {MIN_PASSWORD} ký tự."
    if len(password) > MAX_PASSWORD:
        return f"Mật khẩu mới dài quá {MAX_PASSWORD} ký tự."
    if normal_login(password) == staff.login:
        return "Mật khẩu mới không được giống tên đăng nhập."
    if password_fits(staff, password):
        return "Mật khẩu mới phải khác mật khẩu đang dùng."
    return None


def one_time_password(rng: Random) -> str:
    """Like ``k7qd-xm3h-9wfa-tc4y``."""
    groups = ("".join(rng.choices(_LETTERS, k=_GROUP_LENGTH)) for _ in range(_GROUPS))
    return "-".join(groups)


async def first_admin(store: Store, rng: Random | None = None) -> str | None:
    """Make the first administrator if there is nobody yet; the one-time password, to be shown once."""
    if await store.count_staff():
        return None
    return await add_staff(store, FIRST_LOGIN, "Quản trị viên", "admin", rng)


async def add_staff(store: Store, login: str, name: str, role: Role, rng: Random | None = None) -> str:
    """Add an account; its one-time password, which must be changed at the first login.

    Raises:
        DataError: the login is empty or taken, or the name is empty.
    """
    login, name = normal_login(login), name.strip()
    if not login or not name:
        raise DataError("a staff account needs a login and a name")
    if await store.staff_by_login(login) is not None:
        raise DataError(f"the login {login!r} is taken")
    password = one_time_password(rng or secrets.SystemRandom())
    await store.put_staff(
        Staff(
            id=derived_id("s", login),
            login=login,
            name=name,
            role=role,
            password_hash=hash_password(password),
            must_change_password=True,
        )
    )
    return password


async def reset_password(
    store: Store, login: str, rng: Random | None = None, *, second_factor: bool = False
) -> tuple[str, str]:
    """Give an account a new one-time password and end its sessions, if wanted without its second factor; the
    password and the account's id.

    Raises:
        NotFound: nobody has this login.
    """
    staff = await store.staff_by_login(normal_login(login))
    if staff is None:
        raise NotFound(f"no staff account {login!r}")
    password = one_time_password(rng or secrets.SystemRandom())
    changed = with_password(staff, password, one_time=True)
    if second_factor:
        changed = changed.model_copy(update={"second_factor": None, "recovery": ()})
    await store.put_staff(changed)
    return password, staff.id
