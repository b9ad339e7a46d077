-- The history of the knowledge, with what is proposed; whole edits are JSON in body.
CREATE TABLE knowledge_edits (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    entry TEXT NOT NULL,
    state TEXT NOT NULL,
    by TEXT NOT NULL,
    moved_at INTEGER NOT NULL,
    body TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX knowledge_edits_entry ON knowledge_edits (kind, entry, moved_at);
CREATE INDEX knowledge_edits_state ON knowledge_edits (state, moved_at);

-- Questions the bot could not answer and answers marked as wrong, for the editors.
CREATE TABLE reviews (
    id TEXT PRIMARY KEY,
    key TEXT NOT NULL,
    conversation TEXT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT NOT NULL,
    at INTEGER NOT NULL,
    body TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX reviews_key ON reviews (key, at);
CREATE INDEX reviews_conversation ON reviews (conversation);
CREATE INDEX reviews_state ON reviews (state, key);
