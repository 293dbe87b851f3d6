-- Phones, carriers, numbers: what the switch asks for.

CREATE TABLE extensions (
    id BLOB NOT NULL PRIMARY KEY,
    tenant_id BLOB NOT NULL REFERENCES tenants (id),
    number TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    user_id BLOB,
    secret BLOB NOT NULL,
    nat INTEGER NOT NULL DEFAULT TRUE,
    dnd INTEGER NOT NULL DEFAULT FALSE,
    voicemail INTEGER NOT NULL DEFAULT FALSE,
    forward_to TEXT,
    ring_timeout_s INTEGER NOT NULL,
    active INTEGER NOT NULL DEFAULT TRUE,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    UNIQUE (tenant_id, id),
    UNIQUE (tenant_id, number),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id)
) STRICT;

CREATE TABLE sip_bindings (
    tenant_id BLOB NOT NULL REFERENCES tenants (id),
    aor TEXT NOT NULL,
    contact TEXT NOT NULL,
    node_id BLOB NOT NULL,
    body TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    PRIMARY KEY (tenant_id, aor, contact)
) STRICT;
CREATE INDEX sip_bindings_expiry ON sip_bindings (expires_at);

-- An attacker's address belongs to no tenant.
CREATE TABLE sip_bans (
    address TEXT NOT NULL,
    aor TEXT NOT NULL,
    reason TEXT NOT NULL,
    created_at TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    PRIMARY KEY (address, aor)
) STRICT;

CREATE TABLE trunks (
    id BLOB NOT NULL PRIMARY KEY,
    tenant_id BLOB NOT NULL REFERENCES tenants (id),
    name TEXT NOT NULL,
    enabled INTEGER NOT NULL DEFAULT TRUE,
    preset TEXT NOT NULL,
    priority INTEGER NOT NULL,
    weight INTEGER NOT NULL,
    secret BLOB,
    settings TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    UNIQUE (tenant_id, id),
    UNIQUE (tenant_id, name)
) STRICT;

CREATE TABLE numbers (
    id BLOB NOT NULL PRIMARY KEY,
    tenant_id BLOB NOT NULL REFERENCES tenants (id),
    e164 TEXT NOT NULL UNIQUE,
    trunk_id BLOB NOT NULL,
    purpose TEXT NOT NULL,
    destination_id BLOB,
    verified INTEGER NOT NULL DEFAULT TRUE,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    UNIQUE (tenant_id, id),
    FOREIGN KEY (tenant_id, trunk_id) REFERENCES trunks (tenant_id, id),
    FOREIGN KEY (tenant_id, destination_id) REFERENCES extensions (tenant_id, id)
) STRICT;
