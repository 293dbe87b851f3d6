//! Outcome and notes of a call.

use crate::{
    problem::Problems,
    shapes::calls::{Call, CallNotes, CallNotesSaved, DispositionRequest},
};

/// Save the outcome; wrap-up ends. The same again is harmless; a different one within 15 minutes replaces it.
#[utoipa::path(
    post,
    path = "/api/v1/calls/{id}/disposition",
    tag = "calls",
    params(("id" = Uuid, Path, description = "Call")),
    request_body = DispositionRequest,
    responses((status = 200, body = Call), Problems),
)]
pub(crate) async fn call_disposition() {}

/// The same as POST.
#[utoipa::path(
    put,
    path = "/api/v1/calls/{id}/disposition",
    tag = "calls",
    params(("id" = Uuid, Path, description = "Call")),
    request_body = DispositionRequest,
    responses((status = 200, body = Call), Problems),
)]
pub(crate) async fn call_disposition_put() {}

/// Save notes while typing.
#[utoipa::path(
    put,
    path = "/api/v1/calls/{id}/notes",
    tag = "calls",
    params(("id" = Uuid, Path, description = "Call")),
    request_body = CallNotes,
    responses((status = 200, body = CallNotesSaved), Problems),
)]
pub(crate) async fn call_notes() {}
