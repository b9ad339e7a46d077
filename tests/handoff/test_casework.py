"""Cases in a store: acts that meet, merged cases, splits, re-opening, the citizen's answer."""

import asyncio
import dataclasses
from collections import Counter
from random import Random

import pytest

from handoff import acts
from handoff.acts import CITIZEN, SYSTEM, Actor
from handoff.casework import Casework, waiting_since
from handoff.lifecycle import Refused, deadlines
from handoff.rules import product
from handoff.tickets import open_ticket
from hub.errors import NotFound
from hub.model import Ticket, TicketQuery, Turn
from hub.ports import Reach, Store, TicketWish
from tests.conftest import FakeClock
from tests.contract.builders import arrive, event, queue
from tests.handoff.cases import AGENCY, LAN, MINH, POWER, text


async def report(store: Store, clock: FakeClock, n: int = 1, *, category: str = "dien-mat-dien") -> Ticket:
    """A citizen reports something, and the bot opens a ticket."""
    (message,) = await arrive(store, event(f"x-{n}", "mất điện", conversation=f"c-{n}"), at=clock.now())
    conversation = await store.conversation(message.conversation)
    assert conversation is not None
    wish = TicketWish(reason="report", category=category, summary="mất điện")
    number = await store.next_ticket_number(2026)
    ticket = open_ticket(
        wish,
        conversation,
        turn=f"t-{n}",
        number=number,
        at=clock.now(),
        actor="bot",
        about=[message],
        rules=product(),
    )
    await store.commit_turn(
        Turn(id=f"t-{n}", conversation=conversation.id, actor="bot", at=clock.now(), handles=1,
             outcome="ticketed", ticket=ticket)
    )  # fmt: skip
    return ticket


async def said(store: Store, ticket: Ticket) -> list[str | None]:
    return [
        m.text for m in await store.messages(ticket.conversation) if m.author != "citizen" and not m.internal
    ]


async def get(store: Store, ticket: Ticket) -> Ticket:
    found = await store.ticket(ticket.id)
    assert found is not None
    return found


async def test_a_case_from_report_to_answer(casework: Casework, store: Store, clock: FakeClock) -> None:
    ticket = await report(store, clock)
    assert text(ticket.due_at) == "2026-11-26 08:00"
    await casework.do(ticket.id, acts.Assign(operator=LAN.id), LAN, "1")
    await casework.do(ticket.id, acts.Forward(agency=POWER), LAN, "2")
    clock.forward(3_600_000)
    await casework.do(ticket.id, acts.Propose(kind="answer", text="Có điện lúc 10 giờ"), AGENCY, "3")
    assert await said(store, ticket) == [], "the operator reads it first"
    done = await casework.do(ticket.id, acts.Answer(), LAN, "4", text="Đã có điện ạ")
    assert (done.state, done.version) == ("answered", 4)
    assert await said(store, ticket) == ["Đã có điện ạ"]
    assert done == await get(store, ticket), "the history is read back as it was written"


async def test_where_only_people_may_write_the_question_of_a_machine_stays_out(
    casework: Casework, store: Store, clock: FakeClock
) -> None:
    ticket = await report(store, clock)
    for_people = dataclasses.replace(casework, reach=lambda _: Reach(bot=False))
    await for_people.do(ticket.id, acts.Close(), LAN, "form", text="Đã sửa đèn ạ")
    assert await said(store, ticket) == ["Đã sửa đèn ạ"]


async def test_the_same_form_twice_is_one_act(casework: Casework, store: Store, clock: FakeClock) -> None:
    ticket = await report(store, clock)
    for _ in range(2):
        done = await casework.do(ticket.id, acts.Close(), LAN, "form", text="Xong ạ")
    assert done.version == 1
    (told,) = await said(store, ticket)
    assert str(told).startswith("Xong ạ\n")
    with pytest.raises(Refused):
        await casework.do(ticket.id, acts.Close(), LAN, "another form")
    with pytest.raises(NotFound):
        await casework.do("k-none", acts.Close(), LAN, "form")


async def test_acts_that_meet_are_all_kept(
    casework: Casework, elsewhere: Casework, store: Store, clock: FakeClock
) -> None:
    ticket = await report(store, clock)
    works = [
        (casework, elsewhere)[n % 2].do(ticket.id, acts.Link(ticket=f"k-{n}"), LAN, str(n)) for n in range(12)
    ]
    await asyncio.gather(*works)
    done = await get(store, ticket)
    assert sorted(done.related) == sorted(f"k-{n}" for n in range(12)), "nothing is overwritten"
    assert (done.version, len(done.history)) == (12, 13)


