import pytest

from hub.errors import NotSent, OutcomeUnknown, SendRefused, WindowClosed
from hub.model import Draft, Outgoing
from hub.ports import Sent
from hub.store.sqlite import SqliteStore
from tests.conftest import FakeClock
from tests.contract.builders import queue, turn
from tests.fakes.channels import PaperChannel
from tests.hub.rooms import Rooms


@pytest.fixture
def rooms(store: SqliteStore, clock: FakeClock, tmp_path) -> Rooms:
    return Rooms(store, clock, tmp_path)


async def one_reply(rooms: Rooms) -> str:
    conversation = await rooms.hear("làm khai sinh")
    await rooms.answer_due()
    return conversation


async def test_a_reply_is_sent_and_marked(rooms: Rooms) -> None:
    conversation = await one_reply(rooms)
    assert await rooms.outbox.send_due() == 1
    assert await rooms.outbox.send_due() == 0
    assert rooms.channel.sent == ["[1] làm khai sinh"]
    reply = await rooms.last(conversation)
    assert (reply.delivery, reply.external_id) == ("sent", "paper-1")


async def test_what_never_left_is_tried_again_when_the_platform_says(rooms: Rooms) -> None:
    conversation = await one_reply(rooms)
    rooms.channel.failures = [NotSent("429", retry_after_s=30)]
    await rooms.outbox.send_due()
    rooms.clock.forward(29_999)
    assert await rooms.outbox.send_due() == 0
    rooms.clock.forward(1)
    assert await rooms.outbox.send_due() == 1
    assert (await rooms.last(conversation)).delivery == "sent"


@pytest.mark.parametrize(
    ("failure", "delivery"),
    [
        (OutcomeUnknown("timeout"), "unknown"),
        (WindowClosed("7 days"), "window_closed"),
        (SendRefused("blocked"), "failed"),
        (RuntimeError("a bug"), "unknown"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else value,
)
async def test_what_will_not_arrive_is_shown_to_a_person_and_never_resent(
    rooms: Rooms, failure: Exception, delivery: str
) -> None:
    conversation = await one_reply(rooms)
    rooms.channel.failures = [failure]
    await rooms.outbox.send_due()
    rooms.clock.forward(3_600_000)
    assert await rooms.outbox.send_due() == 0
    assert rooms.channel.sent == []
    messages = await rooms.store.messages(conversation)
    assert [m.delivery for m in messages] == [None, delivery, None]
    assert messages[-1].internal
    ((ticket, kept),) = await queue(rooms.store, limit=10)
    assert (ticket.reason, kept.owner) == ("send_failed", "human")
    books = await rooms.store.books(now=rooms.clock.now(), grace_ms=60_000)
    assert not books.problems
    assert [line.ticketed for line in books.lines] == [1]


@pytest.mark.parametrize("courtesy", [True, False])
async def test_only_a_courtesy_may_get_lost_unnoticed(rooms: Rooms, courtesy: bool) -> None:
    conversation = await one_reply(rooms)
    await rooms.outbox.send_due()
    says = (Draft(text="Việc đã được giải quyết.", courtesy=courtesy),)
    await rooms.store.commit_turn(
        turn(conversation, "t-solved", actor="system", at=rooms.clock.now(), says=says)
    )
    rooms.channel.failures = [SendRefused("blocked")]
    await rooms.outbox.send_due()
    told = [ticket.reason for ticket, _ in await queue(rooms.store, limit=10)]
    assert told == ([] if courtesy else ["send_failed"])


async def test_what_the_platform_has_shown_to_arrive_is_no_failure(rooms: Rooms) -> None:
    """Its echo was faster than its answer, which then did not come."""
    conversation = await one_reply(rooms)
    reply = await rooms.last(conversation)

    async def echoed_and_lost(item: Outgoing) -> Sent:
        assert await rooms.store.confirm_sent(reply.id, external_id="p-9", now=rooms.clock.now())
        raise OutcomeUnknown("timeout")

    rooms.channel.send = echoed_and_lost  # type: ignore[method-assign]
    await rooms.outbox.send_due()
    messages = await rooms.store.messages(conversation)
    assert [(m.author, m.delivery, m.external_id) for m in messages[1:]] == [("bot", "sent", "p-9")]
    standing = await rooms.store.conversation(conversation)
    assert standing is not None
    assert (standing.owner, standing.ticket) == ("bot", None)


async def test_a_send_that_was_interrupted_is_unknown(rooms: Rooms) -> None:
    conversation = await one_reply(rooms)
    now = rooms.clock.now()
    assert await rooms.store.lease_outbox(now=now, until=now + 10, limit=1)  # and then its process dies
    rooms.clock.forward(10)
    await rooms.outbox.send_due()
    assert rooms.channel.sent == []
    assert (await rooms.store.messages(conversation))[1].delivery == "unknown"


async def test_on_a_channel_that_shows_a_message_once_it_is_simply_sent_again(
    store: SqliteStore, clock: FakeClock, tmp_path
) -> None:
    rooms = Rooms(store, clock, tmp_path, channel=PaperChannel(resend_safe=True))
    conversation = await one_reply(rooms)
    now = clock.now()
    assert await store.lease_outbox(now=now, until=now + 10, limit=1)
    clock.forward(10)
    await rooms.outbox.send_due()
    assert (await rooms.last(conversation)).delivery == "sent"


async def test_a_platform_that_is_away_is_left_alone_for_a_while(rooms: Rooms) -> None:
    for n in range(8):
        await rooms.hear("một", sender=f"dân {n}")
    await rooms.answer_due()
    rooms.channel.failures = [NotSent("refused", retry_after_s=0) for _ in range(100)]
    await rooms.outbox.send_due()
    tried = 100 - len(rooms.channel.failures)
    await rooms.outbox.send_due()
    assert 100 - len(rooms.channel.failures) == tried, "the circuit is open: nobody knocks"
    rooms.channel.failures = []
    rooms.clock.forward(15_000)
    await rooms.outbox.send_due()
    assert len(rooms.channel.sent) == 8


async def test_a_reply_to_a_channel_that_was_switched_off_is_told(rooms: Rooms) -> None:
    conversation = await one_reply(rooms)
    rooms.outbox.connectors = {}
    await rooms.outbox.send_due()
    assert (await rooms.store.messages(conversation))[1].delivery == "failed"
