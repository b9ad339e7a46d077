"""What reports are counted from: a time's messages and tickets, as they came to be."""

from typing import Any

from hub.facts import Case, Heard
from hub.model import Draft, Rating, TicketChange, derived_id
from hub.ports import Store
from tests.contract.builders import T0, arrive, event, ticket, turn

FAR = T0 + 10_000_000


async def say(store: Store, id_: str, at: int, **fields: Any) -> str:
    (message,) = await arrive(store, event(id_, **fields), at=at)
    return str(message.conversation)


async def test_what_citizens_said_by_receipt_with_what_became_of_it(store: Store) -> None:
    asked = await say(store, "a", T0, conversation="c-1")
    facts = {"kind": "procedure", "procedure": "khai-sinh"}
    await store.commit_turn(
        turn(asked, "t-1", handles=1, outcome="answered", says=(Draft(text="Dạ"),), facts=facts)
    )
    called = await say(store, "b", T0 + 5, conversation="0912", channel="phone")
    spoken = (Draft(text="Nói rồi", said_elsewhere="x"),)
    await store.commit_turn(
        turn(called, "t-2", actor="operator", actor_id="s-1", handles=1, outcome="answered", says=spoken)
    )
    waits = await say(store, "c", T0 + 5, conversation="c-3")
    automatic = await say(store, "d", T0 + 6, conversation="c-4", automatic=True)
    await say(store, "e", T0 + 9, conversation="c-5")
    assert sorted(await store.heard(since=T0, until=T0 + 9)) == [
        Heard(T0, "webchat", asked, "answered", "t-1", "bot", False, facts),
        Heard(T0 + 5, "phone", called, "answered", "t-2", "operator", False, {}),
        Heard(T0 + 5, "webchat", waits, None, None, None, False, {}),
        Heard(T0 + 6, "webchat", automatic, "no_reply_due", None, None, False, {}),
    ]
    assert await store.heard(since=T0 + 1, until=T0 + 5) == []


async def test_an_answer_that_never_arrived(store: Store) -> None:
    asked = await say(store, "a", T0)
    await store.commit_turn(turn(asked, "t-1", handles=1, outcome="answered", says=(Draft(text="Dạ"),)))
    (item,) = await store.lease_outbox(now=T0, until=T0 + 9, limit=5)
    assert [one.undelivered for one in await store.heard(since=T0, until=FAR)] == [False]
    await store.settle_outgoing(item, "failed", now=T0)
    assert [one.undelivered for one in await store.heard(since=T0, until=FAR)] == [True]


async def test_a_ticket_with_how_it_came_there(store: Store) -> None:
    where = await say(store, "a", T0)
    new = ticket(
        where, category="chieu-sang", commune="phuong-my-tho", hours=8, received_at=T0, due_at=T0 + 90
    )
    await store.commit_turn(turn(where, "open", handles=1, outcome="ticketed", ticket=new))
    note = Draft(text="Gọi lại", internal=True)
    await store.commit_turn(turn(where, "note", actor="operator", at=T0 + 20, says=(note,)))
    for n, at in enumerate((T0 + 40, T0 + 30)):
        await store.commit_turn(
            turn(where, f"reply-{n}", actor="operator", at=at, says=(Draft(text="Chào"),))
        )
    change = TicketChange(
        ticket=new.id, state="forwarded", action="forward", note="Gấp",
        fields={"agency": "dt-dien-luc", "due_at": T0 + 99, "agency_due_at": T0 + 95, "commune": "xa-my-hiep"},
    )  # fmt: skip
    await store.commit_turn(
        turn(where, "forward", actor="operator", actor_id="s-1", at=T0 + 50, change=change)
    )
    rating = Rating(score=4, text="nhanh", at=T0 + 70)
    rated = TicketChange(ticket=new.id, action="rate", fields={"rating": rating.model_dump(mode="json")})
    await store.commit_turn(turn(where, "rate", actor="system", actor_id="citizen", at=T0 + 70, change=rated))
    (case,) = await store.cases(since=T0, until=FAR)
    opened, forwarded, scored = case.steps
    assert case._replace(steps=()) == Case(
        id=new.id, code=new.code, conversation=where, channel="webchat", reason="asked_for_person", priority="normal",
        category="chieu-sang", commune="xa-my-hiep", agency="dt-dien-luc", state="forwarded", created_at=T0 + 1,
        received_at=T0, hours=8, due_at=T0 + 99, replied_at=T0 + 30, score=4, scored_at=T0 + 70, steps=(),
    )  # fmt: skip
    assert (opened.at, opened.actor, opened.state, opened.changes) == (T0 + 1, "bot", "new", {})
    assert (forwarded.at, forwarded.actor, forwarded.action) == (T0 + 50, "s-1", "forward")
    assert forwarded.changes == {
        "agency": [None, "dt-dien-luc"],
        "due_at": [T0 + 90, T0 + 99],
        "agency_due_at": [None, T0 + 95],
    }
    assert (scored.action, scored.changes) == ("rate", {})


async def test_tickets_of_a_time_are_those_opened_in_it_and_older_ones_that_matter_in_it(
    store: Store,
) -> None:
    for n in range(1, 6):
        where = await say(store, f"x-{n}", T0, conversation=f"c-{n}")
        await store.commit_turn(
            turn(where, f"open-{n}", handles=1, outcome="ticketed", ticket=ticket(where, n))
        )

    async def change(n: int, state: Any, at: int) -> None:
        where = derived_id("c", "webchat", "web", f"c-{n}")
        wanted = TicketChange(ticket=f"k-{n}", state=state)
        await store.commit_turn(turn(where, f"{state}-{n}", actor="operator", at=at, change=wanted))

    await change(1, "closed", T0 + 10)  # done before the time
    await change(2, "closed", T0 + 30)  # done in it
    await change(3, "answered", T0 + 10)  # not closed: it may come back
    found = [case.id for case in await store.cases(since=T0 + 20, until=T0 + 40)]
    assert found == ["k-2", "k-3", "k-4", "k-5"]
    assert [case.id for case in await store.cases(since=T0 + 20, until=T0 + 5)] == ["k-2", "k-3", "k-4"]
    assert [case.id for case in await store.cases(since=T0, until=FAR)] == ["k-1", "k-2", "k-3", "k-4", "k-5"]
