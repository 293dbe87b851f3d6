//! Signing in: throttling, hashes of old, the second step, new passwords by link.

use crate::{
    authenticator,
    engines::{Bench, on_both},
    floor::{Floor, noon},
    users::with_password,
};
use argon2::{Algorithm, Argon2, Params, Version, password_hash::PasswordHasher};
use chrono::{DateTime, TimeDelta, Utc};
use crm::{
    otp::{self, OtpError, Proof, RECOVERY_CODES},
    resets,
    sessions::{self, SessionError},
    sign_in::{Attempt, SignInError, SignedIn, authenticate, prove},
    users::{User, hash_password},
};

const EMAIL: &str = "priya@a.test";
const PASSWORD: &str = "correct horse";

pub(crate) fn attempt<'a>(email: &'a str, password: &'a str, address: &'a str) -> Attempt<'a> {
    Attempt { email, password, otp: None, address }
}

fn at(seconds: i64) -> DateTime<Utc> {
    noon() + TimeDelta::seconds(seconds)
}

fn code(secret: &str, at: DateTime<Utc>) -> String {
    authenticator::code(secret, at.timestamp())
}

async fn try_code(
    bench: &Bench,
    code: &str,
    address: &str,
    at: DateTime<Utc>,
) -> Result<SignedIn, SignInError> {
    let attempt = Attempt { otp: Some(code), ..attempt(EMAIL, PASSWORD, address) };
    authenticate(&bench.store, &attempt, at).await
}

/// A user with the second step on: their secret and recovery codes.
async fn enrolled(bench: &Bench, user: &User) -> (String, Vec<String>) {
    let made = otp::begin(&bench.store, user, "TeleHub", noon()).await.unwrap();
    let first = code(&made.secret, noon());
    let codes = otp::confirm(&bench.store, user, &first, noon()).await.unwrap();
    (made.secret, codes)
}

/// AUT-06, F03: failures slow the attacker's address down; elsewhere the victim still gets in.
#[tokio::test]
async fn failures_throttle_the_pair_and_not_the_victim_elsewhere() {
    on_both(|bench| async move {
        let floor = Floor::build(&bench.store, "a", 1).await;
        let user = with_password(&floor, "Priya@A.test").await;
        let try_in = async |password: &'static str, address: &'static str, after: i64| {
            let attempt = attempt(" PRIYA@a.test", password, address);
            authenticate(&bench.store, &attempt, at(after)).await
        };
        assert_eq!(try_in(PASSWORD, "10.0.0.1", 0).await.unwrap().user.id, user.id);
        for n in 0..5 {
            let refused = try_in("wrong", "10.0.0.66", n).await;
            assert!(matches!(refused, Err(SignInError::Refused)), "{n}");
        }
        let closed = try_in(PASSWORD, "10.0.0.66", 6).await;
        assert!(matches!(closed, Err(SignInError::Throttled { until }) if until > at(20)));
        assert!(try_in(PASSWORD, "10.0.0.1", 6).await.is_ok());
        assert!(try_in(PASSWORD, "10.0.0.66", 120).await.is_ok());
        let nobody = attempt("x@y.z", "p", "10.0.0.2");
        let nobody = authenticate(&bench.store, &nobody, noon()).await;
        assert!(matches!(nobody, Err(SignInError::Refused)));
    })
    .await;
}

