"""What one process at a time does, what it remembers of it, and clearing away."""

from hub.model import State
from hub.store.mongo.database import Database, put_new

DAY_MS = 24 * 60 * 60 * 1000


async def hold(db: Database, job: str, holder: str, *, now: int, until: int) -> bool:
    ours = {"_id": job, "$or": [{"holder": holder}, {"until": {"$lte": now}}]}
    held = await db["jobs"].update_one(ours, {"$set": {"holder": holder, "until": until}})
    return held.matched_count == 1 or await put_new(
        db["jobs"], {"_id": job, "holder": holder, "until": until}
    )


async def let_go(db: Database, job: str, holder: str) -> None:
    await db["jobs"].delete_one({"_id": job, "holder": holder})


async def state(db: Database, name: str) -> State | None:
    found = await db["states"].find_one({"_id": name})
    return State(name=name, version=found["version"], body=bytes(found["body"])) if found else None


async def put_state(db: Database, name: str, body: bytes, *, expects: int, now: int) -> bool:
    fields = {"version": expects + 1, "changed_at": now, "body": body}
    if expects == 0:
        return await put_new(db["states"], {"_id": name} | fields)
    written = await db["states"].update_one({"_id": name, "version": expects}, {"$set": fields})
    return written.matched_count == 1


async def sweep(db: Database, *, now: int) -> int:
    return (await db["hits"].delete_many({"at": {"$lt": now - DAY_MS}})).deleted_count
