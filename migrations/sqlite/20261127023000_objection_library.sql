-- The name that the data model fixes (DAT-10). A rename touches no row; calls go on meanwhile.
ALTER TABLE objections RENAME TO objection_library;
