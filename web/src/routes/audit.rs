//! The audit trail (SEC-13).

use crate::{
    AppState,
    extract::Params,
    page,
    problem::{Outcome, Problems},
    sessions::Principal,
    shapes::{
        Page,
        compliance::{AuditEntry, AuditQuery},
    },
};
use axum::{Json, extract::State};
use call::UserId;
use crm::audit::AuditFilter;

/// Who did what, newest first.
#[utoipa::path(
    get,
    path = "/api/v1/audit",
    tag = "compliance",
    params(AuditQuery),
    responses((status = 200, body = Page<AuditEntry>), Problems),
)]
pub(crate) async fn audit_list(
    State(state): State<AppState>,
    who: Principal,
    Params(query): Params<AuditQuery>,
) -> Outcome<Json<Page<AuditEntry>>> {
    let filter = AuditFilter {
        actor: query.user_id.map(UserId::from),
        action: query.action.map(|action| format!("{}*", action.trim_end_matches('*'))),
        entity_id: query.object_id,
        from: query.from,
        to: query.to,
        limit: page::limit(query.limit)?,
        cursor: query.cursor,
    };
    let page = state.store.audit_list(who.tenant, &filter).await?;
    let names = state.user_names(who.tenant).await?;
    let items = page
        .items
        .into_iter()
        .map(|entry| AuditEntry {
            id: entry.id.into(),
            at: entry.at,
            user_id: entry.record.actor.map(UserId::uuid),
            user_name: entry.record.actor.and_then(|u| names.get(&u).cloned()),
            action: entry.record.action,
            object_type: Some(entry.record.entity).filter(|e| !e.is_empty()),
            object_id: Some(entry.record.entity_id).filter(|e| !e.is_empty()),
            detail: entry.record.detail,
            ip: Some(entry.record.address).filter(|a| !a.is_empty()),
        })
        .collect();
    Ok(Json(Page { items, next_cursor: page.next_cursor }))
}
