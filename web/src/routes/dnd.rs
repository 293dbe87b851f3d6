//! Numbers never to be called (SEC-01).

use crate::{
    AppState,
    extract::{Body, Params},
    page,
    problem::{Outcome, Problem, Problems},
    sessions::Principal,
    shapes::{
        Page, PageQuery,
        compliance::{DndEntry, DndNew},
    },
};
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use chrono::Utc;
use crm::dnd::{self, DndSource};

/// The do-not-call list.
#[utoipa::path(
    get,
    path = "/api/v1/dnd",
    tag = "compliance",
    params(PageQuery),
    responses((status = 200, body = Page<DndEntry>), Problems),
)]
pub(crate) async fn dnd_list(
    State(state): State<AppState>,
    who: Principal,
    Params(query): Params<PageQuery>,
) -> Outcome<Json<Page<DndEntry>>> {
    let (limit, after) = (page::limit(query.limit)?, query.cursor.as_deref());
    let page = state.store.dnd_list(who.tenant, None, limit, after).await?;
    let items = page.items.into_iter().map(shown).collect();
    Ok(Json(Page { items, next_cursor: page.next_cursor }))
}

/// Put a number on the list.
#[utoipa::path(
    post,
    path = "/api/v1/dnd",
    tag = "compliance",
    request_body = DndNew,
    responses((status = 201, body = DndEntry), Problems),
)]
pub(crate) async fn dnd_add(
    State(state): State<AppState>,
    who: Principal,
    Body(body): Body<DndNew>,
) -> Outcome<(StatusCode, Json<DndEntry>)> {
    let reason = body.reason.unwrap_or_default();
    if reason.chars().count() > 200 {
        return Err(Problem::field("reason", "too_long", "must have at most 200 characters"));
    }
    let entry = dnd::DndEntry {
        phone: state.number("phone", &body.phone)?,
        source: DndSource::Manual,
        reason,
        added_by: Some(who.user),
        added_at: Utc::now(),
    };
    state.store.dnd_add(who.tenant, &entry).await?;
    state.audit(&who, who.audit("dnd.added", "dnd", entry.phone.masked())).await?;
    Ok((StatusCode::CREATED, Json(shown(entry))))
}

/// Take a number off the list; audited.
#[utoipa::path(
    delete,
    path = "/api/v1/dnd/{phone}",
    tag = "compliance",
    params(("phone" = String, Path, description = "E.164, the plus sign percent-encoded or not")),
    responses((status = 204, description = "Done"), Problems),
)]
pub(crate) async fn dnd_remove(
    State(state): State<AppState>,
    who: Principal,
    Path(phone): Path<String>,
) -> Outcome<StatusCode> {
    let phone = state.number("phone", &phone)?;
    if !state.store.dnd_remove(who.tenant, &phone, Utc::now()).await? {
        return Err(Problem::not_found("number on the list"));
    }
    state.audit(&who, who.audit("dnd.removed", "dnd", phone.masked())).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn shown(entry: dnd::DndEntry) -> DndEntry {
    DndEntry {
        phone: entry.phone.into(),
        reason: Some(entry.reason).filter(|r| !r.is_empty()),
        source: entry.source.as_str().to_owned(),
        created_at: entry.added_at,
    }
}
