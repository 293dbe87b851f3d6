-- The names that the data model fixes (DAT-02, DAT-04, DAT-12). Renames touch no row; calls go on meanwhile.
ALTER TABLE leads RENAME COLUMN score TO lead_score;
ALTER TABLE calls RENAME COLUMN agent_id TO telecaller_id;
DROP INDEX calls_of_agent;
CREATE INDEX calls_of_telecaller ON calls (tenant_id, telecaller_id, started_at);
ALTER TABLE calls ADD COLUMN duration_seconds INTEGER GENERATED ALWAYS AS (duration_ms / 1000) VIRTUAL;
