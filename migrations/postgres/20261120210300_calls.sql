-- The journal and its folds. A fold carries no foreign key to what may be gone when it is
-- written: an event that happened is always stored.

CREATE TABLE call_events (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id UUID NOT NULL REFERENCES tenants (id),
    call_id UUID NOT NULL,
    n BIGINT NOT NULL,
    at TIMESTAMPTZ NOT NULL,
    kind TEXT NOT NULL,
    body JSONB NOT NULL,
    UNIQUE (call_id, n)
);
CREATE INDEX call_events_of_tenant ON call_events (tenant_id, seq);

CREATE TABLE calls (
    id UUID NOT NULL PRIMARY KEY,
    tenant_id UUID NOT NULL REFERENCES tenants (id),
    node_id UUID NOT NULL,
    direction TEXT NOT NULL,
    status TEXT NOT NULL,
    from_number TEXT NOT NULL,
    to_number TEXT NOT NULL,
    lead_id UUID,
    agent_id UUID,
    extension_id UUID,
    trunk_id UUID,
    number_id UUID,
    campaign_id UUID,
    started_at TIMESTAMPTZ NOT NULL,
    answered_at TIMESTAMPTZ,
    ended_at TIMESTAMPTZ,
    duration_ms BIGINT NOT NULL DEFAULT 0,
    hangup_cause JSONB,
    suggested_disposition TEXT,
    quality JSONB NOT NULL,
    carrier_refs JSONB NOT NULL,
    recovered BOOLEAN NOT NULL DEFAULT FALSE,
    note_id UUID NOT NULL,
    UNIQUE (tenant_id, id)
);
CREATE INDEX calls_of_agent ON calls (tenant_id, agent_id, started_at);
CREATE INDEX calls_of_lead ON calls (tenant_id, lead_id, started_at);
CREATE INDEX calls_by_time ON calls (tenant_id, started_at, id);
CREATE INDEX calls_open ON calls (node_id, ended_at);
CREATE INDEX calls_to_number ON calls (tenant_id, to_number, started_at);

-- One call at a time per person: taken when policy permits, freed when the call ends (F14, F15).
CREATE TABLE dial_claims (
    tenant_id UUID NOT NULL REFERENCES tenants (id),
    phone TEXT NOT NULL,
    call_id UUID NOT NULL,
    agent_id UUID,
    claimed_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (tenant_id, phone)
);
CREATE INDEX dial_claims_of_call ON dial_claims (tenant_id, call_id);

CREATE TABLE recordings (
    id UUID NOT NULL PRIMARY KEY,
    tenant_id UUID NOT NULL,
    call_id UUID NOT NULL UNIQUE,
    state TEXT NOT NULL,
    recovered BOOLEAN NOT NULL DEFAULT FALSE,
    duration_ms BIGINT NOT NULL DEFAULT 0,
    bytes BIGINT NOT NULL DEFAULT 0,
    sha256 TEXT,
    object_key TEXT,
    peaks JSONB,
    error TEXT,
    started_at TIMESTAMPTZ NOT NULL,
    stopped_at TIMESTAMPTZ,
    stored_at TIMESTAMPTZ,
    UNIQUE (tenant_id, id),
    FOREIGN KEY (tenant_id, call_id) REFERENCES calls (tenant_id, id)
);
CREATE INDEX recordings_by_state ON recordings (state);

CREATE TABLE dispositions (
    tenant_id UUID NOT NULL REFERENCES tenants (id),
    code TEXT NOT NULL,
    label TEXT NOT NULL,
    short_code TEXT NOT NULL,
    aliases JSONB NOT NULL,
    family TEXT NOT NULL,
    notes_required BOOLEAN NOT NULL DEFAULT FALSE,
    next_action TEXT NOT NULL,
    retry_after_minutes BIGINT,
    sub_codes JSONB NOT NULL,
    position BIGINT NOT NULL,
    active BOOLEAN NOT NULL DEFAULT TRUE,
    PRIMARY KEY (tenant_id, code)
);

CREATE TABLE call_dispositions (
    id UUID NOT NULL PRIMARY KEY,
    tenant_id UUID NOT NULL,
    call_id UUID NOT NULL UNIQUE,
    lead_id UUID,
    agent_id UUID NOT NULL,
    disposition_code TEXT NOT NULL,
    sub_disposition TEXT,
    notes TEXT NOT NULL,
    callback_scheduled_at TIMESTAMPTZ,
    next_action TEXT NOT NULL,
    edited_by UUID,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    FOREIGN KEY (tenant_id, call_id) REFERENCES calls (tenant_id, id),
    FOREIGN KEY (tenant_id, lead_id) REFERENCES leads (tenant_id, id),
    FOREIGN KEY (tenant_id, agent_id) REFERENCES users (tenant_id, id),
    FOREIGN KEY (tenant_id, disposition_code) REFERENCES dispositions (tenant_id, code)
);
CREATE INDEX call_dispositions_of_lead ON call_dispositions (tenant_id, lead_id);
CREATE INDEX call_dispositions_of_agent ON call_dispositions (tenant_id, agent_id, created_at);

-- No tenant set, nothing seen (G03); the platform scope is for the few methods that must cross.
ALTER TABLE call_events ENABLE ROW LEVEL SECURITY;
ALTER TABLE call_events FORCE ROW LEVEL SECURITY;
CREATE POLICY call_events_tenant ON call_events USING (tenant_id = telehub_tenant() OR telehub_platform());
ALTER TABLE calls ENABLE ROW LEVEL SECURITY;
ALTER TABLE calls FORCE ROW LEVEL SECURITY;
CREATE POLICY calls_tenant ON calls USING (tenant_id = telehub_tenant() OR telehub_platform());
ALTER TABLE dial_claims ENABLE ROW LEVEL SECURITY;
ALTER TABLE dial_claims FORCE ROW LEVEL SECURITY;
CREATE POLICY dial_claims_tenant ON dial_claims USING (tenant_id = telehub_tenant() OR telehub_platform());
ALTER TABLE recordings ENABLE ROW LEVEL SECURITY;
ALTER TABLE recordings FORCE ROW LEVEL SECURITY;
CREATE POLICY recordings_tenant ON recordings USING (tenant_id = telehub_tenant() OR telehub_platform());
ALTER TABLE dispositions ENABLE ROW LEVEL SECURITY;
ALTER TABLE dispositions FORCE ROW LEVEL SECURITY;
CREATE POLICY dispositions_tenant ON dispositions USING (tenant_id = telehub_tenant() OR telehub_platform());
ALTER TABLE call_dispositions ENABLE ROW LEVEL SECURITY;
ALTER TABLE call_dispositions FORCE ROW LEVEL SECURITY;
CREATE POLICY call_dispositions_tenant ON call_dispositions USING (tenant_id = telehub_tenant() OR telehub_platform());
