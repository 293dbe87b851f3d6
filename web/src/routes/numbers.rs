//! Numbers that carriers deliver to us.

use crate::{
    AppState, DirectoryChange,
    extract::{Body, Id, Params},
    page,
    problem::{Outcome, Problem, Problems},
    sessions::Principal,
    shapes::{
        Page, PageQuery,
        telephony::{Number, NumberChange, NumberDestination, NumberNew},
    },
};
use axum::{Json, extract::State, http::StatusCode};
use call::{ExtensionId, NumberId, TrunkId};
use chrono::Utc;
use crm::numbers::{self, NewNumber, NumberPatch};

/// Numbers of the tenant.
#[utoipa::path(
    get,
    path = "/api/v1/numbers",
    tag = "telephony",
    params(PageQuery),
    responses((status = 200, body = Page<Number>), Problems),
)]
pub(crate) async fn number_list(
    State(state): State<AppState>,
    who: Principal,
    Params(query): Params<PageQuery>,
) -> Outcome<Json<Page<Number>>> {
    let all = state.store.number_list(who.tenant).await?;
    let page = page::slice(all, query.limit, query.cursor.as_deref())?;
    let places = places(&state, &who).await?;
    let items = page.items.into_iter().map(|n| shown(n, &places)).collect();
    Ok(Json(Page { items, next_cursor: page.next_cursor }))
}

/// Add a number.
#[utoipa::path(
    post,
    path = "/api/v1/numbers",
    tag = "telephony",
    request_body = NumberNew,
    responses((status = 201, body = Number), Problems),
)]
pub(crate) async fn number_create(
    State(state): State<AppState>,
    who: Principal,
    Body(body): Body<NumberNew>,
) -> Outcome<(StatusCode, Json<Number>)> {
    let places = places(&state, &who).await?;
    let new = NewNumber {
        id: crm::fresh(),
        e164: state.number("number", &body.number)?,
        trunk: known_trunk(&places, body.trunk_id.into())?,
        purpose: fits_purpose(body.purpose.unwrap_or_else(|| "general".to_owned()))?,
        destination: body.destination.map(|d| known_extension(&places, &d)).transpose()?,
        verified: body.verified.unwrap_or(true),
    };
    let made = state.store.number_create(who.tenant, &new, Utc::now()).await?;
    let detail = serde_json::json!({ "number": made.e164 });
    state.audit(&who, who.audit("number.created", "number", made.id).with(detail)).await?;
    (state.directory_changed)(DirectoryChange::Number(who.tenant)).await;
    Ok((StatusCode::CREATED, Json(shown(made, &places))))
}

/// One number.
#[utoipa::path(
    get,
    path = "/api/v1/numbers/{id}",
    tag = "telephony",
    params(("id" = Uuid, Path, description = "Number")),
    responses((status = 200, body = Number), Problems),
)]
pub(crate) async fn number_one(
    State(state): State<AppState>,
    who: Principal,
    Id(id): Id,
) -> Outcome<Json<Number>> {
    let found = state.store.number_find(who.tenant, id.into()).await?.ok_or_else(unknown)?;
    Ok(Json(shown(found, &places(&state, &who).await?)))
}

/// Change where its calls go.
#[utoipa::path(
    patch,
    path = "/api/v1/numbers/{id}",
    tag = "telephony",
    params(("id" = Uuid, Path, description = "Number")),
    request_body = NumberChange,
    responses((status = 200, body = Number), Problems),
)]
pub(crate) async fn number_change(
    State(state): State<AppState>,
    who: Principal,
    Id(id): Id,
    Body(body): Body<NumberChange>,
) -> Outcome<Json<Number>> {
    let places = places(&state, &who).await?;
    let destination = match body.destination {
        None => None,
        Some(None) => Some(None),
        Some(Some(to)) => Some(Some(known_extension(&places, &to)?)),
    };
    let patch = NumberPatch {
        trunk: body.trunk_id.map(|t| known_trunk(&places, t.into())).transpose()?,
        purpose: body.purpose.map(fits_purpose).transpose()?,
        destination,
        verified: body.verified,
    };
    let made = state.store.number_update(who.tenant, id.into(), &patch, Utc::now()).await?;
    let made = made.ok_or_else(unknown)?;
    state.audit(&who, who.audit("number.updated", "number", made.id)).await?;
    (state.directory_changed)(DirectoryChange::Number(who.tenant)).await;
    Ok(Json(shown(made, &places)))
}

/// Remove a number.
#[utoipa::path(
    delete,
    path = "/api/v1/numbers/{id}",
    tag = "telephony",
    params(("id" = Uuid, Path, description = "Number")),
    responses((status = 204, description = "Done"), Problems),
)]
pub(crate) async fn number_delete(
    State(state): State<AppState>,
    who: Principal,
    Id(id): Id,
) -> Outcome<StatusCode> {
    let id = NumberId::from(id);
    if !state.store.number_delete(who.tenant, id).await? {
        return Err(unknown());
    }
    state.audit(&who, who.audit("number.deleted", "number", id)).await?;
    (state.directory_changed)(DirectoryChange::Number(who.tenant)).await;
    Ok(StatusCode::NO_CONTENT)
}

/// What numbers can lead over and to.
struct Places {
    trunks: Vec<(TrunkId, String)>,
    extensions: Vec<(ExtensionId, String)>,
}

async fn places(state: &AppState, who: &Principal) -> Outcome<Places> {
    let trunks = state.store.trunk_list(who.tenant).await?;
    let extensions = state.store.extension_list(who.tenant).await?;
    Ok(Places {
        trunks: trunks.into_iter().map(|t| (t.id, t.name)).collect(),
        extensions: extensions.into_iter().map(|e| (e.id, e.number)).collect(),
    })
}

fn unknown() -> Problem {
    Problem::not_found("number")
}

fn known_trunk(places: &Places, id: TrunkId) -> Outcome<TrunkId> {
    match places.trunks.iter().find(|(known, _)| *known == id) {
        Some(_) => Ok(id),
        None => Err(Problem::field("trunk_id", "unknown", "no such trunk")),
    }
}

fn known_extension(places: &Places, to: &NumberDestination) -> Outcome<ExtensionId> {
    let NumberDestination::Extension { id } = to;
    let id = ExtensionId::from(*id);
    match places.extensions.iter().find(|(known, _)| *known == id) {
        Some(_) => Ok(id),
        None => Err(Problem::field("destination.id", "unknown", "no such extension")),
    }
}

fn fits_purpose(purpose: String) -> Outcome<String> {
    match purpose.as_str() {
        "general" | "promotional" | "service" => Ok(purpose),
        _ => Err(Problem::field(
            "purpose",
            "invalid",
            "must be `general`, `promotional` or `service`",
        )),
    }
}

fn shown(number: numbers::Number, places: &Places) -> Number {
    let extension = number.destination.and_then(|to| places.extensions.iter().find(|e| e.0 == to));
    Number {
        id: number.id.uuid(),
        number: number.e164.into(),
        purpose: number.purpose,
        trunk_id: number.trunk.uuid(),
        trunk_name: places.trunks.iter().find(|t| t.0 == number.trunk).map(|t| t.1.clone()),
        destination: number.destination.map(|to| NumberDestination::Extension { id: to.uuid() }),
        destination_extension: extension.map(|e| e.1.clone()),
        verified: number.verified,
        created_at: number.created_at,
        updated_at: number.updated_at,
    }
}
