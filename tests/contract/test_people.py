"""What becomes known after somebody spoke: effects of deliveries, edits, echoes, names, consents."""

import asyncio
import unicodedata
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from hub.errors import NotFound
from hub.model import Consent, Conversation, Delivery, Draft, Message
from hub.ports import Store
from hub.store import store_for
from tests.contract.builders import T0, arrive, event, raw, ticket, turn
from tests.contract.test_crash import NOW, deaths, opened, picture

NFD = unicodedata.normalize("NFD", "Đường Nguyễn Huệ 😀👩‍👩‍👧")
NFC = unicodedata.normalize("NFC", NFD)


@pytest.fixture
async def other(store_url: str, store: Store) -> AsyncIterator[Store]:
    """Another hub's store on the same data."""
    other = store_for(store_url, Path())
    await other.open()
    yield other
    await other.close()


async def talk(store: Store, conversation: str) -> Conversation:
    found = await store.conversation(conversation)
    assert found is not None
    return found


async def said(store: Store, *drafts: Draft, actor: Any = "bot") -> tuple[Message, ...]:
    """A citizen's message and what it was answered."""
    (message,) = await arrive(store, event("a"))
    done = await store.commit_turn(
        turn(message.conversation, "t-1", actor=actor, handles=1, outcome="answered", says=drafts)
    )
    return (message, *done.messages)


async def settled(store: Store, delivery: Delivery, external_id: str | None = None) -> Message:
    """A reply whose send has come out like this."""
    reply = (await said(store, Draft(text="Dạ")))[1]
    if delivery != "queued":
        (item,) = await store.lease_outbox(now=T0, until=T0 + 30_000, limit=1)
        if delivery != "sending":
            await store.settle_outgoing(
                item, "sent" if delivery in ("delivered", "read") else delivery, now=T0, external_id=external_id
            )  # fmt: skip
        if delivery in ("delivered", "read"):
            await store.mark_delivered(reply.conversation, reply.seq, delivery, now=T0)
    return reply


# ---- deliveries whose events have effects


async def test_effects_that_must_wait_are_leased_again_when_they_said(store: Store) -> None:
    delivery = raw("r-1")
    await store.put_raw(delivery)
    await store.lease_raw(now=T0, until=T0 + 9_000)
    await store.postpone_raw("r-1", until=T0)  # not taken in yet: it stays with its worker
    assert await store.lease_raw(now=T0 + 1, until=T0 + 2) is None
    echo = event("e", kind="echo")
    await store.take_in(delivery, [echo], refused=0, error=None, now=T0, due_at=T0, finished=False)
    await store.postpone_raw("r-1", until=T0 + 2_000)
    assert await store.lease_raw(now=T0 + 1_999, until=T0 + 9_000) is None
    assert await store.lease_raw(now=T0 + 2_000, until=T0 + 9_000) == delivery
    await store.finish_raw("r-1")
    await store.postpone_raw("r-1", until=T0)
    assert await store.lease_raw(now=T0 + 99_000, until=T0 + 99_999) is None


async def test_what_a_draft_asks_for_reaches_its_message(store: Store) -> None:
    (message,) = await arrive(store, event("1"))
    asking = Draft(text="Anh/chị cho em xin số điện thoại ạ", ask="contact")
    await store.commit_turn(turn(message.conversation, "t-1", says=(asking, Draft(text="Em cảm ơn"))))
    _, asked, thanked = await store.messages(message.conversation)
    assert (asked.data, thanked.data) == ({"ask": "contact"}, {})


