//! Promises to call.

use crate::{
    AppState,
    extract::{Body, Id, Params},
    page,
    problem::{Outcome, Problem, Problems},
    routes::leads::fits_note,
    sessions::Principal,
    shapes::{
        Page,
        leads::{Callback, CallbackChange, CallbackNew, CallbackQuery, CallbackStatus},
    },
    views,
};
use axum::{Json, extract::State, http::StatusCode};
use chrono::{DateTime, TimeDelta, Utc};
use crm::callbacks::{CallbackFilter, NewCallback};

/// Promises, soonest first: one's own for a telecaller, the team's and nobody's for its manager,
/// all for administrators.
#[utoipa::path(
    get,
    path = "/api/v1/callbacks",
    tag = "leads",
    params(CallbackQuery),
    responses((status = 200, body = Page<Callback>), Problems),
)]
pub(crate) async fn callback_list(
    State(state): State<AppState>,
    who: Principal,
    Params(query): Params<CallbackQuery>,
) -> Outcome<Json<Page<Callback>>> {
    let whose = who.whose();
    let filter = CallbackFilter {
        status: Some(query.status.unwrap_or(CallbackStatus::Pending).into()),
        agent: whose.user,
        team_of: whose.team_of,
        lead: None,
        from: query.from,
        to: query.to,
        limit: page::limit(query.limit)?,
        cursor: query.cursor,
    };
    let page = state.store.callback_list(who.tenant, &filter).await?;
    let items = page.items.into_iter().map(views::callback).collect();
    Ok(Json(Page { items, next_cursor: page.next_cursor }))
}

/// Promise to call.
#[utoipa::path(
    post,
    path = "/api/v1/callbacks",
    tag = "leads",
    request_body = CallbackNew,
    responses((status = 201, body = Callback), Problems),
)]
pub(crate) async fn callback_create(
    State(state): State<AppState>,
    who: Principal,
    Body(body): Body<CallbackNew>,
) -> Outcome<(StatusCode, Json<Callback>)> {
    let lead = state.visible_lead(&who, body.lead_id.into()).await?;
    let new = NewCallback {
        id: crm::fresh(),
        lead: lead.id,
        call: None,
        agent: Some(who.user),
        due_at: fits_hour(body.due_at)?,
        note: body.note.map(|note| fits_note("note", &note)).transpose()?,
    };
    let made = state.store.callback_create(who.tenant, &new, Utc::now()).await?;
    let made = made.ok_or_else(|| Problem::not_found("lead"))?;
    state.audit(&who, who.audit("callback.created", "callback", made.id)).await?;
    Ok((StatusCode::CREATED, Json(views::callback(made))))
}

/// Move, keep or take back a promise.
#[utoipa::path(
    patch,
    path = "/api/v1/callbacks/{id}",
    tag = "leads",
    params(("id" = Uuid, Path, description = "Callback")),
    request_body = CallbackChange,
    responses((status = 200, body = Callback), Problems),
)]
pub(crate) async fn callback_change(
    State(state): State<AppState>,
    who: Principal,
    Id(id): Id,
    Body(body): Body<CallbackChange>,
) -> Outcome<Json<Callback>> {
    let unknown = || Problem::not_found("callback");
    let found = state.store.callback_find(who.tenant, id.into()).await?.ok_or_else(unknown)?;
    if found.agent.is_some_and(|agent| !who.covers(agent)) {
        return Err(unknown());
    }
    let due_at = body.due_at.map(fits_hour).transpose()?;
    let status = body.status.map(Into::into);
    let made = state
        .store
        .callback_update(who.tenant, found.id, due_at, status, Utc::now())
        .await?
        .ok_or_else(unknown)?;
    state.audit(&who, who.audit("callback.updated", "callback", made.id)).await?;
    Ok(Json(views::callback(made)))
}

fn fits_hour(at: DateTime<Utc>) -> Outcome<DateTime<Utc>> {
    let now = Utc::now();
    if at < now - TimeDelta::minutes(1) || at > now + TimeDelta::days(366) {
        let words = "must be in the future, within a year";
        return Err(Problem::field("due_at", "invalid", words));
    }
    Ok(at)
}
