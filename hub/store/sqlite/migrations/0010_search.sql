-- Words by which messages, tickets and people are found. Made from the other tables, so never copied.
CREATE TABLE search_rows (
    n INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    ref TEXT NOT NULL UNIQUE,
    conversation TEXT NOT NULL,
    at INTEGER NOT NULL
);
CREATE INDEX search_rows_conversation ON search_rows (conversation);
CREATE VIRTUAL TABLE search_words USING fts5(words, detail=none, columnsize=0, tokenize="unicode61 remove_diacritics 0");

-- How far each conversation is in the index; -1: not at all.
ALTER TABLE conversations ADD COLUMN indexed_seq INTEGER NOT NULL DEFAULT -1;
CREATE INDEX conversations_unindexed ON conversations (id) WHERE last_seq > indexed_seq;
