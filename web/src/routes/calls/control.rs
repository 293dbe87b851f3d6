//! Acts on a live call.

use crate::{
    AppState,
    extract::{Body, BodyOrDefault, Id},
    problem::{Outcome, Problem, Problems},
    sessions::Principal,
    shapes::calls::{DtmfRequest, MuteRequest, RecordingPause},
};
use axum::{extract::State, http::StatusCode};
use call::{CallCommand, CallId, Control, Refused};

/// Mute one's microphone; `{"muted": false}` to be heard again.
#[utoipa::path(
    post,
    path = "/api/v1/calls/{id}/mute",
    tag = "calls",
    params(("id" = Uuid, Path, description = "Call")),
    request_body = MuteRequest,
    responses((status = 202, description = "Taken; the effect comes over the live socket"), Problems),
)]
pub(crate) async fn call_mute(
    State(state): State<AppState>,
    who: Principal,
    Id(id): Id,
    BodyOrDefault(body): BodyOrDefault<MuteRequest>,
) -> Outcome<StatusCode> {
    state.act(&who, id.into(), Control::Mute(body.muted.unwrap_or(true))).await
}

/// Put the customer on hold.
#[utoipa::path(
    post,
    path = "/api/v1/calls/{id}/hold",
    tag = "calls",
    params(("id" = Uuid, Path, description = "Call")),
    responses((status = 202, description = "Taken; the effect comes over the live socket"), Problems),
)]
pub(crate) async fn call_hold(
    State(state): State<AppState>,
    who: Principal,
    Id(id): Id,
) -> Outcome<StatusCode> {
    state.act(&who, id.into(), Control::Hold).await
}

/// Take the customer back.
#[utoipa::path(
    post,
    path = "/api/v1/calls/{id}/resume",
    tag = "calls",
    params(("id" = Uuid, Path, description = "Call")),
    responses((status = 202, description = "Taken; the effect comes over the live socket"), Problems),
)]
pub(crate) async fn call_resume(
    State(state): State<AppState>,
    who: Principal,
    Id(id): Id,
) -> Outcome<StatusCode> {
    state.act(&who, id.into(), Control::Resume).await
}

/// End the call for everybody.
#[utoipa::path(
    post,
    path = "/api/v1/calls/{id}/hangup",
    tag = "calls",
    params(("id" = Uuid, Path, description = "Call")),
    responses((status = 202, description = "Taken; the effect comes over the live socket"), Problems),
)]
pub(crate) async fn call_hangup(
    State(state): State<AppState>,
    who: Principal,
    Id(id): Id,
) -> Outcome<StatusCode> {
    state.act(&who, id.into(), Control::Hangup { by: Some(who.user) }).await
}

/// Send digits to the customer.
#[utoipa::path(
    post,
    path = "/api/v1/calls/{id}/dtmf",
    tag = "calls",
    params(("id" = Uuid, Path, description = "Call")),
    request_body = DtmfRequest,
    responses((status = 202, description = "Taken; the effect comes over the live socket"), Problems),
)]
pub(crate) async fn call_dtmf(
    State(state): State<AppState>,
    who: Principal,
    Id(id): Id,
    Body(body): Body<DtmfRequest>,
) -> Outcome<StatusCode> {
    let digit = |c: char| c.is_ascii_digit() || matches!(c, '*' | '#' | 'A'..='D');
    if body.digits.is_empty() || body.digits.len() > 32 || !body.digits.chars().all(digit) {
        return Err(Problem::field("digits", "invalid", "must be 1 to 32 of 0-9 * # A-D"));
    }
    state.act(&who, id.into(), Control::Dtmf(body.digits)).await
}

/// Pause or go on recording.
#[utoipa::path(
    post,
    path = "/api/v1/calls/{id}/recording/pause",
    tag = "calls",
    params(("id" = Uuid, Path, description = "Call")),
    request_body = RecordingPause,
    responses((status = 202, description = "Taken; the effect comes over the live socket"), Problems),
)]
pub(crate) async fn call_recording_pause(
    State(state): State<AppState>,
    who: Principal,
    Id(id): Id,
    Body(body): Body<RecordingPause>,
) -> Outcome<StatusCode> {
    let done = state.act(&who, id.into(), Control::PauseRecording(body.paused)).await?;
    let action = if body.paused { "recording.paused" } else { "recording.resumed" };
    state.audit(&who, who.audit(action, "call", id)).await?;
    Ok(done)
}

impl AppState {
    /// Hands an act to the switch, where the call is one's own or of one's people.
    async fn act(&self, who: &Principal, call: CallId, control: Control) -> Outcome<StatusCode> {
        // The floor knows one's call before its row is written.
        let at_hand = self.dialer.agent(who.tenant, who.user).and_then(|view| view.state.call());
        if at_hand != Some(call) {
            let found = self.visible_call(who, call).await?;
            if !who.covers_owner(found.agent) {
                return Err(Problem::not_found("call"));
            }
            if found.ended_at.is_some() {
                return Err(Problem::conflict("the call is over"));
            }
        }
        let ends = matches!(control, Control::Hangup { .. });
        match self.control.submit(CallCommand::Control { tenant: who.tenant, call, control }) {
            Ok(()) => {
                let foreign = at_hand != Some(call);
                if ends && foreign {
                    self.audit(who, who.audit("call.ended_by_leader", "call", call)).await?;
                }
                Ok(StatusCode::ACCEPTED)
            }
            Err(Refused::UnknownCall) => Err(Problem::conflict("the call is over")),
            Err(Refused::Full { retry_after_s }) => {
                Err(Problem::unavailable("the call is busy", u64::from(retry_after_s)))
            }
            Err(refused @ (Refused::ShuttingDown | Refused::Degraded(_))) => {
                Err(Problem::unavailable(refused.to_string(), 2))
            }
        }
    }
}
