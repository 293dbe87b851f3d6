//! The audit trail (SEC-13).

use crate::{
    problem::Problems,
    shapes::{
        Page,
        compliance::{AuditEntry, AuditQuery},
    },
};

/// Who did what, newest first.
#[utoipa::path(
    get,
    path = "/api/v1/audit",
    tag = "compliance",
    params(AuditQuery),
    responses((status = 200, body = Page<AuditEntry>), Problems),
)]
pub(crate) async fn audit_list() {}
