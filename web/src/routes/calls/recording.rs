//! Audio of a call.

use crate::{
    AppState,
    access::CALLERS,
    extract::{Id, Params},
    guard::{self, Peer},
    problem::{Outcome, Problem, Problems},
    sessions::Principal,
    shapes::calls::{Peaks, PeaksQuery, RecordingFormat, RecordingLink, RecordingQuery},
    token::{self, LINK_LIFETIME},
};
use axum::{
    Json,
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use call::CallId;
use chrono::Utc;
use crm::{calls::RecordingState, recordings::AudioFormat};
use std::net::IpAddr;

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
pub(crate) async fn call_recording(
    State(state): State<AppState>,
    Peer(peer): Peer,
    Id(id): Id,
    Params(query): Params<RecordingQuery>,
    headers: HeaderMap,
) -> Outcome<Response> {
    let id = CallId::from(id);
    let who = listener(&state, id, query.token.as_deref(), &headers, peer.ip()).await?;
    let call = state.visible_call(&who, id).await?;
    let format = match query.format.unwrap_or_default() {
        RecordingFormat::Wav => AudioFormat::Wav,
        RecordingFormat::Ogg => AudioFormat::Ogg,
    };
    let reader = state.recordings.audio(who.tenant, id, format).await?;
    let reader = reader.ok_or_else(|| not_there(&call))?;
    let length = reader.len();
    let range = headers.get(header::RANGE).and_then(|v| v.to_str().ok());
    let (start, end, status) = match part(range, length) {
        Part::Whole => (0, length, StatusCode::OK),
        Part::Of(start, end) => (start, end, StatusCode::PARTIAL_CONTENT),
        Part::Outside => return Ok(unsatisfiable(length)),
    };
    if start == 0 {
        let address = who.address.to_string();
        let (tenant, action) = (who.tenant, "recording.played");
        let now = Utc::now();
        state.recordings.audit_access(tenant, id, who.user, action, &address, now).await?;
    }
    let mut response = (status, Body::from_stream(reader.stream(start, end))).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(format.content_type()));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(end - start));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    if status == StatusCode::PARTIAL_CONTENT {
        let text = format!("bytes {start}-{}/{length}", end - 1);
        headers.insert(header::CONTENT_RANGE, text.parse().map_err(|_| Problem::internal())?);
    }
    Ok(response)
}

/// A short-lived address for an audio element.
#[utoipa::path(
    post,
    path = "/api/v1/calls/{id}/recording/link",
    tag = "calls",
    params(("id" = Uuid, Path, description = "Call")),
    responses((status = 200, body = RecordingLink), Problems),
)]
pub(crate) async fn call_recording_link(
    State(state): State<AppState>,
    who: Principal,
    Id(id): Id,
) -> Outcome<Json<RecordingLink>> {
    let call = state.visible_call(&who, id.into()).await?;
    if call.recording.as_ref().is_none_or(|r| r.state != RecordingState::Ready) {
        return Err(not_there(&call));
    }
    let expires_at = Utc::now() + LINK_LIFETIME;
    let token = state.tokens.recording(token::RecordingLink {
        sub: who.user,
        tid: who.tenant,
        sid: who.session,
        call: call.id,
        exp: expires_at.timestamp(),
    });
    let url = format!("/api/v1/calls/{}/recording?token={token}", call.id);
    Ok(Json(RecordingLink { url, expires_at }))
}

/// The waveform of the recording.
#[utoipa::path(
    get,
    path = "/api/v1/calls/{id}/recording/peaks",
    tag = "calls",
    params(("id" = Uuid, Path, description = "Call"), PeaksQuery),
    responses((status = 200, body = Peaks), Problems),
)]
pub(crate) async fn call_recording_peaks(
    State(state): State<AppState>,
    who: Principal,
    Id(id): Id,
    Params(query): Params<PeaksQuery>,
) -> Outcome<Json<Peaks>> {
    let call = state.visible_call(&who, id.into()).await?;
    let points = query.points.unwrap_or(800);
    if !(50..=4000).contains(&points) {
        return Err(Problem::field("points", "invalid", "must be 50 to 4000"));
    }
    let peaks = state.recordings.peaks(who.tenant, call.id).await?;
    let peaks = peaks.ok_or_else(|| not_there(&call))?.reduced_to(points as usize);
    let unit = |loud: &[u8]| loud.iter().map(|v| f32::from(*v) / 255.0).collect();
    Ok(Json(Peaks {
        duration_seconds: peaks.duration_ms as f64 / 1000.0,
        customer: unit(&peaks.customer),
        agent: unit(&peaks.agent),
    }))
}

