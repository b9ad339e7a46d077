"""Tickets: one document each, its history in it. They change only with the journal of their conversation."""

import json
from typing import Any, Final

from pymongo import ASCENDING, DESCENDING

from hub.model import Ticket, TicketEvent, TicketQuery
from hub.store.mongo.database import Database, Document
from hub.store.search import ticket_words
from hub.store.tickets import WORK

#: The rest of a ticket is JSON in ``body``.
COLUMNS: Final = (
    "code", "conversation", "state", "priority", "operator", "created_at", "version", "category", "commune",
    "agency", "merged_into", "due_at", "alarm_at", "escalated_at",
)  # fmt: skip
NOT_IN_BODY: Final = {"id", *COLUMNS, "history"}
NEVER: Final = 2**62  # sorts after every time and is before none
_TIMES: Final = ("due_at", "alarm_at")

_ORDERS: Final[dict[str, list[tuple[str, int]]]] = {
    "urgent": [("rank", ASCENDING), ("created_at", ASCENDING)],
    "due": [("due_at", ASCENDING)],
    "alarm": [("alarm_at", ASCENDING)],
    "changed": [("changed_at", DESCENDING)],
    "newest": [("created_at", DESCENDING)],
}


def ticket_fields(ticket: Ticket, changed_at: int) -> Document:
    """Everything but the id and the history."""
    fields: Document = {name: getattr(ticket, name) for name in COLUMNS}
    fields |= {name: NEVER for name in _TIMES if fields[name] is None}
    return fields | {
        "rank": 0 if ticket.priority == "urgent" else 1,
        "proposed": ticket.proposal is not None,
        "sensitive": ticket.sensitive,
        "words": ticket_words(ticket),
        "changed_at": changed_at,
        "body": ticket.model_dump_json(exclude=NOT_IN_BODY),
    }


def ticket_document(ticket: Ticket, channel: str) -> Document:
    history = [event_document(event) for event in ticket.history]
    own = {"_id": ticket.id, "channel": channel, "history": history}
    return own | ticket_fields(ticket, ticket.created_at)


def event_document(event: TicketEvent) -> Document:
    return event.model_dump(exclude={"changes"}) | {"changes": json.dumps(event.changes, ensure_ascii=False)}


def ticket_of(document: Document) -> Ticket:
    columns: dict[str, Any] = {name: document[name] for name in COLUMNS if name in document}
    columns |= {name: None for name in _TIMES if columns.get(name) == NEVER}
    history = tuple(_event_of(event) for event in document["history"])
    return Ticket(**{**json.loads(document["body"]), **columns, "id": document["_id"], "history": history})


def _event_of(event: Document) -> TicketEvent:
    fields = {name: event[name] for name in TicketEvent.model_fields if name in event}
    return TicketEvent(**fields | {"changes": json.loads(event.get("changes", "{}"))})


async def bring_forward(tickets: Any) -> None:
    """What older hubs wrote, as it is looked for now. May run twice."""
    async for document in tickets.find({"version": {"$exists": False}}):
        ticket = ticket_of(document)
        fields = ticket_fields(ticket, document["changed_at"])
        del fields["state"], fields["operator"]  # an older hub may still be changing them
        await tickets.update_one({"_id": ticket.id, "version": {"$exists": False}}, {"$set": fields})


async def name_channels(tickets: Any, conversations: Any) -> None:
    """Older hubs did not write with a ticket on which channel it is. May run twice."""
    async for document in tickets.find({"channel": {"$exists": False}}):
        conversation = await conversations.find_one({"_id": document["conversation"]}, {"channel": 1})
        fields = {
            "channel": conversation["channel"] if conversation else "",
            "sensitive": ticket_of(document).sensitive,
        }
        await tickets.update_one({"_id": document["_id"]}, {"$set": fields})


async def get(db: Database, ticket: str) -> Ticket | None:
    found = await db["tickets"].find_one({"_id": ticket})
    return ticket_of(found) if found else None


async def find(db: Database, query: TicketQuery, limit: int, skip: int = 0) -> list[Ticket]:
    found = db["tickets"].find(_filter(query)).sort([*_ORDERS[query.order], ("_id", ASCENDING)])
    return [ticket_of(document) async for document in found.skip(skip).limit(limit)]


async def by_change(
    db: Database, query: TicketQuery, after: tuple[int, str], limit: int
) -> list[tuple[int, Ticket]]:
    at, id_ = after
    beyond = {"$or": [{"changed_at": {"$gt": at}}, {"changed_at": at, "_id": {"$gt": id_}}]}
    found = db["tickets"].find({"$and": [_filter(query), beyond]})
    found = found.sort([("changed_at", ASCENDING), ("_id", ASCENDING)]).limit(limit)
    return [(document["changed_at"], ticket_of(document)) async for document in found]


async def count(db: Database, query: TicketQuery) -> int:
    return await db["tickets"].count_documents(_filter(query))


async def held(db: Database) -> list[tuple[str, str]]:
    work: Document = {"operator": {"$ne": None}, "merged_into": None, "state": {"$in": list(WORK)}}
    found = db["tickets"].find(work, {"operator": 1}).sort([("operator", ASCENDING), ("_id", ASCENDING)])
    return [(document["operator"], document["_id"]) async for document in found]


def _filter(query: TicketQuery) -> Document:
    terms: list[Document] = []
    for name in ("category", "commune", "operator", "conversation", "merged_into"):
        if (value := getattr(query, name)) is not None:
            terms.append({name: value})
    for name, field in (
        ("states", "state"), ("agencies", "agency"), ("categories", "category"), ("priorities", "priority"),
        ("channels", "channel"),
    ):  # fmt: skip
        if (several := getattr(query, name)) is not None:
            terms.append({field: {"$in": list(several)}})
    for name, field in (("alarm_until", "alarm_at"), ("due_until", "due_at")):
        if (until := getattr(query, name)) is not None:
            terms.append({field: {"$lte": until}})
    for name, operator in (("created_from", "$gte"), ("created_until", "$lt")):
        if (bound := getattr(query, name)) is not None:
            terms.append({"created_at": {operator: bound}})
    for name, field in (("merged", "merged_into"), ("escalated", "escalated_at")):
        if (wanted := getattr(query, name)) is not None:
            terms.append({field: {"$ne": None} if wanted else None})
    if query.sensitive is not None:
        terms.append({"sensitive": query.sensitive})
    if query.due_after is not None:
        terms.append({"due_at": {"$gt": query.due_after, "$lt": NEVER}})
    if query.proposed is not None:
        terms.append({"proposed": query.proposed})
    if query.unassigned:
        terms.append({"operator": None})
    return {"$and": terms} if terms else {}
