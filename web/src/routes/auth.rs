//! Sign-in, refresh, sign-out (AUT-01, AUT-02, AUT-05).

use crate::{
    AppState,
    extract::{Body, BodyOrDefault},
    guard::Peer,
    problem::{Outcome, Problem, Problems},
    routes::{me::me_of, passwords::throttled},
    sessions::Principal,
    shapes::session::{LoginRequest, LogoutRequest, RefreshRequest, Tokens},
    token::ACCESS_LIFETIME,
};
use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode, header},
};
use chrono::{DateTime, Utc};
use crm::{
    audit::AuditRecord,
    otp::Proof,
    sessions::{self, SessionError},
    sign_in::{self, Attempt, SignInError, SignedIn},
    users::User,
};
use std::time::Duration;
use tokio::sync::SemaphorePermit;

/// Sign in. Unknown address and wrong password look the same and take the same time. An account
/// with two-step sign-in is asked for a code once the password is right.
#[utoipa::path(
    post,
    path = "/api/v1/auth/login",
    tag = "session",
    request_body = LoginRequest,
    responses((status = 200, body = Tokens), Problems),
    security(()),
)]
pub(crate) async fn auth_login(
    State(state): State<AppState>,
    Peer(peer): Peer,
    headers: HeaderMap,
    Body(body): Body<LoginRequest>,
) -> Outcome<Json<Tokens>> {
    let now = Utc::now();
    let address = peer.ip().to_string();
    let otp_length = body.otp.as_ref().map_or(0, String::len);
    if body.email.len() > 320 || body.password.len() > 1024 || otp_length > 64 {
        return Err(refused());
    }
    let attempt = Attempt {
        email: &body.email,
        password: &body.password,
        otp: body.otp.as_deref(),
        address: &address,
    };
    let outcome = {
        let _place = state.password_place().await?;
        sign_in::authenticate(&state.store, &attempt, now).await
    };
    let SignedIn { user, second } = match outcome {
        Ok(signed_in) => signed_in,
        Err(error) => return Err(not_signed_in(&state, &body.email, &address, error, now)),
    };
    let agent = headers.get(header::USER_AGENT).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let (session, refresh) = sessions::open(&state.store, &user, &address, agent, now).await?;
    let second = match second {
        None => serde_json::json!({}),
        Some(Proof::Code) => serde_json::json!({ "second_step": "code" }),
        Some(Proof::RecoveryCode { left }) => {
            serde_json::json!({ "second_step": "recovery_code", "recovery_codes_left": left })
        }
    };
    let record = AuditRecord::new(Some(user.id), "auth.login", "session", session.id)
        .with(second)
        .from_address(address.as_str());
    state.store.audit_append(user.tenant, &record, now).await?;
    metrics::counter!("auth_logins_total", "outcome" => "accepted").increment(1);
    tokens(&state, &user, session.id, refresh).await.map(Json)
}

/// Exchange a refresh token, good once. A second use of the same ends the session.
#[utoipa::path(
    post,
    path = "/api/v1/auth/refresh",
    tag = "session",
    request_body = RefreshRequest,
    responses((status = 200, body = Tokens), Problems),
    security(()),
)]
pub(crate) async fn auth_refresh(
    State(state): State<AppState>,
    Peer(peer): Peer,
    Body(body): Body<RefreshRequest>,
) -> Outcome<Json<Tokens>> {
    let now = Utc::now();
    match sessions::refresh(&state.store, &body.refresh_token, now).await {
        Ok((session, user, token)) => tokens(&state, &user, session.id, token).await.map(Json),
        Err(SessionError::Over) => Err(Problem::unauthorized("session is over: sign in again")),
        Err(SessionError::Superseded) => Err(Problem::conflict(
            "this refresh token was exchanged a moment ago: use the one that came of it",
        )),
        Err(SessionError::Reused { user, tenant }) => {
            state.sessions.forget();
            let record = AuditRecord::new(Some(user), "auth.refresh_reused", "user", user)
                .from_address(peer.ip().to_string());
            state.store.audit_append(tenant, &record, now).await?;
            Err(Problem::unauthorized("session is over: sign in again"))
        }
        Err(SessionError::Store(error)) => Err(error.into()),
    }
}

