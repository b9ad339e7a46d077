-- Statements end with ";" at the end of a line. Times are UTC epoch milliseconds.
CREATE TABLE raw (
    n INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    channel TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    body BLOB NOT NULL,
    headers TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'waits' CHECK (state IN ('waits', 'done', 'put_aside')),
    lease_until INTEGER NOT NULL DEFAULT 0,
    events INTEGER NOT NULL DEFAULT 0,
    duplicates INTEGER NOT NULL DEFAULT 0,
    refused INTEGER NOT NULL DEFAULT 0,
    error TEXT
);
CREATE INDEX raw_waiting ON raw (n) WHERE state = 'waits';

CREATE TABLE conversations (
    id TEXT PRIMARY KEY,
    channel TEXT NOT NULL,
    account TEXT NOT NULL,
    key TEXT NOT NULL,
    sender TEXT NOT NULL,
    name TEXT,
    owner TEXT NOT NULL DEFAULT 'bot' CHECK (owner IN ('bot', 'human')),
    operator TEXT,
    epoch INTEGER NOT NULL DEFAULT 0,
    last_seq INTEGER NOT NULL DEFAULT 0,
    handled_seq INTEGER NOT NULL DEFAULT 0,
    citizen_read_seq INTEGER NOT NULL DEFAULT 0,
    staff_read_seq INTEGER NOT NULL DEFAULT 0,
    ticket TEXT,
    dialogue TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    touched_at INTEGER NOT NULL,
    version INTEGER NOT NULL DEFAULT 0,
    due_at INTEGER,
    first_due_at INTEGER,
    lease_token TEXT,
    lease_until INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE INDEX conversations_due ON conversations (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX conversations_touched ON conversations (touched_at);

-- What citizens, the bot and staff said. An inbound message's id is derived from its external id, so the primary
-- deduplication of the whole hub is the unique index on id.
CREATE TABLE messages (
    conversation TEXT NOT NULL,
    seq INTEGER NOT NULL,
    id TEXT NOT NULL UNIQUE,
    author TEXT NOT NULL,
    at INTEGER NOT NULL,
    text TEXT,
    internal INTEGER NOT NULL DEFAULT 0,
    outcome TEXT,
    turn TEXT,
    delivery TEXT,
    retry_at INTEGER NOT NULL DEFAULT 0,
    lease_token TEXT,
    lease_until INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    external_id TEXT,
    error TEXT,
    body TEXT NOT NULL,
    PRIMARY KEY (conversation, seq)
) WITHOUT ROWID;
CREATE INDEX messages_outbox ON messages (conversation, seq) WHERE delivery IN ('queued', 'sending');
CREATE INDEX messages_waiting ON messages (conversation, seq) WHERE author = 'citizen' AND outcome IS NULL;
CREATE INDEX messages_turn ON messages (turn) WHERE turn IS NOT NULL;

-- Events that are not a message of their own: receipts, reactions, edits, follows...
CREATE TABLE events (
    id TEXT PRIMARY KEY,
    conversation TEXT NOT NULL,
    channel TEXT NOT NULL,
    kind TEXT NOT NULL,
    at INTEGER NOT NULL,
    raw TEXT NOT NULL,
    body TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE turns (
    id TEXT PRIMARY KEY,
    conversation TEXT NOT NULL,
    at INTEGER NOT NULL,
    body TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX turns_conversation ON turns (conversation, at);

CREATE TABLE tickets (
    id TEXT PRIMARY KEY,
    code TEXT NOT NULL UNIQUE,
    conversation TEXT NOT NULL,
    state TEXT NOT NULL,
    priority TEXT NOT NULL,
    operator TEXT,
    created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    body TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX tickets_state ON tickets (state, created_at);

CREATE TABLE ticket_events (
    ticket TEXT NOT NULL,
    n INTEGER NOT NULL,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    state TEXT NOT NULL,
    note TEXT,
    PRIMARY KEY (ticket, n)
) WITHOUT ROWID;

CREATE TABLE staff (
    id TEXT PRIMARY KEY,
    login TEXT NOT NULL UNIQUE,
    body TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE hits (key TEXT NOT NULL, at INTEGER NOT NULL);
CREATE INDEX hits_key ON hits (key, at);

CREATE TABLE knowledge (
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    origin TEXT NOT NULL,
    changed_at INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (kind, id)
) WITHOUT ROWID;

CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
