//! People who sign in: roles, passwords, sign-in with throttling.

use crate::{Store, StoreError, words::words};
use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use call::{E164, TenantId, UserId};
use chrono::{DateTime, TimeDelta, Utc};
use std::sync::OnceLock;

words! {
    /// What a user may do (AUT-07).
    Role {
        /// Runs the installation; belongs to a tenant like everybody, may create others.
        PlatformAdmin = "platform_admin",
        /// Everything within the tenant.
        Admin = "admin",
        /// Sees all, runs team and campaigns.
        Manager = "manager",
        /// Calls own and assigned leads.
        Telecaller = "telecaller",
        /// Visits and closures.
        FieldAgent = "field_agent",
        /// Reads analytics only.
        Viewer = "viewer",
    }
}

impl Role {
    /// Sees every lead and call of the tenant.
    pub const fn sees_all(self) -> bool {
        matches!(self, Self::PlatformAdmin | Self::Admin | Self::Manager)
    }

    /// May set up users, phones, trunks.
    pub const fn administers(self) -> bool {
        matches!(self, Self::PlatformAdmin | Self::Admin)
    }

    /// May place and take calls.
    pub const fn calls(self) -> bool {
        matches!(self, Self::PlatformAdmin | Self::Admin | Self::Manager | Self::Telecaller)
    }
}

/// A person who signs in.
#[derive(Clone, Debug, PartialEq)]
pub struct User {
    /// Their id.
    pub id: UserId,
    /// Whose they are.
    pub tenant: TenantId,
    /// Signs in with it; unique in the installation, lower case.
    pub email: String,
    /// Name shown.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// `en` or `hi`.
    pub locale: String,
    /// Team name.
    pub team: Option<String>,
    /// The manager they report to.
    pub reports_to: Option<UserId>,
    /// The DID shown when they call (TEL-09).
    pub caller_id: Option<E164>,
    /// False: cannot sign in, phones are refused.
    pub active: bool,
    /// Last successful sign-in.
    pub last_login_at: Option<DateTime<Utc>>,
    /// When the account was made.
    pub created_at: DateTime<Utc>,
    /// Last change.
    pub updated_at: DateTime<Utc>,
}

/// What makes a user. The password is hashed by [`hash_password`].
#[derive(Clone, Debug)]
pub struct NewUser {
    /// Their id.
    pub id: UserId,
    /// E-mail; stored in lower case.
    pub email: String,
    /// Name shown.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// `en` or `hi`.
    pub locale: String,
    /// Team name.
    pub team: Option<String>,
    /// The manager they report to.
    pub reports_to: Option<UserId>,
    /// The DID shown when they call.
    pub caller_id: Option<E164>,
    /// From [`hash_password`].
    pub password_hash: String,
}

/// Changes to a user; `None` leaves as is, `Some(None)` clears.
#[derive(Clone, Debug, Default)]
pub struct UserPatch {
    /// Name shown.
    pub name: Option<String>,
    /// E-mail.
    pub email: Option<String>,
    /// What they may do.
    pub role: Option<Role>,
    /// `en` or `hi`.
    pub locale: Option<String>,
    /// Team name.
    pub team: Option<Option<String>>,
    /// The manager they report to.
    pub reports_to: Option<Option<UserId>>,
    /// The DID shown when they call.
    pub caller_id: Option<Option<E164>>,
    /// Whether they may sign in.
    pub active: Option<bool>,
}

/// Which users to list.
#[derive(Clone, Debug, Default)]
pub struct UserFilter {
    /// Only this role.
    pub role: Option<Role>,
    /// Only (in)active ones.
    pub active: Option<bool>,
    /// Only who reports to this manager.
    pub reports_to: Option<UserId>,
    /// Part of name or e-mail.
    pub search: Option<String>,
    /// At most this many (1 to 500).
    pub limit: u32,
    /// From an earlier page.
    pub cursor: Option<String>,
}

