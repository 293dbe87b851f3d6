//! Leads, timeline, notes.

use crate::{
    AppState,
    extract::{Body, Id, Params},
    page,
    problem::{Outcome, Problem, Problems},
    routes::me::fits_name,
    sessions::Principal,
    shapes::{
        Page,
        content::Script,
        leads::{Lead, LeadChange, LeadNew, LeadQuery, Note, NoteNew, TimelineItem, TimelineQuery},
    },
    views,
};
use axum::{Json, extract::State, http::StatusCode};
use call::{LeadId, UserId};
use chrono::Utc;
use crm::{
    StoreError,
    leads::{Assigned, LeadFilter, LeadPatch, NewLead},
    notes::NOTE_LIMIT,
    users::Reach,
};

/// Leads one may see: own and assigned for a telecaller, the team's and nobody's for its
/// manager, all for administrators.
#[utoipa::path(
    get,
    path = "/api/v1/leads",
    tag = "leads",
    params(LeadQuery),
    responses((status = 200, body = Page<Lead>), Problems),
)]
pub(crate) async fn lead_list(
    State(state): State<AppState>,
    who: Principal,
    Params(query): Params<LeadQuery>,
) -> Outcome<Json<Page<Lead>>> {
    let filter = state.lead_filter(&who, query).await?;
    let page = state.store.lead_list(who.tenant, &filter).await?;
    let names = state.user_names(who.tenant).await?;
    let items = page.items.iter().map(|lead| views::lead(&who, lead, &names)).collect();
    Ok(Json(Page { items, next_cursor: page.next_cursor }))
}

/// Add a lead. 409 when the number is known; the problem names the lead.
#[utoipa::path(
    post,
    path = "/api/v1/leads",
    tag = "leads",
    request_body = LeadNew,
    responses((status = 201, body = Lead), Problems),
)]
pub(crate) async fn lead_create(
    State(state): State<AppState>,
    who: Principal,
    Body(body): Body<LeadNew>,
) -> Outcome<(StatusCode, Json<Lead>)> {
    let phone = state.number("phone", &body.phone)?;
    let assigned_to = match body.assigned_to.map(UserId::from) {
        given if who.leads() => known_user(&state, &who, given).await?,
        None => Some(who.user),
        Some(given) if given == who.user => Some(given),
        Some(_) => return Err(Problem::forbidden("you may add leads for yourself only")),
    };
    let mut new = NewLead::named(crm::fresh(), fits_name(&body.name)?, phone.clone());
    new.external_id = body.external_id;
    new.email = body.email;
    new.organisation = body.organisation;
    new.pincode = body.pincode;
    new.priority = body.priority.map(Into::into);
    new.assigned_to = assigned_to;
    new.language = body.language.unwrap_or(new.language);
    new.source = body.source.unwrap_or(new.source);
    new.score = fits_score(body.lead_score)?.unwrap_or(new.score);
    new.metadata = fits_metadata(body.metadata)?.unwrap_or(new.metadata);
    let made = match state.store.lead_create(who.tenant, &new, Utc::now()).await {
        Ok(made) => made,
        Err(StoreError::Conflict) => return Err(known_already(&state, &who, &phone).await?),
        Err(error) => return Err(error.into()),
    };
    state.audit(&who, who.audit("lead.created", "lead", made.id)).await?;
    let names = state.user_names(who.tenant).await?;
    Ok((StatusCode::CREATED, Json(views::lead(&who, &made, &names))))
}

/// One lead.
#[utoipa::path(
    get,
    path = "/api/v1/leads/{id}",
    tag = "leads",
    params(("id" = Uuid, Path, description = "Lead")),
    responses((status = 200, body = Lead), Problems),
)]
pub(crate) async fn lead_one(
    State(state): State<AppState>,
    who: Principal,
    Id(id): Id,
) -> Outcome<Json<Lead>> {
    let found = state.visible_lead(&who, id.into()).await?;
    let names = state.user_names(who.tenant).await?;
    Ok(Json(views::lead(&who, &found, &names)))
}

/// Change a lead. 409 when it changed since it was read.
#[utoipa::path(
    patch,
    path = "/api/v1/leads/{id}",
    tag = "leads",
    params(("id" = Uuid, Path, description = "Lead")),
    request_body = LeadChange,
    responses((status = 200, body = Lead), Problems),
)]
pub(crate) async fn lead_change(
    State(state): State<AppState>,
    who: Principal,
    Id(id): Id,
    Body(body): Body<LeadChange>,
) -> Outcome<Json<Lead>> {
    let before = state.visible_lead(&who, id.into()).await?;
    if !who.covers_owner(before.assigned_to) {
        return Err(Problem::forbidden("this lead is not yours to change"));
    }
    let assigned_to = match body.assigned_to {
        None => None,
        Some(to) if who.leads() => Some(known_user(&state, &who, to.map(UserId::from)).await?),
        Some(to) if to == before.assigned_to.map(UserId::uuid) => None,
        Some(_) => return Err(Problem::forbidden("only managers give leads to others")),
    };
    let patch = LeadPatch {
        expected_updated_at: Some(body.updated_at),
        name: body.name.map(|name| fits_name(&name)).transpose()?,
        phone: body.phone.map(|phone| state.number("phone", &phone)).transpose()?,
        email: body.email,
        organisation: body.organisation,
        language: body.language,
        pincode: body.pincode.map(Some),
        status: body.status.map(Into::into),
        priority: body.priority.map(Into::into),
        score: fits_score(body.lead_score)?,
        assigned_to,
        timezone: None,
        metadata: fits_metadata(body.metadata)?,
    };
    let made = state.store.lead_update(who.tenant, before.id, &patch, Utc::now()).await?;
    let made = made.ok_or_else(|| Problem::not_found("lead"))?;
    let record = who.audit("lead.updated", "lead", made.id).with(difference(&before, &made));
    state.audit(&who, record).await?;
    let names = state.user_names(who.tenant).await?;
    Ok(Json(views::lead(&who, &made, &names)))
}

