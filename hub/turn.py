"""The turn: what the citizen said since the last one → the bot → one atomic record.

A conversation is leased, so one worker at a time answers it; the turn's id is derived from the message it
answers up to, so it happens once; and it is refused if a person took the conversation over meanwhile.
Silence is failure: a bot that is away, slow or empty hands the conversation to people and says so.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from bot.review import unanswered
from handoff import petitions, rating, reopening
from handoff.duty import nobody_there, promise
from handoff.rules import Rules, product
from handoff.tickets import add_to_ticket, open_ticket, opened_text, owner_after, still_open_text, ticket_year
from hub.choices import chosen, offered
from hub.clock import Clock
from hub.errors import BotError, BotUnreachable, LeaseLost, OwnerChanged, StoreError
from hub.letters import as_letter
from hub.metrics import Metrics
from hub.model import (
    Button,
    Committed,
    Conversation,
    Delivery,
    Draft,
    Lease,
    Message,
    Ticket,
    TicketChange,
    TicketReason,
    Turn,
    derived_id,
)
from hub.pieces import fitted
from hub.ports import Bot, BotAnswer, Connector, Live, Question, Reach, Store, TicketWish
from hub.questions import next_batch, payload_of, question_of, unreadable
from hub.wordless import pictures_before, words_wanted

log = logging.getLogger(__name__)

LEASE_MS = 30_000
CONCURRENCY = 16  # conversations answered at once by this process
IDLE_S = 0.25
RECONNECT_S = 0.25
LONGEST_TITLE = 200  # characters: a longer text is no button's title
LOOK_BACK = 20
GIVE_UP_AFTER_ATTEMPTS = (
    3  # a conversation whose worker died this often goes to people without asking the bot
)

BOT_FAILED = "Xin lỗi anh/chị, hiện em chưa trả lời tự động được câu này."
UNREADABLE: dict[str, str] = {
    "encrypted": "Thư của anh/chị được mã hóa nên tổng đài không đọc được. Anh/chị vui lòng gửi lại thư không mã hóa giúp em.",
    "too_big": "Thư của anh/chị quá lớn nên em không nhận được nội dung và tệp đính kèm. Anh/chị vui lòng gửi lại với tệp nhỏ "
    "hơn, hoặc chia thành nhiều thư giúp em.",
}
TOLD_PRIVATELY = "Tổng đài 1022 đã ghi nhận ý kiến của anh/chị. Mã phiếu được gửi qua tin nhắn riêng để giữ kín thông tin của anh/chị."
UNDELIVERED: dict[str, str] = {
    "failed": "Tin nhắn số {seq} không gửi được tới người dân.",
    "unknown": "Tin nhắn số {seq} chưa rõ đã tới người dân hay chưa. Vui lòng kiểm tra trước khi gửi lại.",
    "window_closed": "Tin nhắn số {seq} không gửi được vì đã quá thời hạn trả lời của kênh.",
}


async def ask(bot: Bot, question: Question, budget_s: float) -> tuple[BotAnswer, str | None]:
    """The bot's answer; or, when it fails, the hand-over that is said instead, and the failure's name.

    While the bot cannot be reached it is asked again, because nothing was decided then: one budget for all."""
    try:
        async with asyncio.timeout(budget_s):
            while True:
                try:
                    return await bot.answer(question), None
                except BotUnreachable:
                    await asyncio.sleep(RECONNECT_S)
    except TimeoutError:
        return hand_over(question), BotUnreachable.__name__
    except BotError as error:
        return hand_over(question), type(error).__name__


def hand_over(
    question: Question, text: str = BOT_FAILED, *, reason: TicketReason = "bot_failed"
) -> BotAnswer:
    """What is decided when the bot could not decide."""
    return BotAnswer(
        kind="human",
        says=(Draft(text=text),),
        dialogue=question.dialogue,
        handoff=True,
        ticket=TicketWish(reason=reason, summary=question.text),
    )


async def commit(
    store: Store,
    connectors: Mapping[str, Connector],
    turn: Turn,
    conversation: Conversation,
    lease: Lease | None = None,
) -> Committed:
    """Carry out a turn, with what it says cut to what the channel can carry."""
    connector = connectors.get(conversation.channel)
    if connector is not None:
        turn = fitted(turn, connector.capabilities, connector.reach(conversation, turn.at))
    return await store.commit_turn(turn, lease)


@dataclass
class TurnWorker:
    store: Store
    connectors: Mapping[str, Connector]
    bot: Bot
    live: Live
    clock: Clock
    metrics: Metrics
    said: Callable[[], None]  # something is in the outbox
    bot_budget_s: float = 5.0
    #: True while the bot is starting for the first time: turns wait for it instead of failing
    warming: Callable[[], bool] = lambda: False
    rules: Callable[[], Rules] = product  # of the people in charge
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _running: set[asyncio.Task[None]] = field(default_factory=set)

    def poke(self) -> None:
        self._wake.set()

    async def run(self) -> None:
        """Answer what is due until cancelled; on cancellation, turns under way are finished first."""
        try:
            while True:
                lease = await self._lease()
                if lease is not None:
                    task = asyncio.create_task(self._process(lease))
                    self._running.add(task)
                    task.add_done_callback(self._finished)
                    continue
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(IDLE_S):
                        await self._wake.wait()
                self._wake.clear()
        finally:
            if self._running:
                await asyncio.wait(self._running, timeout=self.bot_budget_s + 5)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._wake.set()

    async def _lease(self) -> Lease | None:
        if len(self._running) >= CONCURRENCY or self.warming():
            return None
        now = self.clock.now()
        try:
            return await self.store.lease_conversation(now=now, until=now + LEASE_MS)
        except StoreError:
            return None

    async def _process(self, lease: Lease) -> None:
        try:
            with self.metrics.turn_seconds.time():
                await self.take_turn(lease)
        except (LeaseLost, OwnerChanged) as error:
            log.info("turn dropped", extra={"facts": {"why": type(error).__name__}})
        except StoreError as error:  # the lease runs out and somebody goes on
            log.warning("turn not stored", extra={"facts": {"why": type(error).__name__}})
        except (
            Exception
        ):  # a bug must not stop the worker; after some attempts the conversation goes to people
            log.exception("turn failed", extra={"facts": {"conversation": lease.conversation.id}})

    async def take_turn(self, lease: Lease) -> None:
        """Answer one leased conversation."""
        conversation = lease.conversation
        messages = await self.store.messages(conversation.id, after=conversation.handled_seq)
        waiting = [m for m in messages if m.author == "citizen" and m.outcome is None]
        pressed = await self._pressed(waiting[0]) if waiting else None
        batch = next_batch(waiting, pressed)
        if batch and all(message.data.get("removed") for message in batch):
            turn = self._let_be(conversation, batch)
        elif batch and (wanted := reopening.asked(payload_of(batch, pressed))) is not None:
            ticket = await self.store.ticket(wanted)
            turn = reopening.turn(conversation, ticket, batch[-1], self.clock.now(), self.rules())
        elif batch and (wish := petitions.wish_of(batch[0])) is not None:
            at = self.clock.now()
            number = await self.store.next_ticket_number(ticket_year(at))
            turn = petitions.turn(conversation, batch[0], wish, number, at, self.rules())
        elif batch and (given := rating.given(payload_of(batch, pressed))) is not None:
            ticket = await self.store.ticket(given[0])
            turn = rating.turn(conversation, ticket, given[1], batch[-1], self.clock.now(), self.rules())
        elif batch:
            await self._show_typing(conversation)
            turn = await self._decide(lease, [m for m in batch if not m.data.get("removed")], pressed)
        else:
            turn = Turn(
                id=derived_id("t", conversation.id, lease.token),
                conversation=conversation.id,
                actor="bot",
                at=self.clock.now(),
                handles=0,
            )
        committed = await commit(self.store, self.connectors, turn, conversation, lease)
        self.metrics.turns.labels("bot", turn.outcome or "none").inc()
        self.live.poke(conversation.id)
        if committed.messages:
            self.said()
        if len(batch) < len(messages):
            self._wake.set()

    async def _pressed(self, message: Message) -> Button | None:
        """The button that a text stands for: by the payload that came with it, else by its title or number."""
        if message.kind == "postback" or not message.text or len(message.text) > LONGEST_TITLE:
            return None
        if isinstance(payload := message.data.get("payload"), str):
            return Button(title=message.text, payload=payload)
        return chosen(message.text, offered(await self._before([message])))

    def _let_be(self, conversation: Conversation, batch: Sequence[Message]) -> Turn:
        """What the citizen took back before it was answered is not answered."""
        return Turn(
            id=derived_id("t", conversation.id, str(batch[-1].seq)),
            conversation=conversation.id,
            actor="bot",
            at=self.clock.now(),
            handles=batch[-1].seq,
            outcome="no_reply_due",
            expects_epoch=conversation.epoch,
        )

    async def _show_typing(self, conversation: Conversation) -> None:
        self.live.typing(conversation.id, "bot")
        if connector := self.connectors.get(conversation.channel):
            await connector.typing(conversation)

    async def _decide(self, lease: Lease, batch: Sequence[Message], pressed: Button | None) -> Turn:
        reach = self._reach(lease.conversation)
        if batch[0].automatic or await self._often(lease.conversation):
            reach = reach.model_copy(update={"bot": False})
        question = question_of(
            lease.conversation,
            batch,
            self.clock.now(),
            pressed,
            public=reach.public,
            letter=self._writes_letters(lease.conversation),
        )
        failure, why = None, unreadable(batch)
        if not reach.bot:  # no machine may answer, or it is too late for one: a person may still write
            answer = hand_over(question)
        elif why in UNREADABLE:
            answer = hand_over(question, UNREADABLE[why], reason="unanswerable")
        elif not question.text:
            answer = words_wanted(batch, await self._before(batch), question)
        elif lease.attempts > GIVE_UP_AFTER_ATTEMPTS:
            answer, failure = hand_over(question), "Crashed"
        else:
            answer, failure = await ask(self.bot, question, self.bot_budget_s)
        if failure is not None:
            self.metrics.bot_failures.labels(failure).inc()
            log.warning(
                "bot failed", extra={"facts": {"conversation": question.conversation, "why": failure}}
            )
        return await self._turn(lease.conversation, batch, answer, question.text, reach)

    async def _before(self, batch: Sequence[Message]) -> list[Message]:
        return await self.store.recent_messages(batch[0].conversation, before=batch[0].seq, limit=LOOK_BACK)

    def _writes_letters(self, conversation: Conversation) -> bool:
        connector = self.connectors.get(conversation.channel)
        return connector is not None and connector.capabilities.letters

    async def _often(self, conversation: Conversation) -> bool:
        """Whether this person was answered by a machine so often of late that the other side may be one, too."""
        connector = self.connectors.get(conversation.channel)
        limits = connector.capabilities.automatic_answers if connector and conversation.sender else {}
        who = derived_id("h", conversation.channel, conversation.account, conversation.sender)
        now = self.clock.now()
        counts = [
            await self.store.count_hit(f"answered:{window_ms}:{who}", now=now, window_ms=window_ms) > most
            for window_ms, most in limits.items()
        ]
        return any(counts)

    async def _turn(
        self,
        conversation: Conversation,
        batch: Sequence[Message],
        answer: BotAnswer,
        asked: str,
        reach: Reach,
    ) -> Turn:
        last = batch[-1]
        id_ = derived_id("t", conversation.id, str(last.seq))
        at = self.clock.now()
        says, ticket, change = list(answer.says), None, None
        if answer.ticket is not None:
            about = batch
            if answer.ticket.reason == "report":
                about = pictures_before(batch, await self._before(batch))
            ticket, change, text = await self.ticket_for(conversation, answer.ticket, id_, at, about=about)
            if not reach.bot:
                says = []
            elif reach.public:  # codes are for the person alone; so is what was noted of a report
                told = Draft(text=text, private=True, reply_to=last.external_id)
                noted = [] if answer.ticket.reason == "report" else says
                says = [*noted, Draft(text=TOLD_PRIVATELY), told]
            else:
                says.append(Draft(text=text))
        if self._writes_letters(conversation):
            says = list(as_letter(says))
        return Turn(
            id=id_,
            conversation=conversation.id,
            actor="bot",
            at=at,
            handles=last.seq,
            outcome="ticketed" if answer.ticket is not None else "answered",
            says=tuple(says),
            owner=owner_after(answer.ticket.reason) if answer.ticket is not None else None,
            dialogue=answer.dialogue,
            ticket=ticket,
            change=change,
            expects_epoch=conversation.epoch,
            facts=answer.model_dump(
                include={
                    "kind",
                    "procedure",
                    "aspect",
                    "faq",
                    "category",
                    "handoff",
                    "confidence",
                    "candidates",
                },
                exclude_defaults=True,
            ),
            review=unanswered(conversation, id_, asked, answer, at),
        )

    def _reach(self, conversation: Conversation) -> Reach:
        connector = self.connectors.get(conversation.channel)
        return connector.reach(conversation, self.clock.now()) if connector else Reach()

    async def say(self, turn: Turn, conversation: Conversation) -> None:
        """Carry out a turn that nobody holds a lease for."""
        committed = await commit(self.store, self.connectors, turn, conversation)
        self.live.poke(conversation.id)
        if committed.messages:
            self.said()

    async def ticket_for(
        self,
        conversation: Conversation,
        wish: TicketWish,
        turn: str,
        at: int,
        *,
        about: Sequence[Message] = (),
    ) -> tuple[Ticket | None, TicketChange | None, str]:
        standing = await self.store.ticket(conversation.ticket) if conversation.ticket else None
        if standing is not None and standing.merged_into is not None:
            standing = None  # nobody looks at it any more
        own = wish.reason in ("report", "complaint", "emergency") and not wish.addition
        if standing is not None and not own:
            return None, add_to_ticket(standing, wish), still_open_text(standing)
        number = await self.store.next_ticket_number(ticket_year(at))
        rules = self.rules()
        ticket = open_ticket(
            wish,
            conversation,
            turn=turn,
            number=number,
            at=at,
            actor="bot",
            about=about,
            rules=rules,
        )
        away = await nobody_there(self.store, rules, at)
        return ticket, None, opened_text(ticket, promise(ticket, rules, at) if away else None)

    async def undelivered(self, message: Message, delivery: Delivery) -> None:
        """A message will not arrive: a person is told, once per message."""
        conversation = await self.store.conversation(message.conversation)
        if conversation is None:
            return
        id_ = f"{message.id}:undelivered"
        at = self.clock.now()
        wish = TicketWish(reason="send_failed", summary=message.text or "")
        ticket, change, _ = await self.ticket_for(conversation, wish, id_, at)
        await self.store.commit_turn(
            Turn(
                id=id_,
                conversation=conversation.id,
                actor="system",
                at=at,
                handles=0,
                says=(Draft(text=UNDELIVERED[delivery].format(seq=message.seq), internal=True),),
                owner="human",
                operator=conversation.operator,
                ticket=ticket,
                change=change,
            )
        )
        self.live.poke(conversation.id)
