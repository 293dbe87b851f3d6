//! Users (AUT-10).

use crate::{
    AppState,
    extract::{Body, Id, Params},
    problem::{Outcome, Problem, Problems},
    routes::me::{fits_language, fits_name},
    sessions::Principal,
    shapes::{
        Page,
        accounts::{Role, User, UserChange, UserCreated, UserNew, UserQuery},
    },
};
use axum::{Json, extract::State, http::StatusCode};
use call::{E164, UserId};
use chrono::Utc;
use crm::users::{self, NewUser, UserFilter, UserPatch};
use rand::Rng;
use std::collections::HashMap;

/// Users of the tenant.
#[utoipa::path(
    get,
    path = "/api/v1/users",
    tag = "users",
    params(UserQuery),
    responses((status = 200, body = Page<User>), Problems),
)]
pub(crate) async fn user_list(
    State(state): State<AppState>,
    who: Principal,
    Params(query): Params<UserQuery>,
) -> Outcome<Json<Page<User>>> {
    let filter = UserFilter {
        role: query.role.map(Into::into),
        active: query.active,
        reports_to: None,
        search: query.q,
        limit: crate::page::limit(query.limit)?,
        cursor: query.cursor,
    };
    let page = state.store.user_list(who.tenant, &filter).await?;
    let phones = phones(&state, &who).await?;
    let items = page.items.into_iter().map(|user| shown(user, &phones)).collect();
    Ok(Json(Page { items, next_cursor: page.next_cursor }))
}

/// Add a user.
#[utoipa::path(
    post,
    path = "/api/v1/users",
    tag = "users",
    request_body = UserNew,
    responses((status = 201, body = UserCreated), Problems),
)]
pub(crate) async fn user_create(
    State(state): State<AppState>,
    who: Principal,
    Body(body): Body<UserNew>,
) -> Outcome<(StatusCode, Json<UserCreated>)> {
    may_give(&who, body.role)?;
    let email = fits_email(&body.email)?;
    let generated = body.password.is_none().then(generate_password);
    let password = body.password.or_else(|| generated.clone()).unwrap_or_default();
    users::password_fits(&password, &email)
        .map_err(|reason| Problem::field("password", "invalid", reason))?;
    let new = NewUser {
        id: crm::fresh(),
        email,
        name: fits_name(&body.name)?,
        role: body.role.into(),
        locale: fits_language(body.language.as_deref().unwrap_or("en"))?,
        team: body.team,
        reports_to: body.reports_to.map(UserId::from),
        caller_id: body.caller_id.map(|n| caller_id(&n)).transpose()?,
        password_hash: users::hash_password(password).await,
    };
    let user = state.store.user_create(who.tenant, &new, Utc::now()).await?;
    let detail = serde_json::json!({ "role": body.role, "email": user.email });
    state.audit(&who, who.audit("user.created", "user", user.id).with(detail)).await?;
    let user = shown(user, &HashMap::new());
    Ok((StatusCode::CREATED, Json(UserCreated { user, password: generated })))
}

/// One user.
#[utoipa::path(
    get,
    path = "/api/v1/users/{id}",
    tag = "users",
    params(("id" = Uuid, Path, description = "User")),
    responses((status = 200, body = User), Problems),
)]
pub(crate) async fn user_one(
    State(state): State<AppState>,
    who: Principal,
    Id(id): Id,
) -> Outcome<Json<User>> {
    let user = state.store.user_find(who.tenant, id.into()).await?;
    let user = user.ok_or_else(|| Problem::not_found("user"))?;
    Ok(Json(shown(user, &phones(&state, &who).await?)))
}

