//! Leads, timeline, notes.

use crate::{
    problem::Problems,
    shapes::{
        Page,
        content::Script,
        leads::{Lead, LeadChange, LeadNew, LeadQuery, Note, NoteNew, TimelineItem, TimelineQuery},
    },
};

/// Leads one may see: own and assigned for a telecaller, all for managers and administrators.
#[utoipa::path(
    get,
    path = "/api/v1/leads",
    tag = "leads",
    params(LeadQuery),
    responses((status = 200, body = Page<Lead>), Problems),
)]
pub(crate) async fn lead_list() {}

/// Add a lead. 409 when the number is known; the problem names the lead.
#[utoipa::path(
    post,
    path = "/api/v1/leads",
    tag = "leads",
    request_body = LeadNew,
    responses((status = 201, body = Lead), Problems),
)]
pub(crate) async fn lead_create() {}

/// One lead.
#[utoipa::path(
    get,
    path = "/api/v1/leads/{id}",
    tag = "leads",
    params(("id" = Uuid, Path, description = "Lead")),
    responses((status = 200, body = Lead), Problems),
)]
pub(crate) async fn lead_one() {}

/// Change a lead. 409 when it changed since it was read.
#[utoipa::path(
    patch,
    path = "/api/v1/leads/{id}",
    tag = "leads",
    params(("id" = Uuid, Path, description = "Lead")),
    request_body = LeadChange,
    responses((status = 200, body = Lead), Problems),
)]
pub(crate) async fn lead_change() {}

/// What happened with a lead, newest first.
#[utoipa::path(
    get,
    path = "/api/v1/leads/{id}/timeline",
    tag = "leads",
    params(("id" = Uuid, Path, description = "Lead"), TimelineQuery),
    responses((status = 200, body = Page<TimelineItem>), Problems),
)]
pub(crate) async fn lead_timeline() {}

/// Add a note.
#[utoipa::path(
    post,
    path = "/api/v1/leads/{id}/notes",
    tag = "leads",
    params(("id" = Uuid, Path, description = "Lead")),
    request_body = NoteNew,
    responses((status = 201, body = Note), Problems),
)]
pub(crate) async fn lead_note_create() {}

/// The script for this lead, in their language where there is one.
#[utoipa::path(
    get,
    path = "/api/v1/leads/{id}/script",
    tag = "leads",
    params(("id" = Uuid, Path, description = "Lead")),
    responses((status = 200, body = Script), Problems),
)]
pub(crate) async fn lead_script() {}