/// Why nobody was signed in.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// Unknown e-mail, wrong password, inactive user or tenant: never told apart.
    #[error("wrong e-mail or password")]
    Refused,
    /// Too many failures from this address or for this e-mail (AUT-06).
    #[error("too many attempts")]
    Throttled {
        /// When to try again.
        until: DateTime<Utc>,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Failures of one address within the window before it is made to wait. An office shares one
/// address, so this is wide; the narrow limit is per address and e-mail together, which an
/// attacker elsewhere cannot use to lock anybody out (F03).
const FAILURES_PER_ADDRESS: i64 = 50;
const FAILURES_PER_PAIR: i64 = 5;
const FAILURE_WINDOW: TimeDelta = TimeDelta::minutes(15);
const FIRST_BLOCK: TimeDelta = TimeDelta::seconds(30);
const LONGEST_BLOCK: TimeDelta = TimeDelta::minutes(15);

/// Hashes with Argon2id on a thread that may block.
pub async fn hash_password(password: String) -> String {
    tokio::task::spawn_blocking(move || hash_blocking(&password))
        .await
        .expect("hashing does not panic")
}

fn hash_blocking(password: &str) -> String {
    Argon2::default()
        .hash_password(password.as_bytes())
        .expect("default parameters are valid")
        .to_string()
}

async fn verify(password: String, hash: Option<String>) -> bool {
    tokio::task::spawn_blocking(move || {
        // An unknown e-mail costs the same time as a wrong password.
        static DUMMY: OnceLock<String> = OnceLock::new();
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| DUMMY.get_or_init(|| hash_blocking("nobody")).clone());
        let fits = PasswordHash::new(&hash).is_ok_and(|parsed| {
            Argon2::default().verify_password(password.as_bytes(), &parsed).is_ok()
        });
        known && fits
    })
    .await
    .unwrap_or(false)
}

/// Checks e-mail and password; counts failures; the user on success.
pub async fn authenticate(
    store: &Store,
    email: &str,
    password: &str,
    address: &str,
    now: DateTime<Utc>,
) -> Result<User, SignInError> {
    let email = email.trim().to_lowercase();
    let pair = format!("pair:{address}|{email}");
    let source = format!("address:{address}");
    for subject in [&pair, &source] {
        if let Some(until) = store.login_blocked_until(subject, now).await? {
            return Err(SignInError::Throttled { until });
        }
    }
    let found = store.platform_user_by_email(&email).await?;
    let hash = found.as_ref().map(|(_, hash)| hash.clone());
    let fits = verify(password.to_owned(), hash).await;
    let allowed = match &found {
        Some((user, _)) if fits && user.active => {
            store.tenant_find(user.tenant).await?.is_some_and(|t| t.active)
        }
        Some(_) | None => false,
    };
    match found {
        Some((user, _)) if allowed => {
            store.login_failures_clear(&pair).await?;
            store.user_logged_in(user.tenant, user.id, now).await?;
            Ok(user)
        }
        Some(_) | None => {
            note_failure(store, &pair, FAILURES_PER_PAIR, now).await?;
            note_failure(store, &source, FAILURES_PER_ADDRESS, now).await?;
            Err(SignInError::Refused)
        }
    }
}

async fn note_failure(
    store: &Store,
    subject: &str,
    limit: i64,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let failures = store.login_failed(subject, now, now - FAILURE_WINDOW).await?;
    if failures >= limit {
        let doublings = u32::try_from(failures - limit).unwrap_or(0).min(10);
        let block = (FIRST_BLOCK * (1 << doublings)).min(LONGEST_BLOCK);
        store.login_block(subject, now + block).await?;
    }
    Ok(())
}

/// Whether a password may be chosen: long enough, not the e-mail.
pub fn password_fits(password: &str, email: &str) -> Result<(), &'static str> {
    if password.chars().count() < 10 {
        return Err("must have at least 10 characters");
    }
    if password.len() > 200 {
        return Err("must have at most 200 bytes");
    }
    if password.eq_ignore_ascii_case(email) {
        return Err("must not be the e-mail address");
    }
    Ok(())
}

/// Changes the password after checking the old one; ends every other session.
pub async fn change_password(
    store: &Store,
    user: &User,
    old: &str,
    new: &str,
    now: DateTime<Utc>,
) -> Result<(), SignInError> {
    let hash = store.platform_user_by_email(&user.email).await?.map(|(_, hash)| hash);
    if !verify(old.to_owned(), hash).await {
        return Err(SignInError::Refused);
    }
    let hash = hash_password(new.to_owned()).await;
    store.user_set_password(user.tenant, user.id, &hash, now).await?;
    Ok(())
}