async def test_a_delivery_with_effects_is_taken_in_but_open_until_finished(store: Store) -> None:
    delivery = raw("r-1")
    await store.put_raw(delivery)
    leased = await store.lease_raw(now=T0, until=T0 + 100)
    assert leased == delivery
    events = [event("a"), event("seen", kind="read")]
    first = await store.take_in(leased, events, refused=1, error=None, now=T0, due_at=T0, finished=False)
    assert (first.events, first.duplicates, first.refused) == (2, 0, 1)
    books = await store.books(now=T0, grace_ms=60_000)
    assert (books.raw_items, books.events, books.unparsed, books.problems) == (3, 2, 1, ())
    assert await store.lease_raw(now=T0 + 99, until=T0 + 200) is None
    again = await store.lease_raw(now=T0 + 100, until=T0 + 200)
    assert again == delivery, "its worker died: the effects are carried out again"
    second = await store.take_in(again, events, refused=1, error=None, now=T0, due_at=T0, finished=False)
    assert (second.events, second.duplicates) == (0, 2)
    assert [m.id for m in second.messages] == [m.id for m in first.messages]
    await store.finish_raw("r-1")
    await store.finish_raw("r-1")
    await store.finish_raw("r-none")
    assert await store.lease_raw(now=T0 + 9_999, until=T0 + 10_000) is None
    books = await store.books(now=T0 + 999_999, grace_ms=2_000_000)
    assert (books.raw_items, books.events, books.duplicates, books.unparsed) == (3, 2, 0, 0)


async def test_a_finished_delivery_is_not_opened_again_by_a_slow_worker(store: Store) -> None:
    delivery = raw("r-1")
    await store.put_raw(delivery)
    for _ in range(2):
        await store.take_in(
            delivery, [event("a")], refused=0, error=None, now=T0, due_at=T0, finished=False
        )  # fmt: skip
        await store.finish_raw("r-1")
    await store.take_in(delivery, [event("a")], refused=0, error=None, now=T0, due_at=T0, finished=False)
    assert await store.lease_raw(now=T0 + 9_999, until=T0 + 10_000) is None


async def test_finish_before_anything_was_taken_in_loses_nothing(store: Store) -> None:
    await store.put_raw(raw("r-1"))
    await store.finish_raw("r-1")
    assert await store.lease_raw(now=T0, until=T0 + 1) is not None


async def test_an_effect_that_cannot_be_carried_out_ends_the_delivery(store: Store) -> None:
    """As the stream does when a signal fails for good: what was taken in stays counted as it is."""
    delivery = raw("r-1")
    await store.put_raw(delivery)
    await store.take_in(delivery, [event("a")], refused=0, error=None, now=T0, due_at=T0, finished=False)
    await store.take_in(delivery, [], refused=1, error="ValueError", now=T0, due_at=T0)
    assert await store.lease_raw(now=T0 + 9_999, until=T0 + 10_000) is None
    books = await store.books(now=T0, grace_ms=60_000)
    assert (books.raw_items, books.events, books.refused, books.unparsed, books.problems) == (1, 1, 0, 0, ())


async def test_a_delivery_that_cannot_be_parsed_has_nothing_to_finish(store: Store) -> None:
    await store.put_raw(raw("r-1"))
    await store.take_in(
        raw("r-1"), [], refused=1, error="AlienPayload", now=T0, due_at=T0, finished=False
    )  # fmt: skip
    assert await store.lease_raw(now=T0 + 9_999, until=T0 + 10_000) is None


async def test_a_delivery_never_finished_is_a_problem_only_past_the_grace(store: Store) -> None:
    await store.put_raw(raw("r-1"))
    leased = await store.lease_raw(now=T0, until=T0 + 30_000)
    assert leased is not None
    await store.take_in(
        leased, [event("s", kind="read")], refused=0, error=None, now=T0, due_at=T0, finished=False
    )  # fmt: skip
    assert not (await store.books(now=T0 + 90_000, grace_ms=60_000)).problems
    (problem,) = (await store.books(now=T0 + 90_001, grace_ms=60_000)).problems
    assert "r-1" in problem
    assert "not finished" in problem


async def test_unfinished_deliveries_are_leased_to_one_hub_in_their_order(store: Store, other: Store) -> None:
    for n in range(6):
        delivery = raw(f"r-{n}", at=T0 + n)
        await store.put_raw(delivery)
        if n < 5:
            await store.take_in(
                delivery, [event(f"s{n}", kind="read")], refused=0, error=None, now=T0, due_at=T0, finished=False
            )  # fmt: skip
    leased = [await store.lease_raw(now=T0 + 9, until=T0 + 99) for _ in range(3)]
    rest = await asyncio.gather(
        *((store, other)[n % 2].lease_raw(now=T0 + 9, until=T0 + 99) for n in range(8))
    )
    assert [one.id for one in leased if one] == ["r-0", "r-1", "r-2"]
    assert sorted(one.id for one in rest if one) == ["r-3", "r-4", "r-5"]


