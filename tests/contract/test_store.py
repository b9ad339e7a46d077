"""What every store promises (``hub.ports.Store``). Each implementation runs all of it."""

import asyncio
import unicodedata
from typing import Any

import pytest

from hub.errors import LeaseLost, NotFound, OwnerChanged, StoreUnavailable
from hub.model import Button, Committed, Dialogue, Draft, KnowledgeDoc, Raw, Staff, TicketChange
from hub.ports import LONGEST_PAUSE_MS, Store
from tests.contract.builders import T0, arrive, event, queue, raw, ticket, turn


async def answer(store: Store, *texts: str, turn_id: str = "t-1", at: int = T0, **fields: Any) -> Committed:
    """Lease the conversation that is due and answer it."""
    lease = await store.lease_conversation(now=at, until=at + 30_000)
    assert lease is not None
    fields.setdefault("handles", lease.conversation.last_seq)
    fields.setdefault("outcome", "answered")
    says = tuple(Draft(text=text) for text in texts)
    return await store.commit_turn(turn(lease.conversation, turn_id, says=says, at=at, **fields), lease)


# ---- opening


async def test_opening_again_changes_nothing_and_one_close_ends_it(store: Store) -> None:
    await store.open()
    await arrive(store, event("a"))
    await store.close()
    with pytest.raises(StoreUnavailable):
        await store.ping()
    await store.open()
    assert len(await store.touched_since(0)) == 1


# ---- intake


async def test_a_message_gets_the_next_number_of_its_conversation(store: Store) -> None:
    (first,) = await arrive(store, event("a"))
    (second,) = await arrive(store, event("b"))
    (other,) = await arrive(store, event("c", conversation="c-2"))
    assert (first.seq, second.seq, other.seq) == (1, 2, 1)
    assert first.conversation == second.conversation != other.conversation


async def test_the_same_external_id_is_one_message(store: Store) -> None:
    (first,) = await arrive(store, event("a", "một"))
    (again,) = await arrive(store, event("a", "một"), raw_id="r-again")
    assert again.id == first.id
    assert again.seq == 1
    assert len(await store.messages(first.conversation)) == 1
    books = await store.books(now=T0, grace_ms=60_000)
    assert (books.raw_items, books.events, books.duplicates) == (2, 1, 1)
    assert not books.problems


async def test_duplicates_racing_are_one_message(store: Store) -> None:
    results = await asyncio.gather(*(arrive(store, event("a"), raw_id=f"r-{n}") for n in range(20)))
    assert {message.seq for (message,) in results} == {1}
    books = await store.books(now=T0, grace_ms=60_000)
    assert (books.events, books.duplicates) == (1, 19)


async def test_concurrent_messages_are_numbered_without_gaps(store: Store) -> None:
    results = await asyncio.gather(*(arrive(store, event(f"m{n}")) for n in range(50)))
    assert sorted(message.seq for (message,) in results) == list(range(1, 51))


async def test_a_receipt_is_kept_but_is_no_message(store: Store) -> None:
    await arrive(store, event("a"))
    assert await arrive(store, event("seen-a", "", kind="read"), raw_id="r-2") == []
    await arrive(store, event("seen-a", "", kind="read"), raw_id="r-3")
    books = await store.books(now=T0, grace_ms=60_000)
    assert (books.events, books.duplicates) == (2, 1)


@pytest.mark.parametrize(
    "text",
    [
        "Đăng ký khai sinh ở Cao Lãnh",
        unicodedata.normalize("NFD", "Đăng ký khai sinh"),
        "😀👩‍👩‍👧 cảm ơn",
        "a\x00b",
        "",
        "dài " * 250_000,
    ],
    ids=["nfc", "nfd", "emoji", "nul", "empty", "1MB"],
)
async def test_text_comes_back_as_nfc(store: Store, text: str) -> None:
    (message,) = await arrive(store, event("a", text))
    (kept,) = await store.messages(message.conversation)
    assert kept.text == unicodedata.normalize("NFC", text)


