-- What reports read: a time's messages from citizens, first replies by people, answers that never arrived, tickets.
CREATE INDEX messages_heard ON messages (at) WHERE author = 'citizen';
CREATE INDEX messages_replies ON messages (conversation, at) WHERE author = 'operator' AND internal = 0;
CREATE INDEX messages_dead ON messages (turn) WHERE delivery IN ('failed', 'unknown', 'window_closed');
CREATE INDEX tickets_created ON tickets (created_at);
