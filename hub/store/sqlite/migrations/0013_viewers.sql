-- Who looks at which conversation, and writes there.
ALTER TABLE presence ADD COLUMN conversation TEXT;
ALTER TABLE presence ADD COLUMN typing_at INTEGER;