/// What happened with a lead, newest first.
#[utoipa::path(
    get,
    path = "/api/v1/leads/{id}/timeline",
    tag = "leads",
    params(("id" = Uuid, Path, description = "Lead"), TimelineQuery),
    responses((status = 200, body = Page<TimelineItem>), Problems),
)]
pub(crate) async fn lead_timeline(
    State(state): State<AppState>,
    who: Principal,
    Id(id): Id,
    Params(query): Params<TimelineQuery>,
) -> Outcome<Json<Page<TimelineItem>>> {
    let lead = state.visible_lead(&who, id.into()).await?;
    let (limit, after) = (page::limit(query.limit)?, query.cursor.as_deref());
    let kind = query.kind.map(Into::into);
    let page = state.store.lead_timeline(who.tenant, lead.id, kind, limit, after).await?;
    let names = state.user_names(who.tenant).await?;
    let item = |entry| views::timeline_item(&who, entry, &names);
    let items = page.items.into_iter().map(item).collect();
    Ok(Json(Page { items, next_cursor: page.next_cursor }))
}

/// Add a note.
#[utoipa::path(
    post,
    path = "/api/v1/leads/{id}/notes",
    tag = "leads",
    params(("id" = Uuid, Path, description = "Lead")),
    request_body = NoteNew,
    responses((status = 201, body = Note), Problems),
)]
pub(crate) async fn lead_note_create(
    State(state): State<AppState>,
    who: Principal,
    Id(id): Id,
    Body(body): Body<NoteNew>,
) -> Outcome<(StatusCode, Json<Note>)> {
    let lead = state.visible_lead(&who, id.into()).await?;
    let text = fits_note("text", &body.text)?;
    if text.is_empty() {
        return Err(Problem::field("text", "required", "must not be empty"));
    }
    let now = Utc::now();
    let draft = crm::notes::Note {
        id: crm::fresh(),
        lead: Some(lead.id),
        call: None,
        author: who.user,
        body: text,
        created_at: now,
        updated_at: now,
    };
    let note = state.store.note_save(who.tenant, &draft).await?.ok_or_else(Problem::internal)?;
    let names = state.user_names(who.tenant).await?;
    let made = Note {
        id: note.id.into(),
        lead_id: lead.id.uuid(),
        call_id: None,
        text: note.body,
        user_id: Some(note.author.uuid()),
        user_name: names.get(&note.author).cloned(),
        created_at: note.created_at,
    };
    Ok((StatusCode::CREATED, Json(made)))
}

/// The script for this lead, in their language where there is one.
#[utoipa::path(
    get,
    path = "/api/v1/leads/{id}/script",
    tag = "leads",
    params(("id" = Uuid, Path, description = "Lead")),
    responses((status = 200, body = Script), Problems),
)]
pub(crate) async fn lead_script(
    State(state): State<AppState>,
    who: Principal,
    Id(id): Id,
) -> Outcome<Json<Script>> {
    let lead = state.visible_lead(&who, id.into()).await?;
    let found = state.store.script_for(who.tenant, &lead.language, &lead.source).await?;
    let found = found.ok_or_else(|| Problem::not_found("script"))?;
    Ok(Json(views::script(found)))
}

/// Whose leads the asker may list, narrowed to what they asked for.
impl AppState {
    /// What a reader asks of the leads, within what they may see.
    pub(crate) async fn lead_filter(
        &self,
        who: &Principal,
        query: LeadQuery,
    ) -> Outcome<LeadFilter> {
        Ok(LeadFilter {
            search: query.q.filter(|q| !q.trim().is_empty()),
            assigned: assigned(self, who, query.assigned_to.as_deref()).await?,
            status: query.status.map(Into::into),
            priority: query.priority.map(Into::into),
            category: query.category.map(Into::into),
            source: query.source,
            score_min: query.score_min,
            score_max: query.score_max,
            created_from: query.created_from,
            created_to: query.created_to,
            sort: query.sort.unwrap_or_default().into(),
            limit: page::limit(query.limit)?,
            cursor: query.cursor,
        })
    }
}

