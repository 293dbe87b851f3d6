//! Signing in: e-mail and password, then a code where one is set up; failures slow the attacker
//! down and nobody else (AUT-03, AUT-05, AUT-06, F03).

use crate::{
    Store, StoreError,
    otp::{self, Proof, SecondFactor},
    users::{User, rehash, verify},
};
use call::UserId;
use chrono::{DateTime, TimeDelta, Utc};
use std::net::{IpAddr, Ipv6Addr};

/// What somebody offers to be let in.
#[derive(Clone, Copy)]
pub struct Attempt<'a> {
    /// As typed.
    pub email: &'a str,
    /// As typed.
    pub password: &'a str,
    /// A code of the authenticator app, or a recovery code.
    pub otp: Option<&'a str>,
    /// Where from.
    pub address: &'a str,
}

/// Who came in.
#[derive(Clone, Debug, PartialEq)]
pub struct SignedIn {
    /// The user.
    pub user: User,
    /// What proved the second step, where there is one.
    pub second: Option<Proof>,
}

/// Why nobody was signed in.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// Unknown e-mail, wrong password, inactive user or tenant: never told apart.
    #[error("wrong e-mail or password")]
    Refused,
    /// The password is right; a code is wanted as well.
    #[error("a code is needed")]
    OtpRequired,
    /// The password is right, the code is not, or was used.
    #[error("wrong code")]
    OtpRefused,
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
/// Wrong codes for one account from anywhere. Only who knows the password gets to guess codes,
/// and with many addresses could guess on: beyond this, codes are taken only from addresses the
/// owner came from before, and recovery codes, which cannot be guessed, from anywhere.
const WRONG_CODES_PER_ACCOUNT: i64 = 20;
/// How far back an address counts as the owner's.
const OWN_ADDRESS: TimeDelta = TimeDelta::days(60);
const FAILURE_WINDOW: TimeDelta = TimeDelta::minutes(15);
const FIRST_BLOCK: TimeDelta = TimeDelta::seconds(30);
const LONGEST_BLOCK: TimeDelta = TimeDelta::minutes(15);

/// The counters one attempt falls under.
pub(crate) struct Gate {
    pair: String,
    source: String,
}

impl Gate {
    pub(crate) fn of(what: &str, address: &str, email: &str) -> Self {
        let address = network(address);
        Self {
            pair: format!("{what}pair:{address}|{email}"),
            source: format!("{what}address:{address}"),
        }
    }

