-- Whose superior somebody is, is asked with lists of leads and calls (AUT-08).
CREATE INDEX users_of_superior ON users (tenant_id, reports_to);