# ---- when somebody last did something


async def test_speaking_moves_interacted_at_to_when_it_was_sent(store: Store) -> None:
    (message,) = await arrive(store, event("a", sent_at=T0 - 500), at=T0)
    assert (await talk(store, message.conversation)).interacted_at == T0 - 500
    await arrive(store, event("b", sent_at=T0 - 900), at=T0 + 1)
    assert (await talk(store, message.conversation)).interacted_at == T0 - 500, "never back"
    await arrive(store, event("c", sent_at=T0 + 99_999), at=T0 + 2)
    assert (await talk(store, message.conversation)).interacted_at == T0 + 2, "never past its receipt"
    await arrive(store, event("d"), at=T0 + 3)
    assert (await talk(store, message.conversation)).interacted_at == T0 + 3
    await arrive(store, event("c", sent_at=T0 + 99_999), at=T0 + 9, raw_id="r-again")
    await arrive(store, event("seen", kind="read"), at=T0 + 10)
    assert (await talk(store, message.conversation)).interacted_at == T0 + 3, "duplicates and receipts do not"


async def test_a_conversation_that_only_had_receipts_has_no_interaction(store: Store) -> None:
    await arrive(store, event("seen", kind="read"))
    ((conversation, _),) = await store.touched_since(0)
    found = await talk(store, conversation)
    assert (found.interacted_at, found.unreachable, found.contact) == (None, None, {})


# ---- what is known of a person


async def test_what_is_noted_comes_back_and_again_changes_nothing(store: Store, other: Store) -> None:
    (message,) = await arrive(store, event("a"))
    before = await talk(store, message.conversation)
    known: dict[str, Any] = {
        "interacted_at": T0 + 50, "name": NFD, "contact": {"phone": "0277", "địa chỉ.$": NFD}, "unreachable": "đã chặn",
    }  # fmt: skip
    assert await store.note_person(message.conversation, now=T0 + 60, **known)
    after = await talk(other, message.conversation)
    assert (after.interacted_at, after.name, after.unreachable) == (T0 + 50, NFC, "đã chặn")
    assert after.contact == {"phone": "0277", "địa chỉ.$": NFC}
    assert (after.version, after.touched_at) == (before.version + 1, T0 + 60)
    assert await other.note_person(message.conversation, now=T0 + 70, **known)
    assert await store.note_person(message.conversation, now=T0 + 70)
    assert await talk(store, message.conversation) == after


async def test_notes_are_merged(store: Store) -> None:
    (message,) = await arrive(store, event("a"))
    id_ = message.conversation
    await store.note_person(id_, now=T0, contact={"phone": "1", "city": "Cao Lãnh"}, unreachable="gone")
    await store.note_person(id_, now=T0, contact={"phone": "2"}, name="An", interacted_at=T0 - 1)
    found = await talk(store, id_)
    assert found.contact == {"phone": "2", "city": "Cao Lãnh"}
    assert (found.name, found.unreachable, found.interacted_at) == ("An", "gone", T0)
    await store.note_person(id_, now=T0, reachable=True)
    assert (await talk(store, id_)).unreachable is None
    assert not await store.note_person("c-none", now=T0, name="An")


async def test_notes_of_many_at_once_are_all_kept(store: Store, other: Store) -> None:
    (message,) = await arrive(store, event("a"))
    before = await talk(store, message.conversation)
    await asyncio.gather(
        *(
            (store, other)[n % 2].note_person(
                message.conversation, now=T0, contact={f"k{n}": str(n)}, interacted_at=T0 + n
            )
            for n in range(8)
        )
    )
    found = await talk(store, message.conversation)
    assert found.contact == {f"k{n}": str(n) for n in range(8)}
    assert found.interacted_at == T0 + 7
    assert found.version == before.version + 8


async def test_the_same_note_of_many_at_once_is_one_change(store: Store, other: Store) -> None:
    (message,) = await arrive(store, event("a"))
    before = await talk(store, message.conversation)
    await asyncio.gather(
        *((store, other)[n % 2].note_person(message.conversation, now=T0, name="An") for n in range(8))
    )
    assert (await talk(store, message.conversation)).version == before.version + 1


# ---- amending a message


