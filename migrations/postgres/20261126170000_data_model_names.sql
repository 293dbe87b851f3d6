-- The names that the data model fixes (DAT-02, DAT-04, DAT-12). Renames touch no row; the new column rewrites calls,
-- about a minute for ten million, and calls that begin meanwhile wait in the journal.
ALTER TABLE leads RENAME COLUMN score TO lead_score;
ALTER TABLE calls RENAME COLUMN agent_id TO telecaller_id;
ALTER INDEX calls_of_agent RENAME TO calls_of_telecaller;
ALTER TABLE calls ADD COLUMN duration_seconds BIGINT GENERATED ALWAYS AS (duration_ms / 1000) STORED;