/// Change a user. Deactivation, a new role or a new password cuts sessions and sockets within 5 s.
#[utoipa::path(
    patch,
    path = "/api/v1/users/{id}",
    tag = "users",
    params(("id" = Uuid, Path, description = "User")),
    request_body = UserChange,
    responses((status = 200, body = User), Problems),
)]
pub(crate) async fn user_change(
    State(state): State<AppState>,
    who: Principal,
    Id(id): Id,
    Body(body): Body<UserChange>,
) -> Outcome<Json<User>> {
    let (id, now) = (UserId::from(id), Utc::now());
    let before = state.store.user_find(who.tenant, id).await?;
    let before = before.ok_or_else(|| Problem::not_found("user"))?;
    may_give(&who, before.role.into())?;
    if let Some(role) = body.role {
        may_give(&who, role)?;
    }
    let locks_out =
        body.active == Some(false) || body.role.is_some_and(|r| r != before.role.into());
    if id == who.user && locks_out {
        return Err(Problem::conflict("nobody may take away their own access"));
    }
    let email = body.email.as_deref().map(fits_email).transpose()?;
    if let Some(password) = &body.password {
        users::password_fits(password, email.as_deref().unwrap_or(&before.email))
            .map_err(|reason| Problem::field("password", "invalid", reason))?;
    }
    let detail = serde_json::json!({
        "role": body.role, "active": body.active, "email": email, "password": body.password.is_some(),
    });
    let patch = UserPatch {
        name: body.name.map(|name| fits_name(&name)).transpose()?,
        email,
        role: body.role.map(Into::into),
        locale: body.language.map(|l| fits_language(&l)).transpose()?,
        team: body.team,
        reports_to: body.reports_to.map(|to| to.map(UserId::from)),
        caller_id: body.caller_id.map(|n| n.map(|n| caller_id(&n)).transpose()).transpose()?,
        active: body.active,
    };
    let user = state.store.user_update(who.tenant, id, &patch, now).await?;
    let user = user.ok_or_else(|| Problem::not_found("user"))?;
    if let Some(password) = body.password {
        let hash = users::hash_password(password).await;
        state.store.user_set_password(who.tenant, id, &hash, now).await?;
    }
    if !user.active || locks_out {
        state.store.session_revoke_all(who.tenant, id, now).await?;
    }
    state.sessions.forget();
    state.audit(&who, who.audit("user.updated", "user", id).with(detail)).await?;
    Ok(Json(shown(user, &phones(&state, &who).await?)))
}

/// Deactivate a user; history stays.
#[utoipa::path(
    delete,
    path = "/api/v1/users/{id}",
    tag = "users",
    params(("id" = Uuid, Path, description = "User")),
    responses((status = 204, description = "Done"), Problems),
)]
pub(crate) async fn user_deactivate(
    State(state): State<AppState>,
    who: Principal,
    Id(id): Id,
) -> Outcome<StatusCode> {
    let (id, now) = (UserId::from(id), Utc::now());
    let before = state.store.user_find(who.tenant, id).await?;
    let before = before.ok_or_else(|| Problem::not_found("user"))?;
    may_give(&who, before.role.into())?;
    if id == who.user {
        return Err(Problem::conflict("nobody may take away their own access"));
    }
    let patch = UserPatch { active: Some(false), ..Default::default() };
    state.store.user_update(who.tenant, id, &patch, now).await?;
    state.store.session_revoke_all(who.tenant, id, now).await?;
    state.sessions.forget();
    state.audit(&who, who.audit("user.deactivated", "user", id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Only those who run the installation make others of their kind, or touch them.
fn may_give(who: &Principal, role: Role) -> Outcome<()> {
    if role == Role::PlatformAdmin && who.role != Role::PlatformAdmin {
        return Err(Problem::forbidden("only platform administrators may do this"));
    }
    Ok(())
}

fn fits_email(email: &str) -> Outcome<String> {
    let email = email.trim().to_lowercase();
    let well_formed = email.len() <= 254
        && email.split_once('@').is_some_and(|(name, host)| {
            !name.is_empty() && host.contains('.') && !host.starts_with('.') && !host.ends_with('.')
        })
        && !email.chars().any(|c| c.is_whitespace() || c.is_control());
    if well_formed { Ok(email) } else { Err(Problem::field("email", "invalid", "is no address")) }
}

fn caller_id(number: &str) -> Outcome<E164> {
    E164::parse(number).map_err(|error| Problem::field("caller_id", "invalid", error.to_string()))
}

/// Sixteen characters that cannot be mistaken for one another: 94 bits.
fn generate_password() -> String {
    const ALPHABET: &[u8] = b"abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
    let mut random = rand::rng();
    (0..16).map(|_| char::from(ALPHABET[random.random_range(0..ALPHABET.len())])).collect()
}

type Phones = HashMap<UserId, (uuid::Uuid, String)>;

async fn phones(state: &AppState, who: &Principal) -> Outcome<Phones> {
    let extensions = state.store.extension_list(who.tenant).await?;
    let owned =
        extensions.into_iter().rev().filter_map(|e| Some((e.user?, (e.id.uuid(), e.number))));
    Ok(owned.collect())
}

fn shown(user: users::User, phones: &Phones) -> User {
    let phone = phones.get(&user.id);
    User {
        id: user.id.uuid(),
        email: user.email,
        name: user.name,
        role: user.role.into(),
        language: user.locale,
        team: user.team,
        reports_to: user.reports_to.map(UserId::uuid),
        caller_id: user.caller_id.map(String::from),
        active: user.active,
        extension_id: phone.map(|(id, _)| *id),
        extension: phone.map(|(_, number)| number.clone()),
        last_login_at: user.last_login_at,
        created_at: user.created_at,
        updated_at: user.updated_at,
    }
}