async def test_an_edit_replaces_the_text_and_merges_data(store: Store, other: Store) -> None:
    (message,) = await arrive(store, event("a", "cũ", data={"k": 1, "old": None}, reply_to="x"))
    before = await talk(store, message.conversation)
    new = await store.amend_message(message.id, now=T0 + 5, text=NFD, data={"first_text": "cũ", "n": [2**60]})
    assert new == message.model_copy(
        update={"text": NFC, "data": {"k": 1, "old": None, "first_text": "cũ", "n": [2**60]}}
    )
    assert await other.messages(message.conversation) == [new]
    after = await talk(other, message.conversation)
    assert (after.version, after.touched_at) == (before.version + 1, T0 + 5)
    assert await other.amend_message(message.id, now=T0 + 9, text=NFD, data={"first_text": "cũ"}) == new
    assert await talk(store, message.conversation) == after, "the same again changes nothing"
    bare = await store.amend_message(message.id, now=T0 + 9, data={"k": None, "n": None, "never": None})
    assert bare is not None
    assert (bare.text, bare.data) == (NFC, {"old": None, "first_text": "cũ"})
    empty = await store.amend_message(message.id, now=T0 + 9, text="")
    assert empty is not None
    assert empty.text == ""
    assert await store.amend_message("m-none", now=T0, text="x") is None


async def test_a_reply_can_be_amended_too(store: Store) -> None:
    reply = await settled(store, "sent", "x-1")
    changed = await store.amend_message(reply.id, now=T0, data={"reaction": "❤️"})
    assert changed is not None
    assert (changed.data, changed.text, changed.delivery) == ({"reaction": "❤️"}, "Dạ", "sent")
    assert await store.message(reply.id) == changed


async def test_amendments_of_many_at_once_are_all_kept(store: Store, other: Store) -> None:
    (message,) = await arrive(store, event("a", "gốc"))
    before = await talk(store, message.conversation)
    await asyncio.gather(
        *(
            (store, other)[n % 2].amend_message(message.id, now=T0, text=f"sửa {n}", data={f"k{n}": n})
            for n in range(8)
        )
    )
    kept = await store.message(message.id)
    assert kept is not None
    assert kept.data == {f"k{n}": n for n in range(8)}
    assert kept.text in {f"sửa {n}" for n in range(8)}
    assert (await talk(store, message.conversation)).version == before.version + 8


# ---- what the platform shows


@pytest.mark.parametrize("delivery", ["queued", "sending", "unknown", "failed", "window_closed", "sent"])
async def test_an_echo_makes_a_reply_sent(store: Store, delivery: Delivery) -> None:
    reply = await settled(store, delivery)
    before = await talk(store, reply.conversation)
    assert await store.confirm_sent(reply.id, external_id="x-1", now=T0 + 5)
    kept = await store.message(reply.id)
    assert kept is not None
    assert (kept.delivery, kept.external_id) == ("sent", "x-1")
    after = await talk(store, reply.conversation)
    assert (after.version, after.touched_at) == (before.version + 1, T0 + 5)
    assert not await store.confirm_sent(reply.id, external_id="x-1", now=T0 + 6)
    assert await talk(store, reply.conversation) == after
    assert await store.lease_outbox(now=T0 + 999_999, until=T0 + 1_999_999, limit=1) == []
    books = await store.books(now=T0, grace_ms=60_000)
    assert ([line.answered for line in books.lines], books.problems) == ([1], ())


@pytest.mark.parametrize("delivery", ["delivered", "read"])
async def test_an_echo_does_not_take_back_that_a_reply_was_seen(store: Store, delivery: Delivery) -> None:
    reply = await settled(store, delivery)
    assert await store.confirm_sent(reply.id, external_id="x-1", now=T0 + 5)
    kept = await store.message(reply.id)
    assert kept is not None
    assert (kept.delivery, kept.external_id) == (delivery, "x-1")


async def test_an_echo_confirms_only_what_was_said_without_an_id(store: Store) -> None:
    reply = await settled(store, "sent", "x-1")
    inbound, _ = await store.messages(reply.conversation)
    noted = await store.commit_turn(
        turn(reply.conversation, "note", actor="operator", says=(Draft(text="nội bộ", internal=True),))
    )
    before = await talk(store, reply.conversation)
    for id_ in (reply.id, inbound.id, noted.messages[0].id, "m-none"):
        assert not await store.confirm_sent(id_, external_id="x-2", now=T0)
    kept = await store.message(reply.id)
    assert kept is not None
    assert kept.external_id == "x-1"
    assert await talk(store, reply.conversation) == before


