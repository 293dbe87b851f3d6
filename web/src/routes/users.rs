//! Users (AUT-10).

use crate::{
    AppState, DirectoryChange,
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
use dialer::Wish;
use rand::Rng;
use std::collections::{HashMap, HashSet};

/// Users of the tenant; those of the team for its manager.
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
        team_of: who.whose().team_of,
        search: query.q,
        limit: crate::page::limit(query.limit)?,
        cursor: query.cursor,
    };
    let page = state.store.user_list(who.tenant, &filter).await?;
    let beside = beside(&state, &who).await?;
    let items = page.items.into_iter().map(|user| shown(user, &beside)).collect();
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
        team: body.team.map(fits_team).transpose()?,
        reports_to: body.reports_to.map(UserId::from),
        caller_id: body.caller_id.map(|n| caller_id(&n)).transpose()?,
        password_hash: users::hash_password(password).await,
    };
    let user = state.store.user_create(who.tenant, &new, Utc::now()).await?;
    let detail = serde_json::json!({ "role": body.role, "email": user.email });
    state.audit(&who, who.audit("user.created", "user", user.id).with(detail)).await?;
    let user = shown(user, &Beside::default());
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
    let user = user.filter(|user| who.covers(user.id));
    let user = user.ok_or_else(|| Problem::not_found("user"))?;
    Ok(Json(shown(user, &beside(&state, &who).await?)))
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
    let before = state.user_to_touch(&who, id).await?;
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
        team: body.team.map(|team| team.map(fits_team).transpose()).transpose()?,
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
    if user.active != before.active || user.role != before.role {
        state.phones_follow(&user).await?;
    }
    state.audit(&who, who.audit("user.updated", "user", id).with(detail)).await?;
    Ok(Json(shown(user, &beside(&state, &who).await?)))
}

/// Deactivate a user; history stays. Sessions, sockets and phones are cut within 5 s, a live call
/// goes on.
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
    state.user_to_touch(&who, id).await?;
    if id == who.user {
        return Err(Problem::conflict("nobody may take away their own access"));
    }
    let patch = UserPatch { active: Some(false), ..Default::default() };
    let user = state.store.user_update(who.tenant, id, &patch, now).await?;
    state.store.session_revoke_all(who.tenant, id, now).await?;
    state.sessions.forget();
    if let Some(user) = user {
        state.phones_follow(&user).await?;
    }
    state.audit(&who, who.audit("user.deactivated", "user", id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// End every session of a user: requests and live sockets are refused within 5 s. Their desk
/// phone has a secret of its own and stays; deactivate the user, or make a new secret.
#[utoipa::path(
    post,
    path = "/api/v1/users/{id}/sign-out",
    tag = "users",
    params(("id" = Uuid, Path, description = "User")),
    responses((status = 204, description = "Done"), Problems),
)]
pub(crate) async fn user_sign_out(
    State(state): State<AppState>,
    who: Principal,
    Id(id): Id,
) -> Outcome<StatusCode> {
    let id = UserId::from(id);
    state.user_to_touch(&who, id).await?;
    let ended = state.store.session_revoke_all(who.tenant, id, Utc::now()).await?;
    state.sessions.forget();
    let detail = serde_json::json!({ "sessions": ended });
    state.audit(&who, who.audit("user.signed_out", "user", id).with(detail)).await?;
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
    users::fits_email(email).ok_or_else(|| Problem::field("email", "invalid", "is no address"))
}

/// A team's name: not endless. Blanks around it are not kept.
fn fits_team(team: String) -> Outcome<String> {
    if team.chars().count() > 60 {
        return Err(Problem::field("team", "too_long", "must have at most 60 characters"));
    }
    Ok(team)
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

/// What stands beside the rows of users.
#[derive(Default)]
struct Beside {
    phones: HashMap<UserId, (uuid::Uuid, String)>,
    otp: HashSet<UserId>,
}

async fn beside(state: &AppState, who: &Principal) -> Outcome<Beside> {
    let extensions = state.store.extension_list(who.tenant).await?;
    let phones =
        extensions.into_iter().rev().filter_map(|e| Some((e.user?, (e.id.uuid(), e.number))));
    let otp = state.store.otp_users(who.tenant).await?;
    Ok(Beside { phones: phones.collect(), otp: otp.into_iter().collect() })
}

impl AppState {
    /// A user whom one may change.
    pub(crate) async fn user_to_touch(&self, who: &Principal, id: UserId) -> Outcome<users::User> {
        let user = self.store.user_find(who.tenant, id).await?;
        let user = user.ok_or_else(|| Problem::not_found("user"))?;
        may_give(who, user.role.into())?;
        Ok(user)
    }

    /// A user was switched on or off: their phones with them. The phones of one who is off lose
    /// their registration at once and get no new one (F02); a live call goes on, because at its
    /// other end is a customer.
    async fn phones_follow(&self, user: &users::User) -> Outcome<()> {
        let extensions = self.store.extension_list(user.tenant).await?;
        for extension in extensions.into_iter().filter(|e| e.user == Some(user.id)) {
            (self.directory_changed)(match user.active {
                true => DirectoryChange::Extension(user.tenant, extension.id),
                false => DirectoryChange::PhonesOut(user.tenant, extension.id),
            })
            .await;
        }
        self.dialer.directory_changed().await;
        if !user.active && self.dialer.agent(user.tenant, user.id).is_some() {
            self.dialer.set_state(user.tenant, user.id, Wish::Offline).await?;
        }
        Ok(())
    }
}

fn shown(user: users::User, beside: &Beside) -> User {
    let phone = beside.phones.get(&user.id);
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
        otp_enabled: beside.otp.contains(&user.id),
        extension_id: phone.map(|(id, _)| *id),
        extension: phone.map(|(_, number)| number.clone()),
        last_login_at: user.last_login_at,
        created_at: user.created_at,
        updated_at: user.updated_at,
    }
}
