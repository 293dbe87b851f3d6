-- The journal and its folds. A fold carries no foreign key to what may be gone when it is
-- written: an event that happened is always stored.

CREATE TABLE call_events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant_id BLOB NOT NULL REFERENCES tenants (id),
    call_id BLOB NOT NULL,
    n INTEGER NOT NULL,
    at TEXT NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    UNIQUE (call_id, n)
) STRICT;
CREATE INDEX call_events_of_tenant ON call_events (tenant_id, seq);

CREATE TABLE calls (
    id BLOB NOT NULL PRIMARY KEY,
    tenant_id BLOB NOT NULL REFERENCES tenants (id),
    node_id BLOB NOT NULL,
    direction TEXT NOT NULL,
    status TEXT NOT NULL,
    from_number TEXT NOT NULL,
    to_number TEXT NOT NULL,
    lead_id BLOB,
    agent_id BLOB,
    extension_id BLOB,
    trunk_id BLOB,
    number_id BLOB,
    campaign_id BLOB,
    started_at TEXT NOT NULL,
    answered_at TEXT,
    ended_at TEXT,
    duration_ms INTEGER NOT NULL DEFAULT 0,
    hangup_cause TEXT,
    suggested_disposition TEXT,
    quality TEXT NOT NULL,
    carrier_refs TEXT NOT NULL,
    recovered INTEGER NOT NULL DEFAULT FALSE,
    note_id BLOB NOT NULL,
    UNIQUE (tenant_id, id)
) STRICT;
CREATE INDEX calls_of_agent ON calls (tenant_id, agent_id, started_at);
CREATE INDEX calls_of_lead ON calls (tenant_id, lead_id, started_at);
CREATE INDEX calls_by_time ON calls (tenant_id, started_at, id);
CREATE INDEX calls_open ON calls (node_id, ended_at);
CREATE INDEX calls_to_number ON calls (tenant_id, to_number, started_at);

-- One call at a time per person: taken when policy permits, freed when the call ends (F14, F15).
CREATE TABLE dial_claims (
    tenant_id BLOB NOT NULL REFERENCES tenants (id),
    phone TEXT NOT NULL,
    call_id BLOB NOT NULL,
    agent_id BLOB,
    claimed_at TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    PRIMARY KEY (tenant_id, phone)
) STRICT;
CREATE INDEX dial_claims_of_call ON dial_claims (tenant_id, call_id);

CREATE TABLE recordings (
    id BLOB NOT NULL PRIMARY KEY,
    tenant_id BLOB NOT NULL,
    call_id BLOB NOT NULL UNIQUE,
    state TEXT NOT NULL,
    recovered INTEGER NOT NULL DEFAULT FALSE,
    duration_ms INTEGER NOT NULL DEFAULT 0,
    bytes INTEGER NOT NULL DEFAULT 0,
    sha256 TEXT,
    object_key TEXT,
    peaks TEXT,
    error TEXT,
    started_at TEXT NOT NULL,
    stopped_at TEXT,
    stored_at TEXT,
    UNIQUE (tenant_id, id),
    FOREIGN KEY (tenant_id, call_id) REFERENCES calls (tenant_id, id)
) STRICT;
CREATE INDEX recordings_by_state ON recordings (state);

CREATE TABLE dispositions (
    tenant_id BLOB NOT NULL REFERENCES tenants (id),
    code TEXT NOT NULL,
    label TEXT NOT NULL,
    short_code TEXT NOT NULL,
    aliases TEXT NOT NULL,
    family TEXT NOT NULL,
    notes_required INTEGER NOT NULL DEFAULT FALSE,
    next_action TEXT NOT NULL,
    retry_after_minutes INTEGER,
    sub_codes TEXT NOT NULL,
    position INTEGER NOT NULL,
    active INTEGER NOT NULL DEFAULT TRUE,
    PRIMARY KEY (tenant_id, code)
) STRICT;

CREATE TABLE call_dispositions (
    id BLOB NOT NULL PRIMARY KEY,
    tenant_id BLOB NOT NULL,
    call_id BLOB NOT NULL UNIQUE,
    lead_id BLOB,
    agent_id BLOB NOT NULL,
    disposition_code TEXT NOT NULL,
    sub_disposition TEXT,
    notes TEXT NOT NULL,
    callback_scheduled_at TEXT,
    next_action TEXT NOT NULL,
    edited_by BLOB,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    FOREIGN KEY (tenant_id, call_id) REFERENCES calls (tenant_id, id),
    FOREIGN KEY (tenant_id, lead_id) REFERENCES leads (tenant_id, id),
    FOREIGN KEY (tenant_id, agent_id) REFERENCES users (tenant_id, id),
    FOREIGN KEY (tenant_id, disposition_code) REFERENCES dispositions (tenant_id, code)
) STRICT;
CREATE INDEX call_dispositions_of_lead ON call_dispositions (tenant_id, lead_id);
CREATE INDEX call_dispositions_of_agent ON call_dispositions (tenant_id, agent_id, created_at);
