//! The second step of signing in: a code of an authenticator app (RFC 6238), or a recovery code
//! when the app is lost (AUT-05).

use crate::{Store, StoreError, users::User};
use chrono::{DateTime, Utc};
use rand::{Rng, RngCore};
use sha2::{Digest, Sha256};
use totp_rs::{Algorithm, Builder, Totp};

/// RFC 4226 §4 R6 recommends 160 bits.
const SECRET_BYTES: usize = 20;
/// What every authenticator app understands.
const DIGITS: u8 = 6;
const STEP_S: u64 = 30;
/// A phone's clock may be one step off either way (RFC 6238 §5.2).
const DRIFT_STEPS: u16 = 1;
/// How many recovery codes one gets.
pub const RECOVERY_CODES: usize = 10;
/// Letters and digits of a recovery code: 80 bits, so that its plain hash cannot be searched.
const RECOVERY_LENGTH: usize = 16;
const RECOVERY_ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// A user's second factor as kept.
#[derive(Clone)]
pub struct SecondFactor {
    pub(crate) secret: Vec<u8>,
    /// Asked for at sign-in from then on; `None` while it is being set up.
    pub confirmed_at: Option<DateTime<Utc>>,
}

impl std::fmt::Debug for SecondFactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SecondFactor").field("confirmed_at", &self.confirmed_at).finish()
    }
}

/// What goes into the authenticator app.
pub struct Enrolment {
    /// Base 32, to be typed.
    pub secret: String,
    /// `otpauth://totp/…`, to be scanned.
    pub uri: String,
}

/// What proved the second step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// A code of the app.
    Code,
    /// A recovery code, used up now.
    RecoveryCode {
        /// How many are left.
        left: u32,
    },
}

