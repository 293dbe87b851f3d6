//! Acts on a live call.

use crate::{
    problem::Problems,
    shapes::calls::{DtmfRequest, MuteRequest, RecordingPause},
};

/// Mute one's microphone; `{"muted": false}` to be heard again.
#[utoipa::path(
    post,
    path = "/api/v1/calls/{id}/mute",
    tag = "calls",
    params(("id" = Uuid, Path, description = "Call")),
    request_body = MuteRequest,
    responses((status = 202, description = "Taken; the effect comes over the live socket"), Problems),
)]
pub(crate) async fn call_mute() {}

/// Put the customer on hold.
#[utoipa::path(
    post,
    path = "/api/v1/calls/{id}/hold",
    tag = "calls",
    params(("id" = Uuid, Path, description = "Call")),
    responses((status = 202, description = "Taken; the effect comes over the live socket"), Problems),
)]
pub(crate) async fn call_hold() {}

/// Take the customer back.
#[utoipa::path(
    post,
    path = "/api/v1/calls/{id}/resume",
    tag = "calls",
    params(("id" = Uuid, Path, description = "Call")),
    responses((status = 202, description = "Taken; the effect comes over the live socket"), Problems),
)]
pub(crate) async fn call_resume() {}

/// End the call for everybody.
#[utoipa::path(
    post,
    path = "/api/v1/calls/{id}/hangup",
    tag = "calls",
    params(("id" = Uuid, Path, description = "Call")),
    responses((status = 202, description = "Taken; the effect comes over the live socket"), Problems),
)]
pub(crate) async fn call_hangup() {}

/// Send digits to the customer.
#[utoipa::path(
    post,
    path = "/api/v1/calls/{id}/dtmf",
    tag = "calls",
    params(("id" = Uuid, Path, description = "Call")),
    request_body = DtmfRequest,
    responses((status = 202, description = "Taken; the effect comes over the live socket"), Problems),
)]
pub(crate) async fn call_dtmf() {}

/// Pause or go on recording.
#[utoipa::path(
    post,
    path = "/api/v1/calls/{id}/recording/pause",
    tag = "calls",
    params(("id" = Uuid, Path, description = "Call")),
    request_body = RecordingPause,
    responses((status = 202, description = "Taken; the effect comes over the live socket"), Problems),
)]
pub(crate) async fn call_recording_pause() {}
