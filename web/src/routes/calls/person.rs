//! Who was on the far side, where the number alone did not tell.

use crate::{
    AppState,
    extract::{Body, Id},
    problem::{Outcome, Problem, Problems},
    sessions::Principal,
    shapes::calls::CallLead,
};
use axum::{extract::State, http::StatusCode};
use call::{CallEvent, CallEventKind, EVENT_VERSION};
use chrono::Utc;
use crm::journal::StampedEvent;
use std::time::Duration;
use tokio::sync::oneshot;

/// Longest wait for the journal.
const WRITTEN_WITHIN: Duration = Duration::from_secs(2);

/// Say who the other person is: a stranger just written down, or somebody known who calls from
/// another phone. The call then stands in their timeline and its outcome moves them. Not after
/// the outcome is saved.
#[utoipa::path(
    put,
    path = "/api/v1/calls/{id}/lead",
    tag = "calls",
    params(("id" = Uuid, Path, description = "Call")),
    request_body = CallLead,
    responses((status = 204, description = "Written; screens hear it over the live socket"), Problems),
)]
pub(crate) async fn call_lead(
    State(state): State<AppState>,
    who: Principal,
    Id(id): Id,
    Body(body): Body<CallLead>,
) -> Outcome<StatusCode> {
    let found = state.visible_call(&who, id.into()).await?;
    let lead = state.visible_lead(&who, body.lead_id.into()).await?;
    if found.lead == Some(lead.id) {
        return Ok(StatusCode::NO_CONTENT);
    }
    if found.direction == call::Direction::Internal {
        return Err(Problem::conflict("colleagues talk in an internal call"));
    }
    if found.disposition.is_some() {
        return Err(Problem::conflict("the outcome is saved for the person known then"));
    }
    let kind = CallEventKind::LeadFound { lead: lead.id };
    let event = CallEvent { v: EVENT_VERSION, tenant: who.tenant, call: found.id, kind };
    let (receipt, written) = oneshot::channel();
    let stamped = StampedEvent { receipt: Some(receipt), ..StampedEvent::new(Utc::now(), event) };
    let lags = || Problem::unavailable("the journal lags: try again", 1);
    state.journal.sender().try_send(stamped).map_err(|_| lags())?;
    match tokio::time::timeout(WRITTEN_WITHIN, written).await {
        Ok(Ok(())) => {}
        Ok(Err(_)) | Err(_) => return Err(lags()),
    }
    let record = who.audit("call.lead_found", "call", found.id);
    state.audit(&who, record.with(serde_json::json!({ "lead": lead.id }))).await?;
    Ok(StatusCode::NO_CONTENT)
}
