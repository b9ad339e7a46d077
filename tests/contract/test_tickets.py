"""Tickets in a store: changed on the version that was read, found by what they are about."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from hub.errors import NotFound, TicketMoved
from hub.model import (
    ConversationQuery,
    Place,
    Presence,
    Proposal,
    Rating,
    Staff,
    Ticket,
    TicketChange,
    TicketQuery,
)
from hub.ports import Store
from hub.store import store_for
from tests.contract.builders import T0, arrive, event, queue, ticket, turn


@pytest.fixture
async def other(store_url: str, store: Store) -> AsyncIterator[Store]:
    """Another hub's store on the same data."""
    other = store_for(store_url, Path())
    await other.open()
    yield other
    await other.close()


async def opened(store: Store, n: int = 1, **fields: Any) -> Ticket:
    (message,) = await arrive(store, event(f"x-{n}", conversation=f"c-{n}"))
    new = ticket(message.conversation, n).model_copy(update=fields)
    await store.commit_turn(turn(message.conversation, f"open-{n}", ticket=new))
    return new


async def change(store: Store, of: Ticket, key: str, *, state: Any = None, **more: Any) -> Ticket:
    wanted = TicketChange(ticket=of.id, state=state, **more)
    await store.commit_turn(
        turn(of.conversation, key, actor="operator", actor_id="s-1", at=T0 + 50, change=wanted)
    )
    found = await store.ticket(of.id)
    assert found is not None
    return found


async def test_every_field_is_kept(store: Store) -> None:
    fields = {
        "category": "chieu-sang", "commune": "phuong-my-tho", "agency": "dt-dien-luc", "about": "dt-so-y-te",
        "sensitive": True, "place": Place(text="số 1", lat=10.4, lon=105.6), "messages": ("m-1",),
        "received_at": T0 - 5, "hours": 48, "due_at": T0 + 9, "agency_due_at": T0 + 8, "alarm_at": T0 + 7,
        "alarms": ("citizen:50",), "escalated_at": T0, "duplicate_of": "k-9", "related": ("k-8",), "link_epoch": 3,
        "proposal": Proposal(kind="answer", agency="dt-dien-luc", by="s-2", at=T0, text="đã sửa"), "solution": "xong",
        "rating": Rating(score=4, text="nhanh", at=T0),
    }  # fmt: skip
    new = await opened(store, **fields)
    assert await store.ticket(new.id) == new
    assert await store.ticket_by_code(new.code) == new
    assert await store.find_tickets(TicketQuery(), limit=9) == [new]


async def test_a_change_is_recorded_from_what_to_what(store: Store) -> None:
    before = await opened(store, due_at=T0)
    fields = {
        "agency": "dt-dien-luc",
        "due_at": T0 + 9,
        "alarm_at": T0 + 5,
        "solution": "số 12 đường Hùng Vương",
    }
    after = await change(
        store, before, "1", state="forwarded", operator="s-1", action="forward", fields=fields
    )
    (line,) = after.history[1:]
    assert (line.actor, line.at, line.action, line.state) == ("s-1", T0 + 50, "forward", "forwarded")
    assert line.changes == {
        "state": ("new", "forwarded"),
        "operator": (None, "s-1"),
        "agency": (None, "dt-dien-luc"),
        "due_at": (T0, T0 + 9),
        "solution": (None, None),
    }
    assert (after.version, after.alarm_at) == (1, T0 + 5)


async def test_a_change_of_an_older_version_is_refused(store: Store) -> None:
    before = await opened(store)
    await change(store, before, "1", fields={"category": "chieu-sang"}, expects=0)
    with pytest.raises(TicketMoved):
        await change(store, before, "2", fields={"category": "thoat-nuoc"}, expects=0)
    noted = await change(store, before, "3", note="dù sao cũng ghi")
    assert (noted.category, noted.state, noted.version) == ("chieu-sang", "new", 2), (
        "without one it always fits"
    )
    again = await change(store, before, "1", fields={"category": "chieu-sang"}, expects=0)
    assert again.version == 2, "the same turn changes nothing more"


async def test_a_refused_change_leaves_nothing_of_its_turn(store: Store) -> None:
    before = await opened(store)
    with pytest.raises(TicketMoved):
        await change(store, before, "1", state="closed", expects=7)
    assert await store.turn("1") is None
    assert await store.ticket(before.id) == before


async def test_a_ticket_changes_only_with_its_own_conversation(store: Store) -> None:
    one, two = await opened(store, 1), await opened(store, 2)
    wanted = TicketChange(ticket=one.id, state="closed")
    with pytest.raises(NotFound):
        await store.commit_turn(turn(two.conversation, "x", change=wanted))
    assert await store.ticket(one.id) == one


