-- The name that the data model fixes (DAT-10). A rename touches no row; calls go on meanwhile.
ALTER TABLE objections RENAME TO objection_library;
ALTER POLICY objections_tenant ON objection_library RENAME TO objection_library_tenant;
ALTER TABLE objection_library RENAME CONSTRAINT objections_pkey TO objection_library_pkey;
ALTER TABLE objection_library RENAME CONSTRAINT objections_tenant_id_id_key TO objection_library_tenant_id_id_key;
ALTER TABLE objection_library RENAME CONSTRAINT objections_tenant_id_fkey TO objection_library_tenant_id_fkey;
