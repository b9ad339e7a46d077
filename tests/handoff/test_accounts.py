"""Staff accounts: the first administrator, one-time passwords, hashes."""

import re
import unicodedata
from random import Random

import pytest
from argon2 import PasswordHasher

from handoff import accounts
from hub.errors import DataError, NotFound
from hub.model import Staff
from hub.ports import Store


async def admin(store: Store) -> Staff:
    staff = await store.staff_by_login("admin")
    assert staff
    return staff


async def test_the_first_administrator_is_made_once(store: Store) -> None:
    password = await accounts.first_admin(store)
    assert password
    assert await accounts.first_admin(store) is None
    staff = await admin(store)
    assert staff.role == "admin"
    assert staff.must_change_password
    assert staff.password_hash.startswith("$argon2id$")
    assert accounts.password_fits(staff, password)
    assert not accounts.password_fits(staff, password + "x")


def test_a_one_time_password_can_be_dictated() -> None:
    password = accounts.one_time_password(Random(7))
    assert re.fullmatch(r"([acdefghjkmnpqrtwxy34679]{4}-){3}[acdefghjkmnpqrtwxy34679]{4}", password)
    assert password != accounts.one_time_password(Random(8))


async def test_a_login_is_one_person(store: Store) -> None:
    await accounts.add_staff(store, " Lan ", "Tổng đài viên Sen", "operator")
    staff = await store.staff_by_login("lan")
    assert staff
    assert staff.name == "Tổng đài viên Sen"
    with pytest.raises(DataError, match="taken"):
        await accounts.add_staff(store, "LAN", "Một người khác", "operator")
    with pytest.raises(DataError, match="needs"):
        await accounts.add_staff(store, "  ", "Không tên đăng nhập", "operator")


async def test_a_reset_ends_sessions_and_must_be_changed(store: Store) -> None:
    first = await accounts.first_admin(store)
    before = await admin(store)
    again, _ = await accounts.reset_password(store, "Admin")
    after = await admin(store)
    assert again != first
    assert after.session_epoch == before.session_epoch + 1
    assert after.must_change_password
    assert accounts.password_fits(after, again)
    with pytest.raises(NotFound):
        await accounts.reset_password(store, "nobody")


def test_a_password_is_the_same_however_it_is_typed() -> None:
    """Input methods differ: some compose Vietnamese letters, some leave the marks apart."""
    staff = Staff(id="s", login="lan", name="Lan", role="operator", password_hash="x")
    staff = accounts.with_password(staff, unicodedata.normalize("NFD", "bông lúa vàng"))
    assert accounts.password_fits(staff, "bông lúa vàng")


def test_nobody_and_a_broken_hash_never_fit() -> None:
    assert not accounts.password_fits(None, "anything")
    broken = Staff(id="s", login="lan", name="Lan", role="operator", password_hash="not a hash")
    assert not accounts.password_fits(broken, "anything")


def test_a_hash_made_with_weaker_parameters_is_renewed() -> None:
    weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("mat-khau-cu")
    staff = Staff(id="s", login="lan", name="Lan", role="operator", password_hash=weak)
    renewed = accounts.rehashed(staff, "mat-khau-cu")
    assert renewed.password_hash != weak
    assert accounts.password_fits(renewed, "mat-khau-cu")
    assert renewed.session_epoch == staff.session_epoch
    assert accounts.rehashed(renewed, "mat-khau-cu") is renewed


@pytest.mark.parametrize(
    ("password", "again", "problem"),
    [
        ("mat-khau-moi", "mat-khau-mo", "không giống nhau"),
        ("ngan", "ngan", "ít nhất 10"),
        ("x" * 201, "x" * 201, "dài quá"),
        ("tongdaivien", "tongdaivien", "tên đăng nhập"),
        ("mat-khau-cu", "mat-khau-cu", "phải khác"),
        ("mat-khau-moi", "mat-khau-moi", None),
    ],
)
def test_what_a_new_password_must_be(password: str, again: str, problem: str | None) -> None:
    staff = Staff(id="s", login="tongdaivien", name="Lan", role="operator", password_hash="x")
    staff = accounts.with_password(staff, "mat-khau-cu")
    found = accounts.password_problem(staff, password, again)
    assert (found is None) if problem is None else (found is not None and problem in found)
