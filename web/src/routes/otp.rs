//! The second step of signing in: set up, confirmed, taken away (AUT-05).

use crate::{
    AppState,
    extract::{Body, Id},
    problem::{Outcome, Problem, Problems},
    routes::passwords::throttled,
    sessions::Principal,
    shapes::session::{OtpBegin, OtpConfirm, OtpProof, OtpSecret, OtpState, RecoveryCodes},
};
use axum::{Json, extract::State, http::StatusCode};
use call::UserId;
use chrono::Utc;
use crm::{
    otp::{self, OtpError},
    sign_in::{self, Attempt, SignInError},
    users::User,
};

/// Whether one signs in with a code, and how many recovery codes are left.
#[utoipa::path(
    get,
    path = "/api/v1/me/otp",
    tag = "session",
    responses((status = 200, body = OtpState), Problems),
)]
pub(crate) async fn me_otp(
    State(state): State<AppState>,
    who: Principal,
) -> Outcome<Json<OtpState>> {
    let factor = state.store.otp_find(who.tenant, who.user).await?;
    let since = factor.and_then(|factor| factor.confirmed_at);
    let left = match since {
        Some(_) => state.store.recovery_codes_left(who.tenant, who.user).await?,
        None => 0,
    };
    Ok(Json(OtpState { enabled: since.is_some(), since, recovery_codes_left: left }))
}

/// Begin: a secret for the authenticator app. Nothing changes until a code of it confirms.
#[utoipa::path(
    post,
    path = "/api/v1/me/otp",
    tag = "session",
    request_body = OtpBegin,
    responses((status = 200, body = OtpSecret), Problems),
)]
pub(crate) async fn me_otp_begin(
    State(state): State<AppState>,
    who: Principal,
    Body(body): Body<OtpBegin>,
) -> Outcome<Json<OtpSecret>> {
    let user = state.own_user(&who).await?;
    state.prove(&who, &user, &body.current_password, None).await?;
    let tenant = state.store.tenant_find(who.tenant).await?;
    let tenant = tenant.ok_or_else(|| Problem::not_found("tenant"))?;
    let issuer = format!("TeleHub {}", tenant.name);
    let made = otp::begin(&state.store, &user, &issuer, Utc::now()).await.map_err(refused)?;
    state.audit(&who, who.audit("otp.begun", "user", who.user)).await?;
    Ok(Json(OtpSecret { secret: made.secret, uri: made.uri }))
}

/// Confirm with a code of the app: from now on signing in asks for one. The recovery codes are
/// shown this once.
#[utoipa::path(
    post,
    path = "/api/v1/me/otp/confirm",
    tag = "session",
    request_body = OtpConfirm,
    responses((status = 200, body = RecoveryCodes), Problems),
)]
pub(crate) async fn me_otp_confirm(
    State(state): State<AppState>,
    who: Principal,
    Body(body): Body<OtpConfirm>,
) -> Outcome<Json<RecoveryCodes>> {
    let user = state.own_user(&who).await?;
    let codes = otp::confirm(&state.store, &user, &body.code, Utc::now()).await;
    let recovery_codes = codes.map_err(refused)?;
    state.audit(&who, who.audit("otp.enabled", "user", who.user)).await?;
    Ok(Json(RecoveryCodes { recovery_codes }))
}

/// Switch it off; asks for the password and a code.
#[utoipa::path(
    post,
    path = "/api/v1/me/otp/disable",
    tag = "session",
    request_body = OtpProof,
    responses((status = 204, description = "Done"), Problems),
)]
pub(crate) async fn me_otp_disable(
    State(state): State<AppState>,
    who: Principal,
    Body(body): Body<OtpProof>,
) -> Outcome<StatusCode> {
    proved(&state, &who, &body).await?;
    state.store.otp_remove(who.tenant, who.user).await?;
    state.audit(&who, who.audit("otp.disabled", "user", who.user)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// New recovery codes in place of the old ones; asks for the password and a code.
#[utoipa::path(
    post,
    path = "/api/v1/me/otp/recovery-codes",
    tag = "session",
    request_body = OtpProof,
    responses((status = 200, body = RecoveryCodes), Problems),
)]
pub(crate) async fn me_otp_recovery_codes(
    State(state): State<AppState>,
    who: Principal,
    Body(body): Body<OtpProof>,
) -> Outcome<Json<RecoveryCodes>> {
    let user = proved(&state, &who, &body).await?;
    let recovery_codes = otp::renew_recovery_codes(&state.store, &user).await?;
    state.audit(&who, who.audit("otp.recovery_codes_renewed", "user", who.user)).await?;
    Ok(Json(RecoveryCodes { recovery_codes }))
}

/// Take a user's second step away: the phone with the app is lost, and so are the recovery codes.
#[utoipa::path(
    delete,
    path = "/api/v1/users/{id}/otp",
    tag = "users",
    params(("id" = Uuid, Path, description = "User")),
    responses((status = 204, description = "Done"), Problems),
)]
pub(crate) async fn user_otp_reset(
    State(state): State<AppState>,
    who: Principal,
    Id(id): Id,
) -> Outcome<StatusCode> {
    let id = UserId::from(id);
    state.user_to_touch(&who, id).await?;
    if id == who.user {
        return Err(Problem::conflict("switch your own off with a code of it"));
    }
    if state.store.otp_remove(who.tenant, id).await? {
        state.audit(&who, who.audit("otp.reset", "user", id)).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

async fn proved(state: &AppState, who: &Principal, body: &OtpProof) -> Outcome<User> {
    let user = state.own_user(who).await?;
    if !otp::is_on(&state.store, &user).await? {
        return Err(refused(OtpError::NotOn));
    }
    state.prove(who, &user, &body.current_password, Some(&body.code)).await?;
    Ok(user)
}

fn refused(error: OtpError) -> Problem {
    match error {
        OtpError::AlreadyOn => Problem::conflict("two-step sign-in is on already"),
        OtpError::NotOn => Problem::conflict("two-step sign-in is not set up"),
        OtpError::WrongCode => Problem::field("code", "wrong", error.to_string()),
        OtpError::Store(error) => error.into(),
    }
}

impl AppState {
    /// The row of who asks.
    pub(crate) async fn own_user(&self, who: &Principal) -> Outcome<User> {
        let user = self.store.user_find(who.tenant, who.user).await?;
        user.ok_or_else(|| Problem::not_found("user"))
    }

    /// Whoever holds a session proves once more to be its owner, before what guards it changes.
    /// Guesses count like those at sign-in.
    pub(crate) async fn prove(
        &self,
        who: &Principal,
        user: &User,
        password: &str,
        code: Option<&str>,
    ) -> Outcome<()> {
        let address = who.address.to_string();
        let attempt = Attempt { email: &user.email, password, otp: code, address: &address };
        if password.len() > 1024 {
            return Err(Problem::field("current_password", "wrong", "is not your password"));
        }
        let now = Utc::now();
        let _place = self.password_place().await?;
        let Err(error) = sign_in::prove(&self.store, user, &attempt, now).await else {
            return Ok(());
        };
        let problem = match error {
            SignInError::Store(error) => return Err(error.into()),
            SignInError::Throttled { until } => return Err(throttled(until, now)),
            SignInError::Refused => {
                Problem::field("current_password", "wrong", "is not your password")
            }
            SignInError::OtpRequired | SignInError::OtpRefused => {
                Problem::field("code", "wrong", "is not the code shown now")
            }
        };
        self.audit(who, who.audit("auth.proof_refused", "user", who.user)).await?;
        Err(problem)
    }
}
