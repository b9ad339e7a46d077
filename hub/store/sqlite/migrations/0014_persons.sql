-- Conversations that somebody knows to be the same person's.
ALTER TABLE conversations ADD COLUMN person TEXT;
CREATE INDEX conversations_person ON conversations (person) WHERE person IS NOT NULL;
CREATE INDEX conversations_sender ON conversations (sender);
