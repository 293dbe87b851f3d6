-- Who did what: written once, chained by hash, never changed (SEC-13, I12).

CREATE TABLE audit_logs (
    id BLOB NOT NULL PRIMARY KEY,
    tenant_id BLOB NOT NULL REFERENCES tenants (id),
    position INTEGER NOT NULL,
    at TEXT NOT NULL,
    actor_id BLOB,
    action TEXT NOT NULL,
    entity TEXT NOT NULL,
    entity_id TEXT NOT NULL,
    detail TEXT NOT NULL,
    address TEXT NOT NULL,
    previous_hash TEXT NOT NULL,
    hash TEXT NOT NULL,
    UNIQUE (tenant_id, position)
) STRICT;
CREATE INDEX audit_logs_by_time ON audit_logs (tenant_id, at);
CREATE INDEX audit_logs_of_entity ON audit_logs (tenant_id, entity_id, position);
CREATE TRIGGER audit_logs_no_update BEFORE UPDATE ON audit_logs BEGIN SELECT RAISE(ABORT, 'audit rows are never changed'); END;
CREATE TRIGGER audit_logs_no_delete BEFORE DELETE ON audit_logs BEGIN SELECT RAISE(ABORT, 'audit rows are never deleted'); END;
