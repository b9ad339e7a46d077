"""The command line as scripts use it: in process, but through ``main`` with real arguments and a real store."""

import asyncio
import io
import json
import socket
from pathlib import Path

import pytest

from bot.knowledge import seed_docs
from hub.cli import main
from hub.model import KnowledgeEdit, Raw
from hub.store.sqlite import SqliteStore


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_search_never_abstains(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["search", "lam giay khai sinh", "--json", "--data", str(tmp_path)]) == 0
    (found,) = lines(capsys)
    assert found["id"] is None
    assert found["procedures"][0] == "dang-ky-khai-sinh"
    assert len(found["procedures"]) == len(found["scores"]) == 10
    assert found["scores"] == sorted(found["scores"], reverse=True)


def test_search_reads_lines_and_keeps_their_order(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked = [{"id": "b", "query": "đăng ký kết hôn"}, {"id": 1, "query": "xyzzy"}]
    monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(map(json.dumps, asked)) + "\n"))
    assert main(["search", "--json", "--data", str(tmp_path)]) == 0
    first, second = lines(capsys)
    assert (first["id"], second["id"]) == ("b", 1)
    assert first["procedures"][0] == "dang-ky-ket-hon"
    assert second["procedures"]


@pytest.mark.parametrize("line", ["not json", "[]", '{"id": 1}', '{"id": 1, "query": 2}'])
def test_a_wrong_line_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, line: str
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f'{{"id": 0, "query": "a"}}\n{line}\n'))
    assert main(["search", "--data", str(tmp_path)]) == 2
    assert "line 2" in capsys.readouterr().err


