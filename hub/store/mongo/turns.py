"""The atomic turn: everything one actor decided, as one change of the conversation's journal."""

from hub.errors import LeaseLost, NotFound, OwnerChanged, StoreError, TicketMoved
from hub.model import Committed, Lease, Ticket, Turn
from hub.store.mongo import notices, reviews
from hub.store.mongo.database import Database, Document
from hub.store.mongo.documents import (
    message_document,
    message_of,
    reply,
    turn_document,
    turn_of,
)
from hub.store.mongo.journal import Change, Journal, change_ticket, insert, settle_inbound, touched
from hub.store.mongo.tickets import event_document, get, ticket_document, ticket_fields
from hub.store.tickets import ticket_after


async def commit(db: Database, journal: Journal, turn: Turn, lease: Lease | None) -> Committed:
    async def decide(conversation: Document | None) -> tuple[Change | None, Committed]:
        done = await _done(db, turn.id)
        if done is not None:
            return None, done
        if conversation is None:
            raise NotFound(f"no conversation {turn.conversation}")
        if lease is not None and conversation["lease_token"] != lease.token:
            raise LeaseLost(f"another worker goes on with {turn.conversation}")
        if turn.expects_epoch is not None and conversation["epoch"] != turn.expects_epoch:
            raise OwnerChanged(f"a person took over {turn.conversation}")
        return _change(conversation, turn, await _changed_ticket(db, turn))

    return await journal.change(turn.conversation, decide)


async def _done(db: Database, turn: str) -> Committed | None:
    done = await db["turns"].find_one({"_id": turn})
    if done is None:
        return None
    said = db["messages"].find({"turn": turn, "author": {"$ne": "citizen"}}).sort("seq")
    return Committed(
        turn=turn_of(done), messages=tuple([message_of(document) async for document in said]), fresh=False
    )


async def _changed_ticket(db: Database, turn: Turn) -> Ticket | None:
    """The ticket as the turn leaves it. What cannot be carried out is refused before anything is written."""
    opened = turn.ticket
    if opened is not None:
        same = {"$or": [{"_id": opened.id}, {"code": opened.code}]}
        if await db["tickets"].find_one(same, {"_id": 1}) is not None:
            raise StoreError(f"ticket {opened.id} or its code {opened.code} is there already")
    change = turn.change
    if change is None:
        return None
    ticket = opened if opened is not None and opened.id == change.ticket else await get(db, change.ticket)
    if ticket is None or ticket.conversation != turn.conversation:
        raise NotFound(f"no ticket {change.ticket} in {turn.conversation}")
    if change.expects is not None and ticket.version != change.expects:
        raise TicketMoved(f"ticket {ticket.id} has changed meanwhile")
    return ticket.after(change, at=turn.at, actor=turn.actor_id or turn.actor)


def _change(conversation: Document, turn: Turn, changed: Ticket | None) -> tuple[Change, Committed]:
    first = conversation["last_seq"] + 1
    messages = tuple(reply(turn, place, draft, first + place) for place, draft in enumerate(turn.says))
    fields, effects = _settle_inbound(conversation, turn)
    effects += [
        insert("messages", message_document(message, conversation["channel"])) for message in messages
    ]
    if turn.ticket is not None:
        effects.append(insert("tickets", ticket_document(turn.ticket, conversation["channel"])))
    if changed is not None:
        event = event_document(changed.history[-1])
        effects.append(change_ticket(changed.id, turn.id, ticket_fields(changed, turn.at), event))
    if turn.review is not None:
        effects.append(insert("reviews", reviews.document(turn.review)))
    effects += [insert("notices", notices.document(notice)) for notice in turn.notices]
    effects.append(insert("turns", turn_document(turn)))  # last: a turn that is there is there whole
    fields |= _move(conversation, turn, waits=bool(fields["waiting"]))
    fields["last_seq"] = conversation["last_seq"] + len(messages)
    return Change(turn.at, fields, effects), Committed(turn=turn, messages=messages, fresh=True)


def _settle_inbound(conversation: Document, turn: Turn) -> tuple[Document, list[Document]]:
    waiting: list[int] = conversation["waiting"]
    effects = []
    handled = [seq for seq in waiting if seq <= turn.handles]
    if handled:
        effects.append(settle_inbound(conversation["_id"], handled, turn.outcome, turn.id))
        if turn.outcome is not None:
            waiting = [seq for seq in waiting if seq > turn.handles]
    if turn.owner == "human" and waiting:  # what came in while this was decided belongs to the person too
        effects.append(settle_inbound(conversation["_id"], waiting, "ticketed", turn.id))
        waiting = []
    return {"waiting": waiting}, effects


def _move(before: Document, turn: Turn, *, waits: bool) -> Document:
    owner = turn.owner or before["owner"]
    operator = turn.operator if turn.owner is not None else before["operator"]
    if owner == "bot":
        operator = None
    moved = (owner, operator) != (before["owner"], before["operator"])
    seen = before["staff_read_seq"]
    if turn.actor == "operator" or (turn.actor == "bot" and owner == "bot"):
        seen = max(seen, turn.handles)  # when the bot hands over, nobody has seen it yet
    fields: Document = {
        "owner": owner,
        "operator": operator,
        "epoch": before["epoch"] + moved,
        "handled_seq": before["last_seq"] if owner == "human" else max(before["handled_seq"], turn.handles),
        "staff_read_seq": seen,
        "ticket": ticket_after(before["ticket"], turn),
        "due_at": before["due_at"] if waits else None,
        "first_due_at": None,
    } | touched(before, turn.at)
    if turn.dialogue is not None:
        fields["dialogue"] = turn.dialogue.model_dump_json()
    if turn.actor == "bot" or owner == "human":
        fields |= {"lease_token": None, "lease_until": 0, "attempts": 0}
    return fields