/// AUT-06, F03: one address that tries many accounts is stopped, on IPv6 with all its network,
/// and each further failure makes it wait longer.
#[tokio::test]
async fn stuffing_from_one_address_is_stopped_whatever_the_accounts() {
    on_both(|bench| async move {
        let floor = Floor::build(&bench.store, "a", 1).await;
        with_password(&floor, EMAIL).await;
        for n in 0..50 {
            let email = format!("user{n}@a.test");
            let address = format!("2001:db8::{n:x}");
            let attempt = attempt(&email, "leaked", &address);
            let refused = authenticate(&bench.store, &attempt, at(n)).await;
            assert!(matches!(refused, Err(SignInError::Refused)), "{n}: {refused:?}");
        }
        let until = |outcome| match outcome {
            Err(SignInError::Throttled { until }) => until,
            other => panic!("{other:?}"),
        };
        let right = attempt(EMAIL, PASSWORD, "2001:db8::beef");
        let first = until(authenticate(&bench.store, &right, at(51)).await);
        assert!((at(60)..at(100)).contains(&first), "{first}");
        let wrong = attempt("user99@a.test", "leaked", "2001:db8::1");
        let again = authenticate(&bench.store, &wrong, first).await;
        assert!(matches!(again, Err(SignInError::Refused)));
        let second = until(authenticate(&bench.store, &right, first).await);
        assert_eq!(second - first, TimeDelta::seconds(60), "twice as long as at first");
        let elsewhere = attempt(EMAIL, PASSWORD, "2001:db8:1::1");
        assert!(authenticate(&bench.store, &elsewhere, at(51)).await.is_ok());
    })
    .await;
}

