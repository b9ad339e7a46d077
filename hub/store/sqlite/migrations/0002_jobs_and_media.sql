-- The right to do a job, taken over when it has run out.
CREATE TABLE jobs (name TEXT PRIMARY KEY, holder TEXT NOT NULL, until INTEGER NOT NULL) WITHOUT ROWID;

CREATE TABLE states (
    name TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    body BLOB NOT NULL
) WITHOUT ROWID;

-- Messages whose attachments are still to be fetched; a job is done when its row is gone. It may be leased from due_at
-- on: at once, when its lease has run out, or when it is to be tried again.
CREATE TABLE media (
    n INTEGER PRIMARY KEY,
    message TEXT NOT NULL UNIQUE,
    raw TEXT NOT NULL,
    at INTEGER NOT NULL,
    due_at INTEGER NOT NULL DEFAULT 0,
    lease_token TEXT,
    attempts INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX media_order ON media (at, n, due_at);

-- Content is in a file beside the database; "gone" is content whose file is about to be removed.
CREATE TABLE blobs (
    id TEXT PRIMARY KEY,
    media_type TEXT NOT NULL,
    size INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    gone INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE INDEX blobs_gone ON blobs (id) WHERE gone;

-- Which conversations show a blob: it may go when none is left.
CREATE TABLE blob_uses (conversation TEXT NOT NULL, blob TEXT NOT NULL, PRIMARY KEY (conversation, blob)) WITHOUT ROWID;
CREATE INDEX blob_uses_blob ON blob_uses (blob);
