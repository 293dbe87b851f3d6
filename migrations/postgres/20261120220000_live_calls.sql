-- Before every dial it is asked who is on a call now: few rows, found without the millions.
CREATE INDEX calls_live ON calls (tenant_id, agent_id) WHERE ended_at IS NULL;
