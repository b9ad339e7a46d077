"""The facts reports are counted from. What belongs to them in other collections is asked for in chunks of ids."""

import json
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from hub.facts import Case, Heard, Step, kept
from hub.store.mongo.books import DEAD, chunks
from hub.store.mongo.database import Database, Document
from hub.store.mongo.tickets import NEVER


async def heard(db: Database, since: int, until: int) -> list[Heard]:
    wanted = {"author": "citizen", "at": {"$gte": since, "$lt": until}}
    fields = dict.fromkeys(("at", "channel", "conversation", "outcome", "turn"), 1)
    found = await db["messages"].find(wanted, fields).sort([("at", 1), ("_id", 1)]).to_list()
    turns = {message["turn"] for message in found if message["turn"]}
    decided: dict[str, dict[str, Any]] = {}
    dead: set[str] = set()
    for some in chunks(turns):
        async for turn in db["turns"].find({"_id": {"$in": some}}, {"body": 1}):
            decided[turn["_id"]] = json.loads(turn["body"])
        lost = {"turn": {"$in": some}, "delivery": {"$in": DEAD}}
        dead |= {message["turn"] async for message in db["messages"].find(lost, {"turn": 1})}
    return [
        Heard(
            at=message["at"],
            channel=message["channel"],
            conversation=message["conversation"],
            outcome=message["outcome"],
            turn=message["turn"],
            by=(turn := decided.get(message["turn"], {})).get("actor"),
            undelivered=message["turn"] in dead,
            facts=turn.get("facts", {}),
        )
        for message in found
    ]


async def cases(db: Database, since: int, until: int) -> list[Case]:
    wanted: Document = {
        "created_at": {"$lt": until},
        "$or": [
            {"created_at": {"$gte": since}},
            {"changed_at": {"$gte": since}},
            {"state": {"$nin": ["closed", "spam"]}},
        ],
    }
    found = await db["tickets"].find(wanted).sort([("created_at", 1), ("_id", 1)]).to_list()
    conversations = {ticket["conversation"] for ticket in found}
    channels = await _channels(db, conversations)
    replies = await _replies(db, conversations)
    return [_case(ticket, channels[ticket["conversation"]], replies) for ticket in found]


async def _channels(db: Database, conversations: Iterable[str]) -> dict[str, str]:
    return {
        one["_id"]: one["channel"]
        for some in chunks(conversations)
        async for one in db["conversations"].find({"_id": {"$in": some}}, {"channel": 1})
    }


async def _replies(db: Database, conversations: Iterable[str]) -> dict[str, list[int]]:
    """When a person wrote to the citizen, in order, by conversation."""
    replies: dict[str, list[int]] = defaultdict(list)
    for some in chunks(conversations):
        said = {"conversation": {"$in": some}, "author": "operator", "internal": False}
        async for message in db["messages"].find(said, {"conversation": 1, "at": 1}):
            replies[message["conversation"]].append(message["at"])
    return {conversation: sorted(times) for conversation, times in replies.items()}


def _case(ticket: Document, channel: str, replies: dict[str, list[int]]) -> Case:
    body = json.loads(ticket["body"])
    rating = body.get("rating") or {}
    received, due = body.get("received_at"), ticket.get("due_at")
    times = replies.get(ticket["conversation"], [])
    first = bisect_left(times, ticket["created_at"])
    return Case(
        id=ticket["_id"],
        code=ticket["code"],
        conversation=ticket["conversation"],
        channel=channel,
        reason=body["reason"],
        priority=ticket["priority"],
        category=ticket.get("category"),
        commune=ticket.get("commune"),
        agency=ticket.get("agency"),
        state=ticket["state"],
        created_at=ticket["created_at"],
        received_at=ticket["created_at"] if received is None else received,
        hours=body.get("hours"),
        due_at=None if due == NEVER else due,
        replied_at=times[first] if first < len(times) else None,
        score=rating.get("score"),
        scored_at=rating.get("at"),
        steps=tuple(_step(event) for event in ticket["history"]),
    )


def _step(event: Document) -> Step:
    changes = kept(json.loads(event.get("changes", "{}")))
    return Step(event["at"], event["actor"], event["state"], event.get("action"), changes)
