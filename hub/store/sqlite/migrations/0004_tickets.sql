-- Tickets are found by what they are about, with whom they lie and when somebody has to look at them.
ALTER TABLE tickets ADD COLUMN version INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tickets ADD COLUMN category TEXT;
ALTER TABLE tickets ADD COLUMN commune TEXT;
ALTER TABLE tickets ADD COLUMN agency TEXT;
ALTER TABLE tickets ADD COLUMN merged_into TEXT;
ALTER TABLE tickets ADD COLUMN due_at INTEGER;
ALTER TABLE tickets ADD COLUMN alarm_at INTEGER;
ALTER TABLE tickets ADD COLUMN escalated_at INTEGER;
UPDATE tickets SET category = json_extract(body, '$.category');
CREATE INDEX tickets_agency ON tickets (agency, state) WHERE agency IS NOT NULL;
CREATE INDEX tickets_operator ON tickets (operator, state) WHERE operator IS NOT NULL;
CREATE INDEX tickets_merged ON tickets (merged_into) WHERE merged_into IS NOT NULL;
CREATE INDEX tickets_alarm ON tickets (alarm_at) WHERE alarm_at IS NOT NULL;
CREATE INDEX tickets_due ON tickets (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX tickets_changed ON tickets (changed_at);

ALTER TABLE ticket_events ADD COLUMN action TEXT;
ALTER TABLE ticket_events ADD COLUMN changes TEXT NOT NULL DEFAULT '{}';

-- Who takes work; staff themselves are in their own table.
CREATE TABLE presence (
    staff TEXT PRIMARY KEY,
    status TEXT NOT NULL,
    seen_at INTEGER NOT NULL
) WITHOUT ROWID;