async fn assigned(state: &AppState, who: &Principal, asked: Option<&str>) -> Outcome<Assigned> {
    let asked = match asked {
        None => None,
        Some("none") => Some(Assigned::Nobody),
        Some("me") => Some(Assigned::To(who.user)),
        Some(id) => Some(Assigned::To(id.parse().map_err(|_| {
            Problem::field("assigned_to", "invalid", "must be a user id, `me` or `none`")
        })?)),
    };
    match (asked, &who.reach) {
        (asked, Reach::All) => return Ok(asked.unwrap_or(Assigned::Any)),
        (None, Reach::Team(_)) => return Ok(Assigned::ToTeamOf(who.user)),
        (Some(Assigned::Nobody), Reach::Team(_)) => return Ok(Assigned::Nobody),
        (None, Reach::Own(_)) => return Ok(Assigned::To(who.user)),
        (Some(_), Reach::Own(_) | Reach::Team(_)) => {}
    }
    let desk = state.desk_settings(who).await?;
    match asked.unwrap_or_default() {
        Assigned::To(user) if who.covers(user) => Ok(Assigned::To(user)),
        Assigned::Nobody if desk.telecallers_take_unassigned || desk.telecallers_see_all => {
            Ok(Assigned::Nobody)
        }
        wider if desk.telecallers_see_all => Ok(wider),
        Assigned::Any
        | Assigned::To(_)
        | Assigned::ToOrNobody(_)
        | Assigned::Nobody
        | Assigned::ToTeamOf(_) => {
            let whose = if who.leads() { "your team's" } else { "your own" };
            Err(Problem::forbidden(format!("you may list {whose} leads only")))
        }
    }
}

async fn known_user(
    state: &AppState,
    who: &Principal,
    user: Option<UserId>,
) -> Outcome<Option<UserId>> {
    let Some(id) = user else { return Ok(None) };
    match state.store.user_find(who.tenant, id).await? {
        Some(user) if user.active && who.covers(id) => Ok(Some(id)),
        Some(_) | None => Err(Problem::field("assigned_to", "unknown", "no such user")),
    }
}

/// Says which lead has the number, to those who may see it.
async fn known_already(state: &AppState, who: &Principal, phone: &call::E164) -> Outcome<Problem> {
    let problem =
        Problem::conflict("a lead with this number is there already").rule("duplicate", None);
    let Some(known) = state.store.lead_by_phone(who.tenant, phone).await? else {
        return Ok(problem);
    };
    let visible = state.visible_lead(who, LeadId::from(known.id.uuid())).await.is_ok();
    Ok(if visible { problem.about(known.id.uuid()) } else { problem })
}

fn fits_score(score: Option<u8>) -> Outcome<Option<u8>> {
    match score {
        Some(score) if score > 100 => {
            Err(Problem::field("lead_score", "invalid", "must be 0 to 100"))
        }
        fine => Ok(fine),
    }
}

fn fits_metadata(metadata: Option<serde_json::Value>) -> Outcome<Option<serde_json::Value>> {
    match metadata {
        Some(value) if !value.is_object() => {
            Err(Problem::field("metadata", "invalid", "must be an object"))
        }
        fine => Ok(fine),
    }
}

/// A note that can be stored, without the blanks around it.
pub(crate) fn fits_note(field: &str, text: &str) -> Outcome<String> {
    if text.chars().count() > NOTE_LIMIT {
        let words = format!("must have at most {NOTE_LIMIT} characters");
        return Err(Problem::field(field, "too_long", words));
    }
    Ok(text.trim().to_owned())
}

/// What a change changed, for the timeline and the audit trail.
fn difference(before: &crm::leads::Lead, after: &crm::leads::Lead) -> serde_json::Value {
    let mut changed = serde_json::Map::new();
    let mut note = |name: &str, a: serde_json::Value, b: serde_json::Value| {
        if a != b {
            changed.insert(name.to_owned(), serde_json::json!({ "from": a, "to": b }));
        }
    };
    note("name", serde_json::json!(before.name), serde_json::json!(after.name));
    note(
        "phone",
        serde_json::json!(before.phone.masked()),
        serde_json::json!(after.phone.masked()),
    );
    note("email", serde_json::json!(before.email), serde_json::json!(after.email));
    note(
        "organisation",
        serde_json::json!(before.organisation),
        serde_json::json!(after.organisation),
    );
    note("language", serde_json::json!(before.language), serde_json::json!(after.language));
    note("pincode", serde_json::json!(before.pincode), serde_json::json!(after.pincode));
    note(
        "status",
        serde_json::json!(before.status.as_str()),
        serde_json::json!(after.status.as_str()),
    );
    note(
        "priority",
        serde_json::json!(before.priority.as_str()),
        serde_json::json!(after.priority.as_str()),
    );
    note("lead_score", serde_json::json!(before.score), serde_json::json!(after.score));
    note(
        "assigned_to",
        serde_json::json!(before.assigned_to),
        serde_json::json!(after.assigned_to),
    );
    changed.into()
}
