"""Search: the words of a message, a ticket or a person stand in its own document, written with it."""

import re
from collections.abc import Callable
from typing import Any, Final

from pymongo import ASCENDING, DESCENDING

from hub.model import Found, FoundKind
from hub.store.mongo.database import Database, Document
from hub.store.mongo.documents import conversation_of, message_of
from hub.store.mongo.tickets import ticket_of
from hub.store.search import asked, message_words, person_words, ticket_words

#: Where a kind is kept, and when it began.
_WHERE: Final[dict[FoundKind, tuple[str, str]]] = {
    "message": ("messages", "at"),
    "ticket": ("tickets", "created_at"),
    "person": ("conversations", "created_at"),
}


async def find(
    db: Database, question: str, kind: FoundKind | None, limit: int, skip: int
) -> list[Found]:  # fmt: skip
    whole, begun = asked(question)
    terms: list[Document] = [{"words": word} for word in whole]
    if begun:
        terms.append({"words": {"$regex": f"^{re.escape(begun)}"}})
    if not terms:
        return []
    found: list[Found] = []
    for one, (collection, at) in _WHERE.items():
        if kind not in (None, one):
            continue
        fields = {"conversation": 1, at: 1}
        newest = db[collection].find({"$and": terms}, fields).sort([(at, DESCENDING), ("_id", ASCENDING)])
        async for document in newest.limit(skip + limit):
            conversation = document.get("conversation", document["_id"])
            found.append(Found(kind=one, ref=document["_id"], conversation=conversation, at=document[at]))
    found.sort(key=lambda one: -one.at)
    return found[skip : skip + limit]


async def write_words(database: Any) -> None:
    """What older hubs wrote is found too. May run twice."""
    made: dict[str, Callable[[Document], list[str]]] = {
        "messages": lambda document: message_words(message_of(document)),
        "tickets": lambda document: ticket_words(ticket_of(document)),
        "conversations": lambda document: person_words(conversation_of(document)),
    }
    for collection, words in made.items():
        async for document in database[collection].find({"words": {"$exists": False}}):
            fields = {"words": words(document)}
            same = {"_id": document["_id"], "words": {"$exists": False}}
            await database[collection].update_one(same, {"$set": fields})
