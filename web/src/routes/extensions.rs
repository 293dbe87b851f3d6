//! Extensions and their SIP secrets.

use crate::{
    AppState, DirectoryChange,
    extract::{Body, Id, Params},
    page,
    problem::{Outcome, Problem, Problems},
    routes::me::fits_name,
    sessions::Principal,
    shapes::{
        Page,
        telephony::{
            Extension, ExtensionChange, ExtensionNew, ExtensionQuery, ExtensionSecret,
            ExtensionType, PhoneSetup, Registration,
        },
    },
};
use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode},
};
use call::{ExtensionId, UserId};
use chrono::Utc;
use crm::extensions::{self, ExtensionPatch, NewExtension};

/// Extensions of the tenant; those of the team and nobody's for its manager.
#[utoipa::path(
    get,
    path = "/api/v1/extensions",
    tag = "telephony",
    params(ExtensionQuery),
    responses((status = 200, body = Page<Extension>), Problems),
)]
pub(crate) async fn extension_list(
    State(state): State<AppState>,
    who: Principal,
    Params(query): Params<ExtensionQuery>,
) -> Outcome<Json<Page<Extension>>> {
    let mut all = state.store.extension_list(who.tenant).await?;
    all.retain(|e| who.covers_owner(e.user));
    if let Some(part) = query.q.map(|q| q.to_lowercase()) {
        all.retain(|e| e.number.contains(&part) || e.name.to_lowercase().contains(&part));
    }
    let page = page::slice(all, query.limit, query.cursor.as_deref())?;
    let names = state.user_names(who.tenant).await?;
    let items = page.items.into_iter().map(|e| shown(&state, e, &names)).collect();
    Ok(Json(Page { items, next_cursor: page.next_cursor }))
}

/// Add an extension; its SIP secret is generated.
#[utoipa::path(
    post,
    path = "/api/v1/extensions",
    tag = "telephony",
    request_body = ExtensionNew,
    responses((status = 201, body = Extension), Problems),
)]
pub(crate) async fn extension_create(
    State(state): State<AppState>,
    who: Principal,
    Body(body): Body<ExtensionNew>,
) -> Outcome<(StatusCode, Json<Extension>)> {
    let new = NewExtension {
        id: crm::fresh(),
        number: own_number(&state, &body.number)?,
        kind: body.kind.unwrap_or(ExtensionType::User).into(),
        name: fits_name(&body.name)?,
        user: body.user_id.map(UserId::from),
        nat: body.nat.unwrap_or(true),
        ring_timeout_s: fits_ring_timeout(body.ring_timeout_s.unwrap_or(USUAL_RING_S))?,
    };
    let made = state.store.extension_create(who.tenant, &new, Utc::now()).await?;
    state.audit(&who, who.audit("extension.created", "extension", made.id)).await?;
    state.extension_changed(&who, made.id).await;
    let names = state.user_names(who.tenant).await?;
    Ok((StatusCode::CREATED, Json(shown(&state, made, &names))))
}

/// One extension.
#[utoipa::path(
    get,
    path = "/api/v1/extensions/{id}",
    tag = "telephony",
    params(("id" = Uuid, Path, description = "Extension")),
    responses((status = 200, body = Extension), Problems),
)]
pub(crate) async fn extension_one(
    State(state): State<AppState>,
    who: Principal,
    Id(id): Id,
) -> Outcome<Json<Extension>> {
    let found = state.store.extension_find(who.tenant, id.into()).await?;
    let found = found.filter(|e| who.covers_owner(e.user)).ok_or_else(unknown)?;
    let names = state.user_names(who.tenant).await?;
    Ok(Json(shown(&state, found, &names)))
}

/// Change an extension.
#[utoipa::path(
    patch,
    path = "/api/v1/extensions/{id}",
    tag = "telephony",
    params(("id" = Uuid, Path, description = "Extension")),
    request_body = ExtensionChange,
    responses((status = 200, body = Extension), Problems),
)]
pub(crate) async fn extension_change(
    State(state): State<AppState>,
    who: Principal,
    Id(id): Id,
    Body(body): Body<ExtensionChange>,
) -> Outcome<Json<Extension>> {
    let patch = ExtensionPatch {
        number: body.number.map(|n| own_number(&state, &n)).transpose()?,
        name: body.name.map(|n| fits_name(&n)).transpose()?,
        user: body.user_id.map(|user| user.map(UserId::from)),
        nat: body.nat,
        dnd: body.dnd,
        voicemail: None,
        forward_to: body
            .forward_to
            .map(|to| to.map(|n| fits_number(&n)).transpose())
            .transpose()?,
        ring_timeout_s: body.ring_timeout_s.map(fits_ring_timeout).transpose()?,
        active: body.active,
    };
    let before = state.store.extension_find(who.tenant, id.into()).await?.ok_or_else(unknown)?;
    let made = state.store.extension_update(who.tenant, id.into(), &patch, Utc::now()).await?;
    let made = made.ok_or_else(unknown)?;
    state.audit(&who, who.audit("extension.updated", "extension", made.id)).await?;
    // Another number or owner means another phone: the present one has to prove itself anew.
    let same = before.number == made.number && before.user == made.user && made.active;
    if same {
        state.extension_changed(&who, made.id).await;
    } else {
        state.phones_out(&who, made.id).await;
    }
    let names = state.user_names(who.tenant).await?;
    Ok(Json(shown(&state, made, &names)))
}

