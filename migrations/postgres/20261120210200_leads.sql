-- People to be called and what is known about them.

CREATE TABLE leads (
    id UUID NOT NULL PRIMARY KEY,
    tenant_id UUID NOT NULL REFERENCES tenants (id),
    external_id TEXT,
    name TEXT NOT NULL,
    phone TEXT NOT NULL,
    email TEXT,
    organisation TEXT,
    language TEXT NOT NULL,
    pincode TEXT,
    source TEXT NOT NULL,
    category TEXT NOT NULL,
    status TEXT NOT NULL,
    priority BIGINT NOT NULL,
    score BIGINT NOT NULL,
    assigned_to UUID,
    dnd BOOLEAN NOT NULL DEFAULT FALSE,
    timezone TEXT,
    attempts BIGINT NOT NULL DEFAULT 0,
    last_contact_at TIMESTAMPTZ,
    next_call_at TIMESTAMPTZ,
    last_disposition TEXT,
    metadata JSONB NOT NULL,
    synced_from TEXT,
    search TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    UNIQUE (tenant_id, id),
    UNIQUE (tenant_id, phone),
    FOREIGN KEY (tenant_id, assigned_to) REFERENCES users (tenant_id, id)
);
CREATE INDEX leads_status ON leads (tenant_id, status);
CREATE INDEX leads_assigned_to ON leads (tenant_id, assigned_to);
CREATE INDEX leads_order ON leads (tenant_id, created_at, id);

CREATE TABLE notes (
    id UUID NOT NULL PRIMARY KEY,
    tenant_id UUID NOT NULL,
    lead_id UUID,
    call_id UUID,
    author_id UUID NOT NULL,
    body TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    FOREIGN KEY (tenant_id, lead_id) REFERENCES leads (tenant_id, id),
    FOREIGN KEY (tenant_id, author_id) REFERENCES users (tenant_id, id)
);
CREATE INDEX notes_of_lead ON notes (tenant_id, lead_id, created_at);
CREATE INDEX notes_of_call ON notes (tenant_id, call_id);

CREATE TABLE callbacks (
    id UUID NOT NULL PRIMARY KEY,
    tenant_id UUID NOT NULL,
    lead_id UUID NOT NULL,
    call_id UUID,
    agent_id UUID,
    due_at TIMESTAMPTZ NOT NULL,
    note TEXT,
    status TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    UNIQUE (tenant_id, id),
    FOREIGN KEY (tenant_id, lead_id) REFERENCES leads (tenant_id, id),
    FOREIGN KEY (tenant_id, agent_id) REFERENCES users (tenant_id, id)
);
CREATE INDEX callbacks_due ON callbacks (tenant_id, status, due_at);
CREATE INDEX callbacks_of_lead ON callbacks (tenant_id, lead_id);

-- Opt-outs: kept by number, so that they outlive the lead (I05).
CREATE TABLE dnd_list (
    tenant_id UUID NOT NULL REFERENCES tenants (id),
    phone TEXT NOT NULL,
    source TEXT NOT NULL,
    reason TEXT NOT NULL,
    added_by UUID,
    added_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (tenant_id, phone)
);

CREATE TABLE scripts (
    id UUID NOT NULL PRIMARY KEY,
    tenant_id UUID NOT NULL REFERENCES tenants (id),
    name TEXT NOT NULL,
    language TEXT NOT NULL,
    body TEXT NOT NULL,
    source TEXT,
    active BOOLEAN NOT NULL DEFAULT TRUE,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    UNIQUE (tenant_id, id)
);

CREATE TABLE objections (
    id UUID NOT NULL PRIMARY KEY,
    tenant_id UUID NOT NULL REFERENCES tenants (id),
    category TEXT NOT NULL,
    language TEXT NOT NULL,
    objection TEXT NOT NULL,
    response TEXT NOT NULL,
    search TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    UNIQUE (tenant_id, id)
);

CREATE TABLE knowledge (
    id UUID NOT NULL PRIMARY KEY,
    tenant_id UUID NOT NULL REFERENCES tenants (id),
    category TEXT NOT NULL,
    language TEXT NOT NULL,
    title TEXT NOT NULL,
    body TEXT NOT NULL,
    search TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    UNIQUE (tenant_id, id)
);

-- No tenant set, nothing seen (G03); the platform scope is for the few methods that must cross.
ALTER TABLE leads ENABLE ROW LEVEL SECURITY;
ALTER TABLE leads FORCE ROW LEVEL SECURITY;
CREATE POLICY leads_tenant ON leads USING (tenant_id = telehub_tenant() OR telehub_platform());
ALTER TABLE notes ENABLE ROW LEVEL SECURITY;
ALTER TABLE notes FORCE ROW LEVEL SECURITY;
CREATE POLICY notes_tenant ON notes USING (tenant_id = telehub_tenant() OR telehub_platform());
ALTER TABLE callbacks ENABLE ROW LEVEL SECURITY;
ALTER TABLE callbacks FORCE ROW LEVEL SECURITY;
CREATE POLICY callbacks_tenant ON callbacks USING (tenant_id = telehub_tenant() OR telehub_platform());
ALTER TABLE dnd_list ENABLE ROW LEVEL SECURITY;
ALTER TABLE dnd_list FORCE ROW LEVEL SECURITY;
CREATE POLICY dnd_list_tenant ON dnd_list USING (tenant_id = telehub_tenant() OR telehub_platform());
ALTER TABLE scripts ENABLE ROW LEVEL SECURITY;
ALTER TABLE scripts FORCE ROW LEVEL SECURITY;
CREATE POLICY scripts_tenant ON scripts USING (tenant_id = telehub_tenant() OR telehub_platform());
ALTER TABLE objections ENABLE ROW LEVEL SECURITY;
ALTER TABLE objections FORCE ROW LEVEL SECURITY;
CREATE POLICY objections_tenant ON objections USING (tenant_id = telehub_tenant() OR telehub_platform());
ALTER TABLE knowledge ENABLE ROW LEVEL SECURITY;
ALTER TABLE knowledge FORCE ROW LEVEL SECURITY;
CREATE POLICY knowledge_tenant ON knowledge USING (tenant_id = telehub_tenant() OR telehub_platform());