/// Who listens: by a link made for this very call, or by a bearer token.
async fn listener(
    state: &AppState,
    call: CallId,
    link: Option<&str>,
    headers: &HeaderMap,
    address: IpAddr,
) -> Outcome<Principal> {
    let who = match link {
        Some(link) => {
            let link = state.tokens.read_recording(link, Utc::now());
            let link = link.ok().filter(|link| link.call == call).ok_or_else(|| {
                Problem::unauthorized("the link is not valid for this call or has expired")
            })?;
            let token::RecordingLink { sub, tid, sid, exp, .. } = link;
            state.sessions.principal(&token::Access { sub, tid, sid, exp }, address).await?
        }
        None => {
            let token = guard::bearer(headers)
                .ok_or_else(|| Problem::unauthorized("send a bearer token or a link's token"))?;
            guard::authenticate(state, token, address).await?
        }
    };
    state.limits.user(who.user)?;
    if CALLERS.contains(who.role) {
        Ok(who)
    } else {
        Err(Problem::forbidden("your role may not listen to recordings"))
    }
}

/// No audio, or none yet.
fn not_there(call: &crm::calls::Call) -> Problem {
    match call.recording.as_ref().map(|r| r.state) {
        None | Some(RecordingState::Failed) => Problem::not_found("recording"),
        Some(
            RecordingState::Expected
            | RecordingState::Recording
            | RecordingState::Paused
            | RecordingState::Storing
            | RecordingState::Ready,
        ) => Problem::conflict("the recording is not complete yet")
            .rule("recording_not_ready", None)
            .retry_after(1),
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Part {
    Whole,
    /// From, up to and without.
    Of(u64, u64),
    Outside,
}

/// RFC 9110 §14.2; several ranges at once, and what is no range, give the whole.
fn part(range: Option<&str>, length: u64) -> Part {
    let Some(spec) = range.and_then(|r| r.strip_prefix("bytes=")) else { return Part::Whole };
    let Some((from, to)) = spec.trim().split_once('-') else { return Part::Whole };
    if spec.contains(',') {
        return Part::Whole;
    }
    let number = |text: &str| text.trim().parse::<u64>().ok();
    match (from.trim().is_empty(), number(from), number(to), to.trim().is_empty()) {
        (true, _, Some(0), _) => Part::Outside,
        (true, _, Some(last), _) => Part::Of(length.saturating_sub(last), length),
        (false, Some(start), _, _) if start >= length => Part::Outside,
        (false, Some(start), None, true) => Part::Of(start, length),
        (false, Some(start), Some(end), _) if end >= start => {
            Part::Of(start, end.saturating_add(1).min(length))
        }
        _ => Part::Whole,
    }
}

fn unsatisfiable(length: u64) -> Response {
    let problem = Problem::new(
        StatusCode::RANGE_NOT_SATISFIABLE,
        "range",
        "No such part",
        format!("the recording has {length} bytes"),
    );
    let mut response = problem.into_response();
    if let Ok(value) = HeaderValue::from_str(&format!("bytes */{length}")) {
        response.headers_mut().insert(header::CONTENT_RANGE, value);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    /// F09
    #[test]
    fn ranges_are_cut_to_the_file() {
        for (range, expected) in [
            (None, Part::Whole),
            (Some("bytes=0-"), Part::Of(0, 100)),
            (Some("bytes=10-19"), Part::Of(10, 20)),
            (Some("bytes=90-500"), Part::Of(90, 100)),
            (Some("bytes=-10"), Part::Of(90, 100)),
            (Some("bytes=-500"), Part::Of(0, 100)),
            (Some("bytes=100-"), Part::Outside),
            (Some("bytes=-0"), Part::Outside),
            (Some("bytes=5-2"), Part::Whole),
            (Some("bytes=0-1,5-6"), Part::Whole),
            (Some("items=0-1"), Part::Whole),
            (Some("bytes=18446744073709551615-"), Part::Outside),
            (Some("bytes=0-18446744073709551615"), Part::Of(0, 100)),
        ] {
            assert_eq!(part(range, 100), expected, "{range:?}");
        }
    }
}