async def test_everything_of_a_message_comes_back(store: Store) -> None:
    from hub.model import Attachment

    sent = event(
        "9223372036854775807",
        attachments=(
            Attachment(type="image", url="https://example.org/a.jpg", size=2**40, lat=10.46, lon=105.63),
        ),
        reply_to="x",
        data={"n": 2**60, "nested": [None, True, {"k": "v"}]},
    )
    (message,) = await arrive(store, sent)
    (kept,) = await store.messages(message.conversation)
    assert kept == message
    assert kept.attachments == sent.attachments
    assert kept.data == sent.data
    assert kept.external_id == "9223372036854775807"


async def test_a_delivery_is_leased_once_and_again_when_its_worker_died(store: Store) -> None:
    await store.put_raw(raw("r-1", bytes(range(256))))
    await store.put_raw(raw("r-1", b"other"))
    first = await store.lease_raw(now=T0, until=T0 + 10)
    assert first is not None
    assert (first.id, first.body) == ("r-1", bytes(range(256)))
    assert await store.lease_raw(now=T0, until=T0 + 10) is None
    again = await store.lease_raw(now=T0 + 10, until=T0 + 20)
    assert again is not None
    assert again.id == "r-1"
    await store.take_in(again, [], refused=1, error="AlienPayload", now=T0, due_at=T0)
    assert (await store.books(now=T0, grace_ms=60_000)).refused == 1


async def test_while_one_is_parsed_the_later_ones_of_its_channel_stay(store: Store) -> None:
    for n in range(3):
        await store.put_raw(raw(f"r-{n}", at=T0 + n))
    await store.put_raw(raw("z-1", at=T0 + 9).model_copy(update={"channel": "zalo"}))
    first = await store.lease_raw(now=T0 + 9, until=T0 + 19)
    elsewhere = await store.lease_raw(now=T0 + 9, until=T0 + 19)
    assert first is not None
    assert elsewhere is not None
    assert (first.id, elsewhere.id) == ("r-0", "z-1")
    assert await store.lease_raw(now=T0 + 18, until=T0 + 19) is None
    signal = event("s", kind="read")
    await store.take_in(first, [signal], refused=0, error=None, now=T0 + 9, due_at=T0, finished=False)
    second = await store.lease_raw(now=T0 + 18, until=T0 + 100)
    assert second is not None, "only the effects of the first are left: they hold up nobody"
    assert second.id == "r-1"
    again = await store.lease_raw(now=T0 + 19, until=T0 + 100)
    assert again is not None
    assert again.id == "r-0"


# ---- leases and turns


async def test_concurrent_workers_lease_each_conversation_once(store: Store) -> None:
    for n in range(10):
        await arrive(store, event(f"m{n}", conversation=f"c-{n}"))
    leases = await asyncio.gather(*(store.lease_conversation(now=T0, until=T0 + 30_000) for _ in range(40)))
    got = [lease.conversation.id for lease in leases if lease is not None]
    assert len(got) == len(set(got)) == 10


async def test_a_lease_runs_out_and_its_first_holder_can_commit_no_more(store: Store) -> None:
    await arrive(store, event("a"))
    dead = await store.lease_conversation(now=T0, until=T0 + 100)
    assert dead is not None
    assert await store.lease_conversation(now=T0 + 99, until=T0 + 200) is None
    alive = await store.lease_conversation(now=T0 + 100, until=T0 + 200)
    assert alive is not None
    assert alive.attempts == 2
    with pytest.raises(LeaseLost):
        await store.commit_turn(turn(dead.conversation, "t-1", handles=1, outcome="answered"), dead)
    await store.commit_turn(turn(alive.conversation, "t-1", handles=1, outcome="answered"), alive)


async def test_nothing_is_due_before_its_time_and_a_pause_has_an_end(store: Store) -> None:
    for n in range(10):
        delivery = raw(f"r-{n}", at=T0 + n * 1000)
        await store.put_raw(delivery)
        await store.take_in(
            delivery, [event(f"m{n}")], refused=0, error=None, now=T0 + n * 1000, due_at=T0 + n * 1000 + 1500
        )
    assert await store.lease_conversation(now=T0 + 1500 + LONGEST_PAUSE_MS - 1, until=T0 + 60_000) is None
    assert await store.lease_conversation(now=T0 + 1500 + LONGEST_PAUSE_MS, until=T0 + 60_000) is not None


