//! Sign-in sessions: rotating refresh tokens, kept as hashes, revoked on reuse (AUT-01, AUT-02).

use crate::{
    SessionId, Store, StoreError, fresh,
    tokens::{hash, mint, tenant_of},
    users::User,
};
use call::{TenantId, UserId};
use chrono::{DateTime, TimeDelta, Utc};

/// How long a session lives without use.
pub const REFRESH_LIFETIME: TimeDelta = TimeDelta::days(7);
/// Two tabs may refresh at once: within this time a used token is refused without ending the
/// session; later it is taken for stolen.
const REUSE_GRACE: TimeDelta = TimeDelta::seconds(10);

/// One sign-in on one device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its id; access tokens carry it.
    pub id: SessionId,
    /// Whose.
    pub tenant: TenantId,
    /// Whose.
    pub user: UserId,
    /// Where from.
    pub address: String,
    /// With what.
    pub user_agent: String,
    /// First sign-in.
    pub created_at: DateTime<Utc>,
    /// Last refresh.
    pub last_used_at: DateTime<Utc>,
    /// Ends by itself then.
    pub expires_at: DateTime<Utc>,
    /// Ended by hand or by reuse of a token.
    pub revoked_at: Option<DateTime<Utc>>,
}

/// Why a session goes no further.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// Unknown, expired, revoked, or the user is gone.
    #[error("session is over")]
    Over,
    /// The token was used moments ago; its successor is the one to use.
    #[error("token was already exchanged")]
    Superseded,
    /// The token was used long ago: somebody copied it. The session is now revoked.
    #[error("token was used twice")]
    Reused {
        /// Whose session was ended, for the audit log.
        user: UserId,
        /// Their tenant.
        tenant: TenantId,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Begins a session; the token is shown once.
pub async fn open(
    store: &Store,
    user: &User,
    address: &str,
    user_agent: &str,
    now: DateTime<Utc>,
) -> Result<(Session, String), StoreError> {
    let session = Session {
        id: fresh(),
        tenant: user.tenant,
        user: user.id,
        address: address.chars().take(64).collect(),
        user_agent: user_agent.chars().take(200).collect(),
        created_at: now,
        last_used_at: now,
        expires_at: now + REFRESH_LIFETIME,
        revoked_at: None,
    };
    let (token, hash) = mint(user.tenant);
    store.session_create(&session, &hash, now).await?;
    Ok((session, token))
}

/// Exchanges a refresh token for its successor.
pub async fn refresh(
    store: &Store,
    token: &str,
    now: DateTime<Utc>,
) -> Result<(Session, User, String), SessionError> {
    let tenant = tenant_of(token).ok_or(SessionError::Over)?;
    let (successor, successor_hash) = mint(tenant);
    let expires_at = now + REFRESH_LIFETIME;
    let outcome = store
        .refresh_token_exchange(tenant, &hash(token), &successor_hash, now, expires_at)
        .await?;
    let session = match outcome {
        Exchange::Unknown => return Err(SessionError::Over),
        Exchange::Used { session, used_at } if now - used_at > REUSE_GRACE => {
            store.session_revoke(tenant, session.id, now).await?;
            return Err(SessionError::Reused { user: session.user, tenant });
        }
        Exchange::Used { .. } => return Err(SessionError::Superseded),
        Exchange::Rotated(session) => session,
    };
    if session.revoked_at.is_some() {
        return Err(SessionError::Over);
    }
    let user = store.user_find(tenant, session.user).await?.filter(|u| u.active);
    let open = store.tenant_find(tenant).await?.is_some_and(|t| t.active);
    match user {
        Some(user) if open => Ok((session, user, successor)),
        Some(_) | None => Err(SessionError::Over),
    }
}

/// What became of a presented token.
#[derive(Clone, Debug)]
pub enum Exchange {
    /// No such token, or its session is over.
    Unknown,
    /// It had been exchanged before.
    Used {
        /// Of this session.
        session: Session,
        /// At this moment.
        used_at: DateTime<Utc>,
    },
    /// Its successor is valid now.
    Rotated(Session),
}

/// Ends the session a refresh token belongs to, whatever its state.
pub async fn close(store: &Store, token: &str, now: DateTime<Utc>) -> Result<(), StoreError> {
    let Some(tenant) = tenant_of(token) else { return Ok(()) };
    if let Some(session) = store.session_by_token(tenant, &hash(token)).await? {
        store.session_revoke(tenant, session.id, now).await?;
    }
    Ok(())
}