async def test_a_send_that_comes_back_after_its_echo_changes_nothing(store: Store) -> None:
    reply = (await said(store, Draft(text="Dạ")))[1]
    (item,) = await store.lease_outbox(now=T0, until=T0 + 100, limit=1)
    assert await store.confirm_sent(reply.id, external_id="x-1", now=T0)
    assert not await store.settle_outgoing(item, "unknown", now=T0)
    kept = await store.message(reply.id)
    assert kept is not None
    assert (kept.delivery, kept.external_id) == ("sent", "x-1")


async def test_of_many_echoes_one_confirms(store: Store, other: Store) -> None:
    reply = await settled(store, "unknown")
    before = await talk(store, reply.conversation)
    done = await asyncio.gather(
        *((store, other)[n % 2].confirm_sent(reply.id, external_id=f"x-{n}", now=T0) for n in range(8))
    )
    assert sum(done) == 1
    kept = await store.message(reply.id)
    assert kept is not None
    assert (kept.delivery, kept.external_id) == ("sent", f"x-{done.index(True)}")
    assert (await talk(store, reply.conversation)).version == before.version + 1


async def test_an_echo_and_the_answer_to_the_send_at_once(store: Store, other: Store) -> None:
    reply = (await said(store, Draft(text="Dạ")))[1]
    (item,) = await store.lease_outbox(now=T0, until=T0 + 100, limit=1)
    confirmed, answered = await asyncio.gather(
        store.confirm_sent(reply.id, external_id="x-1", now=T0),
        other.settle_outgoing(item, "sent", now=T0, external_id="x-1"),
    )
    assert confirmed != answered
    kept = await store.message(reply.id)
    assert kept is not None
    assert (kept.delivery, kept.external_id) == ("sent", "x-1")


async def test_what_was_said_elsewhere_is_recorded_and_never_sent(store: Store) -> None:
    inbound, reply, note = await said(
        store,
        Draft(text=NFD, said_elsewhere="e-1"),
        Draft(text="nội bộ", internal=True),
        actor="operator",
    )
    assert (reply.text, reply.delivery, reply.external_id) == (NFC, "sent", "e-1")
    assert await store.lease_outbox(now=T0 + 9, until=T0 + 99, limit=10) == []
    assert await store.messages(inbound.conversation, after=1) == [reply, note]
    assert await store.message_by_external("webchat", "web", "e-1") == reply
    assert not await store.confirm_sent(reply.id, external_id="e-2", now=T0)
    await store.mark_delivered(inbound.conversation, 9, "read", now=T0)
    kept = await store.message(reply.id)
    assert kept is not None
    assert kept.delivery == "read"
    books = await store.books(now=T0, grace_ms=60_000)
    assert ([line.answered for line in books.lines], books.problems) == ([1], ())


async def test_what_is_for_the_person_alone_stays_so(store: Store) -> None:
    inbound, open_, alone = await said(store, Draft(text="Đã ghi nhận"), Draft(text="Mã phiếu", private=True))
    assert [m.private for m in await store.messages(inbound.conversation)] == [False, False, True]
    (first,) = await store.lease_outbox(now=T0, until=T0 + 100, limit=1)
    await store.settle_outgoing(first, "sent", now=T0)
    (second,) = await store.lease_outbox(now=T0, until=T0 + 100, limit=1)
    assert (first.message, second.message) == (open_, alone)
    assert second.message.private


# ---- finding messages


async def test_a_message_is_found_by_the_platforms_id_in_either_direction(store: Store) -> None:
    inbound, reply = await said(store, Draft(text="Dạ"))
    (item,) = await store.lease_outbox(now=T0, until=T0 + 100, limit=1)
    await store.settle_outgoing(item, "sent", now=T0, external_id="x-1")
    assert await store.message_by_external("webchat", "web", "a") == inbound.model_copy(
        update={"outcome": "answered", "turn": "t-1"}
    )
    found = await store.message_by_external("webchat", "web", "x-1")
    assert found is not None
    assert found.id == reply.id
    assert found == await store.message(reply.id)
    for channel, account, external_id in (
        ("webchat", "web", "none"), ("zalo", "web", "x-1"), ("webchat", "other", "x-1"), ("zalo", "web", "a"),
    ):  # fmt: skip
        assert await store.message_by_external(channel, account, external_id) is None
    assert await store.message("m-none") is None


