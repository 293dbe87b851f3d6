//! A new password for who forgot theirs (AUT-04).

use crate::{
    AppState,
    extract::{Body, Id},
    guard::Peer,
    problem::{Outcome, Problem, Problems},
    sessions::Principal,
    shapes::session::{PasswordForgotten, PasswordReset, SignInOptions},
};
use axum::{Json, extract::State, http::StatusCode};
use chrono::{DateTime, Utc};
use crm::{audit::AuditRecord, outreach::MailRoom, resets, users};

/// What the sign-in page can offer.
#[utoipa::path(
    get,
    path = "/api/v1/auth/options",
    tag = "session",
    responses((status = 200, body = SignInOptions), Problems),
    security(()),
)]
pub(crate) async fn auth_options(State(state): State<AppState>) -> Json<SignInOptions> {
    Json(SignInOptions { reset_by_mail: state.mail.is_some() })
}

/// Ask for a link that sets a new password. The answer, and the time it takes, is the same
/// whether or not anybody has this address.
#[utoipa::path(
    post,
    path = "/api/v1/auth/password/forgot",
    tag = "session",
    request_body = PasswordForgotten,
    responses((status = 202, description = "A letter goes out if there is such an account"), Problems),
    security(()),
)]
pub(crate) async fn auth_password_forgot(
    State(state): State<AppState>,
    Peer(peer): Peer,
    Body(body): Body<PasswordForgotten>,
) -> Outcome<StatusCode> {
    let mail = mail(&state)?;
    let email = users::fits_email(&body.email)
        .ok_or_else(|| Problem::field("email", "invalid", "is no address"))?;
    let (address, now) = (peer.ip().to_string(), Utc::now());
    if let Some(until) = resets::ask(&state.store, &email, &address, now).await? {
        return Err(throttled(until, now));
    }
    mail.forgot(&email, &address).map_err(|full| Problem::unavailable(full.to_string(), 30))?;
    Ok(StatusCode::ACCEPTED)
}

/// Set a new password with the token of a link. Every session of the user ends.
#[utoipa::path(
    post,
    path = "/api/v1/auth/password/reset",
    tag = "session",
    request_body = PasswordReset,
    responses(
        (status = 204, description = "Done: sign in with the new password"),
        (status = 410, description = "The link was used, or is too old", body = Problem, content_type = "application/problem+json"),
        Problems
    ),
    security(()),
)]
pub(crate) async fn auth_password_reset(
    State(state): State<AppState>,
    Peer(peer): Peer,
    Body(body): Body<PasswordReset>,
) -> Outcome<StatusCode> {
    let now = Utc::now();
    let token = Some(body.token.as_str()).filter(|token| token.len() <= 200);
    let user = match token {
        Some(token) => resets::whose(&state.store, token, now).await?,
        None => None,
    };
    let user = user.ok_or_else(link_is_over)?;
    users::password_fits(&body.new_password, &user.email)
        .map_err(|reason| Problem::field("new_password", "invalid", reason))?;
    let hash = {
        let _place = state.password_place().await?;
        users::hash_password(body.new_password).await
    };
    if !resets::redeem(&state.store, &body.token, &user, &hash, now).await? {
        return Err(link_is_over());
    }
    state.sessions.forget();
    let record = AuditRecord::new(Some(user.id), "auth.password_reset", "user", user.id)
        .from_address(peer.ip().to_string());
    state.store.audit_append(user.tenant, &record, now).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Send a user a link to choose a password.
#[utoipa::path(
    post,
    path = "/api/v1/users/{id}/password-link",
    tag = "users",
    params(("id" = Uuid, Path, description = "User")),
    responses((status = 202, description = "The letter goes out"), Problems),
)]
pub(crate) async fn user_password_link(
    State(state): State<AppState>,
    who: Principal,
    Id(id): Id,
) -> Outcome<StatusCode> {
    let user = state.user_to_touch(&who, id.into()).await?;
    if !user.active {
        return Err(Problem::conflict("this user is switched off"));
    }
    let room = mail(&state)?;
    room.invite(user, who.user, &who.address.to_string())
        .map_err(|full| Problem::unavailable(full.to_string(), 30))?;
    Ok(StatusCode::ACCEPTED)
}

fn mail(state: &AppState) -> Outcome<&MailRoom> {
    state.mail.as_ref().ok_or_else(|| {
        Problem::new(
            StatusCode::CONFLICT,
            "mail-off",
            "Mail is not set up",
            "no mail server is configured: an administrator sets a new password",
        )
    })
}

fn link_is_over() -> Problem {
    Problem::new(
        StatusCode::GONE,
        "reset-link-over",
        "This link is not good any more",
        "it was used, it is too old, or the password was changed meanwhile",
    )
}

/// 429 with the time to wait.
pub(crate) fn throttled(until: DateTime<Utc>, now: DateTime<Utc>) -> Problem {
    let wait = u64::try_from((until - now).num_seconds()).unwrap_or(0) + 1;
    Problem::too_many("too many attempts", wait)
}
