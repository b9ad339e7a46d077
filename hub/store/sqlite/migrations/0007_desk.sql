-- The list of all conversations: whoever spoke last comes first.
CREATE INDEX conversations_spoken ON conversations (interacted_at DESC, id);