async def test_whatever_meets_the_history_is_whole_and_counts_to_the_same_minute(
    casework: Casework, elsewhere: Casework, store: Store, clock: FakeClock
) -> None:
    tickets = [await report(store, clock, n) for n in range(3)]
    rng = Random(7)
    choices: list[tuple[acts.Act, Actor, str | None]] = [
        (acts.Assign(operator=LAN.id), LAN, None),
        (acts.Forward(agency=POWER), LAN, None),
        (acts.Propose(kind="question", text="Ở đâu?"), AGENCY, None),
        (acts.Decline(reason="Đã có"), LAN, None),
        (acts.Ask(), MINH, "Ở đâu ạ?"),
        (acts.Heard(), CITIZEN, None),
        (acts.Answer(), LAN, "Dạ xong"),
        (acts.Close(), MINH, None),
        (acts.Reopen(), CITIZEN, None),
        (acts.Classify(category="giao-thong-duong-hu"), LAN, None),
    ]
    done: Counter[str] = Counter()
    for n in range(30):
        clock.forward(rng.randrange(0, 3 * 3_600_000))

        async def act(m: int, n: int = n) -> None:
            what, who, text = rng.choice(choices)
            try:
                await (casework, elsewhere)[m % 2].do(tickets[m % 3].id, what, who, f"{n}-{m}", text=text)
                done["done"] += 1
            except Refused as refusal:
                done[refusal.code] += 1

        await asyncio.gather(*(act(m) for m in range(6)))
    assert done["done"] > 40, done
    assert done["busy"] == 0
    for ticket in tickets:
        found = await get(store, ticket)
        assert found.version == len(found.history) - 1
        assert [event.at for event in found.history] == sorted(event.at for event in found.history)
        counted = deadlines(found, product(), clock.now())
        assert (found.due_at, found.agency_due_at) == (counted["due_at"], counted["agency_due_at"])


async def test_only_one_of_two_gets_a_free_ticket(
    casework: Casework, elsewhere: Casework, store: Store, clock: FakeClock
) -> None:
    ticket = await report(store, clock)
    wishes = [
        (casework, elsewhere)[n % 2].do(
            ticket.id, acts.Assign(operator=f"s-{n}", only_if_free=True), SYSTEM, str(n)
        )
        for n in range(10)
    ]
    found = await asyncio.gather(*wishes, return_exceptions=True)
    won = [one for one in found if isinstance(one, Ticket)]
    assert len(won) == 1
    assert [one.code for one in found if isinstance(one, Refused)] == ["taken"] * 9
    assert (await get(store, ticket)).operator == won[0].operator


async def test_the_citizens_answer_lets_the_clocks_run_from_when_it_came(
    casework: Casework, store: Store, clock: FakeClock
) -> None:
    ticket = await report(store, clock)
    await casework.do(ticket.id, acts.Forward(agency=POWER), LAN, "1")
    clock.forward(3_600_000)
    asked = await casework.do(ticket.id, acts.Ask(), LAN, "2", text="Số nhà bao nhiêu ạ?")
    assert (asked.state, asked.due_at, asked.agency_due_at) == ("waiting_citizen", None, None)
    assert waiting_since(asked) == clock.now()
    assert "Số nhà bao nhiêu" in str(await said(store, ticket))
    conversation = await store.conversation(ticket.conversation)
    assert conversation is not None
    assert (conversation.owner, conversation.operator) == ("human", LAN.id), "the bot did not ask"
    assert await casework.hear_citizens() == 0
    answered_at = clock.now() + 1_800_000
    await arrive(store, event("y-1", "số 12", conversation="c-1"), at=answered_at)
    clock.forward(3_600_000)
    assert [await casework.hear_citizens() for _ in range(2)] == [1, 0]
    heard = await get(store, ticket)
    assert (heard.state, heard.history[-1].at) == ("forwarded", answered_at)
    assert (text(heard.due_at), text(heard.agency_due_at)) == ("2026-11-26 08:30", "2026-11-26 08:30")


async def test_an_empty_question_is_not_asked(casework: Casework, store: Store, clock: FakeClock) -> None:
    ticket = await report(store, clock)
    with pytest.raises(Refused):
        await casework.do(ticket.id, acts.Ask(), LAN, "1", text=" ")
    assert (await get(store, ticket)).state == "new"


async def test_forty_reports_become_one_case_and_all_are_told(
    casework: Casework, store: Store, clock: FakeClock
) -> None:
    main = await report(store, clock)
    others = []
    for n in range(2, 12):
        clock.forward(60_000)
        others.append(await report(store, clock, n))
    for n, other in enumerate(others):
        standing = await casework.merge(*(other.id, main.id) if n % 2 else (main.id, other.id), LAN, f"m-{n}")
        assert standing.id == main.id, "the one that is due first stands for all"
    assert {one.id for one in await casework.merged(main.id)} == {one.id for one in others}
    assert [t.id for t, _ in await queue(store, limit=50)] == [main.id], "operators see one case"
    assert await casework.tell_merged() == 0, "not solved yet"
    await casework.do(main.id, acts.Close(solution="Đã có điện lúc 10 giờ."), LAN, "done", text="Xong ạ")
    assert [await casework.tell_merged() for _ in range(2)] == [10, 0]
    for other in others:
        (told,) = await said(store, other)
        assert other.code in str(told)
        assert "Đã có điện lúc 10 giờ." in str(told)
        assert (await get(store, other)).state == "closed"
    assert len(await said(store, main)) == 1