async def test_a_turn_is_one_step(store: Store) -> None:
    (message,) = await arrive(store, event("a"))
    done = await answer(
        store,
        "Dạ chào anh/chị",
        "Em nghe ạ",
        dialogue=Dialogue(events=({"event": "slot", "name": "procedure", "value": "dang-ky-khai-sinh"},)),
        ticket=ticket(message.conversation),
        owner="human",
    )
    assert [m.seq for m in done.messages] == [2, 3]
    conversation = await store.conversation(message.conversation)
    assert conversation is not None
    assert (conversation.owner, conversation.epoch, conversation.last_seq, conversation.handled_seq) == (
        "human", 1, 3, 1,
    )  # fmt: skip
    assert conversation.ticket == "k-1"
    assert conversation.dialogue.events[0]["value"] == "dang-ky-khai-sinh"
    inbound, *replies = await store.messages(message.conversation)
    assert (inbound.outcome, inbound.turn) == ("answered", "t-1")
    assert [(m.text, m.author, m.delivery) for m in replies] == [
        ("Dạ chào anh/chị", "bot", "queued"),
        ("Em nghe ạ", "bot", "queued"),
    ]
    assert (
        await store.ticket_by_code("1022-2026-000001")
        == await store.ticket("k-1")
        == ticket(message.conversation)
    )


async def test_the_same_turn_again_changes_nothing(store: Store) -> None:
    (message,) = await arrive(store, event("a"))
    first = await answer(store, "một")
    again = await store.commit_turn(turn(message.conversation, "t-1", says=(Draft(text="khác"),)))
    assert first.fresh
    assert not again.fresh
    assert again.messages == first.messages
    assert len(await store.messages(message.conversation)) == 2


async def test_a_refused_turn_leaves_nothing(store: Store) -> None:
    (message,) = await arrive(store, event("a"))
    with pytest.raises(NotFound):
        await answer(store, "một", change=TicketChange(ticket="k-none", state="closed"))
    assert len(await store.messages(message.conversation)) == 1
    with pytest.raises(NotFound):
        await store.commit_turn(turn("c-none", "t-2"))


async def test_a_person_who_takes_over_silences_the_bot_that_was_thinking(store: Store) -> None:
    (message,) = await arrive(store, event("a"))
    lease = await store.lease_conversation(now=T0, until=T0 + 30_000)
    assert lease is not None
    await store.commit_turn(
        turn(message.conversation, "take", actor="operator", actor_id="s-1", handles=1, outcome="ticketed",
             owner="human", operator="s-1")
    )  # fmt: skip
    late = turn(lease.conversation, "t-1", handles=1, outcome="answered", says=(Draft(text="trễ"),),
                expects_epoch=lease.conversation.epoch)  # fmt: skip
    with pytest.raises((OwnerChanged, LeaseLost)):
        await store.commit_turn(late, lease)
    with pytest.raises(OwnerChanged):
        await store.commit_turn(late)
    (kept,) = await store.messages(message.conversation)
    assert kept.outcome == "ticketed"


async def test_what_comes_in_during_a_turn_waits_for_the_next(store: Store) -> None:
    (message,) = await arrive(store, event("a"))
    lease = await store.lease_conversation(now=T0, until=T0 + 30_000)
    assert lease is not None
    await arrive(store, event("b"), at=T0 + 5)
    await store.commit_turn(turn(lease.conversation, "t-1", handles=1, outcome="answered"), lease)
    following = await store.lease_conversation(now=T0 + 5, until=T0 + 30_000)
    assert following is not None
    assert following.conversation.handled_seq == 1
    assert [m.outcome for m in await store.messages(message.conversation)] == ["answered", None]


