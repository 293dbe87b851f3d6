//! Sign-in, refresh, sign-out (AUT-01, AUT-02).

use crate::{
    AppState,
    extract::{Body, BodyOrDefault},
    guard::Peer,
    problem::{Outcome, Problem, Problems},
    routes::me::me_of,
    sessions::Principal,
    shapes::session::{LoginRequest, LogoutRequest, RefreshRequest, Tokens},
    token::ACCESS_LIFETIME,
};
use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode, header},
};
use chrono::Utc;
use crm::{
    audit::AuditRecord,
    sessions::{self, SessionError},
    users::{self, SignInError, User},
};
use std::time::Duration;

/// Sign in. Unknown address and wrong password look the same and take the same time.
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
    if body.email.len() > 320 || body.password.len() > 1024 {
        return Err(refused());
    }
    // Each check takes a core for a while: a flood of them waits in line, then is turned away.
    let place = tokio::time::timeout(CHECK_WAIT, state.password_checks.acquire()).await;
    let Ok(Ok(_place)) = place else {
        return Err(Problem::unavailable("too many are signing in at this moment", 2));
    };
    let user =
        match users::authenticate(&state.store, &body.email, &body.password, &address, now).await {
            Ok(user) => user,
            Err(SignInError::Refused) => {
                note_refusal(&state, &body.email, &address).await;
                return Err(refused());
            }
            Err(SignInError::Throttled { until }) => {
                let wait = u64::try_from((until - now).num_seconds()).unwrap_or(0) + 1;
                return Err(Problem::too_many("too many failed attempts", wait));
            }
            Err(SignInError::Store(error)) => return Err(error.into()),
        };
    let agent = headers.get(header::USER_AGENT).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let (session, refresh) = sessions::open(&state.store, &user, &address, agent, now).await?;
    let record = AuditRecord::new(Some(user.id), "auth.login", "session", session.id)
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
    if let Some(token) = body.refresh_token {
        sessions::close(&state.store, &token, now).await?;
    }
    state.sessions.forget();
    state.audit(&who, who.audit("auth.logout", "session", who.session)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// How long a sign-in waits for its turn.
const CHECK_WAIT: Duration = Duration::from_secs(5);

fn refused() -> Problem {
    Problem::unauthorized("wrong e-mail or password")
}

/// In the log of the account's tenant, where the address names one: its administrators should see.
async fn note_refusal(state: &AppState, email: &str, address: &str) {
    metrics::counter!("auth_logins_total", "outcome" => "refused").increment(1);
    let found = state.store.platform_user_by_email(email).await;
    if let Ok(Some((user, _))) = found {
        let record = AuditRecord::new(None, "auth.login_refused", "user", user.id)
            .from_address(address.to_owned());
        if let Err(error) = state.store.audit_append(user.tenant, &record, Utc::now()).await {
            tracing::error!(%error, "refused sign-in not audited");
        }
    }
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
