"""What citizens and platforms do besides speaking: receipts, edits, reactions, follows, echoes, bounces…

Every effect is idempotent: a delivery whose worker died is carried out again from the start.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from hub.audit import AuditNote
from hub.clock import Clock
from hub.errors import NotYet
from hub.metrics import Metrics
from hub.model import (
    Conversation,
    Delivery,
    Draft,
    Event,
    Message,
    Turn,
    conversation_id,
    derived_id,
    message_id,
)
from hub.pieces import numbered
from hub.ports import Connector, Live, Store, TicketWish
from hub.turn import TurnWorker

log = logging.getLogger(__name__)

#: How far back a receipt, an edit or an echo looks for what it is about.
LOOKS_BACK = 100

EDITED_AFTER_ANSWER = (
    "Em thấy anh/chị vừa sửa lại tin nhắn đã được trả lời. Nếu cần em trả lời theo nội dung mới, "
    "anh/chị vui lòng nhắn lại nội dung đó giúp em nhé."
)
EDITED_FOR_STAFF = "Người dân vừa sửa tin nhắn số {seq} sau khi đã được trả lời."
REMOVED_FOR_STAFF = "Người dân vừa gỡ tin nhắn số {seq}."
ELSEWHERE = "Có người trả lời trực tiếp trên trang quản trị của kênh, không qua tổng đài."
BOUNCED = "Thư số {seq} bị trả lại: {why}"
LEFT = "Người dân đã bỏ quan tâm hoặc chặn kênh này."
OTHER_APP = "Hội thoại đang do ứng dụng khác trên nền tảng giữ."


@dataclass
class Signals:
    """Carries out what the events of one delivery mean, after its messages were taken in."""

    store: Store
    connectors: Mapping[str, Connector]
    turns: TurnWorker
    live: Live
    clock: Clock
    metrics: Metrics
    #: whether a mail that came back was one to an agency; then that has been dealt with
    of_notice: Callable[[str], Awaitable[bool]] | None = None

    async def __call__(self, event: Event, received_at: int) -> None:
        if event.kind == "bounce" and await self._notice_came_back(event):
            return
        conversation = await self.store.conversation(conversation_id(event))
        if conversation is None:
            return
        connector = self.connectors.get(event.channel)
        if connector is not None and event.kind in connector.capabilities.interactions:
            at = min(event.sent_at or received_at, received_at)
            await self.store.note_person(conversation.id, now=self.clock.now(), interacted_at=at)
        match event.kind:
            case "echo":
                await self._echo(event, conversation)
            case "delivery" | "read":
                await self._receipt(event, conversation)
            case "edit" | "comment_edit":
                await self._edited(event, conversation)
            case "comment_remove":
                await self._removed(event, conversation)
            case "reaction":
                await self._reaction(event)
            case "follow":
                await self._person(conversation, reachable=True)
            case "unfollow":
                await self._person(conversation, unreachable=LEFT)
            case "profile":
                contact = {k: str(v) for k, v in event.data.items() if v and k != "name"}
                await self._person(conversation, name=event.data.get("name"), contact=contact)
            case "thread_control" if "ours" in event.data:  # else it does not say whose the thread is
                ours = bool(event.data["ours"])
                await self._person(conversation, reachable=ours, unreachable=None if ours else OTHER_APP)
            case "withdraw":
                now = self.clock.now()
                if await self.store.erase_person(conversation.id, now=now):
                    note = AuditNote(at=now, actor="citizen", action="person.erased", target=conversation.id)
                    await self.store.append_audit(note)
            case "bounce":
                await self._bounce(event)
            case _:
                return
        self.live.poke(conversation.id)

    async def _person(
        self,
        conversation: Conversation,
        *,
        name: str | None = None,
        contact: Mapping[str, str] = {},
        unreachable: str | None = None,
        reachable: bool = False,
    ) -> None:
        await self.store.note_person(
            conversation.id,
            now=self.clock.now(),
            name=name,
            contact=contact,
            unreachable=unreachable,
            reachable=reachable,
        )

    # ---- what the account said -------------------------------------------------------------------

    async def _echo(self, event: Event, conversation: Conversation) -> None:
        """Ours is confirmed; anything else a person said on the platform itself: the bot is silent from then on."""
        now = self.clock.now()
        if event.automatic:  # a broadcast or the like: nobody has taken the conversation over
            return
        if await self.store.message_by_external(event.channel, event.account, event.external_id):
            return
        if ours := event.data.get("message"):
            await self.store.confirm_sent(str(ours), external_id=event.external_id, now=now)
            return
        recent = await self.store.recent_messages(conversation.id, limit=LOOKS_BACK)
        for message in reversed(recent):
            if message.external_id == event.external_id:  # its send was settled while we looked
                return
            if _may_be(event, message):
                await self.store.confirm_sent(message.id, external_id=event.external_id, now=now)
                return
        if _under_way(recent):
            raise NotYet("what is being sent will say whether this is its echo")
        connector = self.connectors.get(event.channel)
        public = connector is not None and connector.reach(conversation, now).public
        if public and not any(message.author == "citizen" for message in recent):
            return  # said to everybody, before anybody asked: there is nothing to take over
        await self._said_elsewhere(event, conversation)

    async def _said_elsewhere(self, event: Event, conversation: Conversation) -> None:
        id_ = derived_id("t", "elsewhere", message_id(event))
        at = self.clock.now()
        wish = TicketWish(reason="operator", summary=event.text or ELSEWHERE)
        ticket, change, _ = await self.turns.ticket_for(conversation, wish, id_, at)
        said = Draft(text=event.text or "", attachments=event.attachments, said_elsewhere=event.external_id)
        await self.store.commit_turn(
            Turn(
                id=id_,
                conversation=conversation.id,
                actor="operator",
                at=at,
                handles=conversation.last_seq,
                outcome="ticketed",
                says=(said, Draft(text=ELSEWHERE, internal=True)),
                owner="human",
                operator=conversation.operator,
                ticket=ticket,
                change=change,
            )
        )

    async def _receipt(self, event: Event, conversation: Conversation) -> None:
        state: Delivery = "read" if event.kind == "read" else "delivered"
        upto = 0
        ids = set(event.data.get("ids", ()))
        watermark = event.data.get("watermark")
        recent = await self.store.recent_messages(conversation.id, limit=LOOKS_BACK)
        for message in recent:
            if message.author == "citizen" or message.internal:
                continue
            if message.external_id in ids or (watermark is not None and message.at <= int(watermark)):
                upto = message.seq
        if upto:
            await self.store.mark_delivered(conversation.id, upto, state, now=self.clock.now())
        elif ids and _under_way(recent):
            raise NotYet("the receipt may be of what is being sent")

    async def _notice_came_back(self, event: Event) -> bool:
        if self.of_notice is None or event.reply_to is None or not event.data.get("permanent", True):
            return False
        return await self.of_notice(event.reply_to)

    async def _bounce(self, event: Event) -> None:
        """A mail came back: the people who answer must know that it did not arrive."""
        message = await self._target(event)
        if message is None or message.author == "citizen":
            return
        why = str(event.data.get("diagnostic") or event.data.get("status") or "không rõ lý do")
        now = self.clock.now()
        if event.data.get("permanent", True):
            note = BOUNCED.format(seq=message.seq, why=why)
            await self.store.note_person(message.conversation, now=now, unreachable=note)
            await self.turns.undelivered(message, "failed")
        await self.store.amend_message(message.id, now=now, data={"bounce": why})

    # ---- what the citizen did --------------------------------------------------------------------

    async def _target(self, event: Event) -> Message | None:
        if event.reply_to is None:
            return None
        return await self.store.message_by_external(event.channel, event.account, event.reply_to)

    async def _edited(self, event: Event, conversation: Conversation) -> None:
        """Before the answer the new text replaces the old one; after it the citizen is asked."""
        message = await self._target(event)
        if message is None or message.author != "citizen" or message.text == event.text:
            return
        if message.outcome is not None and conversation.owner == "bot":
            await self._say(event, conversation, Draft(text=EDITED_AFTER_ANSWER))
        elif message.outcome is not None:
            note = EDITED_FOR_STAFF.format(seq=message.seq)
            await self._say(event, conversation, Draft(text=note, internal=True))
        before = message.data.get("first_text", message.text)
        await self.store.amend_message(
            message.id, now=self.clock.now(), text=event.text or "", data={"first_text": before}
        )

    async def _removed(self, event: Event, conversation: Conversation) -> None:
        message = await self._target(event)
        if message is None or message.data.get("removed"):
            return
        if message.outcome is not None and conversation.owner == "human":
            note = REMOVED_FOR_STAFF.format(seq=message.seq)
            await self._say(event, conversation, Draft(text=note, internal=True))
        await self.store.amend_message(message.id, now=self.clock.now(), data={"removed": True})

    async def _reaction(self, event: Event) -> None:
        message = await self._target(event)
        if message is not None:
            await self.store.amend_message(
                message.id, now=self.clock.now(), data={"reaction": event.data.get("reaction")}
            )

    async def _say(self, event: Event, conversation: Conversation, draft: Draft) -> None:
        turn = Turn(
            id=derived_id("t", "signal", message_id(event)),
            conversation=conversation.id,
            actor="system",
            at=self.clock.now(),
            handles=0,
            says=(draft,),
        )
        await self.turns.say(turn, conversation)


def _may_be(event: Event, message: Message) -> bool:
    """Whether an echo with an unknown id may be of one of ours whose id we were not told: by its text. Files and
    forms have none: they are taken for ours only once it is certain that no id will come."""
    if message.external_id is not None or message.delivery not in ("sending", "unknown", "sent"):
        return False
    if event.text is None:
        return message.delivery != "sending" and bool(message.attachments or message.data.get("ask"))
    text = message.text or ""
    return event.text.strip() in (text.strip(), numbered(text, message.buttons).strip())


def _under_way(messages: Sequence[Message]) -> bool:
    return any(message.delivery == "sending" for message in messages)