async def test_the_bot_is_silent_while_a_person_has_the_conversation(store: Store) -> None:
    (message,) = await arrive(store, event("a"))
    await answer(store, "chuyển", owner="human", ticket=ticket(message.conversation), outcome="ticketed")
    (later,) = await arrive(store, event("b"), at=T0 + 1)
    assert later.outcome == "ticketed"
    assert await store.lease_conversation(now=T0 + 9_999, until=T0 + 30_000) is None
    await store.commit_turn(
        turn(message.conversation, "back", actor="operator", actor_id="s-1", owner="bot", at=T0 + 2,
             change=TicketChange(ticket="k-1", state="closed", note="xong"))
    )  # fmt: skip
    (third,) = await arrive(store, event("c"), at=T0 + 3)
    assert third.outcome is None
    assert await store.lease_conversation(now=T0 + 3, until=T0 + 30_000) is not None
    conversation = await store.conversation(message.conversation)
    assert conversation is not None
    assert (conversation.ticket, conversation.operator, conversation.epoch) == (None, None, 2)
    closed = await store.ticket("k-1")
    assert closed is not None
    assert [(e.state, e.actor, e.note) for e in closed.history] == [
        ("new", "bot", None),
        ("closed", "s-1", "xong"),
    ]


async def test_ticket_numbers_are_never_given_twice(store: Store) -> None:
    numbers = await asyncio.gather(*(store.next_ticket_number(2026) for _ in range(30)))
    assert sorted(numbers) == list(range(1, 31))
    assert await store.next_ticket_number(2027) == 1


# ---- outbox


async def test_the_outbox_keeps_each_conversations_order(store: Store) -> None:
    (message,) = await arrive(store, event("a"))
    await answer(store, "một", "hai")
    (first,) = await store.lease_outbox(now=T0, until=T0 + 100, limit=10)
    assert first.message.text == "một"
    assert await store.lease_outbox(now=T0, until=T0 + 100, limit=10) == []
    await store.settle_outgoing(first, "queued", now=T0, retry_at=T0 + 50, error="NotSent")
    assert await store.lease_outbox(now=T0 + 49, until=T0 + 100, limit=10) == [], (
        "the second may not overtake"
    )
    (again,) = await store.lease_outbox(now=T0 + 50, until=T0 + 100, limit=10)
    assert (again.message.text, again.attempts, again.interrupted) == ("một", 2, False)
    assert await store.settle_outgoing(again, "sent", now=T0 + 51, external_id="x-1")
    (second,) = await store.lease_outbox(now=T0 + 51, until=T0 + 200, limit=10)
    assert second.message.text == "hai"
    kept = await store.messages(message.conversation)
    assert (kept[1].delivery, kept[1].external_id) == ("sent", "x-1")


async def test_a_send_whose_worker_died_is_marked_interrupted(store: Store) -> None:
    await arrive(store, event("a"))
    await answer(store, "một")
    (dead,) = await store.lease_outbox(now=T0, until=T0 + 100, limit=10)
    (next_,) = await store.lease_outbox(now=T0 + 100, until=T0 + 200, limit=10)
    assert next_.interrupted
    assert not await store.settle_outgoing(dead, "sent", now=T0 + 101)
    assert await store.settle_outgoing(next_, "unknown", now=T0 + 101)


async def test_concurrent_senders_lease_each_message_once(store: Store) -> None:
    for n in range(8):
        await arrive(store, event(f"m{n}", conversation=f"c-{n}"))
        await answer(store, "trả lời", turn_id=f"t-{n}")
    rounds = await asyncio.gather(*(store.lease_outbox(now=T0, until=T0 + 100, limit=3) for _ in range(6)))
    leased = [item.message.id for items in rounds for item in items]
    assert len(leased) == len(set(leased)) == 8


async def test_notes_among_staff_are_never_sent(store: Store) -> None:
    (message,) = await arrive(store, event("a"))
    await store.commit_turn(
        turn(message.conversation, "note", actor="operator", says=(Draft(text="nội bộ", internal=True),))
    )
    assert await store.lease_outbox(now=T0, until=T0 + 100, limit=10) == []


