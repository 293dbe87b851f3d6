//! Calls as records.

use crate::{
    AppState,
    extract::{Id, Params},
    page,
    problem::{Outcome, Problem, Problems},
    sessions::Principal,
    shapes::{
        Page, PageQuery,
        calls::{Call, CallEvent, CallQuery},
    },
    views,
};
use axum::{Json, extract::State};
use call::UserId;
use crm::calls::CallFilter;

/// Calls, newest first: own and missed for a telecaller, the team's and those
/// nobody had for its manager, all for administrators.
#[utoipa::path(
    get,
    path = "/api/v1/calls",
    tag = "calls",
    params(CallQuery),
    responses((status = 200, body = Page<Call>), Problems),
)]
pub(crate) async fn call_list(
    State(state): State<AppState>,
    who: Principal,
    Params(query): Params<CallQuery>,
) -> Outcome<Json<Page<Call>>> {
    let filter = call_filter(&who, query)?;
    let page = state.store.call_list(who.tenant, &filter).await?;
    let items = page.items.iter().map(|call| shown(&who, call)).collect();
    Ok(Json(Page { items, next_cursor: page.next_cursor }))
}

/// What a reader asks of the calls, within what they may see.
pub(crate) fn call_filter(who: &Principal, query: CallQuery) -> Outcome<CallFilter> {
    let asked = query.agent_id.map(UserId::from);
    let whose = who.whose_of(asked).ok_or_else(|| {
        let whose = if who.leads() { "your team's" } else { "your own" };
        Problem::forbidden(format!("you may list {whose} calls only"))
    })?;
    Ok(CallFilter {
        direction: query.direction.map(Into::into),
        status: query.status.map(Into::into),
        agent: whose.user,
        team_of: whose.team_of,
        lead: query.lead_id.map(Into::into),
        disposition: query.disposition,
        pending_outcome: query.pending_outcome,
        live: false,
        from: query.from,
        to: query.to,
        limit: page::limit(query.limit)?,
        cursor: query.cursor,
    })
}

/// One call.
#[utoipa::path(
    get,
    path = "/api/v1/calls/{id}",
    tag = "calls",
    params(("id" = Uuid, Path, description = "Call")),
    responses((status = 200, body = Call), Problems),
)]
pub(crate) async fn call_one(
    State(state): State<AppState>,
    who: Principal,
    Id(id): Id,
) -> Outcome<Json<Call>> {
    let found = state.visible_call(&who, id.into()).await?;
    Ok(Json(shown(&who, &found)))
}

/// A call that nobody took and that one may see is one's own to return.
fn shown(who: &Principal, call: &crm::calls::Call) -> Call {
    views::call_as(who.shows_numbers_of(call.agent.or(Some(who.user))), call)
}

/// What happened in a call, in the journal's order. Who may see the call may see its events.
#[utoipa::path(
    get,
    path = "/api/v1/calls/{id}/events",
    tag = "calls",
    params(("id" = Uuid, Path, description = "Call"), PageQuery),
    responses((status = 200, body = Page<CallEvent>), Problems),
)]
pub(crate) async fn call_events(
    State(state): State<AppState>,
    who: Principal,
    Id(id): Id,
    Params(query): Params<PageQuery>,
) -> Outcome<Json<Page<CallEvent>>> {
    let found = state.visible_call(&who, id.into()).await?;
    let limit = page::limit(query.limit)?;
    let cursor = query.cursor.as_deref();
    let page = state.store.call_events_page(who.tenant, found.id, limit, cursor).await?;
    let shown = |(seq, at, event): &(_, _, _)| views::event(&who, found.agent, *seq, *at, event);
    let items = page.items.iter().map(shown).collect();
    Ok(Json(Page { items, next_cursor: page.next_cursor }))
}