async def test_what_stood_for_others_brings_them_along(
    casework: Casework, store: Store, clock: FakeClock
) -> None:
    first, second, third = [await report(store, clock, n) for n in (1, 2, 3)]
    await casework.merge(third.id, second.id, LAN, "a")
    await casework.merge(second.id, first.id, LAN, "b")
    assert {one.id for one in await casework.merged(first.id)} == {second.id, third.id}
    assert await casework.merged(second.id) == []


async def test_a_merged_report_can_stand_for_itself_again(
    casework: Casework, store: Store, clock: FakeClock
) -> None:
    main, other = await report(store, clock, 1), await report(store, clock, 2)
    await casework.merge(other.id, main.id, LAN, "m")
    alone = await casework.do(other.id, acts.Unmerge(), LAN, "u")
    assert (alone.merged_into, alone.due_at) == (None, other.due_at)
    await casework.merge(other.id, main.id, LAN, "again")
    await casework.do(main.id, acts.Close(), LAN, "done")
    await casework.tell_merged()
    back = await casework.reopen(other.id, CITIZEN, "tap", reason="Nhà tôi vẫn mất điện")
    assert (back.state, back.merged_into) == ("reopened", None)
    conversation = await store.conversation(other.conversation)
    assert conversation is not None
    assert conversation.ticket == other.id, "it is the conversation's open ticket again"
    assert [t.id for t, _ in await queue(store, limit=50)] == [other.id]


async def test_when_the_person_of_the_main_case_is_erased_the_others_stand_for_themselves(
    casework: Casework, store: Store, clock: FakeClock
) -> None:
    main, other = await report(store, clock, 1), await report(store, clock, 2)
    await casework.merge(other.id, main.id, LAN, "m")
    await store.erase_person(main.conversation, now=clock.now())
    await casework.tell_merged()
    alone = await get(store, other)
    assert (alone.state, alone.merged_into, alone.alarm_at) == ("new", None, other.alarm_at)
    assert await said(store, other) == [], "nothing was solved"


async def test_spam_of_the_main_case_is_no_answer(casework: Casework, store: Store, clock: FakeClock) -> None:
    main, other = await report(store, clock, 1), await report(store, clock, 2)
    await casework.merge(other.id, main.id, LAN, "m")
    await casework.do(main.id, acts.Spam(), LAN, "s")
    await casework.tell_merged()
    assert (await get(store, other)).state == "spam"
    assert await said(store, other) == []


async def test_a_second_matter_gets_its_own_ticket(
    casework: Casework, store: Store, clock: FakeClock
) -> None:
    ticket = await report(store, clock)
    clock.forward(3_600_000)
    for _ in range(2):
        other = await casework.split(
            ticket.id, LAN, "form", summary="Đường hư", category="giao-thong-duong-hu"
        )
    assert other.code != ticket.code
    assert (other.hours, other.received_at, other.related) == (48, ticket.received_at, (ticket.id,))
    assert text(other.due_at) == "2026-12-03 08:00", "received when the first was"
    assert (await get(store, ticket)).related == (other.id,)
    assert len(await said(store, ticket)) == 1
    assert other.code in str(await said(store, ticket))
    assert len(await queue(store, limit=50)) == 2


async def test_an_operators_conversation_goes_back_to_the_bot_when_its_case_is_closed(
    casework: Casework, store: Store, clock: FakeClock
) -> None:
    ticket = await report(store, clock)
    await casework.do(ticket.id, acts.Ask(), LAN, "1", text="Ở đâu ạ?")
    await casework.do(ticket.id, acts.Close(), MINH, "2")
    conversation = await store.conversation(ticket.conversation)
    assert conversation is not None
    assert (conversation.owner, conversation.ticket) == ("bot", None)


async def test_agencies_see_their_own_cases(casework: Casework, store: Store, clock: FakeClock) -> None:
    mine, other = await report(store, clock, 1), await report(store, clock, 2)
    await casework.do(mine.id, acts.Forward(agency=POWER), LAN, "1")
    await casework.do(other.id, acts.Forward(agency="dt-so-y-te"), LAN, "1")
    found = await store.find_tickets(TicketQuery(agencies=(POWER,), states=("forwarded",)), limit=9)
    assert [one.id for one in found] == [mine.id]
    proposed = await casework.do(mine.id, acts.Propose(kind="answer", text="Xong"), AGENCY, "2")
    assert await store.find_tickets(TicketQuery(proposed=True), limit=9) == [proposed]
    assert await store.count_tickets(TicketQuery(proposed=False)) == 1


async def test_in_public_the_person_is_told_alone(casework: Casework, store: Store, clock: FakeClock) -> None:
    ticket = await report(store, clock)
    in_public = dataclasses.replace(casework, reach=lambda _: Reach(public=True))
    await in_public.do(ticket.id, acts.Answer(), LAN, "1", text="Đã sửa xong ạ")
    told = (await store.messages(ticket.conversation))[-1]
    assert (told.text, told.private, told.reply_to) == ("Đã sửa xong ạ", True, "x-1")
