-- Lists that people saved under a name, and what somebody set for themselves at the desk. Two new tables; calls go on meanwhile.

CREATE TABLE views (
    id BLOB NOT NULL PRIMARY KEY,
    tenant_id BLOB NOT NULL,
    owner_id BLOB NOT NULL,
    list TEXT NOT NULL,
    name TEXT NOT NULL,
    shared INTEGER NOT NULL DEFAULT FALSE,
    query TEXT NOT NULL,
    position INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    UNIQUE (tenant_id, id),
    FOREIGN KEY (tenant_id, owner_id) REFERENCES users (tenant_id, id)
) STRICT;
CREATE INDEX views_of_list ON views (tenant_id, list, position);

CREATE TABLE preferences (
    tenant_id BLOB NOT NULL,
    user_id BLOB NOT NULL,
    body TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    PRIMARY KEY (tenant_id, user_id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id)
) STRICT;