async def test_delivered_and_read_marks_only_go_forward(store: Store) -> None:
    (message,) = await arrive(store, event("a"))
    await answer(store, "một", "hai")
    for _ in range(2):
        (item,) = await store.lease_outbox(now=T0, until=T0 + 100, limit=1)
        await store.settle_outgoing(item, "sent", now=T0)
    await store.mark_delivered(message.conversation, 3, "read", now=T0)
    await store.mark_delivered(message.conversation, 3, "delivered", now=T0)
    assert [m.delivery for m in await store.messages(message.conversation, after=1)] == ["read", "read"]
    await store.mark_delivered(message.conversation, 99, "read", now=T0)
    await store.mark_staff_read(message.conversation, 99, now=T0)
    conversation = await store.conversation(message.conversation)
    assert conversation is not None
    assert (conversation.citizen_read_seq, conversation.staff_read_seq) == (3, 3)


# ---- reading


async def test_paging_neither_skips_nor_repeats(store: Store) -> None:
    (message, *_) = await arrive(store, *(event(f"m{n}") for n in range(25)))
    seen, after = [], 0
    while page := await store.messages(message.conversation, after=after, limit=10):
        seen += [m.seq for m in page]
        after = page[-1].seq
        if len(seen) == 10:
            await arrive(store, event("late"), at=T0 + 1)
    assert seen == list(range(1, 27))
    newest = await store.recent_messages(message.conversation, limit=3)
    assert [m.seq for m in newest] == [24, 25, 26]
    older = await store.recent_messages(message.conversation, before=24, limit=2)
    assert [m.seq for m in older] == [22, 23]


async def test_the_queue_shows_urgent_first_then_oldest(store: Store) -> None:
    for n, priority in ((1, "normal"), (2, "normal"), (3, "urgent")):
        (message,) = await arrive(store, event(f"m{n}", conversation=f"c-{n}"))
        await answer(store, "ok", turn_id=f"t-{n}", ticket=ticket(message.conversation, n, priority=priority))
    assert [t.id for t, _ in await queue(store, limit=10)] == ["k-3", "k-1", "k-2"]
    await store.commit_turn(
        turn(
            message.conversation, "close", actor="operator", change=TicketChange(ticket="k-3", state="closed")
        )
    )
    assert [t.id for t, _ in await queue(store, limit=10)] == ["k-1", "k-2"]
    assert [t.id for t, _ in await queue(store, limit=10, state="closed")] == ["k-3"]


async def test_other_processes_see_what_was_touched(store: Store) -> None:
    (message,) = await arrive(store, event("a"))
    before = dict(await store.touched_since(T0))
    await arrive(store, event("b"), at=T0 + 10)
    after = dict(await store.touched_since(T0 + 10))
    assert after[message.conversation] > before[message.conversation]
    assert await store.touched_since(T0 + 11) == []


async def test_buttons_of_a_reply_come_back(store: Store) -> None:
    (message,) = await arrive(store, event("a"))
    button = Button(title="Lệ phí", payload='/choose_procedure{"procedure":"x"}')
    await store.commit_turn(turn(message.conversation, "t-1", says=(Draft(text="Chọn", buttons=(button,)),)))
    assert (await store.messages(message.conversation))[1].buttons == (button,)


# ---- knowledge and people


async def test_an_import_outlives_the_seed(store: Store) -> None:
    seed = KnowledgeDoc(kind="procedure", id="p", body={"name": "Tên gốc", "n": 1})
    edited = KnowledgeDoc(kind="procedure", id="p", body={"name": "Tên sửa"}, origin="import")
    first = await store.put_knowledge([seed], now=T0)
    assert await store.put_knowledge([seed], now=T0) == first, "nothing new, no new revision"
    second = await store.put_knowledge([edited], now=T0)
    assert second > first
    assert await store.put_knowledge([seed], now=T0) == second
    assert await store.knowledge() == [edited]
    assert await store.knowledge_revision() == second


async def test_staff_are_found_by_id_and_login(store: Store) -> None:
    person = Staff(id="s-1", login="admin", name="Quản trị", role="admin", password_hash="x")
    assert await store.count_staff() == 0
    await store.put_staff(person)
    await store.put_staff(person.model_copy(update={"session_epoch": 1}))
    assert await store.count_staff() == 1
    found = await store.staff_by_login("admin")
    assert found is not None
    assert found == await store.staff("s-1")
    assert found.session_epoch == 1
    assert await store.staff_by_login("nobody") is None


