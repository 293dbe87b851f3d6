//! Signed tokens: access (15 minutes) and recording links (5 minutes, one call, one user; F09).

use call::{CallId, TenantId, UserId};
use chrono::{DateTime, TimeDelta, Utc};
use crm::SessionId;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// How long an access token is good.
pub(crate) const ACCESS_LIFETIME: TimeDelta = TimeDelta::minutes(15);
/// How long a recording link is good.
pub(crate) const LINK_LIFETIME: TimeDelta = TimeDelta::minutes(5);

const ACCESS: &str = "telehub:access";
const RECORDING: &str = "telehub:recording";

/// What an access token says. Role and name are read from the store, never from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Access {
    pub(crate) sub: UserId,
    pub(crate) tid: TenantId,
    pub(crate) sid: SessionId,
    pub(crate) exp: i64,
}

/// What a recording link says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RecordingLink {
    pub(crate) sub: UserId,
    pub(crate) tid: TenantId,
    pub(crate) sid: SessionId,
    pub(crate) call: CallId,
    pub(crate) exp: i64,
}

#[derive(Serialize, Deserialize)]
struct For<T> {
    aud: String,
    #[serde(flatten)]
    claims: T,
}

/// The token is not ours, not for this, or expired.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("token is not valid")]
pub(crate) struct InvalidToken;

/// Signs and checks.
pub(crate) struct Tokens {
    encoding: EncodingKey,
    decoding: DecodingKey,
}

impl Tokens {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        Self { encoding: EncodingKey::from_secret(key), decoding: DecodingKey::from_secret(key) }
    }

    pub(crate) fn access(
        &self,
        tid: TenantId,
        sub: UserId,
        sid: SessionId,
        now: DateTime<Utc>,
    ) -> String {
        let exp = (now + ACCESS_LIFETIME).timestamp();
        self.sign(ACCESS, Access { sub, tid, sid, exp })
    }

    pub(crate) fn read_access(
        &self,
        token: &str,
        now: DateTime<Utc>,
    ) -> Result<Access, InvalidToken> {
        let claims: Access = self.read(ACCESS, token)?;
        if claims.exp <= now.timestamp() { Err(InvalidToken) } else { Ok(claims) }
    }

    pub(crate) fn recording(&self, link: RecordingLink) -> String {
        self.sign(RECORDING, link)
    }

    pub(crate) fn read_recording(
        &self,
        token: &str,
        now: DateTime<Utc>,
    ) -> Result<RecordingLink, InvalidToken> {
        let claims: RecordingLink = self.read(RECORDING, token)?;
        if claims.exp <= now.timestamp() { Err(InvalidToken) } else { Ok(claims) }
    }

    fn sign<T: Serialize>(&self, aud: &str, claims: T) -> String {
        let claims = For { aud: aud.to_owned(), claims };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.encoding)
            .expect("claims of our own types serialise")
    }

    /// Signature, algorithm and purpose; the caller checks the time against its own clock.
    fn read<T: DeserializeOwned + Clone>(&self, aud: &str, token: &str) -> Result<T, InvalidToken> {
        let mut rules = Validation::new(Algorithm::HS256);
        rules.set_audience(&[aud]);
        rules.set_required_spec_claims(&["exp", "aud"]);
        rules.validate_exp = false;
        jsonwebtoken::decode::<For<T>>(token, &self.decoding, &rules)
            .map(|data| data.claims.claims)
            .map_err(|_| InvalidToken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens() -> (Tokens, TenantId, UserId, SessionId) {
        (
            Tokens::new(&[7; 32]),
            TenantId::from_parts(1, &[1; 10]),
            UserId::from_parts(1, &[2; 10]),
            crm::fresh(),
        )
    }

    /// AUT-01
    #[test]
    fn an_access_token_is_good_for_fifteen_minutes_and_no_longer() {
        let (tokens, tid, sub, sid) = tokens();
        let now = Utc::now();
        let token = tokens.access(tid, sub, sid, now);
        let almost = now + ACCESS_LIFETIME - TimeDelta::seconds(2);
        assert_eq!(tokens.read_access(&token, almost).map(|a| a.sub), Ok(sub));
        assert_eq!(tokens.read_access(&token, now + ACCESS_LIFETIME), Err(InvalidToken));
    }

    #[test]
    fn a_recording_link_is_no_access_token_and_the_other_way_round() {
        let (tokens, tid, sub, sid) = tokens();
        let now = Utc::now();
        let call = CallId::from_parts(1, &[3; 10]);
        let exp = (now + LINK_LIFETIME).timestamp();
        let link = tokens.recording(RecordingLink { sub, tid, sid, call, exp });
        assert!(tokens.read_recording(&link, now).is_ok());
        assert_eq!(tokens.read_access(&link, now), Err(InvalidToken));
        let access = tokens.access(tid, sub, sid, now);
        assert_eq!(tokens.read_recording(&access, now), Err(InvalidToken));
    }

    #[test]
    fn a_token_of_another_key_or_without_a_signature_is_refused() {
        let (tokens, tid, sub, sid) = tokens();
        let now = Utc::now();
        let foreign = Tokens::new(&[8; 32]).access(tid, sub, sid, now);
        assert_eq!(tokens.read_access(&foreign, now), Err(InvalidToken));
        let token = tokens.access(tid, sub, sid, now);
        let body = token.split('.').nth(1).unwrap();
        let unsigned = format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{body}.");
        assert_eq!(tokens.read_access(&unsigned, now), Err(InvalidToken));
    }
}
