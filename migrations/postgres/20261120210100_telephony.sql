-- Phones, carriers, numbers: what the switch asks for.

CREATE TABLE extensions (
    id UUID NOT NULL PRIMARY KEY,
    tenant_id UUID NOT NULL REFERENCES tenants (id),
    number TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    user_id UUID,
    secret BYTEA NOT NULL,
    nat BOOLEAN NOT NULL DEFAULT TRUE,
    dnd BOOLEAN NOT NULL DEFAULT FALSE,
    voicemail BOOLEAN NOT NULL DEFAULT FALSE,
    forward_to TEXT,
    ring_timeout_s BIGINT NOT NULL,
    active BOOLEAN NOT NULL DEFAULT TRUE,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    UNIQUE (tenant_id, id),
    UNIQUE (tenant_id, number),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id)
);

CREATE TABLE sip_bindings (
    tenant_id UUID NOT NULL REFERENCES tenants (id),
    aor TEXT NOT NULL,
    contact TEXT NOT NULL,
    node_id UUID NOT NULL,
    body JSONB NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (tenant_id, aor, contact)
);
CREATE INDEX sip_bindings_expiry ON sip_bindings (expires_at);

-- An attacker's address belongs to no tenant.
CREATE TABLE sip_bans (
    address TEXT NOT NULL,
    aor TEXT NOT NULL,
    reason TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (address, aor)
);

CREATE TABLE trunks (
    id UUID NOT NULL PRIMARY KEY,
    tenant_id UUID NOT NULL REFERENCES tenants (id),
    name TEXT NOT NULL,
    enabled BOOLEAN NOT NULL DEFAULT TRUE,
    preset TEXT NOT NULL,
    priority BIGINT NOT NULL,
    weight BIGINT NOT NULL,
    secret BYTEA,
    settings JSONB NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    UNIQUE (tenant_id, id),
    UNIQUE (tenant_id, name)
);

CREATE TABLE numbers (
    id UUID NOT NULL PRIMARY KEY,
    tenant_id UUID NOT NULL REFERENCES tenants (id),
    e164 TEXT NOT NULL UNIQUE,
    trunk_id UUID NOT NULL,
    purpose TEXT NOT NULL,
    destination_id UUID,
    verified BOOLEAN NOT NULL DEFAULT TRUE,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    UNIQUE (tenant_id, id),
    FOREIGN KEY (tenant_id, trunk_id) REFERENCES trunks (tenant_id, id),
    FOREIGN KEY (tenant_id, destination_id) REFERENCES extensions (tenant_id, id)
);

-- No tenant set, nothing seen (G03); the platform scope is for the few methods that must cross.
ALTER TABLE extensions ENABLE ROW LEVEL SECURITY;
ALTER TABLE extensions FORCE ROW LEVEL SECURITY;
CREATE POLICY extensions_tenant ON extensions USING (tenant_id = telehub_tenant() OR telehub_platform());
ALTER TABLE sip_bindings ENABLE ROW LEVEL SECURITY;
ALTER TABLE sip_bindings FORCE ROW LEVEL SECURITY;
CREATE POLICY sip_bindings_tenant ON sip_bindings USING (tenant_id = telehub_tenant() OR telehub_platform());
ALTER TABLE trunks ENABLE ROW LEVEL SECURITY;
ALTER TABLE trunks FORCE ROW LEVEL SECURITY;
CREATE POLICY trunks_tenant ON trunks USING (tenant_id = telehub_tenant() OR telehub_platform());
ALTER TABLE numbers ENABLE ROW LEVEL SECURITY;
ALTER TABLE numbers FORCE ROW LEVEL SECURITY;
CREATE POLICY numbers_tenant ON numbers USING (tenant_id = telehub_tenant() OR telehub_platform());
