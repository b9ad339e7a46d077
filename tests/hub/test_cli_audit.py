"""``hub audit verify``: proves that the log is whole."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from hub.audit import AuditNote
from hub.cli import main
from hub.store import store_for


def write_some(folder: Path, count: int) -> None:
    async def run() -> None:
        store = store_for("", folder)
        await store.open()
        for n in range(count):
            await store.append_audit(AuditNote(at=n, actor="s-1", action="login.ok"))
        await store.close()

    asyncio.run(run())


def verify(folder: Path, *more: str) -> int:
    return main(["audit", "verify", "--data", str(folder), *more])


def test_an_untouched_log_is_proved_and_its_head_can_be_noted(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    write_some(tmp_path, 3)
    assert verify(tmp_path) == 0
    head = capsys.readouterr().out.split()[-1]
    assert head.startswith("3:")
    write_some(tmp_path, 2)
    assert verify(tmp_path, "--noted", head) == 0
    assert capsys.readouterr().out.startswith("5 entries, none changed.")
    assert verify(tmp_path, "--noted", f"9:{head.partition(':')[2]}") == 1
    assert "does not contain entry 9" in capsys.readouterr().err
    assert verify(tmp_path, "--noted", "nonsense") == 1


@pytest.mark.parametrize(
    "crime",
    [
        "UPDATE audit SET body = replace(body, 's-1', 's-2') WHERE n = 2",
        "DELETE FROM audit WHERE n = 2",
    ],
)
def test_who_edits_the_file_by_hand_is_found_out(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, crime: str
) -> None:
    write_some(tmp_path, 3)
    with closing(sqlite3.connect(tmp_path / "hub.db")) as c, c:
        c.execute("DROP TRIGGER audit_never_changes")
        c.execute("DROP TRIGGER audit_never_shrinks")
        c.execute(crime)
    assert verify(tmp_path) == 1
    assert "broken at entry 2" in capsys.readouterr().err


def test_who_lost_phone_and_password_is_let_in_again_from_the_server(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    data = ["--data", str(tmp_path)]
    assert main(["staff", "add", "quan.tri", "Quản Trị", "--role", "admin", *data]) == 0

    async def with_factor() -> None:
        store = store_for("", tmp_path)
        await store.open()
        staff = await store.staff_by_login("quan.tri")
        assert staff
        await store.put_staff(staff.model_copy(update={"second_factor": "sealed", "recovery": ("x",)}))
        await store.close()

    async def now() -> tuple[str | None, list[str]]:
        store = store_for("", tmp_path)
        await store.open()
        staff, log = await store.staff_by_login("quan.tri"), await store.audit_after(0, limit=9)
        await store.close()
        assert staff
        return staff.second_factor, [entry.action for entry in log]

    asyncio.run(with_factor())
    assert main(["staff", "reset-password", "quan.tri", *data]) == 0
    assert asyncio.run(now()) == ("sealed", ["staff.password_reset"])
    assert main(["staff", "reset-password", "quan.tri", "--second-factor", *data]) == 0
    assert asyncio.run(now())[0] is None