# ---- consents


def consent(id_: str, conversation: str, **fields: Any) -> Consent:
    return Consent(
        id=id_, conversation=conversation, channel="email", address=fields.pop("address", "an@example.org"),
        agreed_at=fields.pop("agreed_at", T0), **fields,
    )  # fmt: skip


async def test_consents_come_back_in_the_order_they_were_given(store: Store, other: Store) -> None:
    (message,) = await arrive(store, event("a"))
    (elsewhere,) = await arrive(store, event("b", conversation="c-2"))
    id_ = message.conversation
    second = consent("n-1", id_, agreed_at=T0 + 5, address=NFD, message=message.id)
    first = consent("n-2", id_, agreed_at=T0 + 1, recorded_by="s-1")
    third = consent("n-3", id_, agreed_at=T0 + 5)
    for one in (second, first, third, consent("n-4", elsewhere.conversation)):
        await store.put_consent(one)
    assert await other.consents(id_) == [first, second, third]
    withdrawn = second.model_copy(update={"withdrawn_at": T0 + 9})
    await other.put_consent(withdrawn)
    await other.put_consent(withdrawn)
    assert await store.consents(id_) == [first, withdrawn, third]
    assert await store.consents("c-none") == []
    with pytest.raises(NotFound):
        await store.put_consent(consent("n-5", "c-none"))


async def test_consents_given_at_once_are_all_kept(store: Store, other: Store) -> None:
    (message,) = await arrive(store, event("a"))
    given = [consent(f"n-{n}", message.conversation, agreed_at=T0 + n) for n in range(8)]
    await asyncio.gather(*((store, other)[n % 2].put_consent(one) for n, one in enumerate(given)))
    assert await store.consents(message.conversation) == given


# ---- stores that die meanwhile


async def reply_unknown(store: Store) -> Any:
    return await settled(store, "unknown")


async def confirm(store: Store, reply: Any) -> Any:
    return await store.confirm_sent(reply.id, external_id="x-1", now=NOW)


async def amend(store: Store, message: Any) -> Any:
    return await store.amend_message(message.id, now=NOW, text="sửa", data={"k": 1})


async def note(store: Store, message: Any) -> Any:
    return await store.note_person(message.conversation, now=NOW, name="An", contact={"phone": "1"})


async def agree(store: Store, message: Any) -> Any:
    await store.put_consent(consent("n-1", message.conversation))
    return await store.put_consent(consent("n-1", message.conversation, withdrawn_at=NOW))


async def elsewhere(store: Store, message: Any) -> Any:
    return await store.commit_turn(
        turn(message.conversation, "t-e", actor="operator", at=NOW, says=(Draft(text="x", said_elsewhere="e"),),
             ticket=ticket(message.conversation))
    )  # fmt: skip


async def unfinished(store: Store) -> Any:
    delivery = raw("r-1", at=T0)
    await store.put_raw(delivery)
    return delivery


async def effects(store: Store, delivery: Any) -> Any:
    await store.take_in(
        delivery, [event("a"), event("seen", kind="read"), event("b", conversation="c-2")],
        refused=0, error=None, now=NOW, due_at=NOW, finished=False,
    )  # fmt: skip
    await store.finish_raw(delivery.id)


CASES = {
    "confirm": (reply_unknown, confirm),
    "amend": (reply_unknown, amend),
    "note": (reply_unknown, note),
    "agree": (reply_unknown, agree),
    "elsewhere": (reply_unknown, elsewhere),
    "effects": (unfinished, effects),
}


@pytest.mark.parametrize("case", CASES)
async def test_again_after_a_crash_gives_what_no_crash_gives(fresh_url: Callable[[], str], case: str) -> None:
    prepare, act = CASES[case]
    async for death in deaths(fresh_url, prepare, act):
        async with opened(death.url) as store:
            await act(store, death.prepared)
            assert await picture(store) == death.done