async def test_hits_are_counted_within_their_window(store: Store) -> None:
    assert [await store.count_hit("k", now=T0 + n, window_ms=100) for n in range(3)] == [1, 2, 3]
    assert await store.count_hit("k", now=T0 + 101, window_ms=100) == 2
    await store.clear_hits("k")
    assert await store.count_hit("k", now=T0 + 101, window_ms=100) == 1
    assert await store.count_hit("other", now=T0 + 101, window_ms=100) == 1


# ---- the books


async def test_the_books_count_by_vietnams_day_of_receipt(store: Store) -> None:
    late_evening_utc = 1_795_366_800_000  # 2026-11-22T17:00:00Z = 2026-11-23T00:00 in Vietnam
    await arrive(store, event("a", conversation="c-1"), at=late_evening_utc)
    await arrive(store, event("b", conversation="c-2"), at=late_evening_utc - 1)
    books = await store.books(now=late_evening_utc, grace_ms=60_000)
    assert [(line.day, line.waiting) for line in books.lines] == [("2026-11-22", 1), ("2026-11-23", 1)]


async def test_the_books_follow_a_message_to_its_end(store: Store) -> None:
    async def line() -> tuple[int, int, int, int]:
        books = await store.books(now=T0 + 10, grace_ms=60_000)
        assert not books.problems
        (only,) = books.lines
        return (only.waiting, only.answered, only.ticketed, only.no_reply_due)

    (message,) = await arrive(store, event("a"))
    assert await line() == (1, 0, 0, 0)
    await answer(store, "một")
    assert await line() == (1, 0, 0, 0), "decided, but the reply is not out yet"
    (item,) = await store.lease_outbox(now=T0, until=T0 + 100, limit=1)
    await store.settle_outgoing(item, "sent", now=T0)
    assert await line() == (0, 1, 0, 0)
    await arrive(store, event("auto", automatic=True), at=T0 + 1)
    assert await line() == (0, 1, 0, 1)
    await arrive(store, event("b"), at=T0 + 2)
    await answer(
        store,
        turn_id="t-2",
        at=T0 + 2,
        outcome="ticketed",
        owner="human",
        ticket=ticket(message.conversation),
    )
    assert await line() == (0, 1, 1, 1)


async def test_what_nobody_wrote_is_not_said_in_a_person_s_name(store: Store) -> None:
    """Some platforms let people write longer than machines, and punish who mixes them up."""
    (message,) = await arrive(store, event("a"))
    says = (Draft(text="Chào anh/chị"), Draft(text="Phiếu đã được mở lại.", by_machine=True))
    done = await store.commit_turn(
        turn(message.conversation, "t-9", actor="operator", actor_id="s-1", says=says)
    )
    assert [one.author for one in done.messages] == ["operator", "system"]


async def test_what_was_put_aside_can_be_read_again(store: Store) -> None:
    for n, channel in enumerate(("paper", "zalo")):
        kept = Raw(id=f"r-{n}", channel=channel, received_at=T0 + n, body=b"12345" * (n + 1))
        await store.put_raw(kept)
        await store.take_in(kept, [], refused=1, error="AlienPayload", now=T0, due_at=T0)
    await arrive(store, event("a"))
    aside = await store.put_aside(limit=9)
    assert [(one.id, one.channel, one.received_at, one.size, one.error) for one in aside] == [
        ("r-0", "paper", T0, 5, "AlienPayload"),
        ("r-1", "zalo", T0 + 1, 10, "AlienPayload"),
    ]
    assert await store.put_aside(limit=1) == aside[:1]
    assert not await store.replay_raw("r-9", now=T0), "there is none"
    assert await store.replay_raw("r-0", now=T0 + 60_000)
    assert not await store.replay_raw("r-0", now=T0 + 60_000), "it waits already"
    books = await store.books(now=T0 + 60_001, grace_ms=10)
    assert (books.refused, books.unparsed) == (1, 1)
    assert not any("delivery" in one for one in books.problems), "it has only just begun to wait"
    again = await store.lease_raw(now=T0 + 60_000, until=T0 + 61_000)
    assert again == await store.raw("r-0")
    assert again is not None
    await store.take_in(again, [event("b")], refused=0, error=None, now=T0, due_at=T0)
    assert [one.id for one in await store.put_aside(limit=9)] == ["r-1"]
    books = await store.books(now=T0 + 60_001, grace_ms=100_000)
    assert (books.events, books.refused, books.problems) == (2, 1, ())
    assert await store.raw("nothing") is None