/// Why the second factor stays as it is.
#[derive(Debug, thiserror::Error)]
pub enum OtpError {
    /// It is set up already.
    #[error("is set up already")]
    AlreadyOn,
    /// Nothing waits to be confirmed, or nothing is set up.
    #[error("is not set up")]
    NotOn,
    /// The code proves nothing.
    #[error("is not the code shown now")]
    WrongCode,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Makes a secret that waits to be confirmed by a code of it.
pub async fn begin(
    store: &Store,
    user: &User,
    issuer: &str,
    now: DateTime<Utc>,
) -> Result<Enrolment, OtpError> {
    let mut secret = [0; SECRET_BYTES];
    rand::rng().fill_bytes(&mut secret);
    if !store.otp_begin(user.tenant, user.id, &secret, now).await? {
        return Err(OtpError::AlreadyOn);
    }
    let clock = machine(&secret, issuer, &user.email);
    let uri = clock.to_url().expect("an account name without a colon is set");
    Ok(Enrolment { secret: clock.secret().to_base32(), uri })
}

/// Turns it on; the recovery codes are shown this once.
pub async fn confirm(
    store: &Store,
    user: &User,
    code: &str,
    now: DateTime<Utc>,
) -> Result<Vec<String>, OtpError> {
    let factor = store.otp_find(user.tenant, user.id).await?.ok_or(OtpError::NotOn)?;
    if factor.confirmed_at.is_some() {
        return Err(OtpError::AlreadyOn);
    }
    let step = step_of(&factor.secret, code, now).ok_or(OtpError::WrongCode)?;
    let (codes, hashes) = recovery_codes(user);
    if !store.otp_confirm(user.tenant, user.id, step, &hashes, now).await? {
        return Err(OtpError::AlreadyOn);
    }
    Ok(codes)
}

/// Whether a user is asked for a code.
pub async fn is_on(store: &Store, user: &User) -> Result<bool, StoreError> {
    let factor = store.otp_find(user.tenant, user.id).await?;
    Ok(factor.is_some_and(|f| f.confirmed_at.is_some()))
}

/// Uses a code up, of the app or for recovery; `None` where it proves nothing. A code that was
/// accepted once proves nothing again.
pub(crate) async fn accept(
    store: &Store,
    user: &User,
    factor: &SecondFactor,
    code: &str,
    now: DateTime<Utc>,
) -> Result<Option<Proof>, StoreError> {
    let code = plain(code);
    if code.len() == usize::from(DIGITS) {
        let Some(step) = step_of(&factor.secret, &code, now) else { return Ok(None) };
        let fresh = store.otp_use_step(user.tenant, user.id, step).await?;
        return Ok(fresh.then_some(Proof::Code));
    }
    if code.len() != RECOVERY_LENGTH
        || !store.recovery_code_use(user.tenant, user.id, &hash(user, &code), now).await?
    {
        return Ok(None);
    }
    let left = store.recovery_codes_left(user.tenant, user.id).await?;
    Ok(Some(Proof::RecoveryCode { left }))
}

/// New recovery codes; the old ones are good no more. Shown this once.
pub async fn renew_recovery_codes(store: &Store, user: &User) -> Result<Vec<String>, StoreError> {
    let (codes, hashes) = recovery_codes(user);
    store.recovery_codes_replace(user.tenant, user.id, &hashes).await?;
    Ok(codes)
}

/// As typed, without the spaces and dashes that make it readable.
fn plain(code: &str) -> String {
    let kept = code.chars().filter(|c| !c.is_whitespace() && *c != '-');
    kept.flat_map(char::to_lowercase).take(64).collect()
}

fn step_of(secret: &[u8], code: &str, now: DateTime<Utc>) -> Option<i64> {
    let code = plain(code);
    if code.len() != usize::from(DIGITS) || !code.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let seconds = u64::try_from(now.timestamp()).ok()?;
    machine(secret, "TeleHub", "user").check(&code, seconds).and_then(|s| i64::try_from(s).ok())
}

fn machine(secret: &[u8], issuer: &str, account: &str) -> Totp {
    Builder::new()
        .with_algorithm(Algorithm::SHA1)
        .with_digits(DIGITS)
        .with_step_duration(STEP_S)
        .with_skew(DRIFT_STEPS)
        .with_secret(secret)
        .with_issuer(Some(without_colon(issuer)))
        .with_account_name(without_colon(account))
        .build()
        .expect("20 bytes, 6 digits, 30 seconds, no colon")
}

/// The colon parts issuer and account in the address of a key.
fn without_colon(name: &str) -> String {
    name.replace(':', " ")
}

fn recovery_codes(user: &User) -> (Vec<String>, Vec<Vec<u8>>) {
    let mut random = rand::rng();
    let mut codes = Vec::with_capacity(RECOVERY_CODES);
    let mut hashes = Vec::with_capacity(RECOVERY_CODES);
    for _ in 0..RECOVERY_CODES {
        let code: String = (0..RECOVERY_LENGTH)
            .map(|_| char::from(RECOVERY_ALPHABET[random.random_range(0..RECOVERY_ALPHABET.len())]))
            .collect();
        hashes.push(hash(user, &code));
        let parts: Vec<&str> = (0..4).map(|n| &code[n * 4..n * 4 + 4]).collect();
        codes.push(parts.join("-"));
    }
    (codes, hashes)
}

/// Bound to the user, so that the same code of two users would not look the same.
fn hash(user: &User, code: &str) -> Vec<u8> {
    let mut hasher = Sha256::new();
    hasher.update(user.id.uuid().as_bytes());
    hasher.update(code.as_bytes());
    hasher.finalize().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238 appendix B, the SHA-1 row, six digits: the code of the step, the one before and
    /// the one after are good, no others.
    #[test]
    fn codes_are_those_of_the_rfc_with_one_step_of_drift() {
        let secret = b"12345678901234567890";
        let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            let step = seconds / 30;
            assert_eq!(step_of(secret, code, at(seconds)), Some(step), "{seconds}");
            assert_eq!(step_of(secret, code, at(seconds + 30)), Some(step), "a step late");
            assert_eq!(step_of(secret, code, at(seconds - 30)), Some(step), "a step early");
            assert_eq!(step_of(secret, code, at(seconds + 60)), None, "two steps late");
            assert_eq!(step_of(secret, code, at(seconds - 60)), None, "two steps early");
        }
        for odd in ["", "28708", "2870822", "28708x", "٢٨٧٠٨٢"] {
            assert_eq!(step_of(secret, odd, at(59)), None, "{odd}");
        }
        assert_eq!(step_of(secret, " 287 082 ", at(59)), Some(1), "as apps show it");
    }

    #[test]
    fn the_address_of_a_key_says_who_and_where() {
        let uri = machine(&[7; SECRET_BYTES], "TeleHub: Pratham", "asha@demo.local").to_url();
        let uri = uri.unwrap();
        assert!(uri.starts_with("otpauth://totp/TeleHub%20%20Pratham:asha%40demo.local?secret="));
        assert!(uri.contains("issuer=TeleHub%20%20Pratham"), "{uri}");
    }
}
