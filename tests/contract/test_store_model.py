"""Any sequence of calls gives the same answers as the plain model (hypothesis finds the sequences).

``STORE_MODEL_EXAMPLES=200`` looks longer.
"""

import asyncio
import os
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from hub.errors import HubError
from hub.model import (
    ORIGINS,
    Dialogue,
    Draft,
    Event,
    KnowledgeDoc,
    Lease,
    NoticeJob,
    Outgoing,
    Raw,
    Ticket,
    TicketChange,
    TicketQuery,
    Turn,
    nfc,
)
from hub.store import store_for
from tests.contract.builders import T0, event, queue, raw, ticket
from tests.contract.model import DAY_MS, Model
from tests.contract.test_notices import notice

T = TypeVar("T")
STEP_MS = 10_007  # no two due times of different steps are the same, so there is one right order
GRACE_MS = 3 * STEP_MS

SHORT = settings(
    max_examples=int(os.environ.get("STORE_MODEL_EXAMPLES", "12")),
    stateful_step_count=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)

texts = st.text(st.characters(codec="utf-8"), max_size=12)
events = st.builds(
    lambda n, talk, kind, text, automatic, data, sent_at: event(
        f"x{n}", text, conversation=f"c-{talk}", kind=kind, automatic=automatic, data=data, sent_at=sent_at
    ),
    st.integers(0, 30),
    st.integers(0, 2),
    st.sampled_from(["message", "message", "message", "postback", "read"]),
    texts,
    st.sampled_from([False, False, False, True]),
    st.dictionaries(texts, st.integers(-(2**70), 2**70) | st.none() | texts, max_size=2),
    st.none() | st.integers(T0 - 1_000, T0 + 1_000_000),
)
drafts = st.lists(
    st.builds(
        Draft,
        text=texts,
        internal=st.sampled_from([False, False, True]),
        private=st.booleans(),
        said_elsewhere=st.sampled_from([None, None, None, "e-1"]),
    ),
    max_size=3,
).map(tuple)
times = st.none() | st.integers(T0, T0 + 9)
ticket_fields = st.fixed_dictionaries(
    {},
    optional={
        "category": st.sampled_from(["chieu-sang", "thoat-nuoc"]),
        "agency": st.sampled_from([None, "dt-so-y-te", "dt-dien-luc"]),
        "merged_into": st.sampled_from([None, None, "k-1"]),
        "due_at": times,
        "alarm_at": times,
        "priority": st.sampled_from(["low", "high", "urgent"]),
        "solution": texts.map(nfc),
        "sensitive": st.booleans(),
    },
)
queries = st.builds(
    TicketQuery,
    states=st.none() | st.just(("assigned", "closed")),
    category=st.none() | st.just("chieu-sang"),
    agencies=st.none() | st.just(("dt-so-y-te",)),
    operator=st.none() | st.just("s-1"),
    unassigned=st.booleans(),
    merged=st.none() | st.booleans(),
    merged_into=st.none() | st.just("k-1"),
    alarm_until=times,
    due_until=times,
    order=st.sampled_from(["urgent", "due", "alarm", "changed"]),
)
deliveries = st.sampled_from(["sent", "sent", "queued", "failed", "unknown"])


