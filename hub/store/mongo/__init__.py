"""The store for several machines: a MongoDB replica set. No transactions: one document at a time, and a journal."""

from hub.store.mongo.store import MongoStore

__all__ = ["MongoStore"]
