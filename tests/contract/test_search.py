"""Search in a store: with and without diacritics, numbers in any grouping, nothing of the erased."""

import sqlite3
from contextlib import closing
from typing import Any

import pytest

from bot.text import fold
from hub.model import Conversation, Draft, FoundKind, TicketChange
from hub.ports import Store
from hub.store.search import asked, folded, words_of
from tests.contract.builders import T0, arrive, event, ticket, turn


async def said(store: Store, text: str, n: int = 1, **fields: Any) -> str:
    """The conversation a citizen said it in."""
    who = fields.pop("conversation", f"c-{n}")
    (message,) = await arrive(store, event(f"x-{n}", text, conversation=who, **fields), at=T0 + n)
    return str(message.conversation)


async def found(store: Store, question: str, kind: FoundKind | None = None) -> list[tuple[str, int]]:
    return [(one.kind, one.at - T0) for one in await store.search(question, limit=20, kind=kind)]


@pytest.mark.parametrize("text", ["Đường Nguyễn Huệ ỔI", "Thửa đất 12/2026", "İ ß Ǆ", ""])
def test_words_are_folded_as_everywhere_else(text: str) -> None:
    assert folded(text) == fold(text)


def test_a_question_is_words_and_one_that_is_begun() -> None:
    assert asked("Đèn đường") == (["den"], "duong")
    assert asked("a b") == (["a", "b"], None), "one letter begins too many"
    assert asked("0912 345.678") == ([], "0912345678")
    assert asked("+84912345678 đèn") == (["0912345678"], "den")
    assert asked(' "; DROP') == ([], "drop")
    assert asked("?!") == ([], None)
    assert "0912345678" in words_of("gọi 0912.345.678 nhé")


async def test_what_was_said_is_found_with_and_without_diacritics(store: Store) -> None:
    await said(store, "Đèn đường hỏng rồi", 1)
    await said(store, "den duong khong sang", 2)
    await said(store, "Xin giấy khai sinh", 3)
    for question in ("đèn đường", "den duong", "ĐÈN  ĐƯỜNG!", "den đuo"):
        assert await found(store, question) == [("message", 2), ("message", 1)], question
    assert await found(store, "khai sinh") == [("message", 3)]
    assert await found(store, "khai tử") == []
    assert await found(store, "") == []
    assert await found(store, "'; \" * OR NOT") == []
    pages = [await store.search("den", limit=1, skip=n) for n in (0, 1, 2)]
    assert [[one.at for one in page] for page in pages] == [[T0 + 2], [T0 + 1], []]


async def test_operators_words_and_notes_are_found_the_bots_are_not(store: Store) -> None:
    conversation = await said(store, "Chào", 1)
    notes = (Draft(text="đã gọi công ty điện lực", internal=True), Draft(text="Dạ em xem giúp ạ"))
    await store.commit_turn(
        turn(conversation, "t-1", actor="operator", actor_id="s-1", at=T0 + 5, says=notes)
    )
    await store.commit_turn(turn(conversation, "t-2", at=T0 + 6, says=(Draft(text="điện lực trả lời"),)))
    assert await found(store, "điện lực") == [("message", 5)]
    assert await found(store, "xem giup") == [("message", 5)]


async def test_an_edited_message_is_found_by_what_it_says_now(store: Store) -> None:
    (message,) = await arrive(store, event("x-1", "mất nước"), at=T0 + 1)
    assert await found(store, "mất nước") == [("message", 1)]
    await store.amend_message(message.id, now=T0 + 9, text="mất điện")
    assert await found(store, "mat nuoc") == []
    assert await found(store, "mat dien") == [("message", 1)]


async def test_tickets_are_found_by_code_place_and_words(store: Store) -> None:
    conversation = await said(store, "alo", 1)
    new = ticket(conversation, 42, details={"phone": "0912 345 678", "location": "chợ Mỹ Tho"})
    await store.commit_turn(turn(conversation, "t-1", ticket=new))
    for question in ("1022-2026-000042", "1022 2026 000042", "2026-000042", "000042", "my tho", "0912345678"):
        assert await found(store, question, "ticket") == [("ticket", 42)], question
    change = TicketChange(ticket=new.id, fields={"summary": "Cống nghẹt"})
    await store.commit_turn(turn(conversation, "t-2", actor="operator", at=T0 + 50, change=change))
    assert await found(store, "cong nghet") == [("ticket", 42)]
    assert await found(store, "tổng đài viên") == []


async def test_people_are_found_by_name_number_and_address(store: Store) -> None:
    conversation = await said(store, "alo", 1, conversation="nguoi.a@example.org")
    await store.note_person(conversation, now=T0, name="Người dân Ất", contact={"phone": "+84912345678"})
    for question in ("nguoi dan at", "0912 345 678", "nguoi.a@example.org", "09123"):
        assert await found(store, question, "person") == [("person", 1)], question
    await store.note_person(conversation, now=T0, name="Người dân Bính")
    assert await found(store, "nguoi dan at", "person") == []


async def test_an_erased_person_is_not_found(store: Store, store_url: str) -> None:
    conversation = await said(store, "tôi ở hẻm Zyxwv", 1)
    await said(store, "người khác ở hẻm khác", 2)
    await store.note_person(conversation, now=T0, name="Zyxwv")
    new = ticket(conversation, 3, details={"location": "Zyxwv"})
    await store.commit_turn(turn(conversation, "t-1", ticket=new))
    assert len(await found(store, "zyxwv")) == 3
    for _ in range(2):
        await store.erase_person(conversation, now=T0 + 9)
        assert await found(store, "zyxwv") == []
        assert await found(store, "000003") == [("ticket", 3)], "the case stays, without them"
    assert await found(store, "hẻm") == [("message", 2)]
    if store_url.startswith("sqlite"):
        with closing(sqlite3.connect(store_url.removeprefix("sqlite:///"))) as c:
            index = repr(c.execute("SELECT block FROM search_words_data").fetchall())
        assert "zyxwv" not in index
    await said(store, "tôi lại nhắn", 4, conversation="c-1")
    known = await store.conversation(conversation)
    assert isinstance(known, Conversation)
    assert await found(store, "lai nhan") == [("message", 4)]
    assert await found(store, "c-1", "person") == [("person", 1)]