async def test_of_many_who_decided_on_the_same_version_one_wins(store: Store, other: Store) -> None:
    before = await opened(store)

    async def take(n: int) -> bool:
        wanted = TicketChange(ticket=before.id, state="assigned", operator=f"s-{n}", expects=0)
        try:
            await (store, other)[n % 2].commit_turn(turn(before.conversation, f"t-{n}", change=wanted))
        except TicketMoved:
            return False
        return True

    won = await asyncio.gather(*(take(n) for n in range(16)))
    assert sum(won) == 1
    found = await other.ticket(before.id)
    assert found is not None
    assert (found.operator, found.version, len(found.history)) == (f"s-{won.index(True)}", 1, 2)


async def test_a_reopened_ticket_is_the_conversations_again(store: Store) -> None:
    before = await opened(store)
    await change(store, before, "1", state="closed")
    for state, expected in (("closed", None), ("reopened", before.id)):
        await change(store, before, f"2-{state}", state=state)
        conversation = await store.conversation(before.conversation)
        assert conversation is not None
        assert conversation.ticket == expected


async def test_a_turn_that_was_carried_out_is_found(store: Store) -> None:
    new = await opened(store)
    found = await store.turn("open-1")
    assert found is not None
    assert (found.id, found.ticket) == ("open-1", new)
    assert await store.turn("none") is None


async def ids(store: Store, **query: Any) -> list[str]:
    wanted = TicketQuery(**query)
    found = [one.id for one in await store.find_tickets(wanted, limit=50)]
    assert await store.count_tickets(wanted) == len(found)
    return found


async def test_tickets_are_found_by_what_they_are_about(store: Store) -> None:
    await opened(store, 1, category="chieu-sang", commune="phuong-my-tho", operator="s-1", due_at=T0 + 30)
    await opened(store, 2, category="thoat-nuoc", agency="dt-dien-luc", state="forwarded", due_at=T0 + 10,
                 alarm_at=T0 + 3, escalated_at=T0)  # fmt: skip
    await opened(store, 3, merged_into="k-1", alarm_at=T0 + 1, priority="urgent")
    proposal = Proposal(kind="answer", agency="dt-so-y-te", by="s-2", at=T0, text="x")
    await opened(store, 4, agency="dt-so-y-te", state="assigned", operator="s-2", proposal=proposal)
    await change(store, await opened(store, 5), "close", state="closed")
    assert await ids(store) == ["k-3", "k-1", "k-2", "k-4", "k-5"]
    assert await ids(store, order="due") == ["k-2", "k-1", "k-3", "k-4", "k-5"], "none last"
    assert await ids(store, order="alarm") == ["k-3", "k-2", "k-1", "k-4", "k-5"]
    assert (await ids(store, order="changed"))[0] == "k-5"
    for query, expected in (
        ({"states": ("forwarded", "closed")}, ["k-2", "k-5"]),
        ({"states": ()}, []),
        ({"category": "chieu-sang"}, ["k-1"]),
        ({"commune": "phuong-my-tho"}, ["k-1"]),
        ({"agencies": ("dt-dien-luc", "dt-so-y-te")}, ["k-2", "k-4"]),
        ({"agencies": ()}, []),
        ({"operator": "s-2"}, ["k-4"]),
        ({"unassigned": True, "merged": False}, ["k-2", "k-5"]),
        ({"merged": True}, ["k-3"]),
        ({"merged_into": "k-1"}, ["k-3"]),
        ({"escalated": True}, ["k-2"]),
        ({"escalated": False, "proposed": False, "merged": False}, ["k-1", "k-5"]),
        ({"proposed": True}, ["k-4"]),
        ({"alarm_until": T0 + 3}, ["k-3", "k-2"]),
        ({"alarm_until": T0 + 2}, ["k-3"]),
        ({"due_until": T0 + 29}, ["k-2"]),
    ):
        assert await ids(store, **query) == expected, query
    assert await ids(
        store, conversation=(await store.find_tickets(TicketQuery(), limit=1))[0].conversation
    ) == ["k-3"]
    assert len(await store.find_tickets(TicketQuery(), limit=2)) == 2
    assert await store.held_tickets() == [("s-1", "k-1"), ("s-2", "k-4")]
    assert [t.id for t, _ in await queue(store, limit=9)] == ["k-1", "k-2", "k-4"], "merged ones are no work"


async def test_who_is_there(store: Store, other: Store) -> None:
    for n, login in ((1, "minh"), (2, "an")):
        await store.put_staff(
            Staff(
                id=f"s-{n}", login=login, name="Người", role="operator", password_hash="x", skills=("dien",)
            )
        )
    assert [one.login for one in await store.everybody()] == ["an", "minh"]
    assert (await store.everybody())[0].skills == ("dien",)
    here = [
        Presence(staff="s-2", status="busy", seen_at=T0),
        Presence(staff="s-1", status="available", seen_at=T0 + 5),
    ]
    await asyncio.gather(*(one.put_presence(here[n]) for n in (0, 1) for one in (store, other)))
    assert await store.presences(since=T0) == here[::-1]
    assert await store.presences(since=T0 + 1) == [here[1]]
    update = {"status": "available", "seen_at": T0 + 9, "conversation": "c-1", "typing_at": T0 + 8}
    back = here[0].model_copy(update=update)
    await store.put_presence(back)
    assert await other.presences(since=T0 + 6) == [back]


