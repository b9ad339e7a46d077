-- What is to be sent, oldest first: with thousands waiting (a platform was away), the next ones must not be sorted for.
CREATE INDEX messages_unsent ON messages (at) WHERE delivery IN ('queued', 'sending');