def test_an_import_is_found_at_once_and_a_broken_one_changes_nothing(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    good = tmp_path / "moi.csv"
    good.write_text(
        "id,name,aliases,field,level,agency,as_of\n"
        "nuoi-chim-yen,Đăng ký nuôi chim yến,nuôi yến; xây nhà yến; làm nhà yến,Chăn nuôi,xa,dt-ubnd-xa,2026-11\n"
    )
    broken = tmp_path / "hong.csv"
    broken.write_text(
        "id,name,aliases,field,level,agency,as_of\nnuoi-ca,Nuôi cá,nuôi cá,Thủy sản,sao-hoa,dt-ubnd-xa,2026-11\n"
    )
    data = str(tmp_path / "data")
    assert main(["kb", "import", str(broken), "--data", data]) == 1
    told = capsys.readouterr().err
    assert "level" in told or "cấp" in told
    assert main(["kb", "import", str(good), "--data", data]) == 0
    capsys.readouterr()
    assert main(["search", "xây nhà yến", "--json", "--data", data]) == 0
    (found,) = lines(capsys)
    assert found["procedures"][0] == "nuoi-chim-yen"
    assert "nuoi-ca" not in found["procedures"]
    assert "dang-ky-khai-sinh" in json.dumps(_search(capsys, "khai sinh", data))


def test_an_import_keeps_what_editors_changed_unless_told_otherwise(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "moi.yml"
    entry = {
        "id": "dang-ky-khai-sinh", "name": "Khai sinh (bản nhập)", "aliases": [], "field": "Hộ tịch", "level": "xa",
        "agency": "dt-ubnd-xa", "as_of": "2026-11",
    }  # fmt: skip
    file.write_text(json.dumps([entry], ensure_ascii=False), encoding="utf-8")
    command = ["kb", "import", str(file), "--data", str(tmp_path)]

    async def edited() -> tuple[str, list[KnowledgeEdit]]:
        """Have an editor change the entry, if nobody has yet; its name and its history."""
        store = SqliteStore(tmp_path / "hub.db")
        await store.open()
        try:
            await store.put_knowledge(seed_docs(), now=1)
            before = await store.knowledge_entry("procedure", entry["id"])
            assert before is not None
            if before.origin == "seed":
                body = before.body | {"name": "Khai sinh (đã sửa)"}
                after = before.model_copy(update={"body": body, "origin": "editor"})
                await store.commit_edit(
                    KnowledgeEdit(
                        id="e-1", kind="procedure", entry=before.id, before=before, after=after, state="applied",
                        by="s-1", at=1,
                    )
                )  # fmt: skip
            kept = await store.knowledge_entry("procedure", entry["id"])
            assert kept is not None
            return kept.body["name"], await store.knowledge_edits(limit=9)
        finally:
            await store.close()

    assert asyncio.run(edited())[0] == "Khai sinh (đã sửa)"
    assert main(command) == 0
    assert "kept as edited in the console" in capsys.readouterr().out
    assert asyncio.run(edited())[0] == "Khai sinh (đã sửa)"
    assert main([*command, "--replace-edits"]) == 0
    name, history = asyncio.run(edited())
    assert name == "Khai sinh (bản nhập)"
    assert [edit.by for edit in history] == ["import", "s-1"]


def _search(capsys: pytest.CaptureFixture[str], query: str, data: str) -> dict:
    assert main(["search", query, "--json", "--data", data]) == 0
    (found,) = lines(capsys)
    return found


def test_the_products_own_knowledge_is_in_order(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["kb", "check"]) == 0


def test_an_empty_store_balances(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["reconcile", "--json", "--data", str(tmp_path)]) == 0
    (total,) = lines(capsys)
    assert total["balanced"]


def test_staff_are_added_with_a_one_time_password(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    data = ["--data", str(tmp_path)]
    assert main(["staff", "add", "tdv1", "Tổng đài viên số 1", *data]) == 0
    assert "one-time password of tdv1: " in capsys.readouterr().out
    assert main(["staff", "add", "tdv1", "Tổng đài viên số 1", *data]) == 1
    assert main(["staff", "reset-password", "nobody", *data]) == 1
    store = SqliteStore(tmp_path / "hub.db")

    async def kept() -> int:
        await store.open()
        try:
            return await store.count_staff()
        finally:
            await store.close()

    assert asyncio.run(kept()) == 1


def test_a_taken_port_is_one_clear_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert main(["up", "--port", str(port), "--data", str(tmp_path)]) == 1
    complaints = [line for line in capsys.readouterr().err.splitlines() if line.startswith("hub: ")]
    assert complaints == [f"hub: port {port} is taken: stop what uses it, or choose another with --port"]


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("HUB_NOPE", "1", "HUB_NOPE"),
        ("HUB_PORT", "eighty", "port"),
        ("HUB_STORE_URL", "oracle://x", "oracle"),
    ],
)
def test_wrong_settings_are_named_but_not_their_values(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    name: str,
    value: str,
    told: str,
) -> None:
    monkeypatch.setenv(name, value)
    assert main(["up", "--data", str(tmp_path)]) == 1
    assert told in capsys.readouterr().err


def test_a_store_of_a_newer_hub_is_left_alone(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    import sqlite3

    connection = sqlite3.connect(tmp_path / "hub.db")
    connection.execute("PRAGMA user_version=999")
    connection.commit()
    connection.close()
    assert main(["reconcile", "--data", str(tmp_path)]) == 1
    assert "newer hub" in capsys.readouterr().err


def test_a_data_folder_that_cannot_be_written_is_one_clear_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    assert main(["reconcile", "--data", str(tmp_path / "file")]) == 1
    (told,) = capsys.readouterr().err.splitlines()
    assert "cannot open the store" in told


def test_a_mail_that_could_not_be_read_is_shown_and_read_again(
    capsysbinary: pytest.CaptureFixture[bytes], tmp_path: Path
) -> None:
    body = b"From: a@example.vn\r\n\r\n\xff"
    data = ["--data", str(tmp_path)]

    async def put_aside() -> None:
        store = SqliteStore(tmp_path / "hub.db")
        await store.open()
        kept = Raw(id="r_1", channel="email", received_at=1_795_000_000_000, body=body)
        await store.put_raw(kept)
        await store.take_in(kept, [], refused=1, error="RuntimeError", now=1, due_at=1)
        await store.close()

    asyncio.run(put_aside())
    assert main(["quarantine", "list", "--json", *data]) == 0
    (line,) = capsysbinary.readouterr().out.splitlines()
    assert json.loads(line) == {
        "id": "r_1", "channel": "email", "received_at": "2026-11-18T11:06:40.000Z", "size": len(body), "error": "RuntimeError"
    }  # fmt: skip
    assert main(["quarantine", "show", "r_1", *data]) == 0
    assert capsysbinary.readouterr().out == body
    assert main(["quarantine", "replay", *data]) == 0
    assert main(["quarantine", "list", "--json", *data]) == 0
    assert b"r_1" not in capsysbinary.readouterr().out
    assert main(["quarantine", "replay", "r_1", *data]) == 1
    assert main(["quarantine", "show", "r_9", *data]) == 1
    assert len(capsysbinary.readouterr().err.splitlines()) == 2