/// Remove an extension; its phones lose their registration at once and are refused from now.
#[utoipa::path(
    delete,
    path = "/api/v1/extensions/{id}",
    tag = "telephony",
    params(("id" = Uuid, Path, description = "Extension")),
    responses((status = 204, description = "Done"), Problems),
)]
pub(crate) async fn extension_delete(
    State(state): State<AppState>,
    who: Principal,
    Id(id): Id,
) -> Outcome<StatusCode> {
    let id = ExtensionId::from(id);
    if !state.store.extension_delete(who.tenant, id).await? {
        return Err(unknown());
    }
    state.audit(&who, who.audit("extension.deleted", "extension", id)).await?;
    state.phones_out(&who, id).await;
    Ok(StatusCode::NO_CONTENT)
}

/// What to type into the extension's phone, all but the password.
#[utoipa::path(
    get,
    path = "/api/v1/extensions/{id}/setup",
    tag = "telephony",
    params(("id" = Uuid, Path, description = "Extension")),
    responses((status = 200, body = PhoneSetup), Problems),
)]
pub(crate) async fn extension_setup(
    State(state): State<AppState>,
    who: Principal,
    headers: HeaderMap,
    Id(id): Id,
) -> Outcome<Json<PhoneSetup>> {
    let found = state.store.extension_find(who.tenant, id.into()).await?;
    let found = found.filter(|e| who.covers_owner(e.user)).ok_or_else(unknown)?;
    state.phone_setup(&who, found, &headers).await.map(Json)
}

/// What to type into a desk phone. Every look is in the audit trail.
#[utoipa::path(
    get,
    path = "/api/v1/extensions/{id}/secret",
    tag = "telephony",
    params(("id" = Uuid, Path, description = "Extension")),
    responses((status = 200, body = ExtensionSecret), Problems),
)]
pub(crate) async fn extension_secret(
    State(state): State<AppState>,
    who: Principal,
    Id(id): Id,
) -> Outcome<Json<ExtensionSecret>> {
    let id = ExtensionId::from(id);
    let secret = secret_of(&state, &who, id).await?;
    state.audit(&who, who.audit("extension.secret_read", "extension", id)).await?;
    Ok(Json(secret))
}

/// Make a new SIP secret; phones with the old one lose their registration at once.
#[utoipa::path(
    post,
    path = "/api/v1/extensions/{id}/secret/rotate",
    tag = "telephony",
    params(("id" = Uuid, Path, description = "Extension")),
    responses((status = 200, body = ExtensionSecret), Problems),
)]
pub(crate) async fn extension_secret_rotate(
    State(state): State<AppState>,
    who: Principal,
    Id(id): Id,
) -> Outcome<Json<ExtensionSecret>> {
    let id = ExtensionId::from(id);
    if !state.store.extension_rotate_secret(who.tenant, id, Utc::now()).await? {
        return Err(unknown());
    }
    let secret = secret_of(&state, &who, id).await?;
    state.audit(&who, who.audit("extension.secret_rotated", "extension", id)).await?;
    state.phones_out(&who, id).await;
    Ok(Json(secret))
}

const USUAL_RING_S: u32 = 25;

fn unknown() -> Problem {
    Problem::not_found("extension")
}

fn fits_number(number: &str) -> Outcome<String> {
    if extensions::number_fits(number) {
        Ok(number.to_owned())
    } else {
        Err(Problem::field("number", "invalid", "must be 2 to 6 digits"))
    }
}

/// What an extension may be called.
fn own_number(state: &AppState, number: &str) -> Outcome<String> {
    if state.policy.is_emergency(number) {
        return Err(Problem::field("number", "taken", "is the emergency number"));
    }
    fits_number(number)
}

fn fits_ring_timeout(seconds: u32) -> Outcome<u32> {
    if (5..=120).contains(&seconds) {
        Ok(seconds)
    } else {
        Err(Problem::field("ring_timeout_s", "invalid", "must be 5 to 120"))
    }
}

async fn secret_of(state: &AppState, who: &Principal, id: ExtensionId) -> Outcome<ExtensionSecret> {
    let found = state.store.extension_find(who.tenant, id).await?.ok_or_else(unknown)?;
    let secret = state.store.extension_secret(who.tenant, id).await?.ok_or_else(unknown)?;
    let tenant = state.store.tenant_find(who.tenant).await?.ok_or_else(unknown)?;
    Ok(ExtensionSecret { username: found.number, secret, domain: tenant.sip_domain })
}

impl AppState {
    /// The switch and the floor look again.
    async fn extension_changed(&self, who: &Principal, id: ExtensionId) {
        (self.directory_changed)(DirectoryChange::Extension(who.tenant, id)).await;
        self.dialer.directory_changed().await;
    }

    /// Its phones may not stay registered.
    async fn phones_out(&self, who: &Principal, id: ExtensionId) {
        (self.directory_changed)(DirectoryChange::PhonesOut(who.tenant, id)).await;
        self.dialer.directory_changed().await;
    }
}

fn shown(
    state: &AppState,
    extension: extensions::Extension,
    names: &std::collections::HashMap<UserId, String>,
) -> Extension {
    let facts = state.facts();
    let registrations: Vec<Registration> = facts
        .phones
        .get(&extension.id)
        .into_iter()
        .flatten()
        .map(|phone| Registration {
            user_agent: phone.user_agent.clone(),
            transport: phone.transport.clone(),
            source: phone.source.to_string(),
            expires_at: phone.expires_at,
        })
        .collect();
    Extension {
        id: extension.id.uuid(),
        number: extension.number,
        kind: extension.kind.into(),
        name: extension.name,
        user_id: extension.user.map(UserId::uuid),
        user_name: extension.user.and_then(|u| names.get(&u).cloned()),
        active: extension.active,
        nat: extension.nat,
        dnd: extension.dnd,
        voicemail: extension.voicemail,
        forward_to: extension.forward_to,
        ring_timeout_s: extension.ring_timeout_s,
        registered: !registrations.is_empty(),
        registrations,
        created_at: extension.created_at,
        updated_at: extension.updated_at,
    }
}
