//! Oneself.

use crate::{
    AppState,
    extract::Body,
    problem::{Outcome, Problem, Problems},
    sessions::Principal,
    shapes::{
        session::{Me, MeChange, MyExtension, MyTenant, PasswordChange},
        telephony::PhoneSetup,
    },
};
use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode},
};
use chrono::Utc;
use crm::users::{self, User, UserPatch};

/// Who one is.
#[utoipa::path(
    get,
    path = "/api/v1/me",
    tag = "session",
    responses((status = 200, body = Me), Problems),
)]
pub(crate) async fn me(State(state): State<AppState>, who: Principal) -> Outcome<Json<Me>> {
    let user = state.own_user(&who).await?;
    me_of(&state, &user).await.map(Json)
}

/// Change own name or language.
#[utoipa::path(
    patch,
    path = "/api/v1/me",
    tag = "session",
    request_body = MeChange,
    responses((status = 200, body = Me), Problems),
)]
pub(crate) async fn me_change(
    State(state): State<AppState>,
    who: Principal,
    Body(body): Body<MeChange>,
) -> Outcome<Json<Me>> {
    let patch = UserPatch {
        name: body.name.map(|name| fits_name(&name)).transpose()?,
        locale: body.language.map(|language| fits_language(&language)).transpose()?,
        ..Default::default()
    };
    let user = state.store.user_update(who.tenant, who.user, &patch, Utc::now()).await?;
    let user = user.ok_or_else(|| Problem::not_found("user"))?;
    me_of(&state, &user).await.map(Json)
}

/// Change own password; every session ends, this one as well.
#[utoipa::path(
    post,
    path = "/api/v1/me/password",
    tag = "session",
    request_body = PasswordChange,
    responses((status = 204, description = "Done"), Problems),
)]
pub(crate) async fn me_password(
    State(state): State<AppState>,
    who: Principal,
    Body(body): Body<PasswordChange>,
) -> Outcome<StatusCode> {
    let user = state.own_user(&who).await?;
    users::password_fits(&body.new_password, &user.email)
        .map_err(|reason| Problem::field("new_password", "invalid", reason))?;
    state.prove(&who, &user, &body.current_password, None).await?;
    let hash = {
        let _place = state.password_place().await?;
        users::hash_password(body.new_password).await
    };
    state.store.user_set_password(who.tenant, who.user, &hash, Utc::now()).await?;
    state.sessions.forget();
    state.audit(&who, who.audit("user.password_changed", "user", who.user)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What to type into one's own phone, all but the password: that an administrator hands out.
#[utoipa::path(
    get,
    path = "/api/v1/me/phone",
    tag = "session",
    responses((status = 200, body = PhoneSetup), Problems),
)]
pub(crate) async fn me_phone(
    State(state): State<AppState>,
    who: Principal,
    headers: HeaderMap,
) -> Outcome<Json<PhoneSetup>> {
    let own = state.store.extension_of_user(who.tenant, who.user).await?;
    let own = own.ok_or_else(|| Problem::not_found("extension of yours"))?;
    state.phone_setup(&who, own, &headers).await.map(Json)
}

pub(crate) async fn me_of(state: &AppState, user: &User) -> Outcome<Me> {
    let tenant = state.store.tenant_find(user.tenant).await?;
    let tenant = tenant.ok_or_else(|| Problem::not_found("tenant"))?;
    let extension = state.store.extension_of_user(user.tenant, user.id).await?;
    let facts = state.facts();
    Ok(Me {
        id: user.id.uuid(),
        email: user.email.clone(),
        name: user.name.clone(),
        role: user.role.into(),
        language: user.locale.clone(),
        tenant: MyTenant {
            id: tenant.id.uuid(),
            slug: tenant.slug,
            name: tenant.name,
            timezone: tenant.timezone,
            calls_from: tenant.settings.calling.window_start.to_string(),
            calls_until: tenant.settings.calling.window_end.to_string(),
        },
        extension: extension.map(|e| MyExtension {
            id: e.id.uuid(),
            registered: facts.registered(e.id),
            number: e.number,
            kind: e.kind.into(),
            name: e.name,
        }),
        dials_any_number: tenant.settings.desk.dials_any_number(user.role),
    })
}

/// A name that can be shown: not empty, not endless.
pub(crate) fn fits_name(name: &str) -> Outcome<String> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > 120 {
        return Err(Problem::field("name", "invalid", "must have 1 to 120 characters"));
    }
    Ok(name.to_owned())
}

pub(crate) fn fits_language(language: &str) -> Outcome<String> {
    match language {
        "en" | "hi" => Ok(language.to_owned()),
        _ => Err(Problem::field("language", "invalid", "must be `en` or `hi`")),
    }
}
