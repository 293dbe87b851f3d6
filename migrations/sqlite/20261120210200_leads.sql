-- People to be called and what is known about them.

CREATE TABLE leads (
    id BLOB NOT NULL PRIMARY KEY,
    tenant_id BLOB NOT NULL REFERENCES tenants (id),
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
    priority INTEGER NOT NULL,
    score INTEGER NOT NULL,
    assigned_to BLOB,
    dnd INTEGER NOT NULL DEFAULT FALSE,
    timezone TEXT,
    attempts INTEGER NOT NULL DEFAULT 0,
    last_contact_at TEXT,
    next_call_at TEXT,
    last_disposition TEXT,
    metadata TEXT NOT NULL,
    synced_from TEXT,
    search TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    UNIQUE (tenant_id, id),
    UNIQUE (tenant_id, phone),
    FOREIGN KEY (tenant_id, assigned_to) REFERENCES users (tenant_id, id)
) STRICT;
CREATE INDEX leads_status ON leads (tenant_id, status);
CREATE INDEX leads_assigned_to ON leads (tenant_id, assigned_to);
CREATE INDEX leads_order ON leads (tenant_id, created_at, id);

CREATE TABLE notes (
    id BLOB NOT NULL PRIMARY KEY,
    tenant_id BLOB NOT NULL,
    lead_id BLOB,
    call_id BLOB,
    author_id BLOB NOT NULL,
    body TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    FOREIGN KEY (tenant_id, lead_id) REFERENCES leads (tenant_id, id),
    FOREIGN KEY (tenant_id, author_id) REFERENCES users (tenant_id, id)
) STRICT;
CREATE INDEX notes_of_lead ON notes (tenant_id, lead_id, created_at);
CREATE INDEX notes_of_call ON notes (tenant_id, call_id);

CREATE TABLE callbacks (
    id BLOB NOT NULL PRIMARY KEY,
    tenant_id BLOB NOT NULL,
    lead_id BLOB NOT NULL,
    call_id BLOB,
    agent_id BLOB,
    due_at TEXT NOT NULL,
    note TEXT,
    status TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    UNIQUE (tenant_id, id),
    FOREIGN KEY (tenant_id, lead_id) REFERENCES leads (tenant_id, id),
    FOREIGN KEY (tenant_id, agent_id) REFERENCES users (tenant_id, id)
) STRICT;
CREATE INDEX callbacks_due ON callbacks (tenant_id, status, due_at);
CREATE INDEX callbacks_of_lead ON callbacks (tenant_id, lead_id);

-- Opt-outs: kept by number, so that they outlive the lead (I05).
CREATE TABLE dnd_list (
    tenant_id BLOB NOT NULL REFERENCES tenants (id),
    phone TEXT NOT NULL,
    source TEXT NOT NULL,
    reason TEXT NOT NULL,
    added_by BLOB,
    added_at TEXT NOT NULL,
    PRIMARY KEY (tenant_id, phone)
) STRICT;

CREATE TABLE scripts (
    id BLOB NOT NULL PRIMARY KEY,
    tenant_id BLOB NOT NULL REFERENCES tenants (id),
    name TEXT NOT NULL,
    language TEXT NOT NULL,
    body TEXT NOT NULL,
    source TEXT,
    active INTEGER NOT NULL DEFAULT TRUE,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    UNIQUE (tenant_id, id)
) STRICT;

CREATE TABLE objections (
    id BLOB NOT NULL PRIMARY KEY,
    tenant_id BLOB NOT NULL REFERENCES tenants (id),
    category TEXT NOT NULL,
    language TEXT NOT NULL,
    objection TEXT NOT NULL,
    response TEXT NOT NULL,
    search TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    UNIQUE (tenant_id, id)
) STRICT;

CREATE TABLE knowledge (
    id BLOB NOT NULL PRIMARY KEY,
    tenant_id BLOB NOT NULL REFERENCES tenants (id),
    category TEXT NOT NULL,
    language TEXT NOT NULL,
    title TEXT NOT NULL,
    body TEXT NOT NULL,
    search TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    UNIQUE (tenant_id, id)
) STRICT;