/// AUT-03: a hash of other parameters is made anew at sign-in, and sessions are left alone.
#[tokio::test]
async fn an_outdated_hash_is_made_anew_at_sign_in() {
    on_both(|bench| async move {
        let floor = Floor::build(&bench.store, "a", 1).await;
        let user = with_password(&floor, EMAIL).await;
        let params = Params::new(8 * 1024, 1, 1, None).unwrap();
        let old = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let old = old.hash_password(PASSWORD.as_bytes()).unwrap().to_string();
        bench.store.user_set_password(floor.tenant, user.id, &old, noon()).await.unwrap();
        let (session, _) =
            sessions::open(&bench.store, &user, "10.0.0.1", "test", noon()).await.unwrap();
        let hash = async || bench.store.platform_user_by_email(EMAIL).await.unwrap().unwrap().1;
        let wrong = attempt(EMAIL, "wrong", "10.0.0.1");
        assert!(authenticate(&bench.store, &wrong, noon()).await.is_err());
        assert_eq!(hash().await, old, "a wrong password changes nothing");
        let right = attempt(EMAIL, PASSWORD, "10.0.0.1");
        authenticate(&bench.store, &right, noon()).await.unwrap();
        let new = hash().await;
        assert!(new.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{new}");
        authenticate(&bench.store, &right, noon()).await.unwrap();
        assert_eq!(hash().await, new, "once");
        let left = bench.store.session_find(floor.tenant, session.id).await.unwrap().unwrap();
        assert_eq!(left.revoked_at, None, "the password is the same, so is who is signed in");
    })
    .await;
}

/// AUT-05: off until confirmed; then asked for; a code is good once; a recovery code as well.
#[tokio::test]
async fn the_second_step_is_asked_for_and_every_code_is_good_once() {
    on_both(|bench| async move {
        let floor = Floor::build(&bench.store, "a", 1).await;
        let user = with_password(&floor, EMAIL).await;
        let plain = attempt(EMAIL, PASSWORD, "10.0.0.1");
        let begun = otp::begin(&bench.store, &user, "TeleHub", noon()).await.unwrap();
        assert!(authenticate(&bench.store, &plain, noon()).await.unwrap().second.is_none());
        let wrong = otp::confirm(&bench.store, &user, "000000", noon()).await;
        assert!(matches!(wrong, Err(OtpError::WrongCode)));
        let (secret, recovery) = enrolled(&bench, &user).await;
        assert_ne!(secret, begun.secret, "beginning again makes another secret");
        assert!(matches!(
            otp::begin(&bench.store, &user, "TeleHub", noon()).await,
            Err(OtpError::AlreadyOn)
        ));

        let asked = authenticate(&bench.store, &plain, noon()).await;
        assert!(matches!(asked, Err(SignInError::OtpRequired)), "{asked:?}");
        let first = code(&secret, noon());
        let replayed = try_code(&bench, &first, "10.0.0.1", at(1)).await;
        assert!(matches!(replayed, Err(SignInError::OtpRefused)), "it confirmed the set-up");
        let next = code(&secret, at(40));
        let came = try_code(&bench, &next, "10.0.0.1", at(40)).await.unwrap();
        assert_eq!(came.second, Some(Proof::Code));
        let replayed = try_code(&bench, &next, "10.0.0.2", at(41)).await;
        assert!(matches!(replayed, Err(SignInError::OtpRefused)));
        let older = code(&secret, at(10));
        let older = try_code(&bench, &older, "10.0.0.2", at(41)).await;
        assert!(matches!(older, Err(SignInError::OtpRefused)), "a step before the last");

        assert_eq!(recovery.len(), RECOVERY_CODES);
        let typed = recovery[3].to_uppercase().replace('-', " ");
        let came = try_code(&bench, &typed, "10.0.0.3", at(50)).await.unwrap();
        assert_eq!(came.second, Some(Proof::RecoveryCode { left: 9 }));
        let again = try_code(&bench, &recovery[3], "10.0.0.3", at(51)).await;
        assert!(matches!(again, Err(SignInError::OtpRefused)));
        let renewed = otp::renew_recovery_codes(&bench.store, &user).await.unwrap();
        let old = try_code(&bench, &recovery[4], "10.0.0.3", at(52)).await;
        assert!(matches!(old, Err(SignInError::OtpRefused)));
        assert!(try_code(&bench, &renewed[0], "10.0.0.3", at(53)).await.is_ok());

        assert!(bench.store.otp_remove(floor.tenant, user.id).await.unwrap());
        assert!(!bench.store.otp_remove(floor.tenant, user.id).await.unwrap());
        assert!(authenticate(&bench.store, &plain, at(60)).await.is_ok());
    })
    .await;
}

/// AUT-05: of two that bring the same code at once, one comes in.
#[tokio::test]
async fn of_many_with_the_same_code_one_comes_in() {
    on_both(|bench| async move {
        let floor = Floor::build(&bench.store, "a", 1).await;
        let user = with_password(&floor, EMAIL).await;
        let (secret, _) = enrolled(&bench, &user).await;
        let code = code(&secret, at(60));
        let addresses: Vec<String> = (0..8).map(|n| format!("10.0.1.{n}")).collect();
        let tries = addresses.iter().map(|address| try_code(&bench, &code, address, at(60)));
        let results = futures::future::join_all(tries).await;
        assert_eq!(results.iter().filter(|r| r.is_ok()).count(), 1, "{results:?}");
    })
    .await;
}

/// F03: who knows the password and guesses codes from many addresses is stopped; the owner comes
/// in from where they came from before, and from anywhere with a recovery code.
#[tokio::test]
async fn guessing_codes_is_stopped_and_the_owner_is_not() {
    on_both(|bench| async move {
        let floor = Floor::build(&bench.store, "a", 1).await;
        let user = with_password(&floor, EMAIL).await;
        let (secret, recovery) = enrolled(&bench, &user).await;
        sessions::open(&bench.store, &user, "10.0.0.1", "test", noon()).await.unwrap();
        for n in 0..20 {
            let address = format!("10.9.{n}.1");
            let wrong = try_code(&bench, "000000", &address, at(n)).await;
            assert!(matches!(wrong, Err(SignInError::OtpRefused)), "{n}: {wrong:?}");
        }
        let right = code(&secret, at(45));
        let stopped = try_code(&bench, &right, "10.9.99.1", at(45)).await;
        assert!(matches!(stopped, Err(SignInError::Throttled { .. })), "{stopped:?}");
        let owner = try_code(&bench, &right, "10.0.0.1", at(45)).await;
        assert!(owner.is_ok(), "{owner:?}");
        let travelling = try_code(&bench, &recovery[0], "10.8.0.1", at(45)).await;
        assert!(travelling.is_ok(), "{travelling:?}");
    })
    .await;
}

/// F03: proving oneself again inside a session is throttled like signing in.
#[tokio::test]
async fn a_stolen_session_cannot_guess_the_password() {
    on_both(|bench| async move {
        let floor = Floor::build(&bench.store, "a", 1).await;
        let user = with_password(&floor, EMAIL).await;
        for n in 0..5 {
            let guess = attempt(EMAIL, "guess", "10.0.0.66");
            let refused = prove(&bench.store, &user, &guess, at(n)).await;
            assert!(matches!(refused, Err(SignInError::Refused)));
        }
        let right = attempt(EMAIL, PASSWORD, "10.0.0.66");
        let closed = prove(&bench.store, &user, &right, at(6)).await;
        assert!(matches!(closed, Err(SignInError::Throttled { .. })));
        let elsewhere = attempt(EMAIL, PASSWORD, "10.0.0.1");
        assert!(prove(&bench.store, &user, &elsewhere, at(6)).await.is_ok());
    })
    .await;
}

/// AUT-04: a link is good once and for half an hour; it ends every session and every other link.
#[tokio::test]
async fn a_reset_link_is_good_once_and_not_for_long() {
    on_both(|bench| async move {
        let floor = Floor::build(&bench.store, "a", 1).await;
        let user = with_password(&floor, EMAIL).await;
        let store = &bench.store;
        let (_, refresh) = sessions::open(store, &user, "10.0.0.1", "test", noon()).await.unwrap();
        let first = resets::offer(store, &user, noon()).await.unwrap().unwrap();
        let second = resets::offer(store, &user, at(60)).await.unwrap().unwrap();
        assert!(resets::offer(store, &user, at(61)).await.unwrap().is_some());
        assert_eq!(resets::offer(store, &user, at(62)).await.unwrap(), None, "three are enough");
        let whose = async |token: &str, at| resets::whose(store, token, at).await.unwrap();
        assert_eq!(whose(&first, at(60)).await.map(|u| u.id), Some(user.id));
        assert_eq!(whose(&first, at(30 * 60)).await, None, "too old");
        assert_eq!(whose("garbage", at(60)).await, None);
        let foreign = second.replacen(|c: char| c.is_ascii_hexdigit(), "0", 32);
        assert_eq!(whose(&foreign, at(60)).await, None, "of no tenant");

        let hash = hash_password("another staple".into()).await;
        assert!(resets::redeem(store, &second, &user, &hash, at(90)).await.unwrap());
        for token in [&first, &second] {
            assert_eq!(whose(token, at(91)).await, None);
            assert!(!resets::redeem(store, token, &user, &hash, at(91)).await.unwrap());
        }
        let over = sessions::refresh(store, &refresh, at(91)).await;
        assert!(matches!(over, Err(SessionError::Over)));
        let old = attempt(EMAIL, PASSWORD, "10.0.0.1");
        assert!(matches!(authenticate(store, &old, at(91)).await, Err(SignInError::Refused)));
        let new = attempt(EMAIL, "another staple", "10.0.0.1");
        assert!(authenticate(store, &new, at(91)).await.is_ok());

        let late = resets::offer(store, &user, at(4000)).await.unwrap().unwrap();
        store.user_set_password(floor.tenant, user.id, &hash, at(4001)).await.unwrap();
        assert_eq!(whose(&late, at(4002)).await, None, "the password was changed meanwhile");
    })
    .await;
}

/// F03: asking is counted the same whether or not there is such a user.
#[tokio::test]
async fn asking_for_links_is_throttled_alike_for_everybody() {
    on_both(|bench| async move {
        let floor = Floor::build(&bench.store, "a", 1).await;
        with_password(&floor, EMAIL).await;
        let ask = async |email: &str, address: &str, after| {
            resets::ask(&bench.store, email, address, at(after)).await.unwrap()
        };
        for email in [EMAIL, "nobody@a.test"] {
            for n in 0..5 {
                assert_eq!(ask(email, "10.0.0.1", n).await, None, "{email} {n}");
            }
            assert!(ask(email, "10.0.0.1", 5).await.is_some(), "{email}");
            assert_eq!(ask(email, "10.0.0.2", 6).await, None, "{email} elsewhere");
        }
        let plain = attempt(EMAIL, PASSWORD, "10.0.0.1");
        assert!(authenticate(&bench.store, &plain, at(7)).await.is_ok(), "signing in is apart");
    })
    .await;
}
