-- What is known of a person, and what has to be found to erase them.
ALTER TABLE conversations ADD COLUMN interacted_at INTEGER;
ALTER TABLE conversations ADD COLUMN unreachable TEXT;
ALTER TABLE conversations ADD COLUMN contact TEXT NOT NULL DEFAULT '{}';
ALTER TABLE messages ADD COLUMN erased INTEGER NOT NULL DEFAULT 0;
CREATE INDEX messages_external ON messages (external_id) WHERE external_id IS NOT NULL;
CREATE INDEX events_conversation ON events (conversation);
CREATE INDEX tickets_conversation ON tickets (conversation);

-- Unfinished: taken in, but what its events mean has not all been carried out. Erased: the body goes when all is done.
ALTER TABLE raw ADD COLUMN unfinished INTEGER NOT NULL DEFAULT 0;
ALTER TABLE raw ADD COLUMN erased INTEGER NOT NULL DEFAULT 0;
DROP INDEX raw_waiting;
CREATE INDEX raw_open ON raw (n) WHERE state = 'waits' OR unfinished = 1;

-- Whose words are in a delivery. Of older ones only the time of receipt tells that.
CREATE TABLE raw_conversations (
    conversation TEXT NOT NULL,
    raw TEXT NOT NULL,
    PRIMARY KEY (conversation, raw)
) WITHOUT ROWID;
CREATE INDEX raw_conversations_raw ON raw_conversations (raw);
INSERT OR IGNORE INTO raw_conversations (conversation, raw) SELECT conversation, raw FROM events;
INSERT OR IGNORE INTO raw_conversations (conversation, raw)
    SELECT m.conversation, r.id FROM messages m JOIN conversations c ON c.id = m.conversation
    JOIN raw r ON r.received_at = m.at AND r.channel = c.channel
    WHERE m.author = 'citizen' AND r.state <> 'waits';

CREATE TABLE consents (
    n INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    conversation TEXT NOT NULL,
    agreed_at INTEGER NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX consents_conversation ON consents (conversation, agreed_at);