async def test_effects_that_failed_are_carried_out_again(store: Store) -> None:
    kept = raw("r-1")
    await store.put_raw(kept)
    seen = event("seen", kind="read")
    leased = await store.lease_raw(now=T0, until=T0 + 10)
    assert leased is not None
    await store.take_in(leased, [event("a"), seen], refused=0, error=None, now=T0, due_at=T0, finished=False)
    await store.take_in(leased, [], refused=1, error="RuntimeError", now=T0, due_at=T0)
    assert [one.error for one in await store.put_aside(limit=9)] == ["RuntimeError"]
    assert await store.lease_raw(now=T0 + 100, until=T0 + 110) is None
    assert await store.replay_raw("r-1", now=T0 + 100)
    again = await store.lease_raw(now=T0 + 100, until=T0 + 110)
    assert again is not None
    done = await store.take_in(
        again, [event("a"), seen], refused=0, error=None, now=T0, due_at=T0, finished=False
    )
    assert (done.events, done.duplicates) == (0, 2)
    await store.finish_raw("r-1")
    assert await store.put_aside(limit=9) == []
    books = await store.books(now=T0 + 200, grace_ms=100_000)
    assert (books.events, books.duplicates, books.unparsed, books.problems) == (2, 0, 0, ())


async def test_what_an_erased_person_sent_is_not_aside(store: Store) -> None:
    message = (await arrive(store, event("a")))[0]
    kept = raw("r-2")
    await store.put_raw(kept)
    leased = await store.lease_raw(now=T0, until=T0 + 10)
    assert leased is not None
    await store.take_in(
        leased, [event("b", kind="read")], refused=0, error=None, now=T0, due_at=T0, finished=False
    )
    await store.take_in(leased, [], refused=1, error="RuntimeError", now=T0, due_at=T0)
    await store.erase_person(message.conversation, now=T0)
    assert await store.put_aside(limit=9) == []
    assert not await store.replay_raw("r-2", now=T0)


async def test_the_books_name_what_is_stuck(store: Store) -> None:
    await arrive(store, event("a"))
    await store.put_raw(raw("r-stuck"))
    quiet = await store.books(now=T0 + 59_000, grace_ms=60_000)
    assert not quiet.problems
    loud = await store.books(now=T0 + 61_000, grace_ms=60_000)
    assert len(loud.problems) == 2
    assert "stuck" in loud.problems[0]
    await answer(store, "một", at=T0 + 61_000)
    await store.lease_outbox(now=T0 + 61_000, until=T0 + 62_000, limit=1)
    problems = (await store.books(now=T0 + 200_000, grace_ms=60_000)).problems
    assert any("sending" in problem for problem in problems)


async def test_the_books_name_a_dead_reply_nobody_was_told_of(store: Store) -> None:
    (message,) = await arrive(store, event("a"))
    done = await answer(store, "một")
    (item,) = await store.lease_outbox(now=T0, until=T0 + 100, limit=1)
    await store.settle_outgoing(item, "unknown", now=T0)
    assert len((await store.books(now=T0, grace_ms=60_000)).problems) == 1
    await store.commit_turn(
        turn(message.conversation, f"{done.messages[0].id}:undelivered", actor="system", owner="human",
             ticket=ticket(message.conversation))
    )  # fmt: skip
    books = await store.books(now=T0, grace_ms=60_000)
    assert not books.problems
    assert [line.ticketed for line in books.lines] == [1]
