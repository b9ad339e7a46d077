-- Mails to agencies about their cases, decided with a turn. One may be leased from due_at on: at once, when its lease
-- has run out, or when it is to be tried again; without due_at it is done. The notice is JSON in body.
CREATE TABLE notices (
    id TEXT PRIMARY KEY,
    ticket TEXT NOT NULL,
    at INTEGER NOT NULL,
    due_at INTEGER,
    attempts INTEGER NOT NULL DEFAULT 0,
    lease_token TEXT,
    body TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX notices_due ON notices (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX notices_ticket ON notices (ticket, at);