async def test_tickets_are_found_by_channel_field_priority_and_time_left(store: Store) -> None:
    await opened(store, 1, category="chieu-sang", priority="urgent", due_at=T0 + 10)
    await opened(store, 2, category="thoat-nuoc", sensitive=True, due_at=T0 + 20)
    (message,) = await arrive(store, event("x-z", channel="zalo", conversation="z-1"))
    third = ticket(message.conversation, 3)
    await store.commit_turn(turn(message.conversation, "open-3", ticket=third))
    for query, expected in (
        ({"categories": ("chieu-sang", "thoat-nuoc")}, ["k-1", "k-2"]),
        ({"categories": ()}, []),
        ({"channels": ("zalo",)}, ["k-3"]),
        ({"channels": ("zalo", "webchat")}, ["k-1", "k-2", "k-3"]),
        ({"priorities": ("urgent", "high")}, ["k-1"]),
        ({"sensitive": True}, ["k-2"]),
        ({"sensitive": False, "order": "newest"}, ["k-3", "k-1"]),
        ({"created_from": T0 + 2}, ["k-2", "k-3"]),
        ({"created_from": T0 + 1, "created_until": T0 + 3}, ["k-1", "k-2"]),
        ({"due_after": T0 + 10}, ["k-2"]),
        ({"due_after": T0, "due_until": T0 + 15}, ["k-1"]),
    ):
        assert await ids(store, **query) == expected, query
    pages = [await store.find_tickets(TicketQuery(order="newest"), limit=2, skip=n) for n in (0, 2, 4)]
    assert [[one.id for one in page] for page in pages] == [["k-3", "k-2"], ["k-1"], []]


async def test_conversations_are_listed_by_who_spoke_last(store: Store) -> None:
    (first,) = await arrive(store, event("a", conversation="c-1"), at=T0)
    (second,) = await arrive(store, event("b", conversation="c-2"), at=T0 + 10)
    (third,) = await arrive(store, event("c", conversation="c-3", channel="zalo"), at=T0 + 5)
    one, two, three = (m.conversation for m in (first, second, third))
    await store.commit_turn(
        turn(one, "t-1", ticket=ticket(one), owner="human", handles=1, outcome="ticketed")
    )
    await store.mark_staff_read(two, 1, now=T0 + 20)

    async def found(**query: Any) -> list[str]:
        return [c.id for c in await store.find_conversations(ConversationQuery(**query), limit=9)]

    assert await found() == [two, three, one], "reading moves nothing"
    assert await found(channels=("zalo",)) == [three]
    assert await found(owner="human") == [one]
    assert await found(open_ticket=True) == [one]
    assert await found(open_ticket=False) == [two, three]
    assert await found(unread=True) == [three, one]
    assert await found(unread=False) == [two]
    page = await store.find_conversations(ConversationQuery(), limit=1, skip=1)
    assert [c.id for c in page] == [three]
    assert set(await store.conversations([one, "none"])) == {one}
    assert (await store.conversations([])) == {}


async def test_tickets_are_read_in_the_order_of_their_changes(store: Store) -> None:
    for n in (1, 2, 3):
        await opened(store, n, category="chieu-sang" if n < 3 else "thoat-nuoc")

    async def read(after: tuple[int, str], limit: int = 9, **query: Any) -> list[tuple[int, str]]:
        found = await store.tickets_by_change(TicketQuery(**query), after=after, limit=limit)
        for _, one in found:
            assert await store.ticket(one.id) == one
        return [(at, one.id) for at, one in found]

    assert await read((0, "")) == [(T0 + 1, "k-1"), (T0 + 2, "k-2"), (T0 + 3, "k-3")]
    first = await store.ticket("k-1")
    assert first
    change = TicketChange(ticket="k-1", state="assigned", operator="s-1")
    await store.commit_turn(turn(first.conversation, "t-9", at=T0 + 3, change=change))
    everything = [(T0 + 2, "k-2"), (T0 + 3, "k-1"), (T0 + 3, "k-3")]
    assert await read((0, "")) == everything
    pages, after = [], (0, "")
    while page := await read(after, limit=1):
        pages += page
        after = page[-1]
    assert pages == everything
    assert await read((T0 + 3, "")) == everything[1:]
    assert await read((0, ""), category="thoat-nuoc") == [(T0 + 3, "k-3")]
    assert await read((0, ""), states=("new",)) == [(T0 + 2, "k-2"), (T0 + 3, "k-3")]
