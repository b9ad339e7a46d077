"""How long a report takes: ``uv run python bench/reports.py [MESSAGES] [TICKETS]``, all in one month, SQLite."""

import asyncio
import random
import resource
import sys
import tempfile
import time
from pathlib import Path

from handoff import acts
from handoff.acts import Actor
from handoff.lifecycle import Refused, apply, moment
from handoff.reports.figures import figures
from handoff.reports.periods import period_of
from handoff.rules import product
from handoff.tickets import open_ticket
from hub.model import Draft, Event, Raw, Turn, conversation_id
from hub.ports import Store, TicketWish
from hub.store import store_for

START = 1_793_466_000_000  # 2026-11-01T00:00+07:00
MONTH_MS = 30 * 86_400_000
AGENCIES = ("dt-dien-luc", "dt-so-y-te", "dt-so-xay-dung")
LAN = Actor(id="s-lan", kind="staff")


async def one(store: Store, n: int, ticketed: bool, dice: random.Random) -> None:
    at = START + dice.randrange(MONTH_MS - 5 * 86_400_000)
    who = f"p-{n // 3}"
    said = Event(
        channel="zalo",
        kind="message",
        external_id=f"x-{n}",
        account="oa",
        sender=who,
        text="Xin hỏi",
        conversation=who,
    )
    raw = Raw(id=f"r-{n}", channel="zalo", received_at=at, body=b"{}")
    await store.put_raw(raw)
    (message,) = (await store.take_in(raw, [said], refused=0, error=None, now=at, due_at=at)).messages
    conversation = await store.conversation(conversation_id(said))
    assert conversation is not None
    turn = Turn(
        id=f"t-{n}", conversation=conversation.id, actor="bot", at=at, handles=message.seq, outcome="answered",
        says=(Draft(text="Dạ, " + "thủ tục này cần " * 30),), facts={"kind": "procedure", "procedure": "khai-sinh"},
    )  # fmt: skip
    if not ticketed:
        await store.commit_turn(turn)
        return
    rules = product()
    category = dice.choice(list(rules.categories))
    wish = TicketWish(reason="report", category=category, summary="Đèn đường hỏng")
    ticket = open_ticket(wish, conversation, turn=turn.id, number=n, at=at, actor="bot", about=[message])
    await store.commit_turn(turn.model_copy(update={"outcome": "ticketed", "ticket": ticket}))
    agency = Actor(id="a", kind="agency", agencies=AGENCIES)
    doing: tuple[tuple[acts.Act, Actor], ...] = (
        (acts.Assign(operator="s-lan"), LAN), (acts.Forward(agency=dice.choice(AGENCIES)), LAN),
        (acts.Propose(kind="answer", text="Đã sửa"), agency), (acts.Answer(), LAN), (acts.Close(), LAN),
    )  # fmt: skip
    for place, (act, actor) in enumerate(doing):
        at = moment(ticket, at + dice.randrange(20 * 3_600_000))
        try:
            change = apply(ticket, act, actor, at, rules)
        except Refused:
            continue
        if change is not None:
            says = (Draft(text="Đã xong"),) if isinstance(act, acts.Answer) else ()
            await store.commit_turn(
                Turn(id=f"t-{n}-{place}", conversation=conversation.id, actor="operator", actor_id=actor.id, at=at,
                     handles=0, change=change, says=says)
            )  # fmt: skip
            ticket = ticket.after(change, at=at, actor=actor.id)


async def main(messages: int, tickets: int) -> None:
    dice = random.Random(1)
    with tempfile.TemporaryDirectory() as folder:
        store = store_for("", Path(folder))
        await store.open()
        for start in range(0, messages, 200):
            batch = range(start, min(start + 200, messages))
            await asyncio.gather(*(one(store, n, n % (messages // tickets) == 0, dice) for n in batch))
        period = period_of("2026-11-01", "2026-11-30")
        assert period is not None
        for _ in range(3):
            times, cpu = [time.perf_counter()], time.process_time()
            heard = await store.heard(since=period.since, until=period.until)
            times.append(time.perf_counter())
            cases = await store.cases(since=period.since, until=period.until)
            times.append(time.perf_counter())
            found = figures(heard, cases, period, product(), period.until)
            times.append(time.perf_counter())
            parts = ", ".join(
                f"{name} {b - a:.2f} s"
                for name, a, b in zip(("messages", "tickets", "figures"), times, times[1:], strict=False)
            )
            print(
                f"{found.total.messages:,} messages, {found.flow.received:,} tickets: {parts}, all {times[-1] - times[0]:.2f} s, CPU {time.process_time() - cpu:.2f} s"
            )
        print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")
        await store.close()


if __name__ == "__main__":
    asyncio.run(main(*(int(one) for one in (*sys.argv[1:], "100000", "20000")[:2])))
