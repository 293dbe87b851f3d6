-- Lists that people saved under a name, and what somebody set for themselves at the desk. Two new tables; calls go on meanwhile.

CREATE TABLE views (
    id UUID NOT NULL PRIMARY KEY,
    tenant_id UUID NOT NULL,
    owner_id UUID NOT NULL,
    list TEXT NOT NULL,
    name TEXT NOT NULL,
    shared BOOLEAN NOT NULL DEFAULT FALSE,
    query JSONB NOT NULL,
    position BIGINT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    UNIQUE (tenant_id, id),
    FOREIGN KEY (tenant_id, owner_id) REFERENCES users (tenant_id, id)
);
CREATE INDEX views_of_list ON views (tenant_id, list, position);

CREATE TABLE preferences (
    tenant_id UUID NOT NULL,
    user_id UUID NOT NULL,
    body JSONB NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (tenant_id, user_id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id)
);

ALTER TABLE views ENABLE ROW LEVEL SECURITY;
ALTER TABLE views FORCE ROW LEVEL SECURITY;
CREATE POLICY views_tenant ON views USING (tenant_id = telehub_tenant() OR telehub_platform());
ALTER TABLE preferences ENABLE ROW LEVEL SECURITY;
ALTER TABLE preferences FORCE ROW LEVEL SECURITY;
CREATE POLICY preferences_tenant ON preferences USING (tenant_id = telehub_tenant() OR telehub_platform());
