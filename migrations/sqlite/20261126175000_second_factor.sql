-- The second step of signing in: an authenticator's secret per user, and codes for when it is lost (AUT-05).

CREATE TABLE second_factors (
    tenant_id BLOB NOT NULL,
    user_id BLOB NOT NULL,
    secret BLOB NOT NULL,
    confirmed_at TEXT,
    last_step INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    PRIMARY KEY (tenant_id, user_id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id)
) STRICT;

CREATE TABLE recovery_codes (
    hash BLOB NOT NULL PRIMARY KEY,
    tenant_id BLOB NOT NULL,
    user_id BLOB NOT NULL,
    used_at TEXT,
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id)
) STRICT;
CREATE INDEX recovery_codes_of_user ON recovery_codes (tenant_id, user_id);

-- Links that were asked for are counted, and all of a user's end with the first that is used.
CREATE INDEX password_resets_of_user ON password_resets (tenant_id, user_id);
