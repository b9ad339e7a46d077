-- The audit log. The triggers make even a slip of the hub's own code fail: entries are only ever added.
CREATE TABLE audit (
    n INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    target TEXT,
    hash TEXT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX audit_target ON audit (target);
CREATE TRIGGER audit_never_changes BEFORE UPDATE ON audit BEGIN SELECT raise(ABORT, 'the audit log only grows'); END;
CREATE TRIGGER audit_never_shrinks BEFORE DELETE ON audit BEGIN SELECT raise(ABORT, 'the audit log only grows'); END;