class StoreMachine(RuleBasedStateMachine):
    """Two stores on the same data take turns, as two processes do."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.loop = asyncio.Runner()
        self.stores = [store_for(url, Path()) for _ in range(2)]
        for store in self.stores:
            self.do(store.open())
        self.model = Model()
        self.now = T0
        self.steps = 0
        self.leases: list[tuple[Lease, str]] = []  # the store's and the model's token
        self.items: list[tuple[Outgoing, str | None]] = []
        self.jobs: list[tuple[NoticeJob, str | None]] = []
        self.taken: list[tuple[Raw, list[Event]]] = []
        self.committed: list[Turn] = []

    def teardown(self) -> None:
        for store in self.stores:
            self.do(store.close())
        self.loop.close()

    def do(self, call: Coroutine[Any, Any, T]) -> T:
        return self.loop.run(call)

    @property
    def store(self) -> Any:
        return self.stores[self.steps % 2]

    def tick(self) -> None:
        self.steps += 1
        self.now += STEP_MS

    # -- intake

    @rule(
        found=st.lists(events, min_size=1, max_size=3),
        refused=st.integers(0, 2),
        pause=st.sampled_from([0, 1500]),
        finished=st.sampled_from([True, True, False]),
    )
    def deliver(self, found: list[Event], refused: int, pause: int, finished: bool) -> None:
        self.tick()
        delivery = raw(f"r-{self.steps}", at=self.now)
        self.do(self.store.put_raw(delivery))
        self.model.put_raw(delivery)
        self._take_in(delivery, found, refused, pause, finished)

    @precondition(lambda self: self.taken)
    @rule(data=st.data(), finished=st.booleans())
    def deliver_again(self, data: st.DataObject, finished: bool) -> None:
        self.tick()
        delivery, found = data.draw(st.sampled_from(self.taken))
        self._take_in(delivery, found, 0, 0, finished)

    @precondition(lambda self: self.taken)
    @rule(data=st.data())
    def finish(self, data: st.DataObject) -> None:
        self.tick()
        delivery, _ = data.draw(st.sampled_from(self.taken))
        self.do(self.store.finish_raw(delivery.id))
        self.model.raws[delivery.id].unfinished = False

    @rule()
    def only_keep(self) -> None:
        self.tick()
        delivery = raw(f"r-{self.steps}", at=self.now)
        self.do(self.store.put_raw(delivery))
        self.model.put_raw(delivery)

    @rule(
        found=st.lists(events, max_size=2), lease_ms=st.sampled_from([0, 2 * STEP_MS]), finish=st.booleans()
    )
    def lease_raw(self, found: list[Event], lease_ms: int, finish: bool) -> None:
        self.tick()
        mine = self.do(self.store.lease_raw(now=self.now, until=self.now + lease_ms))
        assert mine == self.model.lease_raw(self.now, self.now + lease_ms)
        if mine is not None and finish:  # what a delivery holds is always the same
            held = next((events for raw, events in self.taken if raw.id == mine.id), found)
            self._take_in(mine, held, 1, 0)

    def _take_in(
        self, delivery: Raw, found: list[Event], refused: int, pause: int, finished: bool = True
    ) -> None:
        due_at = self.now + pause
        mine = self.do(
            self.store.take_in(
                delivery, found, refused=refused, error=None, now=self.now, due_at=due_at, finished=finished
            )
        )
        fresh, messages = self.model.take_in(delivery, found, refused, self.now, due_at, finished)
        assert (mine.events, mine.duplicates, list(mine.messages)) == (fresh, len(found) - fresh, messages)
        self.taken.append((delivery, found))

    # -- turns

    @rule(lease_ms=st.sampled_from([1, 5 * STEP_MS]))
    def lease(self, lease_ms: int) -> None:
        self.tick()
        mine = self.do(self.store.lease_conversation(now=self.now, until=self.now + lease_ms))
        taken = mine.conversation.id if mine is not None else None
        talk = self.model.lease_conversation(self.now, self.now + lease_ms, taken)
        assert (mine is None) == (talk is None)
        if mine is not None and talk is not None:
            assert (mine.conversation, mine.attempts) == (talk.facts, talk.attempts)
            self.leases.append((mine, str(talk.token)))

    @precondition(lambda self: self.leases)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        self.tick()
        lease, token = data.draw(st.sampled_from(self.leases))
        self.do(self.store.release_conversation(lease, due_at=self.now + 7))
        self.model.release(lease.conversation.id, token, self.now + 7)

    @precondition(lambda self: self.leases)
    @rule(
        data=st.data(), says=drafts, opens=st.booleans(), human=st.booleans(), fenced=st.booleans(),
        outcome=st.sampled_from(["answered", "ticketed", "no_reply_due"]), less=st.integers(0, 1),
    )  # fmt: skip
    def answer(
        self, data: st.DataObject, says: tuple[Draft, ...], opens: bool, human: bool, fenced: bool, outcome: Any, less: int
    ) -> None:  # fmt: skip
        self.tick()
        lease, token = data.draw(st.sampled_from(self.leases[-3:]))
        before = lease.conversation
        turn = Turn(
            id=f"t-{before.id}-{self.steps}", conversation=before.id, actor="bot", at=self.now, says=says,
            handles=max(0, before.last_seq - less), outcome=outcome, owner="human" if human else None,
            ticket=ticket(before.id, self.steps) if opens else None,
            expects_epoch=before.epoch if fenced else None,
            dialogue=Dialogue(events=({"event": "slot", "value": self.steps},)),
        )  # fmt: skip
        self._commit(turn, lease, token)

    @precondition(lambda self: self.model.talks)
    @rule(
        data=st.data(), says=drafts, owner=st.sampled_from([None, "human", "bot"]),
        state=st.sampled_from(["none", None, "assigned", "closed", "reopened", "forwarded"]), urgent=st.booleans(),
        fields=ticket_fields, off=st.sampled_from([None, 0, 0, 0, -1]), tells=st.integers(0, 2),
    )  # fmt: skip
    def operate(
        self, data: st.DataObject, says: tuple[Draft, ...], owner: Any, state: Any, urgent: bool, fields: Any, off: Any,
        tells: int,
    ) -> None:  # fmt: skip
        self.tick()
        talk = self.model.talks[data.draw(st.sampled_from(sorted(self.model.talks)))]
        id_ = talk.facts.id
        mine = sorted(t.id for t in self.model.tickets.values() if t.conversation == id_)
        target = data.draw(st.sampled_from([*(mine * 3), *sorted(self.model.tickets), "k-none"]))
        known = self.model.tickets.get(target)
        expects = None if off is None or known is None else max(0, known.version + off)
        change = TicketChange(
            ticket=target,
            state=None if state == "none" else state,
            operator="s-1",
            note="ghi",
            action="x",
            fields=fields,
            expects=expects,
        )
        turn = Turn(
            id=f"o-{self.steps}", conversation=id_, actor="operator", actor_id="s-1", at=self.now,
            says=says, handles=talk.facts.last_seq if owner == "human" else 0, outcome="ticketed", owner=owner,
            operator="s-1" if owner == "human" else None,
            change=change if state != "none" else None,
            ticket=ticket(id_, self.steps, priority="urgent") if urgent else None,
            notices=tuple(notice(self.steps * 10 + n, ticket=target, at=self.now + n) for n in range(tells)),
        )  # fmt: skip
        self._commit(turn, None, None)

    @precondition(lambda self: self.model.tickets)
    @rule(query=queries, limit=st.integers(1, 5))
    def find(self, query: TicketQuery, limit: int) -> None:
        self.tick()
        assert self.do(self.store.find_tickets(query, limit=limit)) == self.model.find(query, limit)
        assert self.do(self.store.count_tickets(query)) == len(self.model.find(query, 10**6))
        walked: list[tuple[int, Ticket]] = []
        after = (0, "")
        while page := self.do(self.store.tickets_by_change(query, after=after, limit=limit)):
            walked += page
            after = (page[-1][0], page[-1][1].id)
        assert walked == self.model.by_change(query)

    @precondition(lambda self: self.committed)
    @rule(data=st.data())
    def commit_again(self, data: st.DataObject) -> None:
        self.tick()
        self._commit(data.draw(st.sampled_from(self.committed)), None, None)

    @rule()
    def commit_nowhere(self) -> None:
        self.tick()
        self._commit(
            Turn(id=f"n-{self.steps}", conversation="c-none", actor="bot", at=1, handles=0), None, None
        )

    def _commit(self, turn: Turn, lease: Lease | None, token: str | None) -> None:
        wanted: Any
        mine: Any
        try:
            wanted = self.model.commit(turn, token)
        except HubError as error:
            wanted = type(error)
        try:
            done = self.do(self.store.commit_turn(turn, lease))
            mine = (done.fresh, list(done.messages))
            self.committed.append(turn)
        except HubError as error:
            mine = type(error)
        assert mine == wanted

    # -- outbox

    @rule(limit=st.integers(1, 3), lease_ms=st.sampled_from([1, 2 * STEP_MS]))
    def lease_outbox(self, limit: int, lease_ms: int) -> None:
        self.tick()
        mine = self.do(self.store.lease_outbox(now=self.now, until=self.now + lease_ms, limit=limit))
        wanted = self.model.lease_outbox(self.now, self.now + lease_ms, limit)
        assert [self._leased(item) for item in mine] == [(m, s.attempts, again) for m, s, again in wanted]
        self.items += [(item, state.token) for item, (_, state, _) in zip(mine, wanted, strict=True)]

    @staticmethod
    def _leased(item: Outgoing) -> Any:
        return item.message, item.attempts, item.interrupted

    @precondition(lambda self: self.items)
    @rule(data=st.data(), delivery=deliveries, later=st.integers(0, 2), id_=st.none() | texts.filter(bool))
    def settle(self, data: st.DataObject, delivery: Any, later: int, id_: str | None) -> None:
        self.tick()
        item, token = data.draw(st.sampled_from(self.items[-4:]))
        retry_at = self.now + later * STEP_MS if delivery == "queued" else 0
        mine = self.do(
            self.store.settle_outgoing(
                item, delivery, now=self.now, retry_at=retry_at, external_id=id_, error="E"
            )
        )
        assert mine == self.model.settle(item.message, token, delivery, self.now, retry_at, id_)

    # -- mails to agencies

    @rule(lease_ms=st.sampled_from([1, 2 * STEP_MS]))
    def lease_notice(self, lease_ms: int) -> None:
        self.tick()
        mine = self.do(self.store.lease_notice(now=self.now, until=self.now + lease_ms))
        wanted = self.model.lease_notice(self.now, self.now + lease_ms)
        assert (mine and (mine.notice, mine.attempts)) == (wanted and (wanted.notice, wanted.attempts))
        if mine is not None:
            self.jobs.append((mine, wanted.token))

    @precondition(lambda self: self.jobs)
    @rule(data=st.data(), delivery=st.sampled_from(["sent", "queued", "failed", "void"]))
    def settle_notice(self, data: st.DataObject, delivery: Any) -> None:
        self.tick()
        job, token = data.draw(st.sampled_from(self.jobs[-3:]))
        retry_at = self.now + STEP_MS if delivery == "queued" else None
        mine = self.do(self.store.settle_notice(job, delivery, now=self.now, retry_at=retry_at, error="E"))
        assert mine == self.model.settle_notice(job.notice.id, token, delivery, self.now, retry_at)

    @precondition(lambda self: self.model.mailings)
    @rule(data=st.data())
    def fail_notice(self, data: st.DataObject) -> None:
        self.tick()
        id_ = data.draw(st.sampled_from([*sorted(self.model.mailings), "z-none"]))
        mine = self.do(self.store.fail_notice(id_, now=self.now, error="bounced"))
        assert mine == self.model.fail_notice(id_, self.now)

    @precondition(lambda self: self.model.talks)
    @rule(data=st.data(), upto=st.integers(0, 12), how=st.sampled_from(["delivered", "read", "staff"]))
    def mark(self, data: st.DataObject, upto: int, how: Any) -> None:
        self.tick()
        conversation = data.draw(st.sampled_from(sorted(self.model.talks)))
        if how == "staff":
            self.do(self.store.mark_staff_read(conversation, upto, now=self.now))
            self.model.mark_staff_read(conversation, upto, self.now)
        else:
            self.do(self.store.mark_delivered(conversation, upto, how, now=self.now))
            self.model.mark_delivered(conversation, upto, how, self.now)

    @precondition(lambda self: self.items)
    @rule(data=st.data(), id_=texts.filter(bool))
    def confirm(self, data: st.DataObject, id_: str) -> None:
        self.tick()
        item, _ = data.draw(st.sampled_from(self.items[-4:]))
        mine = self.do(self.store.confirm_sent(item.message.id, external_id=id_, now=self.now))
        assert mine == self.model.confirm(item.message.id, id_, self.now)

    # -- people

    @precondition(lambda self: any(talk.messages for talk in self.model.talks.values()))
    @rule(
        data=st.data(), text=st.none() | texts,
        new=st.dictionaries(st.sampled_from("ab"), st.none() | texts, max_size=2),
    )  # fmt: skip
    def amend(self, data: st.DataObject, text: str | None, new: dict[str, Any]) -> None:
        self.tick()
        ids = sorted(m.id for talk in self.model.talks.values() for m in talk.messages)
        id_ = data.draw(st.sampled_from([*ids, "m-none"]))
        mine = self.do(self.store.amend_message(id_, now=self.now, text=text, data=new))
        assert mine == self.model.amend(id_, nfc(text) if text is not None else None, new, self.now)

    @precondition(lambda self: self.model.talks)
    @rule(
        data=st.data(), at=st.none() | st.integers(T0, T0 + 2_000_000), name=st.none() | texts,
        contact=st.dictionaries(st.sampled_from(["phone", "a.$b"]), texts.map(nfc)),
        left=st.sampled_from([None, "gone"]), back=st.booleans(),
    )  # fmt: skip
    def note(
        self, data: st.DataObject, at: int | None, name: str | None, contact: dict[str, str], left: str | None, back: bool
    ) -> None:  # fmt: skip
        self.tick()
        conversation = data.draw(st.sampled_from(sorted(self.model.talks)))
        assert self.do(
            self.store.note_person(
                conversation, now=self.now, interacted_at=at, name=name, contact=contact, unreachable=left, reachable=back
            )
        )  # fmt: skip
        name = nfc(name) if name is not None else None
        self.model.note(conversation, self.now, at, name, contact, left, back)

    @precondition(lambda self: self.model.talks)
    @rule(data=st.data())
    def erase(self, data: st.DataObject) -> None:
        self.tick()
        conversation = data.draw(st.sampled_from(sorted(self.model.talks)))
        assert self.do(self.store.erase_person(conversation, now=self.now))
        self.model.erase(conversation, self.now)

    # -- knowledge, hits

    @rule(
        docs=st.lists(
            st.builds(
                KnowledgeDoc, kind=st.sampled_from(["faq", "agency"]), id=st.sampled_from("ab"),
                body=st.dictionaries(texts, texts, max_size=1), origin=st.sampled_from(ORIGINS),
            ),
            max_size=3,
        )
    )  # fmt: skip
    def learn(self, docs: list[KnowledgeDoc]) -> None:
        self.tick()
        assert self.do(self.store.put_knowledge(docs, now=self.now)) == self.model.put_knowledge(docs)
        kept = sorted(self.model.docs.values(), key=lambda doc: (doc.kind, doc.id))
        assert self.do(self.store.knowledge()) == kept

    @rule(key=st.sampled_from("kl"), window=st.integers(1, 5 * STEP_MS), clear=st.booleans())
    def hit(self, key: str, window: int, clear: bool) -> None:
        self.tick()
        mine = self.do(self.store.count_hit(key, now=self.now, window_ms=window))
        assert mine == self.model.count_hit(key, self.now, window)
        if clear:
            self.do(self.store.clear_hits(key))
            self.model.hits.pop(key)

    # -- jobs

    @rule(
        job=st.sampled_from("jk"), holder=st.sampled_from("ab"), hold_ms=st.sampled_from([0, 1, 3 * STEP_MS])
    )
    def hold(self, job: str, holder: str, hold_ms: int) -> None:
        self.tick()
        mine = self.do(self.store.hold(job, holder, now=self.now, until=self.now + hold_ms))
        assert mine == self.model.hold(job, holder, self.now, self.now + hold_ms)

    @rule(job=st.sampled_from("jk"), holder=st.sampled_from("ab"))
    def let_go(self, job: str, holder: str) -> None:
        self.tick()
        self.do(self.store.let_go(job, holder))
        self.model.let_go(job, holder)

    @rule(name=st.sampled_from("mn"), body=st.binary(max_size=4), off=st.sampled_from([0, 0, 0, -1, 1]))
    def put_state(self, name: str, body: bytes, off: int) -> None:
        self.tick()
        there = self.model.states.get(name)
        expects = max(0, (there.version if there else 0) + off)
        mine = self.do(self.store.put_state(name, body, expects=expects, now=self.now))
        assert mine == self.model.put_state(name, body, expects)
        assert self.do(self.store.state(name)) == self.model.states.get(name)

    @rule(steps=st.integers(0, 20))
    def sweep(self, steps: int) -> None:
        """As if a day had gone by since some steps ago."""
        self.tick()
        now = self.now + DAY_MS - steps * STEP_MS
        assert self.do(self.store.sweep(now=now)) == self.model.sweep(now)

    # -- always

    @invariant()
    def everything_is_the_same(self) -> None:
        self.do(self._compare())

    async def _compare(self) -> None:
        store, model = self.store, self.model
        versions = {id_: talk.facts.version for id_, talk in model.talks.items()}
        assert dict(await store.touched_since(0)) == versions
        for id_, talk in model.talks.items():
            assert await store.conversation(id_) == talk.facts
            assert await store.messages(id_) == talk.messages
            assert await store.recent_messages(id_, before=5, limit=2) == talk.messages[:4][-2:]
        for state in ("open", "closed"):
            found = await queue(store, limit=100, state=state)
            assert [t.id for t, _ in found] == model.queue(state)
            assert all(t == model.tickets[t.id] and c == model.talks[c.id].facts for t, c in found)
        assert await store.held_tickets() == model.held()
        for id_ in model.tickets:
            assert await store.notices(id_) == model.notices(id_)
        spoken = [
            (m.at, talk.facts.channel, id_, m.outcome, m.turn)
            for id_, talk in model.talks.items()
            for m in talk.messages
            if m.author == "citizen"
        ]
        assert sorted(str(one[:5]) for one in await store.heard(since=0, until=2**60)) == sorted(
            map(str, spoken)
        )
        cases = {case.id: (case.state, len(case.steps)) for case in await store.cases(since=0, until=2**60)}
        assert cases == {id_: (ticket.state, len(ticket.history)) for id_, ticket in model.tickets.items()}
        books = await store.books(now=self.now, grace_ms=GRACE_MS)
        totals = [
            sum(column) for column in zip((0, 0, 0), *(d.counts for d in model.raws.values()), strict=True)
        ]
        assert [books.raw_items, books.events, books.duplicates, books.refused] == [sum(totals), *totals]
        assert books.unparsed == sum(d.waits or d.unfinished for d in model.raws.values())
        assert list(books.lines) == model.lines()
        assert len(books.problems) == model.problems(self.now, self.now - GRACE_MS), books.problems


def test_any_sequence_of_calls_gives_the_models_answers(fresh_url: Callable[[], str]) -> None:
    machine: Any = lambda: StoreMachine(fresh_url())  # noqa: E731 - called as the class it stands for
    run_state_machine_as_test(machine, settings=SHORT)
