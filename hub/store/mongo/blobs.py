"""Content of attachments in GridFS. A file's name is the blob's id; its own id begins with it, so that chunks without
their file, of a writer that died, can be found too. Two writers of the same content may leave two files of one
name: either serves."""

import asyncio
import secrets

from gridfs.errors import CorruptGridFile, NoFile

from hub.model import Blob, blob_id
from hub.store.mongo.database import BLOBS, Database
from hub.store.mongo.jobs import DAY_MS


async def put(db: Database, data: bytes, *, media_type: str, now: int) -> str:
    id_ = await asyncio.to_thread(blob_id, data)
    if await db[f"{BLOBS}.files"].find_one({"filename": id_}, {"_id": 1}) is None:
        upload = f"{id_}:{secrets.token_hex(8)}"
        await db["uploads"].insert_one({"_id": upload, "at": now})
        await db.bucket().upload_from_stream_with_id(upload, id_, data, metadata={"media_type": media_type})
        await db["uploads"].delete_one({"_id": upload})
    return id_


async def get(db: Database, id_: str) -> Blob | None:
    file = await db[f"{BLOBS}.files"].find_one({"filename": id_})
    if file is None:
        return None
    try:
        stream = await db.bucket().open_download_stream(file["_id"])
        data = await stream.read()
    except (NoFile, CorruptGridFile):  # removed this moment
        return None
    return Blob(id=id_, media_type=file["metadata"]["media_type"], size=file["length"], data=data)


async def drop(db: Database, id_: str) -> None:
    """Remove content, also what was never finished of it."""
    await db[f"{BLOBS}.files"].delete_many({"filename": id_})
    await db[f"{BLOBS}.chunks"].delete_many({"files_id": {"$gte": f"{id_}:", "$lt": f"{id_};"}})


async def clear(db: Database, *, now: int) -> int:
    """Remove what writers that died left unfinished; how many."""
    unfinished = await db["uploads"].find({"at": {"$lt": now - DAY_MS}}).to_list()
    for upload in unfinished:
        if await db[f"{BLOBS}.files"].find_one({"_id": upload["_id"]}, {"_id": 1}) is None:
            await db[f"{BLOBS}.chunks"].delete_many({"files_id": upload["_id"]})
        await db["uploads"].delete_one({"_id": upload["_id"]})
    return len(unfinished)