/// End this session: its tokens and sockets stop working within 5 s.
#[utoipa::path(
    post,
    path = "/api/v1/auth/logout",
    tag = "session",
    request_body = LogoutRequest,
    responses((status = 204, description = "Done"), Problems),
)]
pub(crate) async fn auth_logout(
    State(state): State<AppState>,
    who: Principal,
    BodyOrDefault(body): BodyOrDefault<LogoutRequest>,
) -> Outcome<StatusCode> {
    let now = Utc::now();
    state.store.session_revoke(who.tenant, who.session, now).await?;
    if body.everywhere {
        state.store.session_revoke_all(who.tenant, who.user, now).await?;
    }
    if let Some(token) = body.refresh_token {
        sessions::close(&state.store, &token, now).await?;
    }
    state.sessions.forget();
    let detail = serde_json::json!({ "everywhere": body.everywhere });
    state.audit(&who, who.audit("auth.logout", "session", who.session).with(detail)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// How long a password check waits for its turn.
const CHECK_WAIT: Duration = Duration::from_secs(5);

impl AppState {
    /// Each check takes a core for a while: a flood of them waits in line, then is turned away.
    pub(crate) async fn password_place(&self) -> Outcome<SemaphorePermit<'_>> {
        match tokio::time::timeout(CHECK_WAIT, self.password_checks.acquire()).await {
            Ok(Ok(place)) => Ok(place),
            Ok(Err(_)) | Err(_) => {
                Err(Problem::unavailable("too many are signing in at this moment", 2))
            }
        }
    }
}

fn refused() -> Problem {
    Problem::unauthorized("wrong e-mail or password")
}

fn not_signed_in(
    state: &AppState,
    email: &str,
    address: &str,
    error: SignInError,
    now: DateTime<Utc>,
) -> Problem {
    match error {
        SignInError::Store(error) => return error.into(),
        SignInError::OtpRequired => return wants_code("otp-required", "A code is needed"),
        SignInError::Refused | SignInError::OtpRefused | SignInError::Throttled { .. } => {}
    }
    let (reason, problem) = match error {
        SignInError::OtpRefused => ("code", wants_code("otp-wrong", "This code is not good")),
        SignInError::Throttled { until } => ("throttled", throttled(until, now)),
        SignInError::Refused | SignInError::OtpRequired | SignInError::Store(_) => {
            ("password", refused())
        }
    };
    metrics::counter!("auth_logins_total", "outcome" => reason).increment(1);
    note_refusal(state, email, address, reason);
    problem
}

fn wants_code(kind: &str, title: &str) -> Problem {
    let detail = "send `otp`: a code of the authenticator app, or a recovery code";
    Problem::new(StatusCode::UNAUTHORIZED, kind, title, detail)
}

/// In the log of the account's tenant, where the address names one: its administrators should
/// see. Written beside the answer, which takes as long whether or not there is such an account
/// (F03).
fn note_refusal(state: &AppState, email: &str, address: &str, reason: &'static str) {
    let Ok(place) = state.refusal_notes.clone().try_acquire_owned() else {
        tracing::warn!(address, reason, "so many sign-ins are refused that not all are audited");
        return;
    };
    let (store, email, address) = (state.store.clone(), email.to_owned(), address.to_owned());
    tokio::spawn(async move {
        let _place = place;
        let found = match store.platform_user_by_email(&email).await {
            Ok(found) => found,
            Err(error) => return tracing::error!(%error, "refused sign-in not audited"),
        };
        let Some((user, _)) = found else { return };
        let record = AuditRecord::new(None, "auth.login_refused", "user", user.id)
            .with(serde_json::json!({ "reason": reason }))
            .from_address(address);
        if let Err(error) = store.audit_append(user.tenant, &record, Utc::now()).await {
            tracing::error!(%error, "refused sign-in not audited");
        }
    });
}

async fn tokens(
    state: &AppState,
    user: &User,
    session: crm::SessionId,
    refresh_token: String,
) -> Outcome<Tokens> {
    Ok(Tokens {
        access_token: state.tokens.access(user.tenant, user.id, session, Utc::now()),
        refresh_token,
        expires_in: ACCESS_LIFETIME.num_seconds().unsigned_abs(),
        user: me_of(state, user).await?,
    })
}
