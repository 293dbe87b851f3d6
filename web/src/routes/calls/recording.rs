//! Audio of a call.

use crate::{
    problem::Problems,
    shapes::calls::{Peaks, PeaksQuery, RecordingLink, RecordingQuery},
};

/// The recording, by bearer or by link token. Range requests work; each play is in the audit trail.
#[utoipa::path(
    get,
    path = "/api/v1/calls/{id}/recording",
    tag = "calls",
    params(("id" = Uuid, Path, description = "Call"), RecordingQuery),
    responses((status = 200, description = "The whole file", content(
            (Vec<u8> = "audio/wav"),
            (Vec<u8> = "audio/ogg"),
        )),
        (status = 206, description = "The part asked for"), Problems),
)]
pub(crate) async fn call_recording() {}

/// A short-lived address for an audio element.
#[utoipa::path(
    post,
    path = "/api/v1/calls/{id}/recording/link",
    tag = "calls",
    params(("id" = Uuid, Path, description = "Call")),
    responses((status = 200, body = RecordingLink), Problems),
)]
pub(crate) async fn call_recording_link() {}

/// The waveform of the recording.
#[utoipa::path(
    get,
    path = "/api/v1/calls/{id}/recording/peaks",
    tag = "calls",
    params(("id" = Uuid, Path, description = "Call"), PeaksQuery),
    responses((status = 200, body = Peaks), Problems),
)]
pub(crate) async fn call_recording_peaks() {}
