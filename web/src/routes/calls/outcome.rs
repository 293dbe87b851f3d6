//! Outcome and notes of a call.

use crate::{
    AppState,
    extract::{Body, Id},
    problem::{Outcome, Problem, Problems},
    routes::leads::fits_note,
    sessions::Principal,
    shapes::calls::{Call, CallNotes, CallNotesSaved, DispositionRequest},
    views,
};
use axum::{Json, extract::State};
use chrono::Utc;
use crm::{
    NoteId,
    dispositions::{self, OutcomeError},
    notes::Note,
    store::Saver,
};

/// Save the outcome; wrap-up ends. The same again is harmless; a different one is refused with 409.
#[utoipa::path(
    post,
    path = "/api/v1/calls/{id}/disposition",
    tag = "calls",
    params(("id" = Uuid, Path, description = "Call")),
    request_body = DispositionRequest,
    responses((status = 200, body = Call), Problems),
)]
pub(crate) async fn call_disposition(
    State(state): State<AppState>,
    who: Principal,
    Id(id): Id,
    Body(body): Body<DispositionRequest>,
) -> Outcome<Json<Call>> {
    save(&state, &who, id.into(), body, false).await
}

/// As POST, and replaces a saved outcome: its agent within 15 minutes, managers always.
#[utoipa::path(
    put,
    path = "/api/v1/calls/{id}/disposition",
    tag = "calls",
    params(("id" = Uuid, Path, description = "Call")),
    request_body = DispositionRequest,
    responses((status = 200, body = Call), Problems),
)]
pub(crate) async fn call_disposition_put(
    State(state): State<AppState>,
    who: Principal,
    Id(id): Id,
    Body(body): Body<DispositionRequest>,
) -> Outcome<Json<Call>> {
    save(&state, &who, id.into(), body, true).await
}

/// Save notes while typing.
#[utoipa::path(
    put,
    path = "/api/v1/calls/{id}/notes",
    tag = "calls",
    params(("id" = Uuid, Path, description = "Call")),
    request_body = CallNotes,
    responses((status = 200, body = CallNotesSaved), Problems),
)]
pub(crate) async fn call_notes(
    State(state): State<AppState>,
    who: Principal,
    Id(id): Id,
    Body(body): Body<CallNotes>,
) -> Outcome<Json<CallNotesSaved>> {
    let found = state.visible_call(&who, id.into()).await?;
    let now = Utc::now();
    let draft = Note {
        id: NoteId::of(found.id),
        lead: found.lead,
        call: Some(found.id),
        author: who.user,
        body: fits_note("text", &body.text)?,
        created_at: now,
        updated_at: now,
    };
    let saved = state.store.note_save(who.tenant, &draft).await?;
    let saved =
        saved.ok_or_else(|| Problem::conflict("somebody else keeps the notes of this call"))?;
    Ok(Json(CallNotesSaved { text: saved.body, saved_at: saved.updated_at }))
}

async fn save(
    state: &AppState,
    who: &Principal,
    id: call::CallId,
    body: DispositionRequest,
    replace: bool,
) -> Outcome<Json<Call>> {
    let found = state.visible_call(who, id).await?;
    let saver = Saver { user: who.user, role: who.role.into() };
    let (now, tenant) = (Utc::now(), who.tenant);
    let notes = body.notes.or_else(|| found.note.clone()).unwrap_or_default();
    let outcome = dispositions::Outcome {
        code: body.code,
        sub_code: body.sub_disposition,
        notes,
        callback_at: body.callback_at,
    };
    match state.store.call_disposition_save(tenant, id, saver, &outcome, now).await {
        Ok(_) => {}
        Err(OutcomeError::AlreadySaved(_)) if replace => {
            let settings = state.store.tenant_find(tenant).await?.map(|t| t.settings);
            let minutes = settings.unwrap_or_default().dispositions.edit_minutes;
            let store = &state.store;
            store.call_disposition_amend(tenant, id, saver, &outcome, minutes, now).await?;
        }
        Err(error) => return Err(error.into()),
    }
    let agent = found.agent.unwrap_or(who.user);
    state.dialer.outcome_saved(tenant, agent, id).await?;
    let saved = state.visible_call(who, id).await?;
    Ok(Json(views::call(who, &saved)))
}
