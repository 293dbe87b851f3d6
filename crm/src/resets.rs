//! A new password by a link in a mail (AUT-04): good once, for half an hour, kept as a hash.

use crate::{Store, StoreError, sign_in::Gate, tokens, users::User};
use chrono::{DateTime, TimeDelta, Utc};

/// How long a link is good.
pub const LIFETIME: TimeDelta = TimeDelta::minutes(30);
/// Links one user may be sent within [`LIFETIME`]: nobody's mailbox is flooded.
const LINKS: i64 = 3;
/// Asking for one e-mail from one address, and for any from one address, before it has to wait.
const ASKS_PER_PAIR: i64 = 5;
const ASKS_PER_ADDRESS: i64 = 20;

/// Counts somebody's asking for a link; until when they have to wait, where it was too often. It
/// makes no difference whether there is such a user.
pub async fn ask(
    store: &Store,
    email: &str,
    address: &str,
    now: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, StoreError> {
    let gate = Gate::of("reset-", address, &email.trim().to_lowercase());
    let closed = gate.closed(store, now).await?;
    if closed.is_none() {
        gate.count(store, ASKS_PER_PAIR, ASKS_PER_ADDRESS, now).await?;
    }
    Ok(closed)
}

/// Makes a token for a user; `None` where they were sent enough already.
pub async fn offer(
    store: &Store,
    user: &User,
    now: DateTime<Utc>,
) -> Result<Option<String>, StoreError> {
    let (token, hash) = tokens::mint(user.tenant);
    let made = store
        .password_reset_create(user.tenant, user.id, &hash, now, now + LIFETIME, LINKS)
        .await?;
    Ok(made.then_some(token))
}

/// Whose password a token may set, while it is good.
pub async fn whose(
    store: &Store,
    token: &str,
    now: DateTime<Utc>,
) -> Result<Option<User>, StoreError> {
    let Some(tenant) = tokens::tenant_of(token) else { return Ok(None) };
    let Some(user) = store.password_reset_user(tenant, &tokens::hash(token), now).await? else {
        return Ok(None);
    };
    let open = store.tenant_find(tenant).await?.is_some_and(|t| t.active);
    Ok(store.user_find(tenant, user).await?.filter(|u| u.active && open))
}

/// Uses the token up and sets the password: every session and every other link of the user ends.
/// False where the token was used meanwhile.
pub async fn redeem(
    store: &Store,
    token: &str,
    user: &User,
    password_hash: &str,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let hash = tokens::hash(token);
    store.password_reset_redeem(user.tenant, user.id, &hash, password_hash, now).await
}