    /// Until when it is closed.
    pub(crate) async fn closed(
        &self,
        store: &Store,
        now: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, StoreError> {
        for subject in [&self.pair, &self.source] {
            if let Some(until) = store.login_blocked_until(subject, now).await? {
                return Ok(Some(until));
            }
        }
        Ok(None)
    }

    async fn pass(&self, store: &Store, now: DateTime<Utc>) -> Result<(), SignInError> {
        match self.closed(store, now).await? {
            Some(until) => Err(SignInError::Throttled { until }),
            None => Ok(()),
        }
    }

    /// Counts one against both; closes what is over its limit.
    pub(crate) async fn count(
        &self,
        store: &Store,
        per_pair: i64,
        per_address: i64,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        note_failure(store, &self.pair, per_pair, now).await?;
        note_failure(store, &self.source, per_address, now).await
    }

    async fn failed(&self, store: &Store, now: DateTime<Utc>) -> Result<(), StoreError> {
        self.count(store, FAILURES_PER_PAIR, FAILURES_PER_ADDRESS, now).await
    }
}

/// One IPv6 customer has a /64 at least: counted as one.
fn network(address: &str) -> String {
    match address.parse::<IpAddr>() {
        Ok(IpAddr::V6(v6)) if v6.to_ipv4_mapped().is_none() => {
            Ipv6Addr::from(u128::from(v6) & !u128::from(u64::MAX)).to_string()
        }
        Ok(_) | Err(_) => address.to_owned(),
    }
}

/// Checks e-mail, password and code; counts failures; the user on success.
pub async fn authenticate(
    store: &Store,
    attempt: &Attempt<'_>,
    now: DateTime<Utc>,
) -> Result<SignedIn, SignInError> {
    let email = attempt.email.trim().to_lowercase();
    let gate = Gate::of("", attempt.address, &email);
    gate.pass(store, now).await?;
    let found = store.platform_user_by_email(&email).await?;
    let hash = found.as_ref().map(|(_, hash)| hash.clone());
    let verdict = verify(attempt.password.to_owned(), hash).await;
    let allowed = match &found {
        Some((user, _)) if verdict.fits && user.active => {
            store.tenant_find(user.tenant).await?.is_some_and(|t| t.active)
        }
        Some(_) | None => false,
    };
    let Some((user, hash)) = found.filter(|_| allowed) else {
        gate.failed(store, now).await?;
        return Err(SignInError::Refused);
    };
    let second = match confirmed(store, &user).await? {
        Some(factor) => Some(second_step(store, &user, &factor, attempt, &gate, now).await?),
        None => None,
    };
    store.login_failures_clear(&gate.pair).await?;
    if verdict.outdated {
        rehash(store, &user, attempt.password, &hash).await?;
    }
    store.user_logged_in(user.tenant, user.id, now).await?;
    Ok(SignedIn { user, second })
}

/// Proves once more that it is the user who asks, by password and, where one is set up, by code:
/// before a password or a second factor changes.
pub async fn prove(
    store: &Store,
    user: &User,
    attempt: &Attempt<'_>,
    now: DateTime<Utc>,
) -> Result<(), SignInError> {
    let gate = Gate::of("", attempt.address, &user.email);
    gate.pass(store, now).await?;
    let hash = store.platform_user_by_email(&user.email).await?.map(|(_, hash)| hash);
    if !verify(attempt.password.to_owned(), hash).await.fits {
        gate.failed(store, now).await?;
        return Err(SignInError::Refused);
    }
    if attempt.otp.is_some()
        && let Some(factor) = confirmed(store, user).await?
    {
        second_step(store, user, &factor, attempt, &gate, now).await?;
    }
    Ok(())
}

async fn confirmed(store: &Store, user: &User) -> Result<Option<SecondFactor>, StoreError> {
    Ok(store.otp_find(user.tenant, user.id).await?.filter(|f| f.confirmed_at.is_some()))
}

async fn second_step(
    store: &Store,
    user: &User,
    factor: &SecondFactor,
    attempt: &Attempt<'_>,
    gate: &Gate,
    now: DateTime<Utc>,
) -> Result<Proof, SignInError> {
    let code = attempt.otp.map(str::trim).filter(|code| !code.is_empty());
    let code = code.ok_or(SignInError::OtpRequired)?;
    let account = wrong_codes(user.id);
    // Recovery codes are too long to be guessed: they are the owner's way in.
    let guessable = code.chars().filter(char::is_ascii_digit).count() == code.len();
    if guessable
        && let Some(until) = store.login_blocked_until(&account, now).await?
        && !store.session_from(user.tenant, user.id, attempt.address, now - OWN_ADDRESS).await?
    {
        return Err(SignInError::Throttled { until });
    }
    if let Some(proof) = otp::accept(store, user, factor, code, now).await? {
        return Ok(proof);
    }
    gate.failed(store, now).await?;
    note_failure(store, &account, WRONG_CODES_PER_ACCOUNT, now).await?;
    Err(SignInError::OtpRefused)
}

fn wrong_codes(user: UserId) -> String {
    format!("otp:{user}")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_network_counts_as_one_address() {
        assert_eq!(network("2001:db8::1"), network("2001:db8::ffff:2"));
        assert_ne!(network("2001:db8::1"), network("2001:db8:0:1::1"));
        assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
        assert_ne!(network("::ffff:192.0.2.1"), network("::ffff:192.0.2.2"));
    }
}
