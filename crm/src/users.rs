//! People who sign in: roles and passwords.

use crate::{Store, StoreError, words::words};
use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use call::{E164, TenantId, UserId};
use chrono::{DateTime, Utc};
use std::sync::{Arc, OnceLock};

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
    /// Leads a floor: sees more than their own, [`Reach`] says how much.
    pub const fn leads(self) -> bool {
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

/// Whose leads, calls and colleagues a user has before them (AUT-08). [`Store::user_reach`] tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Their own.
    Own(UserId),
    /// Those of a team, the leader among them, in order; and what nobody has.
    Team(Arc<[UserId]>),
    /// Everybody's.
    All,
}

impl Reach {
    /// Is this user among them?
    pub fn covers(&self, user: UserId) -> bool {
        match self {
            Self::Own(own) => *own == user,
            Self::Team(members) => members.binary_search(&user).is_ok(),
            Self::All => true,
        }
    }

    /// Is what this user has, or nobody, among theirs? What nobody has is every leader's: someone
    /// must see to it.
    pub fn covers_owner(&self, owner: Option<UserId>) -> bool {
        owner.map_or(!matches!(self, Self::Own(_)), |owner| self.covers(owner))
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
    /// Only the team this user leads.
    pub team_of: Option<UserId>,
    /// Part of name or e-mail.
    pub search: Option<String>,
    /// At most this many (1 to 500).
    pub limit: u32,
    /// From an earlier page.
    pub cursor: Option<String>,
}

/// How passwords are hashed (AUT-03): Argon2id with what OWASP asks for at least, 19 MiB of memory
/// and two passes. A hash made with other parameters is made anew at the next sign-in.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

fn hasher() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).expect("the parameters are valid");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// Hashes with Argon2id on a thread that may block.
pub async fn hash_password(password: String) -> String {
    tokio::task::spawn_blocking(move || hash_blocking(&password))
        .await
        .expect("hashing does not panic")
}

fn hash_blocking(password: &str) -> String {
    hasher().hash_password(password.as_bytes()).expect("the parameters are valid").to_string()
}

/// What a password is worth against a stored hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// It is the one.
    pub(crate) fits: bool,
    /// The hash was made with other parameters than today's.
    pub(crate) outdated: bool,
}

pub(crate) async fn verify(password: String, hash: Option<String>) -> Verdict {
    tokio::task::spawn_blocking(move || {
        // An unknown e-mail costs the same time as a wrong password.
        static DUMMY: OnceLock<String> = OnceLock::new();
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| DUMMY.get_or_init(|| hash_blocking("nobody")).clone());
        let fits = PasswordHash::new(&hash)
            .is_ok_and(|parsed| hasher().verify_password(password.as_bytes(), &parsed).is_ok());
        Verdict { fits: known && fits, outdated: !hash.starts_with(&hash_prefix()) }
    })
    .await
    .unwrap_or(Verdict { fits: false, outdated: false })
}

/// What a hash of today begins with.
fn hash_prefix() -> String {
    format!("$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}$")
}

/// Hashes anew with today's parameters, unless the password was changed meanwhile.
pub(crate) async fn rehash(
    store: &Store,
    user: &User,
    password: &str,
    old_hash: &str,
) -> Result<(), StoreError> {
    let hash = hash_password(password.to_owned()).await;
    store.user_rehash(user.tenant, user.id, old_hash, &hash).await
}

/// An e-mail address in the form it is kept in; `None` where it is none.
pub fn fits_email(email: &str) -> Option<String> {
    let email = email.trim().to_lowercase();
    let well_formed = email.len() <= 254
        && email.split_once('@').is_some_and(|(name, host)| {
            !name.is_empty() && host.contains('.') && !host.starts_with('.') && !host.ends_with('.')
        })
        && !email.chars().any(|c| c.is_whitespace() || c.is_control());
    well_formed.then_some(email)
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

#[cfg(test)]
mod tests {
    use super::*;

    /// AUT-03
    #[tokio::test]
    async fn passwords_are_hashed_with_argon2id_and_the_parameters_that_are_stated() {
        let hash = hash_password("correct horse".into()).await;
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        let again = hash_password("correct horse".into()).await;
        assert_ne!(hash, again, "every hash has its own salt");
        let right = verify("correct horse".into(), Some(hash.clone())).await;
        assert_eq!(right, Verdict { fits: true, outdated: false });
        assert!(!verify("Correct horse".into(), Some(hash)).await.fits);
    }

    /// AUT-03
    #[tokio::test]
    async fn a_hash_of_other_parameters_is_good_and_outdated() {
        for (kind, memory, passes) in [
            (Algorithm::Argon2id, 8 * 1024, 1),
            (Algorithm::Argon2i, MEMORY_KIB, PASSES),
            (Algorithm::Argon2id, MEMORY_KIB, PASSES + 1),
        ] {
            let params = Params::new(memory, passes, 1, None).unwrap();
            let old = Argon2::new(kind, Version::V0x13, params);
            let hash = old.hash_password(b"correct horse").unwrap().to_string();
            let right = verify("correct horse".into(), Some(hash.clone())).await;
            assert_eq!(right, Verdict { fits: true, outdated: true }, "{hash}");
            assert!(!verify("wrong".into(), Some(hash)).await.fits);
        }
    }
}
